"""Figures of what a network looked at and what it predicted. Each takes the package's types and returns a plotly Figure.

Colours and dashes are fixed by region, the same as in the scrubber, and can be told apart in grey print. Nothing is registered globally.
"""

import numpy as np
import plotly.graph_objects as go

from stavis.attention.shares import shares_over_time
from stavis.errors import StavisError
from stavis.show.figures.colours import GOLD, PREDICTED, RATER, Group, groups_of
from stavis.show.figures.figure import Figure
from stavis.types import AttentionMaps, Attribution, Clip, Prediction

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif'
LINE = "#D3D8DE"


def template() -> go.layout.Template:
    """The one look of all figures: white, thin grid, dark text, axis titles with units."""
    axis = {
        "gridcolor": "#EBEDF0", "linecolor": LINE, "zerolinecolor": LINE, "ticks": "outside", "tickcolor": LINE, "ticklen": 4,
        "title": {"font": {"size": 13}, "standoff": 8}, "automargin": True,
    }  # fmt: skip
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": "#1C1F23"},
            "paper_bgcolor": "#FFFFFF",
            "plot_bgcolor": "#FFFFFF",
            "margin": {"l": 62, "r": 18, "t": 46, "b": 52},
            "xaxis": axis,
            "yaxis": axis,
            "hovermode": "x unified",
            "hoverlabel": {"bgcolor": "#FFFFFF", "bordercolor": LINE},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom", "title": {"text": ""}},
            "title": {"font": {"size": 15}, "x": 0, "xref": "paper", "xanchor": "left"},
        }
    )


def figure_of(*traces, height: int = 340, **layout) -> Figure:
    """A figure with the template and a height in pixels."""
    return Figure(list(traces), {"template": template(), "height": height, **layout})


def require_frames(clip: Clip) -> None:
    """Raises StavisError where a clip has no frames, so that no figure can show it."""
    if not len(clip):
        raise StavisError(f"{clip.recording or 'the clip'} has no frames to show: a figure needs at least one.")


def share_over_time(clip: Clip, maps: AttentionMaps | Attribution, *, stacked: bool = False, name: str = "attention") -> go.Figure:
    """The part of a map on each region at each time, in per cent; gaps in frames that are not valid (where no face was).

    Raises StavisError where the clip has no frames or no regions, or the numbers of frames differ.
    """
    require_frames(clip)
    table = shares_over_time(clip, maps)
    traces = []
    for group in groups_of(clip.region_set):
        values = 100 * table[list(group.regions)].sum(axis=1, skipna=False).to_numpy()
        look = {"name": group.label, "line": _line(group), "hovertemplate": "%{y:.0f} %", "connectgaps": False}
        if not stacked:
            traces.append(go.Scatter(x=table["time"], y=values, **look, **_drawn(values, group.colour)))
            continue
        # Each segment is a stack of its own: one stack over all would be drawn across the gaps.
        look |= {"mode": "lines", "line": {**_line(group), "width": 0.8}, "fillcolor": _faded(group.colour, 0.78), "legendgroup": group.key}
        for k, cut in enumerate(_stretches(np.isfinite(values))):
            traces.append(go.Scatter(x=table["time"][cut], y=values[cut], stackgroup=f"segment {k}", showlegend=k == 0, **look))
    figure = figure_of(*traces, xaxis={"title": "time (s)"}, yaxis={"title": f"share of {name} (%)", "rangemode": "tozero"})
    if stacked:
        figure.update_yaxes(range=[0, 100])
    return mark_gaps(figure, clip)


