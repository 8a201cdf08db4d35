"""Speech: visemes at the rate of syllables, with closures and pauses, over whatever the face expresses.

No shape of speech is one that the rule of values (values.py) reads, so a person who only speaks is worth what the silent face is.
"""

from dataclasses import dataclass

import numpy as np

from stavis.synthetic.noise import smooth_course, smooth_step

VOWELS = {
    "aa": {"jawOpen": 0.55, "mouthLowerDown": 0.25, "mouthUpperUp": 0.1},
    "ae": {"jawOpen": 0.4, "mouthLowerDown": 0.3, "mouthUpperUp": 0.15, "mouthStretch": 0.25},
    "ee": {"jawOpen": 0.12, "mouthStretch": 0.4, "mouthLowerDown": 0.4, "mouthUpperUp": 0.2, "mouthDimple": 0.15},
    "er": {"jawOpen": 0.25, "mouthFunnel": 0.25, "mouthLowerDown": 0.2},
    "oo": {"jawOpen": 0.3, "mouthFunnel": 0.55, "mouthPucker": 0.3},
    "uu": {"jawOpen": 0.1, "mouthPucker": 0.7, "mouthFunnel": 0.2},
}
CONSONANTS = {
    "mbp": {"mouthPress": 0.45, "mouthRollUpper": 0.35, "mouthRollLower": 0.4},
    "fv": {"jawOpen": 0.08, "mouthRollLower": 0.55, "mouthUpperUp": 0.25},
    "ss": {"jawOpen": 0.06, "mouthStretch": 0.3, "mouthLowerDown": 0.35, "mouthUpperUp": 0.15},
    "sh": {"jawOpen": 0.1, "mouthFunnel": 0.6, "mouthShrugUpper": 0.2},
    "l": {"jawOpen": 0.28, "mouthLowerDown": 0.2},
    "k": {"jawOpen": 0.2, "mouthDimple": 0.2},
    "w": {"jawOpen": 0.08, "mouthPucker": 0.6},
}
"""The mouth at the middle of a vowel and of a consonant: weights of shapes; `mbp` shuts the lips."""

SHAPES = tuple(sorted({name for viseme in (*VOWELS.values(), *CONSONANTS.values()) for name in viseme}))
_CLOSURES = 0.3  # of the consonants shut the lips
_TALKERS = 0.8  # of the people talk at all


@dataclass(frozen=True)
class Voice:
    """How a person speaks: amount, how much the mouth moves (0: never); rate in syllables/s; jaw, a factor; habits, a factor a shape."""

    amount: float
    rate: float
    jaw: float
    habits: dict[str, float]


def sample_voice(rng: np.random.Generator) -> Voice:
    """How a person speaks; three to six syllables a second."""
    talks = rng.random() < _TALKERS
    habits = {name: float(rng.uniform(0.6, 1.4)) for name in SHAPES}
    return Voice(float(rng.uniform(0.45, 1.1)) if talks else 0.0, float(rng.uniform(3, 6)), float(rng.uniform(0.6, 1.3)), habits)


def sample_speech(rng: np.random.Generator, voice: Voice, count: int, fps: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The weights of a person who speaks, by shape without a side, (T,) each; and how much there is speech at all, (T,) in [0,1].

    Pauses come and go within a second or two; a word shuts lips that stand apart without one.
    """
    talks = smooth_step(smooth_course(rng, count, 1.5 * fps), -0.3, 0.4)
    seconds = count / fps
    keys = int(2 * seconds * voice.rate * 1.6) + 8  # a consonant and a vowel a syllable
    at = np.cumsum(rng.uniform(0.65, 1.35, keys)) / (2 * voice.rate) - rng.uniform(0.3, 0.6)
    visemes = [_consonant(rng) if k % 2 == 0 else VOWELS[str(rng.choice(list(VOWELS)))] for k in range(keys)]
    stress = rng.uniform(0.6, 1.2, keys)
    times = np.arange(count) / fps
    weights = {}
    for name in SHAPES:
        gain = voice.habits[name] * (voice.jaw if name == "jawOpen" else 1)
        values = np.array([viseme.get(name, 0.0) for viseme in visemes]) * stress * gain
        weights[name] = voice.amount * talks * _between(times, at, values)
    return weights, talks * min(voice.amount, 1.0)


def _consonant(rng: np.random.Generator) -> dict[str, float]:
    if rng.random() < _CLOSURES:
        return CONSONANTS["mbp"]
    return CONSONANTS[str(rng.choice([name for name in CONSONANTS if name != "mbp"]))]


def _between(times: np.ndarray, at: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Values between keys, leaving and reaching each without a kink."""
    after = np.clip(np.searchsorted(at, times), 1, len(at) - 1)
    part = smooth_step(times, at[after - 1], at[after])
    return values[after - 1] * (1 - part) + values[after] * part
