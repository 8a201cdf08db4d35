"""A group in tables: its recordings with their weights, the density of each region by condition, the differences of two conditions."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from stavis.bootstrap import FEWEST, Interval, holm, interval, paired_difference, too_few
from stavis.groups.maps import people_of
from stavis.groups.members import Member


def conditions_of(members: Sequence[Member]) -> tuple[str, ...]:
    """The conditions, in the order in which they are first named."""
    return tuple(dict.fromkeys(one.condition for one in members))


def recording_table(members: Sequence[Member]) -> pd.DataFrame:
    """One row per recording: person, condition, frames, frames_with_face, frames_per_second, seconds, mirrored, and its weight in the mean
    of its condition (the weights of a condition sum to 1)."""
    rows = []
    for one in members:
        alike = [other for other in members if other.condition == one.condition]
        mine = sum(other.person == one.person for other in alike)
        rows.append(
            {
                "recording": one.name,
                "person": one.person,
                "condition": one.condition,
                "frames": one.frames,
                "frames_with_face": one.frames_with_face,
                "frames_per_second": round(one.rate, 3),
                "seconds": round(float(one.times[-1] - one.times[0]), 2) if len(one.times) else 0.0,
                "mirrored": "yes" if one.mirrored else "no",
                "weight": 1 / (len(people_of(alike)) * mine),
            }
        )
    return pd.DataFrame(rows)


def region_table(members: Sequence[Member]) -> pd.DataFrame:
    """One row per condition and region: condition, region, density (mean over people of share over area), low, high, people."""
    rows = []
    for condition in conditions_of(members):
        values = _by_person([one for one in members if one.condition == condition])
        for region in values.columns:
            found = interval(values[region].to_numpy(float), bounds=(0.0, np.inf), unit="people")
            rows.append((condition, region, found.value, found.low, found.high, found.count))
    return pd.DataFrame(rows, columns=["condition", "region", "density", "low", "high", "people"])


def difference_table(members: Sequence[Member]) -> pd.DataFrame:
    """One row per pair of conditions and region: first, second, region, difference of densities, low, high, p, p_holm (over all rows),
    paired, people."""
    rows = []
    for first, second in combinations(conditions_of(members), 2):
        one, other = (_by_person([m for m in members if m.condition == name]) for name in (first, second))
        both = [name for name in one.index if name in other.index]
        for region in [name for name in one.columns if name in other.columns]:
            if both:
                found = paired_difference(one.loc[both, region].to_numpy(), other.loc[both, region].to_numpy(), unit="people")
                each, p = found.interval, found.p
            else:
                each = _unpaired(one[region].to_numpy(float), other[region].to_numpy(float))
                p = each.p_value(0.0)
            rows.append((first, second, region, each.value, each.low, each.high, p, "yes" if both else "no", each.count))
    table = pd.DataFrame(rows, columns=["first", "second", "region", "difference", "low", "high", "p", "paired", "people"])
    table.insert(7, "p_holm", holm(table.p.to_numpy(float)) if len(table) else [])
    return table


def _by_person(members: Sequence[Member]) -> pd.DataFrame:
    """The densities of the regions: one row per person (the mean over the recordings), one column per region."""
    table = pd.DataFrame([one.densities or {} for one in members], index=[one.person for one in members], dtype=float)
    return table.groupby(level=0).mean()


def _unpaired(one: np.ndarray, other: np.ndarray) -> Interval:
    """The difference of the means of two groups of people, with the interval over people; none where a group has fewer than FEWEST: what
    two people differ by says little of others, however many stand against them."""
    one, other = one[np.isfinite(one)], other[np.isfinite(other)]
    if (few := min(len(one), len(other))) < FEWEST:
        value = float(one.mean() - other.mean()) if few else float("nan")
        return Interval(value, count=len(one) + len(other), reason=too_few(few, "people in a condition"), unit="people")
    sums = np.concatenate(
        [
            np.stack([one, np.ones_like(one), np.zeros_like(one), np.zeros_like(one)], -1),
            np.stack([np.zeros_like(other), np.zeros_like(other), other, np.ones_like(other)], -1),
        ]
    )

    def less(total: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return total[..., 0] / total[..., 1] - total[..., 2] / total[..., 3]

    return interval(sums, less, unit="people")
