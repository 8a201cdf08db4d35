"""Reads labels and raters' ratings from CSV files, however they were written, and makes the gold standard of several raters.

A file may have a byte-order mark, any line ends, quotes, spaces around names and values, `,` `;` or a tab between the columns (with
`;` or a tab also decimal commas), further columns and any order of them: the labels read are the same.

References
----------
Ringeval et al.: Introducing the RECOLA multimodal corpus of remote collaborative and affective interactions. 2013.
"""

import csv
import io
import math
import re
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.data.datasets.gold import Ratings
from stavis.errors import StavisError

DIMENSIONS = ("valence", "arousal", "dominance", "liking")
"""The dimensions looked for in a label file where none are asked for by name."""
NOT_RATERS = ("", "frame", "name", "recording", "file")
"""Columns of a rater file that are no rater, besides `time`."""
LARGEST_FILE = 64 << 20
"""The largest CSV read, in bytes: a day of labels at 25 Hz."""
TIME_TOLERANCE = 0.5
"""By how many seconds labels may begin or end before or after their video without a word (RECOLA has one row too many)."""


@dataclass(frozen=True)
class Labels:
    """Labels over time: times (N,) s, rising; values (N,D) in [-1,1], one column a dimension."""

    times: np.ndarray
    values: np.ndarray
    dimensions: tuple[str, ...]


def read_labels(path: str | Path, dimensions: tuple[str, ...] | None = None) -> Labels:
    """The labels in a CSV file with the columns `time` (s) and one a dimension, each in [-1,1].

    dimensions: the columns wanted, in this order; None takes those of DIMENSIONS that the file has.

    Raises StavisError naming the file and the line where a column is missing, a value is no number or outside [-1,1], times do
    not rise, or the file is empty, too large or no text.
    """
    path = Path(path)
    text = text_of(path)
    rows = rows_of(path, text)
    first, header = next(rows)
    names = _names(path, header)
    if dimensions is None:
        dimensions = tuple(name for name in DIMENSIONS if name in names)
        if not dimensions:
            raise StavisError(
                f"{path}, line 1: no column is called {', '.join(DIMENSIONS[:-1])} or {DIMENSIONS[-1]} "
                f"(columns: {_listed(names)}): name the label's column so."
            )
    wanted = tuple(dimension.strip().lower() for dimension in dimensions)
    for name in wanted:
        if name not in names:
            raise StavisError(f"{path}, line 1: the column {name!r} is missing (columns: {_listed(names)}): add it or rename one.")
    return Labels(*columns_of(path, text, rows, first, names, wanted), wanted)


def read_raters(path: str | Path) -> Ratings:
    """What each rater said of one dimension: a CSV file with the column `time` (s) and one a rater, each in [-1,1], as in RECOLA.

    Raises StavisError as `read_labels` does.
    """
    path = Path(path)
    text = text_of(path)
    rows = rows_of(path, text)
    first, header = next(rows)
    names = _names(path, header)
    raters = [(name, original.strip()) for name, original in zip(names, header, strict=True) if name not in ("time", *NOT_RATERS)]
    if not raters:
        raise StavisError(f"{path}, line 1: there is no rater beside the column 'time': add one column a rater.")
    wanted = tuple(name for name, _ in raters)
    times, values = columns_of(path, text, rows, first, names, wanted)
    return Ratings(times, values, tuple(original.strip("\"' ") for _, original in raters))


def span_note(name: str, label_times: np.ndarray, video_times: np.ndarray) -> str:
    """What is to be said where labels and video begin or end more than a little apart: a sentence with the seconds, or ''.

    Raises StavisError where they have no moment in common, or the labels' times are milliseconds.
    """
    first, last = float(label_times[0]), float(label_times[-1])
    start, stop = float(video_times[0]), float(video_times[-1])
    both = f"recording {name}: its labels ({first:g} to {last:g} s) and its video ({start:g} to {stop:g} s)"
    if stop > start and 0.5 < (last - first) / (stop - start) / 1000 < 2:
        raise StavisError(f"{both} differ a thousandfold: write the label times in seconds, not milliseconds.")
    if first > stop or last < start:
        raise StavisError(f"{both} have no moment in common: check that they belong together.")
    found = []
    if first - start > TIME_TOLERANCE:
        found.append(f"begin {first - start:.2f} s after the video")
    if stop - last > TIME_TOLERANCE:
        found.append(f"end {stop - last:.2f} s before the video")
    if start - first > TIME_TOLERANCE:
        found.append(f"begin {start - first:.2f} s before the video")
    if last - stop > TIME_TOLERANCE:
        found.append(f"end {last - stop:.2f} s after the video")
    return f"recording {name}: its labels {' and '.join(found)}; only moments that have both are used." if found else ""


def read_table(path: str | Path) -> list[tuple[int, dict[str, str]]]:
    """The rows of a small table (`splits.csv`): each with its line number and a dict from column (lower case) to text."""
    path = Path(path)
    rows = rows_of(path, text_of(path))
    _, header = next(rows)
    names = [name.strip().lower() for name in header]
    return [(line, dict(zip(names, (value.strip() for value in row), strict=False))) for line, row in rows]


def _separator(text: str) -> str:
    first = re.match(r"\s*([^\r\n]*)", text)  # the first line that is not blank, found without a copy of the text
    return max(",;\t", key=first[1].count)


