"""How the cues move a face: from valence-like courses and nuisances to the movement of mouth, lids, brows, jaw and head.

The movements follow the facial actions that go with valence (Ekman & Friesen 1978): lip corners up and out, cheeks raised, lips
parted over the teeth; corners down, lips pressed or pouting; brows lowered, knit and oblique, lids narrowed.
"""

from dataclasses import dataclass

import numpy as np

from stavis.synthetic.flat.identity import Identity
from stavis.synthetic.noise import smooth_course, smooth_step
from stavis.synthetic.scenarios import Courses


@dataclass(frozen=True)
class Expression:
    """The movement of a face, one value per frame; lengths in eye distances, angles in radians.

    mouth, eyes in [-1,1], the cues; jaw in [0,1], opening; rounding in [-1,1], of speech (below 0 the lips are drawn wide); blink in
    [0,1], closed = 1; press in [0,1], lips pressed by speech; gaze (T,2); brow_lift, a lift that says nothing; x, y: the head's shift;
    scale; roll, yaw, pitch.
    """

    mouth: np.ndarray
    eyes: np.ndarray
    jaw: np.ndarray
    rounding: np.ndarray
    blink: np.ndarray
    press: np.ndarray
    gaze: np.ndarray
    brow_lift: np.ndarray
    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray
    roll: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray

    def __len__(self) -> int:
        return len(self.mouth)


def sample_expression(rng: np.random.Generator, courses: Courses, person: Identity, fps: float, roam: float = 0.0) -> Expression:
    """Move a face by its courses; speech, blinks, gaze and head motion are sampled without regard to the valence.

    roam: how far the head wanders through the image, in eye distances.
    """
    count = len(courses.valence)
    lively = rng.uniform(0.3, 1.0)

    def course(seconds: float) -> np.ndarray:
        return smooth_course(rng, count, seconds * fps)

    talks = smooth_step(course(1.5), -0.1, 0.6) * person.speaks
    opening = course(0.12) * 0.6 + 0.25
    syllables = np.clip(opening, 0, 1.2)
    resting = person.resting_jaw * (1 - talks)  # a word shuts lips that stand open without one
    return Expression(
        mouth=courses.mouth,
        eyes=courses.eyes,
        jaw=np.clip(resting + talks * syllables * 0.7, 0, 1),
        rounding=np.clip(talks * course(0.2) * 0.6, -person.stretches, 1),
        blink=_lids(rng, count, fps, person),
        press=person.presses * talks * smooth_step(-opening, 0, 0.3),
        gaze=_gaze(rng, count, fps),
        brow_lift=person.brow_wander * course(0.8),
        x=0.07 * lively * course(1.0) + roam * np.tanh(course(2.5)),
        y=0.05 * lively * course(0.9) + 0.5 * roam * np.tanh(course(2.5)),
        scale=np.exp(0.025 * lively * course(1.6)),
        roll=0.06 * lively * course(1.2) + rng.normal(0, 0.03),
        yaw=np.clip(0.12 * lively * course(1.1) + rng.normal(0, person.turns), -0.4, 0.4),
        pitch=np.clip(0.08 * lively * course(0.9) + rng.normal(0, person.tilts), -0.3, 0.3),
    )


def _lids(rng: np.random.Generator, count: int, fps: float, person: Identity) -> np.ndarray:
    """How far the lids are shut, (T,) in [0,1]: blinks, and episodes in which they hang."""
    blinks = _blinks(rng, count, fps, person.blink_pause)
    if person.hanging_lids is None:
        return blinks
    return np.maximum(blinks, person.hanging_lids * smooth_step(smooth_course(rng, count, 0.9 * fps), 0.5, 1.1))


def _blinks(rng: np.random.Generator, count: int, fps: float, pause: float) -> np.ndarray:
    """Blinks of about .25 s, about `pause` s apart and .4 s at least: (T,) in [0,1]."""
    times, closed = np.arange(count) / fps, np.zeros(count)
    at = rng.uniform(0, 3)
    while at < count / fps + 0.3:
        closed = np.maximum(closed, np.clip(1.35 - np.abs(times - at) / 0.1, 0, 1))
        at += 0.4 + rng.exponential(pause)
    return closed


def _gaze(rng: np.random.Generator, count: int, fps: float) -> np.ndarray:
    """Where the eyes look: held, then a quick jump; (T,2) in eye distances."""
    gaze, at = np.zeros((count, 2)), 0
    while at < count:
        gaze[at:] = rng.normal(0, (0.035, 0.014))
        at += max(int(rng.exponential(1.2) * fps), 1)
    return np.clip(gaze, -0.09, 0.09)
