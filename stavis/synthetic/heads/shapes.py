"""From the 52 expression weights that a recording is told in to the 57 shapes of the head model: the one table of gains and limits."""

import numpy as np

from stavis.data.faces.blendshapes import BLENDSHAPES

# fmt: off
MODEL_SHAPES = (
    "PupilDilate_L", "PupilDilate_R", "browDown_L", "browDown_R", "browInnerUp_L", "browInnerUp_R", "browOuterUp_L", "browOuterUp_R",
    "cheekPuff_L", "cheekPuff_R", "cheekRaiser_L", "cheekRaiser_R", "cheekSquint_L", "cheekSquint_R", "eyeBlink_L", "eyeBlink_R",
    "eyeLookDown_L", "eyeLookDown_R", "eyeLookIn_L", "eyeLookIn_R", "eyeLookOut_L", "eyeLookOut_R", "eyeLookUp_L", "eyeLookUp_R",
    "eyeSquint_L", "eyeSquint_R", "eyeWide_L", "eyeWide_R", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    "mouthDimple_L", "mouthDimple_R", "mouthFrown_L", "mouthFrown_R", "mouthFunnel", "mouthLeft", "mouthLowerDown_L",
    "mouthLowerDown_R", "mouthPress_L", "mouthPress_R", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper",
    "mouthShrugLower", "mouthShrugUpper", "mouthSmile_L", "mouthSmile_R", "mouthStretch_L", "mouthStretch_R", "mouthUpperUp_L",
    "mouthUpperUp_R", "noseSneer_L", "noseSneer_R",
)
# fmt: on
"""The names of the model's expression shapes, in order; `_L` is the person's left, on the image's right."""

GAINS = {
    "mouthFrown": 1.8,
    "browDown": 1.7,
    "cheekSquint": 1.4,
    "mouthPress": 1.3,
    "eyeSquint": 1.25,
    "noseSneer": 0.8,
    "mouthUpperUp": 0.9,
}
"""How much more than its weight a shape is moved: where the model's own is fainter than a face's (1 where not named)."""

FOLLOWERS = (
    ("cheekSquint", "cheekRaiser", 0.5),
    ("browDown", "browOuterUp", -0.55),  # the model's browDown leaves the outer half of a brow where it is
    ("mouthFrown", "mouthStretch", 0.4),  # and its corners sink without the pull to the side that a frown has
)
"""Shapes of the model that go with one of the 52, and how far: without them the tracker reads half as much of a scowl or a frown."""

GROUPS = (
    (("eyeBlink", "eyeSquint"), 1.1),
    (("mouthSmile", "mouthDimple", "mouthStretch", "mouthFrown", "mouthPress"), 2.2),
    (("mouthUpperUp", "noseSneer"), 1.2),
    (("mouthPucker", "mouthFunnel"), 1.2),
    (("mouthRollUpper", "mouthRollLower", "mouthPress"), 1.6),
    (("mouthShrugLower", "mouthShrugUpper", "mouthFrown"), 2.2),
    (("jawOpen", "mouthFunnel", "mouthLowerDown"), 1.7),
    (("browDown", "browInnerUp", "browOuterUp"), 2.4),
)
"""Shapes of which no more than so much is moved together, on either side: beyond, the face looks torn."""

LOWEST, HIGHEST = -0.6, 1.8


def _base(name: str) -> tuple[str, str]:
    """browDownLeft, browDown_L -> (browDown, L); jawOpen -> (jawOpen, "")."""
    for ending, side in (("Left", "L"), ("Right", "R"), ("_L", "L"), ("_R", "R")):
        if name.endswith(ending) and name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
            return name[: -len(ending)], side
    return name, ""


def _matrix() -> np.ndarray:
    """(52,57): how far each weight moves each shape."""
    out = np.zeros((len(BLENDSHAPES), len(MODEL_SHAPES)), np.float32)
    for row, name in enumerate(BLENDSHAPES):
        base, side = _base(name)
        moved = [(base, GAINS.get(base, 1.0))] + [(other, part) for key, other, part in FOLLOWERS if key == base]
        for shape, gain in moved:
            for column, known in enumerate(MODEL_SHAPES):
                known_base, known_side = _base(known)
                if known_base == shape and (side == known_side or not side):
                    out[row, column] = gain
    return out


MATRIX = _matrix()


_GROUP_COLUMNS = tuple(
    ([k for k, name in enumerate(MODEL_SHAPES) if _base(name)[0] in names and _base(name)[1] in ("", side)], most)
    for names, most in GROUPS
    for side in "LR"
)


def model_weights(weights: np.ndarray) -> np.ndarray:
    """The weights (T,57) of the model's shapes for the 52 weights (T,52) of a motion."""
    out = np.clip(np.asarray(weights, np.float32) @ MATRIX, LOWEST, HIGHEST)
    for columns, most in _GROUP_COLUMNS:
        total = np.clip(out[:, columns], 0, None).sum(1, keepdims=True)
        part = np.minimum(1, most / np.maximum(total, 1e-6))
        out[:, columns] = np.where(out[:, columns] > 0, out[:, columns] * part, out[:, columns])
    close, jaw = MODEL_SHAPES.index("mouthClose"), MODEL_SHAPES.index("jawOpen")
    out[:, close] = np.minimum(out[:, close], np.maximum(out[:, jaw], 0))  # it shuts the lips over an open jaw
    return out
