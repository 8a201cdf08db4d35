"""Curves run from 0 to 1, the right order beats the wrong one, and captum's scores know a perfect map."""

import numpy as np
import pytest
import torch
from torch import nn

from stavis.attribution.methods import integrated_gradients, raw_attention, saliency
from stavis.errors import StavisError
from stavis.trust.faithfulness import curves, infidelity, sensitivity
from stavis.types import Target
from tests.attribution.networks import SmallSTA, make_clip


class Corner(nn.Module):
    """Sees the upper left quarter alone."""

    dimensions = ("valence",)

    def forward(self, frames):
        return frames[..., :16, :16].mean((2, 3, 4)).unsqueeze(-1)


@pytest.fixture
def corner():
    maps = np.zeros((6, 8, 8))
    maps[:, :4, :4] = 1
    return maps


def test_curves_run_between_baseline_and_clip():
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip()
    found = curves(model, clip, raw_attention(model, clip).values)
    assert (found.insertion[0], found.deletion[-1]) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6))
    assert (found.insertion[-1], found.deletion[0]) == (pytest.approx(1, abs=1e-6), pytest.approx(1, abs=1e-6))
    assert (np.abs(found.insertion) <= 1 + 1e-6).all()


def test_the_right_order_is_sufficient_and_comprehensive(corner):
    right, wrong = (curves(Corner(), make_clip(), maps, fractions=(0, 0.25, 0.5, 1)) for maps in (corner, 1 - corner))
    assert right.sufficiency(0.25) == pytest.approx(1, abs=1e-5)
    assert right.comprehensiveness(0.25) == pytest.approx(1, abs=1e-5)
    assert wrong.sufficiency(0.5) == pytest.approx(0, abs=1e-5)
    assert wrong.comprehensiveness(0.5) == pytest.approx(0, abs=1e-5)
    assert right.insertion_area > wrong.insertion_area
    assert right.deletion_area < wrong.deletion_area


def test_only_the_order_counts(corner):
    ranks = corner + np.random.default_rng(0).random(corner.shape)
    a, b = (curves(Corner(), make_clip(), maps) for maps in (ranks, np.exp(3 * ranks)))
    np.testing.assert_array_equal(a.insertion, b.insertion)


def test_equal_cells_come_in_random_order():
    flat = np.ones((6, 8, 8))
    a, b, c = (curves(Corner(), make_clip(), flat, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a.insertion, b.insertion)
    assert not np.array_equal(a.insertion, c.insertion)


def test_a_target_frame_is_measured_alone(corner):
    found = curves(Corner(), make_clip(), corner, Target(frame=2), fractions=(0, 0.25, 1))
    assert found.insertion[1] == pytest.approx(1, abs=1e-4)


def test_a_prediction_that_the_baseline_does_not_change_is_undefined(corner):
    class Still(nn.Module):
        def forward(self, frames):
            return frames.new_zeros(*frames.shape[:2], 1) + 0 * frames.sum()

    assert np.isnan(curves(Still(), make_clip(), corner).insertion).all()


def test_wrong_maps_and_fractions_are_refused(corner):
    with pytest.raises(StavisError, match="give \\(T,h,w\\)"):
        curves(Corner(), make_clip(), corner[:3])
    for fractions in ((0.1, 1), (0, 0.5), (0, 0.5, 0.5, 1)):
        with pytest.raises(StavisError, match="rise from 0 to 1"):
            curves(Corner(), make_clip(), corner, fractions=fractions)


def test_infidelity_of_the_true_gradient_is_none():
    clip = make_clip()
    true, other = saliency(Corner(), clip), integrated_gradients(Corner(), clip)
    assert infidelity(Corner(), clip, true) < 1e-6
    assert infidelity(Corner(), clip, other) > infidelity(Corner(), clip, true)


def test_sensitivity_of_a_constant_map_is_none_and_draws_by_its_seed():
    clip = make_clip()
    assert sensitivity(saliency, Corner(), clip) == pytest.approx(0, abs=1e-6)
    torch.manual_seed(0)
    model = SmallSTA()
    first = sensitivity(saliency, model, clip, seed=3, samples=2)
    assert first > 0
    assert first == sensitivity(saliency, model, clip, seed=3, samples=2)
