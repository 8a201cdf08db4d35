"""Does the attention explain what the network predicts? Four questions, each answered from an interval against its null.

needed      does the error grow when the attention is uniform or permuted?
sufficient  do the attended places alone bring the prediction back, sooner than places chosen without the attention?
unique      must the attention be as it is for the prediction to be as it is?
agrees      do attributions point to the same places, more than the architecture forces them to?

Every answer is 'yes' where the whole interval of the effect lies above its threshold (the null plus what would count), 'no' where it
lies below, else 'undecided'. Intervals come from drawing clips anew (whole recordings where clips name one), paired with the null.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import nn

from stavis.attention.hooks import attention_module
from stavis.attribution.target import prepare
from stavis.errors import StavisError
from stavis.trust.attention_tests import TOLERANCE
from stavis.trust.evidence import AGREEMENT_METHODS, Evidence, between_methods, check_clips, gather, says_nothing
from stavis.trust.intervals import DRAWS, bootstrap, bootstrap_p, holm, interval, resampled
from stavis.trust.wording import sentence, where_it_lies
from stavis.types import Attribution, Clip, Target

GROWTH = 0.05
"""The growth of the error that counts, in standard deviations of the labels."""

RECOVERED = 0.1
"""The gain over the strongest null that counts in the area under an insertion curve; at most half of what the null leaves."""

GAIN = 0.05
"""The gain over the strongest random head that counts in correlation."""

SPREAD_WITHOUT_LABELS = 0.25
"""The least standard deviation that the change of a prediction is measured by where there are no labels."""

DECIDING_ORDERS = ("random order", "smooth random 1", "smooth random 2", "centre", "edges")
"""The orders of cells that know nothing of the attention; the random networks count as well."""


@dataclass(frozen=True)
class Answer:
    """One question's answer with its numbers, all in the effect's own unit.

    low and high bound the effect at 95 %, by its difference from the null (clips drawn anew, paired); `threshold` is what the
    interval is held against: the null and what would count. NaN where a number is undefined, which the sentence then says.
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

    @property
    def skill(self) -> float:
        """(effect − null) / (ceiling − null): 0 = no better than the null, 1 = as good as can be; NaN where they coincide."""
        room = self.ceiling - self.null
        return (self.effect - self.null) / room if room > 1e-9 else float("nan")


@dataclass(frozen=True)
class Verdict:
    """What can be said of a model's attention on some clips: four answers, and what they rest on.

    tests: each replacement of the attention (growth of the error, interval, p, p after Holm); agreement: tidy scores of every method
    and null; localisation: the attention's share and density on each part of the face, with intervals; between: the methods among
    themselves; notes: what a reader must know besides.
    """

    needed: Answer
    sufficient: Answer
    unique: Answer
    agrees: Answer
    tests: pd.DataFrame
    agreement: pd.DataFrame
    localisation: pd.DataFrame
    insertion: pd.DataFrame
    between: pd.DataFrame
    clips: int
    notes: tuple[str, ...] = ()

    @property
    def answers(self) -> tuple[Answer, Answer, Answer, Answer]:
        """The four answers in their order."""
        return self.needed, self.sufficient, self.unique, self.agrees

    def table(self) -> pd.DataFrame:
        """One row a question: question, answer, effect, low, high, null, ceiling, threshold, skill, sentence."""
        return pd.DataFrame([vars(answer) | {"skill": answer.skill} for answer in self.answers])

    def to_json(self) -> dict:
        """The verdict in plain types, None for what is undefined."""
        names = ("tests", "localisation", "insertion")
        return {
            "clips": self.clips,
            **{answer.question: _plain(vars(answer) | {"skill": answer.skill}) for answer in self.answers},
            **{name: [_plain(row) for row in getattr(self, name).to_dict("records")] for name in names},
            "notes": list(self.notes),
        }


