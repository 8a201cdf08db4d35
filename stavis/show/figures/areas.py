"""What a verdict measured over clips, with intervals: areas under insertion curves by the order of cells, densities by part."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from stavis.bootstrap import interval
from stavis.errors import StavisError
from stavis.show.figures.colours import ACCENT
from stavis.show.figures.over_time import escaped, figure_of


def insertion_figure(table: pd.DataFrame) -> go.Figure:
    """Mean area under the insertion curve for each order of the cells, with its 95 % interval over clips, the largest on top.

    table: one row per clip, one column per order beside `clip`. Raises StavisError where it is empty.
    """
    orders = table.drop(columns="clip", errors="ignore")
    if not len(orders) or not len(orders.columns):
        raise StavisError("the verdict measured no insertion curves: ask it with attention that can be replaced.")
    found = {name: interval(values[np.isfinite(values)]) for name in orders if len(values := orders[name].to_numpy(float))}
    return _dots({name: (one.value, one.low, one.high) for name, one in found.items()}, "area under the insertion curve")


def density_figure(table: pd.DataFrame) -> go.Figure:
    """Density of the attention on each part with its 95 % interval; table: part, density, density_low, density_high.

    Raises StavisError where it is empty.
    """
    if not len(table) or "density" not in table:
        raise StavisError("the verdict knows no regions: ask it with clips whose face is tracked, or with regions.")
    rows = table[["part", "density", "density_low", "density_high"]].itertuples(index=False, name=None)
    figure = _dots({str(part).replace("_", " "): tuple(values) for part, *values in rows}, "density (1 = uniform attention)")
    return figure.add_vline(x=1, line={"color": "#8B929B", "width": 1, "dash": "dot"})


def _dots(rows: dict[str, tuple[float, float, float]], title: str) -> go.Figure:
    ordered = sorted(rows.items(), key=lambda item: np.nan_to_num(item[1][0]))
    value, low, high = np.array([values for _, values in ordered], float).T
    bars = {"type": "data", "symmetric": False, "array": np.nan_to_num(high - value), "arrayminus": np.nan_to_num(value - low)}
    names = [escaped(name) for name, _ in ordered]
    look = {
        "mode": "markers",
        "marker": {"color": ACCENT, "size": 8},
        "error_x": bars,
        "hovertemplate": "%{y}: %{x:.3f}<extra></extra>",
    }
    height = max(220, 90 + 26 * len(rows))
    return figure_of(go.Scatter(x=value, y=names, showlegend=False, **look), height=height, xaxis={"title": title}, hovermode="closest")
