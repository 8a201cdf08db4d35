"""Laws of the attribution methods, each by its own definition; all share one signature and leave nothing behind."""

import warnings

import captum.attr
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from stavis.attention.hooks import record_attention
from stavis.attribution.attention_maps import attention_x_gradient, raw_attention
from stavis.attribution.baselines import baseline_frames
from stavis.attribution.integration import integrate_path
from stavis.attribution.methods import (
    ALL_METHODS,
    DEFAULT_METHODS,
    deconvolution,
    grad_cam,
    guided_backprop,
    guided_grad_cam,
    input_x_gradient,
    integrated_gradients,
    occlusion,
    saliency,
    smooth_grad,
)
from stavis.attribution.regions import region_ablation, region_shapley
from stavis.attribution.target import attribution_context
from stavis.errors import StavisError
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


def test_integrated_gradients_adapts_until_it_is_complete():
    for seed in range(3):
        torch.manual_seed(seed)
        model = SmallSTA(activation=nn.SiLU)
        assert integrated_gradients(model, make_clip(seed)).relative_delta <= 0.01


class Sharp(Linear):
    """Nearly a step from the baseline to the clip."""

    def forward(self, frames):
        return torch.sigmoid(200 * (super().forward(frames) - 0.3))


def test_too_few_steps_leave_a_result_that_is_not_complete(recwarn):
    result = integrated_gradients(Sharp(), make_clip(3), steps=2)
    assert result.relative_delta > 0.05
    assert not result.complete
    assert integrated_gradients(Sharp(), make_clip(3), steps=65).complete
    assert not recwarn.list
    with pytest.raises(StavisError, match="2 or more"):
        integrated_gradients(Sharp(), make_clip(3), steps=1)


def test_the_path_is_halved_where_the_prediction_bends():
    """On a step a hundredth of the path wide equal intervals miss far more than as many that are halved where it is."""
    clip = make_clip(3)
    with torch.no_grad():
        low, high = (float(Linear()(frames).mean()) for frames in (baseline_frames(clip), as_input(clip.frames)))

    class Step(Linear):
        def forward(self, frames):
            along = (super().forward(frames).mean(1, keepdim=True) - low) / (high - low)
            return torch.sigmoid(400 * (along - 0.3)).expand(-1, frames.shape[1], -1)

    with attribution_context(Step(), clip) as context:
        start = baseline_frames(clip)
        path = integrate_path(context, start, steps=65, tolerance=0.01, batch=4)
        change, nodes = context.frames - start, torch.linspace(0, 1, path.gradients)
        points = (start + nodes.view(-1, 1, 1, 1, 1) * change).requires_grad_(True)
        (gradient,) = torch.autograd.grad(context.value(points).sum(), points)
        equal = float(torch.trapezoid((gradient * change).sum((1, 2, 3, 4)), nodes))
    assert path.difference == pytest.approx(1, abs=1e-3)
    assert float(path.values.sum()) == pytest.approx(path.difference, rel=0.01)
    assert path.gradients < 65
    assert abs(equal - 1) > 0.05


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


def test_guided_methods_say_where_there_is_no_relu(recwarn):
    model = SmallSTA(activation=nn.GELU)
    for method in (guided_backprop, deconvolution):
        result = method(model, make_clip())
        np.testing.assert_array_equal(result.values, saliency(model, make_clip()).values)
        assert result.notes == ("the model ran no ReLU: this is the plain gradient.",)
    assert not recwarn.list


class Rectified(nn.Module):
    """Three convolutions with a ReLU behind each, written in as many ways as given."""

    dimensions = ("valence",)

    def __init__(self, *relus):
        super().__init__()
        torch.manual_seed(7)
        self.layers = nn.ModuleList(nn.Conv3d(inputs, 6, 3, padding=1) for inputs in (3, 6, 6))
        self.modules_ = nn.ModuleList(one for one in relus if isinstance(one, nn.Module))
        self.relus = relus
        self.out = nn.Linear(6, 1)

    def forward(self, frames):
        x = frames.transpose(1, 2) - 0.5
        for layer, relu in zip(self.layers, self.relus, strict=True):
            x = relu(layer(x))
        return self.out(x.mean((3, 4)).transpose(1, 2))


