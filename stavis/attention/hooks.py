"""Record and replace a network's attention from outside, without touching its code.

The module that holds the attention is found by its type (SpatialSoftmax) or named by the user. Nothing is left behind: the hooks
go when the `with` block ends, by whatever way.
"""

import math
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
from torch import nn

from stavis.attention.modules import SpatialSoftmax
from stavis.errors import StavisError, StavisWarning
from stavis.types import AttentionMaps

SUM_TOLERANCE = 1e-3
"""How far the sum of a map may lie from 1 and still be taken for 1."""


def eager():
    """A context in which compiled networks run as written, because compiled code would not see hooks set later."""
    if "torch._dynamo" not in sys.modules:  # nothing can have been compiled
        return nullcontext()
    return torch.compiler.set_stance("force_eager")


def uncompiled(model: nn.Module) -> nn.Module:
    """The network itself where `model` is what torch.compile made of it, else `model`."""
    return getattr(model, "_orig_mod", model)


def attention_module(model: nn.Module, attention: nn.Module | str | None = None) -> nn.Module:
    """The module whose output is the attention: the one SpatialSoftmax of the model, or the one that `attention` gives or names.

    Raises StavisError where there is none, more than one, or where `attention` is no part of the model.
    """
    model = uncompiled(model)
    name = type(model).__name__
    if attention is None:
        found = [module for module in model.modules() if isinstance(module, SpatialSoftmax)]
        if not found:
            raise StavisError(f"{name} holds no SpatialSoftmax module: name the one with the attention, give attention=<module>.")
        if len(found) > 1:
            raise StavisError(f"{name} holds {len(found)} SpatialSoftmax modules: choose one, give attention=<module>.")
        return found[0]
    if isinstance(attention, str):
        try:
            return model.get_submodule(attention)
        except AttributeError as error:
            raise StavisError(f"{name} has no module {attention!r}: choose a name of named_modules().") from error
    attention = uncompiled(attention)
    if not any(module is attention for module in model.modules()):
        raise StavisError(f"the {type(attention).__name__} given as attention is no part of this {name}: give one of its own modules.")
    return attention


class AttentionRecorder:
    """The attention of the last run of a model inside record_attention.

    `weights` (B,T,h,w), non-negative, each frame sums to 1. With keep_graph they carry gradients.
    """

    def __init__(self, keep_graph: bool = False):
        self._keep_graph = keep_graph
        self._weights: torch.Tensor | None = None

    @property
    def weights(self) -> torch.Tensor:
        """The attention weights of the last run: (B,T,h,w), each frame sums to 1.

        Raises StavisError where the model has not run yet.
        """
        if self._weights is None:
            raise StavisError("no attention was recorded: run the model inside the with block first.")
        return self._weights

    def maps(self, times: np.ndarray) -> AttentionMaps:
        """The attention of the one clip of the last run, with its times (T,) s."""
        weights = self.weights.detach().float().cpu().numpy()
        if len(weights) != 1:
            raise StavisError(f"the last run held {len(weights)} clips: read .weights, or run one clip at a time.")
        return AttentionMaps(weights[0], np.asarray(times))

    def _keep(self, calls: list[torch.Tensor]) -> None:
        weights = torch.cat(calls, 1) if len(calls) > 1 else calls[0]
        self._weights = _normalised(weights if self._keep_graph else weights.detach())


