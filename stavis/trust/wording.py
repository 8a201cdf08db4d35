"""A verdict in words: what was measured, against what, and how sure it is."""

import math


def sentence(question, answer, effect, low, high, null, threshold, count, *, labelled=True, rival="") -> str:
    """One sentence that a reader can quote: what was found, how sure, against which null, on how many clips."""
    start = {"yes": "Yes", "no": "No", "undecided": "Undecided"}[answer]
    if not math.isfinite(effect):
        why = {
            "agrees": "the attention or the attribution is constant, so agreement is undefined",
            "sufficient": "blurring the clips does not change the prediction, so there is nothing to bring back",
        }.get(question, "the effect is undefined")
        return f"{start}: {why}."
    span = f"95 % interval {number(low)} to {number(high)}" if math.isfinite(low) else "no interval from so few clips"
    tail = f"({span}, {count} clip{'s' * (count != 1)} or recordings drawn anew; {number(threshold)} would count)."
    if question == "needed":
        what = "the error grows" if labelled else "the prediction changes (there are no labels)"
        unit = "of the labels' standard deviation" if labelled else "of its standard deviation"
        return f"{start}: with uniform or permuted attention {what} by at least {number(effect)} {unit} {tail}"
    if question == "sufficient":
        return (
            f"{start}: shown in the order of the attention, cells bring back {number(effect)} of the prediction on average, "
            f"against {number(null)} for the strongest null, {rival} {tail}"
        )
    if question == "unique":
        return (
            f"{start}: the most different attention found that leaves the prediction as it is lies {number(1 - effect)} bits away, "
            f"where any attention at all lies {number(1 - null)} away; uniqueness {number(effect)} {tail}"
        )
    return f"{start}: attributions correlate with the attention at {number(effect)}, and at {number(null)} with {rival} {tail}"


def where_it_lies(places) -> str:
    """One sentence on the part of the face with most of the attention, from the localisation table of a verdict."""
    top = places.loc[places.share.idxmax()]
    names = {"outside": "the background (outside the face)", "rest": "the rest of the face"} | {
        f"{side}_eye": f"the image-{side} eye" for side in ("left", "right")
    }
    part = names.get(top.part, f"the {top.part.replace('_', ' ')}")
    span = f" (95 % interval {top.share_low:.0%} to {top.share_high:.0%})" if math.isfinite(top.share_low) else ""
    return f"Most of the attention lies on {part}: {top.share:.0%}{span}, {top.density:.1f} times its share of the image's area."


def number(value: float) -> str:
    """A number as sentences print it; ? where it is undefined."""
    return "?" if not math.isfinite(value) else f"{value:.2f}".replace("-0.00", "0.00")
