"""A network made by a function of the user's own, named by its import path: "my_package.my_module:make_network"."""

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn

from stavis.errors import StavisError

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_import_path(text: str) -> bool:
    """Whether a text is an import path and not a file or folder that exists."""
    return _PATH.fullmatch(text) is not None and not Path(text).exists()


def made_by(path: str):
    """What the function of this name returns: a torch module, or a network that `stavis.load` made.

    The module is imported as Python imports it, from the current folder first; nothing that came with data is run.

    Raises StavisError where it cannot be imported or makes no network.
    """
    module_name, _, name = path.partition(":")
    with _current_folder_first():
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            raise StavisError(
                f"{path}: {module_name} cannot be imported ({error}): run in the folder that holds it, or install it."
            ) from error
    found = getattr(module, name, None)
    if found is None:
        raise StavisError(f"{path}: {module_name} has no {name}: name a function without arguments that returns a network.")
    try:
        made = found() if callable(found) and not isinstance(found, nn.Module) else found
    except TypeError as error:
        raise StavisError(f"{path}: {name} cannot be called without arguments ({error}): name a function that takes none.") from error
    if not isinstance(made, nn.Module) and not hasattr(made, "read_crops"):
        raise StavisError(f"{path} gives a {type(made).__name__}: return a torch module, or what stavis.load makes of one.")
    return made


@contextmanager
def _current_folder_first() -> Iterator[None]:
    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    try:
        yield
    finally:
        sys.path[:] = before
