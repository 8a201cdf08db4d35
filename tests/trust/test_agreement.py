"""The measures equal scipy, torchmetrics and scikit-learn, and keep their laws."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.distance import jensenshannon
from scipy.stats import pearsonr, spearmanr, wasserstein_distance
from torchmetrics.functional import pearson_corrcoef, spearman_corrcoef

from stavis.errors import StavisError
from stavis.regions import pooled
from stavis.trust.agreement import (
    DIRECTIONS,
    METRICS,
    agreement,
    constant,
    correlation,
    jensen_shannon,
    rank_correlation,
    similarity,
    sliced_emd,
    top_overlap,
)

SEEDS = range(5)


def maps(seed, ties=False, shape=(4, 7, 5)):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 4, shape).astype(float) if ties else rng.random(shape) for _ in range(2)]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_correlations_equal_scipy_and_torchmetrics(seed, ties):
    a, b = maps(seed, ties)
    flat = [(x.ravel(), y.ravel()) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(correlation(a, b), [pearsonr(x, y).statistic for x, y in flat], atol=1e-9)
    np.testing.assert_allclose(rank_correlation(a, b), [spearmanr(x, y).statistic for x, y in flat], atol=1e-9)
    as_torch = [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in flat]
    np.testing.assert_allclose(correlation(a, b), [float(pearson_corrcoef(*pair)) for pair in as_torch], atol=1e-9)
    # torchmetrics adds a small number to a denominator in its rank correlation
    np.testing.assert_allclose(rank_correlation(a, b), [float(spearman_corrcoef(*pair)) for pair in as_torch], atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_divergence_equals_scipy(seed):
    a, b = maps(seed)
    a[0, :3] = 0
    expected = [jensenshannon(x.ravel(), y.ravel(), base=2) ** 2 for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(jensen_shannon(a, b), expected, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_earth_movers_distance_equals_scipy(seed):
    a, b = maps(seed)
    rows, columns = np.mgrid[:7, :5]
    expected = np.zeros(len(a))
    for angle in np.pi * np.arange(DIRECTIONS) / DIRECTIONS:
        place = (np.sin(angle) * (rows + 0.5) / 7 + np.cos(angle) * (columns + 0.5) / 5).ravel()
        expected += [wasserstein_distance(place, place, x.ravel(), y.ravel()) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(sliced_emd(a, b), expected / DIRECTIONS, atol=1e-9)


def test_small_cases_by_hand():
    a, b = np.array([[3.0, 1.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 2.0]])
    assert similarity(a, b) == pytest.approx(0.5)
    assert jensen_shannon(np.eye(2), 1 - np.eye(2)) == pytest.approx(1)
    ten = np.zeros((2, 10, 10))
    ten[0].flat[:10] = 1 + np.arange(10)
    ten[1].flat[5:15] = 1 + np.arange(10)
    assert top_overlap(ten[0], ten[1]) == pytest.approx(5 / 15)


nonconstant = arrays.arrays(np.float64, (5, 6), elements=st.floats(0, 1, width=32)).filter(lambda m: m.max() > m.min() + 1e-3)


@settings(max_examples=60, deadline=None)
@given(nonconstant, nonconstant, st.floats(0.01, 100))
def test_laws(a, b, scale):
    for name in ("cc", "spearman", "sim", "top_iou"):
        assert METRICS[name](a, a) == pytest.approx(1, abs=1e-9)
    for name in ("jsd", "emd"):
        assert METRICS[name](a, a) == pytest.approx(0, abs=1e-9)
    for name, metric in METRICS.items():
        assert metric(a, b) == pytest.approx(float(metric(b, a)), abs=1e-9)
        if name != "top_iou":  # rounding of a product may part or join equal cells at the border of the top
            assert metric(scale * a, b) == pytest.approx(float(metric(a, b)), abs=1e-6)
    assert -1 <= correlation(a, b) <= 1
    assert 0 <= jensen_shannon(a, b) <= 1
    assert 0 <= similarity(a, b) <= 1 + 1e-9


@pytest.mark.parametrize("flat", [np.zeros((2, 6, 6)), np.full((2, 6, 6), 1 / 36), np.full((2, 6, 6), np.nan)])
def test_agreement_with_a_constant_map_is_undefined(flat):
    other = np.random.default_rng(0).random((2, 6, 6))
    assert constant(flat).all()
    for pair in ((flat, other), (other, flat), (flat, flat)):
        assert agreement(*pair).isna().all().all()
    assert np.isnan(correlation(flat, other)).all()
    assert np.isnan(rank_correlation(other, flat)).all()
    assert np.isnan(top_overlap(flat, flat)).all()


def test_one_constant_frame_does_not_spoil_the_others():
    a, b = maps(0)
    a[1] = 0.5
    table = agreement(a, b)
    assert table.isna().all(axis=1).tolist() == [False, True, False, False]


def test_agreement_compares_the_size_and_tells_the_sign_apart():
    a, values = maps(1, shape=(3, 4, 4))
    signed = values * np.where(np.arange(4) % 2, 1, -1)
    table = agreement(a, signed)
    np.testing.assert_allclose(table["cc"], correlation(a, values))
    np.testing.assert_allclose(table["positive"], values[:, :, 1::2].sum((1, 2)) / values.sum((1, 2)))
    with pytest.raises(StavisError, match="frames"):
        agreement(a, signed[:2])


@pytest.mark.parametrize(("size", "grid"), [((112, 112), (14, 14)), ((30, 41), (7, 9)), ((8, 8), (8, 8)), ((3, 3), (5, 5))])
def test_pooling_keeps_the_mass(size, grid):
    values = np.random.default_rng(0).normal(size=(2, *size))
    result = pooled(values, grid)
    assert result.shape == (2, *grid)
    np.testing.assert_allclose(result.sum((1, 2)), values.sum((1, 2)), atol=1e-4)
    if size[0] % grid[0] == 0 and size[1] % grid[1] == 0:
        blocks = values.reshape(2, grid[0], size[0] // grid[0], grid[1], size[1] // grid[1]).sum((2, 4))
        np.testing.assert_allclose(result, blocks, atol=1e-5)


def test_negative_maps_are_no_distributions():
    with pytest.raises(StavisError, match="negative"):
        similarity(np.array([[1.0, -1.0]]), np.array([[1.0, 1.0]]))
