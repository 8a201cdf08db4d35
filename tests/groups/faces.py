"""Moving heads for tests, from the canonical face alone: nothing is rendered and no model is needed."""

import numpy as np

from stavis.data.faces.alignment import apply_affine, crop_affine
from stavis.groups.canonical import canonical_face
from stavis.landmarks import MEDIAPIPE

SIZE = 112


def turned(yaw, pitch, roll, scale=1.0, shift=(0.0, 0.0), form=None) -> np.ndarray:
    """The 478 landmarks (T,478,2) px of a head turned by angles in rad, seen in an image of 640 x 480; `form` (478,3) is added to it."""
    face = canonical_face()
    points = np.concatenate([face.points[MEDIAPIPE.count] - 0.5, face.depth[:, None]], 1)
    points = points + (0 if form is None else form)
    yaw, pitch, roll, scale = np.broadcast_arrays(*(np.atleast_1d(np.asarray(value, float)) for value in (yaw, pitch, roll, scale)))
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)

    def matrix(*rows):
        return np.stack([np.stack(row, -1) for row in rows], -2)

    about_y = matrix((np.cos(yaw), zero, np.sin(yaw)), (zero, one, zero), (-np.sin(yaw), zero, np.cos(yaw)))
    about_x = matrix((one, zero, zero), (zero, np.cos(pitch), -np.sin(pitch)), (zero, np.sin(pitch), np.cos(pitch)))
    about_z = matrix((np.cos(roll), -np.sin(roll), zero), (np.sin(roll), np.cos(roll), zero), (zero, zero, one))
    moved = np.einsum("tij,tjk,tkl,nl->tni", about_z, about_x, about_y, points)
    return moved[..., :2] * 200 * scale[:, None, None] + (320, 240) + np.asarray(shift)


def in_crop(landmarks: np.ndarray, size: int = SIZE) -> np.ndarray:
    """Landmarks of the image in pixels of the aligned crop."""
    return apply_affine(crop_affine(landmarks, size), landmarks)


def painted(places: np.ndarray, grid: int = 28, size: int = SIZE, width: float = 0.04) -> np.ndarray:
    """Maps (T,grid,grid) with a spot at a place (T,2) px of the crop; width: its standard deviation in widths of the crop."""
    middles = (np.arange(grid) + 0.5) / grid
    x, y = (np.asarray(places, float).T[:, :, None] + 0.5) / size
    maps = np.exp(-((middles - y) ** 2) / (2 * width**2))[:, :, None] * np.exp(-((middles - x) ** 2) / (2 * width**2))[:, None, :]
    return maps / maps.sum((1, 2), keepdims=True)


def poses(seed: int, count: int) -> dict[str, np.ndarray]:
    """Angles, scales and shifts of heads as people hold them."""
    rng = np.random.default_rng(seed)
    return {
        "yaw": rng.uniform(-0.5, 0.5, count),
        "pitch": rng.uniform(-0.35, 0.35, count),
        "roll": rng.uniform(-0.5, 0.5, count),
        "scale": rng.uniform(0.4, 1.6, count),
    }
