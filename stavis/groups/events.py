"""Averages around events: what shares, predicted values and signals do before and after annotated moments, or peaks of a curve.

Each recording's curves are put on one clock: that of the slowest recording. At each step of that clock a curve has its mean over the step
(linear between its frames, nothing across gaps), so that a faster recording is not read at single frames. Events are averaged within a
recording, recordings within a person, people within a condition; intervals are over people, one moment at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.signal import find_peaks

from stavis.bootstrap import Interval, interval
from stavis.data.annotations.annotations import Annotations, read_annotations
from stavis.data.annotations.eaf import read_eaf
from stavis.data.datasets.labels import read_table
from stavis.errors import StavisError
from stavis.groups.members import Member
from stavis.printable import ShortRepr
from stavis.timeline import resample

PEAKS = "peaks:"
"""How events begin that are the peaks of a curve: "peaks:smile"."""

PEAK_HEIGHT, PEAK_PAUSE = 1.0, 1.0
"""A peak stands out from what is around it by this many standard deviations of its curve, and lies this many s from the next."""

FASTEST = 25.0
"""The common clock is never faster than this, in steps per second."""

_PARTS = 5  # moments of a step at which a curve is read

Events = str | Path | pd.DataFrame | Mapping[str, object]


@dataclass(frozen=True, eq=False, repr=False)
class EventAverages(ShortRepr):
    """The mean course of each curve around events, by condition.

    name: which events; offsets (K,) s from the event; rate: steps per second of the common clock; table: one row per condition, curve and
    offset (condition, type, curve, offset, value, low, high, people); counts: one row per condition (condition, events, recordings,
    people); notes: what a reader must know.
    """

    name: str
    offsets: np.ndarray
    rate: float
    table: pd.DataFrame
    counts: pd.DataFrame
    notes: tuple[str, ...] = ()

    def curve(self, condition: str, name: str) -> pd.DataFrame:
        """The rows of one curve in one condition, in order of time. Raises StavisError where there is none."""
        rows = self.table[(self.table.condition == condition) & (self.table.curve == name)]
        if not len(rows):
            known = ", ".join(dict.fromkeys(self.table.curve))
            raise StavisError(f"there is no curve {name!r} in {condition!r} around the events: choose one of {known}.")
        return rows


def event_times(events: Events, members: Sequence[Member], label: str | None = None) -> tuple[str, dict[str, np.ndarray], tuple[str, ...]]:
    """What the events are called, their times (s) by recording, and notes.

    events: a CSV file or DataFrame of recording and time (or start, of spans), optionally label; {recording: times, Annotations
    or their file}; or "peaks:NAME", the peaks of a curve. label: only events of this label.

    Raises StavisError where there is no event, or a time is no number.
    """
    peaks = isinstance(events, str) and events.startswith(PEAKS)
    if peaks:
        name = events.removeprefix(PEAKS).strip()
        found = {one.name: peaks_of(one, name) for one in members}
        what, notes = f"peaks of {name}", ()
    else:
        table = _table(events)
        if label is not None:
            table = table[table.label == label]
        names = {one.name for one in members}
        strange = sorted(set(table.recording) - names)
        notes = (f"Events of {len(strange)} recordings that are not in the group are passed over ({strange[0]}).",) if strange else ()
        found = {name: np.sort(table.time[table.recording == name].to_numpy(float)) for name in names}
        what = label or "events"
    found = {name: times for name, times in found.items() if len(times)}
    if not found:
        why = f"no recording of the group has an event ({what}): check the names of recordings and labels."
        raise StavisError(_no_peaks(what, members) if peaks else why)
    without = [one.name for one in members if one.name not in found]
    if without:
        notes = (*notes, f"{len(without)} of {len(members)} recordings have no event and are left out ({without[0]}).")
    return what, found, notes


def _no_peaks(what: str, members: Sequence[Member]) -> str:
    """Why there are no peaks of a curve."""
    names, name = dict.fromkeys(key for one in members for _, key in one.curves), what.removeprefix("peaks of ")
    if name in names:
        return f"no recording of the group has {what} that stand out: choose another curve, or give a table of recording and time."
    return f"there are no {what}, for no recording of the group has that curve: choose one of {', '.join(names)}."


def peaks_of(member: Member, name: str) -> np.ndarray:
    """The times (s) of the peaks of one of a recording's curves; none where the curve is flat or not there."""
    values = next((curve for (_, key), curve in member.curves.items() if key == name), None)
    if values is None or np.isfinite(values).sum() < 3:
        return np.zeros(0)
    known = np.isfinite(values)
    filled = np.interp(member.times, member.times[known], values[known])
    spread = float(filled.std())
    if not spread > 1e-9:
        return np.zeros(0)
    distance = max(1, round(PEAK_PAUSE * member.rate)) if np.isfinite(member.rate) else 1
    tops, _ = find_peaks(filled, prominence=PEAK_HEIGHT * spread, distance=distance)
    return member.times[[top for top in tops if known[top]]]


