"""Faces that are too small for the detector in the whole image: looked for in overlapping tiles, and seen again from nearby."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from stavis.data.faces.networks.landmarker import DETECTOR_SIDE, Detection, FaceNetworks, overlap

ONE_SCALE, SCALES = (2,), (2, 3)
"""How many times the detector's side the image is, when it is cut into tiles: 2 finds faces down to a twelfth of the short side."""

SEEN_CLOSE = 0.7
"""The least score of a small face in each close-up: a letter to which landmarks clung had .98 and .65 there."""

_CLOSE_UPS = (2.5, 4.0)  # sides of the images of a close look, in sizes of the face
_SAME_FACE = 0.3
_MOST_OF_ONE = 4


def in_tiles(networks: FaceNetworks, image: np.ndarray, scales: Sequence[int] = ONE_SCALE) -> Iterator[Detection]:
    """What the detector finds in tiles of the image and again in two close-ups, as seen from nearby, the surest first."""
    found: list[Detection] = []
    for scale in scales:
        found += _at_scale(networks, image, scale)
    found.sort(key=lambda d: -d.score)
    seen: list[Detection] = []
    for candidate in found[:_MOST_OF_ONE] if tuple(scales) == ONE_SCALE else found:
        if any(overlap(candidate.box, one.box[None])[0] > _SAME_FACE for one in seen):
            continue
        closer = close_up(networks, image, candidate.box)
        if closer is not None:
            seen.append(closer)
            yield closer


def _at_scale(networks: FaceNetworks, image: np.ndarray, times: int) -> list[Detection]:
    scale = times * DETECTOR_SIDE / max(image.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    found = []
    for y in _starts(size[1], times):
        for x in _starts(size[0], times):
            tile = small[y : y + DETECTOR_SIDE, x : x + DETECTOR_SIDE]
            found += [moved(one, x, y, 1 / scale) for one in networks.detect(tile)]
    return found


def close_up(networks: FaceNetworks, image: np.ndarray, box: np.ndarray) -> Detection | None:
    """The face in a box as the detector sees it from nearby; None where it is not sure of it at both sizes."""
    size, centre = float((box[2:] - box[:2]).max()), (box[:2] + box[2:]) / 2
    seen = None
    for sides in _CLOSE_UPS:
        x0, y0 = (max(0, round(c - sides * size / 2)) for c in centre)
        x1, y1 = (round(c + sides * size / 2) for c in centre)
        part = image[y0 : max(y1, 0), x0 : max(x1, 0)]
        here = [moved(d, x0, y0) for d in networks.detect(part, SEEN_CLOSE)] if part.size else []
        here = [d for d in here if overlap(box, d.box[None])[0] > _SAME_FACE]
        if not here:
            return None
        seen = seen or here[0]
    return seen


def moved(found: Detection, x: int, y: int, scale: float = 1.0) -> Detection:
    """A detection in a part of the image that begins at (x, y), in pixels of the image."""
    shift = np.array([x, y], np.float64)
    return Detection((found.box + np.tile(shift, 2)) * scale, (found.keypoints + shift) * scale, found.score)


def _starts(side: int, times: int) -> list[int]:
    """Where tiles of the detector's size begin along a side, each half a tile after the one before."""
    last = max(0, side - DETECTOR_SIDE)
    return sorted({min(k * DETECTOR_SIDE // 2, last) for k in range(2 * times - 1)})
