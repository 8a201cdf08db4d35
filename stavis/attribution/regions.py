"""What each region contributes to the prediction: by taking it away, and by exact Shapley values.

The players are the parts of the clip's regions: of a face mouth, eyes, brows (with the glabella), nose, rest of the face (cheeks,
forehead and chin, too) and what lies outside it. A part that is absent takes the pixels of the baseline (a blurred clip). All frames of
a region come and go together, and every run tells of all frames at once.

References
----------
Shapley: A value for n-person games. 1953. Lundberg, Lee: A unified approach to interpreting model predictions. NeurIPS 2017.
"""

from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import torch
from torch import nn

from stavis.attribution.baselines import Baseline, baseline_frames
from stavis.attribution.target import AttributionContext, attribution_context, described
from stavis.errors import StavisError
from stavis.types import Attribution, Clip, Target

MOST_PLAYERS = 10
"""Exact Shapley values of more parts would need more than a thousand runs."""


@dataclass(frozen=True)
class RegionAttribution(Attribution):
    """What each part of the face contributes: one number a part for the target, and a curve over time.

    `parts` names those with a pixel in the clip; `totals` (P,) is each one's contribution to the target, `contributions` (T,P) to
    the prediction at each frame. `values` shares each total out over the part's pixels. relative_delta is the efficiency error of
    Shapley values (their sum against the prediction's change), None for ablation.
    """

    parts: tuple[str, ...] = ()
    totals: np.ndarray | None = None
    contributions: np.ndarray | None = None

    def table(self) -> pd.DataFrame:
        """One row per frame: `time` in seconds and one column per part."""
        return pd.DataFrame(self.contributions, columns=list(self.parts)).assign(time=self.times)[["time", *self.parts]]


@described("Region Shapley values", "64 runs")
def region_shapley(
    model: nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    baseline: Baseline = "blur",
    internal_batch_size: int = 4,
) -> RegionAttribution:
    """Each part's Shapley value, exact over all coalitions of parts: its mean contribution whatever else is shown (Shapley 1953).

    Raises StavisError for a clip without regions.
    """
    with attribution_context(model, clip, target) as context, torch.no_grad():
        parts, masks = _players(clip)
        count = len(parts)
        if count > MOST_PLAYERS:
            raise StavisError(
                f"exact Shapley values of {count} regions need {2**count} runs: give at most {MOST_PLAYERS}, or take region_ablation."
            )
        coalitions = [members for size in range(count + 1) for members in combinations(range(count), size)]
        traces = _traces(context, masks, coalitions, baseline, internal_batch_size)
        worth = dict(zip(coalitions, traces, strict=True))
        values = np.zeros((count, len(clip)))
        for player in range(count):
            for members in coalitions:
                if player not in members:
                    weight = factorial(len(members)) * factorial(count - len(members) - 1) / factorial(count)
                    values[player] += weight * (worth[tuple(sorted((*members, player)))] - worth[members])
        change = worth[tuple(range(count))] - worth[()]
        error = np.abs(values.sum(0) - change).max() / max(np.abs(change).max(), 1e-12)
        return _result(context, region_shapley.label, parts, masks, values, float(error))


@described("Region ablation", "7 runs", "a part that only matters together with another is missed")
def region_ablation(
    model: nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    baseline: Baseline = "blur",
    internal_batch_size: int = 4,
) -> RegionAttribution:
    """How much the prediction falls when one part is blurred away and the others stay.

    Raises StavisError for a clip without regions.
    """
    with attribution_context(model, clip, target) as context, torch.no_grad():
        parts, masks = _players(clip)
        everyone = tuple(range(len(parts)))
        coalitions = [everyone, *(tuple(other for other in everyone if other != one) for one in everyone)]
        traces = _traces(context, masks, coalitions, baseline, internal_batch_size)
        return _result(context, region_ablation.label, parts, masks, traces[0] - traces[1:], None)


def _players(clip: Clip) -> tuple[tuple[str, ...], np.ndarray]:
    """The parts that have a pixel in the clip, and where they are (P,T,H,W)."""
    if clip.regions is None:
        remedy = "take one with a face track, or another method" if clip.subject == "face" else "give regions=, or take another method"
        raise StavisError(f"the clip has no {'facial ' * (clip.subject == 'face')}regions: {remedy}.")
    masks = {part: mask for part, mask in clip.region_set.masks_of(clip.regions).items() if mask.any()}
    if not masks:
        remedy = "a clip with a face" if clip.subject == "face" else "other regions"
        raise StavisError(f"the clip's regions are all empty: take {remedy}, or another method.")
    return tuple(masks), np.stack(list(masks.values()))


def _traces(
    context: AttributionContext, masks: np.ndarray, coalitions: list[tuple[int, ...]], baseline: Baseline, batch: int
) -> np.ndarray:
    """The prediction over time with only some of the parts shown: (coalitions, T), double."""
    start = baseline_frames(context.clip, baseline, context.frames.device)
    rows = []
    for first in range(0, len(coalitions), batch):
        shown = np.stack([masks[list(members)].any(0) for members in coalitions[first : first + batch]])  # nobody: no pixel
        shown = torch.from_numpy(shown).unsqueeze(2).to(context.frames.device)  # b,T,1,H,W
        rows.append(context.value.trace(torch.where(shown, context.frames, start)).double().cpu().numpy())
    return np.concatenate(rows)


def _result(
    context: AttributionContext, label: str, parts, masks: np.ndarray, values: np.ndarray, error: float | None
) -> RegionAttribution:
    totals = values[:, context.value.chosen].mean(1)
    area = masks.sum((1, 2, 3))
    painted = np.einsum("p,pthw->thw", totals / area, masks.astype(np.float64), optimize=True)
    more = {"parts": parts, "totals": totals, "contributions": values.T.copy()}
    return context.to_attribution(label, painted, relative_delta=error, result_type=RegionAttribution, **more)
