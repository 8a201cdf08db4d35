"""Exact DeepLIFT: how the prediction's change from a baseline splits over the pixels, and over the two paths through the network.

Captum's DeepLift has no correct rule for A ⊙ X, gates and softmax; here every operation carries its own difference exactly (see
stavis.attribution.rules.deeplift), so the map's sum is the prediction's change up to rounding.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch

from stavis.attention.hooks import attention_module
from stavis.attribution.baselines import Baseline, baseline_frames
from stavis.attribution.cuts import no_checkpointing
from stavis.attribution.rules.deeplift import RuleMode
from stavis.attribution.target import AttributionContext, attribution_context, described, on_grid, relative_error
from stavis.errors import StavisError
from stavis.printable import percent
from stavis.types import COMPLETE, Attribution, Clip, Target

REFINE = 5e-6
"""A completeness error above this sends the computation through double precision once more."""


@dataclass(frozen=True)
class PathAttribution(Attribution):
    """An attribution that tells by which path relevance reached the prediction.

    feature_path and attention_path (T,H,W), signed, sum to `values`: through the features X, and through where the network looked.
    Without attention in the model all goes through the features. `approximated` names operations that had no rule of their own.
    """

    feature_path: np.ndarray | None = None
    attention_path: np.ndarray | None = None
    approximated: tuple[str, ...] = ()

    @property
    def attention_part(self) -> float:
        """The part of |relevance| that went through the attention branch: in [0,1], NaN where there is no relevance at all."""
        through = np.abs(self.attention_path).sum(dtype=np.float64)
        total = through + np.abs(self.feature_path).sum(dtype=np.float64)
        return float(through / total) if total else float("nan")


@described("Exact DeepLIFT", "about 4 gradients")
def exact_deeplift(
    model: torch.nn.Module,
    clip: Clip,
    target: Target | None = None,
    *,
    baseline: Baseline = "blur",
    attention: torch.nn.Module | str | None = None,
    unknown: str = "integrate",
) -> PathAttribution:
    """What each pixel contributed to the prediction's change from the baseline (DeepLIFT, Shrikumar et al. 2017), exactly, by path.

    Complete to about 1e-6. Whatever was not made under a rule is named in `.approximated` and in a note beside the completeness
    error: an operation without one (it gets the path integral of its Jacobian), a mask or number that follows the input without a
    gradient, a function with a gradient of its own, code compiled by torch.jit. With unknown='raise' it is refused by name.

    Raises StavisError for a target or baseline that does not fit, or a model that takes another path for the baseline.
    """
    if unknown not in ("integrate", "raise"):
        raise StavisError(f"unknown is {unknown!r}: choose integrate or raise.")
    with attribution_context(model, clip, target) as context:
        try:
            module = attention_module(context.model, attention)
        except StavisError:
            if attention is not None:
                raise
            module = None
        start = baseline_frames(clip, baseline, context.frames.device)
        paths, difference, names = _propagate(context, start, module, unknown)
        features, through = paths
        error = relative_error(features + through, difference)
        if error > REFINE and not names:
            with _double(context):
                (features, through), difference, names = _propagate(context, start.double(), module, unknown)
            error = relative_error(features + through, difference)
        _note(context, names, error)
        parts = {"feature_path": features.astype(np.float32), "attention_path": through.astype(np.float32)}
        parts["approximated"] = tuple(sorted(names))
        total = features + through
        return context.to_attribution(exact_deeplift.label, total, relative_delta=error, result_type=PathAttribution, **parts)


@no_checkpointing()
def _propagate(context: AttributionContext, start: torch.Tensor, module, unknown: str):
    """The relevance through the features and through the attention (T,H,W) in double, the prediction's change, the names."""
    fixed = frozenset(id(tensor) for tensor in (*context.model.parameters(), *context.model.buffers()))
    first = RuleMode(unknown=unknown, fixed=fixed)
    with first:
        before = context.value(start.detach().requires_grad_(True))
    before = before.detach()
    frames = context.frames.to(start.dtype).detach().requires_grad_(True)
    second = RuleMode(first.records, unknown, fixed)
    forks: list[tuple[torch.Tensor, torch.Tensor]] = []

    def fork(_module, _inputs, output):
        second.passive = True
        if isinstance(output, torch.Tensor) and output.requires_grad:
            leaf = output.detach().requires_grad_(True)
            forks.append((output, leaf))
            output = leaf
        elif not isinstance(output, torch.Tensor):
            context.notes.add("the attention module gives more than its weights: its path is not told apart, all counts as features.")
        second.passive = False
        return output

    handle = module.register_forward_hook(fork) if module is not None else None
    try:
        with second:
            after = context.value(frames)
    finally:
        if handle is not None:
            handle.remove()
    second.finish(after)
    leaves = [leaf for _, leaf in forks]
    direct, *onto = torch.autograd.grad(after.sum(), [frames, *leaves], allow_unused=True, retain_graph=bool(leaves))
    reached = [(output, gradient) for (output, _), gradient in zip(forks, onto, strict=True) if gradient is not None]
    through = None
    if reached:
        value = sum((output * gradient).sum() for output, gradient in reached)
        (through,) = torch.autograd.grad(value, frames, allow_unused=True)
    change = (frames.detach() - start).double()
    paths = tuple(on_grid(torch.zeros_like(start) if part is None else change * part.double()) for part in (direct, through))
    return paths, float(after.detach().double() - before.double()), first.approximated | second.approximated


@no_checkpointing()
def relevance(
    context: AttributionContext,
    start: torch.Tensor,
    frames: torch.Tensor,
    before: Callable[[], AbstractContextManager] = nullcontext,
    after: Callable[[], AbstractContextManager] = nullcontext,
) -> torch.Tensor:
    """The relevance of frames against a start (1,T,3,H,W), both asking for gradients, over both paths, in single precision.

    The values of exact_deeplift without its second try in double precision, for comparisons of maps. before and after surround the
    two runs, so that parts of the network which ran already can give what they gave; graphs are kept for them.
    """
    fixed = frozenset(id(tensor) for tensor in (*context.model.parameters(), *context.model.buffers()))
    first = RuleMode(fixed=fixed)
    with before(), first:
        context.value(start)
    second = RuleMode(first.records, fixed=fixed)
    with after(), second:
        value = context.value(frames)
    second.finish(value)
    change = (frames - start).detach().double()
    (gradient,) = torch.autograd.grad(value.sum(), frames, allow_unused=True, retain_graph=True)
    return torch.zeros_like(change) if gradient is None else change * gradient.double()


def _note(context: AttributionContext, names: set[str], error: float) -> None:
    """Say what was not made under a rule, and what the map misses."""
    if names:
        context.notes.add(
            f"exact DeepLIFT has no rule for {', '.join(sorted(names))}, which is approximated: the map misses {percent(error, 2)} of the "
            "prediction's change from the baseline."
        )
    elif error > COMPLETE:
        context.notes.add(f"exact DeepLIFT misses {percent(error, 2)} of the prediction's change from the baseline.")


class _double:
    """The model in double precision inside the `with` block; its own numbers come back bit for bit."""

    def __init__(self, context: AttributionContext):
        self.tensors = [t for t in (*context.model.parameters(), *context.model.buffers()) if t.is_floating_point()]

    def __enter__(self):
        self.before = [tensor.data for tensor in self.tensors]
        for tensor in self.tensors:
            tensor.data = tensor.data.double()

    def __exit__(self, *_):
        for tensor, data in zip(self.tensors, self.before, strict=True):
            tensor.data = data
