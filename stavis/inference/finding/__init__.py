"""What was found in one video, in two sentences, and the moments at which to look; made from the numbers by rules.

A part of the image leads where its density (share over area) is the highest and at least 1.5 times what an even spread would give; parts
within a tenth of the highest lead together. What a sentence says of a segment are means over its valid frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stavis.inference.finding.lead import LeadSegment, frame_seconds, lead_segments
from stavis.inference.finding.parts import PartTable, plural
from stavis.inference.finding.steps import ValueStep, value_steps
from stavis.inference.finding.wording import capital, lead_sentence, listed, number, percent, seconds, step_near, times_even, value_clause
from stavis.printable import ShortRepr, html_text

MOST_MOMENTS = 8
_STEP = 0.1
"""The least change of level that counts, as a fraction of the value's range."""
_SAME = 0.3
"""Seconds within which two moments are one."""
_GAP = 0.5
"""The least seconds without a valid frame that are a moment."""


@dataclass(frozen=True, repr=False)
class Moment(ShortRepr):
    """A time in seconds at which to look, its frame, and why."""

    time: float
    frame: int
    text: str


@dataclass(frozen=True, repr=False)
class Finding(ShortRepr):
    """What was found in one video.

    sentences: where the map lies, and what the value does with what a reader must mind; moments: in order of time; segments: the frames
    that one part leads, in order.
    """

    sentences: tuple[str, ...]
    moments: tuple[Moment, ...] = ()
    segments: tuple[LeadSegment, ...] = ()

    def _facts(self) -> Iterator[str]:
        yield str(self)
        yield from [f"{len(self.moments)} moments"] * bool(self.moments)

    def __str__(self) -> str:
        return " ".join(self.sentences)

    def _repr_html_(self) -> str:
        return f'<p style="font-size:1.15em;max-width:46em">{html_text(self)}</p>'


@dataclass(frozen=True)
class ValueTrace:
    """A predicted value (T,), NaN where no frame was valid; its name and range (None: unknown)."""

    times: np.ndarray
    values: np.ndarray
    name: str
    bounds: tuple[float, float] | None = (-1.0, 1.0)

    @property
    def least(self) -> float:
        """The least change of level that counts."""
        known = self.values[np.isfinite(self.values)]
        wide = self.bounds[1] - self.bounds[0] if self.bounds else 4 * float(np.ptp(known)) if len(known) else 0.0
        return _STEP * wide


def find(
    table: PartTable | None, value: ValueTrace, *, lacks: str = "", problems: Sequence[str] = (), gap: str = "no face", start: str = ""
) -> Finding:
    """The finding: from the parts of a map (None where there are none, then `lacks` says why) and the predicted value.

    problems: clauses on what a reader must mind; gap: what is called a segment without a valid frame; start: the first words.
    """
    segments = lead_segments(table.times, table.shares, table.densities, table.can_lead) if table is not None else []
    steps = value_steps(value.times, value.values, value.least)
    length = float(value.times[-1] - value.times[0]) if len(value.times) else 0.0
    near = step_near(steps, value.times, segments, table.times) if segments else None
    known = value.values[np.isfinite(value.values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (float("nan"), float("nan"))
    said = value_clause(value.name, low, high, steps, value.least, value.times, near is not None, length)
    first = lead_sentence(table, segments, value.name, near, start) if segments else lacks
    second = "; ".join(clause for clause in (said, *problems) if clause)
    sentences = (first, f"{second}." if second else "")
    moments = _moments(table, segments, value, steps, gap)
    return Finding(tuple(capital(text) for text in sentences if text), moments, tuple(segments))


def _moments(
    table: PartTable | None, segments: Sequence[LeadSegment], value: ValueTrace, steps: Sequence[ValueStep], gap: str
) -> tuple[Moment, ...]:
    """Where the lead or the value changes, where the leading part is densest, the value's ends, the longest segment without a face."""
    ranked: list[tuple[float, str]] = []
    if table is not None:
        longest = sorted(segments, key=lambda one: -one.seconds)[: MOST_MOMENTS // 2]
        ranked += [(float(table.times[one.start]), _lead_text(table, one)) for one in longest if len(segments) > 1]
        ranked += [_densest(table, max(segments, key=lambda one: one.seconds * bool(one.parts)))] if any(s.parts for s in segments) else []
    ranked += [(float(value.times[step.frame]), f"{value.name} {number(step.before)} → {number(step.after)}") for step in steps]
    known = np.isfinite(value.values)
    ranked += _gaps(value, known, gap)
    if known.any() and number(float(np.nanmin(value.values))) != number(float(np.nanmax(value.values))):
        for word, frame in (("highest", np.nanargmax(value.values)), ("lowest", np.nanargmin(value.values))):
            ranked.append((float(value.times[frame]), f"{value.name} {word}, {number(float(value.values[frame]))}"))
    kept: list[tuple[float, str]] = []
    for time, text in ranked:
        same = next((k for k, (other, _) in enumerate(kept) if abs(other - time) <= _SAME), None)
        if same is not None:
            kept[same] = (kept[same][0], f"{kept[same][1]}; {text}")
        elif len(kept) < MOST_MOMENTS:
            kept.append((time, text))
    frames = np.clip(np.searchsorted(value.times, [time for time, _ in kept]), 0, max(0, len(value.times) - 1))
    found = [Moment(round(time, 3), int(frame), text) for (time, text), frame in zip(kept, frames, strict=True)]
    return tuple(sorted(found, key=lambda one: one.time))


def with_moments(finding: Finding, times: np.ndarray, more: Sequence[tuple[float, str]]) -> Finding:
    """The finding with further moments (s, text), in order of time."""
    added = (Moment(float(time), int(np.clip(np.searchsorted(times, time), 0, len(times) - 1)), text) for time, text in more)
    return replace(finding, moments=tuple(sorted((*finding.moments, *added), key=lambda one: one.time)))


def _lead_text(table: PartTable, segment: LeadSegment) -> str:
    if not segment.parts:
        return "no region stands out"
    names = [table.names[k].removeprefix("the ") for k in segment.parts]
    verb = "lead" if plural([f"the {name}" for name in names]) else "leads"
    return f"{listed(names)} {verb}: {percent(segment.share)}, density {times_even(segment.density)}"


def _densest(table: PartTable, segment: LeadSegment) -> tuple[float, str]:
    part, frames = segment.parts[0], slice(segment.start, segment.stop)
    frame = segment.start + int(np.nan_to_num(table.shares[frames, part], nan=-1.0).argmax())
    return float(table.times[frame]), f"most on {table.names[part]}, {percent(float(table.shares[frame, part]))}"


def _gaps(value: ValueTrace, known: np.ndarray, gap: str) -> list[tuple[float, str]]:
    """The longest segment without a valid frame, where it lasts."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], known, [True]]).astype(int)))
    lasting = frame_seconds(value.times)
    runs = [(float(lasting[a:b].sum()), int(a)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    lasted, first = max(runs, default=(0.0, 0))
    return [(float(value.times[first]), f"{gap} for {seconds(lasted, 10)}")] if lasted >= _GAP else []
