"""What can be reached on synthetic recordings: by who reads all that is shown over time, and by who sees single frames.

Both read the expressions that were rendered, not pixels. "Solved" is what the first reaches, "at chance" what the second does where a
single frame carries nothing.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from stavis.metrics import ccc
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.mechanisms import FELT, HINT, SHOWN, SPEED, TRACE
from stavis.synthetic.scenarios import Courses, sample_courses
from stavis.synthetic.timing import EDGE

NEIGHBOURS = 60
_SHOWS = ("mouth", "eyes", "occluder_mouth", "occluder_eyes", "shadow_mouth", "shadow_eyes")


@dataclass(frozen=True)
class Bounds:
    """CCC, concatenated over the scored recordings of one scenario.

    oracle: of a reader who knows the scenario's rule and sees what is shown over time. frame: of the best guess from what a single frame
    shows, learned from the training recordings. mean: of the labels' mean, 0 by definition.
    """

    scenario: str
    oracle: float
    frame: float
    recordings: int
    mean: float = 0.0


def bounds(spec: SyntheticConfig, split: str = "test") -> list[Bounds]:
    """The bounds of every scenario of a synthetic data set whose split has recordings; nothing is rendered.

    Frames are those of the spec's own rate.
    """
    found = []
    for scenario in dict.fromkeys(spec.scenarios):
        parts = {name: _courses(spec, scenario, name) for name in ("train", split)}
        if not parts[split]:
            continue
        gold = np.concatenate([one.valence for one in parts[split]])
        read = np.concatenate([oracle(scenario, one, spec.fps) for one in parts[split]])
        guessed = _guess(parts["train"] or parts[split], parts[split])
        found.append(Bounds(scenario, float(ccc(read, gold)), float(ccc(guessed, gold)), len(parts[split])))
    return found


def oracle(scenario: str, courses: Courses, fps: float) -> np.ndarray:
    """The valence (T,) that a reader of the shown expressions gives who knows the scenario's rule and which place counts."""
    shown = courses.mouth_cue * courses.mouth + (1 - courses.mouth_cue) * courses.eyes
    if scenario == "motion":
        return np.clip(SPEED * np.gradient(courses.mouth) * fps + HINT * courses.mouth, -1, 1)
    if scenario == "memory":
        return TRACE * courses.mouth + _remembered(courses.mouth, fps)
    return shown


def _remembered(mouth: np.ndarray, fps: float) -> np.ndarray:
    """The strongest expression that the mouth showed so long ago that it is felt now, 0 where it showed none."""
    first, last = (round(back * fps) for back in (FELT[0] + (SHOWN - EDGE) / 2, FELT[1] - (SHOWN - EDGE) / 2))
    padded = np.r_[np.zeros(last), mouth]
    back = np.stack([padded[last - k : last - k + len(mouth)] for k in range(first, last + 1)])
    return back[np.abs(back).argmax(0), np.arange(len(mouth))]


def _courses(spec: SyntheticConfig, scenario: str, split: str) -> list[Courses]:
    chosen = [k for k in range(spec.recordings) if spec.scenario_of(k) == scenario and spec.split_of(k) == split]
    return [sample_courses(spec, index) for index in chosen]


def _guess(train: list[Courses], scored: list[Courses]) -> np.ndarray:
    """The mean valence of the training frames that look most alike, for each scored frame."""
    seen, asked = (np.concatenate([np.stack([getattr(one, name) for name in _SHOWS], 1) for one in part]) for part in (train, scored))
    values = np.concatenate([one.valence for one in train])
    _, nearest = cKDTree(seen).query(asked, k=min(NEIGHBOURS, len(values)))
    return values[nearest].reshape(len(asked), -1).mean(1)
