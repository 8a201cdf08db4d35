"""Laws of the nouns."""

import numpy as np
import pytest

from stavis.errors import StavisError
from stavis.regions import REGIONS
from stavis.types import AttentionMaps, Clip, Prediction


def _partition(t, size, seed=0):
    index = np.random.default_rng(seed).integers(len(REGIONS), size=(t, size, size))
    return np.stack([index == r for r in range(len(REGIONS))], 1)


def _maps(t=4, grid=(7, 5), seed=0):
    weights = np.random.default_rng(seed).random((t, *grid)).astype(np.float32)
    return AttentionMaps(weights / weights.sum((1, 2), keepdims=True), np.arange(t) / 25)


@pytest.mark.parametrize("size", [7, 16, 30, 112])
def test_shares_over_a_partition_sum_to_one(size):
    share = _maps().share(_partition(4, size))
    assert share.sum(1) == pytest.approx(np.ones(4), abs=1e-5)
    assert (share >= 0).all()


def test_uniform_attention_has_density_one_and_entropy_one():
    maps = AttentionMaps(np.full((2, 8, 8), 1 / 64, np.float32), np.arange(2.0))
    assert maps.density(_partition(2, 40)) == pytest.approx(np.ones((2, len(REGIONS))), abs=1e-4)
    assert maps.entropy() == pytest.approx([1, 1])


def test_attention_on_one_cell_belongs_to_that_cells_region():
    weights = np.zeros((1, 4, 4), np.float32)
    weights[0, 1, 2] = 1
    regions = np.zeros((1, len(REGIONS), 16, 16), bool)
    regions[0, -1] = True
    regions[0, :, 4:8, 8:12] = False
    regions[0, 0, 4:8, 8:12] = True
    maps = AttentionMaps(weights, np.zeros(1))
    assert maps.share(regions)[0, 0] == pytest.approx(1)
    assert maps.density(regions)[0, 0] == pytest.approx(16)
    assert maps.entropy() == pytest.approx([0])
    assert np.isnan(maps.density(regions)[0, 1])  # a region that covers nothing has no density


def test_a_clip_keeps_its_promises():
    frames = np.zeros((5, 8, 8, 3), np.uint8)
    clip = Clip(frames, np.arange(5) / 5, labels=np.zeros((5, 1)), regions=_partition(5, 8))
    assert clip.valid.all() and len(clip[1:3]) == 2 and clip[1:3].regions.shape[0] == 2
    for wrong in ({"frames": frames[..., :2]}, {"times": np.arange(4.0)}, {"labels": np.zeros((5, 2))}, {"regions": _partition(5, 9)}):
        with pytest.raises(StavisError):
            Clip(**{"frames": frames, "times": np.arange(5) / 5, **wrong})
    with pytest.raises(StavisError):
        Prediction(np.arange(3.0), np.zeros((3, 2)), ("valence",))