def rows_of(path: Path, text: str):
    """(line number, cells) of each row of a CSV text that is not empty, the header first; at least the header and one row."""
    separator = _separator(text)
    count = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                count += 1
                yield reader.line_num, row
    except csv.Error as error:
        raise StavisError(f"{path}, line {reader.line_num}: {error}: write the file again as plain CSV.") from error
    if count < 2:
        raise StavisError(f"{path} holds no row below its header: write one row a moment, or take the file away.")


def text_of(path: Path) -> str:
    """The text of a file in any usual encoding. Raises StavisError where it is missing, too large, empty or no text."""
    try:
        if not path.is_file():
            raise StavisError(f"{path} is missing or no regular file: give the path of a CSV file.")
        if path.stat().st_size > LARGEST_FILE:
            raise StavisError(f"{path} is larger than {LARGEST_FILE >> 20} MB: it is no label file; write one row a frame at most.")
        raw = path.read_bytes()
    except OSError as error:
        raise StavisError(f"{path} cannot be read ({error.strerror}): check that it may be read.") from error
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = raw.decode("utf-16", "replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")  # names may be in an old encoding; numbers are the same in all
    if "\0" in text:
        raise StavisError(f"{path} is not text: save the table as CSV (UTF-8).")
    if not text.strip():
        raise StavisError(f"{path} is empty: write the header 'time,valence' and one row a moment, or take the file away.")
    return text


def _names(path: Path, header: list[str]) -> list[str]:
    """The header's names in lower case; checked for `time` and for doubles."""
    names = [name.strip().strip("\"'").strip().lower() for name in header]
    if all(is_number(name) for name in names if name):
        raise StavisError(f"{path} has no header: its first line must name the columns, such as 'time,valence'.")
    if "time" not in names:
        raise StavisError(f"{path}, line 1: the column 'time' is missing (columns: {_listed(names)}): add it, in seconds.")
    for name in names:
        if name and names.count(name) > 1:
            raise StavisError(f"{path}, line 1: the column {name!r} is there twice: keep one of them.")
    return names


def columns_of(path: Path, text: str, rows, first: int, names: list[str], wanted: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Times (N,) s and the wanted columns (N,D) of a CSV text whose columns are called `names`, `time` among them.

    rows: those of `rows_of` that are left; first: the number of lines above them. Raises StavisError as `read_labels` does.
    """
    return _quick(text, first, names, wanted) or _numbers(path, rows, names, wanted)


def _quick(text: str, first: int, names: list[str], wanted: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    """What `_numbers` reads, twenty times as fast, for files without any oddity; None for others, which are then read with care.

    first: the line of the header.
    """
    columns = [names.index(name) for name in ("time", *wanted)]
    try:
        # bytes take pandas half as long as text; and an object to read from could never be taken for a path
        table = pd.read_csv(io.BytesIO(text.encode()), sep=_separator(text), header=None, skiprows=first, usecols=columns,
                            dtype=np.float64, na_filter=False, skipinitialspace=True, low_memory=False)  # fmt: skip
    except (ValueError, IndexError, OverflowError):  # pandas' own errors are ValueErrors
        return None
    times, values = table[columns[0]].to_numpy(), table[columns[1:]].to_numpy()
    rises = len(times) > 0 and bool((np.diff(times) > 0).all())
    if not rises or not np.isfinite(times).all() or not (np.abs(values) <= 1 + 1e-6).all():
        return None
    return times, np.clip(values, -1, 1)


def _numbers(path: Path, rows, names: list[str], wanted: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    columns = [names.index(name) for name in ("time", *wanted)]
    numbers = array("d")
    before = -math.inf
    for line, row in rows:
        for name, column in zip(("time", *wanted), columns, strict=True):
            value = _number(path, line, name, row[column].strip().strip("\"'") if column < len(row) else "")
            if name == "time":
                if value <= before:
                    said = "twice" if value == before else f"after {before:g}: times run backwards"
                    raise StavisError(f"{path}, line {line}: the time {value:g} s comes {said}; sort the rows and keep one a moment.")
                before = value
            elif abs(value) > 1 + 1e-6:
                raise StavisError(f"{path}, line {line}: {name} is {value:g}, outside [-1,1]: divide the labels by the end of their scale.")
            numbers.append(value)
    table = np.frombuffer(numbers, np.float64).reshape(-1, len(columns))
    return table[:, 0].copy(), np.clip(table[:, 1:], -1, 1)


def _number(path: Path, line: int, name: str, text: str) -> float:
    try:
        value = _parsed(text)
    except ValueError:
        said = f"{text[:40]!r}, not a number" if text else "empty"
        raise StavisError(f"{path}, line {line}: {name} is {said}: correct the value or take the row out.") from None
    if not math.isfinite(value):
        raise StavisError(f"{path}, line {line}: {name} is {text[:40]}: correct the value or take the row out.")
    return value


def _parsed(text: str) -> float:
    if "_" in text:  # Python's own notation, no one else's
        raise ValueError(text)
    return float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)


def is_number(text: str) -> bool:
    """Whether a cell of a label file is a number."""
    try:
        _parsed(text)
    except ValueError:
        return False
    return True


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:8])
    return shown + (", ..." if len(names) > 8 else "")
