"""The table of a group: which recording shows which person in which condition."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from stavis.data.datasets.folder import normal
from stavis.data.datasets.labels import INVALID, read_table
from stavis.errors import StavisError
from stavis.groups.members import Member, Result
from stavis.inference.explained import ExplainedVideo
from stavis.inference.reading import Reading

ALL = "all"
"""The condition of recordings for which none is named."""

_TRUE, _FALSE = ("1", "yes", "true"), ("", "0", "no", "false", "nan")

Table = str | Path | pd.DataFrame | Mapping[str, object] | Sequence[Mapping[str, object]]
Results = Mapping[str, Result] | Sequence[ExplainedVideo | Reading]


@dataclass(frozen=True)
class Row:
    """One line of the table: recording (its folder, or the name of a result), person, condition, and whether its video is mirrored;
    `at` is where it stands, for messages."""

    recording: str
    person: str
    condition: str
    mirrored: bool
    at: str


def read_members(table: Table, results: Results | None = None) -> tuple[Member, ...]:
    """The recordings of a group.

    table: a CSV file or DataFrame with the columns recording, person and optionally condition and mirrored (yes or no); a list of such
    rows; or {recording: person} or {recording: (person, condition)}. A recording is the folder that `stavis explain` wrote (relative to
    the CSV file), or a name in `results`: explanations and readings by name, or a list of those, named by their videos. It is called like
    its folder; where two folders are called alike, all are called as the table writes them. A person is one in whatever case and bytes
    the name is written.

    Raises StavisError where a row names no person, or alone no condition, a recording stands in two rows, or a folder is missing.
    """
    rows, base = _rows(table)
    known = None if results is None else _by_name(results)
    members: list[Member] = []
    seen: dict[str, str] = {}
    folders = [Path(row.recording).name for row in rows]
    alike = len(set(folders)) < len(folders)
    for row in rows:
        if known is None:
            result, name = base / row.recording, row.recording if alike else Path(row.recording).name or row.recording
            key = str(Path(result).resolve())
        else:
            result, name, key = known.get(row.recording), row.recording, row.recording
            if result is None:
                raise StavisError(f"{row.at} names the recording {row.recording!r}, which is not among the results: correct the name.")
        if key in seen:
            raise StavisError(f"{row.at} names {row.recording}, which {seen[key]} names already: keep one of the two rows.")
        seen[key] = row.at
        try:
            members.append(Member.of(name, result, row.person, row.condition, row.mirrored))
        except StavisError as error:
            raise StavisError(f"{row.at}: {error}") from error
    return tuple(members)


def _by_name(results: Results) -> dict[str, Result]:
    if isinstance(results, Mapping):
        return dict(results)
    named = [(one.crops.recording if one.crops is not None else f"reading {k}", one) for k, one in enumerate(results)]
    twice = next((name for name, _ in named if sum(name == other for other, _ in named) > 1), None)
    if twice is not None:
        raise StavisError(f"two results are called {twice!r}: give them as a dict by names that differ.")
    return dict(named)


def _rows(table: Table) -> tuple[list[Row], Path]:
    """The rows of a table, and the folder that its paths are relative to."""
    base, where = Path(), "the table"
    if isinstance(table, str | Path):
        where, base = str(table), Path(table).parent
        frame = _read(Path(table))
    elif isinstance(table, Mapping):
        frame = pd.DataFrame([_pair(name, value) for name, value in table.items()])
    else:
        frame = pd.DataFrame(table)
    frame = frame.rename(columns=lambda name: str(name).strip().lower())
    lines = frame.index if isinstance(table, str | Path) else range(1, len(frame) + 1)
    if not len(frame):
        raise StavisError(f"{where} has no row: name one recording and its person per row.")
    if missing := [name for name in ("recording", "person") if name not in frame.columns]:
        raise StavisError(f"{where} has no column {missing[0]}: give recording, person and, for conditions, condition.")
    unit = "line" if isinstance(table, str | Path) else "row"
    rows = [_row(values, f"{where}, {unit} {k}") for k, values in zip(lines, frame.to_dict("records"), strict=True)]
    without = next((row for row in rows if not row.condition), None)
    if without and any(row.condition for row in rows):
        raise StavisError(f"{without.at} names no condition for {without.recording}, others do: name one in each row, or in none.")
    people: dict[str, str] = {}
    same = [people.setdefault(normal(row.person.casefold()), row.person) for row in rows]
    return [replace(row, person=person, condition=row.condition or ALL) for row, person in zip(rows, same, strict=True)], base


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise StavisError(f"{path} is no file: give a CSV of recording,person,condition.")
    lines, rows = zip(*read_table(path), strict=True)
    return pd.DataFrame(rows, index=lines)


def _pair(name: str, value: object) -> dict[str, object]:
    if isinstance(value, Mapping):
        return {"recording": name, **value}
    parts = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else ()
    if not 1 <= len(parts) <= 2:
        raise StavisError(f"the table gives {name} as {value!r}: give its person, or (person, condition).")
    return dict(zip(("recording", "person", "condition"), (name, *parts), strict=False))


def _row(values: Mapping[str, object], at: str) -> Row:
    text = {name: "" if pd.isna(value) else str(value).strip() for name, value in values.items()}
    if not text["recording"]:
        raise StavisError(f"{at} names no recording: give its folder.")
    if text["person"] in INVALID:
        raise StavisError(f"{at} names no person for {text['recording']}: people are what is averaged over, so name one.")
    mirrored = text.get("mirrored", "").lower()
    if mirrored not in (*_TRUE, *_FALSE):
        raise StavisError(f"{at}: mirrored is {text['mirrored']!r}, expected yes or no.")
    return Row(text["recording"], text["person"], text.get("condition", ""), mirrored in _TRUE, at)
