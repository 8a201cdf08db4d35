"""A finding in words: one sentence on where the map lies, one on the predicted value and on what a reader must mind."""

import math
from collections.abc import Sequence

from stavis.inference.finding.lead import STANDS_OUT, LeadSegment
from stavis.inference.finding.parts import PartTable, plural
from stavis.inference.finding.steps import ValueStep
from stavis.printable import telling_apart

EVEN = "times what an even spread would give"
_NEAR = 0.5
"""Seconds within which a change of the value counts as at the same time as a change of the lead."""
_MOST_NAMED = 3
_MOST_ORDERED = 4
"""As many segments are told one after another; of more, for how long each part leads."""


def percent(share: float) -> str:
    """A share in [0,1] as text: "75 %"."""
    return f"{100 * share:.0f} %" if share >= 0.005 or share == 0 else "under 1 %"


def times_even(density: float) -> str:
    """A density as text, to two digits."""
    return f"{density:.1f}" if density < 9.95 else f"{density:.0f}"


def number(value: float) -> str:
    """A predicted value as text, with a true minus sign."""
    text = f"{value:.2f}" if abs(value) < 100 else f"{value:.3g}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def seconds(value: float, length: float) -> str:
    """A time as text: to a tenth of a second, of short recordings to a hundredth."""
    return f"{value:.2f} s" if length < 5 else f"{value:.1f} s"


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def capital(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]


def lead_sentence(table: PartTable, segments: Sequence[LeadSegment], dimension: str, step: ValueStep | None, start: str = "") -> str:
    """Which part leads by density and when; `step`: the change of the value that comes with the only change of the lead."""
    length = float(table.times[-1] - table.times[0]) if len(table.times) else 0.0
    if not any(segment.parts for segment in segments):
        top = max(segment.density for segment in segments)
        of = f"the {table.of}"
        show = telling_apart([top], [STANDS_OUT], 1)
        stands_out = f"and a region stands out from {show(STANDS_OUT)} {EVEN}"
        return f"{start}no region stands out: over the whole, no density is above {show(top)}, {stands_out} of {of}."
    if len(segments) == 1:
        (segment,) = segments
        return f"{start}{_leads(table, segment)} throughout: {_holds(table, segment)}."
    if len(segments) == 2:
        return start + _one_change(table, segments, dimension, step, length)
    return start + (_in_order if len(segments) <= _MOST_ORDERED else _many_changes)(table, segments, length)


def _leads(table: PartTable, segment: LeadSegment) -> str:
    names = [table.names[k] for k in segment.parts]
    verb, alike = ("lead" if plural(names) else "leads"), (" alike" if len(names) > 1 else "")
    return f"{listed(names)} {verb}{alike} by density"


def _holds(table: PartTable, segment: LeadSegment, short: bool = False) -> str:
    """The share and density of the densest part, and what holds more where that is another."""
    name = table.names[segment.parts[0]]
    subject = "" if short else f"{name if len(segment.parts) > 1 else 'they' if plural([name]) else 'it'} "
    verb = "" if short else "hold " if plural([name]) else "holds "
    of = "" if short else f" of the {table.of}"
    even = "times" if short else EVEN
    text = f"{subject}{verb}{percent(segment.share)}{of}, {times_even(segment.density)} {even}"
    less = segment.most not in segment.parts and percent(segment.most_share) != percent(segment.share)
    return f"{text}{';' if short else ','} less than {table.names[segment.most]}, {percent(segment.most_share)}" if less else text


def _one_change(table: PartTable, segments: Sequence[LeadSegment], dimension: str, step: ValueStep | None, length: float) -> str:
    first, second = segments
    at = seconds(float(table.times[second.start]), length)
    when = f", when {_step(dimension, step)}," if step is not None else ""
    if second.parts:
        before = (
            f"{_leads(table, first).removesuffix(' by density')} ({_holds(table, first, short=True)})"
            if first.parts
            else "no region stands out"
        )
        return f"{_leads(table, second)} from {at} on{when.rstrip(',')}: {_holds(table, second)}; before that {before}."
    return f"{_leads(table, first)} until {at}{when.rstrip(',')}: {_holds(table, first)}; after that no region stands out."


