"""Figures of moments and matrices: a filmstrip of the moments at which a map moves most, regions over time, agreement between maps."""

import base64

import cv2
import numpy as np
import pandas as pd
import plotly.graph_objects as go

from stavis.attention.shares import shares_over_time
from stavis.errors import StavisError
from stavis.show.figures.colours import PALETTES, groups_of
from stavis.show.figures.over_time import colour_bar, figure_of, mark_gaps, require_frames
from stavis.show.figures.overlay import overlay_frames
from stavis.types import AttentionMaps, Attribution, Clip

SLIM = {"l": 62, "r": 18, "t": 14, "b": 50}
"""Margins of a figure without a legend above it."""


def key_moments(maps: AttentionMaps | Attribution, count: int = 6) -> np.ndarray:
    """The frames at which a map changes most, in order of time: (≤ count,) int, at least a tenth of the clip apart.

    Change is the total variation between the map half a second before and half a second after, each brought to sum 1.
    """
    values = np.abs(np.nan_to_num(np.asarray(maps.weights if isinstance(maps, AttentionMaps) else maps.values, np.float32)))
    flat = values.reshape(len(values), -1)
    flat = flat / np.maximum(flat.sum(1, keepdims=True), 1e-12)
    steps = np.diff(np.asarray(maps.times, float))
    reach = max(1, round(0.5 / np.median(steps))) if len(steps) and np.median(steps) > 0 else 1
    before = flat[np.maximum(0, np.arange(len(flat)) - reach)]
    after = flat[np.minimum(len(flat) - 1, np.arange(len(flat)) + reach)]
    change = np.abs(after - before).sum(1)
    chosen: list[int] = []
    for i in np.argsort(-change, kind="stable"):
        if len(chosen) < count and all(abs(i - other) >= max(1, len(flat) // 10) for other in chosen):
            chosen.append(int(i))
    return np.array(sorted(chosen))


def filmstrip(clip: Clip, maps: AttentionMaps | Attribution, *, count: int = 6, moments: np.ndarray | None = None) -> go.Figure:
    """The images at the key moments with the map over them, in order of time, each with its time in seconds.

    Raises StavisError where the clip has no frames, or a moment is none of them.
    """
    require_frames(clip)
    moments = key_moments(maps, count) if moments is None else np.asarray(moments, int)
    if not len(moments) or moments.min() < 0 or moments.max() >= len(clip):
        raise StavisError(f"moments must lie within the clip's {len(clip)} frames.")
    figure = figure_of(height=210, margin={"l": 6, "r": 6, "t": 8, "b": 30}, hovermode=False)
    painted = {i: image for i, image in enumerate(overlay_frames(clip.frames, maps)) if i in set(moments.tolist())}
    aspect = clip.frames.shape[1] / clip.frames.shape[2]
    for column, i in enumerate(moments.tolist()):
        look = {"sizex": 0.96, "sizey": aspect * 0.96, "xanchor": "center", "yanchor": "bottom", "sizing": "contain"}
        figure.add_layout_image(source=_picture(painted[i]), x=column, y=0, xref="x", yref="y", **look)
        text = f"{clip.times[i]:.2f} s" + ("" if clip.valid[i] else f" · {clip.no_frame_text.removesuffix(' found')}")
        figure.add_annotation(x=column, y=0, text=text, showarrow=False, yanchor="top", yshift=-4, font={"size": 12})
    figure.update_xaxes(visible=False, range=[-0.5, max(count, len(moments)) - 0.5], constrain="domain")
    figure.update_yaxes(visible=False, range=[-0.12, aspect], scaleanchor="x")
    return figure


def region_time_heatmap(clip: Clip, maps: AttentionMaps | Attribution, *, name: str = "attention") -> go.Figure:
    """The share of each region over time as colour, in per cent; white in frames that are not valid.

    Raises StavisError where the clip has no frames or no regions.
    """
    require_frames(clip)
    table, groups = shares_over_time(clip, maps), groups_of(clip.region_set)
    values = np.stack([100 * table[list(group.regions)].sum(axis=1, skipna=False).to_numpy() for group in groups])
    scale = _scale("viridis")
    bar = colour_bar(f"share of {name} (%)")
    hover = "%{y}, %{x:.2f} s: %{z:.0f} %<extra></extra>"
    labels = [group.label for group in groups]
    heat = go.Heatmap(x=table["time"], y=labels, z=values, colorscale=scale, zmin=0, colorbar=bar, hovertemplate=hover, hoverongaps=False)
    layout = {"margin": SLIM, "xaxis": {"title": "time (s)"}, "yaxis": {"autorange": "reversed"}, "hovermode": "closest"}
    figure = figure_of(heat, height=max(236, 116 + 20 * len(groups)), **layout)
    return mark_gaps(figure, clip)


def agreement_matrix(table: pd.DataFrame, *, measure: str = "correlation") -> go.Figure:
    """How far each pair of maps agrees: a square table with maps as rows and columns, values in [-1,1], each of them printed."""
    if not len(table) or table.shape[0] != table.shape[1]:
        raise StavisError(f"an agreement matrix is a square table, not {table.shape}: give one row and one column a map.")
    values = table.to_numpy(float)
    signed = bool((values[np.isfinite(values)] < 0).any())
    text = [[f"{v:.2f}".replace("-", "−") if np.isfinite(v) else "–" for v in row] for row in values]
    heat = go.Heatmap(
        x=[str(name) for name in table.columns], y=[str(name) for name in table.index], z=values, text=text, texttemplate="%{text}",
        colorscale=_scale("diverging" if signed else "viridis"), zmin=-1 if signed else 0, zmax=1, colorbar=colour_bar(measure),
        hovertemplate="%{y} and %{x}: %{text}<extra></extra>", xgap=2, ygap=2,
    )  # fmt: skip
    side, across = 90 + 46 * len(table), min(1.0, 0.16 * max(2, len(table)))
    heat.colorbar.x = across + 0.02
    return figure_of(
        heat, height=max(230, side), margin=SLIM, xaxis={"domain": [0, across]}, yaxis={"autorange": "reversed"}, hovermode="closest"
    )


def _scale(name: str) -> list[list]:
    stops = PALETTES[name]
    return [[k / (len(stops) - 1), f"rgb({r},{g},{b})"] for k, (r, g, b) in enumerate(stops)]


def _picture(image: np.ndarray) -> str:
    large = cv2.resize(image, None, fx=192 / image.shape[1], fy=192 / image.shape[1], interpolation=cv2.INTER_CUBIC)
    data = cv2.imencode(".jpg", large[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()
