"""Segments of recordings that are left out of training and of metrics: which, and why.

A CSV of recording,start,stop,reason (seconds; both ends are left out), `exclude.csv` in a data set's folder or any file that is named.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stavis.data.datasets.folder import normal, recording_called, some
from stavis.data.datasets.labels import read_table
from stavis.data.video.image_folder import info_of
from stavis.errors import StavisError
from stavis.timeline import CLOCK_TOLERANCE
from stavis.types import Recording

Ranges = dict[str, list[tuple[float, float, str]]]
"""Of each recording the ranges (start s, end s, reason)."""


def read_exclusions(path: str | Path) -> Ranges:
    """The ranges of a CSV file with the columns recording, start, stop and (optional) reason.

    Raises StavisError naming the line where a column or a name is missing, a time is no number, or a range ends before it starts.
    """
    path = Path(path)
    found: Ranges = {}
    for line, row in read_table(path):
        for column in ("recording", "start", "stop"):
            if column not in row:
                raise StavisError(f"{path}, line {line}: the column {column!r} is missing: write recording,start,stop,reason.")
        name = normal(row["recording"])
        start, stop = (_seconds(path, line, column, row[column]) for column in ("start", "stop"))
        if not name:
            raise StavisError(f"{path}, line {line}: the recording's name is empty: fill it in or take the row out.")
        if stop < start:
            raise StavisError(f"{path}, line {line}: the range ends at {stop:g} s before it starts at {start:g} s: correct it.")
        found.setdefault(name, []).append((start, stop, row.get("reason", "")))
    return found


def with_exclusions(recordings: Sequence[Recording], ranges: Ranges, where: str | Path) -> list[Recording]:
    """The recordings with these ranges left out besides those they have.

    Names that no recording has, and ranges in which a video has no frame, are listed in a note.
    """
    names = {recording.name for recording in recordings}
    given, ranges = ranges, {}
    for called, listed in given.items():
        ranges.setdefault(recording_called(called, names), []).extend(listed)
    unknown = set(ranges) - names
    notes = [f"{where}: ranges of recordings that are not there: {some(unknown)}."] if unknown else []
    empty = [text for recording in recordings for text in _without_frame(recording, ranges.get(recording.name, ()))]
    if empty:
        notes.append(f"{where}: ranges that leave out no frame, start and stop are seconds: {some(empty)}.")
    recordings = [replace(recording, notes=(*recording.notes, *notes)) for recording in recordings]
    return [
        replace(recording, exclude=tuple(sorted({*recording.exclude, *ranges[recording.name]}))) if recording.name in ranges else recording
        for recording in recordings
    ]


def _without_frame(recording: Recording, ranges: Sequence[tuple[float, float, str]]) -> list[str]:
    """The ranges in which the recording's video has no frame, as text; none where it cannot be read."""
    if not ranges:
        return []
    try:
        times = info_of(recording).times
    except StavisError:
        return []
    met = [bool(((times >= start - CLOCK_TOLERANCE) & (times <= stop + CLOCK_TOLERANCE)).any()) for start, stop, _ in ranges]
    about = f"its frames are from {times[0]:g} to {times[-1]:.4g} s"
    texts = [f"{recording.name} from {start:g} to {stop:g} ({about})" for start, stop, _ in ranges]
    return [text for text, one in zip(texts, met, strict=True) if not one]


def _seconds(path: Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise StavisError(f"{path}, line {line}: {column} is {text[:40]!r}, not seconds: correct it or take the row out.")
    return value
