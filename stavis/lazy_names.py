"""Names of a package that are loaded when they are first used, as its stub `__init__.pyi` lists them."""

import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType

import lazy_loader as lazy

from stavis.errors import StavisError

EXTRAS = {
    "jupyterlab": "lab",
    "voila": "lab",
    "papermill": "batch",
    "nbconvert": "batch",
    "nbclient": "batch",
    "nbformat": "batch",
    "jupyter_client": "batch",
    "ipykernel": "batch",
    "dask": "batch",
    "distributed": "batch",
    "huggingface_hub": "hub",
    "numba": "heads",
}
"""Modules that only an extra brings, each with the extra that is enough for what needs it."""


class _Package(ModuleType):
    """A package in which a listed function keeps its name although a module of that name lies beside it.

    Importing a submodule sets it as an attribute of its package: without this, `jobs.evaluate` would be a function or a module,
    depending on what was imported before.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in self.__dict__.get("__all__", ())):
            super().__setattr__(name, value)


def attach_stub(package: str, file: str) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """The `__getattr__`, `__dir__` and `__all__` of a package whose `__init__.pyi` lists its names.

    A name whose module needs an extra that is not installed raises a StavisError that names the extra.
    """
    sys.modules[package].__class__ = _Package
    load, listed, names = lazy.attach_stub(package, file)

    def load_or_say(name: str) -> object:
        try:
            return load(name)
        except ModuleNotFoundError as error:
            top = (error.name or "").split(".")[0]
            if top not in EXTRAS:
                raise
            raise missing(top, f"{package}.{name}") from error

    return load_or_say, listed, names


def need(module: str, subject: str) -> None:
    """Raises StavisError, which names the extra to install, where a module of an extra is not installed."""
    if find_spec(module) is None:
        raise missing(module, subject)


def missing(module: str, subject: str) -> StavisError:
    """The error of something that needs a module of an extra that is not installed."""
    return StavisError(f"{subject} needs {module}, which is not installed: run pip install 'stavis[{EXTRAS[module]}]'.")
