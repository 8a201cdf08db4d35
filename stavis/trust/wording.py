"""A verdict in words: sentences that can be quoted, with as many digits as it takes to see what decides."""

import math
from collections.abc import Callable

import pandas as pd

from stavis.bootstrap import Interval, phrase

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
    show = telling([effect, low, high], [threshold]) if answer != "forced" else telling([], [], 3)
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
        away = telling([1 - effect], [1 - null])
        return (
            f"{start}: the most different attention found that leaves the prediction as it is{kept} lies {away(1 - effect)} bits away, "
            f"where any attention at all lies {away(1 - null)} away; uniqueness (non-replaceable = 1) {show(effect)} {tail}"
        )
    return _agreement(start, answer, show(effect), show(null), rival, span, show(threshold))


def _used(effect: str, tail: str) -> str:
    return f"uniform or permuted attention changes the prediction by at least {effect} of its standard deviation {tail}"


def _useful(details: dict) -> str:
    """What stands beside the answer: whether the labels are met worse without the attention."""
    if not details.get("labelled", True):
        return "There are no labels, so whether it is useful is not known."
    growth, low, high = (details.get(name, float("nan")) for name in ("useful", "useful_low", "useful_high"))
    if not math.isfinite(growth):
        return "Whether it is useful is undefined: the labels do not vary."
    show = telling([low, high], [0.0])
    span = f" (95 % interval {show(low)} to {show(high)})" if math.isfinite(low) else ""
    useful = "Useful" if low > 0 else "Not useful" if high <= 0 else "Useful or not, undecided" if math.isfinite(low) else "Usefulness"
    return f"{useful}: the error after an affine refit grows by {show(growth)} of the labels' standard deviation{span}."


def _agreement(start: str, answer: str, effect: str, null: str, rival: str, span: str, threshold: str) -> str:
    both = f"attributions correlate with the attention at {effect}, and at {null} with {rival}"
    if answer == "forced":
        return f"{start}: {both}, so that agreement says nothing about what was learned ({span})."
    return f"{start}: {both}; only agreement beyond what the architecture forces counts ({span}; more than {threshold} would count)."


def where_it_lies(places: pd.DataFrame) -> str:
    """One sentence on the region with most of the attention, from the localisation table of a verdict."""
    top = places.loc[places.share.idxmax()]
    if OUTSIDE not in set(places.part):
        return _where(top, "what lies between the regions" if top.part == "rest" else f"the region {top.part.replace('_', ' ')}")
    names = {"outside": "the background (outside the face)", "rest": "the rest of the face"}
    names |= {f"{side}_eye": f"the image-{side} eye" for side in ("left", "right")}
    return _where(top, names.get(top.part, f"the {top.part}"))


def _where(top: pd.Series, where: str) -> str:
    span = f" (95 % interval {top.share_low:.0%} to {top.share_high:.0%})" if math.isfinite(top.share_low) else ""
    return f"Most of the attention lies on {where}: {top.share:.0%}{span}, {top.density:.1f} times its share of the image's area."


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
    return [f"The attention is one-sided: {more.share:.0%} on the image-{side} eye, {less.share:.1%} on the image-{other} one."]


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
            show = telling([row.change, row.change_high], [counts])
            span = f"at most {show(row.change_high)} at 95 %; {show(counts)} would count"
            notes.append(f"{text} (the prediction changes by {show(row.change)} of its standard deviation, {span}).")
    return notes


def telling(values: list[float], marks: list[float], fewest: int = 2, most: int = 5) -> Callable[[float], str]:
    """How to print values held against marks: with as many digits as it takes to tell each value from every mark that it differs from."""
    pairs = [(value, mark) for value in values for mark in marks if math.isfinite(value) and math.isfinite(mark) and value != mark]
    digits = fewest
    while digits < most and any(number(value, digits) == number(mark, digits) for value, mark in pairs):
        digits += 1
    return lambda value: number(value, digits)


def number(value: float, digits: int = 2) -> str:
    """A number as sentences print it; ? where it is undefined."""
    if not math.isfinite(value):
        return "?"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text
