"""The four answers of a verdict, each from sums over recordings: an effect, its interval, its control (null), and what would count.

Every number is invariant under an affine change of the unit of the labels or of the outputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from stavis.bootstrap import DRAWS, FEWEST, Difference, Interval, holm, interval, paired_difference
from stavis.errors import StavisError
from stavis.printable import ShortRepr
from stavis.trust.attention_tests import variation
from stavis.trust.evidence import Evidence
from stavis.trust.wording import sentence

USED = 0.4
"""The RMS change of the prediction, in its standard deviations, from which a replaced attention counts as used."""

RECOVERED = 0.1
"""The gain over the strongest control order that counts in the area under an insertion curve; at most half of what it leaves."""

SATURATED = 0.97
"""The area from which the attention's curve is at its top from the first step on: the first cells decide then, as they do where the
strongest control leaves less than twice RECOVERED."""

FIRST_RECOVERED = 0.2
"""The gain that counts in what the first cells (2 to 5 %) bring back; at most half of what the control leaves."""

GAIN = 0.05
"""The gain over the strongest random head that counts in correlation; at most half of what the random head leaves."""

FORCED = 0.9
"""A random head that agrees with the attention by more than this leaves no room to decide: the architecture forces agreement."""

RANDOM_NETWORKS = "a random network"

DECIDING_ORDERS = ("random order", "smooth random 1", "smooth random 2", "centre", "edges", RANDOM_NETWORKS)
"""The orders of cells that know nothing of the attention, the map of a random network (the mean over some) among them."""

RECOMMENDED = FEWEST + 1
"""How many independent clips (recordings) a verdict should have; from fewer than FEWEST nothing is decided."""


@dataclass(frozen=True, repr=False)
class Answer(ShortRepr):
    """One question's answer with its numbers, all in the effect's own unit.

    answer: yes, no, undecided, or (of `agrees`) forced: the architecture alone makes attributions follow the attention. low and high
    bound the effect at 95 %, by its difference from the null (paired over recordings); `threshold` is what the interval is held
    against: the null and what would count. NaN where a number is undefined, which the sentence then says. details holds what stands
    beside (needed: `useful`; sufficient: what decided; unique: the tolerance).
    """

    question: str
    answer: str
    effect: float
    low: float
    high: float
    null: float
    ceiling: float
    threshold: float
    sentence: str
    details: dict = field(default_factory=dict)

    def _facts(self) -> Iterator[str]:
        yield f"{self.question}: {self.answer}"
        yield f"effect {self.effect:.3g} [{self.low:.3g}, {self.high:.3g}]"
        yield f"threshold {self.threshold:.3g}"

    @property
    def skill(self) -> float:
        """(effect − null) / (ceiling − null): 0 = no better than the null, 1 = as good as can be; NaN where they coincide."""
        room = self.ceiling - self.null
        return (self.effect - self.null) / room if room > 1e-9 else float("nan")


def _answer(question: str, found: Interval, effect, null, ceiling, margin, *, forced: bool = False, **details) -> Answer:
    """An answer from the interval of (effect − null): it is laid around the null's position."""
    low, high, threshold = null + found.low, null + found.high, null + margin
    answer = "undecided"
    if forced and found.known:
        answer = "forced"
    elif low > threshold:
        answer = "yes"
    elif high < threshold:
        answer = "no"
    numbers = {"effect": effect, "low": low, "high": high, "null": null, "ceiling": ceiling, "threshold": threshold}
    numbers = {name: float(value) for name, value in numbers.items()}
    return Answer(question, answer, **numbers, sentence=sentence(question, answer, found, **numbers, **details), details=details)


def not_askable(question: str, reason: str) -> Answer:
    """The answer to a question that cannot be asked of a network, with the reason."""
    nan = float("nan")
    return Answer(question, "undecided", nan, nan, nan, nan, nan, nan, f"Not askable. {reason}")


