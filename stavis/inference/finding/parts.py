"""The shares and densities of the parts of a region set over time, and what sentences call them."""

from dataclasses import dataclass

import numpy as np

from stavis.regions import FACE, RegionSet


@dataclass(frozen=True)
class PartTable:
    """A map on the parts of a region set: shares and densities (T,P), NaN in frames that do not count; names (P,) as sentences say them;
    can_lead (P,): whether a part may lead, as the background may not; of: what is shared ("attention", "saliency")."""

    times: np.ndarray
    shares: np.ndarray
    densities: np.ndarray
    names: tuple[str, ...]
    can_lead: tuple[bool, ...]
    of: str = "attention"

    @classmethod
    def of_regions(
        cls, times: np.ndarray, shares: np.ndarray, areas: np.ndarray, region_set: RegionSet, valid: np.ndarray, of: str = "attention"
    ) -> "PartTable":
        """From the shares and areas (T,R) of the regions of a set, each a part of its own: left and right eye are told apart."""
        rows = [[region_set.names.index(name)] for name in region_set.order]
        share = np.stack([shares[:, row].sum(1) for row in rows], 1)
        area = np.stack([np.nan_to_num(areas[:, row]).sum(1) for row in rows], 1)
        counts = valid & np.isfinite(share).all(1)
        share = np.where(counts[:, None], share, np.nan)
        density = np.divide(share, area, out=np.zeros(share.shape), where=area > 0)
        density[~counts] = np.nan
        parts = region_set.order
        names = tuple(part_name(region_set, part) for part in parts)
        return cls(np.asarray(times, float), share, density, names, tuple(part not in region_set.background for part in parts), of)


def part_name(region_set: RegionSet, part: str) -> str:
    """What a sentence calls a part: "the mouth", "the rest of the face", "the region box 3"."""
    label = region_set.label(part)
    if part == "outside" and region_set == FACE:
        return "the background"
    return f"the {label}" if region_set == FACE or region_set.key == "grid:3x3" else f"the region {label}"


def plural(names: list[str]) -> bool:
    """Whether a verb after these names stands in the plural."""
    return len(names) > 1 or names[0] in ("the eyes", "the brows", "the cheeks", "the nasolabial folds")
