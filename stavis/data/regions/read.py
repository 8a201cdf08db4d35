"""Regions as a user gives them: grid:3x3, a CSV of boxes, an npz of boxes and masks."""

import math
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stavis.data.datasets.folder import normal
from stavis.data.datasets.labels import read_table
from stavis.data.regions.grid import Grid
from stavis.data.regions.source import RegionSource, check_names
from stavis.data.regions.tracks import ALWAYS, BoxTrack, MaskTrack, Tracks
from stavis.errors import StavisError

COLUMNS = ("recording", "time", "frame", "name", "x0", "y0", "x1", "y1")
CORNERS = ("x0", "y0", "x1", "y1")
_LARGEST = 2 << 30


def regions_from(given: str | Path | RegionSource | None) -> RegionSource | None:
    """The regions that are meant: "grid:ROWSxCOLUMNS", the path of a .csv of boxes or of a .npz; None for None or "".

    Raises StavisError where they cannot be read.
    """
    if given is None or given == "":
        return None
    if not isinstance(given, str | Path):
        if hasattr(given, "masks"):
            return given
        raise StavisError(f"regions are a {type(given).__name__}: give grid:3x3, or the path of a CSV or npz file.")
    if isinstance(given, str) and given.strip().lower().startswith("grid"):
        return Grid.parse(given)
    path = Path(given)
    if path.suffix.lower() not in (".csv", ".npz"):
        raise StavisError(f"regions are {str(given)!r}, expected grid:3x3, a .csv of boxes or a .npz of boxes or masks: name one.")
    return read_boxes(path) if path.suffix.lower() == ".csv" else read_npz(path)


def read_boxes(path: str | Path) -> Tracks:
    """The boxes of a CSV with the columns recording (optional), time (s) or frame (from 0), name, x0, y0, x1, y1 (source pixels).

    A row without corners says that the region is not there from then on, a row without a time that it stays where it is.
    Raises StavisError, naming the line, where the file is no such table.
    """
    path = Path(path)
    rows = read_table(path)
    clock = _clock(path, list(rows[0][1]))
    found: dict[str, dict[str, dict]] = {}
    for line, row in rows:
        where, name = f"{path}, line {line}", row.get("name", "")
        if not name:
            raise StavisError(f"{where}: the region has no name: fill it in or take the row out.")
        at = _number(where, clock, row.get(clock, ""))
        corners = [_number(where, corner, row.get(corner, "")) for corner in CORNERS]
        if any(math.isnan(one) for one in corners) and not all(math.isnan(one) for one in corners):
            raise StavisError(f"{where}: the box of {name} has only some of its corners: give all four, or none where it is not there.")
        if corners[2] <= corners[0] or corners[3] <= corners[1]:
            x0, y0, x1, y1 = (f"{one:g}" for one in corners)
            raise StavisError(f"{where}: the box of {name} ({x0}, {y0}, {x1}, {y1}) is inverted: x1 must be above x0 and y1 above y0.")
        rows_of_name = found.setdefault(normal(row.get("recording", "")), {}).setdefault(normal(name), {})
        at = None if math.isnan(at) else at
        if at in rows_of_name:
            given = f"at {clock} {at:g}" if at is not None else f"without a {clock}"
            raise StavisError(f"{where}: {name} stands twice {given}, first in line {rows_of_name[at][0]}: take one out.")
        rows_of_name[at] = (line, corners)
    return _tracks(path, clock, found)


def _clock(path: Path, columns: list[str]) -> str:
    """ "time" or "frame", whichever the table has. Raises StavisError for columns that are missing or unknown."""
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise StavisError(f"{path} has a column {unknown[0]!r}: its columns are recording (optional), time or frame, name, x0, y0, x1, y1.")
    clocks = [name for name in ("time", "frame") if name in columns]
    missing = [name for name in ("name", *CORNERS) if name not in columns]
    if missing or len(clocks) != 1:
        lacks = f"lacks the column {missing[0]}" if missing else "needs one of the columns time and frame"
        raise StavisError(f"{path} {lacks}: write recording (optional), time or frame, name, x0, y0, x1, y1.")
    return clocks[0]


def _number(where: str, column: str, text: str) -> float:
    """A number, NaN for an empty cell. Raises StavisError for anything else."""
    if not text or text.lower() == "nan":
        return math.nan
    try:
        value = float(text)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise StavisError(f"{where}: {column} is {text[:40]!r}, not a number: correct it or take the row out.")
    return value


