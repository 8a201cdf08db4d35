"""The one place where a Target becomes a number that can be explained, and where a model is made ready for it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from stavis.attention.calls import eager, unwrapped
from stavis.attention.state import evaluating, settle
from stavis.attention.turns import IN_TURN
from stavis.attribution.cuts import CHECKPOINTED, GradientCuts, cut_note, is_checkpointed, no_gradient, without_formula
from stavis.errors import StavisError, offer
from stavis.notes import Notes
from stavis.tensors import as_input
from stavis.types import Attribution, Clip, Target


@contextmanager
def prepare(model: nn.Module) -> Iterator[nn.Module]:
    """The model as an explanation needs it, inside the `with` block: eager, eval mode, fp32, parameters frozen, gradients on.

    Modes, types and flags are as before afterwards, also after an error; the weights are bit for bit the same.

    Raises StavisError where gradients are asked for that do not go through activation checkpointing, or an operation without a derivative.
    """
    model = unwrapped(model)
    with ExitStack() as stack:
        stack.enter_context(IN_TURN)
        stack.enter_context(evaluating(model))
        stack.enter_context(eager())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        settle(model)
        tensors = [*model.parameters(), *model.buffers()]
        before = [(tensor, tensor.data, tensor.requires_grad) for tensor in tensors]
        device_type = device_of(model).type
        stack.enter_context(torch.autocast(device_type, enabled=False))
        if device_type == "cuda" and any(isinstance(module, nn.RNNBase) for module in model.modules()):
            stack.enter_context(torch.backends.cudnn.flags(enabled=False))  # cuDNN's recurrent layers refuse backward in eval mode
        try:
            for tensor in tensors:
                if tensor.is_floating_point():
                    if tensor.dtype != torch.float32:
                        tensor.data = tensor.data.float()
                    if tensor.is_leaf:
                        tensor.requires_grad_(False)
            yield model
        except RuntimeError as error:
            if is_checkpointed(error):
                raise StavisError(CHECKPOINTED) from error
            if operation := without_formula(error):
                raise no_gradient((operation,)) from error
            raise
        finally:
            for tensor, data, needed in before:
                if tensor.dtype != data.dtype:
                    tensor.data = data
                if tensor.is_leaf:
                    tensor.requires_grad_(needed)


def device_of(model: nn.Module) -> torch.device:
    """Where the model's numbers lie; the CPU for a model without any."""
    for tensor in [*model.parameters(), *model.buffers()]:
        return tensor.device
    return torch.device("cpu")


class TargetValue(nn.Module):
    """A model seen through a target: frames (B,T,3,H,W) -> (B,), the value that is explained.

    The clip mean is taken over the frames with a face.

    Raises StavisError where the target names a dimension the model has not, a frame outside the clip, or one without a face.
    """

    def __init__(self, model: nn.Module, clip: Clip, target: Target):
        super().__init__()
        self.model = model
        self.target = target
        self.notes = Notes()
        self.dimensions = tuple(getattr(model, "dimensions", ()) or ())
        if self.dimensions and target.dimension not in self.dimensions:
            raise StavisError(f"the model has no dimension {target.dimension!r}: {offer(target.dimension, self.dimensions)}")
        valid = np.asarray(clip.valid, bool)
        if not len(clip):
            raise StavisError("the clip is empty: give one of at least one frame.")
        if target.frame is None:
            if not valid.any():
                lacks = "holds a face" if clip.subject == "face" else "could be read"
                raise StavisError(f"no frame of the clip {lacks}: choose another clip.")
        elif not 0 <= target.frame < len(clip):
            raise StavisError(f"frame {target.frame} is not in the clip: choose one from 0 to {len(clip) - 1}.")
        elif not valid[target.frame]:
            lacks = "holds no face" if clip.subject == "face" else "could not be read"
            raise StavisError(f"frame {target.frame} {lacks}, so there is nothing to explain: choose another frame.")
        halo = getattr(model, "halo", 0)
        if isinstance(halo, int) and len(clip) <= halo:
            count = f"{len(clip)} frame{'s' * (len(clip) != 1)}"
            self.notes.add(f"the clip has {count}, the model looks {halo} frames to each side: most of what it sees is padding.")
        self.chosen = np.flatnonzero(valid) if target.frame is None else np.array([target.frame])

    def trace(self, frames: torch.Tensor, **given) -> torch.Tensor:
        """The target's dimension at every frame: (B,T). `given` goes on to the model.

        Where the frames ask for gradients, it is noted that the model cuts some.

        Raises StavisError where the model cannot run on such a clip or gives no (B,T,D), NoGradient where it cuts all gradients.
        """
        length = frames.shape[1]
        watch = None
        if frames.requires_grad and torch.is_grad_enabled():
            watch = GradientCuts(frozenset(id(tensor) for tensor in (*self.model.parameters(), *self.model.buffers())))
        try:
            with watch or nullcontext():
                output = self.model(frames, **given)
        except (RuntimeError, ValueError, IndexError) as error:
            if isinstance(error, RuntimeError) and is_checkpointed(error):
                raise StavisError(CHECKPOINTED) from error
            if watch is not None and "Inference tensors" in str(error):
                raise no_gradient(("torch.no_grad or inference_mode",)) from error
            size = f"{length} frames of {frames.shape[4]}x{frames.shape[3]} px"
            reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            remedy = "give a longer or larger clip"
            if any(word in reason for word in ("BFloat16", "Half", "dtype")):
                remedy = "maps are computed in single precision, so take the casts to another out of its forward"
            raise StavisError(f"the model cannot run on a clip of {size} ({reason}): {remedy}.") from error
        if not isinstance(output, torch.Tensor) or output.ndim != 3 or output.shape[:2] != frames.shape[:2]:
            shape = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
            raise StavisError(f"the model gives {shape} for {length} frames: it must keep time and give (B,T,D).")
        if watch is not None:
            cuts = watch.cuts_behind(output)
            if not output.requires_grad:
                raise no_gradient(cuts)
            if cuts:
                self.notes.add(cut_note(cuts))
        return output[..., self._column(output.shape[2])]

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.of_trace(self.trace(frames))

    def of_trace(self, trace: torch.Tensor) -> torch.Tensor:
        """The target's value from the values at every frame: (B,T) -> (B,)."""
        return trace[:, torch.as_tensor(self.chosen, device=trace.device)].mean(1)

    def _column(self, columns: int) -> int:
        if self.dimensions:
            if len(self.dimensions) != columns:
                raise StavisError(f"the model names {len(self.dimensions)} dimensions and gives {columns}: correct its `dimensions`.")
            return self.dimensions.index(self.target.dimension)
        if columns != 1:
            raise StavisError(f"the model gives {columns} dimensions without names: give it an attribute `dimensions`.")
        return 0