def verdict(
    model: nn.Module,
    clips: Clip | Sequence[Clip],
    *,
    attention: nn.Module | str | None = None,
    target: Target | None = None,
    seed: int = 0,
    methods: Sequence[Callable[..., Attribution]] = AGREEMENT_METHODS,
    heads: int = 8,
    networks: int = 8,
    tolerance: float = TOLERANCE,
    draws: int = DRAWS,
) -> Verdict:
    """Whether a model's attention is needed, sufficient, unique and in agreement with attributions, judged on clips.

    `model` is any nn.Module with forward(frames (B,T,3,H,W)) -> (B,T,D); `attention` names the module that holds its attention where
    that is no SpatialSoftmax. `target` is the clip mean of the model's first dimension by default. With labels, `needed` is the growth
    of the error; without, the change of the prediction. Fewer than three clips (or recordings) give effects, but no interval.

    Raises StavisError for clips of several sizes, a module that is no part of the model, or a target that it has not.
    """
    clips = check_clips(clips)
    dimensions = tuple(getattr(model, "dimensions", ()) or ())
    target = target or Target(dimensions[0] if dimensions else "valence")
    with prepare(model) as ready:
        try:
            attention_module(ready, attention)
        except StavisError:
            if attention is not None:
                raise
            return _without_attention(ready, clips, target, methods)
        found = gather(ready, clips, target, attention, methods=methods, heads=heads, networks=networks, tolerance=tolerance, seed=seed)
        between = between_methods(ready, clips, target, methods, attention)
    return judge(found, between, seed=seed, draws=draws)


def judge(found: Evidence, between: pd.DataFrame, *, seed: int = 0, draws: int = DRAWS) -> Verdict:
    """The verdict that follows from the evidence; the same seed draws the same clips."""
    samples = resampled(found.groups, seed, draws)
    count = len(set(found.groups))
    notes = []
    if samples is None:
        notes.append(f"{count} independent clip{'s' * (count != 1)}: too few for an interval, so nothing is decided.")
    if says_nothing(found.attention):
        notes.append("The attention is the same everywhere (constant): agreement with it is undefined.")
    needed, tests = _needed(found, samples, count)
    idle = tests[tests.test == "shuffled in time"]
    if len(idle) and abs(float(idle.growth.iloc[0])) < GROWTH / 2 and needed.answer == "yes":
        notes.append("Shuffling the attention in time costs nothing: its temporal part is idle on these clips.")
    places = _localisation(found, seed, draws)
    if len(places):
        notes.append(where_it_lies(places))
    return Verdict(
        needed,
        _sufficient(found, samples, count),
        _unique(found, samples, count),
        _agrees(found, between, samples, count),
        tests,
        found.scores,
        places,
        pd.DataFrame(found.insertion).rename_axis("clip").reset_index(),
        between,
        len(found.groups),
        tuple(notes),
    )


def _answer(question: str, effect, null, ceiling, margin, difference: np.ndarray | None, count: int, **more) -> Answer:
    """An answer from the draws of (effect − null): the interval is laid around the null's mark."""
    low = high = float("nan")
    if difference is not None and np.isfinite(effect) and np.isfinite(null):
        low, high = (null + bound for bound in interval(difference, count))
    threshold = null + margin
    answer = "undecided"
    if low > threshold:
        answer = "yes"
    elif high < threshold:
        answer = "no"
    text = sentence(question, answer, effect, low, high, null, threshold, count, **more)
    return Answer(question, answer, *(float(x) for x in (effect, low, high, null, ceiling, threshold)), text)


def _needed(found: Evidence, samples, count: int) -> tuple[Answer, pd.DataFrame]:
    labelled = all(gold is not None for gold in found.gold)
    aims = [gold if labelled else own for gold, own in zip(found.gold, found.own, strict=True)]
    frames = np.array([seen.sum() for seen in found.seen], float)
    if not frames.sum():
        raise StavisError("no frame of the clips counts (no face, or no label): give clips with some.")

    def squares(traces):  # each clip's sum of squared errors, mean over the traces of a kind
        rows = zip(traces, aims, found.seen, strict=True)
        return np.array([((np.atleast_2d(t)[:, seen] - aim[seen]) ** 2).sum(1).mean() for t, aim, seen in rows])

    pooled = np.concatenate([aim[seen] for aim, seen in zip(aims, found.seen, strict=True)])
    scale = float(pooled.std()) if labelled else max(float(pooled.std()), SPREAD_WITHOUT_LABELS)
    scale = scale or 1.0
    base = squares(found.own)
    errors = {kind: squares([clip[kind] for clip in found.replaced]) for kind in found.replaced[0]}

    def growth(kind, chosen):
        total = frames[chosen].sum()
        return (np.sqrt(errors[kind][chosen].sum() / total) - np.sqrt(base[chosen].sum() / total)) / scale

    everyone = np.arange(len(frames))
    rows, drawn = [], {}
    for kind in errors:
        drawn[kind] = None if samples is None else np.array([growth(kind, sample) for sample in samples])
        low, high = (float("nan"),) * 2 if samples is None else interval(drawn[kind], count)
        p = float("nan") if samples is None else bootstrap_p(drawn[kind])
        rows.append({"test": kind, "growth": growth(kind, everyone), "low": low, "high": high, "p": p})
    tests = pd.DataFrame(rows)
    tests["p_holm"] = holm(tests.p)
    effect = min(growth("uniform", everyone), growth("permuted", everyone))
    difference = None if samples is None else np.minimum(drawn["uniform"], drawn["permuted"])
    lost = max(0.0, 1 - float(np.sqrt(base.sum() / frames.sum())) / scale) if labelled else float("nan")
    return _answer("needed", effect, 0.0, lost, GROWTH, difference, count, labelled=labelled), tests


