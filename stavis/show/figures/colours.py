"""The colours of stavis: one per region, the same in the scrubber and in every figure (Okabe and Ito 2008), each with a dash of its own.

Colour maps are given by a few stops; the scrubber gets the same stops.
"""

from dataclasses import dataclass

import numpy as np

from stavis.regions import REGIONS


@dataclass(frozen=True)
class Group:
    """Regions shown as one line: its name, colour on white, colour on black, dash in pixels (on, off, ...), and its regions."""

    key: str
    label: str
    colour: str
    dark: str
    dash: tuple[int, ...]
    regions: tuple[str, ...]
    faint: bool = False

    @property
    def rows(self) -> list[int]:
        """The places of its regions in REGIONS."""
        return [REGIONS.index(name) for name in self.regions]


GROUPS = (
    Group("mouth", "mouth", "#D55E00", "#F0883A", (), ("mouth",)),
    Group("eyes", "eyes", "#0072B2", "#56B4E9", (7, 3), ("left_eye", "right_eye")),
    Group("brows", "brows", "#00805E", "#26C29A", (2, 2), ("brows",)),
    Group("nose", "nose", "#B4548C", "#E29CC6", (9, 3, 2, 3), ("nose",)),
    Group("rest", "rest of the face", "#6F7680", "#A9B0BA", (4, 3), ("rest",), faint=True),
    Group("outside", "outside the face", "#8B929B", "#838B95", (1, 3), ("outside",), faint=True),
)
"""The lines of a share chart. Both eyes are one line; tables keep them apart."""

REGION_COLOURS = {name: group.colour for group in GROUPS for name in group.regions}
OUTLINE_COLOURS = {**{name: group.dark for group in GROUPS for name in group.regions}, "rest": "#FFFFFF"}

PREDICTED, PREDICTED_DARK = "#B07400", "#F2B134"
GOLD = "#22262B"
RATER = "#8B929B"
CURVES = ("#0072B2", "#00805E", "#B4548C", "#D55E00")
CURVES_DARK = ("#56B4E9", "#26C29A", "#E29CC6", "#F0883A")


def _stops(text: str) -> list[list[int]]:
    return [[int(one[k : k + 2], 16) for k in (0, 2, 4)] for one in text.split()]


PALETTES = {
    "magma": _stops("000004 180f3d 440f76 721f81 9e2f7f cd4071 f1605d fd9668 feca8d fcfdbf"),
    "inferno": _stops("000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4"),
    "viridis": _stops("440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725"),
    "diverging": _stops("0b3c8c 1f6fc4 63aef0 f4f4f4 f6a15c d9541e 8f1d0a"),
}
"""Stops of the colour maps, dark to light; `diverging` goes from negative (blue) over nothing to positive (orange)."""


def lookup(name: str) -> np.ndarray:
    """The 256 colours of a map: (256,3) uint8."""
    stops = np.array(PALETTES[name], float)
    at = np.linspace(0, len(stops) - 1, 256)
    return np.stack([np.interp(at, np.arange(len(stops)), stops[:, c]) for c in range(3)], 1).round().astype(np.uint8)
