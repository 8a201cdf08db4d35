"""The gold standard of several raters: their weighted mean."""

from dataclasses import dataclass

import numpy as np

from stavis.errors import StavisError


@dataclass(frozen=True)
class Ratings:
    """The ratings of one dimension: times (N,) s, rising; values (N,K) in [-1,1] or NaN, one column per rater; the raters' names."""

    times: np.ndarray
    values: np.ndarray
    raters: tuple[str, ...]


TINY = 0.01
"""A mean weight below this says that the raters agree on nothing: all weigh the same then."""


def gold_standard(ratings: np.ndarray) -> np.ndarray:
    """The one trace that several raters' ratings (N,K) stand for: (N,), the mean after "CCC centring" (systems of AV+EC 2015).

    A rater's agreement is the mean CCC with each of the others, their weight is the agreement where it is above 0, else 0. The raters'
    means, so weighted, give the common mean to which each rating is centred before the mean over raters: it lies between the lowest
    and the highest of their means. Where raters agree on nothing (see `equal_weights`), all weigh the same.
    """
    ratings = np.asarray(ratings, np.float64)
    if ratings.ndim != 2 or not ratings.size:
        raise StavisError(f"ratings are {ratings.shape}: give (frames, raters), at least one of each.")
    weights = np.maximum(agreements(ratings), 0)
    if equal_weights(ratings) or not weights.any():
        weights = np.ones(ratings.shape[1])
    means = ratings.mean(0)
    common = (means * weights).sum() / weights.sum()
    assert means.min() - 1e-9 <= common <= means.max() + 1e-9
    return (ratings - means + common).mean(1)


def agreements(ratings: np.ndarray) -> np.ndarray:
    """Each rater's mean CCC with the others (K,), of ratings (N,K) without NaN; an undefined CCC counts as 0."""
    means = ratings.mean(0)
    centred = np.where(ratings.max(0) == ratings.min(0), 0.0, ratings - means)  # the variance of equal numbers need not come out as 0
    covariances = centred.T @ centred / len(ratings)
    variances = np.diag(covariances)
    scales = variances[:, None] + variances + (means[:, None] - means) ** 2
    pairs = np.divide(2 * covariances, scales, out=np.zeros_like(scales), where=scales > 0)  # ccc of each pair
    return (pairs.sum(1) - np.diag(pairs)) / max(1, ratings.shape[1] - 1)


def equal_weights(ratings: np.ndarray) -> bool:
    """Whether raters (N,K) agree so little that all weigh the same in their gold standard; false for a single rater."""
    return ratings.shape[1] > 1 and bool(np.maximum(agreements(ratings), 0).mean() < TINY)


def dissenting_raters(ratings: Ratings) -> tuple[str, ...]:
    """The raters whose agreement with the others is negative: their weight in the gold standard is 0, however sure they are."""
    present, known = _known(ratings.values)
    if not known.any():
        return ()
    values = ratings.values[known][:, present]
    names = [name for name, there in zip(ratings.raters, present, strict=True) if there]
    return tuple(name for name, agreement in zip(names, agreements(values), strict=True) if agreement < -TINY)


def rater_remarks(ratings: Ratings, what: str) -> dict[str, list[str]]:
    """What a user must know of the raters before they trust their gold standard: kind of remark -> who; `what` names the ratings."""
    remarks = {
        "raters without any rating": [f"{rater} ({what})" for rater in absent_raters(ratings)],
        "raters with constant ratings": [f"{rater} ({what})" for rater in constant_raters(ratings)],
        "raters who disagree with the others": [f"{r} ({what})" for r in dissenting_raters(ratings)],
    }
    present, known = _known(ratings.values)
    moving = present.sum() - len(constant_raters(ratings)) > 1  # else it follows from the constant ones
    alike = moving and known.any() and equal_weights(ratings.values[known][:, present])
    remarks["raters who agree on nothing, all of one weight in the gold standard"] = [what] if alike else []
    return {kind: who for kind, who in remarks.items() if who}


def _known(ratings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which raters (K,) give any rating, and where (N,) all of these do."""
    present = np.isfinite(ratings).any(0)
    return present, np.isfinite(ratings[:, present]).all(1) & bool(present.any())


def gold_where_known(ratings: np.ndarray) -> np.ndarray:
    """The gold standard (N,) in [-1,1] of ratings (N,K): NaN where one of the raters gives none; raters without any rating are left out."""
    ratings = np.asarray(ratings, np.float64)
    present, known = _known(ratings)
    gold = np.full(len(ratings), np.nan)
    if known.any():
        gold[known] = np.clip(gold_standard(ratings[known][:, present]), -1, 1)
    return gold


def present_raters(ratings: np.ndarray) -> int:
    """How many of the raters (N,K) give any rating."""
    return int(_known(np.asarray(ratings, np.float64))[0].sum())


def absent_raters(ratings: Ratings) -> tuple[str, ...]:
    """The raters who give no rating at all: their column is empty."""
    return tuple(name for name, there in zip(ratings.raters, _known(ratings.values)[0], strict=True) if not there)


def constant_raters(ratings: Ratings) -> tuple[str, ...]:
    """The raters whose ratings are constant: they agree with nobody, and in the mean they flatten the gold standard."""
    known = np.isfinite(ratings.values)
    highest, lowest = (np.where(known, ratings.values, fill) for fill in (-np.inf, np.inf))
    constant = highest.max(0) == lowest.min(0)  # without any rating they are infinite, and not the same
    return tuple(name for name, still in zip(ratings.raters, constant, strict=True) if still)


def gold_words(raters: int) -> str:
    """How a result names labels that were made of so many raters who gave any rating."""
    if raters > 1:
        return f"gold standard of {raters} raters (CCC centring)"
    return "the ratings of one rater" if raters else "raters without any rating"
