"""A network that cuts gradients inside itself is refused where nothing is left, and its maps say so where something is."""

import contextlib

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from stavis.attribution.attention_maps import attention_x_gradient
from stavis.attribution.cuts import SAID, NoGradient
from stavis.attribution.deeplift import exact_deeplift
from stavis.attribution.methods import (
    ALL_METHODS,
    grad_cam,
    guided_backprop,
    guided_grad_cam,
    input_x_gradient,
    integrated_gradients,
    occlusion,
    saliency,
    smooth_grad,
)
from stavis.attribution.regions import region_ablation
from stavis.attribution.target import prepare
from stavis.errors import StavisError
from stavis.models.sta import STA
from tests.attribution.networks import SmallSTA, make_clip, same_state, state_of

CLIP = make_clip(frames=3)
GRADIENTS = [method for method in ALL_METHODS if method is not occlusion and not method.needs_attention]


def _under(context):
    def run(layer, x):
        with context():
            return layer(x)

    return run


def _through_numpy(layer, x):
    return torch.from_numpy(layer(x).detach().numpy())


WAYS = {
    "torch.no_grad or inference_mode": _under(torch.no_grad),
    "set_grad_enabled": _under(lambda: torch.set_grad_enabled(False)),
    "inference_mode, copied": lambda layer, x: _under(torch.inference_mode)(layer, x).clone(),
    "detach": lambda layer, x: layer(x).detach(),
    "data": lambda layer, x: layer(x).data,
    "numpy": _through_numpy,
}
NAMED = {"detach": "detach", "data": "detach", "numpy": "numpy"}


class Cut(nn.Module):
    """A convolution whose gradient is cut in some way, then another; with `beside` a branch that keeps its gradient is added."""

    dimensions = ("valence",)

    def __init__(self, way, beside: bool = False):
        super().__init__()
        torch.manual_seed(0)
        self.way, self.beside = way, beside
        self.first, self.second, self.out = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1), nn.Linear(6, 1)

    def forward(self, frames):
        x = self.way(self.first, frames.flatten(0, 1)).relu()
        x = self.second(x).relu().mean((2, 3))
        x = x + self.first(frames.flatten(0, 1)).mean((2, 3)) if self.beside else x
        return self.out(x).unflatten(0, frames.shape[:2])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", GRADIENTS, ids=lambda method: method.label)
def test_where_all_gradients_are_cut_every_gradient_method_says_the_same(method, way):
    model = Cut(WAYS[way])
    before = state_of(model)
    named = NAMED.get(way, "torch.no_grad or inference_mode")
    with pytest.raises(NoGradient, match=rf"^no gradient of the prediction reaches the pixels \(the model cuts it by {named}\): .*\.$"):
        method(model, CLIP)
    assert same_state(model, before)


def test_numbers_of_inference_mode_that_cannot_be_used_further_are_refused_in_the_same_sentence():
    def squared(layer, x):
        with torch.inference_mode():
            kept = layer(x)
        return kept * x.mean((2, 3), keepdim=True).mean(1, keepdim=True)

    with pytest.raises(NoGradient, match="inference_mode"):
        saliency(Cut(squared), CLIP)


def test_methods_without_gradients_need_none():
    for method in (occlusion, region_ablation):
        result = method(Cut(WAYS["detach"]), CLIP)
        assert result.values.any() and result.notes == ()


@pytest.mark.parametrize("way", WAYS)
def test_where_a_branch_is_left_its_map_says_that_others_are_missing(way):
    for method in (saliency, input_x_gradient, integrated_gradients, smooth_grad, guided_backprop, exact_deeplift):
        notes = [note for note in method(Cut(WAYS[way], beside=True), CLIP).notes if note.startswith(SAID)]
        assert len(notes) == 1 and f"(by {NAMED.get(way, 'torch.no_grad or inference_mode')})" in notes[0]


