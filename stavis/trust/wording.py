"""A verdict in words and as a card of HTML; both say what was measured, against what, and how sure it is."""

import html
import math

QUESTIONS = {
    "needed": "Is the attention needed?",
    "sufficient": "Is it sufficient?",
    "unique": "Is it the only one that would do?",
    "agrees": "Do the attributions agree with it?",
}

COLOURS = {"yes": "#1a7f4b", "no": "#b3401f", "undecided": "#6b6b6b"}


def sentence(question, answer, effect, low, high, null, threshold, count, *, labelled=True, rival="") -> str:
    """One sentence that a reader can quote: what was found, how sure, against which null, on how many clips."""
    start = {"yes": "Yes", "no": "No", "undecided": "Undecided"}[answer]
    if not math.isfinite(effect):
        why = {
            "agrees": "the attention or the attribution is constant, so agreement is undefined",
            "sufficient": "blurring the clips does not change the prediction, so there is nothing to bring back",
        }.get(question, "the effect is undefined")
        return f"{start}: {why}."
    span = f"95 % interval {_number(low)} to {_number(high)}" if math.isfinite(low) else "no interval from so few clips"
    tail = f"({span}, {count} clip{'s' * (count != 1)} or recordings drawn anew; {_number(threshold)} would count)."
    if question == "needed":
        what = "the error grows" if labelled else "the prediction changes (there are no labels)"
        unit = "of the labels' standard deviation" if labelled else "of its standard deviation"
        return f"{start}: with uniform or permuted attention {what} by at least {_number(effect)} {unit} {tail}"
    if question == "sufficient":
        return (
            f"{start}: shown in the order of the attention, cells bring back {_number(effect)} of the prediction on average, "
            f"against {_number(null)} for the strongest null, {rival} {tail}"
        )
    if question == "unique":
        return (
            f"{start}: the most different attention found that leaves the prediction as it is lies {_number(1 - effect)} bits away, "
            f"where any attention at all lies {_number(1 - null)} away; uniqueness {_number(effect)} {tail}"
        )
    return f"{start}: attributions correlate with the attention at {_number(effect)}, and at {_number(null)} with {rival} {tail}"


def where_it_lies(places) -> str:
    """One sentence on the part of the face with most of the attention, from the localisation table of a verdict."""
    top = places.loc[places.share.idxmax()]
    part = {"outside": "the background (outside the face)", "rest": "the rest of the face"}.get(top.part, f"the {top.part}")
    span = f" (95 % interval {top.share_low:.0%} to {top.share_high:.0%})" if math.isfinite(top.share_low) else ""
    return f"Most of the attention lies on {part}: {top.share:.0%}{span}, {top.density:.1f} times its part of the picture."


def card(verdict) -> str:
    """The verdict as one HTML <section> without scripts or outside parts; all text in it is escaped."""
    rows = "".join(_row(answer) for answer in verdict.answers)
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in verdict.notes)
    return (
        '<section class="stavis-verdict" style="font:14px/1.45 system-ui,sans-serif;max-width:46rem">'
        f'<h3 style="margin:.2em 0">Does the attention explain the prediction? <small>({verdict.clips} clips)</small></h3>'
        f'<table style="border-collapse:collapse;width:100%">{rows}</table>'
        f'<ul style="margin:.6em 0;padding-left:1.2em">{notes}</ul>'
        '<p style="opacity:.7;margin:0">Bar: 95 % interval; dot: effect; | null; dashed: what would count; ▸ ceiling.</p></section>'
    )


def _row(answer) -> str:
    return (
        '<tr style="border-top:1px solid #8884"><td style="padding:.5em .6em .5em 0;vertical-align:top;white-space:nowrap">'
        f"<b>{html.escape(QUESTIONS[answer.question])}</b><br>"
        f'<b style="color:{COLOURS[answer.answer]}">{answer.answer}</b></td>'
        f'<td style="padding:.5em 0">{_picture(answer)}<div>{html.escape(answer.sentence)}</div></td></tr>'
    )


def _picture(answer) -> str:
    """A line from 0 to 1 (further where the numbers go further) with the interval, the effect, null, threshold and ceiling."""
    marks = [x for x in (answer.effect, answer.low, answer.high, answer.null, answer.ceiling, answer.threshold) if math.isfinite(x)]
    if not math.isfinite(answer.effect):
        return ""
    left, right = min(0.0, *marks), max(1.0, *marks)

    def x(value):
        return f"{8 + 384 * (value - left) / (right - left):.1f}"

    parts = ['<line x1="8" x2="392" y1="11" y2="11" stroke="currentColor" stroke-opacity=".25"/>']
    if math.isfinite(answer.low):
        width = max(2.0, float(x(answer.high)) - float(x(answer.low)))
        colour = COLOURS[answer.answer]
        parts.append(f'<rect x="{x(answer.low)}" y="7" width="{width:.1f}" height="8" fill="{colour}" fill-opacity=".45"/>')
    parts.append(f'<line x1="{x(answer.null)}" x2="{x(answer.null)}" y1="3" y2="19" stroke="currentColor"/>')
    where = x(answer.threshold)
    parts.append(f'<line x1="{where}" x2="{where}" y1="3" y2="19" stroke="currentColor" stroke-dasharray="2 2"/>')
    if math.isfinite(answer.ceiling):
        parts.append(f'<text x="{x(answer.ceiling)}" y="16" font-size="12" fill="currentColor">▸</text>')
    parts.append(f'<circle cx="{x(answer.effect)}" cy="11" r="4" fill="{COLOURS[answer.answer]}"/>')
    label = html.escape(f"effect {_number(answer.effect)}, interval {_number(answer.low)} to {_number(answer.high)}")
    return f'<svg viewBox="0 0 400 22" width="400" height="22" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _number(value: float) -> str:
    return "?" if not math.isfinite(value) else f"{value:.2f}".replace("-0.00", "0.00")
