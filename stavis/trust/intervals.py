"""Uncertainty: clips (or the recordings that they come from) are drawn anew, never frames, which are not independent.

References
----------
Efron, Tibshirani: An introduction to the bootstrap. 1993. Hesterberg: What teachers should know about the bootstrap. 2015 (the
percentiles widened for few draws of the sample). Holm: A simple sequentially rejective multiple test procedure. 1979.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import norm, t

from stavis.errors import StavisError

DRAWS = 2000

FEWEST = 3
"""Fewer independent clips than this give no interval."""


def resampled(groups: Sequence, seed: int, draws: int = DRAWS) -> list[np.ndarray] | None:
    """Indices of the clips of each bootstrap draw: whole groups with replacement; None for fewer groups than make an interval.

    Two statistics computed over the same draws are paired.
    """
    groups = np.asarray(list(groups))
    names, inverse = np.unique(groups, return_inverse=True)
    if len(names) < FEWEST:
        return None
    members = [np.flatnonzero(inverse == place) for place in range(len(names))]
    chosen = np.random.default_rng(seed).integers(len(names), size=(draws, len(names)))
    return [np.concatenate([members[place] for place in row]) for row in chosen]


def interval(values: np.ndarray, count: int, level: float = 0.95) -> tuple[float, float]:
    """The interval in which a statistic lies, from its bootstrap draws (draws,) over `count` independent clips.

    Percentiles, widened to what a t interval with so few clips would be. (NaN, NaN) where a draw is undefined too often.
    """
    values = np.asarray(values, float)
    finite = values[np.isfinite(values)]
    if count < FEWEST or len(finite) < 0.9 * len(values):
        return float("nan"), float("nan")
    tail = norm.cdf(np.sqrt(count / (count - 1)) * t.ppf((1 - level) / 2, count - 1))
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)


def bootstrap(
    statistic: Callable[[np.ndarray], float], groups: Sequence, seed: int = 0, draws: int = DRAWS, level: float = 0.95
) -> tuple[float, float, float]:
    """A statistic of clips (given by their indices), with its interval: (value, low, high); low and high NaN for fewer than three."""
    if not len(groups):
        raise StavisError("there is no clip to draw from: give at least one.")
    value = float(statistic(np.arange(len(groups))))
    samples = resampled(groups, seed, draws)
    if samples is None:
        return value, float("nan"), float("nan")
    low, high = interval(np.array([statistic(sample) for sample in samples]), len(set(groups)), level)
    return value, low, high


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p values of a family of tests, adjusted so that the chance of any false alarm is bounded (Holm 1979); NaN stays NaN."""
    p = np.asarray(p_values, float)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    worst = 0.0
    for place, index in enumerate(order):
        worst = max(worst, min(1.0, (len(order) - place) * p[index]))
        adjusted[index] = worst
    return adjusted


def bootstrap_p(values: np.ndarray, null: float = 0.0) -> float:
    """The two-sided p value of a statistic against `null` from its bootstrap draws; never 0."""
    values = np.asarray(values, float)
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan")
    below, above = (values <= null).sum(), (values >= null).sum()
    return float(min(1.0, 2 * (min(below, above) + 1) / (len(values) + 1)))
