"""Intervals over clips as figures: every order and part once, the largest on top."""

import numpy as np
import pandas as pd
import pytest

from stavis.errors import StavisError
from stavis.show.figures.areas import density_figure, insertion_figure


def test_areas_are_the_means_over_clips_in_their_order():
    values = np.random.default_rng(0).random((6, 2))
    table = pd.DataFrame({"clip": range(6), "attention": values[:, 0] + 1, "random order": values[:, 1]})
    trace = insertion_figure(table).data[0]
    assert list(trace.y) == ["random order", "attention"]
    assert trace.x == pytest.approx(table[["random order", "attention"]].mean())
    assert (np.asarray(trace.error_x.array) > 0).all()


def test_densities_have_a_row_for_each_part():
    table = pd.DataFrame({"part": ["left_eye", "mouth"], "density": [3.0, 1.0], "density_low": [2.0, 0.5], "density_high": [4.5, 1.2]})
    trace = density_figure(table).data[0]
    assert list(trace.y) == ["mouth", "left eye"] and list(trace.error_x.arrayminus) == pytest.approx([0.5, 1.0])


def test_a_verdict_without_measures_is_refused():
    for make in (insertion_figure, density_figure):
        with pytest.raises(StavisError, match="the verdict"):
            make(pd.DataFrame())
