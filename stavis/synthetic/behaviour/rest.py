"""Faces at rest: what a person's face looks like while it shows nothing."""

import numpy as np

from stavis.synthetic.behaviour.weights import columns

AVERAGE = {"mouthFrown": 0.14, "browDown": 0.1, "eyeSquint": 0.08, "eyeBlink": 0.06}
"""What the head model's neutral face needs to be an average face at rest: the corners of its mouth lie higher, its brows higher and its
lids wider than those of real people. The amounts are set by eye; with them the means through the tracker are in the gate's ranges."""

SPREAD = {
    "mouthFrown": 0.3,
    "mouthSmile": 0.18,
    "browDown": 0.35,
    "browInnerUp": 0.28,
    "browOuterUp": 0.26,
    "eyeSquint": 0.2,
    "eyeBlink": 0.13,
    "eyeWide": 0.15,
    "mouthShrugLower": 0.28,
    "mouthPucker": 0.3,
    "mouthRollLower": 0.28,
    "mouthRollUpper": 0.28,
    "mouthPress": 0.25,
    "mouthUpperUp": 0.1,
    "mouthStretch": 0.12,
    "noseSneer": 0.12,
    "cheekPuff": 0.2,
    "cheekSquint": 0.14,
    "jawForward": 0.35,
}
"""How far people differ at rest, to either side of the average, as weights; each is the end of an even range."""

_OFTEN = 0.65  # how often a person differs in a shape at all
_LIPS_APART = (0.04, 0.2)


def sample_rest(rng: np.random.Generator, diversity: float = 1.0) -> np.ndarray:
    """A face at rest: weights (52,), alike on both sides but for a little. Over people their mean is AVERAGE, so that no resting face
    is worth anything: what it looks like says who it is. diversity scales how far people differ."""
    rest = np.zeros(52)
    for name, spread in SPREAD.items():
        differs = rng.random() < _OFTEN
        amount = rng.uniform(-spread, spread) * differs * diversity
        for column in columns(name):
            rest[column] = amount * (1 + 0.15 * rng.standard_normal())
    for name, amount in AVERAGE.items():
        rest[list(columns(name))] += amount
    return rest


def sample_parted_lips(rng: np.random.Generator, diversity: float = 1.0) -> float:
    """How far a person's jaw hangs at rest between words: jawOpen, 0 for most."""
    return float(rng.uniform(*_LIPS_APART) * diversity) if rng.random() < 0.4 else 0.0
