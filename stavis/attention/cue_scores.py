"""Does the attention look where the valence is? Answered on synthetic recordings, where the cue is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stavis.bootstrap import Interval, interval
from stavis.metrics import concatenated, scored
from stavis.printable import ShortRepr
from stavis.regions import FACE, densities, joined
from stavis.types import AttentionMaps

MOUTH, EYES = 0, 1
CUES = {MOUTH: ("mouth",), EYES: ("left_eye", "right_eye", "brows", "glabella")}
"""The regions that a cue moves: a mouth cue, an eye cue (lids, brows and the folds between them)."""


@dataclass(frozen=True)
class CueTrace:
    """One recording's attention beside its truth, one value per frame.

    mouth_share (T,) in [0,1], NaN in frames whose regions are not known (no face was found); mouth_cue (T,) in [0,1], the fraction of the
    valence that the mouth carries; density (T,) share over area of the informative region (those that carry the valence now; 1 = uniform
    attention), NaN where there is none.
    """

    mouth_share: np.ndarray
    mouth_cue: np.ndarray
    density: np.ndarray


@dataclass(frozen=True, repr=False)
class CueScores(ShortRepr):
    """How well attention finds the cue: the correlation of mouth share with mouth cue, and the mean density on the informative region.

    Both with intervals over recordings. The correlation is undefined (NaN) where the cue never moves.
    """

    correlation: Interval
    density: Interval


def cue_trace(maps: AttentionMaps, regions: np.ndarray, mouth_cue: np.ndarray, informative: np.ndarray) -> CueTrace:
    """The attention of one recording beside its truth. regions (T,R,H,W) bool, of frames without a face all outside;
    mouth_cue (T,); informative (T,) MOUTH, EYES or another."""
    density = np.full(len(maps.times), np.nan)
    for cue, names in CUES.items():
        here = informative == cue
        if here.any():
            density[here] = densities(maps.weights[here], joined(regions[here], names)[:, None], edge=FACE.edge)[:, 0]
    mouth = maps.share(joined(regions, ("mouth",))[:, None], edge=FACE.edge)[:, 0]
    nowhere = regions[:, FACE.names.index("outside")].all((1, 2))  # no face was found: the share of its mouth is not 0, but not known
    mouth = np.where(nowhere, np.nan, mouth)
    return CueTrace(mouth, np.asarray(mouth_cue, float), density)


def cue_scores(traces: Sequence[CueTrace]) -> CueScores:
    """The scores over several recordings, all frames with a face joined, with intervals over recordings."""
    seen = [np.isfinite(trace.mouth_share) for trace in traces]
    correlation = scored(concatenated, "cc", [(t.mouth_share[s], t.mouth_cue[s]) for t, s in zip(traces, seen, strict=True) if s.any()])
    known = [trace.density[np.isfinite(trace.density)] for trace in traces]
    joint = np.concatenate(known) if known else np.zeros(0)
    value = float(joint.mean()) if len(joint) else float("nan")
    return CueScores(correlation, interval(np.array([(each.sum(), len(each)) for each in known]), value=value))
