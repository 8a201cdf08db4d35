"""The 52 shapes on the model: each moves what it names, on its side; mirrored weights give a mirrored face; no combination goes too far."""

import numpy as np
import pytest

from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.landmarks import MEDIAPIPE
from stavis.synthetic.heads.people.person import landmark_basis
from stavis.synthetic.heads.shapes import HIGHEST, LOWEST, MATRIX, MODEL_SHAPES, model_weights

MOVING = BLENDSHAPES[1:]
PLACES = {
    "brow": [i for ring in MEDIAPIPE.brows for i in ring],
    "eye": [i for ring in MEDIAPIPE.left_eye + MEDIAPIPE.right_eye for i in ring] + list(range(468, 478)),
    "mouth": list(MEDIAPIPE.mouth[0]),
    "jaw": [152, 148, 377, 17, 84, 314],
}


def weights_of(**values) -> np.ndarray:
    out = np.zeros((1, len(BLENDSHAPES)), np.float32)
    for name, value in values.items():
        out[0, BLENDSHAPES.index(name)] = value
    return out


def offsets(model, **values) -> np.ndarray:
    """How far (cm) the landmarks of the neutral head move."""
    return np.tensordot(model_weights(weights_of(**values))[0], landmark_basis(model).shapes, 1)


def test_every_one_of_the_52_but_the_neutral_moves_a_shape_of_the_model():
    assert MATRIX.shape == (52, 57) and not MATRIX[0].any()
    assert all(MATRIX[BLENDSHAPES.index(name)].any() for name in MOVING)


@pytest.mark.heads
@pytest.mark.parametrize("name", MOVING)
def test_a_shape_moves_what_it_names_on_its_side(name, head_model):
    values = {"jawOpen": 1.0, name: 1.0} if name == "mouthClose" else {name: 1.0}
    moved = offsets(head_model, **values) - (offsets(head_model, jawOpen=1.0) if name == "mouthClose" else 0)
    length = np.linalg.norm(moved, axis=1)
    place = next((indices for start, indices in PLACES.items() if name.startswith(start)), None)
    if place is not None:
        assert length[place].max() > 0.08, length[place].max()
    assert length.max() > 0.08
    across = landmark_basis(head_model).neutral[:, 0]
    if name.endswith(("Left", "Right")) and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
        left, right = length[across > 1].sum(), length[across < -1].sum()
        assert (left > 2 * right) if name.endswith("Left") else (right > 2 * left)


@pytest.mark.heads
def test_mirrored_weights_give_the_mirrored_face(head_model):
    neutral = landmark_basis(head_model).neutral
    mirrored = neutral * np.float32((-1, 1, 1))
    other = np.argmin(np.linalg.norm(neutral[:468, None] - mirrored[None, :468], axis=2), 1)
    left = offsets(head_model, mouthSmileLeft=0.8, browDownLeft=0.6, eyeBlinkRight=0.9, jawLeft=0.4, noseSneerRight=0.5)
    right = offsets(head_model, mouthSmileRight=0.8, browDownRight=0.6, eyeBlinkLeft=0.9, jawRight=0.4, noseSneerLeft=0.5)
    apart = np.linalg.norm(left[:468] - (right * (-1, 1, 1))[other], axis=1)
    assert np.linalg.norm(left, axis=1).max() > 0.8
    assert apart.mean() < 0.05 and np.quantile(apart, 0.95) < 0.2


def test_no_combination_goes_beyond_the_limits():
    rng = np.random.default_rng(0)
    moved = model_weights(np.concatenate([rng.uniform(0, 1, (50, 52)), np.ones((1, 52)), -np.ones((1, 52))]))
    assert moved.min() >= LOWEST and moved.max() <= HIGHEST and moved.dtype == np.float32
    blink, squint = (MODEL_SHAPES.index(f"{name}_L") for name in ("eyeBlink", "eyeSquint"))
    assert (moved[:, blink] + moved[:, squint]).max() < 1.2
    close, jaw = MODEL_SHAPES.index("mouthClose"), MODEL_SHAPES.index("jawOpen")
    assert (moved[:, close] <= np.maximum(moved[:, jaw], 0)).all()
    assert not model_weights(np.zeros((3, 52))).any()