def valence_traces(
    clip: Clip,
    prediction: Prediction | None = None,
    *,
    raters: np.ndarray | None = None,
    dimension: str = "valence",
) -> go.Figure:
    """A predicted dimension over time beside its label and the raters: their range as a band, their mean as a thin line.

    raters (T,K) in [-1,1], one row per frame of the clip. Raises StavisError where the clip has no frames, or nothing is known of the
    dimension.
    """
    require_frames(clip)
    traces = []
    if raters is not None:
        traces += _band(clip.times, np.asarray(raters, float))
    if clip.labels is not None and dimension in clip.dimensions:
        values = clip.labels[:, clip.dimensions.index(dimension)]
        traces.append(_trace(clip.times, values, "label", {"color": GOLD, "dash": "dash", "width": 1.8}))
    if prediction is not None and dimension in prediction.dimensions:
        values = _where_valid(prediction.times, prediction.values[:, prediction.dimensions.index(dimension)], clip)
        traces.append(_trace(prediction.times, values, "predicted", {"color": PREDICTED, "width": 2.2}))
    if not traces:
        raise StavisError(f"nothing is known of {dimension}: give a prediction, labels or raters of it.")
    shown = prediction.shown_range if prediction is not None and dimension in prediction.dimensions else (-1.0, 1.0)
    axis = {"title": dimension}
    if shown is not None:
        margin = 0.01 * (shown[1] - shown[0])
        axis = {"title": f"{dimension} ({shown[0]:g} to {shown[1]:g})".replace("-", "−"), "range": [shown[0] - margin, shown[1] + margin]}
    figure = figure_of(*traces, height=300, xaxis={"title": "time (s)"}, yaxis=axis)
    return mark_gaps(figure, clip)


def valence_arousal(prediction: Prediction, *, clip: Clip | None = None) -> go.Figure:
    """The path of a clip in the plane of valence and arousal (Russell 1980): each point a frame, coloured by time; the label's path dashed.

    Raises StavisError where the prediction lacks one of the two.
    """
    missing = [name for name in ("valence", "arousal") if name not in prediction.dimensions]
    if missing:
        raise StavisError(f"the prediction has no {missing[0]}: the plane needs valence and arousal.")
    x, y = (
        _where_valid(prediction.times, prediction.values[:, prediction.dimensions.index(name)], clip) for name in ("valence", "arousal")
    )
    bar = colour_bar("time (s)")
    marker = {"color": prediction.times, "colorscale": "Viridis", "size": 6, "colorbar": bar}
    hover = "%{customdata:.2f} s<br>valence %{x:.2f}, arousal %{y:.2f}<extra></extra>"
    path = go.Scatter(
        x=x, y=y, customdata=prediction.times, mode="lines+markers", name="predicted",
        line={"color": _faded(PREDICTED, 0.5), "width": 1}, marker=marker, hovertemplate=hover,
    )  # fmt: skip
    traces = [path]
    if clip is not None and clip.labels is not None and {"valence", "arousal"} <= set(clip.dimensions):
        a, b = (clip.labels[:, clip.dimensions.index(name)] for name in ("valence", "arousal"))
        traces.insert(0, go.Scatter(x=a, y=b, mode="lines", name="label", line={"color": GOLD, "dash": "dash", "width": 1.4}))
    figure = figure_of(*traces, height=440, hovermode="closest", showlegend=len(traces) > 1)
    circle = {"type": "circle", "x0": -1, "y0": -1, "x1": 1, "y1": 1, "line": {"color": LINE, "width": 1}, "layer": "below"}
    figure.add_shape(circle)
    figure.update_xaxes(title="valence (−1 unpleasant, 1 pleasant)", range=[-1.08, 1.08], zeroline=True, constrain="domain")
    figure.update_yaxes(title="arousal (−1 calm, 1 aroused)", range=[-1.08, 1.08], zeroline=True, scaleanchor="x")
    return figure


