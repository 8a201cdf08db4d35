"""Insertion and deletion curves of a verdict, side by side, with intervals over recordings."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from stavis.bootstrap import interval
from stavis.show.figures.colours import ACCENT, RATER
from stavis.show.figures.figure import Figure
from stavis.show.figures.over_time import template

_LOOKS = {"attention": (ACCENT, "solid", "in the order of the attention"), "random order": (RATER, "dash", "in random order")}
_TITLES = {"insertion": "insertion: cells are shown", "deletion": "deletion: cells are taken away"}


def faithfulness_figure(table: pd.DataFrame) -> go.Figure:
    """How much of the prediction is there as cells are shown (insertion) or taken away (deletion), in the order of the attention and in
    random order; bars are 95 % intervals over recordings.

    table: group, order, direction, fraction, height; one row per clip and step.
    """
    figure = make_subplots(1, 2, figure=Figure(), subplot_titles=list(_TITLES.values()), shared_yaxes=True, horizontal_spacing=0.05)
    for column, direction in enumerate(_TITLES, 1):
        for order in _LOOKS:
            rows = table[(table.direction == direction) & (table.order == order) & table.height.notna()]
            if len(rows):
                figure.add_trace(_curve(rows, order, legend=column == 1), row=1, col=column)
    figure.update_layout(template=template(), height=380, hovermode="closest", margin={"t": 72})
    figure.update_layout(legend={"y": 1.12})
    figure.update_xaxes(title_text="cells shown (%)", col=1)
    figure.update_xaxes(title_text="cells taken away (%)", col=2)
    figure.update_yaxes(title_text="of the prediction (1 = as on the clip)", col=1)
    return figure


def _curve(rows: pd.DataFrame, order: str, *, legend: bool) -> go.Scatter:
    found = [interval(one.height.to_numpy(), groups=one.group.tolist(), bounds=(-1, 1)) for _, one in rows.groupby("fraction")]
    mean, low, high = (np.array([getattr(one, name) for one in found]) for name in ("value", "low", "high"))
    colour, dash, name = _LOOKS[order]
    bars = {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low, "color": colour, "width": 3, "thickness": 1}
    look = {"mode": "lines+markers", "line": {"color": colour, "dash": dash, "width": 2}, "marker": {"color": colour, "size": 5}}
    x = 100 * np.array(sorted(rows.fraction.unique()))
    return go.Scatter(x=x, y=mean, name=name, legendgroup=order, showlegend=legend, error_y=bars, **look)
