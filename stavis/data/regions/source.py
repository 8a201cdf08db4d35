"""Where regions come from: a grid, a CSV of boxes, a file of boxes and masks; and the video that they are put on."""

from pathlib import Path
from typing import Protocol

import numpy as np

from stavis.errors import StavisError
from stavis.regions import RegionSet

MOST_REGIONS = 64
"""So many regions can still be told apart and fit in memory."""
RESERVED = ("frame", "time", "valid", "entropy", "note", "rest", "outside", "excluded", "face", "times", "frames")
"""Names of other columns of the tables, and of what lies behind the regions."""


class ShownVideo(Protocol):
    """A video as a network is shown it (`stavis.data.crops.crops.Crops`): T square images of side `size` cut from frames of
    `picture` = (width, height); affine (T,2,3) maps the frames' pixels to theirs; indices (T,) are those of the video's frames."""

    recording: str
    times: np.ndarray
    indices: np.ndarray
    affine: np.ndarray
    picture: tuple[int, int]

    @property
    def size(self) -> int:
        """Side of an image in pixels."""
        ...

    @property
    def content(self) -> tuple[int, int, int, int]:
        """Where an image shows the video: x0, y0, x1, y1."""
        ...


class RegionSource(Protocol):
    """Regions that masks can be made of. `region_set` names them; `key` tells two sources with other content apart."""

    region_set: RegionSet

    def check(self, video: ShownVideo) -> None:
        """Raises StavisError where the regions do not fit the video."""
        ...

    def masks(self, video: ShownVideo, part: slice) -> np.ndarray:
        """The regions in some of the images: (T,R,S,S) bool, a partition of what shows the video."""
        ...


def check_names(names: tuple[str, ...], where: str | Path) -> None:
    """Raises StavisError where regions cannot be called so, or are too many."""
    if len(names) > MOST_REGIONS:
        raise StavisError(f"{where} names {len(names)} regions: give at most {MOST_REGIONS}.")
    for name in names:
        if name.lower() in RESERVED:
            raise StavisError(f"{where} calls a region {name!r}, which is a column of the tables already: give it another name.")


def set_of(names: tuple[str, ...], key: str) -> RegionSet:
    """Regions of these names with what lies between and around them as `rest`."""
    return RegionSet(key, (*names, "rest"), {}, ("rest",))


def painted(inside: dict[str, np.ndarray], order: tuple[str, ...], names: tuple[str, ...], shown: np.ndarray) -> np.ndarray:
    """Regions (T,S,S) bool by name as a partition (T,R,S,S) of the pixels `shown` (S,S): a pixel belongs to the last of `order` that has
    it, or to the last of `names`, the rest."""
    count = len(next(iter(inside.values())))
    index = np.full((count, *shown.shape), len(names) - 1, np.uint8)
    for name in order:
        index[inside[name]] = names.index(name)
    index[:, ~shown] = 255
    return index[:, None] == np.arange(len(names), dtype=np.uint8)[:, None, None]


def shown_mask(video: ShownVideo) -> np.ndarray:
    """The pixels of an image that show the video: (S,S) bool."""
    x0, y0, x1, y1 = video.content
    shown = np.zeros((video.size, video.size), bool)
    shown[y0:y1, x0:x1] = True
    return shown
