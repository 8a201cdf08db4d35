"""Region masks drawn from landmarks: which pixel belongs to which part of the face."""

import cv2
import numpy as np

from stavis.data.faces.alignment import anchors, layout_of
from stavis.regions import REGIONS

_SHIFT = 4  # OpenCV draws with coordinates in 1/16 px

_FINE = 3  # drawn finer, then each pixel's middle is taken: OpenCV fills half a pixel too much; an odd number keeps mirrors alike


def rasterise(landmarks: np.ndarray, size: int = 112, valid: np.ndarray | None = None) -> np.ndarray:
    """Which region every pixel of a crop belongs to: (T,R,size,size) bool in the order of REGIONS, a partition of each frame.

    Where outlines overlap, the first of lips, eyes, brows, nose, lids, glabella, the mouth's folds, chin, cheeks, forehead, rest (the
    face's oval) has the pixel; what is left is outside.
    Frames without a face (not valid, or NaN) are all outside.

    landmarks (T,L,2) px of the crop; valid (T,) bool, default all.
    """
    return rasterise_index(landmarks, size, valid)[:, None] == np.arange(len(REGIONS), dtype=np.uint8)[:, None, None]


def rasterise_index(landmarks: np.ndarray, size: int = 112, valid: np.ndarray | None = None) -> np.ndarray:
    """The same as `rasterise` in one number a pixel: (T,size,size) uint8, the index into REGIONS."""
    layout = layout_of(landmarks)
    there = np.isfinite(landmarks).all((1, 2))
    if valid is not None:
        there &= np.asarray(valid, bool)
    outside = REGIONS.index("outside")
    out = np.full((len(landmarks), size, size), outside, np.uint8)
    picture = np.empty((_FINE * size, _FINE * size), np.uint8)
    left, right, _ = anchors(landmarks)
    eye_distance = np.clip(_FINE * np.hypot(*(right - left).T), 0, 16 * size)
    # Far points are drawn in: OpenCV's fixed-point numbers would overflow.
    points = np.clip(np.nan_to_num(np.asarray(landmarks, np.float64)), -64 * size, 64 * size)
    fixed = np.rint(((points + 0.5) * _FINE - 0.5) * (1 << _SHIFT)).astype(np.int32)
    rings = [(REGIONS.index(name), np.array(ring), margin) for name, ring, margin in layout.outlines]
    for t in np.flatnonzero(there):
        picture[:] = outside
        for value, ring, margin in rings:
            outline = [fixed[t, ring]]
            cv2.fillPoly(picture, outline, value, lineType=cv2.LINE_8, shift=_SHIFT)
            if thickness := round(2 * margin * eye_distance[t]):
                cv2.polylines(picture, outline, True, value, thickness, lineType=cv2.LINE_8, shift=_SHIFT)
        out[t] = picture[_FINE // 2 :: _FINE, _FINE // 2 :: _FINE]
    return out
