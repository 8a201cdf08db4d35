"""What the networks that ship are made by: synthetic people, training stages and their weights in the average, what is measured."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from stavis.synthetic.config import SyntheticConfig
from stavis.training.augment import TRACKER_ERRORS, Jitter
from stavis.training.config import TrainingConfig


class Stage(NamedTuple):
    """One stage of training: synthetic people, how the network is trained on them, the weight of the result in the average that ships,
    and the fields of the network's config that are others from this stage on."""

    people: SyntheticConfig
    training: TrainingConfig
    weight: float = 1.0
    changes: Mapping[str, Any] = MappingProxyType({})


SPEC = SyntheticConfig(
    scenarios=("switching", "switching", "mouth", "eyes", "occlusion"),
    recordings=2800,
    seconds=4.8,
    fps=6.25,
    seed=20,
    shares=(0.97, 0.03, 0.0),
    rater_noise=0.05,
    diversity=0.6,
)
"""Many people for a short time each, at the network's own frame rate: new people teach more than new frames of the same ones."""
JITTER = Jitter(
    contrast=0.3,
    saturation=0.5,
    tint=0.15,
    gamma=0.3,
    shade=0.25,
    shift=0.012,
    rotate=2.0,
    scale=0.025,
    grey=0.35,
    blur=0.3,
    jpeg=0.1,
    cutout=0.0,
)
"""Light, colour, shadows and sharpness change strongly, because real recordings differ in them (without the shadows, low brows over
dark eyes were read as a frown on real faces at rest); the location hardly, because crops are aligned; and nothing is hidden, because
occluders are rendered with the truth about them."""
_FIRST = TrainingConfig(steps=9000, batch=24, seconds=0.96, epoch=500, augment=1.0, jitter=JITTER)
_SECOND = dataclasses.replace(_FIRST, steps=12000, learning_rate=2e-3, seed=1)
STAGES: tuple[Stage, ...] = (
    Stage(SPEC, _FIRST, 0.3),
    Stage(SPEC, _SECOND, 0.0),
    Stage(dataclasses.replace(SPEC, seed=41), dataclasses.replace(_SECOND, steps=2500, seed=11), 0.7),
)
"""Training stages, each initialised from the one before: the synthetic people, the training settings, and the weight in the average that
ships. The average follows the cue as closely as the first stage, and reads more real faces at rest as neutral than any stage alone: they
err differently."""
TRACKED_JITTER = dataclasses.replace(JITTER, **TRACKER_ERRORS)
"""The same with the alignment as wrong as the tracker's. `sta-synthetic` was trained with a third of it (two thirds of the rotation) on
crops aligned by the truth, and is worse on crops that the tracked face aligns: its card has both metrics."""
NEXT_STAGES = tuple(each._replace(training=dataclasses.replace(each.training, jitter=TRACKED_JITTER)) for each in STAGES)
"""STAGES with the alignment's jitter of TRACKED_JITTER, not run yet: `pretrain(out, stages=NEXT_STAGES)`."""

