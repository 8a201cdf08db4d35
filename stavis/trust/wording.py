"""A verdict in words: sentences that can be quoted, with as many digits as it takes to see what decides."""

import math
from collections.abc import Callable, Sequence

import pandas as pd

from stavis.bootstrap import Interval, phrase
from stavis.inference.finding.wording import listed
from stavis.printable import percent, telling_apart

_ASPECTS = {
    "needed": "needed",
    "sufficient": "sufficient",
    "unique": "unique (non-replaceable)",
    "agrees": "in agreement with the attributions",
}
_FOUND = {
    "yes": "the attention is ",
    "no": "the attention is not ",
    "undecided": "it is undecided whether the attention is ",
    "forced": "the architecture alone makes it ",
}
"""How a clause about each answer begins."""
OUTSIDE = "outside"
"""The region that every face has and other sets have not."""
UNDEFINED = {
    "needed": "the prediction is the same in all frames, so no attention can change it",
    "sufficient": "blurring the clips does not change the prediction, so there is nothing to bring back",
    "unique": "the prediction is the same in all frames, so any attention gives it",
    "agrees": "the attention or the attribution is constant, so agreement is undefined",
}


def sentence(
    question: str, answer: str, found: Interval, *, effect, low, high, null, ceiling, threshold, rival: str = "", **details
) -> str:
    """One sentence that a reader can quote: what was found, how sure, against which control, on how many recordings."""
    start = {"yes": "Yes", "no": "No", "undecided": "Undecided", "forced": "Forced by the architecture"}[answer]
    if not math.isfinite(effect):
        return f"{start}: {UNDEFINED[question]}."
    show = telling_apart([effect, low, high], [threshold]) if answer != "forced" else telling_apart([], [], 3)
    span = f"{phrase(found.count)}: {show(low)} to {show(high)}" if math.isfinite(low) else found.describe()
    tail = f"({span}; more than {show(threshold)} would count)."
    if question == "needed":
        return f"{start}: {_used(show(effect), tail)} {_useful(details)}"
    if question == "sufficient":
        first = details.get("decided_by") == "first cells"
        what = "the first 2 to 5 % of the cells" if first else "cells"
        how = "of the prediction" if first else "of the prediction on average over the insertion curve"
        return (
            f"{start}: shown in the order of the attention, {what} bring back {show(effect)} {how}, "
            f"against {show(null)} in the order of the strongest control (null) map, {rival} {tail}"
        )
    if question == "unique":
        tolerance = details.get("tolerance", float("nan"))
        kept = f" to within {tolerance:.2g}, {details['share']:g} of its standard deviation," if math.isfinite(tolerance) else ""
        away = telling_apart([1 - effect], [1 - null])
        return (
            f"{start}: the most different attention found that leaves the prediction as it is{kept} lies {away(1 - effect)} bits away, "
            f"where any attention at all lies {away(1 - null)} away; uniqueness (non-replaceable = 1) {show(effect)} {tail}"
        )
    return _agreement(start, answer, show(effect), show(null), rival, span, show(threshold))


def _used(effect: str, tail: str) -> str:
    return f"uniform or permuted attention changes the prediction by at least {effect} of its standard deviation {tail}"


def _useful(details: dict) -> str:
    """What stands beside the answer: whether the error is larger without the attention."""
    if not details.get("labelled", True):
        return "There are no labels, so whether it is useful is not known."
    growth, low, high = (details.get(name, float("nan")) for name in ("useful", "useful_low", "useful_high"))
    if not math.isfinite(growth):
        return "Whether it is useful is undefined: the labels do not vary."
    show = telling_apart([low, high], [0.0])
    span = f" (95 % interval {show(low)} to {show(high)})" if math.isfinite(low) else ""
    useful = "Useful" if low > 0 else "Not useful" if high <= 0 else "Useful or not, undecided" if math.isfinite(low) else "Usefulness"
    return f"{useful}: the error after an affine refit grows by {show(growth)} of the labels' standard deviation{span}."


def _agreement(start: str, answer: str, effect: str, null: str, rival: str, span: str, threshold: str) -> str:
    both = f"attributions correlate with the attention at {effect}, and at {null} with {rival}"
    if answer == "forced":
        return f"{start}: {both}, so that agreement says nothing about what was learned ({span})."
    return f"{start}: {both}; only agreement beyond what the architecture forces counts ({span}; more than {threshold} would count)."


