"""Laws of the attribution methods, each by its own definition; all share one signature and leave nothing behind."""

import numpy as np
import pytest
import torch
from torch import nn

from stavis.attention.hooks import record_attention
from stavis.attribution.attention_maps import attention_x_gradient, raw_attention
from stavis.attribution.baselines import baseline_frames
from stavis.attribution.methods import (
    ALL_METHODS,
    DEFAULT_METHODS,
    deconvolution,
    grad_cam,
    guided_backprop,
    input_x_gradient,
    integrated_gradients,
    occlusion,
    saliency,
    smooth_grad,
)
from stavis.attribution.regions import region_ablation, region_shapley
from stavis.errors import StavisError, StavisWarning
from stavis.models.sta import STA
from stavis.regions import spread
from stavis.tensors import as_input
from stavis.types import Attribution, Target
from tests.attribution.networks import SmallSTA, make_clip, nothing_left, same_state, state_of

EVERY = [*ALL_METHODS, region_shapley, region_ablation]


class Linear(nn.Module):
    """A linear function of the pixels, each frame by itself."""

    dimensions = ("valence",)

    def __init__(self, size=32):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(3, size, size, generator=generator) / size)

    def forward(self, frames):
        return (frames * self.weight).sum((2, 3, 4)).unsqueeze(-1) + 0.3


@pytest.fixture(params=["small", "shipped"])
def model(request):
    torch.manual_seed(0)
    return SmallSTA() if request.param == "small" else STA()


@pytest.mark.parametrize("method", EVERY, ids=lambda method: method.label)
def test_one_signature_one_shape_nothing_left(method, model):
    clip = make_clip()
    before = state_of(model)
    result = method(model, clip, Target(frame=4))
    assert isinstance(result, Attribution)
    assert result.values.shape == clip.frames.shape[:3]
    assert result.values.dtype == np.float32
    assert np.isfinite(result.values).all()
    assert result.values.any()
    assert (result.method, result.target) == (method.label, Target(frame=4))
    assert result.seconds > 0
    assert same_state(model, before)
    assert method.cost


@pytest.mark.parametrize("method", EVERY, ids=lambda method: method.label)
def test_the_same_again(method):
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip(frames=3)
    np.testing.assert_array_equal(method(model, clip).values, method(model, clip).values)


@pytest.mark.parametrize("method", [m for m in ALL_METHODS if m not in (raw_attention,)], ids=lambda method: method.label)
def test_a_randomised_head_changes_the_map(method):
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip()
    own = method(model, clip).values
    torch.manual_seed(1)
    for module in (model.head, model.body):
        for part in module.modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
    assert not np.allclose(method(model, clip).values, own, rtol=1e-3)


def test_defaults_are_among_all():
    assert set(DEFAULT_METHODS) <= set(ALL_METHODS)
    assert len({method.label for method in EVERY}) == len(EVERY)


def test_on_a_linear_model_all_complete_methods_agree():
    model, clip = Linear(), make_clip()
    change = as_input(clip.frames) - baseline_frames(clip)
    truth = (change * model.weight).sum(2)[0].detach().numpy() / len(clip)
    path = integrated_gradients(model, clip, steps=3)
    np.testing.assert_allclose(path.values, truth, atol=1e-6)
    assert path.relative_delta < 1e-4
    gradient = model.weight.sum(0).detach().numpy() / len(clip)
    np.testing.assert_allclose(saliency(model, clip).values, np.broadcast_to(gradient, clip.frames.shape[:3]), atol=1e-7)
    product = (as_input(clip.frames) * model.weight).sum(2)[0].detach().numpy() / len(clip)
    np.testing.assert_allclose(input_x_gradient(model, clip).values, product, atol=1e-6)
    np.testing.assert_allclose(smooth_grad(model, clip, samples=3).values, saliency(model, clip).values, atol=1e-6)
    whole = occlusion(model, clip, blocks=(1, 1, 1)).values
    np.testing.assert_allclose(whole, truth.sum() / truth.size, rtol=1e-3)
    assert occlusion(model, clip).values.sum() == pytest.approx(truth.sum(), rel=1e-3)
    by_block = occlusion(model, clip, blocks=(6, 4, 4)).values
    np.testing.assert_allclose(by_block[:, :8, :8].sum((1, 2)), truth[:, :8, :8].sum((1, 2)), atol=1e-5)


def test_integrated_gradients_is_complete_at_32_steps():
    for seed in range(3):
        torch.manual_seed(seed)
        model = SmallSTA(activation=nn.SiLU)
        assert integrated_gradients(model, make_clip(seed)).relative_delta < 0.01


def test_too_few_steps_are_said():
    class Sharp(Linear):
        def forward(self, frames):
            return torch.sigmoid(200 * (super().forward(frames) - 0.3))

    with pytest.warns(StavisWarning, match="take more steps"):
        result = integrated_gradients(Sharp(), make_clip(3), steps=1)
    assert result.relative_delta > 0.05