def _table(events: Events) -> pd.DataFrame:
    """Events as one table of recording, time, label."""
    if isinstance(events, Mapping):
        rows = [(str(name), time, label) for name, one in events.items() for time, label in _listed(name, one)]
        return pd.DataFrame(rows, columns=["recording", "time", "label"])
    where = "the events" if isinstance(events, pd.DataFrame) else str(events)
    table = events if isinstance(events, pd.DataFrame) else _read(Path(events))
    table = table.rename(columns=lambda name: str(name).strip().lower())
    if "time" not in table.columns and "start" in table.columns:
        table = table.rename(columns={"start": "time"})
    if missing := [name for name in ("recording", "time") if name not in table.columns]:
        raise StavisError(f"{where} has no column {missing[0]}: give recording, time (s; or start, of spans) and, by choice, label.")
    if "kind" in table.columns:
        table = table[table.kind.astype(str).str.lower() != "exclude"]
    times = pd.to_numeric(table.time, errors="coerce")
    if not np.isfinite(times).all():
        raise StavisError(f"{where} holds the time {table.time[~np.isfinite(times)].iloc[0]!r}, expected a number of seconds.")
    labels = table.label.astype(str) if "label" in table.columns else ""
    return pd.DataFrame({"recording": table.recording.astype(str), "time": times, "label": labels})


def _listed(name: str, events: object) -> list[tuple[float, str]]:
    """Times and labels of one recording: of annotations (or their file) the events and the starts of spans."""
    if isinstance(events, str | Path):
        events = read_eaf(events) if Path(events).suffix.lower() == ".eaf" else read_annotations(events)
    if isinstance(events, Annotations):
        return [(float(row.start), str(row.label)) for row in events.table().itertuples() if row.kind != "exclude"]
    try:
        return [(float(time), "") for time in events]
    except (TypeError, ValueError) as error:
        raise StavisError(f"the events of {name} are {events!r}, expected times in seconds or annotations.") from error


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise StavisError(f'{path} is no file: give a CSV of recording,time,label, or "peaks:NAME" for the peaks of a curve.')
    return pd.DataFrame([row for _, row in read_table(path)]).fillna("")  # as text: 001 is a name


