"""Which part of the image leads a map, and when: segments of a recording in which the same part has the highest density."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stavis.printable import ShortRepr

STANDS_OUT = 1.5
"""The least mean density of a part that leads: an even spread has 1."""
TIED = 0.9
"""Parts whose density is at least this fraction of the highest lead with it."""
_SWITCH = 0.5
"""What a change of the lead costs, in seconds of a map that is e times as dense elsewhere: shorter changes are not told."""
SHORTEST = 0.5
"""The least seconds of valid frames in a segment."""
_RANGE = (0.1, 50.0)
"""Densities beyond these count as these, so that one frame cannot decide a segment."""


@dataclass(frozen=True, repr=False)
class LeadSegment(ShortRepr):
    """Frames `start` to `stop` (not included) in which the same parts lead; `parts` is empty where none stands out.

    parts: the densest first, then those tied with it; share in [0,1] and density of the densest part, means over the valid frames of
    the segment; most, most_share: the part with the largest share there; seconds: how long its valid frames last.
    """

    start: int
    stop: int
    parts: tuple[int, ...]
    share: float
    density: float
    most: int
    most_share: float
    seconds: float


def frame_seconds(times: np.ndarray) -> np.ndarray:
    """How long each frame lasts: (T,) s; the last as long as the usual one."""
    steps = np.diff(np.asarray(times, float))
    return np.append(steps, np.median(steps) if len(steps) else 0.04)


def lead_segments(times: np.ndarray, shares: np.ndarray, densities: np.ndarray, can_lead: Sequence[bool]) -> list[LeadSegment]:
    """The segments, in order, that cover all frames; from the shares and densities (T,P) of each part, NaN in frames that do not count.

    can_lead (P,) says which parts may lead: the background may not, but it may hold the largest share. No segment where no frame counts.
    """
    counts = np.isfinite(densities).any(1)
    if not counts.any():
        return []
    seconds = np.where(counts, frame_seconds(times), 0.0)
    allowed = np.where(np.asarray(can_lead, bool), np.nan_to_num(densities), 0.0)
    edges = _edges(_best_labels(allowed, seconds))
    edges = _lasting(edges, seconds)
    while True:
        found = [_described(a, b, shares, allowed, seconds) for a, b in itertools.pairwise(edges)]
        kept = [edges[0]] + [b.start for a, b in itertools.pairwise(found) if a.parts[:1] != b.parts[:1]] + [edges[-1]]
        if kept == edges:
            return found
        edges = kept


def _best_labels(densities: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """The part that leads in each frame (P: none), so that the log densities summed over time, less what changes cost, are largest."""
    scores = np.column_stack([np.log(np.clip(densities, *_RANGE)), np.full(len(densities), np.log(STANDS_OUT))]) * seconds[:, None]
    total, before = scores[0], np.zeros(scores.shape, np.int64)
    stay = np.arange(scores.shape[1])
    for t in range(1, len(scores)):
        best = int(total.argmax())
        changes = total < total[best] - _SWITCH
        before[t] = np.where(changes, best, stay)
        total = np.where(changes, total[best] - _SWITCH, total) + scores[t]
    labels = np.empty(len(scores), np.int64)
    labels[-1] = total.argmax()
    for t in range(len(scores) - 1, 0, -1):
        labels[t - 1] = before[t, labels[t]]
    return labels


def _edges(labels: np.ndarray) -> list[int]:
    return [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]


def _lasting(edges: list[int], seconds: np.ndarray) -> list[int]:
    """The edges without those of segments that are too short to be told: each is joined to the one before it, the first to the next."""
    kept = [edges[0]]
    for start, stop in itertools.pairwise(edges):
        if start != kept[-1] and seconds[start:stop].sum() >= SHORTEST and seconds[kept[-1] : start].sum() >= SHORTEST:
            kept.append(start)
    return [*kept, edges[-1]]


def _described(start: int, stop: int, shares: np.ndarray, densities: np.ndarray, seconds: np.ndarray) -> LeadSegment:
    """What is true of these frames: the part with the highest mean density in them, and those tied with it."""
    valid = seconds[start:stop] > 0
    if not valid.any():
        return LeadSegment(start, stop, (), float("nan"), float("nan"), -1, float("nan"), 0.0)
    share, density = (np.nan_to_num(values[start:stop][valid]).mean(0) for values in (shares, densities))
    order = np.argsort(-density, kind="stable")
    top = density[order[0]]
    parts = tuple(int(k) for k in order if density[k] >= TIED * top) if top >= STANDS_OUT else ()
    most = int(share.argmax())
    lasted = float(seconds[start:stop].sum())
    return LeadSegment(start, stop, parts, float(share[order[0]]), float(top), most, float(share[most]), lasted)
