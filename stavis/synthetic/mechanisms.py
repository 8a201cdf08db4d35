"""Scenarios that hold one reason each why one architecture should read them better than another.

| scenario | what alone tells the valence | which needs |
|---|---|---|
| motion | how fast the face moves, not where it is | more than one frame |
| memory | what the face showed 1.5 to 3 s ago | a memory of seconds |
| places | the one of two places that is the better lit | to select a place by comparing places |
| cued | the place that an event seconds ago has named | to select a place, and to remember which |
"""

from collections.abc import Callable

import numpy as np

from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.noise import smooth_course
from stavis.synthetic.timing import alternation, bump

SWING = 0.9  # s after which a moving face has forgotten where it was
SPAN = 0.45  # how far it moves, in parts of a full expression
SPEED = 0.5  # s: valence per change of expression a second
HINT = 0.2
"""What the expression itself says of the valence in `motion`: little, so that a network of single frames learns to see faces at all."""

SHOWN = 1.0  # s that the face shows what is to come
FELT = (1.5, 3.0)
"""From when to when, in s after the middle of what the face showed, a value is felt in `memory`: a second back nothing shows it."""
TRACE = 0.45
"""The part of it that is felt while it is shown, in `memory`: a network of single frames learns from it to read faces."""

ANNOUNCED = 0.8  # s that a shadow lies on a place in `cued` when it begins to count no more
CONTRAST = 0.5
"""How much deeper the shadow on the place that does not count is, in `places`."""

Affect = Callable[[], np.ndarray]


def motion(rng: np.random.Generator, valence: np.ndarray, spec: SyntheticConfig, split: str, affect: Affect) -> dict:
    """How fast mouth, lids and brows rise or fall is the valence; where they are at one moment says next to nothing of it."""
    around = np.clip(SPAN * smooth_course(rng, len(valence) + 2, SWING * spec.fps), -1, 1)
    speed = (around[2:] - around[:-2]) * spec.fps / 2
    shown = around[1:-1]
    felt = np.clip(SPEED * speed + HINT * shown, -1, 1)
    return {"mouth": shown, "eyes": shown, "valence": felt, "mouth_cue": np.full(len(valence), 0.5), "informative": "motion"}


def memory(rng: np.random.Generator, valence: np.ndarray, spec: SyntheticConfig, split: str, affect: Affect) -> dict:
    """The face shows for a moment what will be felt 1.5 to 3 s later, and rests between."""
    times = np.arange(len(valence)) / spec.fps
    shown, felt = np.zeros(len(times)), np.zeros(len(times))
    at = rng.uniform(0, 2)  # nothing is felt of what was shown before the first frame
    starts, stops = (SHOWN / 2 + after for after in FELT)
    while at < times[-1]:
        value = rng.uniform(0.4, 1.0) * rng.choice((-1, 1))
        shows = bump(times - at, 0, SHOWN)
        shown += value * shows
        felt += value * (TRACE * shows + bump(times - at, starts, stops))
        at += rng.uniform(stops + 0.1, stops + 0.9)
    return {"mouth": shown, "eyes": shown, "valence": felt, "mouth_cue": np.full(len(times), 0.5), "informative": "none"}


def places(rng: np.random.Generator, valence: np.ndarray, spec: SyntheticConfig, split: str, affect: Affect) -> dict:
    """Mouth and eyes carry the valence in turn, the other shows a decoy of the same kind; what counts is the better lit of the two,
    however light or dark both are."""
    cue = alternation(rng, len(valence), spec.fps)
    dark = rng.uniform(0, 1 - CONTRAST)
    return {
        **_in_turn(cue, valence, affect),
        "shadow_mouth": dark + CONTRAST * (1 - cue),
        "shadow_eyes": dark + CONTRAST * cue,
    }


def cued(rng: np.random.Generator, valence: np.ndarray, spec: SyntheticConfig, split: str, affect: Affect) -> dict:
    """Mouth and eyes carry the valence in turn, the other shows a decoy of the same kind. A shadow passes over what begins to count no
    more, and nothing else says which of the two counts until the next turn."""
    cue = alternation(rng, len(valence), spec.fps)
    return {
        **_in_turn(cue, valence, affect),
        "shadow_mouth": _announced(cue < 0.5, spec.fps),
        "shadow_eyes": _announced(cue >= 0.5, spec.fps),
    }


def _in_turn(cue: np.ndarray, valence: np.ndarray, affect: Affect) -> dict:
    """The mouth shows the valence where `cue` is 1, the eyes where it is 0; otherwise each shows a decoy."""
    decoys = [affect() for _ in range(2)]
    return {"mouth": cue * valence + (1 - cue) * decoys[0], "eyes": (1 - cue) * valence + cue * decoys[1], "mouth_cue": cue}


def _announced(idle: np.ndarray, fps: float) -> np.ndarray:
    """How deep the shadow on a place is, (T,) in [0,1]: full for a moment where it begins to be idle, the recording's start included."""
    begins = idle & ~np.r_[False, idle[:-1]]
    length = max(round(ANNOUNCED * fps), 1)
    return np.minimum(np.convolve(begins.astype(float), np.ones(length))[: len(idle)], 1) * idle
