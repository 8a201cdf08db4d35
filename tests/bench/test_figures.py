"""Figures of a bench: every system is there, in order, with its interval."""

import numpy as np
import pandas as pd
import pytest

from stavis.bench.figures import differences_figure, scores_figure, values_figure

SCORES = pd.DataFrame(
    {
        "system": ["cnn", "sta<b>"],
        "ccc": [0.2, 0.5],
        "low": [0.1, 0.4],
        "high": [0.4, 0.55],
        "RECOLA": [0.326, 0.546],
        "AV+EC'17": [np.nan, 0.612],
    }
)


def test_scores_stand_in_the_tables_order_beside_the_published_ones():
    figure = scores_figure(SCORES)
    measured, *published = figure.data
    assert [trace.name for trace in published] == ["published, RECOLA", "published, AV+EC'17"]
    assert list(figure.layout.yaxis.categoryarray) == ["sta&lt;b&gt;", "cnn"], "plotly draws from below"
    assert list(measured.error_x.array) == pytest.approx([0.2, 0.05]) and list(measured.error_x.arrayminus) == pytest.approx([0.1, 0.1])


def test_claimed_differences_are_marked():
    table = pd.DataFrame(
        {"system": ["a", "b", "c"], "difference": [-0.3, 0.0, 0.2], "low": [-0.4, -0.1, 0.1], "high": [-0.2, 0.1, 0.3]}
    ).assign(claimed=[True, False, True])
    claimed, others = differences_figure(table, "sta").data
    assert (list(claimed.y), list(others.y)) == (["a", "c"], ["b"]) and claimed.marker.color != others.marker.color


def test_error_bars_have_one_colour_that_is_named():
    """Where a marker has a list of colours plotly cannot colour its error bars."""
    table = pd.DataFrame({"system": ["a", "b"], "difference": [0.1, 0.2], "low": [0, 0.1], "high": [0.2, 0.3], "claimed": [True, False]})
    for figure in (scores_figure(SCORES), differences_figure(table, "sta")):
        for trace in (one for one in figure.data if one.error_x.array is not None):
            assert isinstance(trace.marker.color, str) and trace.error_x.color == trace.marker.color


def test_each_seed_is_a_dot_on_the_row_of_its_system():
    seeds = pd.DataFrame({"system": ["cnn", "cnn", "sta<b>", "sta<b>"], "ccc": [0.1, 0.3, 0.4, 0.6]})
    dots = next(one for one in scores_figure(SCORES, seeds).data if one.name == "each seed")
    assert list(dots.x) == [0.1, 0.3, 0.4, 0.6] and list(dots.y) == ["cnn", "cnn", "sta&lt;b&gt;", "sta&lt;b&gt;"]
    assert "each seed" not in [one.name for one in scores_figure(SCORES, seeds.iloc[[0, 2]]).data], "one seed is the mean itself"


def test_courses_begin_with_the_gold_and_keep_gaps():
    times = np.arange(5.0)
    values = {"sta": np.array([0, np.nan, 0.2, 0.3, 0.4]), "cnn": times / 10}
    figure = values_figure(times, times / 5, values, "valence")
    assert [trace.name for trace in figure.data] == ["gold", "sta", "cnn"] and np.isnan(figure.data[1].y[1])
