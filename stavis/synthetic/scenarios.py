"""The time courses of a recording: what the valence does, which cue carries it when, and what is covered meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.mechanisms import cued, memory, motion, places
from stavis.synthetic.noise import smooth_course, smooth_step
from stavis.synthetic.timing import alternation, held, spells

INFORMATIVE = {"mouth": 0, "eyes": 1, "motion": 2, "none": -1}
"""The codes of `informative`; none = mouth and eyes carry the valence together."""

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
    INFORMATIVE; occluder_mouth, occluder_eyes: how far the region is covered, in [0,1]; shadow_mouth, shadow_eyes: how deep the shadow
    on it is, in [0,1]; background_object: what the thing in the background shows, in [-1,1], None without one.
    """

    valence: np.ndarray
    past: np.ndarray
    mouth: np.ndarray
    eyes: np.ndarray
    mouth_cue: np.ndarray
    informative: np.ndarray
    occluder_mouth: np.ndarray
    occluder_eyes: np.ndarray
    shadow_mouth: np.ndarray
    shadow_eyes: np.ndarray
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
        "motion": motion,
        "occlusion": _occlusion,
        "distractor": _distractor,
        "memory": memory,
        "places": places,
        "cued": cued,
    }[scenario]
    zero = np.zeros(spec.frames)
    names = ("mouth", "eyes", "mouth_cue", "occluder_mouth", "occluder_eyes", "shadow_mouth", "shadow_eyes")
    still = dict.fromkeys(names, zero)
    parts = draw(rng, whole[past:], spec, spec.split_of(index), lambda: _affect(rng, spec.frames, pace * spec.fps) * neutral[past:])
    informative = parts.pop("informative", None)
    if "valence" in parts:  # a scenario whose valence is not what its face shows now
        gate = neutral[past:]
        parts |= {name: parts[name] * gate for name in ("mouth", "eyes") if name in parts}
        whole = np.concatenate([np.zeros(past), parts.pop("valence") * gate])
    courses = {**still, **parts}
    if informative is None:
        informative = np.where(courses["mouth_cue"] > 0.5, INFORMATIVE["mouth"], INFORMATIVE["eyes"])
    elif isinstance(informative, str):
        informative = np.full(spec.frames, INFORMATIVE[informative])
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
        gate = spells(rng, len(valence), spec.fps)
        parts |= {"eyes": gate * affect(), "occluder_eyes": smooth_step(gate, 0, 0.3)}
    return parts


def _eyes(rng, valence, spec, split, affect: Affect) -> dict:
    """Lids and brows carry the valence. In half of the recordings the mouth moves on its own and is covered while it does."""
    parts = {"eyes": valence, "mouth_cue": np.zeros(len(valence))}
    if rng.random() < 0.5:
        gate = spells(rng, len(valence), spec.fps)
        parts |= {"mouth": gate * affect(), "occluder_mouth": smooth_step(gate, 0, 0.3)}
    return parts


def _switching(rng, valence, spec, split, affect: Affect) -> dict:
    """Mouth and eyes carry the valence in turn; the other shows a decoy of the same kind and is covered."""
    cue = alternation(rng, len(valence), spec.fps)
    decoys = [affect() for _ in range(2)]
    return {
        "mouth": cue * valence + (1 - cue) * decoys[0],
        "eyes": (1 - cue) * valence + cue * decoys[1],
        "mouth_cue": cue,
        "occluder_mouth": smooth_step(1 - cue, 0.5, 0.9),
        "occluder_eyes": smooth_step(cue, 0.5, 0.9),
    }


def _occlusion(rng, valence, spec, split, affect: Affect) -> dict:
    """Mouth and eyes both carry the valence; now and then a hand hides one of them, and the other alone can be read."""
    gate = spells(rng, len(valence), spec.fps)
    side = held(rng, len(valence), gate)
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
