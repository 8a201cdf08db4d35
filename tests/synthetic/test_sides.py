"""No side of a synthetic face tells more than the other: what a network makes of one side only is its own doing, not its data's."""

import numpy as np
import pytest

from stavis.data.faces.alignment import apply_affine, crop_affine
from stavis.landmarks import DRAWN
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.recording import render

MANY = 40


def cues(landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """Height of each brow, opening of each eye, height of each corner of the mouth over its middle: left, right, as fractions of a crop."""
    height = apply_affine(crop_affine(landmarks, 1), landmarks)[..., 1]
    mouth, eyes = list(DRAWN.mouth[0]), [list(ring[0]) for ring in (DRAWN.left_eye, DRAWN.right_eye)]
    middle = (height[:, mouth[6]] + height[:, mouth[18]]) / 2
    return {
        "brow": np.stack([-height[:, list(ring)].mean(1) for ring in DRAWN.brows], 1),
        "eye": np.stack([height[:, eye[12]] - height[:, eye[4]] for eye in eyes], 1),
        "corner": np.stack([middle - height[:, corner] for corner in DRAWN.mouth_corners], 1),
    }


@pytest.mark.parametrize(("scenario", "least"), [("eyes", {"brow": 0.5, "eye": 0.0}), ("mouth", {"corner": 0.5})])
def test_both_sides_tell_the_same_of_the_valence(scenario, least):
    spec = SyntheticConfig(scenarios=scenario, recordings=MANY, seconds=6, fps=6.25, seed=5)
    truths = [render(spec, index).truth for index in range(MANY)]
    valence = np.concatenate([truth.valence for truth in truths])
    for name, enough in least.items():
        sides = np.concatenate([cue - cue.mean(0) for cue in (cues(truth.landmarks)[name] for truth in truths)])
        told = [np.corrcoef(side, valence)[0, 1] for side in sides.T]
        assert abs(told[0] - told[1]) < 0.05, name
        assert min(np.abs(told)) >= enough, name
        moved = sides.std(0)
        assert moved.max() / moved.min() < 1.1, name


def test_light_falls_on_no_side_more_often():
    spec = SyntheticConfig(scenarios="eyes", recordings=MANY, seconds=2, fps=6.25, size=(64, 64), seed=5)
    brighter = []
    for index in range(MANY):
        image = next(iter(render(spec, index).frames([0]))).astype(float)
        half = image.shape[1] // 2
        brighter.append(image[:, :half].mean() > image[:, half:].mean())
    assert 0.25 < np.mean(brighter) < 0.75, "by more than three standard errors of a fair coin"
