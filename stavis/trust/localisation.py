"""Whether a map lies on a region (of a face, or any other): share, density, ranks.

References
----------
Zhang et al.: Top-down neural attention by excitation backprop. 2018 (pointing game). Arras et al.: CLEVR-XAI. 2022 (rank accuracy).
"""

import numpy as np
import pandas as pd

from stavis.errors import StavisError
from stavis.metrics import mean_ranks
from stavis.regions import FACE, REGIONS, areas, shares, spread

OUTSIDE = REGIONS.index("outside")


def localisation(maps: np.ndarray, regions: np.ndarray, names: tuple[str, ...] = REGIONS) -> pd.DataFrame:
    """How much of a map (T,h,w), by size |.|, lies on each region of the face, left and right eye apart: one row per frame and region.

    names: those of other regions, which have no image_left and no soft edge: shares of a face's regions are those of `Clip.share`, all
    else goes by their outlines.

    Columns: frame, part (the region; left and right as in the image), share in [0,1]; density (share over area, 1 = uniform);
    image_left (the fraction of that share on the image-left side of the face's midline, .5 = symmetric); rank_accuracy (the
    fraction of the map's highest |part| pixels that lie on it); auc (a pixel on the part outranks one off it, .5 = uninformative);
    pointing (the highest pixel lies on it). NaN where a part has no pixel or the map is empty; ranks are NaN for a constant map.
    """
    if len(maps) != len(regions):
        raise StavisError(f"the map has {len(maps)} frames, the regions {len(regions)}: compare those of one clip.")
    fine = np.abs(np.asarray(maps, np.float64))
    if fine.shape[1:] != regions.shape[2:]:
        fine = spread(fine, regions.shape[2:])
    face = names == REGIONS
    left = image_left(regions) if face else None
    share, area = shares(maps, regions, edge=FACE.edge if face else 0.0), areas(regions)
    rows = []
    for part in FACE.order if face else names:
        index = names.index(part)
        for frame, mask in enumerate(regions[:, index]):
            found = against(fine[frame], mask)
            if mask.any():
                found |= {"share": share[frame, index], "density": share[frame, index] / area[frame, index]}
            side = {} if left is None else {"image_left": _fraction(fine[frame][mask], left[frame][mask])}
            rows.append({"frame": frame, "part": part} | found | side)
    return pd.DataFrame(rows)


def image_left(regions: np.ndarray) -> np.ndarray:
    """Which pixels lie left of the face's midline (the middle of its columns), per frame: (T,R,H,W) -> (T,H,W) in [0,1].

    A pixel on the midline counts half; without a face the midline is the middle of the image.
    """
    columns = np.arange(regions.shape[3])
    face = ~regions[:, OUTSIDE]
    count = face.sum((1, 2))
    middle = np.where(count > 0, (face.sum(1) * columns).sum(1) / np.maximum(count, 1), columns.mean())
    left = np.clip(middle[:, None] - columns + 0.5, 0, 1)
    return np.broadcast_to(left[:, None], face.shape)


def _fraction(values: np.ndarray, weights: np.ndarray) -> float:
    total = values.sum()
    return float((values * weights).sum() / total) if total > 0 else float("nan")


def against(values: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """One frame's map (H,W), non-negative, against one region (H,W) bool; see localisation for the five numbers."""
    answer = dict.fromkeys(("share", "density", "rank_accuracy", "auc", "pointing"), float("nan"))
    if not values.any() or not mask.any():
        return answer
    answer["share"] = float(shares(values[None], mask[None, None])[0, 0])
    answer["density"] = answer["share"] / float(mask.mean())
    if np.ptp(values) <= 1e-6 * values.max():
        return answer
    ranks = mean_ranks(values.ravel()).reshape(values.shape)
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
