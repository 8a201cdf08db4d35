"""The notebooks that come with the package, as copies to work on."""

import shutil
import sys
from pathlib import Path

from stavis.errors import StavisError
from stavis.storage.files import atomic_file

_PLACES = (Path(__file__).parents[2] / "notebooks", Path(sys.prefix) / "share" / "stavis" / "notebooks")


def notebook_folder() -> Path:
    """Where the notebooks are that come with the package.

    Raises StavisError where the installed package lacks them.
    """
    source = next((place for place in _PLACES if any(place.glob("*.ipynb"))), None)
    if source is None:
        raise StavisError("the notebooks are not part of this installation: install stavis again, or take them from its repository.")
    return source


def copy_notebooks(folder: str | Path) -> Path:
    """Copy train, evaluate and explore into a folder, keeping those that are there already; returns the folder.

    Raises StavisError where the installed package lacks them or the folder cannot be written.
    """
    folder, source = Path(folder), notebook_folder()
    for notebook in sorted(source.glob("*.ipynb")):
        if not (folder / notebook.name).exists():
            with atomic_file(folder / notebook.name) as temporary:
                shutil.copyfile(notebook, temporary)
    return folder
