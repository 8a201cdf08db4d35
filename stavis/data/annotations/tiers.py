"""A named tier: spans and points that do not overlap, each with a label."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from stavis.errors import StavisError
from stavis.printable import ShortRepr
from stavis.timeline import CLOCK_TOLERANCE

SAME_TIME = CLOCK_TOLERANCE + 1e-9
"""Times at most this far (s) apart are one: ELAN rounds to whole milliseconds, and two of these differ by that and a float's error."""


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
            if after.start < before.end - SAME_TIME or (before.is_point and after == before):
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

        Both ends reach as far as a clock is trusted (1 ms), so that a file that rounds them holds the same frames. A frame on which one
        span ends and the next begins belongs to the next: no frame is counted twice.
        """
        times = np.asarray(times, float)
        found = []
        for k, span in enumerate(self.spans):
            if span.is_point:
                found.append(np.array([int(np.nanargmin(np.abs(times - span.start)))]) if len(times) else np.zeros(0, int))
                continue
            inside = (times >= span.start - CLOCK_TOLERANCE) & (times <= span.end + CLOCK_TOLERANCE)
            if k + 1 < len(self.spans):
                inside &= times < self.spans[k + 1].start - CLOCK_TOLERANCE
            found.append(np.flatnonzero(inside))
        return found


def check_names(tiers: Iterable[Tier]) -> None:
    """Raises StavisError where two tiers have one name."""
    names = [tier.name for tier in tiers]
    for name in names:
        if names.count(name) > 1:
            raise StavisError(f"two tiers are called {name!r}: give one of them another name.")