def _in_order(table: PartTable, segments: Sequence[LeadSegment], length: float) -> str:
    """Which part leads until when, one after another."""
    texts, told = [], False
    for k, (segment, after) in enumerate(zip(segments, [*segments[1:], None], strict=True)):
        names = [table.names[part] for part in segment.parts]
        who = listed(names) if names else "no region"
        if k == 0:
            who = f"{who} {'lead' if names and plural(names) else 'leads'}"
        until = f" until {seconds(float(table.times[after.start]), length)}" if after is not None else ""
        holds = f" ({_holds_then(table, segment, told)})" if names else ""
        told = told or bool(names)
        texts.append(f"{'then ' if after is None else ''}{who}{until}{holds}")
    return f"by density {', '.join(texts)}."


def _many_changes(table: PartTable, segments: Sequence[LeadSegment], length: float) -> str:
    """The seconds for which each part leads, the longest first."""
    by_part: dict[int, list[LeadSegment]] = {}
    for segment in segments:
        by_part.setdefault(segment.parts[0] if segment.parts else -1, []).append(segment)
    none = by_part.pop(-1, [])
    order = sorted(by_part, key=lambda part: -sum(one.seconds for one in by_part[part]))
    whole = sum(one.seconds for one in segments)
    texts = []
    for part in order[:_MOST_NAMED]:
        joined = _together(by_part[part])
        lasted = f"{seconds(joined.seconds, length)}" + (f" of {seconds(whole, length)}" if not texts else "")
        texts.append(f"{_leads(table, joined) if not texts else table.names[part]} in {lasted} ({_holds_then(table, joined, bool(texts))})")
    if len(order) > _MOST_NAMED:
        others = sum(one.seconds for part in order[_MOST_NAMED:] for one in by_part[part])
        texts.append(f"{len(order) - _MOST_NAMED} other region{'s' * (len(order) > _MOST_NAMED + 1)} in {seconds(others, length)}")
    rest = f"; no region stands out in {seconds(sum(one.seconds for one in none), length)}" if none else ""
    return f"{', '.join(texts)}{rest}."


def _holds_then(table: PartTable, segment: LeadSegment, short: bool) -> str:
    text = _holds(table, segment, short=True)
    return text if short else text.replace(" %, ", f" % of the {table.of}, ", 1).replace(" times", f" {EVEN}", 1)


def _together(segments: Sequence[LeadSegment]) -> LeadSegment:
    """Segments that one part leads as one: means weighted by their seconds, the part with the largest share of the longest."""
    whole = sum(one.seconds for one in segments)
    share, density = (sum(getattr(one, name) * one.seconds for one in segments) / whole for name in ("share", "density"))
    longest = max(segments, key=lambda one: one.seconds)
    same = [one for one in segments if one.most == longest.most]
    most_share = sum(one.most_share * one.seconds for one in same) / sum(one.seconds for one in same)
    most = longest.most if len(same) == len(segments) else segments[0].parts[0]
    return LeadSegment(segments[0].start, segments[-1].stop, segments[0].parts[:1], share, density, most, most_share, whole)


def _step(dimension: str, step: ValueStep) -> str:
    verb = "rises" if step.after > step.before else "falls"
    return f"{dimension} {verb} from {number(step.before)} to {number(step.after)}"


def value_clause(
    dimension: str, low: float, high: float, steps: Sequence[ValueStep], least: float, times, told: bool, length: float
) -> str:
    """What the value does, in words; '' where there is none. told: the lead sentence has named the step."""
    if not math.isfinite(low):
        return ""
    span = f"{number(low)} and {number(high)}"
    if number(low) == number(high):
        return f"{dimension} stays at {number(low)}"
    if told:
        return f"{dimension} lies between {span}"
    if steps:
        changes = [
            f"{_step(dimension if k == 0 else '', step).strip()} at {seconds(float(times[step.frame]), length)}"
            for k, step in enumerate(steps)
        ]
        return ", then ".join(changes)
    return f"{dimension} stays between {span}" if high - low < least else f"{dimension} moves between {span} with no single step"


def step_near(steps: Sequence[ValueStep], times, segments: Sequence[LeadSegment], table_times) -> ValueStep | None:
    """The step of the value that comes with the only change of the lead; None where there is not exactly one change, or none near."""
    if len(segments) != 2 or len(steps) != 1:
        return None
    return steps[0] if abs(float(times[steps[0].frame]) - float(table_times[segments[1].start])) <= _NEAR else None
