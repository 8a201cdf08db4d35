"""Segments of recordings that are left out of training and of metrics: which, and why.

A CSV of recording,start,stop,reason (seconds; both ends are left out), `exclude.csv` in a data set's folder or any file that is named.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stavis.data.datasets.folder import normal, some
from stavis.data.datasets.labels import read_table
from stavis.errors import StavisError
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
    """The recordings with these ranges left out besides those they have; names that no recording has are listed in a note."""
    unknown = set(ranges) - {recording.name for recording in recordings}
    if unknown:
        note = f"{where}: ranges of recordings that are not there: {some(unknown)}."
        recordings = [replace(recording, notes=(*recording.notes, note)) for recording in recordings]
    return [
        replace(recording, exclude=tuple(sorted({*recording.exclude, *ranges[recording.name]}))) if recording.name in ranges else recording
        for recording in recordings
    ]


def _seconds(path: Path, line: int, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise StavisError(f"{path}, line {line}: {column} is {text[:40]!r}, not seconds: correct it or take the row out.")
    return value
