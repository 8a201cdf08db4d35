"""A named tier: spans and points that do not overlap, each with a label."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stavis.errors import StavisError
from stavis.printable import ShortRepr

_NEAR = 1e-9


@dataclass(frozen=True, order=True, repr=False)
class Span(ShortRepr):
    """A labelled segment from `start` to `end` in seconds, both ends within it; a point where both are the same."""

    start: float
    end: float
    label: str = ""

    @property
    def is_point(self) -> bool:
        """Whether it has no length."""
        return self.end <= self.start


@dataclass(frozen=True, repr=False)
class Tier(ShortRepr):
    """A name, its spans and points in order of time, and the labels that are offered for them.

    Raises StavisError where the name is empty, a time is not a number of seconds, a span ends before it starts, or two overlap.
    """

    name: str
    spans: tuple[Span, ...] = ()
    labels: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.name.strip():
            raise StavisError("a tier has no name: give it one.")
        for span in self.spans:
            if not (np.isfinite(span.start) and np.isfinite(span.end)):
                raise StavisError(f"the tier {self.name!r} holds {span.label!r} without a time: give start and end in seconds.")
            if span.end < span.start:
                raise StavisError(
                    f"the tier {self.name!r}: {span.label!r} ends at {span.end:g} s before it starts at {span.start:g} s: correct it."
                )
        ordered = tuple(sorted(self.spans))
        for before, after in pairwise(ordered):
            if after.start < before.end - _NEAR or (before.is_point and after == before):
                raise StavisError(
                    f"the tier {self.name!r}: {before.label!r} ({before.start:g} to {before.end:g} s) and {after.label!r} (from "
                    f"{after.start:g} s) overlap: put one of them on a tier of its own."
                )
        object.__setattr__(self, "spans", ordered)

    @property
    def choices(self) -> tuple[str, ...]:
        """The labels that are offered, then the further ones that are in use."""
        used = (span.label for span in self.spans if span.label)
        return tuple(dict.fromkeys((*self.labels, *used)))

    def members(self, times: np.ndarray) -> list[np.ndarray]:
        """Of each span the frames (indices into `times` (T,) s) that it holds; of a point the nearest frame.

        A frame on which one span ends and the next begins belongs to the next: no frame is counted twice.
        """
        times = np.asarray(times, float)
        starts = [span.start for span in self.spans]
        found = []
        for k, span in enumerate(self.spans):
            if span.is_point:
                found.append(np.array([int(np.nanargmin(np.abs(times - span.start)))]) if len(times) else np.zeros(0, int))
                continue
            inside = (times >= span.start - _NEAR) & (times <= span.end + _NEAR)
            if any(start > span.start and abs(start - span.end) <= _NEAR for start in starts[k + 1 :]):
                inside &= times < span.end - _NEAR
            found.append(np.flatnonzero(inside))
        return found


def check_names(tiers: Iterable[Tier]) -> None:
    """Raises StavisError where two tiers have one name."""
    names = [tier.name for tier in tiers]
    for name in names:
        if names.count(name) > 1:
            raise StavisError(f"two tiers are called {name!r}: give one of them another name.")
