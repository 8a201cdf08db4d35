"""The one writer of plotly figures as matplotlib: every trace of a figure is in the drawing, with all its numbers, in its own subplot."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection, PolyCollection, QuadMesh
from matplotlib.colors import to_rgba
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from plotly.subplots import make_subplots

from stavis.groups.events import EventAverages
from stavis.show.figures.around_events import around_figure
from stavis.show.figures.faithfulness_curves import faithfulness_figure
from stavis.show.figures.plotly_values import error_lengths
from stavis.show.figures.static import draw, static_png, subplots
from stavis.show.figures.static_traces import PAPER, SCREEN
from tests.show.figures.test_figure import figures


def faithfulness() -> go.Figure:
    rows = [
        {"group": f"r{clip}", "order": order, "direction": direction, "fraction": at, "height": at + 0.01 * clip}
        for clip in range(6)
        for order in ("attention", "random order")
        for direction in ("insertion", "deletion")
        for at in (0.1, 0.5, 0.9)
    ]
    return faithfulness_figure(pd.DataFrame(rows))


def around() -> go.Figure:
    offsets = np.linspace(-2, 4, 13)
    rows = [
        {"curve": curve, "type": kind, "condition": name, "offset": at, "value": base + np.sin(at), "low": base - 1, "high": base + 2}
        for base, (curve, kind) in enumerate((("valence", "predicted"), ("mouth", "share"), ("left_eye", "share"), ("smile", "signal")))
        for name in ("smile", "frown")
        for at in offsets
    ]  # fmt: skip
    return around_figure(EventAverages("peaks:smile", offsets, 2.0, pd.DataFrame(rows), pd.DataFrame()))


def made_up() -> dict[str, go.Figure]:
    """Figures with everything that the writer knows, beyond what stavis draws today."""
    x, rng = np.linspace(1, 9, 12), np.random.default_rng(0)
    gap = np.where(np.arange(12) == 5, np.nan, x)
    band = {"x": [*x, *x[::-1]], "y": [*(x + 1), *(x[::-1] - 1)], "fill": "toself", "mode": "lines", "line": {"width": 0}}
    two = make_subplots(2, 2, specs=[[{}, {"rowspan": 2}], [{}, None]], subplot_titles=("a", "b", "c"))
    for k, (row, column) in enumerate(((1, 1), (1, 2), (2, 1))):
        two.add_trace(go.Scatter(x=x + 10 * k, y=gap * (k + 1), name=f"curve {k}"), row=row, col=column)
        two.add_trace(go.Scatter(**band, showlegend=False), row=row, col=column)
    right = make_subplots(1, 2, specs=[[{"secondary_y": True}, {}]])
    right.add_trace(go.Scatter(x=x, y=x, name="left"), row=1, col=1)
    right.add_trace(go.Scatter(x=x, y=1000 * x, name="right"), row=1, col=1, secondary_y=True)
    right.add_trace(go.Bar(x=["a", "b"], y=[1.0, 2.0], name="bars"), row=1, col=2)
    shared = make_subplots(1, 2, shared_yaxes=True)
    shared.add_trace(go.Scatter(x=x, y=x), row=1, col=1)
    shared.add_trace(go.Scatter(x=x, y=5 * x), row=1, col=2)
    marks = {"color": x, "size": x, "showscale": True}
    errors = {"type": "data", "array": np.full(12, 0.5), "arrayminus": np.full(12, 0.25)}
    bars = [go.Bar(x=["a", "b", "c"], y=[1.0, 2.0, 3.0], name=name, error_y={"array": [0.1, 0.2, 0.3]}) for name in "pq"]
    return {
        "self": go.Figure([go.Scatter(**band), go.Scatter(x=x, y=gap)]),
        "next": go.Figure([go.Scatter(x=x, y=gap), go.Scatter(x=x, y=gap + 2, fill="tonexty", mode="none")]),
        "next elsewhere": go.Figure([go.Scatter(x=x, y=x), go.Scatter(x=x[::3] + 0.5, y=x[::3] + 2, fill="tonexty")]),
        "zero": go.Figure([go.Scatter(x=x, y=gap, fill="tozeroy"), go.Scatter(x=-x, y=x, fill="tozerox")]),
        "log": go.Figure(go.Scatter(x=10.0**x, y=10.0 ** (-x), mode="lines+markers"), {"xaxis": {"type": "log"}, "yaxis": {"type": "log"}}),
        "errors": go.Figure(go.Scatter(x=x, y=x, mode="markers", error_y=errors, error_x=errors)),
        "points": go.Figure(go.Scatter(x=x, y=x, mode="markers+text", text=list("abcdefghijkl"), marker=marks)),
        "two rows": two, "right": right, "shared": shared,
        "grouped": go.Figure(bars), "stacked": go.Figure(bars, {"barmode": "stack"}),
        "stack": go.Figure([go.Scatter(x=x, y=x, stackgroup="one"), go.Scatter(x=x, y=2 * x, stackgroup="one")]),
        "steps": go.Figure(go.Scatter(x=x, y=gap, line={"shape": "hv"}, connectgaps=True)),
        "heat": go.Figure(go.Heatmap(z=rng.random((3, 4)), x=np.arange(5), y=["a", "b", "c"])),
        "off": go.Figure([go.Scatter(x=x, y=x), go.Scatter(x=x, y=x, visible="legendonly"), go.Scatter(x=x, y=-x, visible=False)]),
    }  # fmt: skip


def every() -> dict[str, go.Figure]:
    return {**figures(), "insertion": faithfulness(), "around": around(), **made_up()}


def drawing(figure: go.Figure, look=SCREEN):
    canvas = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(canvas)
    return canvas, draw(canvas, figure, look)


def points_of(artist) -> np.ndarray:
    """The places of what was drawn, as data: (n,2)."""
    if isinstance(artist, Line2D):
        return np.column_stack([np.asarray(one, float) for one in artist.get_data()])
    if isinstance(artist, PathCollection):
        return np.asarray(np.ma.filled(artist.get_offsets(), np.nan), float)
    if isinstance(artist, PolyCollection):
        return np.concatenate([path.vertices for path in artist.get_paths()] or [np.zeros((0, 2))])
    if isinstance(artist, Polygon):
        return artist.get_xy()
    if isinstance(artist, QuadMesh):
        return artist.get_coordinates().reshape(-1, 2)
    if isinstance(artist, BarContainer):
        return np.concatenate([box.get_bbox().get_points() for box in artist])
    if isinstance(artist, ErrorbarContainer):
        return np.concatenate([np.concatenate(bars.get_segments()) for bars in artist.lines[2]])
    return np.array([artist.get_position()])


def names_of(figure: go.Figure, side: str, cell) -> list[str]:
    """The categories of an axis: in the order that the layout gives, else in that of the traces."""
    order = figure.layout[f"{side}axis{getattr(cell, side)[1:]}"].categoryarray
    values = order if order is not None else [v for t in cell.traces.values() for v in (t[side] if t[side] is not None else ())]
    return list(dict.fromkeys(map(str, values))) if any(isinstance(value, str) for value in values) else []


def data_of(trace, names: dict[str, list[str]]) -> list[np.ndarray]:
    """The numbers of a trace that can be seen, on x and on y."""
    found = []
    for side in "xy":
        values = trace[side] if trace[side] is not None else range(len(trace.z[0] if side == "x" else trace.z))
        numbers = [names[side].index(str(one)) if names[side] else np.nan if one is None else one for one in values]
        found.append(np.asarray(numbers, float))
    if trace.type == "scatter":
        known = np.isfinite(found[0]) & np.isfinite(found[1])
        return [one[known] for one in found]
    if trace.type == "bar":  # where bars stand beside each other depends on their number
        along = "xy".index("y" if trace.orientation == "h" else "x")
        found[along] = found[along].round()
    return found


def axes_of(artist):
    return (artist[0] if isinstance(artist, BarContainer) else artist.lines[2][0] if isinstance(artist, ErrorbarContainer) else artist).axes


@pytest.mark.parametrize("look", [SCREEN, PAPER], ids=["screen", "paper"])
@pytest.mark.parametrize("name", list(every()))
def test_every_trace_is_drawn_in_its_subplot_with_all_its_numbers(name, look):
    figure = every()[name]
    canvas, drawn = drawing(figure, look)
    assert len(drawn) == len(figure.data)
    assert [bool(one) for one in drawn] == [trace.visible in (None, True) for trace in figure.data], "what is off is not drawn"
    used = []
    for cell in subplots(figure):
        names = {side: names_of(figure, side, cell) for side in "xy"}
        found = {axes_of(artist) for number in cell.traces for artist in drawn[number]}
        assert len(found) == (2 if cell.right else min(1, len(cell.traces))) and found <= set(canvas.axes)
        used += found
        for number, trace in cell.traces.items():
            if not drawn[number]:
                continue
            reached = np.concatenate([points_of(artist) for artist in drawn[number]])
            exact = trace.type == "scatter" and not (trace.fill or trace.stackgroup or error_lengths(trace))
            room = 0.5 if trace.type == "bar" else 0.0
            for k, wanted in enumerate(data_of(trace, names)):
                given = reached[:, k][np.isfinite(reached[:, k])]
                if len(wanted):
                    assert given.min() - room <= wanted.min() + 1e-9 and given.max() + room >= wanted.max() - 1e-9, f"{'xy'[k]} of {number}"
                if len(wanted) and exact:
                    assert (given.min(), given.max()) == pytest.approx((wanted.min(), wanted.max())), f"{'xy'[k]} of {number}"
    assert len(used) == len(set(used)), "no two subplots share their axes"


@pytest.mark.parametrize("name", list(made_up()))
def test_whatever_is_drawn_becomes_an_image(name):
    assert static_png(made_up()[name]).startswith(b"\x89PNG")


def test_lines_points_and_bars_are_as_many_as_in_the_figure():
    _, drawn = drawing(made_up()["errors"])
    points, bars = drawn[0]
    assert len(points.get_offsets()) == 12 and [len(one.get_segments()) for one in bars.lines[2]] == [12, 12]
    lengths = np.ptp(np.array(bars.lines[2][1].get_segments())[:, :, 1], axis=1)
    assert np.allclose(lengths, 0.75), "0.25 below and 0.5 above"


def test_a_band_has_the_height_it_has_in_the_figure():
    x = np.array([0.0, 1.0, 2.0])
    for traces in (
        [go.Scatter(x=x, y=x, mode="lines"), go.Scatter(x=x, y=x + 2, fill="tonexty", fillcolor="rgba(255,0,0,0.5)")],
        [go.Scatter(x=[*x, *x[::-1]], y=[*(x + 2), *x[::-1]], fill="toself", fillcolor="rgba(255,0,0,0.5)", line={"width": 0})],
    ):
        _, drawn = drawing(go.Figure(traces))
        band = next(one for one in drawn[-1] if isinstance(one, PolyCollection | Polygon))
        colour = band.get_facecolor()[0] if isinstance(band, PolyCollection) else band.get_facecolor()
        assert to_rgba(colour) == pytest.approx((1, 0, 0, 0.5))
        at_one = points_of(band)
        at_one = at_one[np.isclose(at_one[:, 0], 1.0), 1]
        assert (at_one.min(), at_one.max()) == (1.0, 3.0)


def test_a_band_within_itself_has_a_piece_for_each_part_between_gaps():
    square = [0, 1, 1, 0, np.nan, 2, 3, 3, 2], [0, 0, 1, 1, np.nan, 0, 0, 1, 1]
    _, drawn = drawing(go.Figure(go.Scatter(x=square[0], y=square[1], fill="toself", mode="none")))
    assert [points_of(patch)[:, 0].min() for patch in drawn[0]] == [0, 2]


def test_a_logarithmic_axis_is_one_and_its_range_is_of_exponents():
    figure = go.Figure(go.Scatter(x=[1, 10, 1000], y=[1, 2, 3]), {"xaxis": {"type": "log", "range": [-1, 4]}})
    figure.add_annotation(x=2, y=1, text="here", showarrow=False)
    canvas, _ = drawing(figure)
    (axes,) = canvas.axes
    assert axes.get_xscale() == "log" and axes.get_xlim() == pytest.approx((0.1, 1e4)) and axes.get_yscale() == "linear"
    assert axes.texts[0].get_position()[0] == pytest.approx(100)


def test_subplots_lie_as_in_the_figure_with_their_titles():
    canvas, _ = drawing(made_up()["two rows"])
    canvas.draw_without_rendering()
    a, b, c = canvas.axes
    assert [one.get_title() for one in canvas.axes] == ["a", "b", "c"]
    boxes = [one.get_position() for one in (a, b, c)]
    assert boxes[0].y0 > boxes[2].y1 and boxes[1].x0 > boxes[0].x1, "a over c, b to the right"
    assert boxes[1].height > boxes[0].height + boxes[2].height, "b is as high as both"


def test_axes_that_match_have_one_scale_and_an_axis_on_the_right_its_own():
    canvas, _ = drawing(made_up()["shared"])
    assert canvas.axes[0].get_ylim() == canvas.axes[1].get_ylim() and canvas.axes[0].get_ylim()[1] >= 45
    canvas, drawn = drawing(made_up()["right"])
    assert drawn[0][0].axes is not drawn[1][0].axes and drawn[1][0].axes.get_ylim()[1] >= 9000 > drawn[0][0].axes.get_ylim()[1]


def test_bars_stand_beside_or_on_each_other():
    _, (first, second) = drawing(made_up()["grouped"])
    boxes = [[(box.get_x(), box.get_x() + box.get_width()) for box in one[0]] for one in (first, second)]
    assert all(a[1] <= b[0] + 1e-9 for a, b in zip(*boxes, strict=True)), "no bar lies on another"
    _, (first, second) = drawing(made_up()["stacked"])
    assert [box.get_y() for box in second[0]] == [box.get_height() for box in first[0]] == [1, 2, 3]


def test_stacked_areas_add_up():
    _, drawn = drawing(made_up()["stack"])
    assert points_of(drawn[1][0])[:, 1].max() == pytest.approx(27) and points_of(drawn[0][0])[:, 1].max() == pytest.approx(9)
