"""The shares and densities of the regions of a set over time, and what sentences call them."""

from dataclasses import dataclass

import numpy as np

from stavis.regions import FACE, RegionSet


@dataclass(frozen=True)
class PartTable:
    """A map on the regions of a set: shares and densities (T,P), NaN in frames that do not count; names (P,) as sentences say them;
    can_lead (P,): whether a region may lead, as the background may not; of: what is shared ("attention", "saliency")."""

    times: np.ndarray
    shares: np.ndarray
    densities: np.ndarray
    names: tuple[str, ...]
    can_lead: tuple[bool, ...]
    of: str = "attention"

    @classmethod
    def of_regions(
        cls, times: np.ndarray, shares: np.ndarray, densities: np.ndarray, region_set: RegionSet, valid: np.ndarray, of: str = "attention"
    ) -> "PartTable":
        """From the shares and densities (T,R) of the regions of a set, in the order of its names."""
        counts = (valid & np.isfinite(shares).all(1))[:, None]
        names = tuple(part_name(region_set, name) for name in region_set.names)
        can_lead = tuple(name not in region_set.background for name in region_set.names)
        density = np.where(counts, np.nan_to_num(densities), np.nan)
        return cls(np.asarray(times, float), np.where(counts, shares, np.nan), density, names, can_lead, of)


def part_name(region_set: RegionSet, part: str) -> str:
    """What a sentence calls a part: "the mouth", "the rest of the face", "the region box 3"."""
    label = region_set.label(part)
    if part == "outside" and region_set == FACE:
        return "the background"
    return f"the {label}" if region_set == FACE or region_set.key == "grid:3x3" else f"the region {label}"


def plural(names: list[str]) -> bool:
    """Whether a verb after these names stands in the plural."""
    return len(names) > 1 or names[0] in ("the brows", "the cheeks")
