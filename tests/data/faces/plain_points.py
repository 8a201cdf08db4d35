"""A plain face as landmarks of either layout: every ring an ellipse, in eye distances from the middle between the eyes."""

import numpy as np

from stavis.landmarks import Layout

PLACES = {  # middle x, y; half width, half height; a list where a part has several rings
    "face": [(0.0, 0.45, 1.05, 1.40)],
    "left_eye": [(-0.5, 0.0, 0.22, 0.09)],
    "right_eye": [(0.5, 0.0, 0.22, 0.09)],
    "brows": [(-0.5, -0.32, 0.3, 0.06), (0.5, -0.32, 0.3, 0.06)],
    "nose": [(0.0, 0.4, 0.24, 0.35)],
    "mouth": [(0.0, 1.05, 0.42, 0.16)],
}


def plain_face(layout: Layout, eye_distance: float = 60.0, middle=(200.0, 150.0), angle: float = 0.0) -> np.ndarray:
    """(L,2) px of a picture; angle in degrees, clockwise as seen."""
    rng = np.random.default_rng(5)
    points = rng.uniform((-0.3, 0.2), (0.3, 0.6), (layout.count, 2))
    for part, places in PLACES.items():
        for ring, (x, y, a, b) in zip(getattr(layout, part), places, strict=True):
            turn = np.pi + 2 * np.pi * np.arange(len(ring)) / len(ring)
            points[list(ring)] = np.stack([x + a * np.cos(turn), y + b * np.sin(turn)], 1)
    for part, corners in (("left_eye", layout.left_eye_corners), ("right_eye", layout.right_eye_corners)):
        x, y, a, _ = PLACES[part][0]
        points[list(corners)] = [(x - a, y), (x + a, y)]
    x, y, a, _ = PLACES["mouth"][0]
    points[list(layout.mouth_corners)] = [(x - a, y), (x + a, y)]
    turn = np.deg2rad(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points @ rotation.T * eye_distance + np.asarray(middle)
