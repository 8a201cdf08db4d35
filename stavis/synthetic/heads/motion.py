"""How a head moves: the weights of the 52 expression shapes and the pose, one row per frame."""

from dataclasses import dataclass

import numpy as np

from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.errors import StavisError
from stavis.synthetic.behaviour.cues import Habits, cue_weights, sample_habits
from stavis.synthetic.behaviour.rest import sample_parted_lips, sample_rest
from stavis.synthetic.behaviour.speech import Voice, sample_speech, sample_voice
from stavis.synthetic.behaviour.weights import Weights
from stavis.synthetic.noise import smooth_course, smooth_step
from stavis.synthetic.scenarios import Courses


@dataclass(frozen=True)
class HeadMotion:
    """The movement of a head.

    weights (T,52) float32 in the order of BLENDSHAPES (left and right are the person's; index 0 is not used); yaw, pitch, roll (T,) in
    radians (yaw above 0: the face turns to the image's right); x, y (T,) shift in eye distances; scale (T,).
    """

    weights: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray

    def __post_init__(self):
        shape = np.shape(self.weights)
        if len(shape) != 2 or shape[1] != len(BLENDSHAPES) or not shape[0]:
            raise StavisError(f"the weights of a head's motion are {shape}: give (frames, {len(BLENDSHAPES)}).")
        for name in ("yaw", "pitch", "roll", "x", "y", "scale"):
            if np.shape(getattr(self, name)) != shape[:1]:
                raise StavisError(
                    f"the {name} of a head's motion is {np.shape(getattr(self, name))}: give {shape[:1]}, one value per frame."
                )

    def __len__(self) -> int:
        return len(self.weights)

    def half_later(self) -> "HeadMotion":
        """The movement half a frame after each of these frames; the last stays."""
        names = ("weights", "yaw", "pitch", "roll", "x", "y", "scale")
        values = (np.asarray(getattr(self, name)) for name in names)
        return HeadMotion(*((value + np.concatenate([value[1:], value[-1:]])) / 2 for value in values))

    def pose(self) -> np.ndarray:
        """(T,6) float32: yaw, pitch, roll, x, y, scale."""
        return np.stack([self.yaw, self.pitch, self.roll, self.x, self.y, self.scale], 1).astype(np.float32)


@dataclass(frozen=True)
class Manner:
    """What stays the same of how a person moves: rest (52,) weights; parted, how far the jaw hangs; how the person expresses and speaks;
    blink_pause in s; hanging, how far the lids hang at times; lively in [0,1]; yaw, pitch, roll in radians, how the head is held."""

    rest: np.ndarray
    parted: float
    habits: Habits
    voice: Voice
    blink_pause: float
    hanging: float
    brow_lifts: float
    gapes: float
    lively: float
    yaw: float
    pitch: float
    roll: float


def sample_manner(rng: np.random.Generator, diverse: bool = True) -> Manner:
    """How a person moves; nothing of it depends on the valence. diverse: as widely as real people differ, else half of that."""
    wide = 1.0 if diverse else 0.5
    return Manner(
        rest=sample_rest(rng, wide),
        parted=sample_parted_lips(rng, wide),
        habits=sample_habits(rng),
        voice=sample_voice(rng),
        blink_pause=float(rng.uniform(0.8, 3.5)),
        hanging=float(rng.uniform(0.4, 0.95)) * (rng.random() < 0.3 * wide),
        brow_lifts=float(rng.uniform(0.1, 0.5)) * (rng.random() < 0.6),
        gapes=float(rng.uniform(0.1, 0.6)) * (rng.random() < 0.3 * wide),
        lively=float(rng.uniform(0.3, 1.0)),
        yaw=float(np.clip(rng.normal(0, 0.14 * wide), -0.45, 0.45)),
        pitch=float(np.clip(rng.normal(0, 0.12 * wide), -0.35, 0.35)),
        roll=float(rng.normal(0, 0.05)),
    )


