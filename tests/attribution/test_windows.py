"""Windows attributed together give the maps that each gives on its own."""

import numpy as np
import pytest
import torch

from stavis.attribution.deeplift import exact_deeplift
from stavis.attribution.methods import input_x_gradient, integrated_gradients, saliency
from stavis.attribution.windows import TOGETHER, together
from stavis.models.sta import STA, STAConfig
from stavis.types import Clip, Target

TINY = STAConfig(encoder=(6, 8, 8), decoder=(6, 4), stem=(4, 6), regressor=(6, 6), hidden=8, vision=32)


@pytest.fixture(scope="module")
def network() -> STA:
    torch.manual_seed(0)
    return STA(TINY).eval()


def windows(lengths: list[int], seed: int = 0) -> list[Clip]:
    rng = np.random.default_rng(seed)
    clips = []
    for length in lengths:
        valid = rng.random(length) < 0.8
        valid[0] = True
        clips.append(Clip(rng.integers(0, 256, (length, 32, 32, 3), dtype=np.uint8), np.arange(length) / 6.25, valid=valid))
    return clips


@pytest.mark.parametrize("method", TOGETHER, ids=lambda method: method.__name__)
def test_together_is_as_alone(network, method):
    clips = windows([7, 7, 9, 7, 7, 7, 3])  # a shorter one, a longer one, more than fit at once
    run = together(method, clips)
    for clip in clips:
        one, alone = run(network, clip, Target()), method(network, clip, Target())
        assert type(one) is type(alone)
        assert one.method == alone.method
        np.testing.assert_allclose(one.values, alone.values, rtol=1e-3, atol=1e-5 * np.abs(alone.values).max())
        np.testing.assert_array_equal(one.times, clip.times)


def test_the_paths_of_windows_together_sum_to_the_map(network):
    clips = windows([8, 8])
    run = together(exact_deeplift, clips)
    for clip in clips:
        one = run(network, clip, Target())
        np.testing.assert_allclose(one.feature_path + one.attention_path, one.values, atol=1e-6)
        assert one.relative_delta < 1e-4


class Thresholded(torch.nn.Module):
    """Has an operation without a rule: a mask that follows the input without a gradient."""

    dimensions = ("valence",)

    def forward(self, frames):
        return (frames * (frames > 0.5)).mean((2, 3, 4)).unsqueeze(2)


def test_where_something_is_approximated_each_window_tells_what_it_misses():
    model, clips = Thresholded(), windows([8, 8, 8])
    run = together(exact_deeplift, clips)
    for clip in clips:
        one, alone = run(model, clip, Target()), exact_deeplift(model, clip, Target())
        assert alone.approximated and one.approximated == alone.approximated
        assert one.relative_delta == alone.relative_delta and one.notes == alone.notes


def test_windows_are_computed_together(network):
    calls = []
    handle = network.register_forward_hook(lambda *_: calls.append(1))
    try:
        run = together(saliency, clips := windows([8] * 6), most=4)
        for clip in clips:
            run(network, clip, Target())
    finally:
        handle.remove()
    assert len(calls) == 2  # four, then two


def test_a_window_asked_for_again_is_computed_again(network):
    run = together(input_x_gradient, clips := windows([8, 8]))
    first, again = run(network, clips[1], Target()), run(network, clips[1], Target())
    np.testing.assert_allclose(first.values, again.values, atol=1e-6)


def test_a_method_that_looks_at_all_windows_comes_back_as_it_is():
    assert together(integrated_gradients, windows([8, 8])) is integrated_gradients
    assert together(saliency, windows([8, 8]), most=1) is saliency
