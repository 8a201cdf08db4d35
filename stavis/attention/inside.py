"""The attention weights that a module computes inside: seen, and others put in their place, without its code being touched.

Softmax over the last axis, fused scaled dot products and torch's multi-head attention are caught while the module runs.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from stavis.errors import StavisError

See = Callable[[torch.Tensor], torch.Tensor]
SOFTMAXES = (functional.softmax, torch.softmax, torch.Tensor.softmax, torch.special.softmax)


class WeightsInside(TorchFunctionMode):
    """While it is on, the weights of every attention pass through `see`, which gives them back or others in their place.

    Weights are (..., queries, keys); those of a fused product or of multi-head attention (batch, heads, queries, keys).
    """

    def __init__(self, see: See):
        super().__init__()
        self.see = see

    def __torch_function__(self, func, types, args=(), kwargs=None):
        options = kwargs or {}
        if func in SOFTMAXES:
            weights = func(*args, **options)
            dim = args[1] if len(args) > 1 else options.get("dim")
            return self.see(weights) if dim in (-1, weights.ndim - 1) else weights
        if func is functional.scaled_dot_product_attention:
            return _product(self.see, *args, **options)
        if func is functional.multi_head_attention_forward:
            return _multi_head(self.see, *args, **options)
        return func(*args, **options)


def _product(see: See, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    """scaled_dot_product_attention, written out."""
    if dropout_p > 0:
        raise StavisError("dropout is on in the attention: call model.eval() first.")
    if enable_gqa:
        key, value = (one.repeat_interleave(query.shape[-3] // one.shape[-3], -3) for one in (key, value))
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -math.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
    return see(scores.softmax(-1)) @ value


def _multi_head(
    see: See, query, key, value, embed_dim, heads, in_weight, in_bias, bias_k, bias_v, zero, dropout, out_weight, out_bias, **o
):
    """multi_head_attention_forward: the library's own weights, then its values and its last layer with what `see` makes of them."""
    given = (in_weight, in_bias, bias_k, bias_v, zero, dropout, out_weight, out_bias)
    wanted, averaged = o.get("need_weights", True), o.get("average_attn_weights", True)
    plain = {**o, "need_weights": True, "average_attn_weights": False, "is_causal": False}
    if o.get("is_causal") and o.get("attn_mask") is None:
        raise StavisError("a causal attention without its mask is not seen inside: give it attn_mask.")
    output, weights = functional.multi_head_attention_forward(query, key, value, embed_dim, heads, *given, **plain)
    batched = weights if weights.ndim == 4 else weights[None]
    seen = see(batched)
    more = bias_v is not None or zero or o.get("static_v") is not None
    if more and seen is not batched:
        raise StavisError("a multi-head attention with bias_kv, add_zero_attn or static keys has weights that cannot be replaced.")
    if not more:  # the output as a function of the weights that were seen, so that these have a gradient
        rows = value if value.ndim == 3 else value[:, None]
        weight = o["v_proj_weight"] if o.get("use_separate_proj_weight") else in_weight[2 * embed_dim :]
        values = functional.linear(rows, weight, None if in_bias is None else in_bias[2 * embed_dim :])  # S,B,E
        values = values.unflatten(2, (heads, -1)).permute(1, 2, 0, 3)
        output = functional.linear((seen @ values).permute(2, 0, 1, 3).flatten(2), out_weight, out_bias)  # L,B,E
        output = output if query.ndim == 3 else output[:, 0]
    if not wanted:
        return output, None
    shown = seen.mean(1) if averaged else seen
    return output, shown if query.ndim == 3 else shown[0]


class Tap:
    """Hooks that keep WeightsInside on while one module runs; `see` as there."""

    def __init__(self, module: nn.Module, see: See):
        self._open: list[WeightsInside] = []
        self._see = see
        self.handles = [module.register_forward_pre_hook(self._enter), module.register_forward_hook(self._leave, always_call=True)]

    def _enter(self, _module, _inputs):
        mode = WeightsInside(self._see)
        mode.__enter__()
        self._open.append(mode)

    def _leave(self, _module, _inputs, _output):
        if self._open:
            self._open.pop().__exit__(None, None, None)


@contextmanager
def written_out() -> Iterator[None]:
    """Inside the block torch's transformer layers run as they are written, not as one fused operation that nothing sees into."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