HEADS_SPEC = dataclasses.replace(SPEC, recordings=6000, shares=(0.96, 0.04, 0.0), seed=60, diversity=1.0, renderer="heads", neutral=0.45)
"""3D heads as different as real people; nearly half of them exactly neutral, always or at times, because a network that seldom sees
"nothing" takes it for unpleasant. 240 people for development: fewer choose a stage that overfits. Heads alone, so what was learned of
flat faces is lost in part: at the end of two stages their CCC has fallen from .96 to .73, of all three to .70."""
_HEADS_FIRST = TrainingConfig(
    steps=12000, batch=24, seconds=0.96, epoch=500, learning_rate=1.5e-3, augment=1.0, jitter=TRACKED_JITTER, seed=21
)
_HEADS_SECOND = dataclasses.replace(_HEADS_FIRST, steps=9000, learning_rate=1e-3, consistency=1.0, seed=22)
_HEADS_THIRD = dataclasses.replace(_HEADS_SECOND, steps=4000, learning_rate=7e-4, consistency=2.0, seed=23)
_WIDER = dataclasses.replace(TRACKED_JITTER, shift=6 / 112, rotate=4.0, scale=0.12)  # half as much again: the ends are met, too
_HEADS_FOURTH = dataclasses.replace(
    _HEADS_THIRD, steps=14000, learning_rate=1e-3, consistency=5.0, feature_noise=12.0, jitter=_WIDER, seed=24
)
_HEADS_FIFTH = dataclasses.replace(_HEADS_FOURTH, steps=5000, batch=16, seconds=1.92, learning_rate=7e-4, consistency=8.0, seed=25)
HEADS_STAGES: tuple[Stage, ...] = (
    Stage(HEADS_SPEC, _HEADS_FIRST, 0.0),
    Stage(dataclasses.replace(HEADS_SPEC, seed=61), _HEADS_SECOND, 0.0),
    Stage(dataclasses.replace(HEADS_SPEC, recordings=5000, seed=62), _HEADS_THIRD, 0.0, {"symmetric": True}),
    Stage(dataclasses.replace(HEADS_SPEC, recordings=8000, seed=63, shares=(0.97, 0.03, 0.0)), _HEADS_FOURTH, 0.0),
    Stage(dataclasses.replace(HEADS_SPEC, recordings=8000, seed=64, shares=(0.97, 0.03, 0.0)), _HEADS_FIFTH),
)
"""Training stages of `sta-heads`, the first initialised from `sta-synthetic`. Half of the windows are mirrored, as in all training; the
stages from the second on are made of pairs of views, and from the third on the network is symmetric. As it ships the first ended at step
11,000 of 12,000; of the second, on other people, the best state on generated heads is kept, of step 8,000: beside the first it raised the
cue correlation from .78 to .93 and lowered the RMS change under mirror, shift and zoom by a fifth; the CCC stayed. Both saw version 2 of
the heads. The third saw version 3: made symmetric without a step of training, the weights of the second had there a CCC of .72 and an RMS
change of .14 under shifts, after the third stage .83 and .13 (as they were: .80 and .21). The fourth asks most of all for equal predictions
of both views, of more people who are misaligned by half as much again, and has less noise on what is attended to; the fifth goes on so
with more people, windows of twice the length and a stronger wish for equal predictions. On heads for choosing (seeds 920 and 921) the
best states of the third, the fourth (step 11,500 of 14,000) and the fifth (4,500 of 5,000) have a CC of .80 each and, as predictions
become smaller, a CCC of .77, .74 and .72; a shift changes them by an RMS of .15, .11 and .096, speech by an SD of .157, .123 and .103. The
last of these ships, chosen among six states and means of them; before it the mean of the third and the fourth."""

_MEASURED = SyntheticConfig(scenarios=("switching",), recordings=24, seconds=8.0, fps=12.5, shares=(0.0, 0.0, 1.0), rater_noise=0.05)
MEASURED = {
    "switching": dataclasses.replace(_MEASURED, seed=900),
    "mouth": dataclasses.replace(_MEASURED, scenarios=("mouth",), seed=901),
    "eyes": dataclasses.replace(_MEASURED, scenarios=("eyes",), seed=902),
    "switching, people who differ widely": dataclasses.replace(_MEASURED, seed=903, diversity=1.0),
}
"""What the card's metrics are measured on: people who are in no training recording, one set a scenario."""
_HEADS = dataclasses.replace(_MEASURED, renderer="heads", diversity=1.0)
MEASURED_HEADS = {
    "switching, 3D heads": dataclasses.replace(_HEADS, seed=910),
    "mouth, 3D heads": dataclasses.replace(_HEADS, scenarios=("mouth",), seed=911),
    "eyes, 3D heads": dataclasses.replace(_HEADS, scenarios=("eyes",), seed=912),
    "speech of neutral people, 3D heads": dataclasses.replace(_HEADS, seed=913, neutral=1.0),
    "switching": MEASURED["switching"],
}
"""The same of 3D heads, with the flat faces of `switching` beside them. Of heads it is also measured how far the prediction moves where the
face does not (mirror, shift, zoom), and of neutral people how far speech, blinks and gaze move it."""
MEASURED_TRACKED = ("switching", "switching, people who differ widely", "switching, 3D heads")
"""The sets whose first recordings are also read through the tracker; it takes longer than all else."""


@dataclass(frozen=True)
class PretrainConfig:
    """What a network that ships is made by: its stages, each initialised from the one before and the first from `init_from` (None: random
    initialisation), and the sets its metrics are measured on."""

    stages: tuple[Stage, ...] = STAGES
    measured: dict[str, SyntheticConfig] = dataclasses.field(default_factory=lambda: dict(MEASURED))
    init_from: str | None = None


PRESETS = {
    "sta-synthetic": PretrainConfig(),
    "sta-heads": PretrainConfig(HEADS_STAGES, MEASURED_HEADS, "sta-synthetic"),
}
"""The networks that ship, by name."""
