"""Names of a package that are loaded when they are first used, as its stub `__init__.pyi` lists them."""

import sys
from types import ModuleType

import lazy_loader as lazy


class _Package(ModuleType):
    """A package in which a listed function keeps its name although a module of that name lies beside it.

    Importing a submodule sets it as an attribute of its package: without this, `jobs.evaluate` would be a function or a module,
    depending on what was imported before.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, ModuleType) and name in self.__dict__.get("__all__", ())):
            super().__setattr__(name, value)


def attach_stub(package: str, file: str):
    """The `__getattr__`, `__dir__` and `__all__` of a package whose `__init__.pyi` lists its names."""
    sys.modules[package].__class__ = _Package
    return lazy.attach_stub(package, file)
