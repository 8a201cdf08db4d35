"""The named contrasts of the bench: which part of the architecture buys something, on which data, and how it is decided.

Four differences are named before anything is trained, each on data whose generator contains exactly one reason for it; all four are
tested, with Holm's correction over them. A fifth, a longer memory, must show nothing on any data. Recordings and seeds both count: the
interval of a difference holds the variance over recordings (jackknife) and that over training seeds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from stavis.bench.power import components_of, detectable
from stavis.bench.scores import ALPHA, difference, plain
from stavis.bootstrap import Interval, holm

WORTHWHILE = 0.05
"""A difference of CCC below which a part of the architecture buys nothing that matters; about what attention adds in the paper."""

FEWEST_SEEDS = 5
"""With fewer seeds nothing is claimed: in simulations of equal architectures 4 % of benches claimed something with five seeds, 8 % with
three, 12 % with two, because the variance over so few seeds is itself hardly known."""

Sums = Mapping[str, np.ndarray]
"""Metric sums (S,N,7) by row, the seeds and recordings of all rows in the same order."""


@dataclass(frozen=True)
class Contrast:
    """A difference of CCC that is named before training: on the data of `scenario` the row `better` is above the row `worse`.

    part: what `better` has and `worse` has not; when: in which data that should tell, both as the page says them. paired: whether the
    two rows of one seed share a trained network, so that their seeds go in pairs.
    """

    scenario: str
    worse: str
    better: str
    part: str
    when: str
    paired: bool = False


CONTRASTS = (
    Contrast("motion", "cnn", "cnn3d", "convolution over time", "only movement shows the value"),
    Contrast("memory", "cnn-rnn-1s", "cnn-rnn-4s", "a memory of 4 s instead of 1 s", "the value was shown seconds ago", paired=True),
    Contrast("places", "cnn3d", "sta", "attention", "two places show a value, the better lit of them counts, and few people are known"),
    Contrast("cued", "sta-shuffled", "sta", "attention in its order in time", "an earlier event says which region counts", paired=True),
)
"""The four contrasts, in the order in which every file and page holds them."""


def longer_memory(scenario: str) -> Contrast:
    """The contrast that must show nothing, on the data of a scenario."""
    return Contrast(scenario, "sta", "sta-long", "a longer memory of the attention", "nowhere")


@dataclass(frozen=True)
class ContrastResult:
    """What came of a contrast: the CCC of `better` minus that of `worse` with its interval, p and p after Holm (NaN outside the family).

    detectable: the smallest difference that this many recordings and seeds would show with a probability of 80 %. reason: why there is
    no interval, '' where there is one.
    """

    contrast: Contrast
    interval: Interval
    p: float
    p_holm: float
    recordings: int
    seeds: int
    detectable: float
    reason: str = ""

    @property
    def claimed(self) -> bool:
        """Whether a difference is claimed, in either direction."""
        return bool(self.p_holm < ALPHA)

    @property
    def verdict(self) -> str:
        """Of a named contrast: "true", "false" (the opposite is claimed, or a worthwhile difference is ruled out) or "undecided"."""
        if self.reason or not self.interval.known:
            return "undecided"
        if self.claimed:
            return "true" if self.interval.value > 0 else "false"
        return "false" if self.interval.high < WORTHWHILE else "undecided"

    @property
    def shows(self) -> str:
        """Of a contrast that must show nothing: "nothing" (a worthwhile difference is ruled out, none is seen), "little" (one is seen, and
        it is less than worthwhile), "something" or "undecided"."""
        if self.reason or not self.interval.known:
            return "undecided"
        differs = self.interval.excludes(0)
        if self.interval.low > -WORTHWHILE and self.interval.high < WORTHWHILE:
            return "little" if differs else "nothing"
        return "something" if differs else "undecided"

    def as_json(self) -> dict:
        """The row of bench.json."""
        about = asdict(self.contrast)
        return {
            "scenario": about["scenario"], "better": about["better"], "worse": about["worse"], "difference": plain(self.interval.value),
            "low": plain(self.interval.low), "high": plain(self.interval.high), "p": plain(self.p), "p_holm": plain(self.p_holm),
            "recordings": self.recordings, "seeds": self.seeds, "detectable": plain(self.detectable), "verdict": self.verdict,
            "reason": self.reason,
        }  # fmt: skip


def decide(named: Sequence[Contrast], sums: Mapping[str, Sums]) -> list[ContrastResult]:
    """The named contrasts, tested together: p values after Holm over all of them, those that could not be tested included.

    sums: metric sums by scenario and row.
    """
    found = [_alone(one, sums.get(one.scenario, {}), len(named)) for one in named]
    adjusted = holm([1.0 if np.isnan(one.p) else one.p for one in found])  # what could not be tested keeps its part of the 5 %
    return [one if np.isnan(one.p) else ContrastResult(**{**vars(one), "p_holm": float(p)}) for one, p in zip(found, adjusted, strict=True)]


def alone(named: Sequence[Contrast], sums: Mapping[str, Sums]) -> list[ContrastResult]:
    """Contrasts outside the family, each with its interval and no p value after Holm."""
    return [_alone(one, sums.get(one.scenario, {}), 1) for one in named]


def _alone(contrast: Contrast, sums: Sums, family: int) -> ContrastResult:
    nan = float("nan")
    missing = [name for name in (contrast.worse, contrast.better) if name not in sums]
    if missing:
        reason = f"{' and '.join(missing)} {'has' if len(missing) == 1 else 'have'} no result on {contrast.scenario}"
        return ContrastResult(contrast, Interval(nan), nan, nan, 0, 0, nan, reason)
    better, worse = sums[contrast.better], sums[contrast.worse]
    if contrast.paired and len(better) != len(worse):
        fewest = min(len(better), len(worse))
        better, worse = better[:fewest], worse[:fewest]
    found = difference(better, worse, paired=contrast.paired)
    seeds, recordings = min(len(better), len(worse)), better.shape[1]
    parts = components_of(better, worse, contrast.paired) if seeds > 1 and recordings > 1 else None
    smallest = detectable(parts, recordings, seeds, family=family) if parts else nan
    few = f"{seeds} seed{'s' * (seeds > 1)}, at least {FEWEST_SEEDS} are needed" if seeds < FEWEST_SEEDS else ""
    p = nan if few else found.p_value()
    return ContrastResult(contrast, found, p, nan, recordings, seeds, smallest, found.reason or few)
