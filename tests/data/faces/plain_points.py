"""A plain face as landmarks of either layout: every ring an ellipse, in eye distances from the middle between the eyes; its left and
right halves mirror each other point by point."""

import numpy as np

from stavis.landmarks import MEDIAPIPE, Layout

PLACES = {  # middle x, y; half width, half height
    "face": (0.0, 0.45, 1.05, 1.40),
    "left_eye": (-0.5, 0.0, 0.22, 0.09),
    "right_eye": (0.5, 0.0, 0.22, 0.09),
    "nose": (0.0, 0.4, 0.24, 0.35),
    "mouth": (0.0, 1.05, 0.42, 0.16),
}
SKIN = {  # points of the mesh between the parts, on the left and in the middle
    35: (-0.85, 0.08), 124: (-0.85, -0.1), 193: (-0.13, -0.05), 245: (-0.2, 0.1), 233: (-0.26, 0.16), 232: (-0.34, 0.2),
    231: (-0.42, 0.22), 230: (-0.5, 0.23), 229: (-0.6, 0.22), 228: (-0.7, 0.19), 31: (-0.78, 0.14), 129: (-0.27, 0.62),
    203: (-0.36, 0.72), 206: (-0.46, 0.85), 216: (-0.55, 0.98), 212: (-0.58, 1.12), 202: (-0.5, 1.25), 204: (-0.38, 1.32),
    83: (-0.15, 1.36), 18: (0.0, 1.37), 211: (-0.48, 1.45), 170: (-0.5, 1.58), 169: (-0.62, 1.45), 135: (-0.72, 1.3), 192: (-0.82, 1.1),
    213: (-0.86, 0.95), 147: (-0.9, 0.75), 123: (-0.92, 0.55), 116: (-0.92, 0.35), 143: (-0.9, 0.15), 68: (-0.75, -0.5),
    186: (-0.5, 1.0), 92: (-0.4, 0.92), 9: (0.0, -0.35), 8: (0.0, -0.2),
}  # fmt: skip


def plain_face(layout: Layout, eye_distance: float = 60.0, middle=(200.0, 150.0), angle: float = 0.0) -> np.ndarray:
    """(L,2) px of an image; angle in degrees, clockwise as seen."""
    points = np.tile((0.0, 0.5), (layout.count, 1))
    mesh = layout is MEDIAPIPE
    for part, (x, y, a, b) in PLACES.items():
        ring = getattr(layout, part)[0]
        start = -np.pi / 2 if mesh and part in ("face", "nose") else np.pi
        turn = start + (-1 if mesh and part == "nose" else 1) * 2 * np.pi * np.arange(len(ring)) / len(ring)
        points[list(ring)] = np.stack([x + a * np.cos(turn), y + b * np.sin(turn)], 1)
    along = np.linspace(-0.3, 0.3, 5)
    for ring, x in zip(layout.brows, (-0.5, 0.5), strict=True):
        upper, lower = np.stack([x + along, along * 0 - 0.38], 1), np.stack([x - along, along * 0 - 0.27], 1)
        points[list(ring)] = np.concatenate([upper, lower])
    for point, place in SKIN.items() if mesh else ():
        points[[point, layout.mirror[point]]] = place, np.multiply(place, (-1, 1))
    for part, corners in (("left_eye", layout.left_eye_corners), ("right_eye", layout.right_eye_corners)):
        x, y, a, _ = PLACES[part]
        points[list(corners)] = [(x - a, y), (x + a, y)]
    x, y, a, _ = PLACES["mouth"]
    points[list(layout.mouth_corners)] = [(x - a, y), (x + a, y)]
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points @ rotation.T * eye_distance + np.asarray(middle)
