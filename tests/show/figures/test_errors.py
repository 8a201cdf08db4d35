"""The figure of errors by range."""

import pandas as pd

from stavis.show.figures.errors import error_figure


def test_errors_stand_at_the_middle_of_their_range():
    table = pd.DataFrame(
        {"system": ["sta", "sta"], "low": [-1.0, 0.0], "high": [0.0, 1.0], "labels": [3, 4], "rmse": [0.2, 0.3], "bias": [0, 0]}
    )
    figure = error_figure(table, "valence", ["sta"])
    assert list(figure.data[0].x) == [-0.5, 0.5] and figure.data[0].visible is True
