"""One map per frame from the attention of all of a transformer's layers in one run: rollout, or relevance for a score."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from stavis.attention.calls import Run
from stavis.attention.layouts import RunShape, fit, parse_layout
from stavis.attention.rollout import divided_relevance, divided_rollout, positive_part, relevance, rollout, start_row
from stavis.attention.token_layers import record_layers
from stavis.attention.tokens import TokenAttention
from stavis.errors import StavisError
from stavis.notes import Notes

Result = TypeVar("Result")
Score = Callable[[Result], torch.Tensor]
"""The number that relevance is of, from what a run gives; it may be a sum over clips."""

EMPTY = "There are frames without any positive relevance: they have no map."


def token_maps(
    model: nn.Module, tokens: TokenAttention, forward: Callable[[], Result], score: Score, notes: Notes
) -> tuple[Result, torch.Tensor]:
    """What `forward` (a run of the model) gives, and its maps (B,T,h,w), each frame sums to 1; noted what part of the whole lay in it.

    A frame without any positive relevance has no map: it is NaN.

    Raises StavisError where a frame's attention is empty, or no gradient reaches that of which relevance is asked.
    """
    result, maps = layer_maps(model, tokens, forward, score, notes)
    sums = maps.sum((2, 3), keepdim=True)
    if bool((sums < 0).any()) or not bool(torch.isfinite(sums).all()) or not bool((sums > 0).all() or tokens.kind == "relevance"):
        raise StavisError("the attention of a frame is empty or not finite: choose another layer or kind of map.")
    low, high = float(sums.min()), float(sums.max())
    if tokens.kind == "relevance":
        notes.add("Relevance has no fixed sum: each frame's map is divided by its own.")
        if not low > 0:
            notes.add(EMPTY)
        return result, torch.where(sums > 0, maps / sums, torch.nan)
    if abs(low - 1) > 1e-3 or abs(high - 1) > 1e-3:
        notes.add(f"Of the attention {low:.3g} to {high:.3g} lies in a frame: each frame's map is divided by its sum.")
    return result, maps / sums


def layer_maps(
    model: nn.Module, tokens: TokenAttention, forward: Callable[[], Result], score: Score, notes: Notes
) -> tuple[Result, torch.Tensor]:
    """What `forward` gives, and its maps (B,T,h,w) as they come from the layers: what of the query's attention or relevance is there."""
    graph = tokens.kind == "relevance"
    paths = (*tokens.paths, *tokens.temporal)
    run = Run(model)
    try:
        with torch.set_grad_enabled(graph):
            with record_layers(model, paths, keep_heads=graph, keep_graph=graph) as recorder:
                result = forward()
            weights = {path: recorder.of(path) for path in paths}
            if graph:
                weights = _positive_parts(weights, score(result), notes)
    finally:
        for handle in run.handles:
            handle.remove()
    with torch.no_grad():
        maps = _from_layers(tokens, weights, run.shape, notes)
        return result, run.of_input(over_frames(maps, run.shape.time, notes))


def _positive_parts(weights: dict[str, torch.Tensor], score: torch.Tensor, notes: Notes) -> dict[str, torch.Tensor]:
    """What each layer adds to the relevance for a score, (N,q,k). Raises StavisError where no gradient of the score reaches any."""
    gradients = (None,)
    if score.requires_grad:
        gradients = torch.autograd.grad(score.sum(), list(weights.values()), allow_unused=True)
    missing = sum(one is None for one in gradients)
    if missing == len(gradients):
        raise StavisError(
            "no gradient of the output reaches the attention, so it has no relevance (torch.no_grad or detach in the network?): let "
            "gradients through, or choose another kind of map."
        )
    if missing:
        notes.add(f"No gradient of the output reaches {missing} of {len(gradients)} attention layers: their relevance is left out.")
    pairs = zip(weights.items(), gradients, strict=True)
    added = {path: positive_part(one.detach(), torch.zeros_like(one) if slope is None else slope) for (path, one), slope in pairs}
    return {path: one.double() for path, one in added.items()}  # small beside the identity that they are added to


def _from_layers(tokens: TokenAttention, weights: dict[str, torch.Tensor], run: RunShape, notes: Notes) -> torch.Tensor:
    """Maps (N,t,h,w) on the tokens' own grid."""
    layout = parse_layout(tokens.layout)
    layers = [weights[path] for path in tokens.paths]
    first = layers[0]
    if tokens.temporal:
        over_space = [one.unflatten(0, (run.batch, run.time)) for one in layers]
        over_time = [weights[path].unflatten(0, (run.batch, -1)) for path in tokens.temporal]
        sizes = fit(layout, (len(first), 1, *first.shape[1:]), run).sizes
        put_together = divided_relevance if tokens.kind == "relevance" else divided_rollout
        return put_together(over_space, over_time).unflatten(2, (sizes["h"], sizes["w"]))
    start = start_row(first.shape[-1], first, class_token=bool(layout.axes[-1].extra))
    row = rollout(layers, start) if tokens.kind == "rollout" else relevance(layers, start)
    shape = (len(row), 1, row.shape[1], row.shape[1])
    fitted = fit(layout, shape, run)
    notes.add(*fitted.guessed)
    return fitted.to_maps(row[:, None, None].expand(shape))


def over_frames(maps: torch.Tensor, length: int, notes: Notes) -> torch.Tensor:
    """Maps (N,t,h,w) for every frame of a clip: (N,T,h,w), tubelets spread over theirs, said."""
    maps = maps.reshape(-1, length, *maps.shape[2:]) if maps.shape[1] == 1 and length > 1 else maps
    if maps.shape[1] != length:
        notes.add(f"the attention has {maps.shape[1]} steps in time for {length} frames: each is shown for its frames.")
        maps = maps.repeat_interleave(length // maps.shape[1], 1)
    return maps
