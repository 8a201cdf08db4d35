"""Disks that fail: one call out of all, or everything above a size."""

import builtins
import io
import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

CALLS = ((os, "fsync"), (os, "replace"), (os, "chmod"), (tempfile, "mkstemp"), (tempfile, "mkdtemp"))
OPENERS = ((builtins, "open"), (io, "open"))


class Killed(BaseException):
    """What no `except Exception` holds up, as Ctrl-C is."""


@dataclass
class Calls:
    """How many of the watched calls there were."""

    count: int = 0


@contextmanager
def failing_call(number: int, error: BaseException, ever_after: bool = False) -> Iterator[Calls]:
    """The `number`th call of fsync, rename, chmod, mkstemp, mkdtemp or open-to-write fails (or it and all later ones)."""
    calls = Calls()

    def due() -> None:
        calls.count += 1
        if calls.count == number or (ever_after and calls.count > number):
            raise error

    def watched(function):
        def call(*args, **options):
            due()
            return function(*args, **options)

        return call

    def watched_open(function):
        def call(file, mode="r", *args, **options):
            if any(letter in mode for letter in "wax+"):
                due()
            return function(file, mode, *args, **options)

        return call

    patches = [mock.patch.object(home, name, watched(getattr(home, name))) for home, name in CALLS]
    patches += [mock.patch.object(home, name, watched_open(getattr(home, name))) for home, name in OPENERS]
    for patch in patches:
        patch.start()
    try:
        yield calls
    finally:
        for patch in reversed(patches):
            patch.stop()


@contextmanager
def full_disk(largest: int) -> Iterator[None]:
    """No file can grow above `largest` bytes, whoever writes it: Python, NumPy, or a library of Rust or C."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
