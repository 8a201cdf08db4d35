"""The notebooks that come with the package: where they lie and what they are called."""

import sys
from pathlib import Path

from stavis.errors import StavisError

_FOLDERS = (Path(__file__).parents[2] / "notebooks", Path(sys.prefix) / "share" / "stavis" / "notebooks")
"""Where they may lie: in its checkout, or where pip puts them."""


def notebook_folder() -> Path:
    """Where the notebooks are that come with the package.

    Raises StavisError where the installed package lacks them.
    """
    source = next((folder for folder in _FOLDERS if any(folder.glob("*.ipynb"))), None)
    if source is None:
        raise StavisError("the notebooks are not part of this installation: install stavis again, or take them from its repository.")
    return source


def shipped_notebooks() -> list[str]:
    """The names by which the shipped notebooks can be run."""
    return sorted(path.stem for path in notebook_folder().glob("*.ipynb"))