@contextmanager
def record_attention(
    model: nn.Module, attention: nn.Module | str | None = None, *, keep_graph: bool = False
) -> Iterator[AttentionRecorder]:
    """Watch where a model looks while it runs inside the `with` block: gives a recorder with `.weights` and `.maps(times)`.

    `attention` is the module (or its dotted name) whose output is the attention, where that is no SpatialSoftmax. Its output may be
    (B,T,h,w), (B,1,T,h,w), (B,T,1,h,w), (B*T,1,h,w), (B*T,h,w) or flat in space where the grid is square; it may come in one call,
    or in several one after another in time. Maps that do not sum to 1 are divided by their sum, with a StavisWarning.

    Raises StavisError where no attention is found, or it is negative, empty or of another shape.
    """
    module = attention_module(model, attention)
    recorder = AttentionRecorder(keep_graph)
    run = _Run(model)

    def on_attention(_module, _inputs, output):
        run.calls.append(_layout(_tensor(output), run.batch, run.time)[0](_tensor(output)))
        if run.batch is None:
            recorder._keep(run.calls)

    def on_end(_module, _inputs, options, _output):
        given = options.get("attention")
        if not run.calls and isinstance(given, torch.Tensor):
            run.calls.append(given)
        if run.calls:
            recorder._keep(run.calls)
            run.calls = []

    handles = [*run.handles, module.register_forward_hook(on_attention)]
    handles.append(uncompiled(model).register_forward_hook(on_end, with_kwargs=True))
    try:
        with eager():
            yield recorder
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def inject_attention(model: nn.Module, weights: torch.Tensor | np.ndarray, attention: nn.Module | str | None = None) -> Iterator[nn.Module]:
    """Run a model with attention weights of one's own in place of its own, inside the `with` block: gives the model.

    weights (T,h,w) or (B,T,h,w), non-negative, each frame sums to 1; one clip's weights serve a batch of any size. Gradients flow
    into a tensor that asks for them. A module whose own maps do not sum to 1 gets the given ones with the mass of its own.

    Raises StavisError where the weights do not sum to 1, are negative, not finite, or of another shape than the model's.
    """
    module = attention_module(model, attention)
    weights = checked_weights(weights)
    run = _Run(model)

    def on_attention(_module, _inputs, output):
        own = _tensor(output)
        to_maps, from_maps = _layout(own, run.batch, run.time)
        maps = to_maps(own)
        steps = maps.shape[1]
        chosen = weights[:, run.position : run.position + steps] if run.time is not None else weights
        run.position += steps
        if chosen.shape[1:] != maps.shape[1:] or (run.time is not None and weights.shape[1] != run.time):
            length = run.time if run.time is not None else steps
            raise StavisError(
                f"the attention given is {tuple(weights.shape[1:])} (T,h,w), the model's is {(length, *maps.shape[2:])}: "
                "give weights on the model's own grid."
            )
        if len(chosen) not in (1, len(maps)):
            raise StavisError(f"the attention given is for {len(chosen)} clips, the batch holds {len(maps)}: give one map or one a clip.")
        chosen = chosen.to(maps).expand_as(maps)
        mass = maps.detach().sum((2, 3), keepdim=True)
        if not bool(((mass - 1).abs() < SUM_TOLERANCE).all()):
            chosen = chosen * mass
        return _replace(output, from_maps(chosen))

    handles = [*run.handles, module.register_forward_hook(on_attention)]
    try:
        with eager():
            yield model
    finally:
        for handle in handles:
            handle.remove()


def checked_weights(weights: torch.Tensor | np.ndarray) -> torch.Tensor:
    """Attention weights as (B,T,h,w), after a look that they are finite, non-negative and sum to 1 in each frame.

    Raises StavisError where they are not.
    """
    weights = torch.as_tensor(weights)
    if weights.ndim == 3:
        weights = weights.unsqueeze(0)
    if weights.ndim != 4 or not weights.is_floating_point():
        raise StavisError(f"attention weights are (T,h,w) or (B,T,h,w) real numbers, not {tuple(weights.shape)} {weights.dtype}.")
    plain = weights.detach().double()
    if not bool(torch.isfinite(plain).all()) or bool((plain < 0).any()):
        raise StavisError("attention weights hold negative or non-finite numbers: give weights of 0 or more.")
    sums = plain.sum((2, 3))
    if bool(((sums - 1).abs() > SUM_TOLERANCE).any()):
        worst = sums.flatten()[(sums - 1).abs().argmax()]
        raise StavisError(f"attention weights sum to {worst:.4g} in a frame, not to 1: divide each frame by its sum.")
    return weights


