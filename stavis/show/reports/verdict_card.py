"""A verdict as one HTML <section>: four answers, each with a mark for effect, interval, null and threshold. All text is escaped."""

import html
import math

from stavis.trust.judge import Answer, Verdict
from stavis.trust.wording import deciding_digits

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
COLOURS = {"yes": "#1a7f4b", "no": "#b3401f", "undecided": "#6b6b6b", "forced": "#8a6d1a"}


def card(verdict: Verdict) -> str:
    """The verdict as one HTML <section> without scripts or outside parts."""
    rows = "".join(_row(answer) for answer in verdict.answers)
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in verdict.notes if note not in verdict.warnings)
    warnings = "".join(
        f'<p role="note" style="margin:.4em 0"><strong>Warning:</strong> {html.escape(text)}</p>' for text in verdict.warnings
    )
    return (
        '<section class="stavis-verdict" style="font:14px/1.45 system-ui,sans-serif;max-width:46rem">'
        f'<h3 style="margin:.2em 0">Does the attention explain the prediction? <small>({verdict.clips} clips)</small></h3>'
        f'{warnings}<table style="border-collapse:collapse;width:100%">{rows}</table>'
        f'<ul style="margin:.6em 0;padding-left:1.2em">{notes}</ul>'
        '<p style="opacity:.7;margin:0">Bar: 95 % interval; dot: effect; | control (null); dashed: threshold; ▸ ceiling.</p></section>'
    )


def _row(answer: Answer) -> str:
    return (
        '<tr style="border-top:1px solid #8884"><td style="padding:.5em .6em .5em 0;vertical-align:top">'
        f"<b>{html.escape(QUESTIONS[answer.question])}</b><br><small>{html.escape(SUBTITLES[answer.question])}</small><br>"
        f'<b style="color:{COLOURS[answer.answer]}">{answer.answer}</b></td>'
        f'<td style="padding:.5em 0">{_chart(answer)}<div>{html.escape(answer.sentence)}</div></td></tr>'
    )


def _chart(answer: Answer) -> str:
    """A line from 0 to 1 (further where the numbers go further) with the interval, the effect, null, threshold and ceiling."""
    values = [x for x in (answer.effect, answer.low, answer.high, answer.null, answer.ceiling, answer.threshold) if math.isfinite(x)]
    if not math.isfinite(answer.effect):
        return ""
    left, right = min(0.0, *values), max(1.0, *values)

    def x(value):
        return f"{8 + 384 * (value - left) / (right - left):.1f}"

    parts = ['<line x1="8" x2="392" y1="11" y2="11" stroke="currentColor" stroke-opacity=".25"/>']
    if math.isfinite(answer.low):
        width = max(2.0, float(x(answer.high)) - float(x(answer.low)))
        colour = COLOURS[answer.answer]
        parts.append(f'<rect x="{x(answer.low)}" y="7" width="{width:.1f}" height="8" fill="{colour}" fill-opacity=".45"/>')
    parts.append(f'<line x1="{x(answer.null)}" x2="{x(answer.null)}" y1="3" y2="19" stroke="currentColor"/>')
    at = x(answer.threshold)
    parts.append(f'<line x1="{at}" x2="{at}" y1="3" y2="19" stroke="currentColor" stroke-dasharray="2 2"/>')
    if math.isfinite(answer.ceiling):
        parts.append(f'<text x="{x(answer.ceiling)}" y="16" font-size="12" fill="currentColor">▸</text>')
    parts.append(f'<circle cx="{x(answer.effect)}" cy="11" r="4" fill="{COLOURS[answer.answer]}"/>')
    show = deciding_digits([answer.effect, answer.low, answer.high], [answer.threshold])
    text = f"effect {show(answer.effect)}, interval {show(answer.low)} to {show(answer.high)}, threshold {show(answer.threshold)}"
    label = html.escape(text)
    return f'<svg viewBox="0 0 400 22" width="400" height="22" role="img" aria-label="{label}">{"".join(parts)}</svg>'
