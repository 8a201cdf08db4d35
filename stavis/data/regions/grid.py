"""A grid over the part of the frame that a network is shown: the regions of videos of which nothing else is known."""

import re
from dataclasses import dataclass

import numpy as np

from stavis.data.regions.source import MOST_REGIONS, ShownVideo
from stavis.errors import StavisError
from stavis.regions import RegionSet

DEFAULT = "grid:3x3"
_NINE = ("top_left", "top", "top_right", "left", "centre", "right", "bottom_left", "bottom", "bottom_right")


@dataclass(frozen=True)
class Grid:
    """Rows and columns of equal cells, the regions of every frame."""

    rows: int = 3
    columns: int = 3

    def __post_init__(self):
        count = self.rows * self.columns
        if min(self.rows, self.columns) < 1 or not 2 <= count <= MOST_REGIONS:
            raise StavisError(
                f"a grid of {self.rows}x{self.columns} has {max(0, count)} cells: give rows and columns with 2 to {MOST_REGIONS} cells, "
                "such as grid:3x3."
            )

    @classmethod
    def parse(cls, text: str) -> "Grid":
        """The grid that "grid:3x3" (rows x columns) means. Raises StavisError where it means none."""
        found = re.fullmatch(r"grid:(\d{1,4})x(\d{1,4})", text.strip().lower())
        if not found:
            raise StavisError(f"regions are {text!r}, expected grid:ROWSxCOLUMNS: write grid:3x3.")
        return cls(int(found[1]), int(found[2]))

    @property
    def region_set(self) -> RegionSet:
        """The cells by name, from the top left, row by row."""
        plain = tuple(f"row{row + 1}_col{column + 1}" for row in range(self.rows) for column in range(self.columns))
        return RegionSet(f"grid:{self.rows}x{self.columns}", _NINE if (self.rows, self.columns) == (3, 3) else plain)

    def check(self, video: ShownVideo) -> None:
        """A grid fits every video whose image has a pixel for each cell; raises StavisError where it has not."""
        x0, y0, x1, y1 = video.content
        if self.rows > y1 - y0 or self.columns > x1 - x0:
            raise StavisError(f"{self.region_set.key} is finer than the {x1 - x0}x{y1 - y0} px that are shown: give fewer cells.")

    def masks(self, video: ShownVideo, part: slice) -> np.ndarray:
        """The cells in some of the images: (T,R,S,S) bool, the same masks (in memory once) for all of them."""
        x0, y0, x1, y1 = video.content
        pixels = np.arange(video.size)
        row, column = ((pixels - low) * cells // (high - low) for low, high, cells in ((y0, y1, self.rows), (x0, x1, self.columns)))
        row, column = np.where((pixels >= y0) & (pixels < y1), row, -1), np.where((pixels >= x0) & (pixels < x1), column, -1)
        cells = (row[None, :, None] == np.arange(self.rows)[:, None, None])[:, None] & (
            column[None, None, :] == np.arange(self.columns)[:, None, None]
        )[None]
        one = cells.reshape(-1, video.size, video.size)
        return np.broadcast_to(one, (len(video.times[part]), *one.shape))
