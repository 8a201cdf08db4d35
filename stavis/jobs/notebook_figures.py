"""The figures that notebooks show, one call each."""

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from IPython.display import HTML

from stavis.bench.figures import error_figure
from stavis.bench.scores import error_by_range
from stavis.errors import StavisError
from stavis.jobs.evaluate import RunEvaluation
from stavis.jobs.explain import Explanation
from stavis.jobs.verdict import VerdictResult, between_matrix
from stavis.show.figures.moments import agreement_matrix, filmstrip
from stavis.show.figures.over_time import figure_of, share_over_time, valence_traces


def training_curve(run: str | Path) -> go.Figure:
    """The training loss and the development CCC over the steps of a run.

    Raises StavisError where the folder holds no log.
    """
    path = Path(run) / "log.csv"
    if not path.is_file():
        raise StavisError(f"{path} is missing: give the folder of a run that has trained for at least one epoch.")
    log = pd.read_csv(path)
    traces = [
        go.Scatter(x=log.step, y=log.train_loss, name="training loss", mode="lines+markers"),
        go.Scatter(x=log.step, y=log.dev_ccc, name="development CCC", mode="lines+markers", line={"dash": "dash"}, yaxis="y2"),
    ]
    right = {"title": "CCC", "overlaying": "y", "side": "right", "range": [-0.05, 1], "showgrid": False}
    return figure_of(*traces, xaxis={"title": "step"}, yaxis={"title": "loss", "rangemode": "tozero"}, yaxis2=right)


def shares_figure(explanation: Explanation) -> go.Figure:
    """The attention's share on each region over time."""
    return share_over_time(explanation.clip, _attention(explanation))


def values_figure(explanation: Explanation) -> go.Figure:
    """Predicted values over time, with gold ones where they are known."""
    return valence_traces(explanation.clip, explanation.prediction, dimension=explanation.prediction.dimensions[0])


def moments_figure(explanation: Explanation) -> go.Figure:
    """The frames between which the attention changes most."""
    return filmstrip(explanation.clip, _attention(explanation))


def _attention(explanation: Explanation):
    if explanation.attention is None:
        raise StavisError(f"the system {explanation.checkpoint.system} has no attention: explain a run of the system sta.")
    return explanation.attention


def verdict_card(judgement: VerdictResult) -> HTML:
    """The four answers as a card."""
    return HTML(judgement.card())


def between_figure(judgement: VerdictResult) -> go.Figure:
    """How alike the methods' maps are to each other."""
    return agreement_matrix(between_matrix(judgement.verdict))


def errors_figure(evaluation: RunEvaluation):
    """RMSE of one evaluated run where the gold is low, middling or high, as a plotly figure; of its first dimension."""
    predictions = evaluation.evaluation.predictions
    dimension = predictions.dimension.iloc[0]
    name = evaluation.provenance.get("system", "network")
    return error_figure(error_by_range({name: {0: predictions[predictions.dimension == dimension]}}), dimension)