class _Run:
    """What one run of the model is made of: its batch and time, and the calls of the attention module in it."""

    def __init__(self, model: nn.Module):
        self.batch = self.time = None
        self.position = 0
        self.calls: list[torch.Tensor] = []
        self.handles = [uncompiled(model).register_forward_pre_hook(self._begin, with_kwargs=True)]

    def _begin(self, _module, inputs, options):
        frames = inputs[0] if inputs else options.get("frames")
        self.batch, self.time = frames.shape[:2] if isinstance(frames, torch.Tensor) and frames.ndim >= 3 else (None, None)
        self.position, self.calls = 0, []


def _tensor(output) -> torch.Tensor:
    if isinstance(output, torch.Tensor):
        return output
    found = [part for part in output if isinstance(part, torch.Tensor)] if isinstance(output, (tuple, list)) else []
    if len(found) != 1:
        kind = type(output).__name__
        raise StavisError(f"the attention module gives a {kind} of {len(found)} tensors: name a module that gives the map alone.")
    return found[0]


def _replace(output, tensor: torch.Tensor):
    if isinstance(output, torch.Tensor):
        return tensor
    return type(output)(tensor if isinstance(part, torch.Tensor) else part for part in output)


def _layout(output: torch.Tensor, batch: int | None, time: int | None) -> tuple[Callable, Callable]:
    """How to read an attention module's output as (B,T,h,w), and how to write such maps in the output's own layout.

    Raises StavisError where the shape fits no layout that is known.
    """
    shape = output.shape
    if batch is None:
        if output.ndim == 4:
            return _same, _same
    elif output.ndim == 5 and shape[0] == batch and shape[1] == 1:
        return (lambda maps: maps.squeeze(1)), (lambda maps: maps.unsqueeze(1))  # B,1,T,h,w
    elif output.ndim == 5 and shape[0] == batch and shape[2] == 1:
        return (lambda maps: maps.squeeze(2)), (lambda maps: maps.unsqueeze(2))  # B,T,1,h,w
    elif output.ndim == 4 and shape[0] == batch and 1 <= shape[1] <= time and batch * time != shape[0]:
        return _same, _same  # B,T,h,w, or some of its frames
    elif output.ndim == 4 and shape[:2] == (batch * time, 1):
        return (lambda maps: maps.reshape(batch, time, *shape[2:])), (lambda maps: maps.reshape(shape))
    elif output.ndim == 4 and shape[:2] == (batch, time):
        return _same, _same
    elif output.ndim == 3 and shape[0] == batch * time:
        return (lambda maps: maps.reshape(batch, time, *shape[1:])), (lambda maps: maps.reshape(shape))
    elif output.ndim == 3 and shape[:2] == (batch, time) and _square(shape[2]):
        side = math.isqrt(shape[2])
        return (lambda maps: maps.unflatten(2, (side, side))), (lambda maps: maps.flatten(2))
    elif output.ndim == 3 and shape[0] == batch:  # one frame a call
        return (lambda maps: maps.unsqueeze(1)), (lambda maps: maps.squeeze(1))
    elif output.ndim == 2 and shape[0] == batch * time and _square(shape[1]):
        side = math.isqrt(shape[1])
        return (lambda maps: maps.reshape(batch, time, side, side)), (lambda maps: maps.reshape(shape))
    raise StavisError(
        f"the attention module gives {tuple(shape)} for {batch} clips of {time} frames: "
        "name a module that gives one map a frame, (B,T,h,w)."
    )


def _same(maps: torch.Tensor) -> torch.Tensor:
    return maps


def _square(number: int) -> bool:
    return math.isqrt(number) ** 2 == number


def _normalised(weights: torch.Tensor) -> torch.Tensor:
    plain = weights.detach()
    sums = weights.sum((2, 3), keepdim=True)
    if not bool(torch.isfinite(plain).all()) or bool((plain < 0).any()) or bool((sums <= 0).any()):
        raise StavisError("the attention holds negative, non-finite or empty maps: name a module whose output is 0 or more.")
    if bool(((sums.detach() - 1).abs() > SUM_TOLERANCE).any()):
        warnings.warn(
            f"the attention sums to {float(sums.detach().mean()):.4g} a frame, not to 1: each map is divided by its sum.",
            StavisWarning,
            stacklevel=3,
        )
        return weights / sums
    return weights