def _in_place_and_forgotten(x):
    functional.relu(x, inplace=True)
    return x


@pytest.mark.parametrize("method", [guided_backprop, deconvolution, guided_grad_cam], ids=lambda method: method.label)
@pytest.mark.parametrize(
    "ways",
    [
        (functional.relu, nn.ReLU(), torch.relu),
        (nn.ReLU(inplace=True), lambda x: x.relu(), lambda x: x.relu_()),
        (functional.relu_, _in_place_and_forgotten, lambda x: torch.clamp(x, min=0)),
        (lambda x: x.clamp_min(0), lambda x: x.clip(0), torch.relu_),
    ],
    ids=["functions", "in place", "forgotten", "clamps"],
)
def test_guided_methods_hold_for_relus_however_they_are_written(method, ways):
    clip = make_clip()
    model = Rectified(nn.ReLU(), nn.ReLU(), nn.ReLU())
    expected = method(model, clip)
    mixed = method(Rectified(*ways), clip)
    np.testing.assert_allclose(mixed.values, expected.values, rtol=0, atol=1e-6 * np.abs(expected.values).max())
    assert mixed.notes == expected.notes == ()
    assert np.abs(expected.values).sum() > 0


def test_guided_backpropagation_is_captums_where_all_relus_are_modules():
    model, clip = Rectified(nn.ReLU(), nn.ReLU(), nn.ReLU()).eval(), make_clip()
    frames = as_input(clip.frames)
    for method, other in ((guided_backprop, captum.attr.GuidedBackprop), (deconvolution, captum.attr.Deconvolution)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            theirs = other(Mean(model)).attribute(frames.clone())
        np.testing.assert_allclose(method(model, clip).values, theirs.sum(2)[0].detach().numpy(), atol=1e-7)


class Mean(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, frames):
        return self.model(frames).mean((1, 2))


class FrameCNN(nn.Module):
    """A 2D network on each frame, run once on all frames folded into the batch, or once for each frame."""

    dimensions = ("valence",)

    def __init__(self, loop: int):
        super().__init__()
        torch.manual_seed(2)
        self.first, self.second = nn.Conv2d(3, 5, 3, 2, 1), nn.Conv2d(5, 6, 3, 2, 1)
        self.read, self.out = nn.GRU(6, 4, batch_first=True), nn.Linear(4, 1)
        self.loop = loop

    def features(self, images):
        return self.second(functional.relu(self.first(images))).relu()

    def forward(self, frames):
        if self.loop:
            pieces = [self.features(part.flatten(0, 1)).unflatten(0, part.shape[:2]) for part in frames.split(self.loop, 1)]
            features = torch.cat(pieces, 1)
        else:
            features = self.features(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        return self.out(self.read(features.mean((3, 4)))[0])


@pytest.mark.parametrize("target", [Target(), Target(frame=2)], ids=["mean", "frame 2"])
@pytest.mark.parametrize("method", [grad_cam, guided_grad_cam], ids=lambda method: method.label)
def test_a_network_called_frame_by_frame_has_the_map_of_the_folded_one(method, target):
    clip = make_clip()
    folded = method(FrameCNN(0), clip, target).values
    assert np.abs(folded[2]).sum() > 0
    for loop in (1, 4):  # one frame a call; four frames and then two
        looped = method(FrameCNN(loop), clip, target).values
        np.testing.assert_allclose(looped, folded, rtol=0, atol=1e-5 * np.abs(folded).max())


def test_grad_cam_refuses_calls_that_are_neither_the_clip_nor_its_frames():
    class Shared(FrameCNN):
        def features(self, images):
            return super().features(images) + super().features(images.flip(-1))

    with pytest.raises(StavisError, match="ran 2 times for 6 frames"):
        grad_cam(Shared(0), make_clip())
    with pytest.raises(StavisError, match="ran 12 times for 6 frames"):
        grad_cam(Shared(1), make_clip())
    with pytest.raises(StavisError, match=r"gives tuple: give Grad-CAM a layer of features"):
        grad_cam(FrameCNN(0), make_clip(), layer="read")
    with pytest.raises(StavisError, match="with features"):
        grad_cam(FrameCNN(0), make_clip(), layer="out")


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
