"""Weights seen and replaced inside modules: fused products, multi-head attention and plain softmax give what they gave."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from stavis.attention.hooks import inject_attention, record_attention
from stavis.attention.inside import Tap, WeightsInside, written_out
from stavis.attention.token_layers import record_layers
from stavis.errors import StavisError
from tests.attribution.networks import nothing_left

GENERATOR = torch.Generator().manual_seed(0)
QUERY, KEY, VALUE = (torch.randn(2, 4, 6, 8, generator=GENERATOR) for _ in range(3))
MASK = torch.rand(6, 6, generator=GENERATOR) > 0.3
MASK[:, 0] = True
PRODUCTS = {
    "plain": {},
    "scaled": {"scale": 0.2},
    "causal": {"is_causal": True},
    "masked": {"attn_mask": MASK},
    "biased": {"attn_mask": MASK.float()},
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_fused_product_is_the_same_and_its_weights_are_seen(name):
    seen = []
    expected = functional.scaled_dot_product_attention(QUERY, KEY, VALUE, **PRODUCTS[name])
    with WeightsInside(lambda weights: seen.append(weights) or weights):
        found = functional.scaled_dot_product_attention(QUERY, KEY, VALUE, **PRODUCTS[name])
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(seen[0] @ VALUE, expected)


def test_grouped_queries_and_dropout():
    few = KEY[:, :2], VALUE[:, :2]
    expected = functional.scaled_dot_product_attention(QUERY, *few, enable_gqa=True)
    with WeightsInside(lambda weights: weights):
        torch.testing.assert_close(functional.scaled_dot_product_attention(QUERY, *few, enable_gqa=True), expected)
        with pytest.raises(StavisError, match="dropout is on"):
            functional.scaled_dot_product_attention(QUERY, KEY, VALUE, dropout_p=0.1)


HEADS = {
    "one input": {},
    "keys of another width": {"kdim": 5, "vdim": 7},
    "no bias": {"bias": False},
    "batch first": {"batch_first": True},
}


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention_is_the_same_and_follows_replaced_weights(name, batched, need_weights):
    torch.manual_seed(0)
    module = nn.MultiheadAttention(8, 2, **HEADS[name]).eval()
    query, key, value = (torch.randn(6, 3, width) for width in (8, HEADS[name].get("kdim", 8), HEADS[name].get("vdim", 8)))
    given = (query, key, value) if batched else tuple(one[:, 0] for one in (query, key, value))
    with torch.no_grad(), written_out():
        output, weights = module(*given, need_weights=need_weights)
        with WeightsInside(lambda weights: weights.clone()):
            same, seen = module(*given, need_weights=need_weights)
        with WeightsInside(lambda weights: torch.full_like(weights, 1 / weights.shape[-1])):
            uniform, _ = module(*given, need_weights=need_weights)
    torch.testing.assert_close(same, output, rtol=0, atol=1e-6)
    assert (seen is None) == (not need_weights)
    if need_weights:
        torch.testing.assert_close(seen, weights)
    along = 1 if HEADS[name].get("batch_first") and batched else 0
    torch.testing.assert_close(uniform, uniform.mean(along, keepdim=True).expand_as(uniform))  # all queries read the same mean


@pytest.mark.parametrize(
    "softmax", [lambda x: x.softmax(-1), lambda x: torch.softmax(x, 2), nn.Softmax(2), lambda x: functional.softmax(x, dim=2)]
)
def test_every_way_to_write_a_softmax_is_seen(softmax):
    seen = []
    with WeightsInside(lambda weights: seen.append(weights) or torch.zeros_like(weights)):
        found = softmax(torch.rand(2, 3, 4))
        torch.softmax(torch.rand(2, 3, 4), 1)  # over queries: no attention
    assert len(seen) == 1 and not found.any()


class Block(nn.Module):
    """A transformer over the patches of each frame, whose layers give no weights to anybody."""

    def __init__(self, layers: int = 2):
        super().__init__()
        torch.manual_seed(1)
        self.embed = nn.Conv2d(3, 8, 8, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(8, 1)

    def forward(self, frames):
        tokens = self.embed(frames.flatten(0, 1)).flatten(2).transpose(1, 2)
        return self.head(self.encoder(tokens).mean(1)).unflatten(0, frames.shape[:2])


FRAMES = torch.rand(2, 3, 3, 32, 32, generator=torch.Generator().manual_seed(2))
LAYOUT = "(b t) heads (h w) (h w)"
LAST = "encoder.layers.1.self_attn"


def test_the_weights_inside_a_transformer_layer_are_recorded_and_their_own_map_changes_nothing():
    model = Block().eval()
    with torch.no_grad():
        own = model(FRAMES)
        with record_attention(model, LAST, layout=LAYOUT) as recorder, record_layers(model, [LAST]) as layers:
            torch.testing.assert_close(model(FRAMES), own, rtol=0, atol=1e-6)
        expected = layers.of(LAST).mean(1).unflatten(0, (2, 3)).unflatten(2, (4, 4))
        torch.testing.assert_close(recorder.weights, expected)
        with inject_attention(model, recorder.weights, LAST, layout=LAYOUT):
            torch.testing.assert_close(model(FRAMES), own, rtol=0, atol=1e-6)
        other = torch.rand(2, 3, 4, 4).flatten(2).softmax(2).unflatten(2, (4, 4))
        with inject_attention(model, other, LAST, layout=LAYOUT), record_attention(model, LAST, layout=LAYOUT) as recorder:
            assert not torch.allclose(model(FRAMES), own, atol=1e-5)
    torch.testing.assert_close(recorder.weights, other, rtol=1e-3, atol=1e-5)
    assert nothing_left(model)


def test_gradients_flow_into_weights_put_inside():
    model = Block().eval().requires_grad_(False)
    maps = torch.full((1, 3, 4, 4), 1 / 16, requires_grad=True)
    with inject_attention(model, maps, LAST, layout=LAYOUT):
        model(FRAMES).sum().backward()
    assert maps.grad.abs().sum() > 0


def test_an_error_inside_the_module_leaves_nothing_on():
    model = Block().eval()
    model.encoder.layers[1].self_attn.out_proj = nn.Linear(3, 3)
    with pytest.raises(RuntimeError), record_attention(model, LAST, layout=LAYOUT):
        model(FRAMES)
    assert nothing_left(model) and torch._C._len_torch_function_stack() == 0
    assert torch.backends.mha.get_fastpath_enabled()


def test_two_attentions_in_one_module_ask_for_a_choice():
    model = Block().eval()
    with pytest.raises(StavisError, match="computes 2 attentions that fit"), record_attention(model, "encoder", layout=LAYOUT):
        model(FRAMES)


def test_a_tap_is_on_while_its_module_runs_only():
    seen, module = [], nn.Sequential(nn.Softmax(-1))
    handles = Tap(module, lambda weights: seen.append(weights) or weights).handles
    torch.rand(2, 3).softmax(-1)
    module(torch.rand(2, 3))
    for handle in handles:
        handle.remove()
    module(torch.rand(2, 3))
    assert len(seen) == 1
