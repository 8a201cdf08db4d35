"""The traces of a plotly figure on matplotlib's axes: lines, points, bands, stacks, bars and heat maps, with their intervals."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from stavis.show.figures.plotly_values import (
    cell_edges,
    colour_map,
    dashes,
    error_colour,
    error_lengths,
    matplotlib_colour,
    numbers,
    plain_text,
    trace_colour,
)

KNOWN = ("scatter", "scattergl", "bar", "heatmap")
"""The types of traces that can be drawn."""
_SYMBOLS = {"diamond": "D", "square": "s", "circle": "o", "x": "x", "cross": "P", "triangle-up": "^", "triangle-down": "v", "star": "*"}
_STEPS = {"hv": "steps-post", "vh": "steps-pre", "hvh": "steps-mid"}
_BAR = 0.7  # of the room that a row of bars has
_MOST_PATHS = 2000  # cells of a heat map; more are pixels in a PDF
TEXT = "#1C1F23"


@dataclass(frozen=True)
class Look:
    """Sizes in points: of a pixel of plotly's lines and marks, of the texts, of the caps of intervals; `bar` is the width of a colour bar
    as a fraction of the axes, `edge` the colour of the frame."""

    line: float
    mark: float
    title: float
    label: float
    tick: float
    note: float
    cap: float
    grid: float
    bar: float
    edge: str


SCREEN = Look(line=0.8, mark=0.75, title=11, label=10, tick=9, note=9, cap=3, grid=0.8, bar=0.03, edge="#D3D8DE")
PAPER = Look(line=0.5, mark=0.5, title=7, label=7, tick=6.5, note=6, cap=2, grid=0.4, bar=0.05, edge=TEXT)


class TracePainter:
    """Draws traces on one pair of axes; `at(side, values)` gives the numbers of values on the x or y axis."""

    def __init__(self, axes: Axes, look: Look, at: Callable, barmode: str | None, bar_count: int):
        self.axes, self.look, self.at, self.barmode, self.bar_count = axes, look, at, barmode or "group", bar_count
        self.stacks: dict[str, dict[float, float]] = {}
        self.before: tuple[np.ndarray, np.ndarray] | None = None
        self.bars = 0

    def draw(self, trace, number: int) -> list[Artist]:
        """What was drawn of a trace; the first is what its line of the legend shows."""
        kind = {"scatter": self._scatter, "scattergl": self._scatter, "bar": self._bar, "heatmap": self._heatmap}[trace.type]
        return kind(trace, number)

    def _scatter(self, trace: go.Scatter, number: int) -> list[Artist]:
        x, y = self.at("x", trace.x), self.at("y", trace.y)
        colour = trace_colour(trace, number)
        if trace.connectgaps:
            known = np.isfinite(x) & np.isfinite(y)
            x, y = x[known], y[known]
        if "stackgroup" in trace and trace.stackgroup:
            return self._stacked(trace, x, y, colour)
        filled = self._filled(trace, x, y, matplotlib_colour(trace.fillcolor, to_rgba(colour, 0.5)))
        self.before = (x, y)
        drawn, unseen, mode, width = [], [], trace.mode or "lines", self.look.line * (2.0 if trace.line.width is None else trace.line.width)
        if "lines" in mode:
            step = {"drawstyle": _STEPS[trace.line.shape]} if trace.line.shape in _STEPS else {}
            line = self.axes.plot(x, y, color=colour, linewidth=width, alpha=trace.opacity, **dashes(trace.line.dash), **step)
            drawn, unseen = (line, []) if width else ([], line)  # the edge of a band has no width
        if "markers" in mode:
            drawn.append(self._points(trace, x, y, colour))
        if "text" in mode and trace.text is not None:
            texts = [trace.text] * len(x) if isinstance(trace.text, str) else trace.text
            drawn += [self.axes.text(a, b, plain_text(str(text)), fontsize=self.look.note) for a, b, text in zip(x, y, texts, strict=True)]
        return [*drawn, *self._intervals(trace, x, y, colour), *filled, *unseen]

    def _stacked(self, trace: go.Scatter, x: np.ndarray, y: np.ndarray, colour) -> list[Artist]:
        """An area on those of its stack that were drawn before."""
        below = self.stacks.setdefault(trace.stackgroup, {})
        base = np.array([below.get(one, 0.0) for one in x.tolist()])
        top = base + np.nan_to_num(y)
        below |= dict(zip(x.tolist(), top.tolist(), strict=True))
        return [self.axes.fill_between(x, base, top, color=matplotlib_colour(trace.fillcolor, colour), linewidth=0)]

    def _filled(self, trace: go.Scatter, x: np.ndarray, y: np.ndarray, colour) -> list[Artist]:
        """The area of a band: to the trace before, to zero, or within the trace itself."""
        fill, look = trace.fill, {"color": colour, "linewidth": 0}
        if fill in ("toself", "tonext"):
            cuts = np.split(np.arange(len(x)), np.flatnonzero(~(np.isfinite(x) & np.isfinite(y))))
            known = [cut[np.isfinite(x[cut]) & np.isfinite(y[cut])] for cut in cuts]
            return [patch for cut in known if len(cut) > 2 for patch in self.axes.fill(x[cut], y[cut], **look)]
        if fill == "tonexty" and self.before is not None and not np.array_equal(self.before[0], x, equal_nan=True):
            there, back = ((a[known], b[known]) for a, b in ((x, y), self.before) for known in (np.isfinite(a) & np.isfinite(b),))
            return self.axes.fill(np.concatenate([there[0], back[0][::-1]]), np.concatenate([there[1], back[1][::-1]]), **look)
        if fill in ("tonexty", "tozeroy"):
            below = self.before[1] if fill == "tonexty" and self.before is not None else 0.0
            return [self.axes.fill_between(x, below, y, **look)]
        if fill in ("tonextx", "tozerox"):
            beside = self.before[0] if fill == "tonextx" and self.before is not None else 0.0
            return [self.axes.fill_betweenx(y, beside, x, **look)]
        return []

    def _points(self, trace: go.Scatter, x: np.ndarray, y: np.ndarray, colour) -> Artist:
        marker = trace.marker
        size = 6.0 if marker.size is None else np.asarray(marker.size, float)
        symbol = str(marker.symbol or "circle")
        look = {"s": (self.look.mark * size) ** 2, "marker": _SYMBOLS.get(symbol.removesuffix("-open"), "o"), "zorder": 3}
        look |= {"linewidths": self.look.line, "alpha": marker.opacity if marker.opacity is not None else trace.opacity}
        values = marker.color
        if values is None or isinstance(values, str):
            own = matplotlib_colour(values, colour)
            edge = {"facecolors": "none", "edgecolors": own} if symbol.endswith("-open") else {"color": own}
            return self.axes.scatter(x, y, **edge, **look)
        if any(isinstance(value, str) for value in values):
            return self.axes.scatter(x, y, color=[matplotlib_colour(value, colour) for value in values], **look)
        scale = colour_map(marker.colorscale, bool(marker.reversescale))
        found = self.axes.scatter(x, y, c=numbers(values), cmap=scale, vmin=marker.cmin, vmax=marker.cmax, **look)
        if marker.showscale or (marker.showscale is None and marker.colorbar.to_plotly_json()):
            self._colour_bar(found, marker.colorbar.title.text)
        return found

    def _intervals(self, trace, x: np.ndarray, y: np.ndarray, colour) -> list[Artist]:
        lengths = error_lengths(trace)
        if not lengths:
            return []
        look = {
            "elinewidth": 1.7 * self.look.line,
            "capsize": self.look.cap,
            "capthick": self.look.line,
            "ecolor": error_colour(trace, colour),
        }
        return [self.axes.errorbar(x, y, **lengths, fmt="none", **look)]

    def _bar(self, trace: go.Bar, number: int) -> list[Artist]:
        """Bars beside those of other traces, on them, or over them, as the figure's barmode says."""
        flat = trace.orientation == "h"
        x, y = self.at("x", trace.x), self.at("y", trace.y)
        along, length = (y, x) if flat else (x, y)
        colour, values = trace_colour(trace, number), trace.marker.color
        if values is not None and not isinstance(values, str):
            texts = any(isinstance(value, str) for value in values)
            colour = (
                [matplotlib_colour(v, colour) for v in values] if texts else colour_map(trace.marker.colorscale)(_unit(numbers(values)))
            )
        wide, base = _BAR, 0.0
        if self.barmode == "group":
            wide = _BAR / self.bar_count
            along = along + (self.bars - (self.bar_count - 1) / 2) * wide
            self.bars += 1
        elif self.barmode in ("stack", "relative"):
            below = self.stacks.setdefault("bars", {})
            base = np.array([below.get(one, 0.0) for one in along.tolist()])
            below |= dict(zip(along.tolist(), (base + np.nan_to_num(length)).tolist(), strict=True))
        look = {"color": colour, "alpha": trace.opacity}
        if flat:
            drawn = self.axes.barh(along, length, height=wide, left=base, **look)
        else:
            drawn = self.axes.bar(along, length, width=wide, bottom=base, **look)
        ends = (base + length, along) if flat else (along, base + length)
        return [drawn, *self._intervals(trace, *ends, TEXT)]

    def _heatmap(self, trace: go.Heatmap, number: int) -> list[Artist]:
        values = np.array([numbers(row) for row in trace.z], float)
        x, y = (
            self.at(side, trace[side]) if trace[side] is not None else np.arange(count, dtype=float)
            for side, count in zip("xy", values.shape[::-1], strict=True)
        )
        gap = {"edgecolors": "white", "linewidth": self.look.line * trace.xgap} if trace.xgap else {}
        mesh = self.axes.pcolormesh(
            cell_edges(x, values.shape[1]), cell_edges(y, values.shape[0]), np.ma.masked_invalid(values),
            cmap=colour_map(trace.colorscale, bool(trace.reversescale)), vmin=trace.zmin, vmax=trace.zmax,
            rasterized=values.size > _MOST_PATHS, **gap,
        )  # fmt: skip
        if trace.showscale is not False:
            self._colour_bar(mesh, trace.colorbar.title.text)
        texts = []
        for i, row in enumerate(trace.text if trace.texttemplate and trace.text is not None else ()):
            for j, text in enumerate(row):
                red, green, blue, _ = mesh.cmap(mesh.norm(values[i, j])) if np.isfinite(values[i, j]) else (1, 1, 1, 1)
                look = {"color": "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else TEXT, "fontsize": self.look.note}
                texts.append(self.axes.text(x[j], y[i], str(text), ha="center", va="center", **look))
        return [mesh, *texts]

    def _colour_bar(self, drawn: Artist, title: str | None) -> None:
        bar = self.axes.figure.colorbar(drawn, ax=self.axes, fraction=self.look.bar, pad=0.02, panchor=False)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=self.look.tick, width=self.look.grid)
        bar.set_label(plain_text(title or ""), fontsize=self.look.tick)


def _unit(values: np.ndarray) -> np.ndarray:
    low, high = np.nanmin(values), np.nanmax(values)
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