def _tracks(path: Path, clock: str, found: dict[str, dict[str, dict]]) -> Tracks:
    names = tuple(dict.fromkeys(name for by_name in found.values() for name in by_name))
    check_names(names, path)
    every = [abs(corner) for by_name in found.values() for rows in by_name.values() for _, box in rows.values() for corner in box]
    if max((one for one in every if one == one), default=2) <= 1:
        raise StavisError(f"{path} has corners from 0 to 1 only: give pixels of the source video, not fractions.")
    by_recording, places = {}, {}
    for recording, by_name in found.items():
        by_recording[recording] = {}
        for name, rows in by_name.items():
            still = rows.pop(None, None)
            if still is not None and rows:
                raise StavisError(f"{path}, line {still[0]}: {name} has a row without a {clock} and others with one: fill it in.")
            rows = {-ALWAYS: still, ALWAYS: still} if still is not None else dict(sorted(rows.items()))
            boxes = np.array([box for _, box in rows.values()], np.float64)
            by_recording[recording][name] = BoxTrack(np.array(list(rows), np.float64), boxes)
            places |= {(recording, name, row): f"{path}, line {line}" for row, (line, _) in enumerate(rows.values())}
    return Tracks(path.name, str(path), clock, names, by_recording, places)


def read_npz(path: str | Path) -> Tracks:
    """Regions of an npz file: under each region's name boxes (N,4) in source pixels or masks (N,H,W), with `times` (N,) in s or `frames`
    (N,) from 0 for all of them; without those they are of the frames from 0 on, and a single one stays where it is.

    Raises StavisError where the file is no such thing.
    """
    path = Path(path)
    arrays = _arrays(path)
    clock = "time" if "times" in arrays else "frame"
    if "times" in arrays and "frames" in arrays:
        raise StavisError(f"{path} holds both times and frames: leave one out.")
    at = arrays.pop("times", arrays.pop("frames", None))
    if not arrays:
        raise StavisError(f"{path} holds no region: give boxes (N,4) or masks (N,H,W) under the regions' names.")
    names = tuple(arrays)
    check_names(names, path)
    length = len(np.atleast_1d(next(iter(arrays.values()))))
    if at is None and length == 1:  # they stay where they are
        arrays, at = {name: np.repeat(np.atleast_1d(values), 2, 0) for name, values in arrays.items()}, [-ALWAYS, ALWAYS]
    at = np.arange(length, dtype=np.float64) if at is None else np.asarray(at, np.float64)
    if at.ndim != 1 or not np.isfinite(at).all() or not (np.diff(at) > 0).all():
        raise StavisError(f"{path}: its {clock}s do not rise, or are not numbers: give one for each row, in order.")
    tracks = {normal(name): _track(path, name, values, at) for name, values in arrays.items()}
    return Tracks(path.name, str(path), clock, tuple(tracks), {"": tracks})


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        if path.stat().st_size > _LARGEST:
            raise StavisError(f"{path} is larger than {_LARGEST >> 30} GB: give masks of one video.")
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile, AttributeError) as error:
        raise StavisError(f"{path} cannot be read as npz ({type(error).__name__}): write it with numpy.savez.") from error


def _track(path: Path, name: str, values: np.ndarray, at: np.ndarray) -> BoxTrack | MaskTrack:
    """One region of an npz file. Raises StavisError where it is neither boxes nor masks, or has another length than the times."""
    number = np.issubdtype(values.dtype, np.number) or values.dtype == bool
    if not number or not len(values) or not (values.ndim == 3 or (values.ndim == 2 and values.shape[1] == 4)):
        raise StavisError(f"{path}: {name} is {values.shape} {values.dtype}, expected boxes (N,4) or masks (N,H,W): correct it.")
    if len(values) != len(at):
        raise StavisError(f"{path}: {name} has {len(values)} rows for {len(at)} times: give one row for each.")
    if values.ndim == 3:
        return MaskTrack(at, values != 0)
    boxes = values.astype(np.float64)
    boxes[~np.isfinite(boxes).all(1)] = np.nan
    wrong = np.flatnonzero((boxes[:, 2:] <= boxes[:, :2]).any(1))
    if len(wrong):
        row = int(wrong[0])
        raise StavisError(f"{path}: the box of {name} in row {row} is inverted: x1 must be above x0 and y1 above y0.")
    return BoxTrack(at, boxes)
