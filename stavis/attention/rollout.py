"""From the attention of many layers to what one query looks at: rollout and gradient-weighted relevance, on plain tensors.

All functions carry one row of the product of the layers' matrices from the last layer to the first, so that no matrix over all tokens is
multiplied with another: the memory is that of one layer's weights.

References
----------
Abnar, Zuidema: Quantifying attention flow in transformers. ACL 2020.
Chefer, Gur, Wolf: Generic attention-model explainability for interpreting bi-modal and encoder-decoder transformers. ICCV 2021.
Bertasius, Wang, Torresani: Is space-time attention all you need for video understanding? ICML 2021.
"""

from collections.abc import Sequence

import torch


def start_row(tokens: int, like: torch.Tensor, *, class_token: bool) -> torch.Tensor:
    """The query whose attention is followed, (N,tokens): the class token, or the mean over all tokens."""
    row = like.new_zeros(len(like), tokens)
    if class_token:
        row[:, 0] = 1
    else:
        row[:] = 1 / tokens
    return row


def rollout(layers: Sequence[torch.Tensor], start: torch.Tensor) -> torch.Tensor:
    """Attention rollout: the row `start` (N,k) times the product of (A + I)/2 over the layers, the last first.

    layers: the weights of each layer, first to last, (N,k,k) or with heads (N,heads,k,k), of which the mean is taken. Each row of the
    result sums to 1 where those of `start` and of the weights do.
    """
    row = start
    for weights in reversed(layers):
        weights = weights.mean(1) if weights.ndim == 4 else weights
        row = (row + torch.einsum("nq,nqk->nk", row, weights)) / 2
    return row


def relevance(layers: Sequence[torch.Tensor], start: torch.Tensor) -> torch.Tensor:
    """Relevance of each token for a score: the row `start` (N,k) times the product of I + each layer's positive part, less `start`.

    layers: what each layer adds, (N,k,k) (see `positive_part`), first to last. 0 or more; it has no fixed sum.
    """
    row = start
    for added in reversed(layers):
        row = row + torch.einsum("nq,nqk->nk", row, added)
    return row - start


def divided_rollout(spatial: Sequence[torch.Tensor], temporal: Sequence[torch.Tensor]) -> torch.Tensor:
    """Rollout of the class token through divided space-time attention: time first, then space, in every layer.

    spatial: each layer's weights (N,T,1+P,1+P), means over heads, the class token first; it has one copy a frame, whose results are
    averaged. temporal: (N,P,T,T), each patch among its own frames, without the class token. Each half has its own residual connection,
    so each is (A + I)/2.

    Returns
    -------
    Tensor (N,T,P)
        What of the class token's attention flows to each patch; the rest stays with the class token.
    """
    token, row = _class_row(spatial[0])
    for space, time in zip(reversed(spatial), reversed(temporal), strict=True):
        to_token, moved = _through_space(token, row, space)
        token, row = (token + to_token) / 2, (row + moved) / 2
        row = (row + torch.einsum("ntp,nptk->nkp", row, time)) / 2
    return row


def divided_relevance(spatial: Sequence[torch.Tensor], temporal: Sequence[torch.Tensor]) -> torch.Tensor:
    """Relevance of each patch for a score through divided space-time attention: each half's I + mean over heads of (dA * A)+.

    spatial: (N,T,1+P,1+P) and temporal: (N,P,T,T) as for `divided_rollout`, but each layer's positive parts of weights times gradients
    (see `positive_part`). A score's gradient in a copy of the class token holds its part in their average already, so that their
    relevances are added. Returns (N,T,P), 0 or more; it has no fixed sum.
    """
    token, row = _class_row(spatial[0])
    for space, time in zip(reversed(spatial), reversed(temporal), strict=True):
        to_token, moved = _through_space(token * space.shape[1], row, space)
        token, row = token + to_token, row + moved
        row = row + torch.einsum("ntp,nptk->nkp", row, time)
    return row


def positive_part(weights: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    """What one attention adds to relevance: the mean over heads of (dA * A)+, (...,heads,q,k) -> (...,q,k)."""
    return (weights * gradients).clamp(min=0).mean(-3)


def _class_row(first: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    frames, patches = first.shape[1], first.shape[2] - 1
    return first.new_ones(len(first)), first.new_zeros(len(first), frames, patches)


def _through_space(token: torch.Tensor, row: torch.Tensor, space: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the row (class token (N,), patches (N,T,P)) becomes through spatial attention with one copy of the class token a frame."""
    frames = space.shape[1]
    copies = torch.cat([(token / frames)[:, None, None].expand(-1, frames, 1), row], 2)
    moved = torch.einsum("ntq,ntqk->ntk", copies, space)
    return moved[..., 0].sum(1), moved[..., 1:]
