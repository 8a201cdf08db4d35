"""Does the attention explain what the network predicts? Four questions, each answered from an interval against its control (null).

needed      does the prediction change when the attention is uniform or permuted (used), and does its error grow (useful)?
sufficient  do the attended cells alone bring the prediction back, sooner than cells chosen without the attention?
unique      must the attention be as it is for the prediction to be as it is (is it non-replaceable)?
agrees      do attributions point to the same cells, more than the architecture forces them to?

Every answer is 'yes' where the whole interval of the effect lies above its threshold (the null plus what would count), 'no' where it
lies below, else 'undecided'; `agrees` is 'forced' where a random head behind the same attention agrees with it as well. Intervals are
over recordings (clips where they name none), paired with the null.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from torch import nn

from stavis.attention.hooks import Attention, attention_module
from stavis.attribution.target import prepare
from stavis.bootstrap import DRAWS, FEWEST, interval
from stavis.errors import StavisError
from stavis.notes import Notes
from stavis.printable import ShortRepr
from stavis.regions import VERSION as REGIONS_VERSION
from stavis.trust import answers
from stavis.trust.answers import RECOMMENDED, USED, Answer
from stavis.trust.attention_tests import TOLERANCE
from stavis.trust.evidence import AGREEMENT_METHODS, Evidence, attributions_of, between_methods, check_clips, gather, says_nothing
from stavis.trust.wording import one_sided, verdict_sentences, where_it_lies, which_replacements_cost_nothing
from stavis.types import Attribution, Clip, Target


@dataclass(frozen=True, repr=False)
class Verdict(ShortRepr):
    """What can be said of a model's attention on some clips: four answers, and what they rest on.

    tests: each replacement of the attention (change of the prediction in its standard deviations, growth of the error after a refit,
    interval, exact p by sign flips, p after Holm); agreement: tidy scores of every method and null; localisation: the attention's
    share and density on each region of the face, left and right eye apart, with intervals; insertion: areas under insertion curves,
    first_cells: their height at 2 to 5 % of the cells; between: the methods among themselves; notes: what a reader must know besides;
    warnings: those of the notes that limit what the answers mean, the others are findings;
    curves: tidy insertion and deletion curves (group, order, direction, fraction, height); maps: the attention of each clip, the
    mean over its frames (h,w); dimension: the output that was judged.
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
    first_cells: pd.DataFrame = field(default_factory=pd.DataFrame)
    warnings: tuple[str, ...] = ()
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    maps: tuple[np.ndarray, ...] = ()
    dimension: str = ""

    def _facts(self) -> Iterator[str]:
        yield f"{self.clips} clips"
        yield from (f"{one.question} {one.answer}" for one in self.answers)

    @property
    def answers(self) -> tuple[Answer, Answer, Answer, Answer]:
        """The four answers in their order."""
        return self.needed, self.sufficient, self.unique, self.agrees

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, in at most two sentences: the four answers, and where the attention is densest."""
        if not any(np.isfinite(one.effect) for one in self.answers):
            return self.notes[:1]
        return verdict_sentences([(one.question, one.answer) for one in self.answers], self.localisation, self.clips)

    def table(self) -> pd.DataFrame:
        """One row per question: question, answer, effect, low, high, null, ceiling, threshold, skill, sentence."""
        rows = [vars(answer) | {"skill": answer.skill} for answer in self.answers]
        return pd.DataFrame(rows).drop(columns="details")

    def to_json(self) -> dict:
        """The verdict in plain types, None for what is undefined."""
        names = ("tests", "localisation", "insertion", "first_cells")
        return {
            "clips": self.clips,
            "dimension": self.dimension or None,
            **({"regions_version": REGIONS_VERSION} if "outside" in set(self.localisation.get("part", ())) else {}),
            **{answer.question: _plain(vars(answer) | {"skill": answer.skill}) for answer in self.answers},
            **{name: [_plain(row) for row in getattr(self, name).to_dict("records")] for name in names},
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }


def verdict(
    model: nn.Module,
    clips: Clip | Sequence[Clip],
    *,
    attention: Attention | None = None,
    target: Target | None = None,
    seed: int = 0,
    methods: Sequence[Callable[..., Attribution]] = AGREEMENT_METHODS,
    heads: int = 8,
    networks: int = 8,
    tolerance: float = TOLERANCE,
    draws: int = DRAWS,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Whether a model's attention is needed, sufficient, unique and in agreement with attributions, judged on clips.

    `model` is any nn.Module with forward(frames (B,T,3,H,W)) -> (B,T,D); `attention` names the module that holds its attention where
    that is no SpatialSoftmax. `target` is the clip mean of the model's first dimension by default. `needed` is answered from the change
    of the prediction; with labels, the growth of the error stands beside it. `tolerance` is how much a prediction may change and count
    as the same, in its standard deviations over the clips. `draws` bounds the sign flips behind a p value. From fewer than five clips
    (or recordings) nothing is decided; six or more are recommended. progress(done, total) is called as the clips are measured.

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
        options = {"methods": methods, "heads": heads, "networks": networks, "tolerance": tolerance, "seed": seed, "progress": progress}
        found = gather(ready, clips, target, attention, **options)
    judged = judge(found, between_methods(found.attributions), seed=seed, draws=draws)
    return replace(judged, dimension=target.dimension)


def judge(found: Evidence, between: pd.DataFrame, *, seed: int = 0, draws: int = DRAWS) -> Verdict:
    """The verdict that follows from the evidence; `seed` and `draws` are those of the sign flips behind p values."""
    count = len(set(found.groups))
    notes = []
    if count < FEWEST:
        few = f"{count} independent clip{'s' * (count != 1)}: too few for an interval, so nothing is decided"
        notes.append(f"{few} ({FEWEST} are needed, {RECOMMENDED} or more recommended).")
    elif count < RECOMMENDED:
        notes.append(f"{count} independent clips are the fewest that decide anything: {RECOMMENDED} or more are recommended.")
    if says_nothing(found.attention):
        notes.append("The attention is the same everywhere (constant): agreement with it is undefined.")
    if not found.tolerance > 0 and np.isfinite(found.tolerance):
        notes.append("The prediction is the same in all frames: there is nothing that an attention could explain.")
    notes += found.limits
    if found.unfollowed:
        notes.append(found.unfollowed)
    if found.fixed:
        notes.append(found.fixed)
        needed, tests, unique = answers.not_askable("needed", found.fixed), pd.DataFrame(), answers.not_askable("unique", found.fixed)
    else:
        (needed, tests), unique = answers.needed(found, seed=seed, draws=draws), answers.unique(found)
    warnings = tuple(notes)
    if needed.answer == "yes":
        notes += which_replacements_cost_nothing(tests, USED)
    places = _localisation(found)
    if len(places):
        notes += where_it_lies(places)
        notes += one_sided(places)
    return Verdict(
        needed,
        answers.sufficient(found),
        unique,
        answers.not_askable("agrees", found.unfollowed) if found.unfollowed else answers.agrees(found, between),
        tests,
        found.scores,
        places,
        _by_clip(found.insertion),
        between,
        len(found.groups),
        tuple(notes),
        _by_clip(found.first),
        warnings,
        _curves(found),
        tuple(np.nanmean(own, 0) for own in found.attention),
    )


def _curves(found: Evidence) -> pd.DataFrame:
    table = pd.DataFrame(found.curves)
    return table.assign(group=[found.groups[clip] for clip in table["clip"]]) if len(table) else table


def _by_clip(rows: list[dict[str, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows).rename_axis("clip").reset_index() if rows else pd.DataFrame()


def _localisation(found: Evidence) -> pd.DataFrame:
    rows = []
    for part, table in found.places.groupby("part", sort=False):
        groups = [found.groups[index] for index in table["clip"]]
        row = {"part": part}
        for name, bounds in (("share", (0, 1)), ("density", (0, np.inf)), ("image_left", (0, 1))):
            if name in table:
                each = interval(table[name].to_numpy(), groups=groups, bounds=bounds)
                row |= {name: each.value, f"{name}_low": each.low, f"{name}_high": each.high}
        rows.append(row)
    return pd.DataFrame(rows)


def _without_attention(model, clips: list[Clip], target: Target, methods) -> Verdict:
    nan = float("nan")
    message = "The model has no attention module, so this question does not arise; give attention=<module> if it has one."
    unanswered = [Answer(name, "undecided", nan, nan, nan, nan, nan, nan, message) for name in ("needed", "sufficient", "unique", "agrees")]
    notes = Notes(["The model has no attention: only the attributions are compared, with each other."])
    between = between_methods(attributions_of(model, clips, target, None, methods, notes))
    empty = pd.DataFrame()
    told = {"notes": tuple(notes), "warnings": tuple(notes), "dimension": target.dimension}
    return Verdict(*unanswered, empty, empty, empty, empty, between, len(clips), **told)


def _plain(row: dict) -> dict:
    def plain(value):
        if isinstance(value, (float, np.floating)):
            return float(value) if np.isfinite(value) else None
        if isinstance(value, dict):
            return _plain(value)
        return value.item() if isinstance(value, np.generic) else value

    return {name: plain(value) for name, value in row.items()}
