"""What a bench can resolve: the components of a difference's variance, and the smallest difference that is shown in 80 % of benches."""

from dataclasses import dataclass

import numpy as np
from scipy.special import nctdtrinc, stdtrit

from stavis.bench.scores import ALPHA, PRIMARY, PROTOCOLS
from stavis.metrics import protocol_sums

POWER = 0.8
"""The probability with which a difference is to be shown."""

WIDEST = 2.0
"""Two CCC differ by no more."""

MOST_SEEDS = 30
"""More seeds than this are never recommended."""

_LOST = 1.25  # degrees of freedom that the interval over recordings loses, see stavis.bootstrap


@dataclass(frozen=True)
class Components:
    """Standard deviations that make up the error of a difference of CCC between two rows.

    recordings: over recordings, of what each adds to the difference (times their number, so that it does not depend on it); both: of
    what a recording adds with one seed and not with another; seeds: over training seeds, of each row, or one number where the seeds go
    in pairs.
    """

    recordings: float
    both: float
    seeds: tuple[float, ...]


TYPICAL = Components(0.43, 0.3, (0.04, 0.04))
"""What to reckon with before anything is trained: two networks on recordings of some seconds, as measured on synthetic faces."""


def components_of(better: np.ndarray, worse: np.ndarray, paired: bool = False, protocol: str = PRIMARY) -> Components:
    """The components as two rows with several seeds show them; sums (S,N,7) of the same recordings.

    With the two seeds of a pilot, the deviation over seeds is known with one or two degrees of freedom: no more than its order.
    """
    (rows, statistic), (others, _) = (protocol_sums(PROTOCOLS[protocol], "ccc", each) for each in (better, worse))
    one, two = (_influences(each, statistic) for each in (rows, others))  # S,N
    values = [statistic(each.sum(1)) for each in (rows, others)]
    if paired:
        series, values = [one - two], [values[0] - values[1]]
    else:
        series = [one, two]
    mixed = sum(_interaction(each) for each in series)
    count = one.shape[1]
    means = one.mean(0) - two.mean(0)
    seeds = len(one)
    recordings = max(float(means.var(ddof=1)) - mixed / seeds, 0.0)
    over_seeds = [max(float(np.var(each, ddof=1)) - _interaction(x) / count, 0.0) for each, x in zip(values, series, strict=True)]
    return Components(float(np.sqrt(recordings)), float(np.sqrt(mixed)), tuple(float(np.sqrt(one)) for one in over_seeds))


def detectable(parts: Components, recordings: int, seeds: int, *, family: int = 4, power: float = POWER) -> float:
    """The smallest true difference that is claimed with this probability, at the strictest of Holm's levels over a family of tests.

    NaN with a single seed or a single recording: then nothing is claimed.
    """
    if seeds < 2 or recordings < 3:
        return float("nan")
    # the interval adds both variances as they are estimated, so what belongs to a recording and a seed at once counts in each
    each = parts.both**2 / (recordings * seeds)
    own = each / len(parts.seeds)
    terms = [(parts.recordings**2 / recordings + each, recordings - _LOST)]
    terms += [(seed**2 / seeds + own, seeds - 1) for seed in parts.seeds]
    variance = sum(term for term, _ in terms)
    if variance == 0:
        return 0.0
    degrees = variance**2 / sum(term**2 / df for term, df in terms)
    quantile = float(stdtrit(degrees, 1 - ALPHA / family / 2))
    return float(np.sqrt(variance) * nctdtrinc(degrees, 1 - power, quantile))


def seeds_needed(parts: Components, recordings: int, wanted: float, *, family: int = 4) -> int | None:
    """The fewest seeds with which a difference is detectable on so many recordings; None where no number up to MOST_SEEDS suffices."""
    return next((n for n in range(2, MOST_SEEDS + 1) if detectable(parts, recordings, n, family=family) <= wanted), None)


def _influences(rows: np.ndarray, statistic) -> np.ndarray:
    """What each recording adds to the statistic of each seed: (S,N), jackknife values whose variance over N gives that of the whole."""
    total = rows.sum(1, keepdims=True)
    left_out = statistic(total - rows)
    return (rows.shape[1] - 1) * (left_out.mean(1, keepdims=True) - left_out)


def _interaction(values: np.ndarray) -> float:
    """The variance of what belongs to a recording and a seed at once: (S,N) without the means of rows and of columns."""
    seeds, count = values.shape
    if seeds < 2:
        return 0.0
    rest = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    return float((rest**2).sum() / ((seeds - 1) * (count - 1)))
