"""Figures of a bench of the contrasts: every row of a scenario with its seeds, the oracle and the floor; the contrasts' differences."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from stavis.bench.power import WIDEST
from stavis.show.figures.colours import ACCENT, GOLD, PREDICTED, RATER
from stavis.show.figures.over_time import escaped, figure_of

_DASHES = ("dash", "dot", "dashdot")


def rows_figure(rows: Sequence[Mapping], references: Mapping[str, float]) -> go.Figure:
    """CCC of each row of one scenario: the mean with its interval, each seed as a circle, published CCC as marks, and lines for what
    reads the truth (oracle) and what reads nothing."""
    names = [escaped(str(one["row"])) for one in rows]
    known = [one for one in rows if one["ccc"] is not None]
    means = [one["ccc"] for one in known]
    labels = [escaped(str(one["row"])) for one in known]
    bars = {
        "type": "data", "symmetric": False, "color": PREDICTED, "thickness": 1.5, "width": 4,
        "array": [_or(one["high"], one["ccc"]) - one["ccc"] for one in known],
        "arrayminus": [one["ccc"] - _or(one["low"], one["ccc"]) for one in known],
    }  # fmt: skip
    traces = [
        go.Scatter(
            x=means, y=labels, mode="markers", name="mean of the seeds, 95 % interval", error_x=bars,
            marker={"color": PREDICTED, "size": 10}, hovertemplate="%{x:.3f}",
        )
    ]  # fmt: skip
    seeds = [(value, escaped(str(one["row"]))) for one in known for value in one["ccc_of_seeds"] if value is not None]
    look = {"color": PREDICTED, "size": 8, "symbol": "circle-open", "line": {"width": 1.5}}
    x, y = [value for value, _ in seeds], [name for _, name in seeds]
    traces.append(go.Scatter(x=x, y=y, mode="markers", name="each seed", marker=look, hovertemplate="%{x:.3f}"))
    figure = _by_row(traces, names, "CCC on the test recordings")
    for number, (name, value) in enumerate(sorted(references.items(), key=lambda one: -one[1])):
        line = {"color": GOLD, "width": 1.2, "dash": _DASHES[number % len(_DASHES)]}
        end = "top" if number % 2 else "bottom"  # lines that lie close have their names at different ends
        text = {"annotation_text": escaped(name), "annotation_position": f"{end} left" if value > 0.5 else f"{end} right"}
        figure.add_vline(x=value, line=line, **text)
    return figure


def contrasts_figure(contrasts: Sequence[Mapping]) -> go.Figure:
    """The differences of the contrasts with their intervals, coloured by verdict, and what each could have shown."""
    named = [_name(one) for one in contrasts]
    traces = []
    for verdict, colour in (("true", ACCENT), ("false", PREDICTED), ("undecided", RATER)):
        found = [(one, name) for one, name in zip(contrasts, named, strict=True) if one["verdict"] == verdict and one["low"] is not None]
        if not found:
            continue
        values = [one["difference"] for one, _ in found]
        bars = {
            "type": "data", "symmetric": False, "color": colour, "thickness": 1.5, "width": 4,
            "array": [one["high"] - one["difference"] for one, _ in found],
            "arrayminus": [one["difference"] - one["low"] for one, _ in found],
        }  # fmt: skip
        marker = {"color": colour, "size": 10}
        y = [name for _, name in found]
        traces.append(go.Scatter(x=values, y=y, mode="markers", name=verdict, error_x=bars, marker=marker, hovertemplate="%{x:+.3f}"))
    shown = [(one["detectable"], name) for one, name in zip(contrasts, named, strict=True) if _or(one["detectable"], WIDEST) < WIDEST]
    tick = {"color": GOLD, "size": 12, "symbol": "line-ns-open", "line": {"width": 2}}
    x, y = [value for value, _ in shown], [name for _, name in shown]
    traces.append(go.Scatter(x=x, y=y, mode="markers", name="detectable at 80 %", marker=tick, hovertemplate="%{x:.3f}"))
    figure = _by_row(traces, named, "difference of CCC")
    ends = [one[end] for one in contrasts for end in ("low", "high") if one[end] is not None]
    if max(map(abs, ends), default=0) > 1:  # an interval of few seeds may reach beyond what a CCC can be
        figure.update_xaxes(range=[-1.05, 1.05])
    figure.add_vline(x=0, line={"color": GOLD, "width": 1, "dash": "dot"})
    return figure


def _name(one: Mapping) -> str:
    return escaped(f"{one['scenario']}: {one['better']} − {one['worse']}")


def _or(value: float | None, otherwise: float) -> float:
    return otherwise if value is None else value


def _by_row(traces: list, names: list[str], title: str) -> go.Figure:
    rows = list(dict.fromkeys(names))[::-1]
    room = 0.8  # of a row below the lowest and above the highest, for the names of lines
    axes = {"xaxis": {"title": title}, "yaxis": {"categoryorder": "array", "categoryarray": rows, "range": [-room, len(rows) - 1 + room]}}
    figure = figure_of(*traces, height=170 + 34 * len(rows), hovermode="closest", **axes)
    figure.update_layout(showlegend=True)
    return figure
