"""The gold standard of several raters: their weighted mean."""

from dataclasses import dataclass

import numpy as np

from stavis.errors import StavisError
from stavis.metrics import ccc


@dataclass(frozen=True)
class Ratings:
    """The ratings of one dimension: times (N,) s, rising; values (N,K) in [-1,1] or NaN, one column per rater; the raters' names."""

    times: np.ndarray
    values: np.ndarray
    raters: tuple[str, ...]


def gold_standard(ratings: np.ndarray) -> np.ndarray:
    """The one course that several raters' ratings (N,K) stand for: (N,), the mean after "CCC centring" (systems of AV+EC 2015).

    A rater's agreement is the mean CCC with each of the others. The raters' means, weighted by agreement, give the common mean to
    which each rating is centred before the mean over raters. Where agreements sum to nothing, all raters weigh the same.
    """
    ratings = np.asarray(ratings, np.float64)
    if ratings.ndim != 2 or not ratings.size:
        raise StavisError(f"ratings are {ratings.shape}: give (frames, raters), at least one of each.")
    raters = ratings.shape[1]
    pairs = np.array([[0.0 if a == b else ccc(ratings[:, a], ratings[:, b]) for b in range(raters)] for a in range(raters)])
    agreement = np.nan_to_num(pairs).sum(1) / max(1, raters - 1)
    if agreement.sum() <= 1e-9:
        agreement = np.ones(raters)
    means = ratings.mean(0)
    common = (means * agreement).sum() / agreement.sum()
    return (ratings - means + common).mean(1)


def gold_where_known(ratings: np.ndarray) -> np.ndarray:
    """The gold standard (N,) in [-1,1] of ratings (N,K): NaN where one of the raters gives none; raters without any rating are left out."""
    ratings = np.asarray(ratings, np.float64)
    present = ratings[:, np.isfinite(ratings).any(0)]
    known = np.isfinite(present).all(1) & bool(present.shape[1])
    gold = np.full(len(ratings), np.nan)
    if known.any():
        gold[known] = np.clip(gold_standard(present[known]), -1, 1)
    return gold


def constant_raters(ratings: Ratings) -> tuple[str, ...]:
    """The raters whose ratings are constant: they agree with nobody, and in the mean they flatten the gold standard."""
    known = np.isfinite(ratings.values)
    highest, lowest = (np.where(known, ratings.values, fill) for fill in (-np.inf, np.inf))
    constant = highest.max(0) <= lowest.min(0)
    return tuple(name for name, still in zip(ratings.raters, constant, strict=True) if still)


def gold_words(raters: int) -> str:
    """How a result names labels that were made of raters."""
    return f"gold standard of {raters} raters (CCC centring)" if raters > 1 else "the ratings of one rater"
