"""Curves around events: the mean course by condition, with intervals over people as bands."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from stavis.errors import StavisError
from stavis.groups.events import EventAverages
from stavis.groups.members import PREDICTED, SHARE
from stavis.show.figures.colours import ACCENT, CURVES
from stavis.show.figures.figure import Figure
from stavis.show.figures.over_time import escaped, template

COLOURS = (ACCENT, CURVES[1], CURVES[2], CURVES[3], CURVES[7], CURVES[5])
"""One per condition, then from the first again; in the same order as the dashes."""
DASHES = ("solid", "dash", "dot", "dashdot")
SHOWN = 6
"""So many curves are shown where none are named."""


def shown_curves(averages: EventAverages, curves: Sequence[str] | None = None) -> list[str]:
    """The curves to show: those that are named, else the predicted values and the shares that move most around the events.

    Raises StavisError for a name that is not there.
    """
    table = averages.table
    if curves:
        for name in curves:
            if name not in set(table.curve):
                raise StavisError(f"there is no curve {name!r} around the events: choose one of {', '.join(dict.fromkeys(table.curve))}.")
        return list(curves)
    predicted = list(dict.fromkeys(table.curve[table.type == PREDICTED]))[:2]
    reach = table[table.type == SHARE].groupby("curve", sort=False).value.agg(lambda values: values.max() - values.min())
    shares = [name for name in reach.sort_values(ascending=False, kind="stable").index if name != "outside"][: SHOWN - len(predicted)]
    return [*predicted, *shares] or list(dict.fromkeys(table.curve))[:SHOWN]


def around_figure(averages: EventAverages, curves: Sequence[str] | None = None) -> go.Figure:
    """One small chart per curve, one line per condition; bands are intervals over people, one moment at a time."""
    names = shown_curves(averages, curves)
    conditions = list(dict.fromkeys(averages.table.condition))
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    kinds = dict(zip(averages.table.curve, averages.table.type, strict=True))
    shares = averages.table[averages.table.curve.isin(names) & (averages.table.type == SHARE)]
    titles = [escaped(_title(name, kinds[name])) for name in names]
    figure = make_subplots(
        rows, columns, figure=Figure(), subplot_titles=titles, shared_xaxes=False, horizontal_spacing=0.1, vertical_spacing=0.32 / rows
    )
    for k, name in enumerate(names):
        at = {"row": k // columns + 1, "col": k % columns + 1}
        factor = 100 if kinds[name] == SHARE else 1
        for number, condition in enumerate(conditions):
            curve = averages.table[(averages.table.condition == condition) & (averages.table.curve == name)]
            if len(curve):
                _add(figure, curve, factor, condition, number, k == 0, at)
        figure.add_vline(x=0, line={"color": "#5D646D", "width": 1, "dash": "dot"}, **at)
    figure.update_layout(template=template(), height=60 + 230 * rows, margin={"l": 56, "r": 18, "t": 72, "b": 48})
    figure.update_layout(legend={"y": 1 + 40 / (230 * rows), "yanchor": "bottom"})
    for k, name in enumerate(names):
        own = averages.table[averages.table.curve == name]
        figure.update_yaxes(range=_reach(own, kinds[name], shares), row=k // columns + 1, col=k % columns + 1)
    known = averages.table.offset[averages.table.curve.isin(names) & np.isfinite(averages.table.value)]
    if len(known):
        figure.update_xaxes(range=[known.min(), known.max()])
    figure.update_xaxes(title_text=f"s from {'peak' if averages.name.startswith('peaks') else 'event'}", row=rows)
    return figure


def _reach(rows: pd.DataFrame, kind: str, shares: pd.DataFrame) -> list[float]:
    """From where to where an axis reaches: all shares have one scale from 0, and noise of a constant is not drawn large."""
    if kind == SHARE:
        return [0.0, 105 * max(0.05, float(np.nan_to_num(shares[["value", "high"]].to_numpy(float)).max()))]
    values = rows[["value", "low", "high"]].to_numpy(float)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    room = max(0.05 * (high - low), 0.05 - (high - low) / 2)
    return [low - room, high + room]


def _title(name: str, kind: str) -> str:
    text = name.replace("_", " ")
    return f"share of {text} (%)" if kind == SHARE else text if kind == PREDICTED else f"{text} (tracker, 0 to 1)"


def _add(figure: go.Figure, curve, factor: float, condition: str, number: int, legend: bool, at: dict) -> None:
    colour = COLOURS[number % len(COLOURS)]
    x, value, low, high = (curve[name].to_numpy(float) for name in ("offset", "value", "low", "high"))
    known = np.isfinite(low) & np.isfinite(high)
    if known.any():
        band = {"x": np.concatenate([x[known], x[known][::-1]]), "y": factor * np.concatenate([high[known], low[known][::-1]])}
        r, g, b = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
        look = {"fill": "toself", "fillcolor": f"rgba({r},{g},{b},0.18)", "line": {"width": 0}, "mode": "lines", "hoverinfo": "skip"}
        figure.add_trace(go.Scatter(**band, **look, showlegend=False, legendgroup=condition), **at)
    line = {"color": colour, "width": 2.2, "dash": DASHES[number % len(DASHES)]}
    look = {"mode": "lines", "line": line, "name": escaped(condition), "legendgroup": condition, "showlegend": legend}
    figure.add_trace(go.Scatter(x=x, y=factor * value, **look, hovertemplate="%{y:.2f}"), **at)
