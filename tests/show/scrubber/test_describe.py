"""Curves of any table land on the frames' times; what is missing is said."""

import numpy as np
import pandas as pd
import pytest

from stavis.errors import StavisError
from stavis.show.scrubber.describe import curve_columns, gaps, on_times, rising_times
from tests.show.samples import clip_of


def test_a_straight_line_stays_one_at_any_rate():
    frames = np.arange(0, 4, 0.04)
    for step in (0.001, 0.04, 0.5):
        times = np.arange(-1, 5.0001, step)
        assert on_times(times, 3 * times, frames) == pytest.approx(3 * frames, abs=3 * step)


def test_beyond_its_ends_a_curve_has_no_value():
    line = on_times(np.array([1.0, 2.0]), np.array([5.0, 6.0]), np.arange(0, 4, 0.5))
    assert np.isnan(line).tolist() == [True, True, False, False, False, True, True, True]
    assert np.isnan(on_times(np.array([]), np.array([]), np.arange(3.0))).all()


@pytest.mark.parametrize(
    "text", ["time,a\n0,1\n1,2\n", "\ufeffTime (s);a\n0;1\n1;2\n", " timestamp, a\r\n0, 1\r\n1, 2\r\n", "t\ta\n0\t1\n1\t2\n"]
)
def test_a_table_is_read_however_it_is_written(tmp_path, text):
    (tmp_path / "curves.csv").write_text(text, newline="")
    [(name, times, values)] = curve_columns(tmp_path / "curves.csv")
    assert (name, times.tolist(), values.tolist()) == ("a", [0, 1], [1, 2])


def test_several_tables_keep_their_names():
    table = pd.DataFrame({"time": [0.0, 1.0], "AU12": [0.0, 1.0], "text": ["a", "b"]})
    assert [name for name, _, _ in curve_columns({"OpenFace": table, "again": table})] == ["OpenFace AU12", "again AU12"]


@pytest.mark.parametrize(
    "table, reason",
    [
        (pd.DataFrame({"a": [1.0]}), "no time column"),
        (pd.DataFrame({"time": [1.0], "b": ["x"]}), "no column of numbers"),
        ("/none.csv", "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_drawn_is_refused(table, reason):
    with pytest.raises(StavisError, match=reason):
        curve_columns(table)


def test_times_that_do_not_rise_are_replaced_and_said():
    times, trouble = rising_times(np.array([0, 0.1, 0.05, 0.15]))
    assert times == pytest.approx([0, 0.1, 0.2, 0.3]) and "do not rise" in trouble
    assert rising_times(np.array([-0.5, 4000.0]))[1] == ""


def test_gaps_are_told_with_their_reason():
    clip = clip_of(10, 16, gap=slice(3, 6))
    assert gaps(clip) == [[3, 5, "hand over the face"]]
