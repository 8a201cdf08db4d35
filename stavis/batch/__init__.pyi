from .index import pages_csp as pages_csp
from .shipped import copy_notebooks as copy_notebooks
from .study import plan_study as plan_study
from .study import run_study as run_study
