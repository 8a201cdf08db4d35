"""What can be asked of a network's attention: its own maps on a clip, and whether others can be put in their place."""

import numpy as np
import torch

from stavis.attention.hooks import Attention, inject_attention, record_attention
from stavis.attention.token_maps import token_maps
from stavis.attention.tokens import TokenAttention
from stavis.attribution.target import AttributionContext
from stavis.errors import StavisError

SAME = 1e-4
"""How far a prediction may move, as a fraction of its size, when a network's own attention is put back: rounding."""


def own_maps(asked: AttributionContext, attention: Attention | None) -> tuple[torch.Tensor, np.ndarray]:
    """The network's own attention (1,T,h,w) on the clip, and its prediction over time (T,); relevance is that for the clip's target."""
    if isinstance(attention, TokenAttention) and attention.kind != "raw":
        run = lambda: asked.value.trace(asked.frames)  # noqa: E731
        trace, maps = token_maps(asked.model, attention, run, asked.value.of_trace, asked.notes)
    else:
        with torch.no_grad(), record_attention(asked.model, attention) as recorder:
            trace = asked.value.trace(asked.frames)
        maps = recorder.weights
    return maps.detach(), trace[0].detach().double().cpu().numpy()


def why_fixed(asked: AttributionContext, attention: Attention | None, maps: torch.Tensor, own: np.ndarray) -> str:
    """Why a network's attention cannot be replaced, in a sentence; '' where its own map, put back, leaves the prediction as it is."""
    if not isinstance(attention, TokenAttention):
        return ""
    if attention.kind != "raw":
        return (
            f"The maps ({attention.kind}) are put together from {len(attention.paths)} layers, so that no weights of the network could be "
            "replaced by them: load it with maps='raw' to ask this."
        )
    try:
        with torch.no_grad(), inject_attention(asked.model, maps, attention):
            again = asked.value.trace(asked.frames)[0].double().cpu().numpy()
    except StavisError as error:
        return f"The attention cannot be replaced: {error}"
    moved = float(np.abs(again - own).max())
    if moved > SAME * max(float(np.abs(own).max()), 1e-6):
        return f"The attention cannot be replaced: its own map, put back, moves the prediction by {moved:.2g}."
    return ""
