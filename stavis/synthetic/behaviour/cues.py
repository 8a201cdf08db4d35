"""How people show what the courses of a scenario say: the shapes of a smile, a frown, a scowl, which come together and differ by person.

Onset, apex and offset are those of the courses, which come and go within .45 to 1.7 s. What is added here follows the facial actions
that go with valence (Ekman & Friesen 1978): the values of the rule (values.py) agree with the course where both regions show it.
"""

from dataclasses import dataclass

import numpy as np

from stavis.synthetic.behaviour.weights import Weights
from stavis.synthetic.scenarios import Courses

FROWNS = ("sad", "disgust", "anger", "cry")
"""How the mouth shows what is unpleasant: corners down over a raised chin; upper lip and nose raised; lips pressed; mouth open."""
SCOWLS = ("scowl", "worry", "glare")
"""How the eyes show it: brows lowered and lids narrowed; brows knit and oblique; brows lowered over wide eyes."""


@dataclass(frozen=True)
class Habits:
    """How a person expresses: amounts of shapes at the height of a smile (mouth), of smiling eyes, of the frown and the scowl; the powers
    that a smile and a frown rise with; sides, the factors of the left and right half of the face."""

    smile: dict[str, float]
    smiling_eyes: dict[str, float]
    frown: dict[str, float]
    scowl: dict[str, float]
    powers: tuple[float, float]
    sides: tuple[float, float]


def sample_habits(rng: np.random.Generator) -> Habits:
    """How one person expresses; one in ten smiles and frowns with one side more than with the other."""

    def some(low: float, high: float, often: float) -> float:
        return float(rng.uniform(low, high)) if rng.random() < often else 0.0

    def full(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    smile = {
        "mouthSmile": full(0.75, 1.0),
        "cheekSquint": full(0.3, 0.7),
        "mouthUpperUp": some(0.05, 0.4, 0.6),
        "mouthLowerDown": some(0.05, 0.3, 0.5),
        "mouthDimple": some(0.05, 0.35, 0.5),
        "mouthStretch": some(0.05, 0.25, 0.4),
        "mouthPress": some(0.1, 0.35, 0.15),
        "jawOpen": some(0.03, 0.3, 0.6),
        "eyeSquint": some(0.1, 0.4, 0.6),
    }
    smiling_eyes = {
        "cheekSquint": full(0.5, 0.8),
        "eyeSquint": full(0.35, 0.8),
        "browOuterUp": some(0.1, 0.4, 0.4),
        "browInnerUp": some(0.05, 0.25, 0.4),
        "browDown": full(-0.25, 0.0),
    }
    unlike = 0.3 if rng.random() < 0.1 else 0.07
    tilt = float(np.clip(rng.normal(0, unlike), -0.45, 0.45))
    powers = (full(0.85, 1.2), full(0.85, 1.15))
    return Habits(smile, smiling_eyes, _frown(rng, some, full), _scowl(rng, some, full), powers, (1 + tilt, 1 - tilt))


def _frown(rng: np.random.Generator, some, full) -> dict[str, float]:
    frown = {
        "mouthFrown": full(0.85, 1.0),
        "mouthShrugLower": some(0.2, 0.8, 0.7),
        "mouthPress": some(0.1, 0.4, 0.4),
        "mouthPucker": some(0.1, 0.3, 0.25),
        "mouthStretch": some(0.1, 0.4, 0.3),
    }
    style = FROWNS[rng.choice(len(FROWNS), p=(0.4, 0.22, 0.2, 0.18))]
    more = {
        "sad": {"mouthRollLower": some(0.05, 0.3, 0.4)},
        "disgust": {"mouthUpperUp": full(0.25, 0.7), "noseSneer": full(0.4, 0.9)},
        "anger": {"mouthPress": full(0.4, 0.8), "mouthRollLower": full(0.1, 0.5), "noseSneer": some(0.2, 0.5, 0.5)},
        "cry": {
            "jawOpen": full(0.1, 0.45),
            "mouthLowerDown": full(0.25, 0.7),
            "mouthStretch": full(0.2, 0.6),
            "mouthUpperUp": some(0, 0.3, 0.5),
        },
    }[style]
    return {**frown, **more}


def _scowl(rng: np.random.Generator, some, full) -> dict[str, float]:
    scowl = {
        "browDown": full(0.85, 1.0),
        "eyeSquint": some(0.1, 0.6, 0.6),
        "noseSneer": some(0.1, 0.5, 0.4),
        "eyeBlink": some(0.05, 0.25, 0.3),
    }
    style = SCOWLS[rng.choice(len(SCOWLS), p=(0.55, 0.3, 0.15))]
    more = {
        "scowl": {},
        "worry": {"browInnerUp": full(0.4, 0.9), "browDown": full(0.6, 0.8), "noseSneer": 0.0},
        "glare": {"eyeWide": full(0.2, 0.6), "eyeSquint": 0.0, "eyeBlink": 0.0},
    }[style]
    return {**scowl, **more}


def cue_weights(habits: Habits, courses: Courses) -> Weights:
    """What the courses of mouth and eyes look like in this person's face; nothing where both are 0."""
    weights = Weights(len(courses.mouth), habits.sides)
    mouth, eyes = courses.mouth, courses.eyes
    for course, power, shapes in (
        (np.clip(mouth, 0, 1), habits.powers[0], habits.smile),
        (np.clip(-mouth, 0, 1), habits.powers[1], habits.frown),
        (np.clip(eyes, 0, 1), 1.0, habits.smiling_eyes),
        (np.clip(-eyes, 0, 1), 1.0, habits.scowl),
    ):
        for name, amount in shapes.items():
            weights.add(name, amount * course**power)
    return weights
