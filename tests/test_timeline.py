"""Labels at other times: interpolated between neighbours, absent wherever nobody gave one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stavis.errors import StavisError
from stavis.timeline import longest_gap, resample

NAN = np.nan


def at(label_times, labels, times, **options):
    return resample(np.array(label_times, float), np.array(labels, float)[:, None], np.array(times, float), **options)[:, 0]


def ramp(step=0.5):
    """-.5 until 5 s, +.5 from 15 s to 20 s, and no row between."""
    times = np.concatenate([np.arange(0, 5 + 1e-9, step), np.arange(15, 20 + 1e-9, step)])
    return times, np.where(times < 10, -0.5, 0.5)


@pytest.mark.parametrize("step", [0.04, 0.1, 0.5, 1.0])
def test_no_label_across_missing_rows(step):
    times, labels = ramp(step)
    inside = np.arange(5.5, 14.6, 0.5)
    assert np.isnan(at(times, labels, inside)).all()
    assert np.isnan(at(times, labels, [5.002, 14.998])).all()
    assert at(times, labels, [0, 4.9, 5, 15, 15.1, 20]).tolist() == [-0.5, -0.5, -0.5, 0.5, 0.5, 0.5]


def test_the_switch_bridges_any_gap_or_a_shorter_one():
    times, labels = ramp()
    assert at(times, labels, [10], max_gap=None) == pytest.approx([0])
    assert at(times, labels, [10], max_gap=np.inf) == pytest.approx([0])
    assert at(times, labels, [10], max_gap=20) == pytest.approx([0])
    assert np.isnan(at(times, labels, [10], max_gap=19)).all()
    for wrong in (0, -1, 0.5, NAN):
        with pytest.raises(StavisError, match=r"max_gap is .*--max-gap inf"):
            at(times, labels, [10], max_gap=wrong)


def test_three_steps_are_bridged_and_four_are_not():
    times = [0, 1, 2, 3, 6, 7, 8, 9, 13, 14, 15, 16]
    assert at(times, times, [4.5, 11]).tolist()[0] == 4.5
    assert np.isnan(at(times, times, [11]))


def test_invalid_rows_are_no_label_and_touch_no_neighbour():
    times = np.arange(11.0)
    labels = np.where((times >= 4) & (times <= 5), NAN, times)
    found = at(times, labels, [3, 3.4, 3.6, 4, 5, 5.4, 6, 6.5])
    assert np.allclose(found[[0, 1, 6, 7]], [3, 3.4, 6, 6.5]) and np.isnan(found[2:6]).all()
    flat = np.where((times >= 3) & (times <= 8), NAN, np.where(times < 5, -0.5, 0.5))
    beside = at(times, flat, [2.4, 8.6])
    assert beside.tolist() == [-0.5, 0.5]  # the value of the label itself, no line across the invalid ones


def test_one_label_stands_for_its_own_moment_and_none_for_nothing():
    assert np.isnan(at([2.0], [0.3], [1, 1.9, 2.1])).all() and at([2.0], [0.3], [2.0005]).tolist() == [0.3]
    assert np.isnan(resample(np.empty(0), np.empty((0, 2)), np.arange(3.0))).all()
    assert longest_gap(np.array([1.0])) == np.inf


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=2, max_size=40, unique=True), st.lists(st.floats(-1, 41), max_size=20))
def test_a_label_lies_between_its_neighbours_and_is_there_only_where_they_are_close(ticks, asked):
    times = np.sort(ticks) / 10
    labels = np.sin(times * 7)
    found = at(times, labels, asked)
    for moment, value in zip(asked, found, strict=True):
        after = int(np.clip(np.searchsorted(times, moment), 1, len(times) - 1))
        pair = labels[after - 1 : after + 1]
        if times[0] <= moment <= times[-1] and times[after] - times[after - 1] <= 3 * np.median(np.diff(times)):
            assert pair.min() - 1e-9 <= value <= pair.max() + 1e-9
        elif not (np.abs(times - moment) < 0.002).any():
            assert np.isnan(value)
