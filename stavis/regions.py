"""The parts of a face, and the share and density of any map on them."""

from collections.abc import Sequence

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


def shares(maps: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """The fraction of a map's mass on each region.

    Parameters
    ----------
    maps : array (T,h,w)
        Any map: attention over cells, signed attributions over pixels (their sizes count), a control map.
    regions : array (T,R,H,W) of bool
        Masks over the pixels that the map covers, on any grid.

    Returns
    -------
    array (T,R) of float64, in [0,1]
        Over a partition each frame sums to 1. NaN in frames where the map is 0 everywhere or not a number somewhere.

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
    on_pixels = mass.shape[1:] == regions.shape[2:]
    parts = [(_on_pixels if on_pixels else _on_cells)(mass[k : k + _CHUNK], regions[k : k + _CHUNK]) for k in range(0, len(mass), _CHUNK)]
    on_regions = np.concatenate(parts) if parts else np.zeros(regions.shape[:2])
    return on_regions / mass.sum((1, 2))[:, None]


def densities(maps: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """Share over area: (T,R), 1 = what a uniform map has; NaN where a region covers nothing or `shares` are NaN. Arguments as there."""
    area = areas(regions)
    return np.divide(shares(maps, regions), area, out=np.full(area.shape, np.nan), where=area > 0)


def areas(regions: np.ndarray) -> np.ndarray:
    """The fraction of the pixels that each mask (T,R,H,W) covers: (T,R) in [0,1]."""
    return regions.mean((2, 3))


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
    """The regions of these names as one mask: (T,H,W) bool."""
    return regions[:, [REGIONS.index(name) for name in names]].any(1)


def part_masks(regions: np.ndarray) -> dict[str, np.ndarray]:
    """PARTS as masks: name -> (T,H,W) bool."""
    return {part: joined(regions, names) for part, names in PARTS.items()}


def _on_pixels(mass: np.ndarray, regions: np.ndarray) -> np.ndarray:
    return np.stack([masks.reshape(len(masks), -1) @ values.ravel() for masks, values in zip(regions, mass, strict=True)])


def _on_cells(mass: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """The mass (T,h,w) on masks (T,R,H,W) of which each cell has a fraction."""
    rows, columns = (overlap(size, cells) for size, cells in zip(regions.shape[2:], mass.shape[1:], strict=True))
    fractions = np.einsum("hH,trHW,wW->trhw", rows, regions.astype(np.float32), columns, optimize=True)
    return np.einsum("thw,trhw->tr", mass, fractions)