@dataclass
class AttributionContext:
    """A prepared model and clip with a target, as every method takes them: `value` maps `frames` (1,T,3,H,W) to one number."""

    value: TargetValue
    frames: torch.Tensor
    clip: Clip
    target: Target
    started: float = field(default_factory=time.perf_counter)

    @property
    def model(self) -> nn.Module:
        """The model, ready to be explained."""
        return self.value.model

    @property
    def notes(self) -> Notes:
        """What the result of a method will tell beside its numbers."""
        return self.value.notes

    def to_attribution(
        self, method: str, values, *, relative_delta: float | None = None, result_type: type[Attribution] = Attribution, **more
    ) -> Attribution:
        """The Attribution of values (1,T,3,H,W), summed over the colour channels, or (T,H,W)."""
        if isinstance(values, torch.Tensor):
            values = on_grid(values)
        if not np.isfinite(values).all():
            raise StavisError(f"{method} gave numbers that are not finite: the model's output or gradient overflows on this clip.")
        if not values.any():
            self.notes.add(
                f"{method}: the map is 0 everywhere: nothing that the method follows moves the prediction (rounded or clipped numbers and "
                "units that are off have no slope)."
            )
        seconds = time.perf_counter() - self.started
        more["notes"] = tuple(self.notes)
        return result_type(method, self.target, values.astype(np.float32), self.clip.times, relative_delta, seconds, **more)


def on_grid(values: torch.Tensor) -> np.ndarray:
    """A map over the input's values as one over its pixels: (1,T,3,H,W), summed over colour -> (T,H,W)."""
    values = values.detach().double()
    return (values.sum(2)[0] if values.ndim == 5 else values).cpu().numpy()


@contextmanager
def attribution_context(model: nn.Module, clip: Clip, target: Target | None = None) -> Iterator[AttributionContext]:
    """A prepared model, the clip as its input and the target as a value, inside the `with` block."""
    target = target or Target()
    with prepare(model) as ready:
        value = TargetValue(ready, clip, target)
        yield AttributionContext(value, as_input(clip.frames, device_of(ready)), clip, target)


def relative_error(values: torch.Tensor | np.ndarray, difference: float) -> float:
    """The completeness error |sum of values − difference| / |difference|; infinite where the difference is 0 and the sum is not."""
    total = float(values.double().sum()) if isinstance(values, torch.Tensor) else float(np.sum(values, dtype=np.float64))
    return relative_size(total - difference, difference)


def relative_size(error: float, difference: float) -> float:
    """|error| / |difference|; infinite where the difference is 0 and the error is not."""
    return abs(error / difference) if difference else (0.0 if error == 0 else float("inf"))


def described(
    label: str, cost: str, caution: str = "", *, attention: bool = False, tokens: bool = False, takes_tokens: bool = False
) -> Callable:
    """Give a method its `label`, `cost` (in runs or gradients of the network), `caution`, and whether it needs an attention module, or one
    of tokens whose layout is known, or works without and takes such a one."""

    def mark(method: Callable) -> Callable:
        method.label, method.cost, method.caution = label, cost, caution
        method.needs_attention, method.needs_tokens, method.takes_tokens = attention or tokens, tokens, takes_tokens
        return method

    return mark
