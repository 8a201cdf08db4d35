"""How often an interval over N recordings holds the truth, for several kinds of interval, statistics and distributions (2,000 sets each).

The distributions are made up: recordings differ in level, bias and noise; `plain` ones by normal numbers, `skewed` ones by a gamma
(mean), a log-normal (RMSE) or log-normal noise with exponential biases (CCC). The truth is the statistic of 80,000 recordings.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import norm, t

from stavis.bootstrap import interval, mean, paired_difference
from stavis.metrics import from_sums

SETS, DRAWS = 2000, 1000
COUNTS = (5, 8, 16, 32)
_FRAMES = 60


def means(rng: np.random.Generator, sets: int, count: int, skewed: bool) -> np.ndarray:
    """Sums (sets,count,2) of one value per recording: normal, or a gamma of shape 2 (skewness 1.4)."""
    values = rng.gamma(2, 1, (sets, count)) if skewed else rng.standard_normal((sets, count))
    return np.stack([values, np.ones_like(values)], -1)


def traces(rng: np.random.Generator, sets: int, count: int, skewed: bool) -> np.ndarray:
    """Metric sums (sets,count,7) of recordings whose gold has a level and an oscillation, and whose prediction has a bias and noise."""
    one = (sets, count, 1)
    amplitude = 0.3 * np.exp(0.4 * rng.standard_normal(one)) if skewed else 0.3
    bias = 0.15 * (rng.exponential(1, one) - 1) if skewed else 0.1 * rng.standard_normal(one)
    noise = 0.2 * np.exp(0.35 * rng.standard_normal(one)) if skewed else 0.2
    phase, turns, level = rng.uniform(0, 2 * np.pi, one), rng.uniform(1, 3, one), 0.25 * rng.standard_normal(one)
    gold = level + amplitude * np.sin(phase + turns * np.linspace(0, 2 * np.pi, _FRAMES))
    return metric_sums(0.7 * gold + bias + noise * rng.standard_normal(gold.shape), gold)


def errors(rng: np.random.Generator, sets: int, count: int, skewed: bool) -> np.ndarray:
    """Metric sums (sets,count,7) of errors with a bias and a scale per recording, normal or log-normal."""
    one = (sets, count, 1)
    scale = np.exp(0.35 * rng.standard_normal(one)) if skewed else np.abs(1 + 0.2 * rng.standard_normal(one))
    gold = rng.standard_normal((sets, count, _FRAMES))
    return metric_sums(gold + 0.3 * rng.standard_normal(one) + scale * rng.standard_normal(gold.shape), gold)


def metric_sums(predicted: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """The rows of stavis.metrics.sums_of for many recordings at once."""
    parts = (np.ones_like(gold), predicted, gold, predicted**2, gold**2, predicted * gold, (predicted - gold) ** 2)
    return np.stack([part.sum(-1) for part in parts], -1)


@dataclass(frozen=True)
class Case:
    """A statistic, how its recordings are made, and whether its interval is that of the logarithm."""

    make: Callable
    statistic: Callable
    logarithmic: bool = False


CASES = {
    "mean": Case(means, mean),
    "CCC, concatenated": Case(traces, from_sums("ccc")),
    "RMSE, concatenated": Case(errors, from_sums("rmse"), logarithmic=True),
}


@lru_cache
def truth(case: Case, skewed: bool) -> float:
    """The statistic of very many recordings."""
    parts = [case.make(np.random.default_rng(10_000 + part), 1, 20_000, skewed)[0].sum(0) for part in range(4)]
    return float(case.statistic(np.sum(parts, 0)))


def ours(sums: np.ndarray, case: Case, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """The interval of stavis.bootstrap."""
    found = interval(sums, case.statistic, logarithmic=case.logarithmic)
    return {"jackknife t, extended": (found.low, found.high)}


def others(sums: np.ndarray, case: Case, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """The kinds that were not taken."""
    count, total, statistic = len(sums), sums.sum(0), case.statistic
    value, left_out = float(statistic(total)), statistic(total - sums)
    away = left_out.mean() - left_out
    error = np.sqrt((count - 1) / count * (away @ away))
    weights = rng.multinomial(count, np.full(count, 1 / count), size=DRAWS)
    totals = weights @ sums
    drawn = statistic(totals)
    student = t.ppf(0.975, count - 1)
    wide = norm.cdf(-np.sqrt(count / (count - 1)) * student)
    below = ((drawn < value).mean() + (drawn <= value).mean()) / 2
    shift = norm.ppf(np.clip(below, 1 / DRAWS, 1 - 1 / DRAWS))
    speed = (away**3).sum() / (6 * (away @ away) ** 1.5)
    scores = shift + norm.ppf([0.025, 0.975])
    corrected = norm.cdf(shift + scores / (1 - speed * scores))
    with np.errstate(invalid="ignore", divide="ignore"):
        again = np.where(weights > 0, statistic(totals[:, None] - sums), 0.0)
        centre = (weights * again).sum(1, keepdims=True) / count
        errors_drawn = np.sqrt((count - 1) / count * (weights * (again - centre) ** 2).sum(1))
        studentised = (drawn - value) / errors_drawn
    ends = np.quantile(studentised[np.isfinite(studentised)], [0.025, 0.975])
    return {
        "percentile bootstrap": tuple(np.quantile(drawn, [0.025, 0.975])),
        "percentile, widened": tuple(np.quantile(drawn, [wide, 1 - wide])),
        "BCa bootstrap": tuple(np.quantile(drawn, corrected)),
        "studentised bootstrap": (value - ends[1] * error, value - ends[0] * error),
        "jackknife t, plain": (value - student * error, value + student * error),
    }


def coverage(case: Case, count: int, skewed: bool, *, sets: int = SETS, kinds=(others, ours), seed: int = 0) -> dict[str, float]:
    """How often each kind of interval over `count` recordings holds the truth, as a fraction of `sets`."""
    rng, true = np.random.default_rng(seed), truth(case, skewed)
    hits: dict[str, int] = {}
    for sums in case.make(rng, sets, count, skewed):
        for kind in kinds:
            for name, (low, high) in kind(sums, case, rng).items():
                hits[name] = hits.get(name, 0) + bool(low <= true <= high)
    return {name: hit / sets for name, hit in hits.items()}


def false_differences(case: Case, count: int, skewed: bool, *, sets: int = SETS, seed: int = 0) -> dict[str, float]:
    """How often two systems that are equally good are called different: by an interval without 0, by p < .05."""
    rng = np.random.default_rng(seed)
    by_interval = by_p = 0
    for one, other in zip(case.make(rng, sets, count, skewed), case.make(rng, sets, count, skewed), strict=True):
        swapped = rng.integers(2, size=(count, 1))  # the same recordings' sums, in either order
        found = paired_difference(np.where(swapped, one, other), np.where(swapped, other, one), case.statistic, draws=500)
        by_interval += found.interval.excludes(0)
        by_p += found.p < 0.05
    return {"interval without 0": by_interval / sets, "p < .05": by_p / sets}


def main() -> None:
    """Print the coverage of every kind, and how often equal systems differ."""
    print(f"coverage of 95 % intervals, {SETS} sets (sampling error about ± .01)")
    for name, case in CASES.items():
        for skewed in (False, True):
            for count in COUNTS:
                found = coverage(case, count, skewed)
                cells = "  ".join(f"{kind} {value:.3f}" for kind, value in found.items())
                print(f"{name}, {'skewed' if skewed else 'plain'}, N = {count}: {cells}")
                sys.stdout.flush()
    for name, case in CASES.items():
        for skewed in (False, True):
            for count in COUNTS:
                print(f"equal systems, {name}, {'skewed' if skewed else 'plain'}, N = {count}: {false_differences(case, count, skewed)}")
                sys.stdout.flush()
