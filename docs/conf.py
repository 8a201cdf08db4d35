"""Settings of the documentation: `python -m sphinx -W -b html docs docs/_build/html` builds all of it, offline.

The lessons are executed, the live pages made of synthetic faces and the shipped network, links inside checked; what fails stops the build.
"""

import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

_PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = "stavis"
author = copyright = "The stavis authors"
release = version = _PROJECT["version"]
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "building.commands",
    "building.downloads",
    "building.live",
    "building.links",
    "building.members",
]
exclude_patterns = ["_build", "building", "**/.ipynb_checkpoints"]
templates_path = ["templates"]

myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 4
nitpicky = False

nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_timeout = 900  # the study makes twenty pages
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_output_stderr = "remove"
nb_merge_streams = True
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),
    ("html", "application/vnd.plotly.v1+json", None),
]

autosummary_generate = True
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "inherited-members": True}
maximum_signature_line_length = 90
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "furo"
html_title = "stavis"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["scrolling.js"]
html_copy_source = False
html_show_sourcelink = False
pygments_style = "default"
pygments_dark_style = "github-dark"
html_theme_options = {"navigation_with_keys": False, "top_of_page_buttons": []}