def sample_motion(rng: np.random.Generator, manner: Manner, courses: Courses, fps: float, roam: float = 0.0) -> HeadMotion:
    """Move a head by the courses of a scenario; speech, blinks, gaze and head motion are sampled without regard to the valence.

    roam: how far the head wanders through the image, in eye distances.
    """
    count = len(courses.valence)

    def course(seconds: float) -> np.ndarray:
        return smooth_course(rng, count, seconds * fps)

    weights = cue_weights(manner.habits, courses)
    weights.values += manner.rest
    speech, talks = sample_speech(rng, manner.voice, count, fps)
    _speak(rng, weights, manner, speech, talks, fps)
    lively = manner.lively
    yaw = np.clip(manner.yaw + 0.12 * lively * course(1.1), -0.55, 0.55)
    pitch = manner.pitch + 0.08 * lively * course(0.9) + _nods(rng, talks, fps)
    _look(rng, weights, manner, yaw, fps)
    return HeadMotion(
        weights=weights.clipped(),
        yaw=yaw,
        pitch=np.clip(pitch, -0.5, 0.5),
        roll=manner.roll + 0.06 * lively * course(1.2),
        x=0.07 * lively * course(1.0) + roam * np.tanh(course(2.5)),
        y=0.05 * lively * course(0.9) + 0.5 * roam * np.tanh(course(2.5)),
        scale=np.exp(0.025 * lively * course(1.6)),
    )


def _speak(
    rng: np.random.Generator, weights: Weights, manner: Manner, speech: dict[str, np.ndarray], talks: np.ndarray, fps: float
) -> None:
    """Speech, lips that stand apart between words, a mouth that gapes now and then, brows that stress words: none of it says anything."""
    count = len(talks)
    for name, amount in speech.items():
        weights.add(name, amount)
    weights.add("jawOpen", manner.parted * (1 - talks))
    weights.add("jawOpen", manner.gapes * np.clip(smooth_course(rng, count, fps) - 1.2, 0, 1))
    lift = manner.brow_lifts * np.clip(smooth_course(rng, count, 0.7 * fps), 0, 2)
    weights.add("browInnerUp", lift)
    weights.add("browOuterUp", lift * rng.uniform(0.3, 1.2))
    weights.add("eyeWide", lift * rng.uniform(0, 0.5))


def _nods(rng: np.random.Generator, talks: np.ndarray, fps: float) -> np.ndarray:
    """Small nods that stress words, (T,) rad."""
    return rng.uniform(0, 0.06) * talks * smooth_course(rng, len(talks), 0.25 * fps)


def _look(rng: np.random.Generator, weights: Weights, manner: Manner, yaw: np.ndarray, fps: float) -> None:
    """Gaze, held and then quick to jump, in part with the head turned the other way; lids that follow it down; blinks; lids that hang."""
    count = len(yaw)
    aside, up, at = np.zeros(count), np.zeros(count), 0
    while at < count:
        aside[at:], up[at:] = rng.normal(0, (0.28, 0.18))
        at += max(int(rng.exponential(1.2) * fps), 1)
    aside = np.clip(aside - yaw * rng.uniform(0, 1), -0.9, 0.9)  # above 0: to the image's right, the person's left
    down = np.clip(-up, 0, 1)
    weights.add("eyeLookUp", np.clip(up, 0, 1))
    weights.add("eyeLookDown", 1.2 * down)
    weights.add("eyeBlink", 0.3 * down)
    for name, amount in (
        ("eyeLookOutLeft", np.clip(aside, 0, 1)),
        ("eyeLookInRight", np.clip(aside, 0, 1)),
        ("eyeLookInLeft", np.clip(-aside, 0, 1)),
        ("eyeLookOutRight", np.clip(-aside, 0, 1)),
    ):
        weights.add(name, amount)
    lids = np.maximum(
        blinks(rng, count, fps, manner.blink_pause), manner.hanging * smooth_step(smooth_course(rng, count, 0.9 * fps), 0.5, 1.1)
    )
    weights.raise_to("eyeBlink", lids)


def blinks(rng: np.random.Generator, count: int, fps: float, pause: float) -> np.ndarray:
    """Blinks of about .25 s, about `pause` s apart and .4 s at least: (T,) in [0,1], shut = 1; they close faster than they open."""
    times, shut = np.arange(count) / fps, np.zeros(count)
    at = rng.uniform(0, 3)
    while at < count / fps + 0.3:
        since = times - at
        shut = np.maximum(shut, np.clip(1.35 - np.where(since < 0, -since / 0.08, since / 0.13), 0, 1))
        at += 0.4 + rng.exponential(pause)
    return shut
