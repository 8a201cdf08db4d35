"""The notebook of a study: where it is, which parameters it has, whether the given ones fit, what its content is."""

import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from nbformat import ValidationError

from stavis.batch.parameters import Parameter, Scalar, checked, parameters_of
from stavis.batch.shipped import notebook_folder, shipped_notebooks
from stavis.errors import StavisError, nearest
from stavis.logs import quiet_loggers
from stavis.printable import ShortRepr
from stavis.storage.files import content_hash


@dataclass(frozen=True, repr=False)
class Notebook(ShortRepr):
    """A notebook that can be run: path, its cells, its parameters by name."""

    path: Path
    node: nbformat.NotebookNode
    parameters: dict[str, Parameter]
    _shown = ("path", "parameters")

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
        """The value as the notebook's parameter wants it: its annotation, else the type of its default, decides what a typed text is.

        Raises StavisError where there is no such parameter or the value does not fit it.
        """
        return checked(self.parameters, name, value, self.path.name)


def open_notebook(name: str, base_dir: Path) -> Notebook:
    """The notebook called `name`: one that comes with stavis, or a path relative to the folder `beside`.

    Raises StavisError where it cannot be found or read, or its kernel is not installed.
    """
    shipped = notebook_folder() / f"{name}.ipynb"
    path = shipped if "/" not in name and shipped.is_file() else (base_dir / Path(name).expanduser()).resolve()
    if not path.is_file():
        near = nearest(name, shipped_notebooks()) if "/" not in name else None
        remedy = f"did you mean {near}?" if near else "give the path of an .ipynb file, or a name such as explore."
        raise StavisError(f"notebook {name!r} is not there ({path}): {remedy}")
    try:
        with warnings.catch_warnings(), quiet_loggers("papermill", level=logging.CRITICAL):
            warnings.simplefilter("ignore")
            node = nbformat.read(path, as_version=4)
            node.metadata.setdefault("kernelspec", {"name": "python3", "display_name": "Python 3", "language": "python"})
            found = papermill.inspect_notebook(node)
    except (OSError, ValueError, KeyError, AttributeError, ValidationError, papermill.exceptions.PapermillException) as error:
        raise StavisError(f"{path} cannot be read as a notebook ({type(error).__name__}): give an .ipynb file.") from error
    notebook = Notebook(path, node, parameters_of(node, found))
    if notebook.kernel not in KernelSpecManager().find_kernel_specs():
        raise StavisError(
            f"{path} wants the kernel {notebook.kernel!r}, which is not installed: install it or choose another in the notebook."
        )
    return notebook
