"""The bootstrap covers what it should, draws whole recordings, and refuses to guess from too few."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from stavis.errors import StavisError
from stavis.trust.intervals import bootstrap, bootstrap_p, holm, interval, resampled


def test_the_interval_of_a_mean_is_close_to_students():
    values = np.random.default_rng(0).normal(3, 2, 30)
    value, low, high = bootstrap(lambda chosen: values[chosen].mean(), range(30), seed=1)
    half = t.ppf(0.975, 29) * values.std(ddof=1) / np.sqrt(30)
    assert value == pytest.approx(values.mean())
    assert (low, high) == (pytest.approx(values.mean() - half, abs=0.1), pytest.approx(values.mean() + half, abs=0.1))


def test_it_covers_the_truth_also_with_few_clips():
    hits = 0
    for seed in range(200):
        values = np.random.default_rng(seed).normal(size=6)
        _, low, high = bootstrap(lambda chosen, values=values: values[chosen].mean(), range(6), seed=seed, draws=400)
        hits += low <= 0 <= high
    assert hits >= 180  # of 190 expected


def test_the_same_seed_draws_the_same():
    a, b, c = (resampled(range(5), seed) for seed in (1, 1, 2))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert not all(np.array_equal(x, y) for x, y in zip(a, c, strict=True))


def test_whole_recordings_are_drawn():
    groups = ["a", "a", "b", "b", "b", "c"]
    for sample in resampled(groups, 0, 50):
        counts = np.bincount(sample, minlength=6)
        assert counts[0] == counts[1]
        assert counts[2] == counts[3] == counts[4]


def test_copies_of_a_clip_do_not_narrow_the_interval():
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    _, low, high = bootstrap(lambda chosen: values[chosen].mean(), list("abcde"))
    many = np.repeat(values, 10)
    _, low_many, high_many = bootstrap(lambda chosen: many[chosen].mean(), np.repeat(list("abcde"), 10))
    assert (low_many, high_many) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize("groups", [["a"], ["a", "b"], ["a"] * 9])
def test_too_few_recordings_give_no_interval(groups):
    value, low, high = bootstrap(lambda chosen: 1.0, groups)
    assert value == 1
    assert np.isnan([low, high]).all()


def test_nothing_to_draw_from():
    with pytest.raises(StavisError):
        bootstrap(lambda chosen: 1.0, [])


def test_undefined_draws_give_no_interval():
    assert np.isnan(interval(np.full(100, np.nan), 10)).all()


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, np.nan]), [0.03, 0.06, 0.06, np.nan])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_laws(p):
    adjusted = holm(p)
    assert (adjusted >= np.array(p) - 1e-12).all()
    assert (adjusted <= 1).all()
    assert (np.argsort(adjusted, kind="stable") == np.argsort(p, kind="stable")).all() or (np.diff(np.sort(adjusted)) >= 0).all()


def test_p_values():
    draws = np.random.default_rng(0).normal(3, 1, 2000)
    assert bootstrap_p(draws) < 0.02
    assert bootstrap_p(draws - 3) > 0.5
    assert bootstrap_p(np.zeros(100)) == 1
    assert np.isnan(bootstrap_p(np.array([np.nan])))
