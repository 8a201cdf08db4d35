"""The time courses of a recording: what the valence does, which cue carries it when, and what is covered meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.noise import smooth_course, smooth_step

INFORMATIVE = {"mouth": 0, "eyes": 1, "motion": 2, "none": -1}
"""The codes of `informative`; none = mouth and eyes carry the valence together."""

_SWITCH = 0.3  # s that a switch of the informative region takes
_PACE = 1.7  # s after which a course has forgotten itself
_QUICKEST = 0.45  # the same, of people who differ widely: a smile may come and go in a word

_LULL = 0.8  # the same of episodes that are exactly neutral

Affect = Callable[[], np.ndarray]
"""Draws a course in [-1,1] over the frames of the recording, as valence and as a decoy alike."""


@dataclass(frozen=True)
class Courses:
    """What happens in a recording, one value per frame; (T,) float64 each.

    valence in [-1,1]; past: valence (P,) before the first frame, which raters with a lag are still marking down; mouth, eyes: the
    expression each region shows, in [-1,1]; mouth_cue: part of the valence that the mouth carries, in [0,1]; informative (T,) int8, see
    INFORMATIVE; occluder_mouth, occluder_eyes: how far the region is covered, in [0,1]; nod, jaw, brow: movement that carries valence, in
    [-1,1]; background_object: what the thing in the background shows, in [-1,1], None without one.
    """

    valence: np.ndarray
    past: np.ndarray
    mouth: np.ndarray
    eyes: np.ndarray
    mouth_cue: np.ndarray
    informative: np.ndarray
    occluder_mouth: np.ndarray
    occluder_eyes: np.ndarray
    nod: np.ndarray
    jaw: np.ndarray
    brow: np.ndarray
    background_object: np.ndarray | None = None


def sample_courses(spec: SyntheticConfig, index: int) -> Courses:
    """Draw the time courses of recording `index` by its scenario."""
    rng = spec.generator("course", index)
    past = int(np.ceil((spec.rater_lag + 8 * spec.rater_lag_spread + 0.5) * spec.fps))
    pace = float(np.exp(rng.uniform(np.log(_QUICKEST), np.log(_PACE)))) if spec.diverse(index) else _PACE
    neutral = _neutral_gate(spec, index, past + spec.frames)
    whole = _affect(rng, past + spec.frames, pace * spec.fps) * neutral
    scenario = spec.scenario_of(index)
    draw = {
        "mouth": _mouth,
        "eyes": _eyes,
        "switching": _switching,
        "motion": _motion,
        "occlusion": _occlusion,
        "distractor": _distractor,
    }[scenario]
    zero = np.zeros(spec.frames)
    still = dict.fromkeys(("mouth", "eyes", "mouth_cue", "occluder_mouth", "occluder_eyes", "nod", "jaw", "brow"), zero)
    parts = draw(rng, whole[past:], spec, spec.split_of(index), lambda: _affect(rng, spec.frames, pace * spec.fps) * neutral[past:])
    informative = parts.pop("informative", None)
    courses = {**still, **parts}
    if informative is None:
        informative = np.where(courses["mouth_cue"] > 0.5, INFORMATIVE["mouth"], INFORMATIVE["eyes"])
    return Courses(valence=whole[past:], past=whole[:past], informative=np.asarray(informative, np.int8), **courses)


def _affect(rng: np.random.Generator, count: int, reach: float) -> np.ndarray:
    """A course in [-1,1] that forgets itself after about `reach` frames."""
    return np.tanh(1.1 * smooth_course(rng, count, reach))


def _neutral_gate(spec: SyntheticConfig, index: int, count: int) -> np.ndarray:
    """What everything that carries or feigns valence is multiplied by, (count,) in [0,1]: 0 where the person is exactly neutral."""
    kind = spec.neutral_of(index)
    if kind != "episodes":
        return np.full(count, float(kind != "always"))
    rng = spec.generator("neutral", index)
    return smooth_step(smooth_course(rng, count, _LULL * spec.fps), -0.2, 0.5)


def _mouth(rng, valence, spec, split, affect: Affect) -> dict:
    """The mouth carries the valence. In half of the recordings the eyes move on their own and are covered while they do."""
    parts = {"mouth": valence, "mouth_cue": np.ones(len(valence))}
    if rng.random() < 0.5:
        gate = _spells(rng, len(valence), spec.fps)
        parts |= {"eyes": gate * affect(), "occluder_eyes": smooth_step(gate, 0, 0.3)}
    return parts


def _eyes(rng, valence, spec, split, affect: Affect) -> dict:
    """Lids and brows carry the valence. In half of the recordings the mouth moves on its own and is covered while it does."""
    parts = {"eyes": valence, "mouth_cue": np.zeros(len(valence))}
    if rng.random() < 0.5:
        gate = _spells(rng, len(valence), spec.fps)
        parts |= {"mouth": gate * affect(), "occluder_mouth": smooth_step(gate, 0, 0.3)}
    return parts


def _switching(rng, valence, spec, split, affect: Affect) -> dict:
    """Mouth and eyes carry the valence in turn; the other shows a decoy of the same kind and is covered."""
    cue = _alternation(rng, len(valence), spec.fps)
    decoys = [affect() for _ in range(2)]
    return {
        "mouth": cue * valence + (1 - cue) * decoys[0],
        "eyes": (1 - cue) * valence + cue * decoys[1],
        "mouth_cue": cue,
        "occluder_mouth": smooth_step(1 - cue, 0.5, 0.9),
        "occluder_eyes": smooth_step(cue, 0.5, 0.9),
    }


def _motion(rng, valence, spec, split, affect: Affect) -> dict:
    """How fast something swings is the valence; where it is at one moment says nothing. The expression stays neutral."""
    slow, fast = 0.3, 1.9  # Hz at valence −1 and 1, far enough below half of 6.25 frames/s
    rate = slow * (fast / slow) ** ((valence + 1) / 2)
    phase = 2 * np.pi * (rng.random() + np.cumsum(rate) / spec.fps)
    kind = ("nod", "jaw", "brow")[rng.integers(3)]
    cue = np.full(len(valence), float(kind == "jaw"))
    return {kind: np.sin(phase), "mouth_cue": cue, "informative": np.full(len(valence), INFORMATIVE["motion"])}


def _occlusion(rng, valence, spec, split, affect: Affect) -> dict:
    """Mouth and eyes both carry the valence; now and then a hand hides one of them, and the other alone can be read."""
    gate = _spells(rng, len(valence), spec.fps)
    side = _held(rng, len(valence), gate)
    cue = 0.5 + 0.5 * smooth_step(gate, 0.2, 0.8) * np.where(side, 1, -1)
    informative = np.select([cue > 0.75, cue < 0.25], [INFORMATIVE["mouth"], INFORMATIVE["eyes"]], INFORMATIVE["none"])
    return {
        "mouth": valence,
        "eyes": valence,
        "mouth_cue": cue,
        "informative": informative,
        "occluder_mouth": gate * ~side,
        "occluder_eyes": gate * side,
    }


def _distractor(rng, valence, spec, split, affect: Affect) -> dict:
    """The mouth carries the valence; a thing in the background moves with it in training, and on its own in dev and test."""
    alone = affect()
    follows = 0.9 * valence + 0.1 * alone
    return {"mouth": valence, "mouth_cue": np.ones(len(valence)), "background_object": follows if split == "train" else alone}


def _alternation(rng, count: int, fps: float) -> np.ndarray:
    """1, then 0, then 1...: each held for 1.5 to 4 s, with a soft step of .3 s between; the first is as likely either."""
    state, at = int(rng.integers(2)), -int(rng.uniform(0, 2) * fps)
    course = np.zeros(count + 2 * int(fps))
    while at < len(course):
        length = max(int(rng.uniform(1.5, 4) * fps), 1)
        course[max(at, 0) : max(at + length, 0)] = state
        at, state = at + length, 1 - state
    return _soften(course, fps)[int(fps) : int(fps) + count]


def _spells(rng, count: int, fps: float) -> np.ndarray:
    """0 most of the time, 1 for episodes of 1 to 3 s."""
    course, at = np.zeros(count + 2 * int(fps)), int(rng.uniform(0, 3) * fps)
    while at < len(course):
        length = int(rng.uniform(1, 3) * fps)
        course[at : at + length] = 1
        at += length + int(rng.uniform(1.5, 4) * fps)
    return _soften(course, fps)[int(fps) : int(fps) + count]


def _soften(course: np.ndarray, fps: float) -> np.ndarray:
    window = np.hanning(max(round(_SWITCH * fps), 1) + 2)[1:-1]
    half = len(window) // 2
    padded = np.pad(course, (half, len(window) - 1 - half), "edge")
    return np.clip(np.convolve(padded, window / window.sum(), "valid"), 0, 1)


def _held(rng, count: int, gate: np.ndarray) -> np.ndarray:
    """A coin thrown for each episode of `gate` and held through it: (T,) bool."""
    starts = np.flatnonzero((gate > 0) & (np.r_[0.0, gate[:-1]] <= 0))
    side = np.zeros(count, bool)
    for start in starts:
        side[start:] = rng.random() < 0.5
    return side
