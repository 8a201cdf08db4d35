"""Progress bars for long work, in a terminal or a notebook, on stderr."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm.auto import tqdm


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
    shown: dict[str, tqdm] = {}

    def progress(stage: str, done: int, total: int) -> None:
        if stage not in shown:
            for earlier in shown.values():
                earlier.close()
            shown[stage] = tqdm(desc=stage, dynamic_ncols=True)
        shown[stage].total = total
        shown[stage].update(done - shown[stage].n)

    try:
        yield progress
    finally:
        for each in shown.values():
            each.close()