def test_memory_batches_do_not_change_the_answer():
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip()
    for method, option in (
        (integrated_gradients, "internal_batch_size"),
        (occlusion, "internal_batch_size"),
        (region_shapley, "internal_batch_size"),
    ):
        one, four = (method(model, clip, **{option: size}).values for size in (1, 4))
        np.testing.assert_allclose(one, four, atol=1e-7 + 1e-4 * np.abs(one).max())


def test_smooth_grad_draws_by_its_seed_alone():
    model, clip = SmallSTA(), make_clip()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    a = smooth_grad(model, clip, seed=1).values
    assert torch.equal(torch.rand(1), expected)
    np.testing.assert_array_equal(a, smooth_grad(model, clip, seed=1).values)
    assert not np.array_equal(a, smooth_grad(model, clip, seed=2).values)


def test_guided_methods_say_where_there_is_no_relu():
    model = SmallSTA(activation=nn.GELU)
    for method in (guided_backprop, deconvolution):
        with pytest.warns(StavisWarning, match="no nn.ReLU"):
            np.testing.assert_array_equal(method(model, make_clip()).values, saliency(model, make_clip()).values)


def test_guided_hooks_go_even_after_an_error():
    class Fails(SmallSTA):
        def forward(self, frames, attention=None):
            super().forward(frames)
            raise RuntimeError("no luck")

    model = Fails()
    with pytest.raises(StavisError, match="no luck"):
        guided_backprop(model, make_clip())
    assert nothing_left(model)


def test_grad_cam_keeps_sign_and_time():
    class Sees(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv3d(3, 1, 1, bias=False)
            self.layer.weight.data.fill_(1.0)

        def forward(self, frames):
            return -self.layer(frames.transpose(1, 2)).mean((3, 4)).transpose(1, 2)

    model, clip = Sees(), make_clip()
    cam = grad_cam(model, clip, Target(frame=2)).values
    brightness = clip.frames[2].astype(float).sum(2)
    assert (cam <= 0).all()
    assert not cam[[0, 1, 3, 4, 5]].any()
    assert np.corrcoef(cam[2].ravel(), -brightness.ravel())[0, 1] > 0.999


def test_grad_cam_takes_a_layer_and_refuses_others():
    model, clip = SmallSTA(), make_clip()
    assert grad_cam(model, clip, layer=model.encoder[0]).values.any()
    assert grad_cam(model, clip, layer="stem.0").values.any()
    with pytest.raises(StavisError, match="no part of this"):
        grad_cam(model, clip, layer=nn.Conv3d(1, 1, 1))
    with pytest.raises(StavisError, match="no module"):
        grad_cam(model, clip, layer="nowhere")
    with pytest.raises(StavisError, match="no convolution"):
        grad_cam(Linear(), clip)


def test_raw_attention_is_the_attention(model):
    clip = make_clip()
    result = raw_attention(model, clip).values
    np.testing.assert_allclose(result.sum((1, 2)), 1, rtol=1e-5)
    with torch.no_grad(), record_attention(model.eval()) as recorder:
        model(as_input(clip.frames))
    np.testing.assert_allclose(result, spread(recorder.weights[0].double().numpy(), (32, 32)), atol=1e-7)


def test_spreading_keeps_the_sum_at_any_size():
    rng = np.random.default_rng(0)
    for grid, size in (((4, 4), (32, 32)), ((5, 7), (32, 30)), ((14, 14), (112, 112)), ((3, 3), (2, 2))):
        maps = rng.normal(size=(3, *grid))
        np.testing.assert_allclose(spread(maps, size).sum((1, 2)), maps.sum((1, 2)), atol=1e-5)


def test_attention_methods_ask_for_attention():
    for method in (raw_attention, attention_x_gradient):
        assert method.needs_attention
        with pytest.raises(StavisError, match="give attention=<module>"):
            method(Linear(), make_clip())


def test_a_model_without_attention_has_all_the_others():
    model = nn.Sequential(nn.Conv3d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d((None, 1, 1)), nn.Flatten(2))

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers, self.out = model, nn.Linear(4, 1)

        def forward(self, frames):
            return self.out(self.layers(frames.transpose(1, 2)).transpose(1, 2))

    for method in EVERY:
        if not method.needs_attention:
            assert method(Plain(), make_clip()).values.any()


def test_baselines():
    clip = make_clip()
    for name in ("blur", "mean", "black"):
        frames = baseline_frames(clip, name)
        assert frames.shape == (1, 6, 3, 32, 32)
        assert 0 <= float(frames.min()) <= float(frames.max()) <= 1
    own = baseline_frames(clip, clip.frames[::-1])
    torch.testing.assert_close(own, as_input(clip.frames[::-1].copy()))
    assert float(baseline_frames(clip).std()) < 0.5 * float(as_input(clip.frames).std())
    with pytest.raises(StavisError, match="choose blur, mean or black"):
        baseline_frames(clip, "grey")
    with pytest.raises(StavisError, match="same shape"):
        baseline_frames(clip, clip.frames[:2])


def test_wrong_blocks_are_refused():
    with pytest.raises(StavisError, match="three counts"):
        occlusion(SmallSTA(), make_clip(), blocks=(0, 2, 2))
