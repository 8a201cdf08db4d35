"""The folder of a bench: whether it may be one, and that one process at a time writes it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stavis.storage.locks import RUNNER_LOCK, only_runner


def taken(out: Path) -> bool:
    """Whether something else lies where a new bench is to be written; hidden files are no hindrance."""
    return out.exists() and (not out.is_dir() or any(not entry.name.startswith(".") for entry in out.iterdir()))


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Hold the folder of a bench for this process: two that train into one folder delete each other's files. A folder that is made for it
    goes again where nothing is written.

    Raises StavisError naming the other process where there is one, or where the folder cannot be written.
    """
    new = not out.exists()
    try:
        with only_runner(out):
            yield
    finally:
        if new and out.is_dir() and not taken(out):
            with suppress(OSError):
                (out / RUNNER_LOCK).unlink()
                out.rmdir()
