"""Sanity of a map: does it change with the network, with the input, and no faster than the input changes?

A network with attention has two branches: what decides where it looks, and what it reads there (stem and regressor, the "head").
Randomised together from the top, A ⊙ X fools the test; each is randomised by itself.

References
----------
Adebayo et al.: Sanity checks for saliency maps. NeurIPS 2018.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import nn

from stavis.attention.calls import unwrapped
from stavis.attention.hooks import Attention, record_attention
from stavis.attention.modules import SpatialSoftmax
from stavis.attention.tokens import TokenAttention
from stavis.attribution.target import device_of, prepare
from stavis.errors import StavisError
from stavis.tensors import as_input
from stavis.trust.agreement import correlation, rank_correlation
from stavis.types import Attribution, Clip, Target

BRANCHES = ("attention", "head")


def branches(model: nn.Module, clip: Clip, attention: Attention | None = None) -> dict[str, list[str]]:
    """The names of the modules with parameters of their own, by branch, each in the order in which they run.

    `attention`: what the attention depends on; `head`: the rest, or what is in the output head where that is named. Found by following
    the gradients, not by names. Without any attention all of the network is the head.
    """
    found = _branches(model, clip, attention)
    named = attention.output_head if isinstance(attention, TokenAttention) else ""
    if named:
        inside = tuple(name for name in found["head"] if name == named or name.startswith(f"{named}."))
        if not inside:
            raise StavisError(f"the output head {named!r} holds no weights that the attention does not depend on: name another module.")
        found["head"] = list(inside)
    return found


def _branches(model: nn.Module, clip: Clip, attention: Attention | None) -> dict[str, list[str]]:
    attends = attention is not None or any(isinstance(module, SpatialSoftmax) for module in unwrapped(model).modules())
    watched = record_attention(model, attention, keep_graph=True) if attends else nullcontext()
    with prepare(model) as ready, watched as recorder:
        order: list[str] = []
        owners = {name: module for name, module in ready.named_modules() if next(module.parameters(recurse=False), None) is not None}
        handles = [module.register_forward_pre_hook(lambda _m, _i, name=name: order.append(name)) for name, module in owners.items()]
        parameters = [(name, parameter) for name, module in owners.items() for parameter in module.parameters(recurse=False)]
        for _, parameter in parameters:
            parameter.requires_grad_(True)
        try:
            _run_briefly(ready, clip)
        finally:
            for handle in handles:
                handle.remove()
        weights, above = recorder.weights if recorder else None, set()
        if weights is not None and weights.requires_grad:
            # A random pull, because the sum of the weights is 1 whatever the parameters.
            pull = torch.rand(weights.shape, generator=torch.Generator().manual_seed(0)).to(weights)
            gradients = torch.autograd.grad((weights * pull).sum(), [parameter for _, parameter in parameters], allow_unused=True)
            above = {name for (name, _), gradient in zip(parameters, gradients, strict=True) if gradient is not None}
    order = list(dict.fromkeys(order + list(owners)))
    return {"attention": [name for name in order if name in above], "head": [name for name in order if name not in above]}


@contextmanager
def randomised(model: nn.Module, modules: list[str] | None = None, seed: int = 0) -> Iterator[nn.Module]:
    """The model with modules of it (all by default) as before any training, inside the `with` block; bit for bit itself after it.

    Modules draw their numbers as when they are made (reset_parameters); parameters that this leaves as they are, are shuffled.
    """
    model = unwrapped(model)
    named = dict(model.named_modules())
    chosen = list(named) if modules is None else modules
    if unknown := [name for name in chosen if name not in named]:
        raise StavisError(f"{type(model).__name__} has no module {unknown[0]!r}: choose names of named_modules().")
    kept = _Kept([named[name] for name in chosen])
    device = device_of(model)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            for name in chosen:
                _reset(named[name])
        yield model
    finally:
        kept.back()


def cascade(
    method: Callable[..., Attribution],
    model: nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    attention: Attention | None = None,
    seed: int = 0,
    **options,
) -> pd.DataFrame:
    """How a method's map changes as each branch is randomised from its last layer to its first, the other branch as it is.

    One row a step: branch, depth (layers randomised), layer (the last one), cc and spearman of the map's size |.| with the true
    network's, mean over frames. A map that stays alike does not depend on what was learned there.
    """
    own = np.abs(method(model, clip, target, **options).values)
    rows = []
    for branch, layers in branches(model, clip, attention).items():
        for depth in range(1, len(layers) + 1):
            with randomised(model, layers[-depth:], seed):
                other = np.abs(method(model, clip, target, **options).values)
            rows.append({"branch": branch, "depth": depth, "layer": layers[-depth]} | _alike(own, other))
    return pd.DataFrame(rows, columns=["branch", "depth", "layer", "cc", "spearman"])


def input_randomisation(
    method: Callable[..., Attribution], model: nn.Module, clip: Clip, target: Target | None = None, *, seed: int = 0, **options
) -> dict[str, float]:
    """How alike a method's maps of the clip and of its shuffled pixels are: cc and spearman, mean over frames; near 0 is sane."""
    pixels = clip.frames.reshape(len(clip), -1, 3)
    order = np.random.default_rng(seed).permutation(pixels.shape[1])
    shuffled = replace(clip, frames=pixels[:, order].reshape(clip.frames.shape))
    return _alike(*(np.abs(method(model, one, target, **options).values) for one in (clip, shuffled)))


