"""Does the attention look where the valence is? Answered on drawn recordings, where the cue is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stavis.metrics import Score, cc
from stavis.metrics import interval_of as interval
from stavis.regions import REGIONS
from stavis.types import AttentionMaps

MOUTH, EYES = 0, 1
CUES = {MOUTH: ("mouth",), EYES: ("left_eye", "right_eye", "brows")}
"""The regions that a cue moves: a drawn mouth cue, a drawn eye cue (lids, brows and the folds between them)."""


@dataclass(frozen=True)
class CueTrace:
    """One recording's attention beside its truth, one value a frame.

    mouth_share (T,) in [0,1]; mouth_cue (T,) in [0,1], the part of the valence that the mouth carries; density (T,) share over area
    of the regions that carry the valence now (1 = chance), NaN where none does.
    """

    mouth_share: np.ndarray
    mouth_cue: np.ndarray
    density: np.ndarray


@dataclass(frozen=True)
class CueScores:
    """How well attention finds the cue: the correlation of mouth share with mouth cue, and the mean density on the carrying region.

    Both with bootstrap intervals over recordings. The correlation is undefined (NaN) where the cue never moves.
    """

    correlation: Score
    density: Score


def cue_trace(maps: AttentionMaps, regions: np.ndarray, mouth_cue: np.ndarray, carrier: np.ndarray) -> CueTrace:
    """The attention of one recording beside its truth. regions (T,R,H,W) bool; mouth_cue (T,); carrier (T,) MOUTH, EYES or another."""
    density = np.full(len(maps.times), np.nan)
    for cue, names in CUES.items():
        indices = [REGIONS.index(name) for name in names]
        together = regions[:, indices].any(1, keepdims=True)  # T,1,H,W
        here = carrier == cue
        if here.any():
            density[here] = AttentionMaps(maps.weights[here], maps.times[here]).density(together[here])[:, 0]
    mouth = maps.share(regions[:, [REGIONS.index("mouth")]])[:, 0]
    return CueTrace(mouth, np.asarray(mouth_cue, float), density)


def cue_scores(traces: Sequence[CueTrace], *, draws: int = 1000, seed: int = 0) -> CueScores:
    """The scores over several recordings, all frames joined, with intervals over recordings drawn with replacement."""
    rng = np.random.default_rng(seed)
    samples = [rng.integers(len(traces), size=len(traces)) for _ in range(draws if len(traces) > 1 else 0)]

    def correlation(chosen) -> float:
        return cc(np.concatenate([traces[i].mouth_share for i in chosen]), np.concatenate([traces[i].mouth_cue for i in chosen]))

    def density(chosen) -> float:
        values = np.concatenate([traces[i].density for i in chosen])
        return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")

    everyone = range(len(traces))
    return CueScores(*(Score(f(everyone), *interval([f(sample) for sample in samples])) for f in (correlation, density)))
