"""The attention itself as a map over pixels, alone and with the direction in which it pulls the prediction."""

import torch
from torch import nn

from stavis.attention.hooks import Attention, inject_attention, record_attention
from stavis.attention.tokens import TokenAttention
from stavis.attribution.target import attribution_context, described
from stavis.attribution.token_methods import attention_times_gradient
from stavis.regions import spread
from stavis.types import Attribution, Clip, Target


@described("Attention", "1 run", "says where the network looked, not what that did to the prediction", attention=True)
def raw_attention(
    model: nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    attention: Attention | None = None,
    layout: str | None = None,
) -> Attribution:
    """Where the network looked: its attention on the clip's grid, each frame sums to 1."""
    with (
        attribution_context(model, clip, target) as context,
        torch.no_grad(),
        record_attention(context.model, attention, layout=layout) as recorder,
    ):
        context.value(context.frames)
        context.notes.add(*recorder.notes)
        return context.to_attribution(raw_attention.label, spread(recorder.weights[0].cpu().double().numpy(), clip.frames.shape[1:3]))


@described("Attention × gradient", "1 gradient", attention=True)
def attention_x_gradient(
    model: nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    attention: Attention | None = None,
    layout: str | None = None,
) -> Attribution:
    """What the weight of each cell does to the target: the attention times the target's slope in it, on the clip's grid."""
    with attribution_context(model, clip, target) as context:
        if isinstance(attention, TokenAttention) and attention.has_heads:
            product = attention_times_gradient(context, attention).cpu().double().numpy()
            return context.to_attribution(attention_x_gradient.label, spread(product, clip.frames.shape[1:3]))
        with torch.no_grad(), record_attention(context.model, attention, layout=layout) as recorder:
            context.value(context.frames)
        context.notes.add(*recorder.notes)
        weights = recorder.weights.detach().requires_grad_(True)
        with inject_attention(context.model, weights, attention, layout=layout):
            value = context.value(context.frames.detach().requires_grad_(True)).sum()  # frames that ask: cuts are looked for
        (gradient,) = torch.autograd.grad(value, weights, allow_unused=True)
        product = torch.zeros_like(weights) if gradient is None else weights.detach() * gradient
        return context.to_attribution(
            attention_x_gradient.label, spread(product[0].detach().cpu().double().numpy(), clip.frames.shape[1:3])
        )
