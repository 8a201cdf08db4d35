"""Insertion and deletion curves of a verdict, with intervals over recordings."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from stavis.bootstrap import interval
from stavis.show.figures.colours import CURVES, RATER
from stavis.show.figures.over_time import figure_of

_LOOKS = {"attention": CURVES[0], "random order": RATER}
_DASHES = {"insertion": "solid", "deletion": "dash"}


def faithfulness_figure(table: pd.DataFrame) -> go.Figure:
    """How much of the prediction is there as cells are shown (insertion) or taken away (deletion), in the order of the attention and in
    random order; bars are 95 % intervals over recordings.

    table: group, order, direction, fraction, height; one row per clip and step.
    """
    traces = []
    for direction, dash in _DASHES.items():
        for order, colour in _LOOKS.items():
            rows = table[(table.direction == direction) & (table.order == order) & table.height.notna()]
            if rows.empty:
                continue
            found = [interval(one.height.to_numpy(), groups=one.group.tolist(), bounds=(-1, 1)) for _, one in rows.groupby("fraction")]
            x = 100 * np.array(sorted(rows.fraction.unique()))
            mean, low, high = (np.array([getattr(one, name) for one in found]) for name in ("value", "low", "high"))
            bars = {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low, "color": colour, "width": 3}
            name = f"{direction}, {order if order != 'attention' else 'in the order of the attention'}"
            line = {"color": colour, "dash": dash, "width": 2}
            traces.append(
                go.Scatter(x=x, y=mean, name=name, mode="lines+markers", line=line, marker={"color": colour, "size": 5}, error_y=bars)
            )
    axes = {"xaxis": {"title": "cells shown, or taken away (%)"}, "yaxis": {"title": "of the prediction (1 = as on the clip)"}}
    return figure_of(*traces, height=380, hovermode="closest", **axes)
