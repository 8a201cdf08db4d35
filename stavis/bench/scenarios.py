"""The data of the contrasts: one scenario each, whose generator holds one reason for a difference, and all of them together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stavis.bench.rows import CHANGES
from stavis.models.published import TABLE_ROWS
from stavis.models.systems import SYSTEMS
from stavis.synthetic.config import SyntheticConfig

SECONDS, RATE = 10.0, 6.25
"""The length of every recording in s, and its frames/s: those at which the small systems look."""

TEST_RECORDINGS = 200
"""So many recordings of each scenario are scored."""

FEW = 100
"""So many people are in the train split of `places`. In a pilot on other data (two seeds) attention gained .09 of CCC with 100 people and
nothing with 400, from whom convolutions learn to tell the places as well."""

_BASE = {"seconds": SECONDS, "fps": RATE, "rater_lag": 0.0, "rater_lag_spread": 0.0, "rater_noise": 0.05}
"""Raters who do not lag: what a scenario asks to be remembered is not mixed with what its raters are late by."""

_SELECTING = ("sta-uniform", "sta-sigmoid", "sta-residual")
"""Ablations of how attention selects, for the data in which to select is what counts."""
_REMEMBERING = ("sta-2d", "sta-deep", "sta-long")
"""Ablations of what attention remembers, for the data in which to remember is what counts."""


@dataclass(frozen=True)
class BenchScenario:
    """One data set of the bench without `--data`, and the rows that are trained on it.

    train, dev, test: how many recordings; rows: names as in stavis.bench.rows, of which those of systems that do not exist are left out;
    settings: of SyntheticConfig; caps: the cap on training by system where it is not the preset's (steps, of heads passes).
    """

    name: str
    scenarios: tuple[str, ...]
    rows: tuple[str, ...]
    seed: int
    train: int = 400
    dev: int = 40
    test: int = TEST_RECORDINGS
    settings: Mapping[str, Any] = field(default_factory=dict)
    caps: Mapping[str, int] = field(default_factory=dict)

    def data(self) -> SyntheticConfig:
        """The data set.

        Raises StavisError where a setting is none.
        """
        total = self.train + self.dev + self.test
        shares = (self.train / total, self.dev / total, self.test / total)
        return SyntheticConfig(scenarios=self.scenarios, recordings=total, seed=self.seed, shares=shares, **{**_BASE, **self.settings})

    @property
    def systems(self) -> tuple[str, ...]:
        """The rows whose systems exist, each once, in the tables' order."""
        known = [name for name in dict.fromkeys(self.rows) if name in SYSTEMS or name in CHANGES]
        order = [*SYSTEMS, *CHANGES]
        return tuple(sorted(known, key=order.index))


SCENARIOS = (
    BenchScenario("motion", ("motion",), ("cnn", "cnn-rnn-4s", "cnn3d", "sta"), seed=61),
    BenchScenario("memory", ("memory",), ("cnn", "cnn-rnn-1s", "cnn-rnn-4s"), seed=62),
    BenchScenario("places", ("places",), ("cnn3d", "sta", *_SELECTING), seed=63, train=FEW, settings={"misalignment": 0.5}),
    BenchScenario("cued", ("cued",), ("cnn3d", "sta", *CHANGES, *_REMEMBERING), seed=64),
    BenchScenario("mixed", ("motion", "memory", "places", "cued"), TABLE_ROWS, seed=65),
)
"""The data sets of the bench, those of the contrasts first, in their order."""
