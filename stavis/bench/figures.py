"""Figures of a bench: measured beside published, differences with their intervals, values over time."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from stavis.show.figures.colours import ACCENT, CURVES, GOLD, PREDICTED, RATER
from stavis.show.figures.errors import DASHES
from stavis.show.figures.over_time import escaped, figure_of


def scores_figure(table: pd.DataFrame, seeds: pd.DataFrame | None = None) -> go.Figure:
    """CCC of each system with its interval, each seed as a circle, and the published figures as marks.

    table: system, ccc, low, high, and one column for each published set; in the order to be shown. seeds: system, ccc of each seed.
    """
    names = [escaped(str(name)) for name in table["system"]]
    measured = go.Scatter(
        x=table.ccc, y=names, error_x=_bars(table, table.ccc, PREDICTED), mode="markers", name="measured here, 95 % interval",
        marker={"color": PREDICTED, "size": 10}, hovertemplate="%{x:.3f}",
    )  # fmt: skip
    traces = [measured]
    if seeds is not None and len(seeds) > len(table):
        look = {"color": PREDICTED, "size": 8, "symbol": "circle-open", "line": {"width": 1.5}}
        rows = [escaped(str(name)) for name in seeds["system"]]
        traces.append(go.Scatter(x=seeds.ccc, y=rows, mode="markers", name="each seed", marker=look, hovertemplate="%{x:.3f}"))
    published = [column for column in table.columns if column not in ("system", "ccc", "low", "high")]
    for number, column in enumerate(published):
        marker = {"color": GOLD, "size": 9, "symbol": ("diamond-open", "square-open")[number % 2]}
        traces.append(
            go.Scatter(x=table[column], y=names, mode="markers", name=f"published, {column}", marker=marker, hovertemplate="%{x:.3f}")
        )
    return _rows_figure(traces, names, "CCC")


def differences_figure(table: pd.DataFrame, reference: str) -> go.Figure:
    """CCC of each system less that of the reference, with its interval; coloured where the difference is claimed.

    table: system, difference, low, high, claimed. Those of one colour are one trace: error bars take one colour a trace.
    """
    names = [escaped(str(name)) for name in table["system"]]
    traces = []
    for claimed, colour, label in ((True, ACCENT, "claimed"), (False, RATER, "not claimed")):
        rows = table[table.claimed.astype(bool) == claimed]
        if len(rows):
            traces.append(
                go.Scatter(
                    x=rows.difference, y=[escaped(str(name)) for name in rows["system"]], mode="markers", name=label,
                    error_x=_bars(rows, rows.difference, colour), marker={"color": colour, "size": 10}, hovertemplate="%{x:+.3f}",
                )
            )  # fmt: skip
    figure = _rows_figure(traces, names, f"CCC minus that of {reference}")
    figure.update_layout(showlegend=True)  # what a colour means stands there also where all have one
    figure.add_vline(x=0, line={"color": GOLD, "width": 1, "dash": "dot"})
    return figure


def _bars(table: pd.DataFrame, middle: pd.Series, colour: str) -> dict:
    """Error bars from `low` to `high` in a colour of their own."""
    ends = {"array": table.high - middle, "arrayminus": middle - table.low}
    return {"type": "data", "symmetric": False, **ends, "color": colour, "thickness": 1.5, "width": 4}


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
