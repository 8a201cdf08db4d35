"""Annotated intervals as the unit of a table: the mean of every column over the frames of each span or point."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stavis.data.annotations.annotations import Annotations
from stavis.data.annotations.tiers import Span, Tier
from stavis.errors import StavisError

HEAD = ("tier", "label", "start", "end", "frames", "valid")


def tiers_of(annotations: Annotations, names: Sequence[str] | None = None) -> tuple[Tier, ...]:
    """The tiers that are asked for, by default all; of annotations without tiers the events as points.

    Raises StavisError where a tier is not there, or nothing but excluded ranges is annotated.
    """
    if names is not None:
        return tuple(annotations.tier(name) for name in names)
    if annotations.tiers:
        return annotations.tiers
    if not annotations.events:
        raise StavisError("the annotations hold no span, point or event: annotate some, or ask for the table without by=.")
    return (Tier("events", tuple(Span(time, time, label) for time, label in annotations.events)),)


def by_intervals(table: pd.DataFrame, annotations: Annotations, tiers: Sequence[str] | None = None) -> pd.DataFrame:
    """One row per span and point: tier, label, start and end (s), frames, valid (how many of them), the mean of each column of numbers.

    table: one row per frame with `time` (s), any columns of numbers and, where known, `valid` (or `face`). Excluded frames and those
    that are not valid are left out of the means; a row without any has NaN.
    """
    times = table["time"].to_numpy(float)
    valid = next((table[name].to_numpy(bool) for name in ("valid", "face") if name in table), np.ones(len(table), bool))
    skipped = ("time", "frame", "valid", "face")
    numbers = table.drop(columns=[name for name in skipped if name in table]).select_dtypes("number")
    values = numbers.to_numpy(float)
    kept = annotations.kept(times)
    rows = []
    for tier in tiers_of(annotations, tiers):
        for span, members in zip(tier.spans, tier.members(times), strict=True):
            frames = members[kept[members]]
            used = frames[valid[frames]]
            rows.append([tier.name, span.label, span.start, span.end, len(frames), len(used), *_means(values[used])])
    return pd.DataFrame(rows, columns=[*HEAD, *numbers.columns])


def _means(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    return np.where(known.any(0), np.where(known, values, 0).sum(0) / np.maximum(known.sum(0), 1), np.nan)
