"""The colours of stavis: one per region, the same in the scrubber and in every figure (Okabe and Ito 2008), each with a dash of its own.

Colour maps are given by a few stops; the scrubber gets the same stops.
"""

from colorsys import hls_to_rgb
from dataclasses import dataclass

import numpy as np

from stavis.regions import FACE, RegionSet


@dataclass(frozen=True)
class Group:
    """Regions shown as one line: its name, colour on white, colour on black, dash in pixels (on, off, ...), and its regions.

    rows: the indices of these regions among those of their set.
    """

    key: str
    label: str
    colour: str
    dark: str
    dash: tuple[int, ...]
    regions: tuple[str, ...]
    faint: bool = False
    rows: tuple[int, ...] = ()


LINES = (("#D55E00", "#F0883A"), ("#0072B2", "#56B4E9"), ("#00805E", "#26C29A"), ("#B4548C", "#E29CC6"))
LINES_MORE = (("#8A6A00", "#E6C229"), ("#6B4FBB", "#B19CF2"), ("#5A7D1E", "#A6CE5A"), ("#A33B3B", "#F28B8B"))
"""The colours of regions on white and on black, in their order; a set of more than four takes the others, too."""
DASHES = ((), (7, 3), (2, 2), (9, 3, 2, 3))
FACE_LINES = {
    "mouth": ("#D55E00", "#F0883A", ()),
    "left_eye": ("#0072B2", "#56B4E9", (7, 3)),
    "right_eye": ("#007C91", "#7FDCEB", (7, 3, 1, 3)),
    "brows": ("#00805E", "#26C29A", (2, 2)),
    "glabella": ("#5A7D1E", "#A6CE5A", (4, 2, 1, 2)),
    "nose": ("#B4548C", "#E29CC6", (9, 3, 2, 3)),
    "cheeks": ("#8C564B", "#D3A596", (12, 4)),
    "forehead": ("#6B4FBB", "#B19CF2", (1, 2)),
    "chin": ("#A33B3B", "#F28B8B", (5, 5)),
}
"""Colour on white, colour on black and dash of each region of a face; both eyes are bluish."""
FAINT = (("#6F7680", "#A9B0BA", (4, 3)), ("#8B929B", "#838B95", (1, 3)))
"""What lies behind the regions: colours and dash of the first and the second line."""


def groups_of(region_set: RegionSet) -> tuple[Group, ...]:
    """The lines of a share chart: each region of the set with its colour and dash, the background faintly."""
    colours = (*LINES, *LINES_MORE)
    shown = [name for name in region_set.order if name not in region_set.background]
    found = []
    for name in region_set.order:
        if name not in shown:
            colour, dark, dash = FAINT[region_set.background.index(name) % len(FAINT)]
        elif region_set == FACE:
            colour, dark, dash = FACE_LINES[name]
        else:
            number = shown.index(name)
            (colour, dark), dash = colours[number % len(colours)], DASHES[(number + number // len(colours)) % len(DASHES)]
        rows = (region_set.names.index(name),)
        found.append(Group(name, region_set.label(name), colour, dark, dash, (name,), name not in shown, rows))
    return tuple(found)


def outline_colours(region_set: RegionSet) -> list[str]:
    """One colour per region, in the order of the set's names; the first of the background is white."""
    found = {name: group.dark for group in groups_of(region_set) for name in group.regions}
    white = region_set.background[:1]
    return ["#FFFFFF" if name in white else found[name] for name in region_set.names]


GROUPS = groups_of(FACE)
"""The lines of a share chart of a face."""

PREDICTED, PREDICTED_DARK = "#B07400", "#F2B134"
GOLD = "#22262B"
RATER = "#8B929B"
ACCENT, ACCENT_DARK = "#1F5FBF", "#7FB0F5"
"""What a figure is about, where that is no region, no signal and no value: the blue of links and of the slider."""
_CURVES = (("#4A6572", "#9FB6C1"), ("#7A4B2A", "#D0A07C"), ("#2E6E3E", "#8CCB9A"), ("#8C2F57", "#E58BB0"))
_CURVES += (("#46508A", "#A3ACE6"), ("#6E6A2C", "#C9C47E"), ("#1F6F78", "#7CCAD3"), ("#7B3F8C", "#CE9ADC"))

CURVES = tuple(light for light, _ in _CURVES)


def curve_colour(number: int) -> tuple[str, str]:
    """The colour on white and on black of a signal or curve, by its number from 0: none that a region or a value has, each once."""
    if number < len(_CURVES):
        return _CURVES[number]
    # Steps of the golden ratio around the circle of hues never meet.
    hue = (0.07 + number * 0.618034) % 1
    return tuple("#" + "".join(f"{round(255 * part):02X}" for part in hls_to_rgb(hue, light, 0.36)) for light in (0.36, 0.7))


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
