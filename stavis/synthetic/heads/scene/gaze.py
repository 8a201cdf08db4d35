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


def turns(angles: np.ndarray) -> np.ndarray:
    """The rotations (...,3,3) of eyes by angles (...,2), float32."""
    (cos, up_cos), (sin, up_sin) = np.moveaxis(np.cos(angles), -1, 0), np.moveaxis(np.sin(angles), -1, 0)
    zero = np.zeros_like(cos)
    rows = [[cos, -sin * up_sin, sin * up_cos], [zero, up_cos, up_sin], [-sin, -cos * up_sin, cos * up_cos]]
    return np.stack([np.stack(row, -1) for row in rows], -2).astype(np.float32)


def turn_eyes(points: np.ndarray, mesh: HeadMesh, rotations: np.ndarray) -> None:
    """Turn the eyes of a mesh, points (n,3) cm of a head that is not posed, by rotations (2,3,3), in place."""
    for eye, weights, rotation in zip(mesh.eyes, mesh.eyeballs, rotations, strict=True):
        ball = points[eye]
        middle = weights[eye] @ ball
        points[eye] = (ball - middle) @ rotation.T + middle


def turn_irises(landmarks: np.ndarray, points: np.ndarray, mesh: HeadMesh, rotations: np.ndarray) -> None:
    """The same for landmarks (T,478,3) cm, in place: points (n,3) cm are the person's at rest, rotations (T,2,3,3)."""
    for k, (eye, weights) in enumerate(zip(mesh.eyes, mesh.eyeballs, strict=True)):
        iris, middle = slice(*IRISES[k]), weights[eye] @ points[eye]
        landmarks[:, iris] = (landmarks[:, iris] - middle) @ rotations[:, k].transpose(0, 2, 1) + middle
