"""A name that a package offers is the function, whatever was imported before."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "script",
    [
        "import stavis.jobs.evaluate; from stavis import jobs; assert callable(jobs.evaluate)",
        "from stavis import jobs; assert callable(jobs.evaluate); import stavis.jobs.evaluate; assert callable(jobs.evaluate)",
        "import stavis.bench.bench; import stavis; assert callable(stavis.bench) and callable(stavis.bench)",
        "from stavis.jobs.evaluate import RunEvaluation; from stavis import jobs; assert jobs.evaluate.__name__ == 'evaluate'",
    ],
)
def test_a_function_is_not_hidden_by_the_module_of_its_name(script):
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr


def test_a_submodule_that_is_no_name_stays_reachable():
    import stavis.models.systems

    assert stavis.models.systems.SYSTEMS
