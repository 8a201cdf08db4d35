"""Labels of several dimensions, each at times of its own, in one table: what one of them gives does not depend on the others."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stavis.data.datasets.gold import Ratings
from stavis.timeline import CLOCK_TOLERANCE, MAX_GAP, longest_gap, resample

_BESIDE = 1e-6  # s from the middle between a label and an invalid one, where the label ends


@dataclass(frozen=True)
class OneClock:
    """Columns on one clock: times (N,) s, rising; values by name, (N,K) each, NaN where it has none.

    own_rows: which of the times (N,) are those that a name was given at, empty where all were given at the same; max_gap: with which
    `resample` reads the table, None where its gaps are rows of NaN.
    """

    times: np.ndarray
    values: dict[str, np.ndarray]
    own_rows: dict[str, np.ndarray]
    max_gap: float | None


def on_one_clock(found: Mapping[str, tuple[np.ndarray, np.ndarray]], max_gap: float | None = MAX_GAP) -> OneClock:
    """Times (N,) s and values (N,K) by name, joined at the times of all: `resample` gives of each what it gives of that one alone.

    At times of the others a column is what it is there between its own rows. Where it ends, also at a gap, a row of NaN says so: the
    steps of the joined times no longer tell.
    """
    times = next(iter(found.values()))[0]
    if all(len(own) == len(times) and np.allclose(own, times, rtol=0, atol=CLOCK_TOLERANCE) for own, _ in found.values()):
        return OneClock(times, {name: values for name, (_, values) in found.items()}, {}, max_gap)
    clocks = np.concatenate([own for own, _ in found.values()])
    edges = np.concatenate([_edges(own, values, max_gap) for own, values in found.values()])
    joined = np.unique(np.concatenate([clocks, edges[(edges > clocks.min()) & (edges < clocks.max())]]))
    values = {name: resample(own, values, joined, max_gap) for name, (own, values) in found.items()}
    return OneClock(joined, values, {name: np.isin(joined, own) for name, (own, _) in found.items()}, None)


def label_fields(
    labels: Mapping[str, tuple[np.ndarray, np.ndarray]], ratings: Mapping[str, Ratings], max_gap: float | None = MAX_GAP
) -> dict[str, Any]:
    """The label fields of a Recording from the times (N,) s and labels (N,1) of its dimensions, and what raters gave."""
    joined = on_one_clock(labels, max_gap)
    return {
        "dimensions": tuple(labels),
        "label_times": joined.times,
        "labels": np.concatenate([joined.values[dimension] for dimension in labels], 1),
        "raters": {dimension: resample(found.times, found.values, joined.times, max_gap) for dimension, found in ratings.items()},
        "rater_names": {dimension: found.raters for dimension, found in ratings.items()},
        "own_rows": joined.own_rows,
        "max_gap": joined.max_gap,
    }


def _edges(times: np.ndarray, values: np.ndarray, max_gap: float | None) -> np.ndarray:
    """The moments (s) from which on a column (N,K) has no label: beyond its ends, within its gaps, half way to invalid labels."""
    beyond = 2 * CLOCK_TOLERANCE  # the nearest row is the label itself as far as the tolerance reaches
    gaps = np.flatnonzero(np.diff(times) > longest_gap(times, max_gap))
    valid = np.isfinite(values)
    turns = np.flatnonzero((valid[1:] != valid[:-1]).any(1))
    half_way = (times[turns] + times[turns + 1]) / 2
    last, first = np.append(times[gaps], times[-1:]), np.append(times[gaps + 1], times[:1])
    return np.concatenate([first - beyond, last + beyond, half_way - _BESIDE, half_way + _BESIDE])
