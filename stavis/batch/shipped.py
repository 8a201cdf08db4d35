"""The notebooks and the specs of reports that come with the package: where they lie and what they are called."""

import shutil
from importlib.resources import files
from pathlib import Path

from stavis.errors import StavisError
from stavis.storage.files import atomic_file

_PACKAGE = Path(str(files("stavis")))


def notebook_folder() -> Path:
    """Where the notebooks are that come with the package.

    Raises StavisError where the installed package lacks them.
    """
    return _folder("notebooks", "*.ipynb")


def shipped_notebooks() -> list[str]:
    """The names by which the shipped notebooks can be run."""
    return sorted(path.stem for path in notebook_folder().glob("*.ipynb"))


def shipped_specs() -> dict[str, Path]:
    """The specs of reports that come with the package, by the names by which they can be run.

    Raises StavisError where the installed package lacks them.
    """
    return {path.stem: path for path in sorted(_folder("reports", "*.yaml").glob("*.yaml"))}


def copy_notebooks(folder: str | Path) -> Path:
    """Copy the shipped notebooks into a folder, keeping those that are there already; returns the folder.

    Raises StavisError where the installed package lacks them or the folder cannot be written.
    """
    folder, source = Path(folder), notebook_folder()
    for notebook in sorted(source.glob("*.ipynb")):
        if not (folder / notebook.name).exists():
            with atomic_file(folder / notebook.name) as temporary:
                shutil.copyfile(notebook, temporary)
    return folder


def _folder(name: str, pattern: str) -> Path:
    """A folder in the installed package; in a checkout, which installs nothing, it lies beside the package."""
    checkout = _PACKAGE.parent if (_PACKAGE.parent / "pyproject.toml").is_file() else _PACKAGE
    for folder in (_PACKAGE / name, checkout / name):
        if any(folder.glob(pattern)):
            return folder
    raise StavisError(f"the {name} are not part of this installation ({_PACKAGE}): install stavis again.")
