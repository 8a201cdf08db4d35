"""The canonical face: where the landmarks of each layout lie on one average face, seen from the front and the same on both sides.

MediaPipe's 478 points are taken from the neutral head of the head model; the 124 of the synthetic faces lie on the same outlines, each at
the same fraction of its half of the ring.
"""

from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from stavis.data.faces.alignment import EYE_DISTANCE, EYES_AT, crop_affine
from stavis.landmarks import DRAWN, MEDIAPIPE
from stavis.storage.files import atomic_file
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.flat.stage import FlatStage
from stavis.synthetic.heads.model import HeadModel
from stavis.synthetic.scenarios import sample_courses

_RINGS = ("face", "left_eye", "right_eye", "brows", "nose", "mouth")
_FLAT = SyntheticConfig(recordings=24, seconds=1.0, fps=6.25, size=(112, 112), seed=0)


def canonical_points(model: HeadModel) -> dict[str, np.ndarray]:
    """mediapipe (478,3), its mirror image's order mediapipe_mirror (478,), and synthetic (124,2), synthetic_mirror (124,).

    Units are widths of a crop: x to the image's right and y down in [0,1] where a crop shows the face, z towards the viewer.
    """
    head = np.einsum("lkc,lk->lc", model.neutral[model.landmark_triangles].astype(np.float64), model.landmark_weights)
    points, mirror = _symmetric(_in_crop(head))
    flat, flat_mirror = _symmetric(_on_outlines(_mean_flat_face(), points[:, :2]))
    return {
        "mediapipe": points.astype(np.float32),
        "mediapipe_mirror": mirror.astype(np.int16),
        "synthetic": flat.astype(np.float32),
        "synthetic_mirror": flat_mirror.astype(np.int16),
    }


def write_points(path: Path, points: dict[str, np.ndarray]) -> None:
    """The points as a file, as stavis.groups.canonical reads it."""
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **points)


def _in_crop(head: np.ndarray) -> np.ndarray:
    """Points in cm (x to the image's right, y up) in widths of a crop that is aligned by the eyes."""
    eyes = [head[list(pair)].mean(0) for pair in (MEDIAPIPE.left_eye_corners, MEDIAPIPE.right_eye_corners)]
    scale = EYE_DISTANCE / np.linalg.norm(eyes[1] - eyes[0])
    return (head - np.mean(eyes, 0)) * (scale, -scale, scale) + (*EYES_AT, 0)


def _symmetric(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points with what sets left and right apart averaged out, and which point is the mirror image of each."""
    flip = np.array([-1.0, *[1.0] * (points.shape[1] - 1)])
    mirrored = points * flip + np.array([2 * EYES_AT[0], *[0.0] * (points.shape[1] - 1)])
    _, other = linear_sum_assignment(np.linalg.norm(points[:, None] - mirrored[None], axis=2))
    return (points + mirrored[other]) / 2, other


def _mean_flat_face() -> np.ndarray:
    """The landmarks (124,2) of the average synthetic face in the crop."""
    found = []
    for index in range(_FLAT.recordings):
        landmarks = FlatStage(_FLAT, index, sample_courses(_FLAT, index)).landmarks()
        affine = crop_affine(landmarks)
        found.append(np.einsum("tij,tlj->tli", affine[:, :, :2], landmarks) + affine[:, None, :, 2])
    return np.concatenate(found).mean(0)


def _on_outlines(flat: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Each landmark of the synthetic face (124,2) on the same ring of the canonical face (478,2)."""
    out = np.full((DRAWN.count, 2), np.nan)
    for name in _RINGS:
        for ring, goal in zip(getattr(DRAWN, name), getattr(MEDIAPIPE, name), strict=True):
            halves = zip(_halves(flat, ring), _halves(points, goal), strict=True)
            for mine, theirs in halves:
                out[list(mine)] = _along(points[list(theirs)], _fractions(flat[list(mine)]))
    return out


def _halves(points: np.ndarray, ring: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """A ring in two: over the top from its leftmost to its rightmost point, and along the bottom between the same two."""
    x, y = points[list(ring)].T
    if np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) < 0:  # y is down: clockwise is positive
        ring = ring[::-1]
        x = x[::-1]
    start = int(x.argmin())
    ring, x = ring[start:] + ring[:start], np.roll(x, -start)
    end = int(x.argmax())
    return ring[: end + 1], (ring[0], *reversed(ring[end:]))


def _fractions(line: np.ndarray) -> np.ndarray:
    """How far along a line (K,2) each of its points lies, in [0,1]."""
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    return lengths / lengths[-1]


def _along(line: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """The points of a line (K,2) at these fractions of its length."""
    return np.stack([np.interp(fractions, _fractions(line), line[:, axis]) for axis in range(2)], 1)
