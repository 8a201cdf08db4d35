"""What was annotated while looking at a recording: excluded ranges, events and tiers of spans and points, kept as CSV."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.data.annotations.tiers import SAME_TIME, Span, Tier, check_names
from stavis.errors import StavisError
from stavis.printable import ShortRepr
from stavis.storage.files import write_text
from stavis.timeline import outside

COLUMNS = ("kind", "start", "end", "label")
TIER = "tier"
"""The further column of files that hold tiers."""
_DIGITS = "%.6f"
KINDS = ("exclude", "event", "span", "point", "tier")


@dataclass(frozen=True, repr=False)
class Annotations(ShortRepr):
    """exclude: (start, end) in seconds, both ends excluded from metrics; events: (time in seconds, label); tiers: by their order.

    Raises StavisError where two tiers have one name.
    """

    exclude: tuple[tuple[float, float], ...] = ()
    events: tuple[tuple[float, str], ...] = ()
    tiers: tuple[Tier, ...] = ()

    def __post_init__(self):
        check_names(self.tiers)

    def kept(self, times: np.ndarray) -> np.ndarray:
        """Which of the times (T,) s lie in no excluded range, as training and metrics leave them out: (T,) bool."""
        return outside(np.asarray(times, float), ((start, end, "") for start, end in self.exclude))

    def tier(self, name: str) -> Tier:
        """A tier by its name. Raises StavisError where there is none."""
        for tier in self.tiers:
            if tier.name == name:
                return tier
        known = ", ".join(tier.name for tier in self.tiers) or "none"
        raise StavisError(f"there is no tier {name!r}: choose one of {known}.")

    def with_tier(self, tier: Tier) -> "Annotations":
        """These annotations with a tier added, or in the place of the one of its name."""
        names = [one.name for one in self.tiers]
        tiers = [tier if one.name == tier.name else one for one in self.tiers]
        return Annotations(self.exclude, self.events, tuple(tiers if tier.name in names else [*tiers, tier]))

    def table(self) -> pd.DataFrame:
        """One row per annotation: kind (exclude, event, span, point), start and end in seconds, label, tier."""
        rows = [("exclude", a, b, "", "") for a, b in self.exclude] + [("event", t, t, label, "") for t, label in self.events]
        rows += [
            ("point" if span.is_point else "span", span.start, span.end, span.label, tier.name)
            for tier in self.tiers
            for span in tier.spans
        ]
        return pd.DataFrame(rows, columns=[*COLUMNS, TIER])

    @classmethod
    def from_table(cls, table: pd.DataFrame, where: str = "the table") -> "Annotations":
        """The annotations in a table as `table()` gives it; a row of kind "tier" offers a label for the tier, or an empty tier.

        Raises StavisError where it lacks a column, or holds an unknown kind, a range that ends before it starts or spans that overlap.
        """
        table = table.rename(columns=lambda name: str(name).strip().lower())
        if missing := [name for name in COLUMNS[:3] if name not in table.columns]:
            raise StavisError(f"{where} has no column {missing[0]}: annotations are kept as {', '.join(COLUMNS)}.")
        exclude, events = [], []
        spans: dict[str, list[Span]] = {}
        labels: dict[str, list[str]] = {}
        for line, row in enumerate(table.to_dict("records"), start=2):
            start, end = (float(pd.to_numeric(row[name], errors="coerce")) for name in ("start", "end"))
            kind, label, tier = str(row["kind"]).strip().lower(), str(row.get("label", "")), str(row.get(TIER, ""))
            end = start if kind == "point" else end
            if kind not in KINDS or (kind != "tier" and not np.isfinite(start)) or (kind in ("exclude", "span") and not end >= start):
                raise StavisError(
                    f"{where}, line {line} is no annotation: kind is one of {', '.join(KINDS)}, start and end are seconds in order."
                )
            if kind == "exclude":
                exclude.append((start, end))
            elif kind == "event":
                events.append((start, label))
            else:
                spans.setdefault(tier, [])
                labels.setdefault(tier, [])
                if kind != "tier":
                    spans[tier].append(Span(start, end, label))
                elif label:
                    labels[tier].append(label)
        tiers = tuple(Tier(name, tuple(found), tuple(labels[name])) for name, found in spans.items())
        return cls(tuple(sorted(exclude)), tuple(sorted(events)), tiers)

    def save(self, path: str | Path) -> Path:
        """Writes the annotations as CSV (kind,start,end,label and, where there are tiers, tier); returns the path."""
        table = self.table()
        if not self.tiers:
            return write_text(path, table.drop(columns=TIER).to_csv(index=False, float_format=_DIGITS))
        offered = [("tier", np.nan, np.nan, label, tier.name) for tier in self.tiers for label in tier.labels or ("",)]
        rows = pd.DataFrame(offered, columns=table.columns)
        table = pd.concat([table, rows]) if len(table) else rows
        order = {tier.name: k for k, tier in enumerate(self.tiers)}
        table = table.assign(order=[-1 if not name else order[name] for name in table[TIER]]).sort_values("order", kind="stable")
        return write_text(path, table.drop(columns="order").to_csv(index=False, float_format=_DIGITS))

    @classmethod
    def from_selection(cls, selection: dict) -> "Annotations":
        """The annotations in the scrubber's `selection`."""
        exclude = sorted((float(a), float(b)) for a, b in selection.get("exclude") or [])
        events = sorted((float(t), str(label)) for t, label in selection.get("events") or [])
        tiers = tuple(
            Tier(
                str(tier["name"]),
                tuple(Span(float(a), float(b), str(label)) for a, b, label in tier.get("spans") or []),
                tuple(str(label) for label in tier.get("labels") or []),
            )
            for tier in selection.get("tiers") or []
        )
        return cls(tuple(exclude), tuple(events), tiers)

    def to_selection(self) -> dict:
        """The part of the scrubber's `selection` that these annotations are."""
        found = {"exclude": [list(pair) for pair in self.exclude], "events": [list(pair) for pair in self.events]}
        if self.tiers:
            found["tiers"] = [
                {"name": tier.name, "labels": list(tier.labels), "spans": [[one.start, one.end, one.label] for one in tier.spans]}
                for tier in self.tiers
            ]
        return found


