"""What an attention module does in one run of its network: which of its outputs is the attention, in which layout, at which frames."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import nn

from stavis.attention.layouts import HELP, Fitted, Layout, RunShape, fit, fits, guess, temporal
from stavis.attention.modules import SpatialSoftmax
from stavis.attention.state import evaluating, settle
from stavis.attention.turns import IN_TURN
from stavis.errors import StavisError
from stavis.notes import Notes

SUM_TOLERANCE = 1e-3
"""How far the sum of a map may lie from 1 and still be taken for 1 (twenty times as far in half precision)."""
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)


def eager():
    """A context in which compiled networks run as written, because compiled code would not see hooks set later."""
    if "torch._dynamo" not in sys.modules:  # nothing can have been compiled
        return nullcontext()
    return torch.compiler.set_stance("force_eager")


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """The model in eval mode, in the precision of its own weights whatever autocast the caller is in, and nobody else runs one meanwhile.

    Every module's mode is as before afterwards, also after an error: a part that was in eval mode, such as a frozen norm, stays so.
    """
    device = next((tensor.device.type for tensor in (*model.parameters(), *model.buffers())), "cpu")
    with IN_TURN, evaluating(model), torch.autocast(device, enabled=False):
        try:
            yield
        finally:
            settle(model)


def unwrapped(model: nn.Module) -> nn.Module:
    """The network itself where `model` is what torch.compile, DataParallel or DistributedDataParallel made of it, else `model`."""
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


class Run:
    """What one run of the model is made of: its shape, and the calls of the attention module in it.

    Of a model that cuts its input into clips for a network inside (`clip_frames`, `core`), `shape` is that of these clips and `outer`
    that of its own input; of any other both are the same.
    """

    def __init__(self, model: nn.Module):
        if isinstance(model, nn.DataParallel) and len(model.device_ids) > 1:
            raise StavisError("the model is spread over several devices by DataParallel: give the module in it, model.module.")
        self.shape = self.outer = RunShape()
        self.position = self.length = 0
        self.tokens = False
        self.calls: list[torch.Tensor] = []
        model = unwrapped(model)
        core = getattr(model, "core", None)
        self.clip_frames = getattr(model, "clip_frames", None) if isinstance(core, nn.Module) else None
        self.handles = [model.register_forward_pre_hook(self._begin, with_kwargs=True)]
        if self.clip_frames is not None:
            self.handles.append(core.register_forward_pre_hook(self._begin_clips))

    def _begin(self, _module, inputs, options):
        self.shape = self.outer = shape_of([*inputs, options.get("frames"), *options.values()])
        self.position, self.length, self.calls, self.tokens = 0, self.shape.time or 0, [], False

    def _begin_clips(self, _module, inputs):
        self.shape = shape_of(list(inputs))
        self.length = self.shape.time or 0

    def of_clips(self, weights: torch.Tensor) -> torch.Tensor:
        """Weights (B,T,h,w) for the model's input as (N,F,h,w) for the network's clips, filled up as the input is."""
        outer, length = self.outer, self.clip_frames
        if length is None or (outer.batch, outer.time) == (self.shape.batch, self.shape.time) or weights.shape[1] != outer.time:
            return weights
        missing = -outer.time % length
        weights = weights.expand(outer.batch, -1, -1, -1) if len(weights) == 1 else weights
        weights = torch.cat([weights, weights[:, -1:].expand(-1, missing, -1, -1)], 1) if missing else weights
        return weights.reshape(-1, length, *weights.shape[2:])

    def of_input(self, weights: torch.Tensor) -> torch.Tensor:
        """Weights (N,F,h,w) of the network's clips as (B,T,h,w), those of the model's input."""
        if self.clip_frames is None or self.outer.batch is None or len(weights) == self.outer.batch:
            return weights if self.clip_frames is None else weights[:, : self.outer.time]
        return weights.reshape(self.outer.batch, -1, *weights.shape[2:])[:, : self.outer.time]


def shape_of(inputs: list) -> RunShape:
    """The batch, time and frame size of the first input that has them: (B,T,...), (B,3,T,H,W) or a batch of images (N,3,H,W)."""
    frames = next((one for one in inputs if isinstance(one, torch.Tensor) and one.ndim >= 3 and one.is_floating_point()), None)
    if frames is None:
        return RunShape()
    batch, time = frames.shape[:2]
    if frames.ndim == 5:
        return RunShape(batch, frames.shape[2] if time == 3 and frames.shape[2] != 3 else time, tuple(frames.shape[3:]))
    if frames.ndim == 4 and time == 3:
        return RunShape(batch, 1, tuple(frames.shape[2:]))
    return RunShape(batch, time)


def weights_of_call(weights: torch.Tensor, maps: torch.Tensor, fitted: Fitted, run: Run) -> torch.Tensor:
    """The weights for this call: its own part in time, or all of them where the module's time is coarser than the frames'."""
    steps, length = maps.shape[1], weights.shape[1]
    time = run.shape.time
    if time is None or (length == steps != time and fitted.tubelets):
        chosen = weights
        run.length = 0 if time is None else length
    elif length == time and fitted.tubelets and time % steps == 0 and steps > 1:
        chosen = weights.unflatten(1, (steps, time // steps)).mean(2)
        run.length = steps
    else:
        chosen = weights[:, run.position : run.position + steps]
        if length != time:
            chosen = weights[:, :0]
    run.position += steps
    if chosen.shape[1:] != maps.shape[1:]:
        expected = (time if time is not None else steps, *maps.shape[2:])
        raise StavisError(
            f"the attention given is {tuple(weights.shape[1:])} (T,h,w), the model's is {expected}: give weights on the model's own grid."
        )
    if len(chosen) not in (1, len(maps)):
        raise StavisError(f"the attention given is for {len(chosen)} clips, the batch holds {len(maps)}: give one map or one a clip.")
    return chosen


def in_time(run: Run, named: bool, notes: Notes) -> list[torch.Tensor]:
    """The run's calls, which together hold every frame once; coarser ones of a layout that was named are spread over the frames."""
    time = run.shape.time
    steps = sum(call.shape[1] for call in run.calls)
    if time is None or steps == time:
        if len(run.calls) not in (1, steps):
            notes.add(f"The attention module ran {len(run.calls)} times: its maps are taken for parts of the clip, one after another.")
        return run.calls
    if named and steps < time and time % steps == 0:
        notes.add(f"the attention has {steps} steps in time for {time} frames: each is shown for {time // steps} frames.")
        return [call.repeat_interleave(time // steps, 1) for call in run.calls]
    raise StavisError(
        f"the attention module ran {len(run.calls)} times and gave maps for {steps} of {time} frames: name a module that runs once, or "
        "once for each frame, and give its layout."
    )


def refuse_dropout(module: nn.Module) -> None:
    """Raises StavisError where the attention module drops weights at random now."""
    if module.training and ((isinstance(module, DROPOUTS) and module.p > 0) or (getattr(module, "dropout", 0) and _attends(module))):
        raise StavisError(f"dropout is on in the attention module {type(module).__name__}: call model.eval() first.")


def _attends(module: nn.Module) -> bool:
    return isinstance(module, nn.MultiheadAttention)


def parts_of(output) -> list:
    """A module's output as a list, also where it is one tensor."""
    return list(output) if isinstance(output, (tuple, list)) else [output]


def weights_alone(output, layout: Layout | None, run: RunShape) -> bool:
    """Whether a module's output is its attention and nothing else: one tensor that fits the layout and may be weights."""
    tensors = [part for part in parts_of(output) if isinstance(part, torch.Tensor)]
    return len(tensors) == 1 and (layout is None or (fits(layout, tensors[0].shape, run) and _may_attend(tensors[0])))


def read_output(
    output, layout: Layout | None, run: RunShape, module: nn.Module, notes: Notes, head: int | None = None
) -> tuple[torch.Tensor, Fitted]:
    """The attention in a module's output and its layout: the one given, that of a SpatialSoftmax, or the only one that fits."""
    name = type(module).__name__
    tensors = [part for part in parts_of(output) if isinstance(part, torch.Tensor)]
    if not tensors:
        raise StavisError(f"the attention module {name} gives no tensor: name a module that gives the map.")
    if _attends(module) and len(tensors) < 2:
        raise StavisError(f"the attention module {name} gives no weights: have it called with need_weights=True.")
    if layout is not None:
        fitting = [tensor for tensor in tensors if len(tensor.shape) == len(layout.axes)]
        if len(fitting) > 1:
            fitting = fitting[1:] if _attends(module) else [tensor for tensor in fitting if _may_attend(tensor)]
        if len(tensors) > 1 and len(fitting) != 1:
            raise StavisError(f"{len(fitting)} of the {len(tensors)} tensors that {name} gives fit layout {layout.text!r}: name another.")
        tensor = (fitting or tensors)[0]
        return tensor, fit(layout, tensor.shape, run, head)
    if len(tensors) != 1:
        type_name = type(output).__name__
        raise StavisError(f"the attention module gives a {type_name} of {len(tensors)} tensors: name a module that gives the map alone.")
    return tensors[0], _guessed(tensors[0], run, module, notes)


def _guessed(tensor: torch.Tensor, run: RunShape, module: nn.Module, notes: Notes) -> Fitted:
    """The one reading of a tensor whose maps are attention: non-negative, each with the sum 1."""
    name, shape = type(module).__name__, tuple(tensor.shape)
    found = guess(shape, run)
    if isinstance(module, SpatialSoftmax) and len(shape) == 4 and found and found[0].layout.text == "b t h w":
        return found[0]  # as that module promises
    clips = "" if run.batch is None else f" for {run.batch} clips of {run.time} frames"
    gives = f"the attention module {name} gives {shape}{clips}"
    if temporal(shape, run) and _sums_to_one(tensor.detach().sum(-1)):
        raise StavisError(
            f"{gives}, which may be attention of frames to frames: name one that attends to places, or give its layout, "
            "such as 'b t (h w)'."
        )
    right = [one for one in found if _may_attend(tensor) and _sums_to_one(one.to_maps(tensor.detach()).sum((2, 3)))]
    if len(right) != 1:
        raise StavisError(f"{gives}{_why_no_guess(tensor, found, right)}: {HELP}.")
    if run.batch is not None:
        notes.add(f"the output of {name} was read as layout {right[0].layout.text!r}: give it if that is right, another if not.")
    return right[0]


def _why_no_guess(tensor: torch.Tensor, found: list[Fitted], right: list[Fitted]) -> str:
    shape = tensor.shape
    if len(shape) >= 3 and shape[-1] == shape[-2] and _may_attend(tensor) and _sums_to_one(tensor.detach().sum(-1)):
        return f", which looks like attention among {shape[-1]} tokens"
    if not found:
        return ", which fits no layout of maps"
    if right:
        return f", which fits {' and '.join(repr(one.layout.text) for one in right)}"
    if not _may_attend(tensor):
        return " with negative or non-finite numbers, as features do (name another module)"
    total = float(found[0].to_maps(tensor.detach()).sum((2, 3)).mean())
    return f" with maps that sum to {total:.4g} and not to 1, as features do (name another module)"


def _sums_to_one(sums: torch.Tensor) -> bool:
    return bool(((sums - 1).abs() <= 20 * SUM_TOLERANCE).all())


def _may_attend(tensor: torch.Tensor) -> bool:
    plain = tensor.detach()
    return plain.is_floating_point() and bool(torch.isfinite(plain).all()) and bool((plain >= 0).all())


def with_tensor(output, own: torch.Tensor, tensor: torch.Tensor):
    """A module's output with another tensor in place of its own."""
    if isinstance(output, torch.Tensor):
        return tensor
    parts = [tensor if part is own else part for part in output]
    return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)


def normalised(weights: torch.Tensor, notes: Notes, *, tokens: bool) -> torch.Tensor:
    """Maps (b,t,h,w) that each sum to 1; noted where they had to be divided. Raises StavisError where they are no weights."""
    plain = weights.detach()
    sums = weights.sum((2, 3), keepdim=True)
    if not bool(torch.isfinite(plain).all()) or bool((plain < 0).any()) or bool((sums <= 0).any()):
        raise StavisError("the attention holds negative, non-finite or empty maps: name a module whose output is 0 or more.")
    if not bool(((sums.detach() - 1).abs() > SUM_TOLERANCE).any()):
        return weights
    masses = sums.detach().double()
    if tokens:
        low, high = float(masses.min()), float(masses.max())
        notes.add(f"of the attention on all tokens {low:.3g} to {high:.3g} lie in a frame: each frame's map is divided by its sum.")
    elif bool(((masses - 1).abs() > 20 * SUM_TOLERANCE).any()):
        notes.add(f"the attention sums to {float(masses.mean()):.4g} a frame, not to 1: each map is divided by its sum.")
    return weights / sums