def flicker(values: np.ndarray, clip: Clip) -> float:
    """How much faster a map (T,h,w) changes over frames than the image does: 1 = as fast; NaN for one frame or a clip without motion.

    Both as the fraction of what is there that moves: half the sum of |differences| over the mean sum.
    """
    if len(values) < 2:
        return float("nan")
    moves = [_moving(np.abs(np.asarray(values, np.float64))), _moving(clip.frames.mean(3, dtype=np.float64))]
    return moves[0] / moves[1] if moves[1] > 0 else float("nan")


def _run_briefly(model: nn.Module, clip: Clip, frames: int = 8) -> None:
    """A run on the clip's first frames, enough to see what depends on what; on all of it where the network asks for more."""
    try:
        model(as_input(clip.frames[:frames], device_of(model)))
    except RuntimeError:
        model(as_input(clip.frames, device_of(model)))


def _moving(maps: np.ndarray) -> float:
    total = maps.sum()
    return float(np.abs(np.diff(maps, axis=0)).sum() / 2 / total) if total > 0 else float("nan")


def _alike(a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    scores = {"cc": correlation(a, b), "spearman": rank_correlation(a, b)}
    return {name: float(np.nanmean(score)) if np.isfinite(score).any() else float("nan") for name, score in scores.items()}


class _Kept:
    """The parameters and buffers of modules as they are now: the tensors themselves, for a reset may put others in their place."""

    def __init__(self, modules: Iterable[nn.Module]):
        held = [each for module in modules for each in (module._parameters, module._buffers)]
        self.tensors = [(each, name, one, one.detach().clone()) for each in held for name, one in each.items() if one is not None]

    def back(self) -> None:
        """Put them back, bit for bit."""
        with torch.no_grad():
            for held, name, tensor, old in self.tensors:
                if held[name] is not tensor:
                    held[name] = tensor
                tensor.copy_(old)


def _reset(module: nn.Module) -> None:
    """Other numbers in a module's own parameters, and in none of the modules inside it, which its reset_parameters may go through.

    Parameters that are as they were after it are shuffled: those that a weight is made of (weight norm, pruning) and that it did not reach.
    """
    own = {name: parameter.detach().clone() for name, parameter in module.named_parameters(recurse=False)}
    left = set(own)
    if own and callable(getattr(module, "reset_parameters", None)):
        inside = _Kept(each for each in module.modules() if each is not module)
        with suppress(TypeError):  # it asks for more than it is given
            module.reset_parameters()
        inside.back()
        left = {name for name, old in own.items() if torch.equal(module._parameters[name], old) and (old != old.flatten()[:1]).any()}
    for name in own:
        if name in left:
            flat = module._parameters[name].flatten()
            module._parameters[name].copy_(flat[torch.randperm(len(flat), device=flat.device)].view_as(module._parameters[name]))
