"""Null maps are distributions that keep what they promise to keep and know nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from stavis.errors import StavisError
from stavis.trust import nulls
from stavis.trust.agreement import correlation
from tests.attribution.networks import make_clip


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:12, :12]
    path = 6 + np.cumsum(rng.normal(size=(20, 2)) * 0.4, 0)
    bumps = np.exp(-((rows - path[:, :1, None]) ** 2 + (columns - path[:, 1:, None]) ** 2) / 8)
    return bumps / bumps.sum((1, 2), keepdims=True)


def every(weights):
    clip = make_clip(frames=20)
    return {
        "uniform": nulls.uniform(weights.shape),
        "smooth": nulls.smooth_random(weights, 1),
        "permuted": nulls.permuted(weights, 1),
        "shuffled": nulls.time_shuffled(weights, 1),
        "centre": nulls.centre(weights.shape),
        "edges": nulls.edges(clip, (12, 12)),
        "face": nulls.mean_face(clip, (12, 12)),
        "mean": nulls.mean_map([weights, weights[:5], weights[5:]], 0),
        "another": nulls.of_another([weights, weights[:5]], 0),
    }


def test_each_is_a_distribution_over_space(weights):
    for name, null in every(weights).items():
        assert null.shape == weights.shape, name
        assert (null >= 0).all(), name
        np.testing.assert_allclose(null.sum((1, 2)), 1, err_msg=name)


def test_smooth_random_keeps_weights_and_smoothness_and_nothing_else(weights):
    scores = []
    for seed in range(30):
        drawn = nulls.smooth_random(weights, seed)
        np.testing.assert_allclose(np.sort(drawn.reshape(20, -1)), np.sort(weights.reshape(20, -1)), rtol=1e-6, atol=1e-12)
        scores.append(np.nanmean(correlation(drawn, weights)))
        assert _roughness(drawn) < 0.7 * _roughness(nulls.permuted(weights, seed))
    assert abs(np.mean(scores)) < 3 * np.std(scores) / np.sqrt(30) + 0.02


def test_constant_attention_has_a_constant_null():
    flat = nulls.uniform((3, 4, 4))
    np.testing.assert_allclose(nulls.smooth_random(flat), flat)


def test_permuting_keeps_time_and_shuffling_keeps_space(weights):
    permuted, shuffled = nulls.permuted(weights, 3), nulls.time_shuffled(weights, 3)
    np.testing.assert_allclose(np.sort(permuted[4].ravel()), np.sort(weights[4].ravel()))
    np.testing.assert_allclose(
        np.linalg.norm(permuted[1:] - permuted[:-1], axis=(1, 2)), np.linalg.norm(weights[1:] - weights[:-1], axis=(1, 2))
    )
    assert sorted(map(bytes, shuffled)) == sorted(map(bytes, weights))


def test_the_mean_leaves_the_clip_out(weights):
    other = nulls.uniform((4, 12, 12))
    np.testing.assert_allclose(nulls.mean_map([weights, other], 0), nulls.uniform(weights.shape))
    assert nulls.mean_map([weights], 0) is None
    assert nulls.of_another([weights], 0) is None


def test_clips_of_two_sizes_are_refused(weights):
    with pytest.raises(StavisError, match="one size"):
        nulls.of_another([weights, nulls.uniform((4, 5, 5))], 0)


def test_no_regions_no_mean_face():
    assert nulls.mean_face(replace(make_clip(), regions=None), (4, 4)) is None


def _roughness(maps):
    return np.abs(np.diff(maps, axis=1)).sum() + np.abs(np.diff(maps, axis=2)).sum()