def joined(one: Annotations, other: Annotations) -> Annotations:
    """The annotations of both; of a tier that both have the spans of `one`, and those of `other` that overlap none of them."""
    exclude = [pair for pair in other.exclude if not any(_near(pair[0], mine[0]) and _near(pair[1], mine[1]) for mine in one.exclude)]
    events = [(t, label) for t, label in other.events if not any(_near(t, mine[0]) and label == mine[1] for mine in one.events)]
    result = Annotations(tuple(sorted((*one.exclude, *exclude))), tuple(sorted((*one.events, *events))), one.tiers)
    for tier in other.tiers:
        known = next((mine for mine in one.tiers if mine.name == tier.name), Tier(tier.name))
        free = [span for span in tier.spans if span not in known.spans and not any(_meet(span, mine) for mine in known.spans)]
        result = result.with_tier(Tier(tier.name, (*known.spans, *free), tuple(dict.fromkeys((*known.labels, *tier.labels)))))
    return result


def _meet(one: Span, other: Span) -> bool:
    return (one.start < other.end - SAME_TIME and other.start < one.end - SAME_TIME) or _near(one.start, other.start)


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_TIME


def read_annotations(path: str | Path) -> Annotations:
    """The annotations in a CSV of kind,start,end,label and, of files with tiers, tier.

    Raises StavisError where the file is missing, lacks a column, or holds an unknown kind, a range that ends before it starts or spans
    of one tier that overlap.
    """
    try:
        table = pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise StavisError(f"{path} cannot be read as a table of annotations: give a CSV with the columns {', '.join(COLUMNS)}.") from error
    return Annotations.from_table(table, str(path))
