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
    colours = differences_figure(table, "sta").data[0].marker.color
    assert colours[0] == colours[2] != colours[1]


def test_courses_begin_with_the_gold_and_keep_gaps():
    times = np.arange(5.0)
    values = {"sta": np.array([0, np.nan, 0.2, 0.3, 0.4]), "cnn": times / 10}
    figure = values_figure(times, times / 5, values, "valence")
    assert [trace.name for trace in figure.data] == ["gold", "sta", "cnn"] and np.isnan(figure.data[1].y[1])
