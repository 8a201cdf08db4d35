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
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.data.datasets.gold import Ratings
from stavis.data.datasets.time_units import checked_unit, in_seconds
from stavis.errors import StavisError
from stavis.printable import ShortRepr
from stavis.timeline import MAX_GAP, longest_gap

_THOUSANDS = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
_CLOCK = re.compile(r"\d{1,4}:[0-5]?\d:[0-5]?\d(?:[.,]\d+)?")
DIMENSIONS = ("valence", "arousal", "dominance", "liking")
"""The dimensions looked for in a label file where none are asked for by name."""
NOT_RATERS = ("", "frame", "name", "recording", "file")
"""Columns of a rater file that are no rater, besides `time`."""
LARGEST_FILE = 64 << 20
"""The largest CSV read, in bytes: a day of labels at 25 Hz."""
INVALID = ("", "nan", "NaN", "NAN", "-nan", "na", "NA", "n/a", "N/A", "null", "NULL", "none", "None")
"""Cells that are no label at all, and no error."""


@dataclass(frozen=True)
class LabelConfig:
    """How label files are to be read.

    time_unit: of the column `time`, one of TIME_UNITS or OF_THE_VIDEO or seconds as a number; '' takes seconds and checks them against
    the video. scale: the (low, high) of the scale that values were given on, mapped linearly to [-1,1]; None takes them as they are.
    max_gap: between label rows further apart than this many median steps there is no label; None or infinity bridges any gap.
    """

    time_unit: str | float = ""
    scale: tuple[float, float] | None = None
    max_gap: float | None = MAX_GAP

    def __post_init__(self):
        object.__setattr__(self, "time_unit", checked_unit(self.time_unit))
        if not isinstance(self.max_gap, Real | None):
            raise StavisError(f"max_gap is {self.max_gap!r}: give a number of median steps from 1 on, or None to bridge any gap.")
        if self.max_gap is not None and np.isposinf(self.max_gap):
            object.__setattr__(self, "max_gap", None)
        longest_gap(np.arange(2.0), self.max_gap)
        if self.scale is not None:
            ends = tuple(float(end) for end in self.scale) if np.size(self.scale) == 2 and np.ndim(self.scale) == 1 else (0.0, 0.0)
            if not (np.isfinite(ends).all() and ends[0] < ends[1]):
                raise StavisError(f"the scale is {self.scale}: give its two ends, the lower one first, such as scale=(1, 9).")
            object.__setattr__(self, "scale", ends)

    @property
    def limits(self) -> tuple[float, float]:
        """Between which ends the values of a file must lie."""
        return self.scale or (-1.0, 1.0)

    def mapped(self, values: np.ndarray) -> np.ndarray:
        """Values between the limits as [-1,1]."""
        low, high = self.limits
        return np.clip(values if self.scale is None else 2 * (values - low) / (high - low) - 1, -1, 1)


@dataclass(frozen=True, repr=False)
class Labels(ShortRepr):
    """Labels over time: times (N,) s, rising; values (N,D) in [-1,1], NaN where one is invalid, one column per dimension."""

    times: np.ndarray
    values: np.ndarray
    dimensions: tuple[str, ...]


