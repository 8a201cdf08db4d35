"""How wrong predictions are where the gold is low or high."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from stavis.show.figures.colours import CURVES, PREDICTED
from stavis.show.figures.over_time import escaped, figure_of

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def error_figure(table: pd.DataFrame, dimension: str, shown: Sequence[str] = (), order: Sequence[str] = ()) -> go.Figure:
    """RMSE of each system where the gold is low, middling or high; table: system, low, high, rmse.

    shown: systems that are on at first. order: all systems in the order in which colours are given out, by default that of the table.
    """
    traces = []
    order = list(order or dict.fromkeys(table.system))
    for name, rows in table.groupby("system", sort=False):
        number = order.index(name)
        line = {"color": (PREDICTED, *CURVES)[number % (len(CURVES) + 1)], "dash": DASHES[number % len(DASHES)], "width": 1.8}
        visible = True if not shown or name in shown else "legendonly"
        middle = (rows.low + rows.high) / 2
        traces.append(
            go.Scatter(
                x=middle, y=rows.rmse, mode="lines+markers", name=escaped(str(name)), line=line, visible=visible, hovertemplate="%{y:.3f}"
            )
        )
    return figure_of(
        *traces, height=360, xaxis={"title": f"gold {dimension}", "range": [-1.05, 1.05]}, yaxis={"title": "RMSE", "rangemode": "tozero"}
    )
