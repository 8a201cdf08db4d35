"""Exact DeepLIFT on the layers and operations of this field: each complete under a rule, or named beside its completeness error."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from stavis.attribution.cuts import SAID
from stavis.attribution.deeplift import exact_deeplift
from stavis.errors import StavisError
from tests.attribution.networks import make_clip, nothing_left
from tests.attribution.test_deeplift import framewise

CLIP = make_clip(1, frames=3)


def tokens(features):
    """Nine tokens of eight features for each frame."""
    return functional.adaptive_avg_pool2d(features, 3).flatten(2).transpose(1, 2)


def cell(module, states):
    def run(x, layer):
        steps = tokens(x).unbind(1)
        state = None
        for step in steps:
            state = layer(step, state)
        return state[0] + state[1] if states == 2 else state

    return [module], run


def packed(layer):
    def run(x, layer):
        lengths = torch.tensor([9, 4, 6][: len(x)] + [2] * max(0, len(x) - 3))
        sequence = pack_padded_sequence(tokens(x), lengths, batch_first=True, enforce_sorted=False)
        output, state = layer(sequence)
        padded, _ = pad_packed_sequence(output, batch_first=True, total_length=9)
        state = state[0] if isinstance(state, tuple) else state
        return torch.cat([padded.flatten(1), state.transpose(0, 1).flatten(1)], 1)

    return [layer], run


def recurrent(layer):
    return [layer], lambda x, layer: layer(tokens(x))[0]


def attention(x, layer, **options):
    read, weights = layer(tokens(x), tokens(x).tanh(), tokens(x), **options)
    return torch.cat([read.flatten(1), weights.flatten(1)], 1)


PADDING = torch.tensor([[False] * 6 + [True] * 3] * 3)
CAUSAL = nn.Transformer.generate_square_subsequent_mask(9)


def encoder_layer(**options):
    return nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True, **options)


LAYERS = {
    "LSTMCell": lambda: cell(nn.LSTMCell(8, 5), 2),
    "GRUCell": lambda: cell(nn.GRUCell(8, 5), 1),
    "RNNCell": lambda: cell(nn.RNNCell(8, 5), 1),
    "RNNCell relu, no bias": lambda: cell(nn.RNNCell(8, 5, bias=False, nonlinearity="relu"), 1),
    "RNN": lambda: recurrent(nn.RNN(8, 5, 2, batch_first=True, bidirectional=True)),
    "RNN relu": lambda: recurrent(nn.RNN(8, 5, batch_first=True, nonlinearity="relu")),
    "LSTM with projection": lambda: recurrent(nn.LSTM(8, 5, 2, batch_first=True, bidirectional=True, proj_size=3)),
    "LSTM with projection, no bias": lambda: recurrent(nn.LSTM(8, 5, batch_first=True, bias=False, proj_size=3)),
    "LSTM with dropout": lambda: recurrent(nn.LSTM(8, 5, 2, batch_first=True, dropout=0.5)),
    "packed LSTM": lambda: packed(nn.LSTM(8, 5, 2, batch_first=True, bidirectional=True)),
    "packed LSTM with projection": lambda: packed(nn.LSTM(8, 5, batch_first=True, proj_size=3)),
    "packed GRU": lambda: packed(nn.GRU(8, 5, batch_first=True, bidirectional=True)),
    "packed RNN": lambda: packed(nn.RNN(8, 5, batch_first=True)),
    "MultiheadAttention": lambda: ([nn.MultiheadAttention(8, 2, batch_first=True)], attention),
    "MultiheadAttention by head": lambda: (
        [nn.MultiheadAttention(8, 2, bias=False, batch_first=True)],
        lambda x, layer: attention(x, layer, average_attn_weights=False),
    ),
    "MultiheadAttention of other widths": lambda: (
        [nn.MultiheadAttention(8, 2, kdim=4, vdim=6, batch_first=True, add_zero_attn=True)],
        lambda x, layer: layer(tokens(x), tokens(x)[..., :4], tokens(x)[..., :6])[0],
    ),
    "MultiheadAttention with masks": lambda: (
        [nn.MultiheadAttention(8, 2, batch_first=True)],
        lambda x, layer: attention(x, layer, key_padding_mask=PADDING[: len(x)], attn_mask=CAUSAL != 0),
    ),
    "MultiheadAttention with a float mask": lambda: (
        [nn.MultiheadAttention(8, 2, batch_first=True)],
        lambda x, layer: attention(x, layer, attn_mask=CAUSAL.expand(2 * len(x), 9, 9)),
    ),
    "TransformerEncoderLayer": lambda: ([encoder_layer()], lambda x, layer: layer(tokens(x))),
    "TransformerEncoderLayer, norm first, gelu": lambda: (
        [encoder_layer(norm_first=True, activation="gelu")],
        lambda x, layer: layer(tokens(x), src_mask=CAUSAL, is_causal=True),
    ),
    "TransformerEncoder": lambda: (
        [nn.TransformerEncoder(encoder_layer(), 2, norm=nn.LayerNorm(8), enable_nested_tensor=False)],
        lambda x, layer: layer(tokens(x), src_key_padding_mask=PADDING[: len(x)]),
    ),
    "TransformerDecoderLayer": lambda: (
        [nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)],
        lambda x, layer: layer(tokens(x), tokens(x).tanh()),
    ),
    "PReLU": lambda: ([nn.PReLU(8)], lambda x, layer: layer(x)),
    "RReLU": lambda: ([nn.RReLU()], lambda x, layer: layer(x)),
    "ReLU in place and forgotten": lambda: ([nn.ReLU(inplace=True)], lambda x, layer: [y := x * 1, layer(y), y][-1]),
    "MaxPool2d ceil mode": lambda: ([nn.MaxPool2d(3, 2, ceil_mode=True)], lambda x, layer: layer(x[..., :7, :])),
    "MaxPool2d ceil mode, padding": lambda: ([nn.MaxPool2d(2, 3, 1, ceil_mode=True)], lambda x, layer: layer(x)),
    "MaxPool2d dilation": lambda: ([nn.MaxPool2d(2, 1, dilation=3)], lambda x, layer: layer(x)),
    "MaxPool1d ceil mode": lambda: ([nn.MaxPool1d(5, 4, 2, ceil_mode=True)], lambda x, layer: layer(x.flatten(2))),
    "MaxPool3d ceil mode": lambda: ([nn.MaxPool3d(3, 2, ceil_mode=True)], lambda x, layer: layer(x.contiguous())),
    "max pooling with indices": lambda: ([nn.MaxPool2d(2, return_indices=True)], lambda x, layer: layer(x)[0]),
    "AdaptiveMaxPool1d": lambda: ([nn.AdaptiveMaxPool1d(7)], lambda x, layer: layer(x.flatten(2))),
    "AdaptiveMaxPool2d": lambda: ([nn.AdaptiveMaxPool2d((3, None))], lambda x, layer: layer(x)),
    "AdaptiveMaxPool2d with indices": lambda: ([nn.AdaptiveMaxPool2d(5, return_indices=True)], lambda x, layer: layer(x)[0]),
    "AdaptiveMaxPool3d": lambda: ([nn.AdaptiveMaxPool3d(3)], lambda x, layer: layer(x)),
}

OPERATIONS = {
    "cosine similarity": lambda x: functional.cosine_similarity(x[:, :4], x[:, 4:], dim=1),
    "cosine similarity to a constant": lambda x: functional.cosine_similarity(x, torch.arange(8.0).view(8, 1, 1), dim=1),
    "hypot": lambda x: torch.hypot(x[:, :4], x[:, 4:]),
    "softmin": lambda x: functional.softmin(x.flatten(1), dim=1),
    "topk": lambda x: x.flatten(1).topk(5).values,
    "smallest k along an axis": lambda x: x.topk(3, dim=1, largest=False).values,
    "sort": lambda x: x.flatten(2).sort(-1)[0],
    "sort down": lambda x: torch.sort(x, dim=1, descending=True).values,
    "median": lambda x: x.flatten(2).median(2).values,
    "median of all": lambda x: x * 0 + x.median(),
    "kthvalue": lambda x: x.flatten(2).kthvalue(7, 2).values,
    "min along an axis": lambda x: x.min(1).values + x.min(),
    "normalize": lambda x: functional.normalize(x, dim=1),
    "norms": lambda x: x.norm(dim=1) + torch.linalg.vector_norm(x, dim=1) + x.norm(p=1, dim=1),
    "variance": lambda x: x.var((2, 3)) + x.std((2, 3)) + x.var((2, 3), unbiased=False),
    "masked softmax": lambda x: tokens(x).masked_fill(PADDING[: len(x), :, None], -torch.inf).softmax(1),
    "grouped dot product": lambda x: functional.scaled_dot_product_attention(
        tokens(x)[:, None].expand(-1, 4, -1, -1), *[tokens(x)[:, None].expand(-1, 2, -1, -1)] * 2, enable_gqa=True
    ),
    "spectrum": lambda x: torch.fft.rfft(x.flatten(2)).abs(),
    "filter in the spectrum": lambda x: torch.fft.irfft(torch.fft.rfft(x) * torch.fft.rfft(x.flip(3))),
}

APPROXIMATED = {
    "cumprod": (lambda x: torch.cumprod(1 + 0.1 * x, 1), "cumprod", 0.01),
    "several outputs": (lambda x: torch.linalg.qr(tokens(x)[:, :8] + 3 * torch.eye(8))[1], "linalg_qr", 0.01),
    "logaddexp": (lambda x: torch.logaddexp(x[:, :4], x[:, 4:]), "logaddexp", 0.01),
    "condition": (lambda x: torch.where(x > 0, x, 0.1 * x * x), "where", None),
    "mask as a factor": (lambda x: x * (x > 0), "gt", None),
    "float mask as a factor": (lambda x: x * (x > 0).float(), "gt", None),
    "rounded, straight through": (lambda x: x + (x.round() - x).detach(), "detach", None),
    "without gradient": (lambda x: x * _sign(x), "no_grad", None),
    "a number": (lambda x: x * x.abs().mean().item(), "item", None),
    "a number by float": (lambda x: x * float(x.abs().mean()), "float", None),
    "rounding": (lambda x: x.round() + x, "round", None),
    "a function of one's own": (lambda x: _Straight.apply(x) * x, "_Straight", None),
    "index by the largest": (lambda x: x.gather(1, x.argmax(1, keepdim=True)), "gather", None),
    "dropout that is on": (lambda x: functional.dropout(x.tanh(), 0.5), "dropout", None),
}


@torch.no_grad()
def _sign(x):
    return x.sign()


class _Straight(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.relu(x).sign()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


@torch.jit.script
def _scripted(x: torch.Tensor) -> torch.Tensor:
    return torch.relu(x) * x


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_complete(name):
    torch.manual_seed(0)
    modules, operation = LAYERS[name]()
    model = framewise(operation, *modules)
    result = exact_deeplift(model, CLIP, unknown="raise")
    assert result.relative_delta <= 1e-5
    assert result.approximated == result.notes == ()
    assert np.abs(result.values).sum() > 0
    assert result.values.sum(dtype=np.float64) == pytest.approx(_change(model), rel=1e-3, abs=1e-6)
    assert nothing_left(model)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_complete(name):
    model = framewise(OPERATIONS[name])
    result = exact_deeplift(model, CLIP, unknown="raise")
    assert result.relative_delta <= 1e-5
    assert result.approximated == result.notes == ()
    assert result.values.sum(dtype=np.float64) == pytest.approx(_change(model), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", APPROXIMATED)
def test_whatever_has_no_rule_is_named_or_refused(name):
    operation, named, largest = APPROXIMATED[name]
    model = framewise(operation)
    result = exact_deeplift(model, CLIP)
    assert named in result.approximated
    *others, note = result.notes
    assert [note.startswith(SAID) for note in others] == [True] * (named in ("no_grad", "detach"))
    assert named in note and f"{100 * result.relative_delta:.2f} %" in note
    if largest is not None:
        assert result.relative_delta <= largest
    with pytest.raises(StavisError, match=r"the operation .* has no rule"):
        exact_deeplift(model, CLIP, unknown="raise")


def test_scripted_code_is_named_or_refused():
    model = framewise(lambda x: _scripted(x).tanh())
    result = exact_deeplift(model, CLIP)
    assert result.approximated
    assert "has no rule for" in result.notes[0]
    with pytest.raises(StavisError, match="has no rule"):
        exact_deeplift(model, CLIP, unknown="raise")


@pytest.mark.parametrize("operation", [lambda x: torch.where(torch.arange(8) < 4, x, -x), lambda x: x * (torch.arange(8) > 3)])
def test_masks_that_do_not_depend_on_the_input_are_not_named(operation):
    assert exact_deeplift(framewise(operation), CLIP, unknown="raise").approximated == ()


def test_numbers_that_are_only_looked_at_are_not_named():
    def logs(x):
        x.detach().mean().item()
        return x.tanh()

    assert exact_deeplift(framewise(logs), CLIP, unknown="raise").approximated == ()


def test_nothing_is_left_on_the_weights():
    weight = nn.ParameterList([torch.randn(5, 8)])
    model = framewise(lambda x, weights: torch.matmul(weights[0], x.flatten(2)).transpose(1, 2) @ weights[0], weight)
    assert exact_deeplift(model, CLIP, unknown="raise").relative_delta <= 1e-5
    assert not any(vars(tensor) for tensor in (*model.parameters(), *model.buffers()))


def _change(model):
    from stavis.attribution.baselines import baseline_frames
    from stavis.tensors import as_input

    with torch.no_grad():
        return float(model(as_input(CLIP.frames)).mean().double() - model(baseline_frames(CLIP)).mean().double())
