"""Plotly figures of stavis drawn with matplotlib, in one place: for viewers that run no script, for pages on paper, for papers.

It knows what these figures are made of: lines, points, bars with their intervals, bands, stacks, heat maps, images, shapes, texts, in
subplots or alone, on linear and logarithmic axes, with a second axis on the right.
"""

import base64
import io
from dataclasses import dataclass, field

import cv2
import numpy as np
import plotly.graph_objects as go
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.transforms import ScaledTranslation
from PIL import Image

from stavis.show.figures.plotly_values import categories, dashes, matplotlib_colour, plain_text
from stavis.show.figures.static_traces import KNOWN, SCREEN, TEXT, Look, TracePainter

WIDTH = 860
"""Pixels, as wide as a page."""
_DPI = 100
_FINER = 1.5
_GRID, _FAINT = "#EBEDF0", "#5D646D"
_NEAR = 1e-3  # of a figure's width or height


def static_png(figure: go.Figure, width: int = WIDTH) -> bytes:
    """The figure as PNG, in light colours, finer than the screen; nothing of a figure with traces of another type."""
    if not {trace.type for trace in figure.data} <= set(KNOWN):
        return b""
    height = int(figure.layout.height or 360)
    canvas = Figure(figsize=(width / _DPI, height / _DPI), dpi=_FINER * _DPI, layout="constrained", facecolor="white")
    agg = FigureCanvasAgg(canvas)
    draw(canvas, figure, SCREEN)
    agg.draw()  # savefig draws twice, for a layout that is the same
    photos = bool(figure.layout.images) or any(trace.type == "heatmap" for trace in figure.data)
    return _smaller(np.asarray(agg.buffer_rgba()), photos)


def static_jpeg(figure: go.Figure) -> bytes:
    """The same as JPEG, without visible traces of it."""
    png = static_png(figure)
    if not png:
        return b""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(buffer, format="jpeg", quality=90, subsampling=0, optimize=True)
    return buffer.getvalue()


def _smaller(pixels: np.ndarray, photos: bool) -> bytes:
    """An image (H,W,4) uint8 as PNG with a palette: a quarter of the bytes."""
    image = Image.fromarray(pixels).convert("RGB")
    small = image.quantize(256 if photos else 64, dither=Image.Dither.FLOYDSTEINBERG if photos else Image.Dither.NONE)
    buffer = io.BytesIO()
    small.save(buffer, format="png")  # `optimize` takes six times as long for a twentieth of the bytes
    return buffer.getvalue()


def draw(canvas: Figure, figure: go.Figure, look: Look, *, titled: bool = True) -> list[list[Artist]]:
    """Draw the figure on a matplotlib figure; returns what was drawn of each trace, in their order, nothing for one that is off.

    Every subplot gets its own cells of a grid, as their domains lie; the legend stands once. titled: with the figure's own title.
    """
    cells = subplots(figure)
    columns, rows = (_starts([cell.across for cell in cells]), _starts([cell.up for cell in cells])[::-1])
    sizes = {"width_ratios": [size for _, size in columns], "height_ratios": [size for _, size in rows]}
    grid = canvas.add_gridspec(len(rows), len(columns), **sizes)
    drawn: dict[int, list[Artist]] = {}
    made: list[_Subplot] = []
    for cell in cells:
        place = grid[_within(rows, cell.up), _within(columns, cell.across)]
        one = _Subplot(canvas.add_subplot(place), figure, cell, look, alone=len(cells) == 1)
        drawn |= one.draw(titled)
        made.append(one)
    _match(made)
    if figure.layout.showlegend is not False:
        _legend(canvas, made, look)
    return [drawn.get(number, []) for number in range(len(figure.data))]


@dataclass(frozen=True)
class Cell:
    """A subplot: the names of its axes, of the one on its right ('' for none), where it lies in [0,1], and its traces by number."""

    x: str
    y: str
    right: str
    across: tuple[float, float]
    up: tuple[float, float]
    traces: dict[int, object] = field(default_factory=dict)


