"""A plotly figure as a static image, drawn with matplotlib: for viewers that run no script, and for paper.

It knows what the figures of stavis are made of: lines, points, bars with their intervals, bands, stacks, heat maps, images, shapes, texts.
"""

import base64
import io
import re

import cv2
import numpy as np
import plotly.graph_objects as go
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from matplotlib.transforms import ScaledTranslation
from PIL import Image

from stavis.show.figures.plotly_values import cell_edges, matplotlib_colour, plain_text

WIDTH = 860
"""Pixels, as wide as a page."""
_DPI = 100
_FINER = 1.5
_DASHES = {"dash": (6, 3), "dot": (1.5, 2.5), "dashdot": (6, 2.5, 1.5, 2.5), "longdash": (10, 4), "longdashdot": (10, 3, 1.5, 3)}
_SYMBOLS = {"diamond": "D", "square": "s", "circle": "o", "x": "x", "cross": "P", "triangle-up": "^"}
_COLOURS = ("#0072B2", "#D55E00", "#00805E", "#B4548C", "#8A6A00", "#6B4FBB")


_KNOWN = {"scatter", "bar", "heatmap"}


def static_png(figure: go.Figure, width: int = WIDTH) -> bytes:
    """The figure as PNG, in light colours, finer than the screen; nothing of a figure with traces of another type."""
    if not {trace.type for trace in figure.data} <= _KNOWN:
        return b""
    height = int(figure.layout.height or 360)
    canvas = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(canvas)
    _draw(canvas, figure)
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", dpi=_FINER * _DPI, facecolor="white")
    return _smaller(buffer, photos=bool(figure.layout.images) or any(trace.type == "heatmap" for trace in figure.data))


def _draw(canvas: Figure, figure: go.Figure) -> None:
    """Every subplot in its own cell of a grid, as their domains lie; the legend once."""
    alone = not _many(figure)
    pairs = [("x", "y")] if alone else list(dict.fromkeys((trace.xaxis or "x", trace.yaxis or "y") for trace in figure.data))
    starts = [[_domain(figure, axis)[0] for axis in pair] for pair in pairs]
    columns, rows = sorted({x for x, _ in starts}), sorted({y for _, y in starts}, reverse=True)
    grid = canvas.add_gridspec(len(rows), len(columns))
    handles: dict[str, object] = {}
    for pair, (x, y) in zip(pairs, starts, strict=True):
        drawn = _Axes(canvas, figure, canvas.add_subplot(grid[rows.index(y), columns.index(x)]), pair)
        drawn.draw()
        for handle, name in drawn.handles:
            handles.setdefault(name, handle)
    if len(handles) > 1 and figure.layout.showlegend is not False:
        names = list(handles)
        canvas.legend(handles.values(), names, loc="outside upper left", ncols=min(6, len(names)), frameon=False, fontsize=9)


def _many(figure: go.Figure) -> bool:
    """Whether a figure has subplots, and not one with a second axis on the right."""
    return any((trace.xaxis or "x") != "x" for trace in figure.data)


def _domain(figure: go.Figure, axis: str) -> tuple[float, float]:
    return tuple(figure.layout[f"{axis[0]}axis{axis[1:]}"].domain or (0.0, 1.0))


def _smaller(png: io.BytesIO, photos: bool) -> bytes:
    """The same image with a palette: a quarter of the bytes."""
    image = Image.open(png).convert("RGB")
    small = image.quantize(256 if photos else 64, dither=Image.Dither.FLOYDSTEINBERG if photos else Image.Dither.NONE)
    buffer = io.BytesIO()
    small.save(buffer, format="png", optimize=True)
    return buffer.getvalue()


