"""Record and replace a network's attention from outside, without touching its code.

The module that holds the attention is found by its type (SpatialSoftmax) or named by the user; how its output is to be read is named
by a layout (see stavis.attention.layouts). A module that gives a result and not its weights is watched from inside (see
stavis.attention.inside). Nothing is left behind: the hooks go when the `with` block ends, however it ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from stavis.attention.calls import (
    SUM_TOLERANCE,
    Run,
    eager,
    in_time,
    normalised,
    parts_of,
    read_output,
    refuse_dropout,
    unwrapped,
    weights_alone,
    weights_of_call,
    with_tensor,
)
from stavis.attention.inside import Tap, written_out
from stavis.attention.layouts import Fitted, Layout, fit, fits, parse_layout
from stavis.attention.modules import SpatialSoftmax
from stavis.attention.tokens import TokenAttention
from stavis.errors import StavisError
from stavis.notes import Notes
from stavis.types import AttentionMaps

Attention = nn.Module | str | TokenAttention
"""What says where the attention is: a module, its dotted path, or a path with the layout and head of its weights."""


def attention_module(model: nn.Module, attention: Attention | None = None) -> nn.Module:
    """The module whose output is the attention: the one SpatialSoftmax of the model, or the one that `attention` gives or names.

    Raises StavisError where there is none, more than one, or where `attention` is no part of the model.
    """
    model = unwrapped(model)
    name = type(model).__name__
    if attention is None:
        found = [module for module in model.modules() if isinstance(module, SpatialSoftmax)]
        if not found:
            raise StavisError(f"{name} holds no SpatialSoftmax module: name the one with the attention, give attention=<module>.")
        if len(found) > 1:
            raise StavisError(f"{name} holds {len(found)} SpatialSoftmax modules: choose one, give attention=<module>.")
        return found[0]
    attention = attention.path if isinstance(attention, TokenAttention) else attention
    if isinstance(attention, str):
        try:
            return model.get_submodule(attention)
        except AttributeError as error:
            raise StavisError(f"{name} has no module {attention!r}: choose a name of named_modules().") from error
    attention = unwrapped(attention)
    if not any(module is attention for module in model.modules()):
        raise StavisError(f"the {type(attention).__name__} given as attention is no part of this {name}: give one of its own modules.")
    return attention


class _Watched:
    """The module that attends, in runs of its model: how its weights are read, from its output or from inside."""

    def __init__(self, model: nn.Module, attention: Attention | None, layout: str | None):
        self.head = attention.head if isinstance(attention, TokenAttention) else None
        if layout is None and isinstance(attention, TokenAttention):
            layout = attention.layout
        module = attention_module(model, attention)
        self.layout = None if layout is None else parse_layout(layout)
        self.run = Run(model)
        self.inside: list[tuple[torch.Tensor, Fitted]] = []
        self.handles = list(self.run.handles)
        if self.layout is not None:
            self.handles += [module.register_forward_pre_hook(self._enter), *Tap(module, self.see).handles]
        self.handles.append(module.register_forward_hook(self.on_attention))

    def _enter(self, _module, _inputs):
        self.inside = []

    def see(self, weights: torch.Tensor) -> torch.Tensor:
        """Called with the weights of every attention inside the module, to give them back or others."""
        raise NotImplementedError

    def on_attention(self, module, _inputs, output):
        """Called with the module's output, to give None or another."""
        raise NotImplementedError

    def fitted(self, weights: torch.Tensor) -> Fitted | None:
        """How weights computed inside are read; None where they are of another shape than the layout says."""
        for layout in (self.layout, *_folded(self.layout)):
            if fits(layout, weights.shape, self.run.shape):
                return fit(layout, weights.shape, self.run.shape, self.head)
        return None

    def one_inside(self, module: nn.Module) -> tuple[torch.Tensor, Fitted] | None:
        """The weights computed inside in this call; None where there are none. Raises StavisError where there are several."""
        if len(self.inside) > 1:
            count = len(self.inside)
            raise StavisError(
                f"{type(module).__name__} computes {count} attentions that fit {self.layout.text!r}: name a module inside it."
            )
        return self.inside[0] if self.inside else None

    def remove(self) -> None:
        """Take the hooks away."""
        for handle in self.handles:
            handle.remove()