def subplots(figure: go.Figure) -> list[Cell]:
    """The subplots of a figure, in the order of their first trace; a figure without traces is one."""
    found: dict[tuple[str, str], Cell] = {}
    for number, trace in enumerate(figure.data):
        x, y = trace.xaxis or "x", trace.yaxis or "y"
        below = axis_of(figure, y).overlaying
        key = (x, below or y)
        if key not in found:
            found[key] = Cell(*key, "", _domain(figure, x), _domain(figure, key[1]))
        if below:
            found[key] = Cell(*key, y, found[key].across, found[key].up, found[key].traces)
        found[key].traces[number] = trace
    return list(found.values()) or [Cell("x", "y", "", (0.0, 1.0), (0.0, 1.0))]


def axis_of(figure: go.Figure, name: str):
    """The layout of an axis by its name, such as x2."""
    return figure.layout[f"{name[0]}axis{name[1:]}"]


def _domain(figure: go.Figure, name: str) -> tuple[float, float]:
    return tuple(axis_of(figure, name).domain or (0.0, 1.0))


def _starts(ranges: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where subplots begin, in rising order, each with the smallest size of those that do."""
    found: dict[float, float] = {}
    for low, high in sorted(ranges):
        at = next((one for one in found if abs(one - low) < _NEAR), low)
        found[at] = min(found.get(at, 1.0), max(high - low, _NEAR))
    return list(found.items())


def _within(starts: list[tuple[float, float]], domain: tuple[float, float]) -> slice:
    """The rows or columns of the grid that a subplot takes."""
    taken = [k for k, (at, _) in enumerate(starts) if domain[0] - _NEAR <= at < domain[1] - _NEAR]
    return slice(min(taken), max(taken) + 1)


def _match(made: list["_Subplot"]) -> None:
    """Axes that match others get the limits that hold them all."""
    for side in "xy":
        groups: dict[str, list[Axes]] = {}
        for one in made:
            name = getattr(one.cell, side)
            groups.setdefault(one.axis(side).matches or name, []).append(one.axes)
        for axes in groups.values():
            limits = [getattr(one, f"get_{side}lim")() for one in axes]
            rising = limits[0][0] <= limits[0][1]
            ends = min(min(pair) for pair in limits), max(max(pair) for pair in limits)
            for one in axes:
                getattr(one, f"set_{side}lim")(*(ends if rising else ends[::-1]))


def _legend(canvas: Figure, made: list["_Subplot"], look: Look) -> None:
    handles: dict[str, Artist] = {}
    for one in made:
        for handle, name in one.handles:
            handles.setdefault(name, handle)
    if len(handles) > 1:
        columns = legend_columns(list(handles), canvas.get_figwidth(), look)
        options = {"frameon": False, "fontsize": look.tick, "columnspacing": 1.2}
        canvas.legend(handles.values(), handles, loc="outside upper left", ncols=columns, **options)


def legend_columns(names: list[str], inches: float, look: Look) -> int:
    """How many names of a legend stand beside each other on a figure so wide."""
    widest = (0.42 + 0.055 * max(map(len, names))) * look.tick / 6.5
    return max(1, min(len(names), int(inches / widest)))


def shown_name(trace) -> str:
    """What a trace's line of the legend says; '' where it has none."""
    shown = trace.showlegend is not False and trace.visible in (None, True)
    return plain_text(str(trace.name)) if trace.name and shown else ""


class _Subplot:
    """One subplot while it is drawn: its axes, and those on the right where a trace wants them."""

    def __init__(self, axes: Axes, figure: go.Figure, cell: Cell, look: Look, alone: bool):
        self.axes, self.figure, self.layout, self.cell, self.look, self.alone = axes, figure, figure.layout, cell, look, alone
        self.right = axes.twinx() if cell.right else None
        self.handles: list[tuple[Artist, str]] = []
        shown = [trace for trace in cell.traces.values() if trace.visible in (None, True)]
        self.heat = any(trace.type == "heatmap" for trace in shown)
        self.names = {side: self._names(side, shown) for side in "xy"}
        self.bar_count = sum(trace.type == "bar" for trace in shown)

    def axis(self, side: str):
        """The layout of the x or y axis."""
        return axis_of(self.figure, getattr(self.cell, side))

    def _names(self, side: str, traces: list) -> list[str]:
        """The categories of an axis, in their order."""
        names = self.axis(side).categoryarray
        if names is None:
            names = [name for trace in traces for name in categories(trace[side])]
        return list(dict.fromkeys(map(str, names)))

    def _at(self, side: str, values) -> np.ndarray:
        """Numbers of an axis: categories are counted from 0."""
        if values is None:
            return np.zeros(0)
        names = self.names[side]
        return np.array([names.index(str(value)) for value in values], float) if names else np.asarray(values, float)

    def draw(self, titled: bool) -> dict[int, list[Artist]]:
        """Draw all of it; what was drawn of each trace, by number."""
        for side in "xy":
            if self.axis(side).type == "log":
                getattr(self.axes, f"set_{side}scale")("log")
        left, right = (
            axes and TracePainter(axes, self.look, self._at, self.layout.barmode, self.bar_count) for axes in (self.axes, self.right)
        )
        drawn = {}
        for number, trace in self.cell.traces.items():
            if trace.visible in (None, True):
                painter = right if self.cell.right and trace.yaxis == self.cell.right else left
                drawn[number] = painter.draw(trace, number)
                if (name := shown_name(trace)) and drawn[number]:
                    self.handles.append((drawn[number][0], name))
        for shape in filter(self._mine, self.layout.shapes):
            self._shape(shape)
        for image in filter(self._mine, self.layout.images):
            self._image(image)
        for note in self.layout.annotations:
            if not self.alone and note.xref == note.yref == "paper":
                self._head(note)
            elif self._mine(note):
                self._note(note)
        self._finish(titled)
        return drawn

    def _mine(self, one) -> bool:
        """Whether a shape, an image or a text stands in this subplot."""
        refs = (str(one.xref or "x").removesuffix(" domain"), str(one.yref or "y").removesuffix(" domain"))
        return self.alone or all(ref in ("paper", name) for ref, name in zip(refs, (self.cell.x, self.cell.y), strict=True))

    def _head(self, note) -> None:
        """A text of the whole figure that stands over this subplot is its title."""
        (left, right), (_, top) = self.cell.across, self.cell.up
        if left <= note.x <= right and abs(note.y - top) < 0.02:
            self.axes.set_title(plain_text(str(note.text)), fontsize=self.look.label)

    def _transform(self, one):
        """How the numbers of a shape or a text become places: as data, or as a fraction of the axes."""
        across, up = (str(ref or "").endswith(("paper", "domain")) for ref in (one.xref, one.yref))
        axes = self.axes
        places = {(False, False): axes.transData, (False, True): axes.get_xaxis_transform()}
        return (places | {(True, False): axes.get_yaxis_transform(), (True, True): axes.transAxes})[across, up], across, up

    def _shape(self, shape) -> None:
        fill, line = matplotlib_colour(shape.fillcolor, "none"), matplotlib_colour(shape.line.color, "#8B929B")
        width = self.look.line * (2.0 if shape.line.width is None else shape.line.width)
        place, whole_x, whole_y = self._transform(shape)
        x, y = (shape.x0, shape.x1), (shape.y0, shape.y1)
        look = {"alpha": 1.0 if shape.opacity is None else shape.opacity, "zorder": 0 if shape.layer == "below" else 1}
        edge = {"edgecolor": line if width else "none", "linewidth": width}
        if shape.type == "circle":
            middle = (sum(x) / 2, sum(y) / 2)
            self.axes.add_patch(Ellipse(middle, x[1] - x[0], y[1] - y[0], facecolor=fill, transform=place, **edge, **look))
        elif shape.type == "rect" and whole_y and not whole_x:
            self.axes.axvspan(*x, *y, facecolor=fill, **edge, **look)
        elif shape.type == "rect" and whole_x and not whole_y:
            self.axes.axhspan(*y, *x, facecolor=fill, **edge, **look)
        elif shape.type == "rect":
            self.axes.add_patch(Rectangle((x[0], y[0]), x[1] - x[0], y[1] - y[0], facecolor=fill, transform=place, **edge, **look))
        elif shape.type == "line":
            options = {"color": line, "linewidth": width, **dashes(shape.line.dash), **look}
            if whole_y and x[0] == x[1]:
                self.axes.axvline(x[0], *y, **options)
            elif whole_x and y[0] == y[1]:
                self.axes.axhline(y[0], *x, **options)
            else:
                self.axes.plot(x, y, transform=place, **options)

    def _image(self, image) -> None:
        data = base64.b64decode(str(image.source).partition(",")[2])
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        wide, high = image.sizex, image.sizey
        left = image.x - wide / 2 if image.xanchor == "center" else image.x
        low = image.y if image.yanchor == "bottom" else image.y - high
        self.axes.imshow(pixels, extent=(left, left + wide, low, low + high), aspect="auto", interpolation="antialiased")

    def _note(self, note) -> None:
        place, whole_x, whole_y = self._transform(note)
        x, y = (
            10.0**at if self.axis(side).type == "log" and not whole else at
            for side, at, whole in (("x", note.x, whole_x), ("y", note.y, whole_y))
        )
        up = {"top": "top", "bottom": "bottom", "middle": "center"}.get(note.yanchor or "middle", "center")
        across = note.xanchor if note.xanchor in ("left", "right", "center") else "center"
        shift = ScaledTranslation((note.xshift or 0) / 72, (note.yshift or 0) / 72, self.axes.figure.dpi_scale_trans)
        text = plain_text(str(note.text))
        self.axes.text(x, y, text, transform=place + shift, ha=across, va=up, fontsize=self.look.note, color=_FAINT)

    def _finish(self, titled: bool) -> None:
        for side in "xy":
            self._finish_axis(side, self.axes, self.axis(side))
        if self.right is not None:
            self._finish_axis("y", self.right, axis_of(self.figure, self.cell.right))
            self.right.grid(False)
        for edge in ("top", "right") if self.right is None else ("top",):
            self.axes.spines[edge].set_visible(False)
            if self.right is not None:
                self.right.spines[edge].set_visible(False)
        if titled and self.alone and self.layout.title.text:
            pad = 24 if len(self.handles) > 1 else 6
            self.axes.set_title(plain_text(self.layout.title.text), fontsize=self.look.title, loc="left", pad=pad)

    def _finish_axis(self, side: str, axes: Axes, axis) -> None:
        get, put = (getattr(axes, f"{kind}_{side}lim") for kind in ("get", "set"))
        names = self.names[side] if axes is self.axes else []
        if names:
            getattr(axes, f"set_{side}ticks")(range(len(names)), [plain_text(name) for name in names], **self._turned(side, names))
        if axis.range is not None:
            ends = (float(value) for value in axis.range)
            put(*((10.0**value for value in ends) if axis.type == "log" else ends))
        elif axis.rangemode == "tozero" and axis.type != "log":
            low, high = get()
            put(min(0.0, low), high)
        if axis.autorange == "reversed":
            put(*get()[::-1])
        if axis.scaleanchor:
            axes.set_aspect("equal", adjustable="box")
        getattr(axes, f"set_{side}label")(plain_text(axis.title.text or ""), fontsize=self.look.label)
        look = {"labelsize": self.look.tick, "color": self.look.edge, "labelcolor": TEXT, "width": self.look.grid}
        axes.tick_params(axis=side, which="both", **look)
        if axis.showticklabels is False:
            axes.tick_params(axis=side, which="both", **{"labelbottom" if side == "x" else "labelleft": False})
        for spine in axes.spines.values():
            spine.set(color=self.look.edge, linewidth=self.look.grid)
        if axis.visible is False:
            getattr(axes, f"{side}axis").set_visible(False)
            for edge in ("bottom", "top") if side == "x" else ("left", "right"):
                axes.spines[edge].set_visible(False)
        elif not self.heat and axis.showgrid is not False:
            getattr(axes, f"{side}axis").grid(visible=True, color=_GRID, linewidth=self.look.grid)
            axes.set_axisbelow(True)

    def _turned(self, side: str, names: list[str]) -> dict:
        """Names below an axis are turned where they would stand on each other."""
        inches = self.axes.figure.get_figwidth() * (self.cell.across[1] - self.cell.across[0])
        long = max(map(len, names)) * len(names) * 0.6 * self.look.tick / 72 > 0.8 * inches
        return {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if side == "x" and long else {}
