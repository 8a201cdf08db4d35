"""Shapley's axioms for parts of the face, and ablation by its definition."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from stavis.attribution.baselines import baseline_frames
from stavis.attribution.regions import region_ablation, region_shapley
from stavis.errors import StavisError
from stavis.regions import PARTS, REGIONS
from stavis.tensors import as_input
from stavis.types import Target
from tests.attribution.networks import SmallSTA, make_clip


class Sums(nn.Module):
    """The mean brightness of given pixels, squared or not: what each part adds is known."""

    dimensions = ("valence",)

    def __init__(self, mask, power=1):
        super().__init__()
        self.register_buffer("mask", torch.from_numpy(mask.astype(np.float32)))
        self.power = power

    def forward(self, frames):
        return (frames.mean(2) * self.mask).mean((2, 3)).unsqueeze(-1) ** self.power


def test_efficiency_and_the_sum_of_the_map():
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip()
    for target in (Target(), Target(frame=1)):
        result = region_shapley(model, clip, target)
        assert result.relative_delta <= 1e-5
        with torch.no_grad():
            change = (model.eval()(as_input(clip.frames)) - model(baseline_frames(clip)))[0, :, 0].numpy()
        np.testing.assert_allclose(result.contributions.sum(1), change, atol=1e-6)
        expected = change.mean() if target.frame is None else change[1]
        assert result.totals.sum() == pytest.approx(expected, abs=1e-6)
        assert result.values.sum(dtype=np.float64) == pytest.approx(expected, abs=1e-5)


def test_a_part_that_nobody_sees_gets_nothing_and_a_lone_one_gets_all():
    clip = make_clip()
    mouth = clip.regions[:, REGIONS.index("mouth")]
    result = region_shapley(Sums(mouth[0], power=2), clip)
    others = [place for place, part in enumerate(result.parts) if part != "mouth"]
    np.testing.assert_allclose(result.contributions[:, others], 0, atol=1e-7)
    assert result.parts == tuple(part for part in PARTS if part not in ("brows", "nose"))  # the clip has none of those
    assert np.abs(result.totals[result.parts.index("mouth")]) > 0


def test_additive_parts_get_the_same_from_both():
    clip = make_clip()
    model = Sums(np.ones((32, 32)))
    shapley, ablation = region_shapley(model, clip), region_ablation(model, clip)
    np.testing.assert_allclose(shapley.contributions, ablation.contributions, atol=1e-6)
    assert ablation.relative_delta is None
    table = shapley.table()
    assert list(table.columns) == ["time", *shapley.parts]
    assert len(table) == len(clip)


def test_symmetric_parts_share_alike():
    clip = make_clip()
    frames = np.full_like(clip.frames, 40)
    regions = np.zeros_like(clip.regions)
    regions[:, REGIONS.index("mouth"), 16:, :] = True
    regions[:, REGIONS.index("rest"), :16, :] = True
    clip = replace(clip, frames=frames, regions=regions)
    result = region_shapley(Sums(np.ones((32, 32)), power=3), clip, baseline="black")
    np.testing.assert_allclose(result.totals[0], result.totals[1], rtol=1e-4)


def test_a_clip_without_regions_is_refused():
    clip = replace(make_clip(), regions=None)
    for method in (region_shapley, region_ablation):
        with pytest.raises(StavisError, match="no facial regions"):
            method(SmallSTA(), clip)
    with pytest.raises(StavisError, match="all empty"):
        region_shapley(SmallSTA(), replace(make_clip(), regions=np.zeros((6, len(REGIONS), 32, 32), bool)))
