"""What a network computes, as a sha256: its weights, settings and code, so that no other network's results are taken for its own."""

import functools
import hashlib
import logging
import re
import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import PurePath

import numpy as np
import torch
from torch import nn

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), slice, range, torch.dtype, torch.device, torch.layout)
_PLAIN += (torch.memory_format, np.generic, np.dtype, np.ufunc, re.Pattern, PurePath, Enum, logging.Logger)
_CODE = (types.FunctionType, staticmethod, classmethod, property, functools.partial, type)
_SETTINGS = (*_PLAIN, list, tuple, dict, set, frozenset, torch.Tensor, np.ndarray, nn.Module)
_OF_TORCH = {"_parameters", "_buffers", "_modules", "_non_persistent_buffers_set", "training"}
_HOOKS = re.compile("_.*hooks(_.*)?")
_MADE, _FIXED = 1 << 9, 1 << 8  # flags of classes: made while Python runs, and not to be changed, as those written in C
_POINTER = object.__basicsize__ // 2
KEPT = "_kept_from_a_run"
"""The attribute of a tensor that a network made in a run and keeps, which is no part of its content."""
_DEEPEST = 60
"""So many values are looked through, one in another, at most."""


def weights_hash(model: nn.Module) -> str:
    """The sha256 of every number in a network, with its name: its parameters and buffers."""
    named = sorted([*model.named_parameters(), *model.named_buffers()], key=lambda pair: pair[0])
    return _joined(part for name, tensor in named for part in (name, *_of_tensor(tensor))).hex()


def model_hash(model: nn.Module) -> str | None:
    """The sha256 of a network's content: its weights, the settings and objects that its modules hold, and the code that is not of an
    installed package. None where something in it has no content that can be told, such as a random generator or a file.

    What a module keeps from a run (a tensor that was computed) does not count, nor whether it is in training mode.
    """
    content = _Content(model)
    try:
        return _joined((weights_hash(model), *map(content.of_module, model.modules()))).hex()
    except _NotKnownError:
        return None


def _joined(parts: Iterable[bytes | str]) -> bytes:
    """One sha256 of several parts, whose borders count."""
    digest = hashlib.sha256()
    for part in parts:
        part = part.encode(errors="surrogatepass") if isinstance(part, str) else part
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()


def _of_tensor(tensor: torch.Tensor) -> Iterator[bytes | str]:
    plain = tensor.detach().cpu().contiguous()
    yield f"{plain.dtype} {tuple(plain.shape)}"
    yield plain.reshape(-1).view(torch.uint8).numpy().tobytes()


class _NotKnownError(Exception):
    """Something has no content that can be told."""