def _folded(layout: Layout) -> list[Layout]:
    """The same layout where a module computes the weights of several heads that its output folds or leaves out."""
    text = layout.text
    if "heads" not in text and layout.tokens:
        first, _, rest = text.partition(") " if text.startswith("(") else " ")
        return [parse_layout(f"{first}{')' if text.startswith('(') else ''} heads {rest}")]
    return [parse_layout(f"(b heads){text.removeprefix('b heads')}")] if text.startswith("b heads") else []


class AttentionRecorder(_Watched):
    """The attention of the last run of a model inside record_attention.

    `weights` (B,T,h,w), non-negative, each frame sums to 1. With keep_graph they carry gradients. `notes`: what was guessed or
    changed on the way, one sentence each.
    """

    def __init__(self, model: nn.Module, attention: Attention | None = None, layout: str | None = None, *, keep_graph: bool = False):
        super().__init__(model, attention, layout)
        self._keep_graph = keep_graph
        self._weights: torch.Tensor | None = None
        self._notes = Notes()
        self.handles.append(unwrapped(model).register_forward_hook(self._on_end, with_kwargs=True))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the maps must know: a guessed layout, maps that were divided by their sum, spread over frames."""
        return tuple(self._notes)

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

    def see(self, weights: torch.Tensor) -> torch.Tensor:
        """Keeps the weights of an attention inside the module that fit the layout."""
        fitted = self.fitted(weights)
        if fitted is not None:
            self.inside.append((weights, fitted))
        return weights

    def on_attention(self, module, _inputs, output):
        """Keeps the maps of one call of the module."""
        refuse_dropout(module)
        run = self.run
        found = None if weights_alone(output, self.layout, run.shape) else self.one_inside(module)
        tensor, fitted = found or read_output(output, self.layout, run.shape, module, self._notes, self.head)
        maps = fitted.to_maps(tensor)
        self._notes.add(*fitted.guessed)
        run.calls.append(maps.float() if maps.dtype in (torch.float16, torch.bfloat16) else maps)
        run.tokens = fitted.layout.tokens
        if run.shape.batch is None:
            self._keep(run.calls)

    def _on_end(self, _module, _inputs, options, _output):
        run, given = self.run, options.get("attention")
        if not run.calls and isinstance(given, torch.Tensor):
            run.calls.append(given)
        if run.calls:
            self._keep(in_time(run, self.layout is not None, self._notes))
            run.calls = []

    def _keep(self, calls: list[torch.Tensor]) -> None:
        weights = torch.cat(calls, 1) if len(calls) > 1 else calls[0]
        weights = normalised(weights if self._keep_graph else weights.detach(), self._notes, tokens=self.run.tokens)
        self._weights = self.run.of_input(weights)


@contextmanager
def record_attention(
    model: nn.Module, attention: Attention | None = None, *, layout: str | None = None, keep_graph: bool = False
) -> Iterator[AttentionRecorder]:
    """Watch where a model looks while it runs inside the `with` block.

    Parameters
    ----------
    model : nn.Module
        The network. It is run by you, inside the block, on a clip (B,T,3,H,W) or whatever it takes.
    attention : nn.Module or str, optional
        The module, or its dotted name, whose output is the attention, or that computes it inside (with a layout). Default: the model's
        one SpatialSoftmax.
    layout : str, optional
        The axes of that output in einops' letters: ``"b t h w"``, ``"(b t) 1 h w"``, ``"b heads (1 + t h w) (1 + t h w)"`` (see
        `stavis.attention.layouts`). Token attention becomes one map per frame: the mean over heads; the class token's row where
        there is one, else the mean over the queries. Without ``t`` each call of the module is one frame; calls are collected in
        time. Default: a guess where exactly one reading fits and its maps sum to 1, said in the recorder's notes.
    keep_graph : bool, default False
        Whether the recorded weights carry gradients.

    Yields
    ------
    AttentionRecorder
        With `.weights` (B,T,h,w), each frame sums to 1, `.maps(times)` and `.notes`.

    Raises
    ------
    StavisError
        Where no attention is found, the layout does not fit, or the output cannot be attention (negative, empty, features).

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from stavis.attention.hooks import record_attention
    >>> class Looks(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.look = nn.Softmax(dim=2)
    ...     def forward(self, frames):
    ...         weights = self.look(frames.mean(2).flatten(2))
    ...         return (weights * frames.mean(2).flatten(2)).sum(2, keepdim=True)
    >>> model = Looks()
    >>> with record_attention(model, "look", layout="b t (h w)") as recorder:
    ...     prediction = model(torch.rand(1, 4, 3, 8, 8))
    >>> recorder.weights.shape
    torch.Size([1, 4, 8, 8])
    """
    recorder = AttentionRecorder(model, attention, layout, keep_graph=keep_graph)
    try:
        with eager(), written_out():
            yield recorder
    finally:
        recorder.remove()


class _Injection(_Watched):
    """The hooks that put given weights in place of a module's own."""

    def __init__(self, model: nn.Module, weights: torch.Tensor, attention: Attention | None, layout: str | None):
        super().__init__(model, attention, layout)
        self.weights, self.before = weights, 0
        self.handles.append(unwrapped(model).register_forward_hook(self._on_end))

    def see(self, weights: torch.Tensor) -> torch.Tensor:
        """The given weights in place of those of an attention inside the module that fit the layout."""
        fitted = self.fitted(weights)
        if fitted is None:
            return weights
        if not self.inside:
            self.before = self.run.position
        self.inside.append((weights, fitted))
        return self._in_place_of(weights, fitted)

    def on_attention(self, module, _inputs, output):
        """The given weights in the output of a module that gives its weights alone."""
        refuse_dropout(module)
        if weights_alone(output, self.layout, self.run.shape):
            self.run.position = self.before if self.inside else self.run.position
        elif self.layout is not None and self.one_inside(module):
            return None
        own, fitted = read_output(output, self.layout, self.run.shape, module, Notes(), self.head)
        if sum(isinstance(part, torch.Tensor) for part in parts_of(output)) > 1:
            raise StavisError(
                f"the module {type(module).__name__} gives its weights beside a result that they no longer change: name the module "
                "whose only output they are, or give the layout of those that it computes inside."
            )
        return with_tensor(output, own, self._in_place_of(own, fitted))

    def _in_place_of(self, own: torch.Tensor, fitted: Fitted) -> torch.Tensor:
        maps = fitted.to_maps(own)
        chosen = weights_of_call(self.run.of_clips(self.weights), maps, fitted, self.run).to(maps).expand_as(maps)
        tolerance = SUM_TOLERANCE * (20 if own.dtype in (torch.float16, torch.bfloat16) else 1)
        return fitted.from_maps(chosen, own, tolerance)

    def _on_end(self, _module, _inputs, _output):
        run = self.run
        if run.position and run.shape.time is not None and run.position != run.length:
            raise StavisError(
                f"the model asked for the attention of {run.position} frames, {run.length} were given: give weights on its own grid."
            )


@contextmanager
def inject_attention(
    model: nn.Module,
    weights: torch.Tensor | np.ndarray,
    attention: Attention | None = None,
    *,
    layout: str | None = None,
) -> Iterator[nn.Module]:
    """Run a model with attention weights of one's own in place of its own, inside the `with` block.

    Parameters
    ----------
    model : nn.Module
        The network, run by you inside the block.
    weights : tensor or array
        (T,h,w) or (B,T,h,w), non-negative, each frame sums to 1; one clip's weights serve a batch of any size. Gradients flow into a
        tensor that asks for them.
    attention : nn.Module or str, optional
        The module whose output is replaced, or (with a layout) whose weights inside are; default: the model's one SpatialSoftmax.
    layout : str, optional
        The axes of its output, as for `record_attention`. In token attention the class token's row is replaced where the layout has
        one, else the rows of all queries and heads, which then differ from the network's own as little as the map allows: its own map
        changes nothing. Each row keeps how its mass is divided among frames and extra tokens, as a module whose own maps do not sum
        to 1 keeps the mass of its own.

    Yields
    ------
    nn.Module
        The model.

    Raises
    ------
    StavisError
        Where the weights do not sum to 1, are negative, not finite, or of another shape than the model's.

    Examples
    --------
    >>> import torch
    >>> from stavis.attention.hooks import inject_attention
    >>> from stavis.models.sta import PRESETS, STA
    >>> model = STA(PRESETS["small"]).eval()
    >>> with torch.no_grad(), inject_attention(model, torch.full((5, 16, 16), 1 / 256)):
    ...     model(torch.rand(1, 5, 3, 32, 32)).shape
    torch.Size([1, 5, 1])
    """
    injection = _Injection(model, checked_weights(weights), attention, layout)
    try:
        with eager(), written_out():
            yield model
    finally:
        injection.remove()


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
