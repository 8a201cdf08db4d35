"""How alike two maps are, frame by frame: attention and attribution, or any other two.

The measures take (...,h,w) and give one number per frame. A constant map ranks nothing: where a measure asks for an order or a
correlation, it is NaN, never 0 or 1.

References
----------
Bylinskii et al.: What do different evaluation metrics tell us about saliency models? TPAMI 2019 (CC, SIM, EMD).
Lin: Divergence measures based on the Shannon entropy. 1991 (Jensen-Shannon).
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from stavis.errors import StavisError
from stavis.metrics import mean_ranks
from stavis.regions import pooled

TOP = 0.1
"""The fraction of the cells that counts as the top of a map."""

DIRECTIONS = 16


def constant(maps: np.ndarray) -> np.ndarray:
    """Whether a map (...,h,w) says nothing about where: all its cells are equal up to rounding, or not all finite. (...) bool."""
    flat = _flat(maps)
    spread = flat.max(-1) - flat.min(-1)
    return ~np.isfinite(flat).all(-1) | (spread <= 1e-6 * np.abs(flat).max(-1))


def correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson's correlation over cells (CC), in [-1,1]; NaN where a map is constant."""
    x, y = (_flat(m) - _flat(m).mean(-1, keepdims=True) for m in (a, b))
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (x * y).sum(-1) / np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    return np.where(constant(a) | constant(b), np.nan, np.clip(score, -1, 1))


def rank_correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's correlation over cells, ties sharing their mean rank, in [-1,1]; NaN where a map is constant."""
    shape = np.asarray(a).shape
    ranks = [mean_ranks(_flat(m)).reshape(shape) for m in (a, b)]
    return np.where(constant(a) | constant(b), np.nan, correlation(*ranks))


def similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What two maps have in common as distributions (SIM), in [0,1]; 1 = the same. NaN for an empty map."""
    return np.minimum(_distribution(a), _distribution(b)).sum(-1)


def jensen_shannon(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The Jensen-Shannon divergence of two maps as distributions, in bits, in [0,1]; 0 = the same. NaN for an empty map."""
    p, q = _distribution(a), _distribution(b)
    middle = (p + q) / 2
    return np.clip((_entropy_terms(p, middle) + _entropy_terms(q, middle)) / 2, 0, 1)


def top_overlap(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of the two maps' top tenths of cells (those equal to the last one count), in [0,1]; NaN if constant."""
    count = max(1, round(TOP * _flat(a).shape[-1]))
    tops = [flat >= np.sort(flat, -1)[..., -count, None] for flat in (_flat(a), _flat(b))]
    score = (tops[0] & tops[1]).sum(-1) / np.maximum((tops[0] | tops[1]).sum(-1), 1)
    return np.where(constant(a) | constant(b), np.nan, score)


def sliced_emd(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far mass must move to make one map of the other, averaged over directions, in fractions of the frame's side; 0 = the same."""
    height, width = np.asarray(a).shape[-2:]
    p, q = _distribution(a), _distribution(b)
    rows, columns = ((np.arange(cells) + 0.5) / cells for cells in (height, width))
    total = 0
    for angle in np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
        place = (np.sin(angle) * rows[:, None] + np.cos(angle) * columns).ravel()
        order = np.argsort(place, kind="stable")
        surplus = np.cumsum((p - q)[..., order], -1)[..., :-1]
        total = total + (np.abs(surplus) * np.diff(place[order])).sum(-1)
    return total / DIRECTIONS


METRICS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "cc": correlation,
    "spearman": rank_correlation,
    "sim": similarity,
    "jsd": jensen_shannon,
    "top_iou": top_overlap,
    "emd": sliced_emd,
}
"""The measures by the short names of tables; for jsd and emd less is more alike."""


def agreement(attention: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    """How alike attention (T,h,w) and the size |.| of a map (T,H,W) are: on its grid: one row per frame, one column per measure.

    `positive` is the fraction of the map's mass that raises the target, in [0,1]. A frame in which either map is constant is NaN.

    Raises StavisError where the frames do not match.
    """
    if len(attention) != len(values):
        raise StavisError(f"the attention has {len(attention)} frames, the map {len(values)}: compare maps of one clip.")
    size = pooled(np.abs(values), attention.shape[1:])
    table = pd.DataFrame({name: np.broadcast_to(metric(attention, size), len(size)) for name, metric in METRICS.items()})
    mass = np.abs(values).sum((1, 2), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        table["positive"] = np.where(mass > 0, np.clip(values, 0, None).sum((1, 2), dtype=np.float64) / mass, np.nan)
    table[constant(attention) | constant(size)] = np.nan
    return table


def _flat(maps: np.ndarray) -> np.ndarray:
    maps = np.asarray(maps, np.float64)
    return maps.reshape(*maps.shape[:-2], -1)


def _distribution(maps: np.ndarray) -> np.ndarray:
    flat = _flat(maps)
    if (flat < 0).any():
        raise StavisError("a map with negative numbers is no distribution: compare its size |.|.")
    total = flat.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, flat / total, np.nan)


def _entropy_terms(p: np.ndarray, middle: np.ndarray) -> np.ndarray:
    ratio = np.divide(p, middle, out=np.ones_like(p), where=p > 0)
    return (p * np.log2(ratio)).sum(-1)
