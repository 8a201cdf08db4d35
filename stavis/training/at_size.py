"""Crops in memory for training, averaged once to the size at which the network looks at them where nothing changes their pixels before."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from stavis.data.crops.crops import Crops
from stavis.models.sta import Vision
from stavis.tensors import as_input

_TOGETHER = 64  # frames that are averaged at once


def in_memory(train: Sequence[Crops], network: nn.Module, *, changed: bool) -> list[Crops]:
    """The crops read into memory where they are small beside it: a memory map's pages go away when other programs want the room.

    Where their pixels are not to be `changed` before the network sees them, frames are (T,h,w,3) float32 in [0,1] at its own size; it
    averages such frames no more.
    """
    room = _physical_memory() / 8
    vision = None if changed else _averaging(network)
    if vision is not None and sum(len(crops) for crops in train) * vision.size**2 * 3 * 4 <= room:
        return _all_at_size(vision, train)
    if sum(crops.frames.nbytes for crops in train) > room:
        return list(train)
    return [dataclasses.replace(crops, frames=np.array(crops.frames), folder=None) for crops in train]


def as_frames(batch: torch.Tensor) -> torch.Tensor:
    """A batch's frames as the network takes them, float32 in [0,1]: those of uint8 are divided, averaged ones are so already."""
    return batch if batch.is_floating_point() else batch.float() / 255


def _averaging(network: nn.Module) -> Vision | None:
    """What averages frames in a network; None where it looks at crops as they are."""
    vision = getattr(network, "vision", None)
    return vision if isinstance(vision, Vision) and vision.size is not None else None


def _all_at_size(vision: Vision, train: Sequence[Crops]) -> list[Crops]:
    """The crops at the network's own size, in one array: many small ones between what is made on the way took twice its memory."""
    ends = np.cumsum([len(crops) for crops in train])
    small = np.empty((int(ends[-1]) if len(ends) else 0, vision.size, vision.size, 3), np.float32)
    parts = np.split(small, ends[:-1])
    for crops, part in zip(train, parts, strict=True):
        _average(vision, crops.frames, part)
    return [dataclasses.replace(crops, frames=part, folder=None) for crops, part in zip(train, parts, strict=True)]


@torch.no_grad()
def _average(vision: Vision, frames: np.ndarray, small: np.ndarray) -> None:
    for start in range(0, len(frames), _TOGETHER):
        part = vision.at_size(as_input(np.array(frames[start : start + _TOGETHER])))[0]
        small[start : start + len(part)] = part.permute(0, 2, 3, 1).numpy()


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # not known on this system
        return 4 << 30