def mark_gaps(figure: go.Figure, clip: Clip) -> go.Figure:
    """Shades the segments where no face was (or a whole frame was not read), with the reason on hover; returns the figure."""
    half = float(np.median(np.diff(clip.times))) / 2 if len(clip) > 1 else 0.02
    bad = np.flatnonzero(~clip.valid)
    shade = {"type": "rect", "fillcolor": "#8B929B", "opacity": 0.25, "line": {"width": 0}, "layer": "below"}
    text = clip.no_frame_text.removesuffix(" found")
    note = {"text": text, "font": {"size": 11, "color": "#5D646D"}, "showarrow": False, "y": 1, "yref": "paper", "yanchor": "top"}
    shapes, notes = list(figure.layout.shapes), list(figure.layout.annotations)
    for segment in np.split(bad, np.flatnonzero(np.diff(bad) > 1) + 1) if len(bad) else []:
        x0, x1 = float(clip.times[segment[0]]) - half, float(clip.times[segment[-1]]) + half
        reason = next((clip.notes[i] for i in segment if clip.notes[i]), clip.no_frame_text)
        shapes.append({**shade, "x0": x0, "x1": x1, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain"})
        notes.append({**note, "x": (x0 + x1) / 2, "hovertext": escaped(reason)})
    figure.update_layout(shapes=shapes, annotations=notes)  # all at once: one by one each takes plotly 60 ms
    return figure


def colour_bar(text: str) -> dict:
    """A thin colour bar with its text beside it."""
    return {"title": {"text": text, "side": "right", "font": {"size": 13}}, "thickness": 10, "outlinewidth": 0, "tickfont": {"size": 12}}


def escaped(text: str) -> str:
    """Text for a figure: plotly reads some markup in names and hover texts, and this has none left."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _stretches(known: np.ndarray) -> list[slice]:
    """The runs of True, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(np.int8), [0]])))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _where_valid(times: np.ndarray, values: np.ndarray, clip: Clip | None) -> np.ndarray:
    """Values, NaN at times whose nearest frame of the clip is not valid."""
    if clip is None or clip.valid.all():
        return values
    nearest = np.abs(np.asarray(times)[:, None] - clip.times[None]).argmin(1) if len(times) * len(clip) < 4_000_000 else None
    if nearest is None:
        nearest = np.clip(np.searchsorted(clip.times, times), 0, len(clip) - 1)
    return np.where(clip.valid[nearest], values, np.nan)


def _line(group: Group) -> dict:
    dash = ",".join(f"{k}px" for k in group.dash) or "solid"
    return {"color": group.colour, "dash": dash, "width": 1.4 if group.faint else 2.2}


def _trace(times: np.ndarray, values: np.ndarray, name: str, line: dict) -> go.Scatter:
    look = {"hovertemplate": "%{y:.2f}", "connectgaps": False, **_drawn(values, line["color"])}
    return go.Scatter(x=times, y=values, name=name, line=line, **look)


def _drawn(values: np.ndarray, colour: str) -> dict:
    """A line, with a dot where a value has none beside it and no line could be seen."""
    known = np.pad(np.isfinite(values), 1)
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    return {"mode": "lines+markers", "marker": {"size": 5.0 * alone, "color": colour}} if alone.any() else {"mode": "lines"}


def _band(times: np.ndarray, raters: np.ndarray) -> list[go.Scatter]:
    if raters.ndim != 2 or len(raters) != len(times):
        raise StavisError(f"the raters are {raters.shape}, expected ({len(times)}, K): give one row per frame.")
    known = np.isfinite(raters).any(1)
    low, high, mean = (np.full(len(times), np.nan) for _ in range(3))
    low[known], high[known], mean[known] = (f(raters[known], axis=1) for f in (np.nanmin, np.nanmax, np.nanmean))
    edge = {"width": 0, "color": RATER}
    band = [
        go.Scatter(x=times, y=low, mode="lines", line=edge, showlegend=False, hoverinfo="skip"),
        go.Scatter(
            x=times, y=high, mode="lines", line=edge, fill="tonexty", fillcolor=_faded(RATER, 0.28),
            name=f"range of {raters.shape[1]} raters", hoverinfo="skip",
        ),
    ]  # fmt: skip
    return [*band, _trace(times, mean, "raters' mean", {"color": RATER, "width": 1.2})]


def _faded(colour: str, alpha: float) -> str:
    r, g, b = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({r},{g},{b},{alpha})"
