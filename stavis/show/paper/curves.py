"""A plotly figure of stavis redrawn for a paper: lines, points, bars with intervals, bands, stacks and heat maps."""

import importlib

import numpy as np
import plotly.graph_objects as go

from stavis.errors import StavisError
from stavis.show.figures.plotly_values import cell_edges, matplotlib_colour, plain_text
from stavis.show.paper.figure import PaperFigure, Width, inches

KNOWN = ("scatter", "bar", "heatmap")
_DASHES = {"dash": (6, 3), "dot": (1.5, 2.5), "dashdot": (6, 2.5, 1.5, 2.5), "longdash": (10, 4), "longdashdot": (10, 3, 1.5, 3)}
_COLOURS = ("#0072B2", "#D55E00", "#00805E", "#B4548C", "#8A6A00", "#6B4FBB")


def paper_of(figure: go.Figure, width: Width = "column", *, aspect: float | None = None) -> PaperFigure:
    """The figure at the size it has on paper. aspect: height over width; by default by what it shows.

    Raises StavisError where it has no data, or data of a type that is not known here.
    """
    if not figure.data:
        raise StavisError("the figure shows nothing: there is no frame or row to draw.")
    unknown = sorted({trace.type for trace in figure.data} - set(KNOWN))
    if unknown:
        raise StavisError(f"a figure of {unknown[0]} cannot be drawn for a paper: choose one of {', '.join(KNOWN)}.")
    across = inches(width)
    names = [name for trace in figure.data if (name := _shown_name(trace))]
    lines = -(-len(names) // _columns(names, across)) if len(names) > 1 else 0
    if aspect is None:
        square = figure.layout.yaxis.scaleanchor or (figure.data[0].type == "heatmap" and figure.data[0].text is not None)
        aspect = 0.9 if square else min(0.62, 1.9 / across) + 0.13 * lines / across
    return PaperFigure(lambda canvas: _draw(canvas, figure, across), across, aspect, str(figure.layout.title.text or ""))


def _draw(canvas, figure: go.Figure, across: float) -> None:
    """Every subplot beside the one before, each with its title over it; the legend once."""
    sides = list(dict.fromkeys(trace.xaxis or "x" for trace in figure.data)) if figure.data[0].type != "heatmap" else ["x"]
    names: dict[str, object] = {}
    together, shared = len(sides) > 1 and figure.layout.yaxis2.matches == "y", None
    for number, side in enumerate(sides, 1):
        axes = canvas.add_subplot(1, len(sides), number, sharey=shared if together else None)
        shared = shared or axes
        drawn = _Drawing(canvas, figure, axes, side if len(sides) > 1 else None)
        drawn.draw()
        for handle, name in drawn.handles:
            names.setdefault(name, handle)
    if len(names) > 1 and figure.layout.showlegend is not False:
        canvas.legend(names.values(), names, loc="outside upper left", ncols=_columns(list(names), across), columnspacing=1.2)


def for_paper(figure: go.Figure, width: Width | None, paper: PaperFigure | None = None) -> go.Figure | PaperFigure:
    """With a width the figure for a paper; without one the plotly figure, whose `save(path, width=...)` writes that for a paper.

    paper: how it is drawn there, by default as `paper_of` does.
    """
    if width is not None:
        return paper.resized(width) if paper is not None and inches(width) != paper.width else paper or paper_of(figure, width)

    def save(path, *, width: Width = "column", **options):
        return (paper.resized(width) if paper is not None else paper_of(figure, width)).save(path, **options)

    object.__setattr__(figure, "save", save)  # plotly's figures refuse names that are none of theirs
    object.__setattr__(figure, "to_file", save)
    return figure


def _shown_name(trace) -> str:
    return plain_text(str(trace.name)) if trace.name and trace.showlegend is not False and trace.visible in (None, True) else ""


def _columns(names: list[str], across: float) -> int:
    return max(1, min(len(names), int(across / (0.42 + 0.055 * max(map(len, names))))))


class _Drawing:
    """One figure, or one of its subplots (side: the name of its x axis), while it is drawn."""

    def __init__(self, canvas, figure: go.Figure, axes, side: str | None):
        self.canvas, self.figure, self.axes, self.side = canvas, figure, axes, side
        self.traces = [trace for trace in figure.data if side is None or (trace.xaxis or "x") == side]
        right = side is None and any(getattr(trace, "yaxis", None) == "y2" for trace in figure.data)
        self.right = axes.twinx() if right else None
        self.names = {side: self._categories(side) for side in "xy"}
        self.handles: list = []
        self.stacks: dict[str, np.ndarray] = {}
        self.below: np.ndarray | None = None

    def draw(self) -> None:
        for number, trace in enumerate(self.traces):
            if trace.visible in (None, True):
                {"scatter": self._scatter, "bar": self._bar, "heatmap": self._heatmap}[trace.type](trace, number)
        for shape in self.figure.layout.shapes:
            if shape.type == "rect" and str(shape.yref).endswith(("paper", "domain")):
                self.axes.axvspan(
                    shape.x0, shape.x1, facecolor=matplotlib_colour(shape.fillcolor, "#8B929B"), alpha=shape.opacity, linewidth=0, zorder=0
                )
            elif shape.type == "circle":
                ellipse = importlib.import_module("matplotlib.patches").Ellipse
                centre, size = ((shape.x0 + shape.x1) / 2, (shape.y0 + shape.y1) / 2), (shape.x1 - shape.x0, shape.y1 - shape.y0)
                self.axes.add_patch(ellipse(centre, *size, fill=False, edgecolor="#D3D8DE", linewidth=0.6))
        across = self.figure.layout[f"xaxis{(self.side or 'x')[1:]}"]
        self._axis("x", self.axes, across)
        self._axis("y", self.axes, self.figure.layout[f"yaxis{(self.traces[0].yaxis or 'y')[1:]}" if self.side else "yaxis"])
        if self.side:
            left, right = across.domain or (0.0, 1.0)
            titles = [note.text for note in self.figure.layout.annotations if note.xref == note.yref == "paper" and left <= note.x <= right]
            self.axes.set_title(plain_text(str(titles[0])) if titles else "")
        if self.right is not None:
            self._axis("y", self.right, self.figure.layout.yaxis2)
        for side in ("top", "right") if self.right is None else ("top",):
            self.axes.spines[side].set_visible(False)

    def _categories(self, side: str) -> list[str]:
        values = [value for trace in self.traces for value in (trace[side] if trace[side] is not None else ())]
        return list(dict.fromkeys(map(str, values))) if any(isinstance(value, str) for value in values) else []

    def _at(self, side: str, values) -> np.ndarray:
        names = self.names[side]
        return np.array([names.index(str(value)) for value in values], float) if names else np.asarray(values, float)

    def _keep(self, drawn, trace) -> None:
        if name := _shown_name(trace):
            self.handles.append((drawn, name))

    def _scatter(self, trace, number: int) -> None:
        axes = self.right if trace.yaxis == "y2" and self.right is not None else self.axes
        x, y = self._at("x", trace.x), self._at("y", trace.y)
        given = trace.line.color or (trace.marker.color if isinstance(trace.marker.color, str) else None)
        colour = matplotlib_colour(given, _COLOURS[number % len(_COLOURS)])
        if trace.stackgroup or (trace.fill == "tonexty" and self.below is not None):
            base = self.stacks.get(trace.stackgroup, np.zeros(len(y))) if trace.stackgroup else self.below
            top = base + y if trace.stackgroup else y
            self._keep(axes.fill_between(x, base, top, color=matplotlib_colour(trace.fillcolor, colour), linewidth=0), trace)
            if trace.stackgroup:
                self.stacks[trace.stackgroup] = top
            return
        self.below = y
        mode, width = trace.mode or "lines", 1.0 if trace.line.width is None else 0.5 * trace.line.width
        for name in ("error_x", "error_y"):
            if trace[name].array is not None:
                self._intervals(axes, trace, x, y, colour)
                break
        if "lines" in mode and width:
            (line,) = axes.plot(x, y, color=colour, linewidth=width, **_dash(trace.line.dash))
            self._keep(line, trace)
        if "markers" in mode:
            values = trace.marker.color
            size = 6.0 if trace.marker.size is None else float(np.max(trace.marker.size))
            look = {"s": (0.5 * size) ** 2, "zorder": 3, "linewidths": 0.6}
            if values is None or isinstance(values, str):
                drawn = axes.scatter(x, y, color=matplotlib_colour(values, colour), **look)
            else:
                drawn = axes.scatter(x, y, c=np.asarray(values, float), cmap="viridis", **look)
                self._colour_bar(drawn, trace.marker.colorbar.title.text)
            if "lines" not in mode:
                self._keep(drawn, trace)

    def _intervals(self, axes, trace, x, y, colour) -> None:
        found = {}
        for name, key in (("error_x", "xerr"), ("error_y", "yerr")):
            if trace[name].array is not None:
                high = np.nan_to_num(np.asarray(trace[name].array, float))
                low = high if trace[name].arrayminus is None else np.nan_to_num(np.asarray(trace[name].arrayminus, float))
                found[key] = np.abs(np.stack([low, high]))
        axes.errorbar(x, y, **found, fmt="none", ecolor=colour, elinewidth=0.8, capsize=2)

    def _bar(self, trace, number: int) -> None:
        x, y = self._at("x", trace.x), self._at("y", trace.y)
        given = trace.marker.color if isinstance(trace.marker.color, str) else None
        colour = matplotlib_colour(given, _COLOURS[number % len(_COLOURS)])
        flat = trace.orientation == "h"
        self._keep(self.axes.barh(y, x, color=colour, height=0.7) if flat else self.axes.bar(x, y, color=colour, width=0.7), trace)
        if trace.error_x.array is not None or trace.error_y.array is not None:
            self._intervals(self.axes, trace, x, y, "#1C1F23")

    def _heatmap(self, trace, number: int) -> None:
        colours = importlib.import_module("matplotlib.colors").LinearSegmentedColormap
        values = np.array([[np.nan if value is None else value for value in row] for row in trace.z], float)
        stops = [(at, matplotlib_colour(colour, "#000000")) for at, colour in trace.colorscale]
        x, y = self._at("x", trace.x), self._at("y", trace.y)
        mesh = self.axes.pcolormesh(
            cell_edges(x), cell_edges(y), np.ma.masked_invalid(values), cmap=colours.from_list("stavis", stops),
            vmin=trace.zmin, vmax=trace.zmax,
            rasterized=values.size > 2000,
        )  # fmt: skip
        self._colour_bar(mesh, trace.colorbar.title.text)
        for i, row in enumerate(trace.text if trace.texttemplate and trace.text is not None else ()):
            for j, text in enumerate(row):
                red, green, blue, _ = mesh.cmap(mesh.norm(values[i, j])) if np.isfinite(values[i, j]) else (1, 1, 1, 1)
                dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
                self.axes.text(x[j], y[i], str(text), ha="center", va="center", fontsize=6, color="white" if dark else "#1C1F23")

    def _colour_bar(self, drawn, title: str | None) -> None:
        bar = self.canvas.colorbar(drawn, ax=self.axes, fraction=0.05, pad=0.02)
        bar.outline.set_linewidth(0.4)
        bar.set_label(plain_text(title or ""))

    def _axis(self, side: str, axes, axis) -> None:
        names = self.names[side] if axes is self.axes else []
        if names:
            turned = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if side == "x" else {}
            getattr(axes, f"set_{side}ticks")(range(len(names)), [plain_text(name) for name in names], **turned)
        limits, put = getattr(axes, f"get_{side}lim"), getattr(axes, f"set_{side}lim")
        if axis.range is not None:
            put(*(float(value) for value in axis.range))
        elif axis.rangemode == "tozero":
            put(min(0.0, limits()[0]), limits()[1])
        if axis.autorange == "reversed":
            put(*limits()[::-1])
        if axis.scaleanchor:
            axes.set_aspect("equal", adjustable="box")
        getattr(axes, f"set_{side}label")(plain_text(axis.title.text or ""))
        if self.figure.data[0].type != "heatmap" and axes is self.axes:
            getattr(axes, f"{side}axis").grid(visible=True, color="#EBEDF0")
            axes.set_axisbelow(True)


def _dash(dash: str | None) -> dict:
    if not dash or dash == "solid":
        return {}
    pattern = _DASHES.get(dash) or tuple(float(one.removesuffix("px")) for one in dash.split(","))
    return {"dashes": tuple(0.6 * one for one in (pattern if len(pattern) % 2 == 0 else pattern * 2))}
