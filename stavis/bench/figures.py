"""Figures of a bench: measured beside published, differences with their intervals, values over time."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from stavis.show.figures.colours import CURVES, GOLD, PREDICTED, RATER
from stavis.show.figures.errors import DASHES
from stavis.show.figures.over_time import escaped, figure_of


def scores_figure(table: pd.DataFrame) -> go.Figure:
    """CCC of each system with its interval, and the published figures as marks.

    table: system, ccc, low, high, and one column for each published set; in the order to be shown.
    """
    names = [escaped(str(name)) for name in table["system"]]
    bars = {"type": "data", "symmetric": False, "array": table.high - table.ccc, "arrayminus": table.ccc - table.low, "thickness": 1.5}
    traces = [
        go.Scatter(
            x=table.ccc, y=names, error_x=bars, mode="markers", name="measured here, 95 % interval",
            marker={"color": PREDICTED, "size": 10}, hovertemplate="%{x:.3f}",
        )
    ]  # fmt: skip
    published = [column for column in table.columns if column not in ("system", "ccc", "low", "high")]
    for number, column in enumerate(published):
        marker = {"color": GOLD, "size": 9, "symbol": ("diamond-open", "square-open")[number % 2]}
        traces.append(
            go.Scatter(x=table[column], y=names, mode="markers", name=f"published, {column}", marker=marker, hovertemplate="%{x:.3f}")
        )
    return _rows_figure(traces, names, "CCC")


def differences_figure(table: pd.DataFrame, reference: str) -> go.Figure:
    """CCC of each system less that of the reference, with its interval; coloured where the difference is claimed.

    table: system, difference, low, high, claimed.
    """
    names = [escaped(str(name)) for name in table["system"]]
    bars = {"type": "data", "symmetric": False, "array": table.high - table.difference, "arrayminus": table.difference - table.low}
    marker = {"color": [CURVES[0] if claimed else RATER for claimed in table.claimed], "size": 10}
    trace = go.Scatter(
        x=table.difference, y=names, error_x=bars, mode="markers", marker=marker, hovertemplate="%{x:+.3f}", showlegend=False
    )
    figure = _rows_figure([trace], names, f"CCC less that of {reference}")
    figure.add_vline(x=0, line={"color": GOLD, "width": 1, "dash": "dot"})
    return figure


def values_figure(times: np.ndarray, gold: np.ndarray, predicted: Mapping[str, np.ndarray], dimension: str) -> go.Figure:
    """What several systems say of one recording over time, beside the gold; times (T,) s, values (T,), the legend switches lines."""
    traces = [go.Scatter(x=times, y=gold, mode="lines", name="gold", line={"color": GOLD, "width": 2.4}, hovertemplate="%{y:.2f}")]
    for number, (name, values) in enumerate(predicted.items()):
        line = {"color": (PREDICTED, *CURVES)[number % (len(CURVES) + 1)], "dash": DASHES[number % len(DASHES)], "width": 1.8}
        shown = True if number < 3 else "legendonly"
        traces.append(go.Scatter(x=times, y=values, mode="lines", name=escaped(name), line=line, visible=shown, hovertemplate="%{y:.2f}"))
    axes = {"xaxis": {"title": "time (s)"}, "yaxis": {"title": f"{dimension} (−1 to 1)", "range": [-1.02, 1.02]}}
    return figure_of(*traces, height=360, **axes)


def _rows_figure(traces: list, names: list[str], words: str) -> go.Figure:
    """One row a system, the first on top."""
    axes = {"xaxis": {"title": words}, "yaxis": {"categoryorder": "array", "categoryarray": names[::-1]}}
    return figure_of(*traces, height=140 + 30 * len(names), hovermode="closest", **axes)
