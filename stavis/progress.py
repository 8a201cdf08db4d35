"""Progress for long work, on stderr: bars in a terminal or a notebook, one line per stage where stderr is a file."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm

EVERY = 60.0
"""Seconds after which a stage that still runs says so in a file."""


@contextmanager
def bar(title: str, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """A callback (done, total) that moves a bar, which is there from its first call on; None where quiet."""
    with stages(quiet) as progress:
        yield None if progress is None else lambda done, total: progress(title, done, total)


@contextmanager
def stages(quiet: bool = False) -> Iterator[Callable[[str, int, int], None] | None]:
    """A callback (stage, done, total): one bar a stage, each closed when the next begins; None where quiet."""
    if quiet:
        yield None
        return
    shown: dict[str, tqdm | StageLine] = {}

    def progress(stage: str, done: int, total: int) -> None:
        if stage not in shown:
            for earlier in shown.values():
                earlier.close()
            shown[stage] = new_bar(stage)
        shown[stage].total = total
        shown[stage].update(done - shown[stage].n)

    try:
        yield progress
    finally:
        for each in shown.values():
            each.close()


def new_bar(title: str, total: int | None = None, done: int = 0, unit: str = "it") -> "tqdm | StageLine":
    """A bar with the time that remains; where stderr is no terminal and no notebook, what writes one line instead."""
    in_kernel = type(sys.stderr).__module__.startswith("ipykernel")
    if not in_kernel and not sys.stderr.isatty():
        return StageLine(title, total, done)
    return tqdm(desc=title, total=total, initial=done, unit=unit, dynamic_ncols=True)


class StageLine:
    """A stage as one line, written when it ends: what, how many of how many, how long. Every EVERY seconds before, how far it is."""

    def __init__(self, title: str, total: int | None = None, done: int = 0):
        self.title, self.total, self.n = title, total, done
        self._begun = self._written = time.monotonic()
        self._closed = False
        self._note = ""

    def update(self, count: int = 1) -> None:
        """So many more are done."""
        self.n += count
        if time.monotonic() - self._written > EVERY:
            self._write(f"{self._count()} after {time.monotonic() - self._begun:.0f} s")

    def set_postfix(self, refresh: bool = True, **values: object) -> None:
        """What the line says besides."""
        self._note = "".join(f", {name} {value}" for name, value in values.items())

    def close(self) -> None:
        """Write the line."""
        if not self._closed:
            self._closed = True
            self._write(f"{self._count()} in {time.monotonic() - self._begun:.1f} s{self._note}")

    def _count(self) -> str:
        return f"{self.n} of {self.total}" if self.total else str(self.n)

    def _write(self, text: str) -> None:
        self._written = time.monotonic()
        sys.stderr.write(f"{self.title}: {text}\n")
        sys.stderr.flush()

    def __enter__(self) -> "StageLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
