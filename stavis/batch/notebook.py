"""The notebook of a study: where it is, which parameters it has, whether the given ones fit, what its content is."""

import ast
import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from nbformat import ValidationError

from stavis.batch.task import Scalar
from stavis.errors import StavisError
from stavis.jobs.notebooks import notebook_folder
from stavis.logs import quiet_loggers
from stavis.storage.files import content_hash

_UNKNOWN = object()


@dataclass(frozen=True)
class Notebook:
    """A notebook that can be run: path, its cells, defaults (parameter -> its literal, or an object where it is no literal)."""

    path: Path
    node: nbformat.NotebookNode
    defaults: dict[str, object]

    @property
    def hash(self) -> str:
        """The sha256 of what is executed: the cells and the kernel; outputs and saved metadata do not count."""
        cells = [(cell.cell_type, cell.source, sorted(cell.metadata.get("tags", []))) for cell in self.node.cells]
        return content_hash(json.dumps([cells, self.kernel], ensure_ascii=False))

    @property
    def kernel(self) -> str:
        """The name of its kernel."""
        return self.node.metadata.get("kernelspec", {}).get("name", "python3")

    def checked(self, name: str, value: Scalar) -> Scalar:
        """The value as the notebook's parameter wants it.

        Raises StavisError where there is no such parameter or the value is of another kind than the default.
        """
        if name not in self.defaults:
            known = ", ".join(self.defaults) or "none: tag a cell `parameters`"
            raise StavisError(f"{self.path.name} has no parameter {name!r} (it has {known}): choose one of these.")
        default = self.defaults[name]
        if default is _UNKNOWN or default is None or value is None:
            return value
        if isinstance(default, float) and not isinstance(value, bool):
            try:
                return float(value)
            except ValueError:
                pass
        if type(value) is not type(default) and isinstance(default, bool | int | float | str):
            kind = {bool: "true or false", int: "a whole number", float: "a number", str: "text (in quotes)"}[type(default)]
            raise StavisError(f"parameter {name!r} of {self.path.name} is {value!r}, expected {kind}.")
        return value


def open_notebook(name: str, beside: Path) -> Notebook:
    """The notebook called `name`: one that comes with stavis, or a path relative to the folder `beside`.

    Raises StavisError where it cannot be found or read, or its kernel is not installed.
    """
    shipped = notebook_folder() / f"{name}.ipynb"
    path = shipped if "/" not in name and shipped.is_file() else (beside / Path(name).expanduser()).resolve()
    if not path.is_file():
        raise StavisError(f"notebook {name!r} is not there ({path}): give the path of an .ipynb file, or a name such as explore.")
    try:
        with warnings.catch_warnings(), quiet_loggers("papermill", level=logging.CRITICAL):
            warnings.simplefilter("ignore")
            node = nbformat.read(path, as_version=4)
            node.metadata.setdefault("kernelspec", {"name": "python3", "display_name": "Python 3", "language": "python"})
            found = papermill.inspect_notebook(node)
    except (OSError, ValueError, KeyError, AttributeError, ValidationError, papermill.exceptions.PapermillException) as error:
        raise StavisError(f"{path} cannot be read as a notebook ({type(error).__name__}): give an .ipynb file.") from error
    notebook = Notebook(path, node, {name: _literal(parameter["default"]) for name, parameter in found.items()})
    if notebook.kernel not in KernelSpecManager().find_kernel_specs():
        raise StavisError(
            f"{path} wants the kernel {notebook.kernel!r}, which is not installed: install it or choose another in the notebook."
        )
    return notebook


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return _UNKNOWN
