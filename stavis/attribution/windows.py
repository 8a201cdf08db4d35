"""Windows of one length attributed together: one pass over several is quicker than several over one, and gives the same maps."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import wraps

import numpy as np
import torch
from torch import nn

from stavis.attribution.deeplift import exact_deeplift
from stavis.attribution.methods import input_x_gradient, saliency
from stavis.types import COMPLETE, Attribution, Clip, Target

TOGETHER = (saliency, input_x_gradient, exact_deeplift)
"""The methods whose map of a window depends on that window alone and is linear in the target."""
MOST = 4
"""Windows in one pass: more gain little and need more memory."""


class WindowsInTime(nn.Module):
    """A network that takes its windows one after another in one clip: (1,N*T,3,H,W) -> (1,N*T,D), each read on its own."""

    def __init__(self, model: nn.Module, count: int):
        super().__init__()
        self.model = model
        self.count = count
        self.dimensions = getattr(model, "dimensions", ())

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        length = frames.shape[1] // self.count
        return self.model(frames.reshape(self.count, length, *frames.shape[2:])).flatten(0, 1).unsqueeze(0)


def together(method: Callable[..., Attribution], clips: Sequence[Clip], most: int = MOST) -> Callable[..., Attribution]:
    """`method` as it is called with one of `clips` after another, computed for up to `most` of equal length at once.

    The maps are those of the method; `relative_delta` is that of the windows that were computed together, of each alone where anything
    was approximated. A method that is not among TOGETHER comes back as it is.
    """
    if method not in TOGETHER or most < 2:
        return method
    ready: dict[int, Attribution] = {}
    order = {id(clip): number for number, clip in enumerate(clips)}

    @wraps(method)
    def called(model: nn.Module, clip: Clip, target: Target) -> Attribution:
        if id(clip) not in ready:
            following = [one for one in clips[order[id(clip)] :] if len(one) == len(clip) and id(one) not in ready]
            alone = len(clip) <= getattr(model, "halo", 0)  # what such a window sees is mostly padding, which the method notes
            following = following[: 1 if alone else most]
            ready.update(zip(map(id, following), _attributed(method, model, following, target), strict=True))
        return ready.pop(id(clip))

    return called


def _attributed(method: Callable, model: nn.Module, clips: Sequence[Clip], target: Target) -> list[Attribution]:
    """The attributions of windows of one length, in their order."""
    if len(clips) == 1:
        return [method(model, clips[0], target)]
    length = len(clips[0])
    valid = [int(clip.valid.sum()) for clip in clips]
    whole = method(WindowsInTime(model, len(clips)), _joined(clips), target)
    if getattr(whole, "approximated", ()) or (whole.relative_delta or 0.0) > COMPLETE:
        return [method(model, clip, target) for clip in clips]  # each tells what it misses: together the errors may cancel
    parts = []
    for number, (clip, count) in enumerate(zip(clips, valid, strict=True)):
        inside = slice(number * length, (number + 1) * length)
        # the target of all is the mean over all their frames with a face, of each over its own
        scale = np.float32(sum(valid) / count)
        maps = {field.name: getattr(whole, field.name)[inside] * scale for field in fields(whole) if _is_map(whole, field.name)}
        parts.append(replace(whole, **{**maps, "times": clip.times, "seconds": (whole.seconds or 0.0) / len(clips)}))
    return parts


def _is_map(whole: Attribution, name: str) -> bool:
    value = getattr(whole, name)
    return isinstance(value, np.ndarray) and value.ndim == 3


def _joined(clips: Sequence[Clip]) -> Clip:
    """The windows as one clip; its times only keep their order, for no method of TOGETHER looks at them."""
    frames = np.concatenate([clip.frames for clip in clips])
    return Clip(frames, np.arange(len(frames)), valid=np.concatenate([clip.valid for clip in clips]), recording=clips[0].recording)
