"""A verdict as one HTML <section>: four answers, each with a mark for effect, interval, null and threshold. All text is escaped."""

import html
import math
from collections.abc import Callable

from stavis.printable import html_text, telling_apart
from stavis.trust.judge import Answer, Verdict

QUESTIONS = {
    "needed": "Is the attention needed?",
    "sufficient": "Is it sufficient?",
    "unique": "Is it non-replaceable?",
    "agrees": "Do the attributions agree with it?",
}
SUBTITLES = {
    "needed": "used, and useful",
    "sufficient": "alone, before controls",
    "unique": "unique",
    "agrees": "agreement beyond what the architecture forces",
}
AXES = {
    "needed": "change of the prediction (its standard deviations)",
    "sufficient": "part of the prediction that the attended cells bring back",
    "unique": "non-replaceability (1 = no other attention does)",
    "agrees": "correlation of attributions with the attention",
}
COLOURS = {"yes": "#1a7f4b", "no": "#b3401f", "undecided": "#6b6b6b", "forced": "#806314"}
"""Of each answer: behind white text, and as a bar, so that it reads the same on a light and on a dark page."""
_HEADLINE = '<h3 style="margin:.2em 0">Does the attention explain the prediction? <small>({clips})</small></h3>'


def _headline(clips: int) -> str:
    return _HEADLINE.format(clips=f"{clips} clip{'s' if clips != 1 else ''}")


def card(verdict: Verdict, *, headline: bool = True) -> str:
    """The verdict as one HTML <section> without scripts or outside parts; headline: with the question that it answers, for where no page
    says it."""
    ends = _ends(verdict.answers)
    rows = "".join(_row(answer, ends) for answer in verdict.answers)
    notes = "".join(f"<li>{html_text(note)}</li>" for note in verdict.notes if note not in verdict.warnings)
    warnings = "".join(f'<p role="note" style="margin:.4em 0"><strong>Warning:</strong> {html_text(text)}</p>' for text in verdict.warnings)
    return (
        '<section class="stavis-verdict" style="font:14px/1.45 system-ui,sans-serif;max-width:54rem">'
        f"{_headline(verdict.clips) if headline else ''}{warnings}"
        f'<table style="border-collapse:collapse;width:100%">{rows}</table>'
        f'<ul style="margin:.6em 0;padding-left:1.2em">{notes}</ul>'
        '<p style="opacity:.7;margin:0">Bar: 95&nbsp;% interval; dot: effect; | control (null); dashed: threshold; ▸ ceiling. '
        "All four strips have one scale; what is measured is named under each.</p></section>"
    )


def _row(answer: Answer, ends: tuple[float, float]) -> str:
    return (
        '<tr style="border-top:1px solid #8884"><td style="padding:.5em 1em .5em 0;vertical-align:top;text-align:left;width:30%">'
        f"<b>{html_text(QUESTIONS[answer.question])}</b><br><small>{html_text(SUBTITLES[answer.question])}</small><br>"
        f'<b style="display:inline-block;margin-top:.3em;padding:0 .7em;border-radius:1em;color:#fff;background:{COLOURS[answer.answer]}">'
        f"{answer.answer}</b></td>"
        f'<td style="padding:.5em 0;text-align:left">{_chart(answer, ends)}<div>{html_text(answer.sentence)}</div></td></tr>'
    )


def _numbers(answer: Answer) -> list[float]:
    values = (answer.effect, answer.low, answer.high, answer.null, answer.ceiling, answer.threshold)
    return [value for value in values if math.isfinite(value)]


def _ends(answers: tuple[Answer, ...]) -> tuple[float, float]:
    """From where to where the strips reach: 0 to 1, further where a number goes further."""
    values = [value for answer in answers for value in _numbers(answer)]
    return min([0.0, *values]), max([1.0, *values])


def _chart(answer: Answer, ends: tuple[float, float]) -> str:
    """The interval, the effect, null, threshold and ceiling over an axis, on the scale of all four strips."""
    if not math.isfinite(answer.effect):
        return ""
    left, right = ends

    def x(value):
        return f"{8 + 384 * (value - left) / (right - left):.1f}"

    axis = _axis(x, left, right, AXES[answer.question])
    parts = ['<line x1="8" x2="392" y1="11" y2="11" stroke="currentColor" stroke-opacity=".25"/>', *axis]
    if math.isfinite(answer.low):
        width = max(2.0, float(x(answer.high)) - float(x(answer.low)))
        colour = COLOURS[answer.answer]
        parts.append(f'<rect x="{x(answer.low)}" y="7" width="{width:.1f}" height="8" fill="{colour}" fill-opacity=".7"/>')
    parts.append(f'<line x1="{x(answer.null)}" x2="{x(answer.null)}" y1="3" y2="19" stroke="currentColor"/>')
    at = x(answer.threshold)
    parts.append(f'<line x1="{at}" x2="{at}" y1="3" y2="19" stroke="currentColor" stroke-dasharray="2 2"/>')
    if math.isfinite(answer.ceiling):
        parts.append(f'<text x="{x(answer.ceiling)}" y="16" font-size="12" fill="currentColor">▸</text>')
    parts.append(f'<circle cx="{x(answer.effect)}" cy="11" r="4" fill="{COLOURS[answer.answer]}" stroke="currentColor"/>')
    show = telling_apart([answer.effect, answer.low, answer.high], [answer.threshold])
    text = f"effect {show(answer.effect)}, interval {show(answer.low)} to {show(answer.high)}, threshold {show(answer.threshold)}"
    label = html.escape(text)
    size = 'viewBox="0 0 400 51" width="520" style="display:block;max-width:100%;height:auto"'
    return f'<svg {size} role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _axis(x: Callable[[float], str], left: float, right: float, label: str) -> list[str]:
    """Ticks with numbers at steps that give four to nine of them, and what the axis is of."""
    step = next((one for one in (0.25, 0.5, 1.0, 2.0, 5.0) if (right - left) / one <= 8), right - left)
    parts = ['<line x1="8" x2="392" y1="22" y2="22" stroke="currentColor" stroke-opacity=".5"/>']
    for k in range(math.ceil(left / step - 1e-9), math.floor(right / step + 1e-9) + 1):
        at = x(k * step)
        parts.append(f'<line x1="{at}" x2="{at}" y1="22" y2="26" stroke="currentColor" stroke-opacity=".5"/>')
        parts.append(f'<text x="{at}" y="35" font-size="9" text-anchor="middle" fill="currentColor">{k * step:g}</text>')
    parts.append(f'<text x="200" y="46" font-size="9.5" text-anchor="middle" fill="currentColor" opacity=".8">{html.escape(label)}</text>')
    return parts