def needed(found: Evidence, *, seed: int = 0, draws: int = DRAWS) -> tuple[Answer, pd.DataFrame]:
    """Whether the attention is used (it decides), whether that is useful (beside it), and the table of every replacement.

    Used: the smaller RMS change of the prediction by uniform and by permuted attention, in standard deviations of the prediction over
    the judged clips (a unit, as the clips are given).
    Useful: the growth of the error when each prediction is first fitted to the labels by a line, in standard deviations of the labels.
    """
    labelled = all(gold is not None for gold in found.gold)
    kinds = list(found.replaced[0])
    if not sum(seen.sum() for seen in found.seen):
        raise StavisError("no frame of the clips counts (no face, or no label): give clips with some.")
    changes = {kind: _change_sums(found, kind) for kind in kinds}
    rows = []
    for kind in kinds:
        change = interval(changes[kind], _change, groups=found.groups, logarithmic=True)
        row = {"test": kind, "change": change.value, "change_low": change.low, "change_high": change.high}
        growth = _growth(found, [kind], seed, draws) if labelled else None
        row |= {"growth": growth.value, "low": growth.interval.low, "high": growth.interval.high, "p": growth.p} if labelled else {}
        rows.append(row)
    tests = pd.DataFrame(rows)
    if not labelled:  # the error is unknown: what can be said is how much the prediction changes
        tests = tests.assign(growth=tests.change, low=tests.change_low, high=tests.change_high, p=float("nan"))
    tests["p_holm"] = holm(tests.p)
    both = np.concatenate([changes["uniform"][:, :1], changes["permuted"]], 1)
    used = interval(both, _smaller_change, groups=found.groups, logarithmic=True)
    details = {"labelled": labelled}
    if labelled:
        useful = _growth(found, ["uniform", "permuted"], seed, draws)
        details |= {"useful": useful.value, "useful_low": useful.interval.low, "useful_high": useful.interval.high, "useful_p": useful.p}
    return _answer("needed", used, used.value, 0.0, 1.0, USED, **details), tests


def _change_sums(found: Evidence, kind: str) -> np.ndarray:
    """One row per clip: squared change by a kind of replacement (mean over its maps) in variances of the prediction, and frames."""
    spread = variation(found.own, found.seen)
    rows = []
    for own, replaced, seen in zip(found.own, found.replaced, found.seen, strict=True):
        change = (np.atleast_2d(replaced[kind])[:, seen] - own[seen]) ** 2
        rows.append([change.sum(1).mean() / spread**2 if spread else np.nan, seen.sum()])
    return np.array(rows, float)