def _sufficient(found: Evidence, samples, count: int) -> Answer:
    areas = pd.DataFrame(found.insertion)
    means = areas.mean()
    rivals = [name for name in areas if name in DECIDING_ORDERS or name.startswith("random network")]
    strongest = means[rivals].idxmax() if means[rivals].notna().any() else rivals[0]
    difference = (areas["attention"] - areas[strongest]).to_numpy()
    ceiling = float(np.nanmax([means["exact DeepLIFT"], means["attention"]])) if means.notna().any() else float("nan")
    drawn = None if samples is None else np.array([_mean(difference[sample]) for sample in samples])
    margin = min(RECOVERED, (1 - means[strongest]) / 2)
    return _answer("sufficient", means["attention"], means[strongest], ceiling, margin, drawn, count, rival=strongest)


def _unique(found: Evidence, samples, count: int) -> Answer:
    unique, free = np.array(found.uniqueness), np.array(found.free)
    null = float(free.mean())
    drawn = None if samples is None else np.array([(unique[sample] - free[sample]).mean() for sample in samples])
    return _answer("unique", unique.mean(), null, 1.0, (1 - null) / 2, drawn, count)


def _agrees(found: Evidence, between: pd.DataFrame, samples, count: int) -> Answer:
    table = found.scores[found.scores.metric == "cc"]
    clips = range(len(found.groups))
    own = table[table.against == "attention"].groupby("clip").score.mean().reindex(clips).to_numpy()
    rivals = table[table.against.str.startswith("random head")].groupby(["against", "clip"]).score.mean().unstack().reindex(columns=clips)
    kind = "a random head"
    if not len(rivals):  # a head without parameters: fall back on maps that know nothing
        rivals = table[table.against == "null"].groupby(["method", "clip"]).score.mean().unstack().reindex(columns=clips)
        kind = "a map that knows nothing of the network"
    if not np.isfinite(own).any() or not rivals.notna().any().any():
        nan = float("nan")
        return _answer("agrees", nan, nan, nan, GAIN, None, count, rival=kind)
    strongest = rivals.mean(axis=1).idxmax()
    difference = own - rivals.loc[strongest].to_numpy()
    drawn = None if samples is None else np.array([_mean(difference[sample]) for sample in samples])
    ceiling = float(between.cc.mean()) if len(between) else float("nan")
    return _answer("agrees", _mean(own), float(rivals.loc[strongest].mean()), ceiling, GAIN, drawn, count, rival=kind)


def _localisation(found: Evidence, seed: int, draws: int) -> pd.DataFrame:
    rows = []
    for part, table in found.places.groupby("part", sort=False):
        groups = [found.groups[place] for place in table["clip"]]
        row = {"part": part}
        for name in ("share", "density", "image_left"):
            values = table[name].to_numpy()
            row[name], row[f"{name}_low"], row[f"{name}_high"] = bootstrap(
                lambda chosen, values=values: _mean(values[chosen]), groups, seed, draws
            )
        rows.append(row)
    return pd.DataFrame(rows)


def _without_attention(model, clips: list[Clip], target: Target, methods) -> Verdict:
    nan = float("nan")
    words = "The model has no attention module, so this question does not arise; give attention=<module> if it has one."
    answers = [Answer(name, "undecided", nan, nan, nan, nan, nan, nan, words) for name in ("needed", "sufficient", "unique", "agrees")]
    between = between_methods(model, clips, target, methods)
    empty = pd.DataFrame()
    note = "The model has no attention: only the attributions are compared, with each other."
    return Verdict(*answers, empty, empty, empty, empty, between, len(clips), (note,))


def _mean(values: np.ndarray) -> float:
    values = np.asarray(values, float)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _plain(row: dict) -> dict:
    def plain(value):
        if isinstance(value, (float, np.floating)):
            return float(value) if np.isfinite(value) else None
        return value.item() if isinstance(value, np.generic) else value

    return {name: plain(value) for name, value in row.items()}
