"""What was annotated while looking at a recording: excluded ranges and events, kept as CSV."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.errors import StavisError
from stavis.storage.files import write_text

COLUMNS = ("kind", "start", "end", "label")


@dataclass(frozen=True)
class Annotations:
    """exclude: (start, end) in seconds, both ends excluded from metrics; events: (time in seconds, label)."""

    exclude: tuple[tuple[float, float], ...] = ()
    events: tuple[tuple[float, str], ...] = ()

    def kept(self, times: np.ndarray) -> np.ndarray:
        """Which of the times (T,) s lie in no excluded range: (T,) bool."""
        times = np.asarray(times, float)
        kept = np.ones(times.shape, bool)
        for start, end in self.exclude:
            kept &= ~((times >= start - 1e-9) & (times <= end + 1e-9))
        return kept

    def table(self) -> pd.DataFrame:
        """One row a mark: kind (exclude or event), start and end in seconds, label."""
        rows = [("exclude", a, b, "") for a, b in self.exclude] + [("event", t, t, label) for t, label in self.events]
        return pd.DataFrame(rows, columns=list(COLUMNS))

    def save(self, path: str | Path) -> Path:
        """Writes the marks as CSV (kind,start,end,label); returns the path."""
        return write_text(path, self.table().to_csv(index=False, float_format="%.4f"))

    @classmethod
    def from_selection(cls, selection: dict) -> "Annotations":
        """The marks in the scrubber's `selection`."""
        exclude = sorted((float(a), float(b)) for a, b in selection.get("exclude") or [])
        events = sorted((float(t), str(label)) for t, label in selection.get("events") or [])
        return cls(tuple(exclude), tuple(events))

    def to_selection(self) -> dict:
        """The part of the scrubber's `selection` that these marks are."""
        return {"exclude": [list(pair) for pair in self.exclude], "events": [list(pair) for pair in self.events]}


def read_annotations(path: str | Path) -> Annotations:
    """The marks in a CSV of kind,start,end,label.

    Raises StavisError where the file is missing, lacks a column, or holds an unknown kind or a range that ends before it starts.
    """
    try:
        table = pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise StavisError(f"{path} cannot be read as a table of marks: give a CSV with the columns {', '.join(COLUMNS)}.") from error
    table.columns = [str(name).strip().lower() for name in table.columns]
    if missing := [name for name in COLUMNS[:3] if name not in table.columns]:
        raise StavisError(f"{path} has no column {missing[0]}: marks are kept as {', '.join(COLUMNS)}.")
    exclude, events = [], []
    for line, row in enumerate(table.to_dict("records"), start=2):
        start, end = (pd.to_numeric(row[name], errors="coerce") for name in ("start", "end"))
        kind = row["kind"].strip().lower()
        if kind not in ("exclude", "event") or not np.isfinite(start) or (kind == "exclude" and not end >= start):
            raise StavisError(f"{path}, line {line} is no mark: kind is exclude or event, start and end are seconds in order.")
        if kind == "exclude":
            exclude.append((float(start), float(end)))
        else:
            events.append((float(start), row.get("label", "")))
    return Annotations(tuple(sorted(exclude)), tuple(sorted(events)))
