"""How well predicted values follow the gold standard.

References
----------
Lin: A concordance correlation coefficient to evaluate reproducibility. Biometrics 1989.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from stavis.bootstrap import LEVEL, Interval, Statistic, interval, mean, sums_of_values
from stavis.errors import StavisError

Metric = Callable[[np.ndarray, np.ndarray], float]


def rmse(predicted: ArrayLike, gold: ArrayLike) -> float:
    """Root mean squared error of two 1-D arrays, in the unit of the labels; NaN for empty ones."""
    predicted, gold = _pair(predicted, gold)
    return float(np.sqrt(np.mean((predicted - gold) ** 2))) if len(gold) else float("nan")


def cc(predicted: ArrayLike, gold: ArrayLike) -> float:
    """Pearson's correlation of two 1-D arrays, in [-1,1]; NaN where one of them is constant."""
    predicted, gold = _pair(predicted, gold)
    if len(gold) < 2 or _constant(predicted) or _constant(gold):
        return float("nan")
    a, b = predicted - predicted.mean(), gold - gold.mean()
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def ccc(predicted: ArrayLike, gold: ArrayLike, ddof: int = 0) -> float:
    """Concordance (Lin 1989) of two 1-D arrays, in [-1,1]: 1 only for equal ones; NaN where both are the same constant.

    ddof=1 divides the variances by N−1 and the covariance by N, as the organisers of the SEWA challenges do.
    """
    predicted, gold = _pair(predicted, gold)
    if len(gold) < 1 + ddof or (_constant(predicted) and np.array_equal(predicted, gold)):
        return float("nan")
    shift = predicted.mean() - gold.mean()
    covariance = np.mean((predicted - predicted.mean()) * (gold - gold.mean()))
    scale = predicted.var(ddof=ddof) + gold.var(ddof=ddof) + shift**2
    return float(2 * covariance / scale)


METRICS: dict[str, Metric] = {"rmse": rmse, "cc": cc, "ccc": ccc}


SUMS = 7
"""How many sums a recording is known by: of 1, p, g, p², g², p·g, (p−g)² over its frames."""


def sums_of(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """What the metrics need to know of each recording: sums (N,7) over its frames, of which any total gives the metrics of the joined."""
    rows = [(len(p), p.sum(), g.sum(), p @ p, g @ g, p @ g, (p - g) @ (p - g)) for p, g in pairs]
    return np.array(rows, np.float64).reshape(-1, SUMS)


def from_sums(metric: str) -> Callable[[np.ndarray], np.ndarray]:
    """The metric of that name as a function of sums (...,7): (...); NaN where it is undefined."""
    return _FROM_SUMS[metric]


def _rmse_from(sums: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt(np.maximum(sums[..., 6] / sums[..., 0], 0))


def _cc_from(sums: np.ndarray) -> np.ndarray:
    _, _, var_p, var_g, covariance = _moments(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((var_p <= _FLAT) | (var_g <= _FLAT), np.nan, covariance / np.sqrt(var_p * var_g))


def _ccc_from(sums: np.ndarray) -> np.ndarray:
    mean_p, mean_g, var_p, var_g, covariance = _moments(sums)
    apart = (mean_p - mean_g) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(var_p + var_g + apart <= _FLAT, np.nan, 2 * covariance / (var_p + var_g + apart))


def _moments(sums: np.ndarray) -> tuple[np.ndarray, ...]:
    with np.errstate(invalid="ignore", divide="ignore"):
        n, p, g, pp, gg, pg = (sums[..., column] for column in range(6))
        mean_p, mean_g = p / n, g / n
        return mean_p, mean_g, np.maximum(pp / n - mean_p**2, 0), np.maximum(gg / n - mean_g**2, 0), pg / n - mean_p * mean_g


_FLAT = 1e-14  # a variance below this is that of a constant
_FROM_SUMS = {"rmse": _rmse_from, "cc": _cc_from, "ccc": _ccc_from}


def concatenated(metric: Metric, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """The metric over all recordings joined end to end (AV+EC 2015/2016, SEWA). pairs: (predicted, gold), 1-D, one per recording."""
    if not pairs:
        return float("nan")
    return metric(np.concatenate([p for p, _ in pairs]), np.concatenate([g for _, g in pairs]))


def per_recording(metric: Metric, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """The mean over recordings of the metric within each (RECOLA since 2018); recordings where it is undefined are left out."""
    values = np.array([metric(p, g) for p, g in pairs])
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def scored(
    protocol: Callable[[Metric, Sequence], float], metric: str, pairs: Sequence[tuple[np.ndarray, np.ndarray]], level: float = LEVEL
) -> Interval:
    """The metric of that name under a protocol (`concatenated` or `per_recording`) with its interval over recordings (never frames)."""
    rows, statistic = protocol_sums(protocol, metric, sums_of(pairs))
    return interval(rows, statistic, **RANGES[metric], value=protocol(METRICS[metric], pairs), level=level)


def protocol_sums(protocol: Callable, metric: str, sums: np.ndarray) -> tuple[np.ndarray, Statistic]:
    """What stavis.bootstrap needs for a metric under a protocol: rows of sums (...,N,M), and the statistic of their total.

    sums (...,N,7) as of `sums_of`.
    """
    if protocol is concatenated:
        return sums, from_sums(metric)
    each = from_sums(metric)(sums)
    return sums_of_values(each), mean


RANGES: dict[str, dict] = {"rmse": {"logarithmic": True}, "cc": {"bounds": (-1.0, 1.0)}, "ccc": {"bounds": (-1.0, 1.0)}}
"""The scale or the range in which the interval of each metric is made."""


def _constant(values: np.ndarray) -> bool:
    # by its extremes: the variance of equal numbers need not come out as 0
    return bool(values.min() == values.max())


def _pair(predicted: ArrayLike, gold: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    predicted, gold = np.asarray(predicted, np.float64), np.asarray(gold, np.float64)
    if predicted.ndim != 1 or predicted.shape != gold.shape:
        raise StavisError(f"a metric compares two 1-D arrays of one length, not {predicted.shape} with {gold.shape}.")
    return predicted, gold


def mean_ranks(values: ArrayLike) -> np.ndarray:
    """The rank of each number along the last axis, from 1, equal ones sharing the mean of theirs; NaN throughout a row that holds one.

    As scipy.stats.rankdata, whose import takes as long as ranking the maps of a minute of video.
    """
    values = np.asarray(values, np.float64)
    rows = values.reshape(-1, values.shape[-1])
    order = np.argsort(rows, axis=1, kind="stable")
    ordered = np.take_along_axis(rows, order, 1)
    count = rows.shape[1]
    first = np.ones(rows.shape, bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    last = np.ones(rows.shape, bool)
    last[:, :-1] = first[:, 1:]
    place = np.arange(count)
    begin = np.maximum.accumulate(np.where(first, place, 0), 1)
    end = np.minimum.accumulate(np.where(last, place, count)[:, ::-1], 1)[:, ::-1]
    ranks = np.empty(rows.shape)
    np.put_along_axis(ranks, order, (begin + end) / 2 + 1, 1)
    ranks[np.isnan(rows).any(1)] = np.nan
    return ranks.reshape(values.shape)
