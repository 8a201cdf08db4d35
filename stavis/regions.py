"""Sets of regions (the parts of a face, or any others), and the share and density of any map on them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from stavis.errors import StavisError
from stavis.printable import ShortRepr

VERSION = 2
"""The version of the regions of a face; shares of two versions are not comparable, and files and caches say which one they have.

1: mouth (lips with a margin), left_eye, right_eye (with lids), brows (with the skin between them), nose, rest, outside.
2: mouth with its corners and nasolabial folds, eyes from the brow to the lower lid's crease, brows without the skin between them, which
is the glabella; cheeks, forehead and chin apart from the rest; outlines soft over one cell of the map that is measured.
"""

REGIONS = ("mouth", "left_eye", "right_eye", "brows", "nose", "rest", "outside", "glabella", "cheeks", "forehead", "chin")
"""The regions of a face, a partition of the image: every pixel belongs to exactly one. Left and right are as in the image; `glabella` is
the skin between the brows down to the root of the nose, where a frown folds (Ekman & Friesen 1978, action unit 4); `rest` is what is
left of the face: temples and the sides of the jaw. New names stand last, so that those of version 1 keep their index."""

ORDER = ("mouth", "left_eye", "right_eye", "brows", "glabella", "nose", "cheeks", "forehead", "chin", "rest", "outside")
"""The regions of a face as they are listed: what moves most first, what lies behind last."""

PARTS = {
    "mouth": ("mouth",),
    "eyes": ("left_eye", "right_eye"),
    "brows": ("brows", "glabella"),
    "nose": ("nose",),
    "rest": ("cheeks", "forehead", "chin", "rest"),
    "outside": ("outside",),
}
"""The parts of a face that are taken away together, and the regions that each is made of: two eyes say much the same, and so do brows and
the folds between them, so that one of them alone would not be missed. As in version 1, up to the outlines."""

_CHUNK = 128  # frames whose region masks are pooled at once, so that long clips need little memory
_CHUNK_PIXELS = 1 << 25  # and so many pixels of masks


@dataclass(frozen=True, repr=False)
class RegionSet(ShortRepr):
    """A set of regions as data; its masks (T,R,H,W) stand beside it, in the order of `names`.

    key: what it is called in files ("face", "grid:3x3", "boxes.csv"); parts: the regions that come and go together, each region alone
    where none are given; background: the regions that are shown faintly; labels: what a region is called where that is another than
    its name; order: how they are listed, by default as in `names`; edge: how wide their outlines are, in cells of the map that is
    measured: 0 where they are exact, as those of boxes are.
    """

    key: str
    names: tuple[str, ...]
    parts: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    background: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict, hash=False)
    order: tuple[str, ...] = ()
    edge: float = 0.0
    _shown = ("key", "names")

    def __post_init__(self):
        if not self.order:
            object.__setattr__(self, "order", self.names)
        if not self.parts:
            object.__setattr__(self, "parts", {name: (name,) for name in self.names})

    @property
    def versioned(self) -> str:
        """Its key, of a face with the version of its regions."""
        return f"{self.key}, version {VERSION}" if self.key == "face" else self.key

    def label(self, part: str) -> str:
        """What a part is called in words."""
        return self.labels.get(part, part.replace("_", " "))

    def masks_of(self, regions: np.ndarray) -> dict[str, np.ndarray]:
        """The parts as masks: name -> (T,H,W) bool."""
        return {part: np.any(regions[:, [self.names.index(name) for name in names]], axis=1) for part, names in self.parts.items()}


FACE = RegionSet(
    "face",
    REGIONS,
    PARTS,
    ("rest", "outside"),
    {"rest": "rest of the face", "outside": "outside the face"},
    ORDER,
    edge=1.0,
)
"""The regions of a face, the default everywhere."""


def shares(maps: np.ndarray, regions: np.ndarray, within: np.ndarray | None = None, *, edge: float = 0.0) -> np.ndarray:
    """The fraction of a map's mass on each region.

    With an `edge` a region fades out over its outline: each pixel belongs to a region by the fraction of a window around it, as wide
    as so many cells of the map, that the region covers (at the border of the image the window is folded back). A map says of a cell
    not where in it the attention lies, and an outline through landmarks is no sharper: one cell is the width below which "just inside"
    and "just outside" cannot be told apart. The memberships of a pixel sum to 1, each region keeps its area, and a share moves
    smoothly with the face.

    Parameters
    ----------
    maps : array (T,h,w)
        Any map: attention over cells, signed attributions over pixels (their sizes count), a control map.
    regions : array (T,R,H,W) of bool
        Masks over the pixels that the map covers, on any grid.
    within : array (H,W) of bool, optional
        The pixels that count, such as those of a letterbox that show the video; by default all.
    edge : float, default 0
        The width of the outlines in cells of the map; 0, or a map as fine as the masks with at most 1, leaves them sharp.

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
    >>> maps = np.array([[[3.0, 0.0], [-1.0, 0.0]]])
    >>> shares(maps, masks).tolist(), shares(maps, masks, edge=1).round(4).tolist()
    ([[0.75, 0.25]], [[0.6875, 0.3125]])
    """
    if len(maps) != len(regions):
        raise StavisError(f"a map of {len(maps)} frames cannot be shared among regions of {len(regions)} frames: cut both alike.")
    mass = np.abs(np.asarray(maps, np.float64))
    top = np.where(np.isfinite(mass).all((1, 2)), mass.max((1, 2), initial=0), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        mass = np.where(top[:, None, None] > 0, mass / top[:, None, None], np.nan)
    on_regions = _on(mass, regions, edge)
    if within is None:
        return on_regions / mass.sum((1, 2))[:, None]
    counted = _on(mass, np.broadcast_to(within, (len(mass), 1, *within.shape)), edge)
    return np.divide(on_regions, counted, out=np.full(on_regions.shape, np.nan), where=counted > 0)


def densities(maps: np.ndarray, regions: np.ndarray, within: np.ndarray | None = None, *, edge: float = 0.0) -> np.ndarray:
    """Share over area: (T,R), 1 = what a uniform map has; NaN where a region covers nothing or `shares` are NaN. Arguments as there.

    An edge changes no area: what it takes from a pixel within it gives to one beyond."""
    area = areas(regions, within)
    return np.divide(shares(maps, regions, within, edge=edge), area, out=np.full(area.shape, np.nan), where=area > 0)


def areas(regions: np.ndarray, within: np.ndarray | None = None) -> np.ndarray:
    """The fraction of the pixels (of those that count) that each mask (T,R,H,W) covers, with or without an edge: (T,R) in [0,1]."""
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
    return np.any(regions[:, [REGIONS.index(name) for name in names]], axis=1)


def _on(mass: np.ndarray, regions: np.ndarray, edge: float) -> np.ndarray:
    """The mass (T,h,w) on each mask (T,R,H,W), their outlines `edge` cells wide: (T,R)."""
    rows, columns = (_reach(size, cells, edge) for size, cells in zip(regions.shape[2:], mass.shape[1:], strict=True))
    step = max(1, min(_CHUNK, _CHUNK_PIXELS // max(1, int(np.prod(regions.shape[1:])))))
    found = np.zeros(regions.shape[:2])
    for k in range(0, len(mass), step):
        part = mass[k : k + step]
        fine = part if edge <= 1 and part.shape[1:] == regions.shape[2:] else rows.T @ part @ columns
        for t, values in enumerate(fine, k):
            found[t] = regions[t].reshape(regions.shape[1], -1) @ values.ravel()
    return found


@lru_cache(maxsize=64)
def _reach(size: int, cells: int, edge: float) -> np.ndarray:
    """(cells, size): how much of each cell's mass every pixel gets where it is spread over the cell and, by a window as wide as `edge`
    cells, beyond it; rows sum to 1, and evenly filled cells fill the pixels evenly."""
    bounds = np.arange(cells + 1) * (size / cells)
    pixels = np.arange(size)
    inside = np.clip(np.minimum(bounds[1:, None], pixels + 1) - np.maximum(bounds[:-1, None], pixels), 0, None) * (cells / size)
    width = edge * size / cells
    if width <= 1:
        return inside
    reach = np.arange(-int(np.ceil(width / 2 + 0.5)), int(np.ceil(width / 2 + 0.5)) + 1)
    window = np.clip(np.minimum(width / 2, reach + 0.5) - np.maximum(-width / 2, reach - 0.5), 0, None) / width
    folded = (pixels[:, None] + reach) % (2 * size)
    folded = np.minimum(folded, 2 * size - 1 - folded)
    smooth = np.zeros((size, size))
    np.add.at(smooth, (np.broadcast_to(pixels[:, None], folded.shape), folded), np.broadcast_to(window, folded.shape))
    return inside @ smooth
