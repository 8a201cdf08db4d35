"""The parts of a face, and the share and density of any map on them."""

import numpy as np


def _pool(regions: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Area means of masks (T,R,H,W) over the cells of a grid: (T,R,h,w); any sizes, the mass is kept exactly."""
    down = [overlap(size, cells) for size, cells in zip(regions.shape[2:], grid, strict=True)]
    return np.einsum("hH,trHW,wW->trhw", down[0], regions.astype(np.float32), down[1], optimize=True)


def overlap(size: int, cells: int) -> np.ndarray:
    """(cells, size): which part of each cell every pixel covers; rows sum to 1."""
    edges = np.arange(cells + 1) * (size / cells)
    pixels = np.arange(size)
    cover = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (np.clip(cover, 0, None) * (cells / size)).astype(np.float32)


REGIONS = ("mouth", "left_eye", "right_eye", "brows", "nose", "rest", "outside")
"""The regions of a face, a partition of the picture: every pixel belongs to exactly one. `brows` are both brows and the skin between
them, where a frown folds (Ekman & Friesen 1978, action unit 4); `rest` is the face without the others."""


def spread(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps over cells (T,h,w) on pixels (T,H,W): each cell's number is shared out over the pixels it covers, the sum is kept."""
    rows, columns = (overlap(pixels, cells).astype(np.float64) for pixels, cells in zip(size, maps.shape[1:], strict=True))
    return np.einsum("hH,thw,wW->tHW", rows, maps, columns, optimize=True)


PLAYERS = {
    "mouth": ("mouth",),
    "eyes": ("left_eye", "right_eye"),
    "brows": ("brows",),
    "nose": ("nose",),
    "rest": ("rest",),
    "outside": ("outside",),
}
"""The parts that come and go together, made of the regions of stavis.landmarks."""


def part_masks(regions: np.ndarray) -> dict[str, np.ndarray]:
    """The parts of the face of stavis.attribution.regions as masks: name -> (T,H,W) bool."""
    return {part: regions[:, [REGIONS.index(name) for name in names]].any(1) for part, names in PLAYERS.items()}
