"""What plotly says, as matplotlib wants it: text without markup, borders of cells, colours, dashes, the lengths of error bars."""

import re
from collections.abc import Iterable

import numpy as np
import plotly.graph_objects as go
from matplotlib.colors import LinearSegmentedColormap

_MARKUP = re.compile(r"<br\s*/?>|</?[a-z]+>")
_DASHES = {"dash": (6, 3), "dot": (1.5, 2.5), "dashdot": (6, 2.5, 1.5, 2.5), "longdash": (10, 4), "longdashdot": (10, 3, 1.5, 3)}
_DASH_UNIT = 0.65
_INFERNO = ((0.0, "#000004"), (0.5, "#bb3754"), (1.0, "#fcffa4"))
_COLOURS = ("#0072B2", "#D55E00", "#00805E", "#B4548C", "#8A6A00", "#6B4FBB")


def plain_text(text: str) -> str:
    """Plotly's markup as plain text; a dollar sign is no formula."""
    plain = _MARKUP.sub(" ", text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return plain.replace("$", r"\$")


def cell_edges(centres: np.ndarray, count: int | None = None) -> np.ndarray:
    """The borders of cells around their centres; where there is one number more than cells they are borders already."""
    if count is not None and len(centres) == count + 1:
        return centres
    if len(centres) < 2:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])


def matplotlib_colour(given: str | None, otherwise):
    """A colour as matplotlib wants it."""
    found = re.fullmatch(r"rgba?\(([^)]*)\)", given) if given else None
    if found:
        numbers = [float(number) for number in found[1].split(",")]
        return (*(number / 255 for number in numbers[:3]), *numbers[3:])
    return given or otherwise


def trace_colour(trace: go.Scatter | go.Bar, number: int):
    """The one colour of a trace: of its line, else of its marks, else the next of a row of six."""
    line = trace.line.color if "line" in trace else None
    given = line or (trace.marker.color if isinstance(trace.marker.color, str) else None)
    return matplotlib_colour(given, _COLOURS[number % len(_COLOURS)])


def colour_map(scale: Iterable | None, reverse: bool = False) -> LinearSegmentedColormap:
    """A colour scale of plotly, given as pairs of a number in [0,1] and a colour."""
    stops = [(float(at), matplotlib_colour(colour, "#000000")) for at, colour in scale or _INFERNO]
    found = LinearSegmentedColormap.from_list("stavis", stops)
    return found.reversed() if reverse else found


def dashes(dash: str | None) -> dict:
    """A line's dashes as the options of matplotlib's lines; nothing for a solid one."""
    if not dash or dash == "solid":
        return {}
    lengths = _DASHES.get(dash) or tuple(float(one.removesuffix("px")) for one in re.split(r"[,\s]+", dash))
    return {"dashes": [_DASH_UNIT * length for length in (lengths if len(lengths) % 2 == 0 else lengths * 2)]}


def error_lengths(trace: go.Scatter | go.Bar) -> dict[str, np.ndarray]:
    """How far a trace's error bars reach below and above its points: {"xerr" or "yerr": (2,n)}, 0 where that is not known."""
    found = {}
    for name, key in (("error_x", "xerr"), ("error_y", "yerr")):
        bars = trace[name]
        if bars.array is not None and bars.visible is not False:
            high = np.nan_to_num(np.asarray(bars.array, float))
            low = high if bars.arrayminus is None else np.nan_to_num(np.asarray(bars.arrayminus, float))
            found[key] = np.abs(np.stack([low, high]))
    return found


def error_colour(trace: go.Scatter | go.Bar, otherwise):
    """The colour of a trace's error bars."""
    return matplotlib_colour(trace.error_x.color or trace.error_y.color, otherwise)


def numbers(values) -> np.ndarray:
    """Values as floats, NaN where there is none."""
    return np.array([np.nan if value is None else value for value in values], float)


def categories(values) -> list[str]:
    """The names among the values of an axis: all of them as text where one is text, else none."""
    return [str(value) for value in values] if values is not None and any(isinstance(value, str) for value in values) else []
