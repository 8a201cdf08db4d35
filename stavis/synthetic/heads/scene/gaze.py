"""Where the eyes look: the model's shapes move lids alone, the balls turn here, and the landmarks of the irises with them."""

import numpy as np

from stavis.synthetic.heads.scene.mesh import HeadMesh
from stavis.synthetic.heads.shapes import MODEL_SHAPES

_FARTHEST = {"Out": 28.0, "In": 30.0, "Up": 20.0, "Down": 26.0}
"""Degrees at weight 1: about half of what eyes can turn, as people turn the head for more."""
IRISES = ((468, 473), (473, 478))
"""The landmarks of the iris on the image's left and of that on its right."""


def gaze_angles(weights: np.ndarray) -> np.ndarray:
    """(T,2,2): how far the eye on the image's left and that on its right turn to the image's right and up, in radians; weights (T,57)."""

    def amount(way: str, side: str) -> np.ndarray:
        return np.radians(_FARTHEST[way]) * weights[:, MODEL_SHAPES.index(f"eyeLook{way}_{side}")]

    eyes = [
        (amount("In", "R") - amount("Out", "R"), amount("Up", "R") - amount("Down", "R")),
        (amount("Out", "L") - amount("In", "L"), amount("Up", "L") - amount("Down", "L")),
    ]
    return np.stack([np.stack(eye, -1) for eye in eyes], 1)


def turn_eyes(points: np.ndarray, mesh: HeadMesh, angles: np.ndarray) -> None:
    """Turn the eyes of a mesh, points (n,3) cm of a head that is not posed, by angles (2,2), in place."""
    for eye, weights, angle in zip(mesh.eyes, mesh.eyeballs, angles, strict=True):
        if angle.any():
            points[eye] = _turned(points[eye], weights @ points, angle)


def turn_irises(landmarks: np.ndarray, points: np.ndarray, mesh: HeadMesh, angles: np.ndarray) -> None:
    """The same for landmarks (T,478,3) cm, in place: points (n,3) cm are the person's at rest, angles (T,2,2)."""
    for k, weights in enumerate(mesh.eyeballs):
        iris = slice(*IRISES[k])
        landmarks[:, iris] = _turned(landmarks[:, iris], weights @ points, angles[:, k, None].transpose(2, 0, 1))


def _turned(points: np.ndarray, middle: np.ndarray, angle: np.ndarray) -> np.ndarray:
    (x, y, z), (aside, up) = np.moveaxis(points - middle, -1, 0), angle
    y, z = y * np.cos(up) + z * np.sin(up), z * np.cos(up) - y * np.sin(up)
    x, z = x * np.cos(aside) + z * np.sin(aside), z * np.cos(aside) - x * np.sin(aside)
    return (np.stack([x, y, z], -1) + middle).astype(points.dtype)