class Square(torch.autograd.Function):
    """x * x with a gradient of its own: its forward runs without gradients, its result has one."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x.detach() * 2) * (x * 0.5)

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient * ctx.saved_tensors[0]


def _looked_at(layer, x):
    x = layer(x)
    layer.seen = x.detach().numpy().copy()
    with torch.no_grad():
        layer.largest = float(x.max()), x.mean().tolist(), (x > x.mean()).any()
    return x + torch.tensor(0.5) * torch.zeros_like(x) + x.detach().new_zeros(x.shape)


def _placed(layer, x):
    with torch.no_grad():
        places = torch.linspace(0, 1, x.shape[-1]).expand(*x.shape[:1], 6, *x.shape[2:]) * torch.ones_like(x[:, :1])
    return layer(x) + places


@pytest.mark.parametrize("way", [lambda layer, x: Square.apply(layer(x)), _looked_at, _placed], ids=["function", "log", "places"])
def test_what_only_looks_at_numbers_or_has_a_gradient_of_its_own_is_no_cut(way):
    assert saliency(Cut(way), CLIP).notes == ()


def test_what_is_written_on_a_part_of_a_tensor_counts():
    def written(layer, x):
        y = layer(x)
        with torch.no_grad():
            fixed = layer(x)
        y[:, :2] = fixed[:, :2]
        y[:, 2:4].copy_(fixed[:, 2:4])
        return y

    (note,) = saliency(Cut(written), CLIP).notes
    assert note.startswith(SAID)


def test_the_networks_of_the_package_cut_nothing():
    for model in (SmallSTA(), STA()):
        for method in (saliency, attention_x_gradient, grad_cam):
            assert not [note for note in method(model, make_clip(frames=2)).notes if note.startswith(SAID)]


def test_attention_times_gradient_says_it_too():
    class Looks(SmallSTA):
        def forward(self, frames, attention=None):
            with torch.no_grad():
                value = super().forward(frames, attention)
            return value + 0.1 * frames.mean((2, 3, 4)).unsqueeze(-1)

    result = attention_x_gradient(Looks(), CLIP)
    assert not result.values.any() and result.notes[0].startswith(SAID)
    with pytest.raises(NoGradient):
        attention_x_gradient(Cuts(), CLIP)


class Cuts(SmallSTA):
    """All of it without gradients."""

    @torch.no_grad()
    def forward(self, frames, attention=None):
        return super().forward(frames, attention)


def _checkpointed(reentrant: bool):
    return lambda layer, x: checkpoint(lambda part: layer(part).relu(), x, use_reentrant=reentrant)


@pytest.mark.parametrize("reentrant", [True, False])
@pytest.mark.parametrize("method", GRADIENTS, ids=lambda method: method.label)
def test_checkpointing_gives_the_right_map_or_one_sentence(method, reentrant):
    plain, model = Cut(lambda layer, x: layer(x).relu()), Cut(_checkpointed(reentrant))
    before = state_of(model)
    try:
        found = method(model, CLIP)
    except StavisError as error:
        assert str(error).startswith("the model uses activation checkpointing") and "gradient_checkpointing_disable()" in str(error)
        assert reentrant or method in (guided_backprop, guided_grad_cam, exact_deeplift) or method.label == "Deconvolution"
    else:
        np.testing.assert_allclose(found.values, method(plain, CLIP).values, atol=1e-7)
    assert same_state(model, before)


def test_other_errors_inside_a_prepared_model_are_left_as_they_are():
    with pytest.raises(RuntimeError, match="another matter"), prepare(Cut(WAYS["detach"])):
        raise RuntimeError("another matter")
    with contextlib.suppress(ZeroDivisionError), prepare(Cut(WAYS["detach"])):
        raise ZeroDivisionError


def _quantised(layer, x):
    weight = layer.weight.mean((2, 3))
    packed = torch.ops.quantized.linear_prepack(torch.quantize_per_tensor(weight, 0.01, 0, torch.qint8), None)
    return torch.ops.quantized.linear_dynamic(x.movedim(1, -1), packed).movedim(-1, 1)


@torch.library.custom_op("stavis_tests::doubled", mutates_args=())
def _doubled(x: torch.Tensor) -> torch.Tensor:
    return 2 * x


NO_DERIVATIVE = {
    "linear_dynamic": _quantised,
    "heaviside": lambda layer, x: torch.heaviside(layer(x), x.new_zeros(())),
    "stavis_tests.doubled.default": lambda layer, x: _doubled(layer(x)),
}


@pytest.mark.parametrize("name", NO_DERIVATIVE)
@pytest.mark.parametrize("method", [saliency, smooth_grad, integrated_gradients, guided_backprop], ids=lambda method: method.label)
def test_an_operation_without_a_derivative_is_named(method, name):
    with pytest.raises(NoGradient, match=rf"the model cuts it by {name}\)"):
        method(Cut(NO_DERIVATIVE[name]), CLIP)


@pytest.mark.parametrize("name", ["linear_dynamic", "heaviside"])
def test_an_operation_without_a_derivative_beside_others_is_noted(name):
    result = saliency(Cut(NO_DERIVATIVE[name], beside=True), CLIP)
    assert result.values.any() and [note for note in result.notes if note.startswith(SAID) and f"(by {name})" in note]


def test_a_map_that_is_0_everywhere_says_so():
    for method in (saliency, integrated_gradients, smooth_grad):
        result = method(Cut(lambda layer, x: layer(x).round()), CLIP)
        assert not result.values.any() and f"{result.method}: the map is 0 everywhere" in " ".join(result.notes)
    assert not any("0 everywhere" in note for note in saliency(Cut(lambda layer, x: layer(x)), CLIP).notes)
