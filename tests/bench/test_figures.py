"""Figures of a bench: every system is there, in order, with its interval."""

import numpy as np
import pandas as pd
import pytest

from stavis.bench.figures import courses_figure, differences_figure, error_figure, scores_figure

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


def test_differences_clear_of_nothing_are_marked():
    table = pd.DataFrame({"system": ["a", "b", "c"], "difference": [-0.3, 0.0, 0.2], "low": [-0.4, -0.1, 0.1], "high": [-0.2, 0.1, 0.3]})
    colours = differences_figure(table, "sta").data[0].marker.color
    assert colours[0] == colours[2] != colours[1]


def test_courses_begin_with_the_gold_and_keep_gaps():
    times = np.arange(5.0)
    values = {"sta": np.array([0, np.nan, 0.2, 0.3, 0.4]), "cnn": times / 10}
    figure = courses_figure(times, times / 5, values, "valence")
    assert [trace.name for trace in figure.data] == ["gold", "sta", "cnn"] and np.isnan(figure.data[1].y[1])


def test_errors_stand_at_the_middle_of_their_range():
    table = pd.DataFrame(
        {"system": ["sta", "sta"], "low": [-1.0, 0.0], "high": [0.0, 1.0], "labels": [3, 4], "rmse": [0.2, 0.3], "bias": [0, 0]}
    )
    figure = error_figure(table, "valence", ["sta"])
    assert list(figure.data[0].x) == [-0.5, 0.5] and figure.data[0].visible is True