def read_labels(
    path: str | Path,
    dimensions: tuple[str, ...] | None = None,
    *,
    time_unit: str | float = "",
    scale: tuple[float, float] | None = None,
    video_times: np.ndarray | None = None,
) -> Labels:
    """The labels in a CSV file with the columns `time` (s) and one per dimension, each in [-1,1].

    dimensions: the columns wanted, in this order; None takes those of DIMENSIONS that the file has. time_unit, scale: as in LabelConfig;
    video_times (T,) s of the video's frames, for time units that need it. Empty cells and `nan` are invalid labels: NaN.

    Raises StavisError naming the file and the line where a column is missing, a value is no number or outside [-1,1] (the scale), times
    do not rise, or the file is empty, too large or no text.
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
    config = LabelConfig(time_unit, scale)
    times, values = columns_of(path, text, rows, first, names, wanted, config)
    return Labels(in_seconds(times, config.time_unit, video_times, str(path)), values, wanted)


def read_raters(
    path: str | Path,
    *,
    time_unit: str | float = "",
    scale: tuple[float, float] | None = None,
    video_times: np.ndarray | None = None,
) -> Ratings:
    """The ratings of one dimension: a CSV file with the column `time` (s) and one per rater, each in [-1,1], as in RECOLA.

    Options and errors as in `read_labels`.
    """
    path = Path(path)
    text = text_of(path)
    rows = rows_of(path, text)
    first, header = next(rows)
    names = _names(path, header)
    raters = [(name, original.strip()) for name, original in zip(names, header, strict=True) if name not in ("time", *NOT_RATERS)]
    if not raters:
        raise StavisError(f"{path}, line 1: there is no rater beside the column 'time': add one column per rater.")
    wanted = tuple(name for name, _ in raters)
    config = LabelConfig(time_unit, scale)
    times, values = columns_of(path, text, rows, first, names, wanted, config)
    seconds = in_seconds(times, config.time_unit, video_times, str(path))
    return Ratings(seconds, values, tuple(original.strip("\"' ") for _, original in raters))


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
    """(line number, cells) of each row of a CSV text that is not empty, the header first; at least the header and one row.

    Raises StavisError where a row has a value under no column: the others would be read under the wrong ones.
    """
    separator = _separator(text)
    count = columns = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                count += 1
                columns = columns or len(row)
                if any(cell.strip() for cell in row[columns:]):
                    values = max(k for k, cell in enumerate(row, 1) if cell.strip())
                    raise StavisError(
                        f"{path}, line {reader.line_num} has {values} values under {columns} columns: put values with commas (decimal "
                        "commas, texts) in quotes or ; between the columns, and name every column."
                    )
                yield reader.line_num, row
    except csv.Error as error:
        raise StavisError(f"{path}, line {reader.line_num}: {error}: write the file again as plain CSV.") from error
    if count < 2:
        raise StavisError(f"{path} holds no row below its header: write at least one, or take the file away.")


def text_of(path: Path) -> str:
    """The text of a file in any usual encoding. Raises StavisError where it is missing, too large, empty or no text."""
    try:
        if not path.is_file():
            raise StavisError(f"{path} is missing or no regular file: give the path of a CSV file.")
        if path.stat().st_size > LARGEST_FILE:
            raise StavisError(f"{path} is larger than {LARGEST_FILE >> 20} MB: it is no label file; write one row per frame at most.")
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


def columns_of(
    path: Path, text: str, rows, first: int, names: list[str], wanted: tuple[str, ...], config: LabelConfig = LabelConfig()
) -> tuple[np.ndarray, np.ndarray]:
    """Times (N,) as they are given and the wanted columns (N,D), mapped to [-1,1], of a CSV text whose columns are called `names`.

    `time` is among them. rows: those of `rows_of` that are left; first: the number of lines above them. Raises StavisError as
    `read_labels` does.
    """
    return _quick(text, first, names, wanted, config) or _numbers(path, rows, names, wanted, config)


def _quick(text: str, first: int, names: list[str], wanted: tuple[str, ...], config: LabelConfig) -> tuple[np.ndarray, np.ndarray] | None:
    """What `_numbers` reads, twenty times as fast, for files without any oddity; None for others, which are then read with care.

    first: the line of the header.
    """
    columns = [names.index(name) for name in ("time", *wanted)]
    separator = _separator(text)
    if any(line.rstrip(separator).count(separator) >= len(names) for line in text.splitlines()):
        return None  # pandas would pass over what is under no column
    try:
        # bytes take pandas half as long as text; and an object to read from could never be taken for a path
        table = pd.read_csv(io.BytesIO(text.encode()), sep=separator, header=None, skiprows=first, usecols=columns,
                            dtype=np.float64, na_values=list(INVALID), keep_default_na=False, skipinitialspace=True,
                            low_memory=False)  # fmt: skip
    except (ValueError, IndexError, OverflowError):  # pandas' own errors are ValueErrors
        return None
    times, values = table[columns[0]].to_numpy(), table[columns[1:]].to_numpy()
    rises = len(times) > 0 and bool((np.diff(times) > 0).all())
    if not rises or not np.isfinite(times).all() or _outside(values, config).any():
        return None
    return times, config.mapped(values)


def _outside(values: np.ndarray, config: LabelConfig) -> np.ndarray:
    low, high = config.limits
    slack = (high - low) / 2e6
    return (values < low - slack) | (values > high + slack)


def _numbers(path: Path, rows, names: list[str], wanted: tuple[str, ...], config: LabelConfig) -> tuple[np.ndarray, np.ndarray]:
    columns = [names.index(name) for name in ("time", *wanted)]
    numbers, lines = array("d"), array("l")
    before = -math.inf
    signs = _DecimalSigns()
    for line, row in rows:
        lines.append(line)
        for name, column in zip(("time", *wanted), columns, strict=True):
            text = row[column].strip().strip("\"'").strip() if column < len(row) else ""
            value = _number(path, line, name, text, config.time_unit)
            signs.add(line, text, name == "time")
            if name == "time":
                if value <= before:
                    found = "twice" if value == before else f"after {before:g}: times run backwards"
                    raise StavisError(f"{path}, line {line}: the time {value:g} s comes {found}; sort the rows, one row per time.")
                before = value
            numbers.append(value)
    signs.check(path)
    table = np.frombuffer(numbers, np.float64).reshape(-1, len(columns))
    times, values = table[:, 0].copy(), table[:, 1:]
    bad = _outside(values, config)
    if bad.any():
        row, column = (int(index[0]) for index in np.nonzero(bad))
        ends = "[-1,1]" if config.scale is None else f"the scale {config.scale[0]:g} to {config.scale[1]:g}"
        raise StavisError(
            f"{path}, line {lines[row]}: {wanted[column]} is {values[row, column]:g}, outside {ends} (the file's values are from "
            f"{np.nanmin(values):g} to {np.nanmax(values):g}): give the ends of the scale, scale=(low, high) or --scale LOW,HIGH."
        )
    return times, config.mapped(values)


@dataclass
class _DecimalSigns:
    """Which signs the numbers of a file are written with: `1.000` beside `0,6` may be one or a thousand."""

    values: set[str] = field(default_factory=set)
    times: set[str] = field(default_factory=set)
    thousands: tuple[int, str] = (0, "")

    def add(self, line: int, text: str, is_time: bool) -> None:
        sign = "," if "," in text else "." if "." in text else ""
        if sign and is_time:
            apart = _THOUSANDS.fullmatch(text)
            self.times.add(sign if apart else "decimal")
            self.thousands = self.thousands if self.thousands[0] or not apart else (line, text)
        elif sign:
            self.values.add(sign)

    def check(self, path: Path) -> None:
        if self.times and self.values and not self.times & {*self.values, "decimal"}:
            line, text = self.thousands
            raise StavisError(
                f"{path}, line {line}: the time {text} may be {text[:-4]} or a thousand times as much, for values are written with another "
                "decimal sign: write times without a sign between thousands, or all numbers with one decimal sign."
            )


def _number(path: Path, line: int, name: str, text: str, unit: str) -> float:
    if name == "time":
        text = text.removesuffix("%").strip() if unit == "percent" else text
        if _CLOCK.fullmatch(text) and unit in ("", "s"):
            hours, minutes, seconds = text.replace(",", ".").split(":")
            return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    elif text in INVALID or text.lower() in INVALID:
        return math.nan
    try:
        value = _parsed(text)
    except ValueError:
        found = f"{text[:40]!r}, not a number" if text else "empty"
        advice = "correct the value or take the row out"
        if name == "time" and text.endswith("%"):
            advice = "give time_unit='percent' (--time-unit percent) where times are percent of the video"
        elif name == "time" and ":" in text:
            advice = "write seconds, or hours:minutes:seconds such as 0:01:30"
        raise StavisError(f"{path}, line {line}: {name} is {found}: {advice}.") from None
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
