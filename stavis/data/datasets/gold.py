"""The gold standard of several raters: their weighted mean."""

from dataclasses import dataclass

import numpy as np

from stavis.errors import StavisError
from stavis.metrics import ccc


@dataclass(frozen=True)
class Ratings:
    """What several raters said of one dimension: times (N,) s, rising; values (N,K) in [-1,1], one column a rater; their names."""

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


def constant_raters(ratings: Ratings) -> tuple[str, ...]:
    """The raters who never moved: they agree with nobody, and in the mean they flatten the gold standard."""
    still = ratings.values.max(0) == ratings.values.min(0)
    return tuple(name for name, constant in zip(ratings.raters, still, strict=True) if constant)


def gold_words(raters: int) -> str:
    """How a result names labels that were made of raters."""
    return f"gold standard of {raters} raters (CCC centring)" if raters > 1 else "the marks of one rater"
