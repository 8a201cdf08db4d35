"""When a predicted value changes its level: the few times that cut a line into pieces of one level each."""

import itertools
from dataclasses import dataclass

import numpy as np

MOST_STEPS = 2
EXPLAINED = 0.6
"""The least fraction of the variance that the levels must explain, so that a line without steps has none."""
_BINS = 240
_SHORTEST = 0.5
"""The least seconds of a level."""


@dataclass(frozen=True)
class ValueStep:
    """Frame `frame` is the first of a new level; before and after are the means of the levels on its two sides."""

    frame: int
    before: float
    after: float


def value_steps(times: np.ndarray, values: np.ndarray, least: float) -> list[ValueStep]:
    """The changes of level of a line (T,), at most two and each of at least `least`; NaN is left out. None where levels do not fit it."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 4 or not np.ptp(values[known]) >= least > 0:
        return []
    line, at = np.asarray(values, float)[known], np.asarray(times, float)[known]
    whole = float(((line - line.mean()) ** 2).sum())
    for count in range(1, MOST_STEPS + 1):
        edges = _refined(line, at, _cut(line, at, count))
        levels = [line[a:b].mean() for a, b in itertools.pairwise(edges)]
        error = sum(float(((line[a:b] - m) ** 2).sum()) for a, b, m in zip(edges, edges[1:], levels, strict=False))
        if len(levels) == count + 1 and error <= (1 - EXPLAINED) * whole and (np.abs(np.diff(levels)) >= least).all():
            return [
                ValueStep(int(known[edge]), float(low), float(high))
                for edge, low, high in zip(edges[1:-1], levels, levels[1:], strict=False)
            ]
    return []


def _cut(line: np.ndarray, at: np.ndarray, count: int) -> list[int]:
    """The edges of count + 1 pieces with the least squared error, on a grid of at most 240 bins; fewer where they would be too short."""
    bins = np.unique(np.linspace(0, len(line), min(_BINS, len(line)) + 1).astype(int))
    sums, squares = (np.concatenate([[0.0], np.cumsum(values)])[bins] for values in (line, line**2))
    seconds = np.append(at, 2 * at[-1] - at[-2])[bins]

    def errors(start: int, stops: np.ndarray) -> np.ndarray:
        error = squares[stops] - squares[start] - (sums[stops] - sums[start]) ** 2 / (bins[stops] - bins[start])
        return np.where(seconds[stops] - seconds[start] >= _SHORTEST, error, np.inf)

    last = len(bins) - 1
    best = np.full((count + 1, len(bins)), np.inf)
    back = np.zeros((count + 1, len(bins)), int)
    best[0, 1:] = errors(0, np.arange(1, len(bins)))
    for piece in range(1, count + 1):
        for start in range(piece, last):
            stops = np.arange(start + 1, len(bins))
            error = best[piece - 1, start] + errors(start, stops)
            better = error < best[piece, stops]
            best[piece, stops[better]], back[piece, stops[better]] = error[better], start
    edges = [last]
    for piece in range(count, 0, -1):
        edges.append(int(back[piece, edges[-1]]))
    return sorted({0, *(int(bins[edge]) for edge in edges)})


def _refined(line: np.ndarray, at: np.ndarray, edges: list[int]) -> list[int]:
    """Each inner edge moved to the frame nearby that fits best."""
    reach = len(line) // _BINS + 1
    edges = list(edges)
    for k in range(1, len(edges) - 1):
        start, stop = edges[k - 1], edges[k + 1]
        tried = range(max(start + 1, edges[k] - reach), min(stop, edges[k] + reach + 1))
        edges[k] = min(tried, key=lambda edge: line[start:edge].var() * (edge - start) + line[edge:stop].var() * (stop - edge))
    return edges