def where_it_lies(places: pd.DataFrame) -> list[str]:
    """Where the attention is densest, and where the larger part of it lies if that is elsewhere; from a verdict's localisation table.

    Parts whose values lie within each other's intervals are named as equal. Nothing where no density is known.
    """
    known = places[places.density.notna() & places.share.notna()]
    if known.empty:
        return []
    face = OUTSIDE in set(places.part)
    dense, most = known.loc[known.density.idxmax()], known.loc[known.share.idxmax()]
    equal = [row for _, row in known.iterrows() if row.part != dense.part and _tied(dense, row, "density")]
    also = "; about as dense on " + " and ".join(f"{part_name(row.part, face)} ({row.density:.1f})" for row in equal) if equal else ""
    name = part_name(dense.part, face)
    text = (
        f"The attention is densest on {name}: density {dense.density:.1f}, where an even spread has 1"
        f"{_span(dense, 'density', _tenths)}{also}. {_capital(name)} holds {percent(dense.share)} of it{_span(dense, 'share', percent)}"
    )
    if most.part == dense.part:
        return [text + "."]
    than = "about as much as" if _tied(dense, most, "share") else "less than"
    return [f"{text}, {than} {part_name(most.part, face)} ({percent(most.share)} at density {most.density:.1f})."]


def part_name(part: str, face: bool = True) -> str:
    """What sentences call a region: a part of the face, or (face False) one of a set of the user's own."""
    if not face:
        return "what lies between the regions" if part == "rest" else f"the region {part.replace('_', ' ')}"
    names = {"outside": "the background (outside the face)", "rest": "the rest of the face"}
    names["glabella"] = "the skin between the brows"
    names |= {f"{side}_eye": f"the image-{side} eye" for side in ("left", "right")}
    return names.get(part, f"the {part}")


def _tied(one: pd.Series, other: pd.Series, name: str) -> bool:
    """Whether the value of each lies within the interval of the other."""
    within = (row[f"{name}_low"] <= value[name] <= row[f"{name}_high"] for row, value in ((one, other), (other, one)))
    return all(within)


def _span(row: pd.Series, name: str, show: Callable[[float], str]) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return f" (95 % interval {show(low)} to {show(high)})" if math.isfinite(low) else ""


def _tenths(value: float) -> str:
    return f"{value:.1f}"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def one_sided(places: pd.DataFrame) -> list[str]:
    """A sentence where one eye gets attention and the other hardly any: at least a tenth, and three times the other's density."""
    by_part = places.set_index("part")
    if not {"left_eye", "right_eye"} <= set(by_part.index):
        return []
    left, right = by_part.loc["left_eye"], by_part.loc["right_eye"]
    more, less = (left, right) if left.share >= right.share else (right, left)
    if not (more.share >= 0.1 and more.density > 3 * less.density):
        return []
    side, other = more.name.split("_")[0], less.name.split("_")[0]
    return [
        f"The attention is one-sided: {percent(more.share)} on the image-{side} eye, {percent(less.share, 1)} on the image-{other} one."
    ]


def verdict_sentences(answers: Sequence[tuple[str, str]], places: pd.DataFrame, clips: int) -> tuple[str, ...]:
    """The finding of a verdict: in one sentence the answers, given as (question, answer), in a second where the attention is densest."""
    names: dict[str, list[str]] = {}
    for question, answer in answers:
        names.setdefault(answer, []).append(_ASPECTS[question])
    clauses = [start + listed(names[answer]) for answer, start in _FOUND.items() if answer in names]
    return f"Judged on {clips} clip{'s' * (clips != 1)}, {'; '.join(clauses)}.", *(where_it_lies(places)[:1] if len(places) else ())


def which_replacements_cost_nothing(tests: pd.DataFrame, counts: float) -> list[str]:
    """Sentences on what a needed attention does not depend on: the input, or time; `counts` is the change that would count."""
    table, notes = tests.set_index("test"), []
    meaning = {
        "another clip's": "Another clip's attention in its place costs nothing: any map of this kind does as well, so that the attention "
        "need not depend on what the clip shows",
        "mean map": "The mean map of the other clips in its place costs nothing: one fixed map does as well",
        "shuffled in time": "Shuffling the attention in time costs nothing: its temporal part is idle, and nothing here speaks for a "
        "spatiotemporal attention over a spatial one",
    }
    for test, text in meaning.items():
        if test in table.index and table.change_high[test] < counts:
            row = table.loc[test]
            show = telling_apart([row.change, row.change_high], [counts])
            span = f"at most {show(row.change_high)} at 95 %; {show(counts)} would count"
            notes.append(f"{text} (the prediction changes by {show(row.change)} of its standard deviation, {span}).")
    return notes