class _Content:
    """The content of modules and of what they hold; each object is looked at once."""

    def __init__(self, model: nn.Module):
        self.names = {id(module): name for name, module in model.named_modules()}
        self.known: dict[int, tuple[object, bytes]] = {}  # the object is kept, so that no other gets its id
        self.within: list[int] = []

    def of_module(self, module: nn.Module) -> bytes:
        """A module of the network but for its weights: its class, the modules in it by name, its hooks and whatever else it holds."""
        own = _package(type(module)) == "stavis"
        parts = [self.of(type(module)), repr([(name, self.names.get(id(part))) for name, part in module._modules.items()])]
        for name, value in sorted(vars(module).items()):
            if _HOOKS.fullmatch(name):
                hooks = value.values() if isinstance(value, Mapping) else ()
                parts += [part for hook in hooks if _package(hook) != "stavis" for part in (name, self.of(hook))]
            elif name not in _OF_TORCH and not (own and name.startswith("_")):
                parts += [name, self.of(value)]
        return _joined(parts)

    def of(self, value: object) -> bytes:
        """A value. Raises _NotKnownError where it has no content that can be told."""
        if isinstance(value, _PLAIN) or type(value) is object:
            return _joined((type(value).__qualname__, "" if type(value) is object else repr(value)))
        if id(value) in self.known:
            return self.known[id(value)][1]
        if id(value) in self.within:
            return _joined(("within", str(len(self.within) - self.within.index(id(value)))))
        if len(self.within) > _DEEPEST:
            raise _NotKnownError
        self.within.append(id(value))
        digest = _joined((type(value).__module__, type(value).__qualname__, *self._parts(value)))
        self.within.pop()
        self.known[id(value)] = (value, digest)
        return digest

    def _parts(self, value) -> Iterator[bytes | str]:
        match value:
            case torch.Tensor():
                if not (value.is_inference() or value.grad_fn is not None or hasattr(value, KEPT)):  # else a run has left it
                    yield from _of_tensor(value)
            case np.ndarray() if not value.dtype.hasobject:
                yield f"{value.dtype} {value.shape}"
                yield np.ascontiguousarray(value).tobytes()
            case nn.Module():
                yield from self._of_held(value)
            case type():
                yield from self._of_class(value)
            case types.FunctionType():
                yield from self._of_function(value)
            case types.BuiltinFunctionType() | types.MethodDescriptorType():
                held = getattr(value, "__self__", None)
                yield value.__qualname__
                yield self.of(held) if not isinstance(held, types.ModuleType | type) else ""
            case types.ModuleType():
                yield f"{value.__name__} {getattr(value, '__version__', '')}"
            case functools.partial():
                yield from map(self.of, (value.func, value.args, value.keywords))
            case types.MethodType():
                yield from map(self.of, (value.__func__, value.__self__))
            case staticmethod() | classmethod():
                yield self.of(value.__func__)
            case property():
                yield from map(self.of, (value.fget, value.fset))
            case Mapping():
                yield from (self.of(part) for pair in value.items() for part in pair)
            case list() | tuple():
                yield from map(self.of, value)
            case set() | frozenset():
                yield from sorted(map(self.of, value))
            case _:
                yield from self._of_instance(value)

    def _of_held(self, module: nn.Module) -> Iterator[bytes | str]:
        """A module that a value holds: its name where it is one of the network's, else all of it."""
        if id(module) in self.names:
            yield self.names[id(module)]
            return
        for name, part in module.named_modules():
            yield name
            yield self.of_module(part)
        yield weights_hash(module)

    def _of_instance(self, value: object) -> Iterator[bytes | str]:
        slots = {name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ()) if hasattr(value, name)}
        if not (slots or hasattr(value, "__dict__")) or any(map(_hides, type(value).__mro__[:-1])):
            raise _NotKnownError
        yield self.of(type(value))
        for name, held in sorted({**{name: getattr(value, name) for name in slots}, **getattr(value, "__dict__", {})}.items()):
            yield name
            yield self.of(held)

    def _of_class(self, kind: type) -> Iterator[bytes | str]:
        """A class: its name, and of those that are of no installed package their code and their settings."""
        for one in kind.__mro__:
            yield f"{one.__module__}.{one.__qualname__}"
            for name, value in () if _is_installed(one) else vars(one).items():
                if isinstance(value, _CODE) or (isinstance(value, _SETTINGS) and not name.startswith("__")):
                    yield name
                    yield self.of(value)

    def _of_function(self, function: types.FunctionType) -> Iterator[bytes | str]:
        """A function: its name, and where it is of no installed package its code, its defaults and what it finds outside itself."""
        if _is_installed(function):
            yield f"{function.__module__}.{function.__qualname__}"
            return
        codes = list(_codes(function.__code__))
        for code in codes:
            yield code.co_code
            yield repr([code.co_names, code.co_varnames, code.co_freevars])
            yield from (self.of(one) for one in code.co_consts if not isinstance(one, types.CodeType))
        yield from map(self.of, (function.__defaults__, function.__kwdefaults__))
        for cell in function.__closure__ or ():
            with_value = cell != types.CellType()  # an empty one raises where it is asked
            yield self.of(cell.cell_contents) if with_value else ""
        names = sorted({name for code in codes for name in code.co_names})
        yield from self._of_names(names, function.__globals__, set())

    def _of_names(self, names: list[str], found: Mapping, through: set[str]) -> Iterator[bytes | str]:
        """What names mean in a module's variables; in a module that is of no installed package, what they mean there, too."""
        for name in names:
            if name in found:
                value = found[name]
                yield name
                yield self.of(value)
                own = isinstance(value, types.ModuleType) and not _package_is_installed(value.__name__.partition(".")[0])
                if own and value.__name__ not in through:
                    yield from self._of_names(names, vars(value), through | {value.__name__})


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code of a function and of those that it defines."""
    yield code
    for one in code.co_consts:
        if isinstance(one, types.CodeType):
            yield from _codes(one)


def _package(value: object) -> str:
    """The package that a class or function is from."""
    return str(getattr(value, "__module__", None) or "").partition(".")[0]


def _hides(kind: type) -> bool:
    """Whether objects of a class may hold more than their attributes and slots say: it is written in C, as files and iterators are."""
    slots = vars(kind).get("__slots__", ())
    told = (1 if isinstance(slots, str) else len(slots)) + 2  # and the pointers to its attributes and to weak references
    larger = kind.__basicsize__ - kind.__base__.__basicsize__
    return not kind.__flags__ & _MADE or bool(kind.__flags__ & _FIXED) or larger > told * _POINTER


def _is_installed(value: object) -> bool:
    return _package_is_installed(_package(value))


@functools.cache
def _package_is_installed(package: str) -> bool:
    """Whether a package is stavis, of Python, or was installed: its code goes by its name, for nobody changes it while working."""
    if package == "stavis" or package in sys.builtin_module_names:
        return True
    module = sys.modules.get(package)
    where = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), None)
    if package == "__main__" or where is None:
        return False
    return bool({"site-packages", "dist-packages"} & set(PurePath(where).parts)) or where.startswith(sysconfig.get_path("stdlib"))
