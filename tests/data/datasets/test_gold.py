"""Laws of the gold standard: it stays among its raters, whatever they say, and names those who disagree."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from stavis.data.datasets.gold import (
    Ratings,
    agreements,
    dissenting_raters,
    equal_weights,
    gold_standard,
    gold_where_known,
    gold_words,
    present_raters,
    rater_remarks,
)
from stavis.errors import StavisError
from stavis.metrics import ccc

ratings = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=9), elements=st.floats(-1, 1, width=32))


def rated(values: np.ndarray) -> Ratings:
    return Ratings(np.arange(len(values)) / 10, values, tuple(f"R{column + 1}" for column in range(values.shape[1])))


def opposed() -> np.ndarray:
    """Three raters whose means are −.19, .06 and −.28, and of whom two say the opposite of each other."""
    wave = np.sin(np.linspace(0, 12, 400))
    return np.stack([0.2 * wave, -0.2 * wave, 0.05 * np.cos(np.linspace(0, 31, 400))], 1) + np.array([-0.19, 0.06, -0.28])


@given(ratings)
@settings(deadline=None)
def test_the_mean_of_the_gold_lies_within_the_raters_means(values):
    means = values.mean(0)
    assert means.min() - 1e-9 <= gold_standard(values).mean() <= means.max() + 1e-9


@given(ratings, st.randoms())
@settings(deadline=None)
def test_the_order_of_raters_does_not_matter(values, random):
    order = list(range(values.shape[1]))
    random.shuffle(order)
    np.testing.assert_allclose(gold_standard(values[:, order]), gold_standard(values), atol=1e-7)
    np.testing.assert_allclose(agreements(values[:, order]), agreements(values)[order], atol=1e-9)


@given(ratings)
@settings(deadline=None)
def test_a_raters_agreement_is_the_mean_ccc_with_each_of_the_others(values):
    values[:, 0] = 0.3  # a rater with constant ratings among them
    raters = range(values.shape[1])
    each = [[ccc(values[:, a], values[:, b]) for b in raters if b != a] for a in raters]
    np.testing.assert_allclose(agreements(values), np.nan_to_num(each).mean(1), atol=1e-6)


def test_opposed_raters_give_no_gold_beyond_them():
    values = opposed()
    assert agreements(values).sum() < 0.01
    gold = gold_standard(values)
    assert -0.28 <= gold.mean() <= 0.06 and np.abs(gold).max() < 0.5
    assert len(np.unique(gold_where_known(values))) > 100


def test_a_dissenter_is_named_and_moves_no_mean():
    rng = np.random.default_rng(0)
    base = 0.4 * np.sin(np.linspace(0, 12, 400))
    values = np.stack([base, base + 0.05 * rng.standard_normal(400), -base + 0.5], 1)
    assert dissenting_raters(rated(values)) == ("R3",)
    assert gold_standard(values).mean() == pytest.approx(values[:, :2].mean(), abs=0.01)
    assert not equal_weights(values)
    (remark,) = rater_remarks(rated(values), "valence of P16").items()
    assert remark == ("raters who disagree with the others", ["R3 (valence of P16)"])


def test_raters_who_agree_on_nothing_weigh_the_same_and_that_is_said():
    values = opposed()[:, :2]
    assert equal_weights(values)
    np.testing.assert_allclose(gold_standard(values), values.mean(1), atol=1e-9)
    assert rater_remarks(rated(values), "a")["raters who agree on nothing, all of one weight in the gold standard"] == ["a"]


def test_raters_who_agree_and_one_alone_need_no_remark():
    base = 0.4 * np.sin(np.linspace(0, 12, 400))
    assert rater_remarks(rated(np.stack([base, base + 0.1], 1)), "a") == {}
    assert rater_remarks(rated(base[:, None]), "a") == {}
    missing = np.stack([base, base + 0.1, np.full(400, np.nan)], 1)
    assert set(rater_remarks(rated(missing), "a")) == {"raters without any rating"}
    assert rater_remarks(rated(np.full((5, 2), np.nan)), "a").keys() == {"raters without any rating"}


def test_gold_of_equal_raters_is_what_they_say_and_order_does_not_matter():
    rng = np.random.default_rng(0)
    one = rng.uniform(-0.5, 0.5, 200)
    assert np.allclose(gold_standard(np.stack([one] * 6, 1)), one)
    assert np.allclose(gold_standard(one[:, None]), one)
    ratings = one[:, None] + rng.normal(0, 0.1, (200, 6)) + rng.normal(0, 0.2, 6)
    gold = gold_standard(ratings)
    assert np.allclose(gold, gold_standard(ratings[:, [3, 1, 5, 0, 2, 4]]))
    assert np.allclose(gold_standard(ratings + 0.25), gold + 0.25)


def test_gold_is_the_published_formula_written_out():
    rng = np.random.default_rng(1)
    ratings = rng.normal(0, 0.2, 100)[:, None] + rng.normal(0, 0.05, (100, 4)) + (0.3, 0, -0.1, 0)
    agreement = np.zeros(4)
    for a, b in itertools.permutations(range(4), 2):
        agreement[a] += ccc(ratings[:, a], ratings[:, b]) / 3
    common = (ratings.mean(0) * agreement).sum() / agreement.sum()
    expected = np.mean([ratings[:, r] - ratings[:, r].mean() + common for r in range(4)], 0)
    assert np.allclose(gold_standard(ratings), expected)


def test_gold_of_raters_who_do_not_agree_at_all_is_their_mean():
    constant = np.tile([0.1, 0.3], (50, 1))
    assert np.allclose(gold_standard(constant), 0.2)
    with pytest.raises(StavisError, match="raters"):
        gold_standard(np.zeros((0, 6)))


def test_a_rater_without_any_rating_is_neither_constant_nor_counted():
    values = np.stack([np.sin(np.arange(50.0)), np.full(50, np.nan), 0.9 * np.sin(np.arange(50.0))], 1)
    assert rater_remarks(rated(values), "x") == {"raters without any rating": ["R2 (x)"]}
    assert gold_words(present_raters(values)) == "gold standard of 2 raters (CCC centring)"
    assert np.allclose(gold_where_known(values), gold_standard(values[:, [0, 2]]))
    assert rater_remarks(rated(np.full((5, 1), np.nan)), "x") == {"raters without any rating": ["R1 (x)"]}
    assert gold_words(present_raters(np.full((5, 2), np.nan))) == "raters without any rating"
    assert rater_remarks(rated(np.array([[np.nan], [0.5], [0.5]])), "x") == {"raters with constant ratings": ["R1 (x)"]}