def _change(sums: np.ndarray) -> np.ndarray:
    """RMS change in standard deviations of the prediction; NaN where that does not vary."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sqrt(sums[..., 0] / sums[..., -1])


def _smaller_change(sums: np.ndarray) -> np.ndarray:
    return np.minimum(_change(sums[..., [0, 2]]), _change(sums[..., [1, 2]]))


def _growth(found: Evidence, kinds: list[str], seed: int, draws: int) -> Difference:
    """The growth of the error after a refit, the least over the kinds, with its p value by sign flips of recordings."""
    own = _fit_sums(found, [own[None] for own in found.own])
    others = [_fit_sums(found, [clip[kind] for clip in found.replaced]) for kind in kinds]
    width = own.shape[1]
    # Copies of the model's own sums stand for it, so that each recording's two rows can change places.
    parts = [np.concatenate(side, 1) for side in (others, [np.tile(own, (1, each.shape[1] // width)) for each in others])]
    shapes = [each.shape[1] // width for each in others]

    def least(sums):
        errors = _error(sums.reshape(*sums.shape[:-1], -1, width))
        return np.stack([part.mean(-1) for part in np.split(errors, np.cumsum(shapes)[:-1], -1)]).min(0)

    return paired_difference(*parts, least, groups=found.groups, seed=seed, draws=draws)


def _fit_sums(found: Evidence, traces: list[np.ndarray]) -> np.ndarray:
    """One row per clip: for every trace of a kind the six sums from which a line to the labels is fitted."""
    everything = [np.concatenate([each[seen] for each, seen in zip(side, found.seen, strict=True)]) for side in (found.own, found.gold)]
    (middle, scale), (gold_middle, gold_scale) = ((float(each.mean()), float(each.std()) or 1.0) for each in everything)
    rows = []
    for clip, gold, seen in zip(traces, found.gold, found.seen, strict=True):
        x = (np.atleast_2d(clip)[:, seen] - middle) / scale
        y = np.broadcast_to((gold[seen] - gold_middle) / gold_scale, x.shape)
        rows.append(np.stack([x.sum(1), y.sum(1), (x * x).sum(1), (x * y).sum(1), (y * y).sum(1), np.full(len(x), seen.sum())], 1).ravel())
    return np.array(rows, float)


def _error(sums: np.ndarray) -> np.ndarray:
    """RMSE of a line fitted from predictions to labels, in standard deviations of the labels: sums (...,6) -> (...) in [0,1]."""
    x, y, xx, xy, yy, frames = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance, labels, both = xx - x * x / frames, yy - y * y / frames, xy - x * y / frames
        explained = np.where(variance > 1e-12 * np.maximum(xx, 1e-300), both**2 / (variance * labels), 0.0)
        return np.sqrt(np.clip(1 - explained, 0, 1)) * np.where(labels > 0, 1.0, np.nan)


def sufficient(found: Evidence) -> Answer:
    """Whether cells shown in the order of the attention bring the prediction back sooner than in any order that does not know it.

    The area under the insertion curve decides; where it is saturated, what the first 2 to 5 % of the cells bring back.
    """
    areas, first = (_with_random_networks(pd.DataFrame(rows)) for rows in (found.insertion, found.first))
    _, null = _strongest(areas)
    saturated = len(first) > 0 and (areas["attention"].mean() > SATURATED or 1 - null < 2 * RECOVERED)
    table, margin = (first, FIRST_RECOVERED) if saturated else (areas, RECOVERED)
    rival, null = _strongest(table)
    # The strongest is chosen on all clips, which favours it: the interval of the difference need not cover that choice.
    gain = interval((table["attention"] - table[rival]).to_numpy(), groups=found.groups)
    means = table.mean()
    ceiling = np.nanmax([means.get("exact DeepLIFT", np.nan), means["attention"]]) if means.notna().any() else float("nan")
    details = {"decided_by": "first cells" if saturated else "area", "rival": rival}
    details |= {"area": areas["attention"].mean(), "null_area": _strongest(areas)[1]}
    if len(first):
        details |= {"first_cells": first["attention"].mean(), "null_first_cells": _strongest(first)[1]}
    details = {name: value if isinstance(value, str) else float(value) for name, value in details.items()}
    return _answer("sufficient", gain, means["attention"], null, ceiling, min(margin, (1 - null) / 2), **details)


def _with_random_networks(table: pd.DataFrame) -> pd.DataFrame:
    """The table with one more order: the mean over the maps of networks before any training."""
    networks = [name for name in table if name.startswith("random network ")]
    return table.assign(**{RANDOM_NETWORKS: table[networks].mean(axis=1)}) if networks else table


def _strongest(table: pd.DataFrame) -> tuple[str, float]:
    """The control order with the highest mean, and that mean."""
    means = table[[name for name in table if name in DECIDING_ORDERS]].mean()
    name = means.idxmax() if means.notna().any() else means.index[0]
    return name, float(means[name])


def unique(found: Evidence) -> Answer:
    """Whether no attention unlike the model's own gives the same prediction, to `tolerance` standard deviations of it."""
    own, free = np.array(found.uniqueness, float), np.array(found.free, float)
    null = float(free.mean())
    difference = interval(own - free, groups=found.groups)
    return _answer("unique", difference, own.mean(), null, 1.0, (1 - null) / 2, tolerance=found.tolerance, share=found.share)


def agrees(found: Evidence, between: pd.DataFrame) -> Answer:
    """Whether attributions point where the attention does, more than behind random heads, which the architecture alone makes agree."""
    table = found.scores[found.scores.metric == "cc"]
    clips = range(len(found.groups))
    own = table[table.against == "attention"].groupby("clip").score.mean().reindex(clips).to_numpy()
    rivals = table[table.against.str.startswith("random head")].groupby(["against", "clip"]).score.mean().unstack().reindex(columns=clips)
    rival = "a random head"
    if not len(rivals):  # a head without parameters: fall back on maps that know nothing
        rivals = table[table.against == "null"].groupby(["method", "clip"]).score.mean().unstack().reindex(columns=clips)
        rival = "a map that knows nothing of the network"
    rivals = rivals.loc[rivals.notna().any(axis=1)]
    strongest = rivals.loc[rivals.mean(axis=1).idxmax()].to_numpy() if len(rivals) else np.full(len(own), np.nan)
    pairs = np.isfinite(own) & np.isfinite(strongest)  # the three numbers are of the same clips
    if not pairs.any():
        nan = float("nan")
        return _answer("agrees", Interval(nan, reason="undefined"), nan, nan, nan, GAIN, rival=rival)
    null, effect = float(strongest[pairs].mean()), float(own[pairs].mean())
    gain = interval(own - strongest, groups=found.groups)
    ceiling = float(between.cc.mean()) if len(between) else float("nan")
    forced = null > FORCED and effect > null / 2
    return _answer("agrees", gain, effect, null, ceiling, min(GAIN, (1 - null) / 2), forced=forced, rival=rival)