class _Axes:
    """The axes of one figure while it is drawn: the left one, and the right one where a trace wants it."""

    def __init__(self, canvas, figure: go.Figure, axes, pair: tuple[str, str]):
        self.canvas, self.figure, self.layout, self.axes, self.pair = canvas, figure, figure.layout, axes, pair
        alone = not _many(figure)
        self.traces = [t for t in figure.data if alone or (t.xaxis or "x", t.yaxis or "y") == pair]
        right = alone and any(trace.type == "scatter" and trace.yaxis == "y2" for trace in figure.data)
        self.right = axes.twinx() if right else None
        self.alone = alone
        self.handles: list = []
        self.stacks: dict[str, np.ndarray] = {}
        self.below: tuple | None = None

    def draw(self) -> None:
        self._frame()
        for number, trace in enumerate(self.traces):
            if trace.visible in (None, True):
                getattr(self, f"_{trace.type}", lambda *_: None)(trace, number)
        for shape in filter(self._mine, self.layout.shapes):
            self._shape(shape)
        for image in filter(self._mine, self.layout.images):
            self._image(image)
        for note in self.layout.annotations:
            if not self.alone and note.xref == note.yref == "paper":
                self._head(note)
            elif self._mine(note):
                self._note(note)
        self._finish()

    def _frame(self) -> None:
        """The categories of the axes, before anything is drawn on them."""
        for side in ("x", "y"):
            names = self._axis(side).categoryarray
            if names is None:
                names = [name for trace in self.traces for name in _categories(getattr(trace, side))]
            self.__dict__[f"names_{side}"] = list(dict.fromkeys(map(str, names)))

    def _axis(self, side: str):
        return self.layout[f"{side}axis{self.pair['xy'.index(side)][1:]}"]

    def _mine(self, one) -> bool:
        """Whether a shape, an image or a text stands in this subplot."""
        refs = (str(one.xref or "x").removesuffix(" domain"), str(one.yref or "y").removesuffix(" domain"))
        return self.alone or all(ref in ("paper", name) for ref, name in zip(refs, self.pair, strict=True))

    def _head(self, note) -> None:
        """A text of the whole figure that stands over this subplot is its title."""
        (left, right), (_, top) = (_domain(self.figure, axis) for axis in self.pair)
        if left <= note.x <= right and abs(note.y - top) < 0.02:
            self.axes.set_title(plain_text(str(note.text)), fontsize=10)

    def _at(self, side: str, values) -> np.ndarray:
        """Numbers of an axis: categories are counted from 0."""
        names = self.__dict__[f"names_{side}"]
        if values is None:
            return np.zeros(0)
        return np.array([names.index(str(value)) for value in values], float) if names else np.asarray(values, float)

    def _colour(self, given, number: int):
        return matplotlib_colour(given if isinstance(given, str) else None, _COLOURS[number % len(_COLOURS)])

    def _scatter(self, trace, number: int) -> None:
        axes = self.right if trace.yaxis == "y2" and self.right is not None else self.axes
        x, y = self._at("x", trace.x), self._at("y", trace.y)
        colour = self._colour(trace.line.color or trace.marker.color, number)
        if trace.stackgroup:
            base = self.stacks.get(trace.stackgroup, np.zeros(len(y)))
            axes.fill_between(x, base, base + y, color=matplotlib_colour(trace.fillcolor, colour), linewidth=0, label=self._label(trace))
            self.stacks[trace.stackgroup] = base + y
            self._keep(axes.collections[-1], trace)
            return
        if trace.fill == "tonexty" and self.below is not None:
            self._keep(axes.fill_between(x, self.below[1], y, color=matplotlib_colour(trace.fillcolor, colour), linewidth=0), trace)
        self.below = (x, y)
        mode = trace.mode or "lines"
        width = 1.6 if trace.line.width is None else 0.8 * trace.line.width
        if "lines" in mode and width:
            (line,) = axes.plot(x, y, color=colour, linewidth=width, **_dash(trace.line.dash))
            self._keep(line, trace)
        if "markers" in mode:
            self._points(axes, trace, x, y, colour)

    def _points(self, axes, trace, x, y, colour) -> None:
        marker, size = trace.marker, (6 if trace.marker.size is None else float(np.max(trace.marker.size)))
        symbol = str(marker.symbol or "circle")
        shape, hollow = _SYMBOLS.get(symbol.removesuffix("-open"), "o"), symbol.endswith("-open")
        look = {"s": (0.75 * size) ** 2, "marker": shape, "zorder": 3}
        values = marker.color
        if trace.error_x.array is not None or trace.error_y.array is not None:
            self._intervals(axes, trace, x, y, colour)
        if values is None or isinstance(values, str):
            edge = {"facecolors": "none", "edgecolors": colour} if hollow else {"color": colour}
            found = axes.scatter(x, y, **edge, **look)
        elif isinstance(values[0], str):
            found = axes.scatter(x, y, color=[matplotlib_colour(value, colour) for value in values], **look)
        else:
            found = axes.scatter(x, y, c=np.asarray(values, float), cmap="viridis", **look)
            self._bar_of(found, marker.colorbar.title.text)
        if "lines" not in (trace.mode or "lines"):
            self._keep(found, trace)

    def _intervals(self, axes, trace, x, y, colour) -> None:
        errors = {}
        for name in ("error_x", "error_y"):
            one = trace[name]
            if one.array is not None:
                high = np.nan_to_num(np.asarray(one.array, float))
                low = high if one.arrayminus is None else np.nan_to_num(np.asarray(one.arrayminus, float))
                errors[name.replace("error_", "") + "err"] = np.abs(np.stack([low, high]))
        axes.errorbar(x, y, **errors, fmt="none", ecolor=colour, elinewidth=1.4, capsize=3)

    def _bar(self, trace, number: int) -> None:
        colour = self._colour(trace.marker.color, number)
        x, y = self._at("x", trace.x), self._at("y", trace.y)
        flat = trace.orientation == "h"
        drawn = self.axes.barh(y, x, color=colour, height=0.7) if flat else self.axes.bar(x, y, color=colour, width=0.7)
        if trace.error_x.array is not None or trace.error_y.array is not None:
            self._intervals(self.axes, trace, x, y, "#1C1F23")
        self._keep(drawn, trace)

    def _heatmap(self, trace, number: int) -> None:
        values = np.array([[np.nan if value is None else value for value in row] for row in trace.z], float)
        stops = [(at, matplotlib_colour(colour, "#000000")) for at, colour in trace.colorscale or ((0, "#000004"), (1, "#fcffa4"))]
        x, y = (
            self._at(side, trace[side]) if trace[side] is not None else np.arange(n)
            for side, n in zip("xy", values.shape[::-1], strict=True)
        )
        edges = [cell_edges(one) for one in (x, y)]
        found = self.axes.pcolormesh(
            *edges, np.ma.masked_invalid(values), cmap=LinearSegmentedColormap.from_list("stavis", stops), vmin=trace.zmin, vmax=trace.zmax
        )
        self.axes.grid(False)
        if trace.showscale is not False:
            self._bar_of(found, trace.colorbar.title.text)
        for i, row in enumerate(trace.text if trace.texttemplate and trace.text is not None else ()):
            for j, text in enumerate(row):
                dark = found.norm(values[i, j]) < 0.55 if np.isfinite(values[i, j]) else False
                self.axes.text(x[j], y[i], str(text), ha="center", va="center", fontsize=9, color="white" if dark else "#1C1F23")

    def _bar_of(self, drawn, title: str | None) -> None:
        bar = self.canvas.colorbar(drawn, ax=self.axes, fraction=0.03, pad=0.02)
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=9)
        bar.set_label(plain_text(title or ""), fontsize=9)

    def _shape(self, shape) -> None:
        fill, line = matplotlib_colour(shape.fillcolor, "none"), matplotlib_colour(shape.line.color, "#8B929B")
        alpha, width = shape.opacity if shape.opacity is not None else 1.0, 1.0 if shape.line.width is None else shape.line.width
        whole_y, whole_x = str(shape.yref or "").endswith(("paper", "domain")), str(shape.xref or "").endswith(("paper", "domain"))
        if shape.type == "circle":
            wide, high = shape.x1 - shape.x0, shape.y1 - shape.y0
            centre = ((shape.x0 + shape.x1) / 2, (shape.y0 + shape.y1) / 2)
            self.axes.add_patch(Ellipse(centre, wide, high, fill=False, edgecolor=line, linewidth=width))
        elif shape.type == "rect" and whole_y:
            self.axes.axvspan(shape.x0, shape.x1, facecolor=fill, alpha=alpha, linewidth=0, zorder=0)
        elif shape.type == "rect" and whole_x:
            self.axes.axhspan(shape.y0, shape.y1, facecolor=fill, alpha=alpha, linewidth=0, zorder=0)
        elif shape.type == "line" and whole_y:
            self.axes.axvline(shape.x0, color=line, linewidth=width, **_dash(shape.line.dash))
        elif shape.type == "line" and whole_x:
            self.axes.axhline(shape.y0, color=line, linewidth=width, **_dash(shape.line.dash))

    def _image(self, image) -> None:
        data = base64.b64decode(str(image.source).partition(",")[2])
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        wide, high = image.sizex, image.sizey
        left = image.x - wide / 2 if image.xanchor == "center" else image.x
        low = image.y if image.yanchor == "bottom" else image.y - high
        self.axes.imshow(pixels, extent=(left, left + wide, low, low + high), aspect="auto", interpolation="antialiased")

    def _note(self, note) -> None:
        whole = str(note.yref or "").endswith(("paper", "domain"))
        across = str(note.xref or "").endswith(("paper", "domain"))
        place = {(False, False): self.axes.transData, (True, False): self.axes.get_xaxis_transform()}
        place |= {(False, True): self.axes.get_yaxis_transform(), (True, True): self.axes.transAxes}
        side = {"top": "top", "bottom": "bottom", "middle": "center"}.get(note.yanchor or "middle", "center")
        across_side = note.xanchor if note.xanchor in ("left", "right", "center") else "center"
        self.axes.text(
            note.x,
            note.y,
            plain_text(str(note.text)),
            transform=place[whole, across] + ScaledTranslation(0, (note.yshift or 0) / 72, self.canvas.dpi_scale_trans),
            ha=across_side,
            va=side,
            fontsize=9,
            color="#5D646D",
        )

    def _label(self, trace) -> str:
        return plain_text(str(trace.name))

    def _keep(self, drawn, trace) -> None:
        """A line of the legend."""
        if trace.name and trace.showlegend is not False:
            self.handles.append((drawn, self._label(trace)))

    def _finish(self) -> None:
        for side, axes in (("x", self.axes), ("y", self.axes)):
            self._finish_axis(side, axes, self._axis(side))
        if self.right is not None:
            self._finish_axis("y", self.right, self.layout.yaxis2)
            self.right.grid(False)
        for edge in ("top", "right") if self.right is None else ("top",):
            self.axes.spines[edge].set_visible(False)
        if self.layout.title.text:
            self.axes.set_title(plain_text(self.layout.title.text), fontsize=11, loc="left", pad=24 if self.handles else 6)

    def _finish_axis(self, side: str, axes, axis) -> None:
        get, put = (getattr(axes, f"{kind}_{side}lim") for kind in ("get", "set"))
        names = self.__dict__[f"names_{side}"] if axes is self.axes else []
        if names:
            getattr(axes, f"set_{side}ticks")(range(len(names)), [plain_text(name) for name in names])
        if axis.range is not None:
            put(*(float(value) for value in axis.range))
        elif axis.rangemode == "tozero":
            low, high = get()
            put(min(0.0, low), high)
        if axis.autorange == "reversed":
            put(*get()[::-1])
        if axis.scaleanchor:
            axes.set_aspect("equal", adjustable="box")
        if axis.visible is False:
            getattr(axes, f"{side}axis").set_visible(False)
            for edge in ("bottom", "top") if side == "x" else ("left", "right"):
                axes.spines[edge].set_visible(False)
        getattr(axes, f"set_{side}label")(plain_text(axis.title.text or ""), fontsize=10)
        axes.tick_params(axis=side, labelsize=9, color="#D3D8DE", labelcolor="#1C1F23")
        for spine in axes.spines.values():
            spine.set_color("#D3D8DE")
        if not any(trace.type == "heatmap" for trace in self.traces) and axis.visible is not False:
            getattr(axes, f"{side}axis").grid(visible=True, color="#EBEDF0", linewidth=0.8)
            axes.set_axisbelow(True)


def _categories(values) -> list[str]:
    return [str(value) for value in values] if values is not None and any(isinstance(value, str) for value in values) else []


def _dash(dash: str | None) -> dict:
    if not dash or dash == "solid":
        return {}
    lengths = _DASHES.get(dash) or tuple(float(one.removesuffix("px")) for one in re.split(r"[,\s]+", dash))
    return {"dashes": [length / 1.4 for length in (lengths if len(lengths) % 2 == 0 else lengths * 2)]}
