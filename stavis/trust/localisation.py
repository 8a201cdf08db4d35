"""Whether a map lies on a region of the face: share, density, ranks.

References
----------
Zhang et al.: Top-down neural attention by excitation backprop. 2018 (pointing game). Arras et al.: CLEVR-XAI. 2022 (rank accuracy).
"""

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from stavis.errors import StavisError
from stavis.regions import part_masks, spread


def localisation(maps: np.ndarray, regions: np.ndarray) -> pd.DataFrame:
    """How much of a map (T,h,w), by size |.|, lies on each part of the face: one row a frame and part.

    Columns: frame, part, share in [0,1]; density (share over area, 1 = chance); rank_accuracy (the part of the map's highest |part|
    pixels that lie on it); auc (a pixel on the part outranks one off it, .5 = chance); pointing (the highest pixel lies on it).
    NaN where a part has no pixel or the map is empty; ranks are NaN for a constant map.
    """
    if len(maps) != len(regions):
        raise StavisError(f"the map has {len(maps)} frames, the regions {len(regions)}: compare those of one clip.")
    fine = np.abs(np.asarray(maps, np.float64))
    if fine.shape[1:] != regions.shape[2:]:
        fine = spread(fine, regions.shape[2:])
    rows = []
    for part, masks in part_masks(regions).items():
        rows += [{"frame": frame, "part": part} | against(fine[frame], mask) for frame, mask in enumerate(masks)]
    return pd.DataFrame(rows)


def against(values: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """One frame's map (H,W), non-negative, against one region (H,W) bool; see localisation for the five numbers."""
    inside, total, area = values[mask], values.sum(), mask.mean()
    answer = dict.fromkeys(("share", "density", "rank_accuracy", "auc", "pointing"), float("nan"))
    if total <= 0 or not mask.any():
        return answer
    answer["share"] = float(inside.sum() / total)
    answer["density"] = answer["share"] / float(area)
    if np.ptp(values) <= 1e-6 * values.max():
        return answer
    ranks = rankdata(values.ravel()).reshape(values.shape)
    count = int(mask.sum())
    answer["rank_accuracy"] = _expected_hits(values, mask, count) / count
    top = values == values.max()
    answer["pointing"] = float(mask[top].mean())
    if count < mask.size:
        answer["auc"] = float((ranks[mask].sum() - count * (count + 1) / 2) / (count * (mask.size - count)))
    return answer


def _expected_hits(values: np.ndarray, mask: np.ndarray, count: int) -> float:
    """How many of the highest `count` pixels lie on the mask; of those equal to the last one, the expected number."""
    last = np.partition(values.ravel(), values.size - count)[values.size - count]
    above, equal = values > last, values == last
    return float(mask[above].sum() + (count - above.sum()) * mask[equal].mean())
