"""Sets of regions (the parts of a face, or any others), and the share and density of any map on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from stavis.errors import StavisError

REGIONS = ("mouth", "left_eye", "right_eye", "brows", "nose", "rest", "outside")
"""The regions of a face, a partition of the image: every pixel belongs to exactly one. `brows` are both brows and the skin between
them, where a frown folds (Ekman & Friesen 1978, action unit 4); `rest` is the face without the others."""

PARTS = {
    "mouth": ("mouth",),
    "eyes": ("left_eye", "right_eye"),
    "brows": ("brows",),
    "nose": ("nose",),
    "rest": ("rest",),
    "outside": ("outside",),
}
"""The parts of a face that come and go together, and the regions that each is made of."""

_CHUNK = 128  # frames whose region masks are pooled at once, so that long clips need little memory
_CHUNK_PIXELS = 1 << 25  # and so many pixels of masks


@dataclass(frozen=True)
class RegionSet:
    """A set of regions as data; its masks (T,R,H,W) stand beside it, in the order of `names`.

    key: what it is called in files ("face", "grid:3x3", "boxes.csv"); parts: the regions that come and go together and are shown as
    one line, each region alone where none are given; background: the parts that are shown faintly; labels: what a part is called where
    that is another than its name.
    """

    key: str
    names: tuple[str, ...]
    parts: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    background: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self):
        if not self.parts:
            object.__setattr__(self, "parts", {name: (name,) for name in self.names})

    def label(self, part: str) -> str:
        """What a part is called in words."""
        return self.labels.get(part, part.replace("_", " "))

    def masks_of(self, regions: np.ndarray) -> dict[str, np.ndarray]:
        """The parts as masks: name -> (T,H,W) bool."""
        return {part: regions[:, [self.names.index(name) for name in names]].any(1) for part, names in self.parts.items()}


FACE = RegionSet("face", REGIONS, PARTS, ("rest", "outside"), {"rest": "rest of the face", "outside": "outside the face"})
"""The regions of a face, the default everywhere."""


def shares(maps: np.ndarray, regions: np.ndarray, within: np.ndarray | None = None) -> np.ndarray:
    """The fraction of a map's mass on each region.

    Parameters
    ----------
    maps : array (T,h,w)
        Any map: attention over cells, signed attributions over pixels (their sizes count), a control map.
    regions : array (T,R,H,W) of bool
        Masks over the pixels that the map covers, on any grid.
    within : array (H,W) of bool, optional
        The pixels that count, such as those of a letterbox that show the video; by default all.

    Returns
    -------
    array (T,R) of float64, in [0,1]
        Over a partition (of the pixels that count) each frame sums to 1. NaN in frames where the map is 0 everywhere or not a number
        somewhere.

    Raises
    ------
    StavisError
        Where the two have different numbers of frames.

    Examples
    --------
    >>> masks = np.zeros((1, 2, 4, 4), bool)
    >>> masks[0, 0, :2], masks[0, 1, 2:] = True, True
    >>> shares(np.array([[[3.0, 0.0], [-1.0, 0.0]]]), masks).tolist()
    [[0.75, 0.25]]
    """
    if len(maps) != len(regions):
        raise StavisError(f"a map of {len(maps)} frames cannot be shared among regions of {len(regions)} frames: cut both alike.")
    mass = np.abs(np.asarray(maps, np.float64))
    top = np.where(np.isfinite(mass).all((1, 2)), mass.max((1, 2), initial=0), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        mass = np.where(top[:, None, None] > 0, mass / top[:, None, None], np.nan)
    on_regions = _on(mass, regions)
    if within is None:
        return on_regions / mass.sum((1, 2))[:, None]
    counted = _on(mass, np.broadcast_to(within, (len(mass), 1, *within.shape)))
    return np.divide(on_regions, counted, out=np.full(on_regions.shape, np.nan), where=counted > 0)


def densities(maps: np.ndarray, regions: np.ndarray, within: np.ndarray | None = None) -> np.ndarray:
    """Share over area: (T,R), 1 = what a uniform map has; NaN where a region covers nothing or `shares` are NaN. Arguments as there."""
    area = areas(regions, within)
    return np.divide(shares(maps, regions, within), area, out=np.full(area.shape, np.nan), where=area > 0)


def areas(regions: np.ndarray, within: np.ndarray | None = None) -> np.ndarray:
    """The fraction of the pixels (of those that count) that each mask (T,R,H,W) covers: (T,R) in [0,1]."""
    return regions.mean((2, 3)) if within is None else regions.sum((2, 3)) / max(1, int(within.sum()))


def pooled(maps: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Maps (...,H,W) summed over the cells of a grid: (...,h,w) of any size; the sum of each frame is kept exactly."""
    maps = np.asarray(maps, np.float64)
    if maps.shape[-2:] == tuple(grid):
        return maps
    rows, columns = (
        overlap(pixels, cells).astype(np.float64) * (pixels / cells) for pixels, cells in zip(maps.shape[-2:], grid, strict=True)
    )
    return np.einsum("hH,...HW,wW->...hw", rows, maps, columns, optimize=True)


def spread(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps over cells (T,h,w) on pixels (T,H,W): each cell's number is shared out over the pixels it covers, the sum is kept."""
    rows, columns = (overlap(pixels, cells).astype(np.float64) for pixels, cells in zip(size, maps.shape[1:], strict=True))
    return np.einsum("hH,thw,wW->tHW", rows, maps, columns, optimize=True)


def overlap(size: int, cells: int) -> np.ndarray:
    """(cells, size): which fraction of each cell every pixel covers; rows sum to 1."""
    edges = np.arange(cells + 1) * (size / cells)
    pixels = np.arange(size)
    cover = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(cover, 0, None) * (cells / size)).astype(np.float32)


def joined(regions: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """The regions of a face of these names as one mask: (T,H,W) bool."""
    return regions[:, [REGIONS.index(name) for name in names]].any(1)


def _on(mass: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """The mass (T,h,w) on each mask (T,R,H,W): (T,R)."""
    place = _on_pixels if mass.shape[1:] == regions.shape[2:] else _on_cells
    step = max(1, min(_CHUNK, _CHUNK_PIXELS // max(1, int(np.prod(regions.shape[1:])))))
    parts = [place(mass[k : k + step], regions[k : k + step]) for k in range(0, len(mass), step)]
    return np.concatenate(parts) if parts else np.zeros(regions.shape[:2])


def _on_pixels(mass: np.ndarray, regions: np.ndarray) -> np.ndarray:
    return np.stack([masks.reshape(len(masks), -1) @ values.ravel() for masks, values in zip(regions, mass, strict=True)])


def _on_cells(mass: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """The mass (T,h,w) on masks (T,R,H,W) of which each cell has a fraction."""
    rows, columns = (overlap(size, cells) for size, cells in zip(regions.shape[2:], mass.shape[1:], strict=True))
    fractions = np.einsum("hH,trHW,wW->trhw", rows, regions.astype(np.float32), columns, optimize=True)
    return np.einsum("thw,trhw->tr", mass, fractions)
