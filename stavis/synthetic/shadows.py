"""Soft shadows on the mouth and on the eyes: what lies in one can still be read, but looks darker than the other."""

import numpy as np

from stavis.landmarks import LAYOUTS

DEPTH = 0.75
"""The part of the light that a full shadow takes at its middle."""
_EXTENT = {"mouth": (0.85, 0.55), "eyes": (1.15, 0.5)}  # half axes in eye distances


def shadowed(image: np.ndarray, points: np.ndarray, mouth: float, eyes: float) -> np.ndarray:
    """`image` (H,W,3) uint8 with a shadow on the mouth and one on the eyes, each of a strength in [0,1]; points: (L,2) px, landmarks."""
    for region, amount in (("mouth", mouth), ("eyes", eyes)):
        if amount > 0:
            image = _shaded(image, *_place(points, region), float(amount))
    return image


def _place(points: np.ndarray, region: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The middle of a region, the direction from eye to eye as a unit vector, and the half axes in px."""
    layout = LAYOUTS[len(points)]
    left, right, mouth = (points[list(pair)].mean(0) for pair in (layout.left_eye_corners, layout.right_eye_corners, layout.mouth_corners))
    across = right - left
    unit = float(np.hypot(*across)) or 1.0
    return mouth if region == "mouth" else (left + right) / 2, across / unit, np.array(_EXTENT[region]) * unit


def _shaded(image: np.ndarray, middle: np.ndarray, along: np.ndarray, axes: np.ndarray, amount: float) -> np.ndarray:
    height, width = image.shape[:2]
    reach = 1.6 * axes.max()
    x0, y0 = np.clip(np.floor(middle - reach), 0, (width, height)).astype(int)
    x1, y1 = np.clip(np.ceil(middle + reach) + 1, 0, (width, height)).astype(int)
    if x1 <= x0 or y1 <= y0:
        return image
    y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    across = ((x - middle[0]) * along[0] + (y - middle[1]) * along[1]) / axes[0]
    down = ((y - middle[1]) * along[0] - (x - middle[0]) * along[1]) / axes[1]
    light = 1 - DEPTH * amount * np.exp(-((across**2 + down**2) ** 2))
    part = image[y0:y1, x0:x1].astype(np.float32) * light[..., None]
    image = image.copy()
    image[y0:y1, x0:x1] = part.round().astype(np.uint8)
    return image