def around(
    members: Sequence[Member], events: Events, *, before: float = 2.0, after: float = 4.0, label: str | None = None, relative: bool = False
) -> EventAverages:
    """The mean course of every curve from `before` s before to `after` s after the events, by condition, with intervals over people.

    relative: each recording's mean over the time before the events is taken off. Raises StavisError as `event_times`.
    """
    if not (before >= 0 and after >= 0 and before + after > 0):
        raise StavisError(f"an average from {before} s before to {after} s after events has no length: give seconds from 0 on.")
    name, times, notes = event_times(events, members, label)
    rates = {one.name: one.rate for one in members if one.name in times and np.isfinite(one.rate)}
    if not rates:
        raise StavisError("recordings of a single frame have no course around events: give longer recordings.")
    rate = round(min(FASTEST, *rates.values()), 6)
    if max(rates.values()) > 1.05 * min(rates.values()):
        span = f"{min(rates.values()):.3g} to {max(rates.values()):.3g}"
        notes = (*notes, f"Recordings have {span} frames/s; all are averaged on the slowest one's clock, {rate:.3g} steps/s.")
    steps = np.arange(-int(np.floor(before * rate + 1e-9)), int(np.floor(after * rate + 1e-9)) + 1)
    offsets = steps / rate
    found = {one.name: _courses(one, times[one.name], offsets, 1 / rate, relative) for one in members if one.name in rates}
    notes = (*notes, *_left_out(members, times, {one: seen for one, (_, seen) in found.items()}))
    times = {one: times[one][seen] for one, (_, seen) in found.items()}
    courses = {one: each for one, (each, seen) in found.items() if seen.any()}
    rows, counts = [], []
    for condition in dict.fromkeys(one.condition for one in members):
        chosen = [one for one in members if one.condition == condition and one.name in courses]
        counts.append((condition, sum(len(times[one.name]) for one in chosen), len(chosen), len({one.person for one in chosen})))
        for kind, curve in dict.fromkeys(key for one in chosen for key in courses[one.name]):
            found = _intervals([one for one in chosen if (kind, curve) in courses[one.name]], courses, (kind, curve))
            rows += [
                (condition, kind, curve, offset, each.value, each.low, each.high, each.count)
                for offset, each in zip(offsets, found, strict=True)
            ]
    table = pd.DataFrame(rows, columns=["condition", "type", "curve", "offset", "value", "low", "high", "people"])
    return EventAverages(
        name, offsets, float(rate), table, pd.DataFrame(counts, columns=["condition", "events", "recordings", "people"]), notes
    )


def _left_out(members: Sequence[Member], times: Mapping[str, np.ndarray], seen: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """A note on the events around which their recording has no value. Raises StavisError where that is all of them."""
    lost = [(one, times[one.name][~seen[one.name]]) for one in members if one.name in seen and not seen[one.name].all()]
    if not lost:
        return ()
    first, when = lost[0][0], f"{lost[0][1][0]:g} s, the recording from {lost[0][0].times[0]:g} to {lost[0][0].times[-1]:g} s"
    count, all_events = sum(len(gone) for _, gone in lost), sum(len(times[name]) for name in seen)
    if count == all_events:
        raise StavisError(f"around none of the {count} events has its recording a value ({first.name}: {when}): give times in seconds.")
    return (f"{count} of {all_events} events do not count: around them their recording has no value ({first.name}: {when}).",)


def _courses(
    member: Member, times: np.ndarray, offsets: np.ndarray, step: float, relative: bool
) -> tuple[dict[tuple[str, str], np.ndarray], np.ndarray]:
    """The mean of each curve over the events of a recording, (K,), NaN where no event has a value; and which events (E,) have any."""
    inside = ((np.arange(_PARTS) + 0.5) / _PARTS - 0.5) * step
    moments = times[:, None, None] + offsets[None, :, None] + inside
    keys = list(member.curves)
    values = resample(member.times, np.stack([member.curves[key] for key in keys], 1), moments.ravel())
    values = values.reshape(*moments.shape, len(keys))
    known = np.isfinite(values)
    parts = known.sum(2)
    courses = np.where(parts * 2 > _PARTS, np.where(known, values, 0).sum(2) / np.maximum(parts, 1), np.nan)
    seen = np.isfinite(courses).any((1, 2))
    if relative:
        courses = courses - _mean(courses[:, offsets < 0], 1)[:, None]
    return dict(zip(keys, _mean(courses, 0).T, strict=True)), seen


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    known = np.isfinite(values)
    count = known.sum(axis)
    return np.divide(np.where(known, values, 0).sum(axis), count, out=np.full(count.shape, np.nan), where=count > 0)


def _intervals(members: Sequence[Member], courses: Mapping[str, dict], key: tuple[str, str]) -> list[Interval]:
    """One interval over people per offset."""
    people = sorted({one.person for one in members})
    rows = np.stack([_mean(np.stack([courses[one.name][key] for one in members if one.person == person]), 0) for person in people])
    return [interval(column, unit="people") for column in rows.T]
