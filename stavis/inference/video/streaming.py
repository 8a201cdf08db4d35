"""A whole video in one pass: the memory of the network is carried on, its 3D layers look a few frames ahead and back.

Windows that overlap by half read every frame twice and begin each with an empty memory; here every frame is read once, the result is that
of the whole video in one clip, and no more than a chunk of it is in memory. A network that was trained on short clips has never seen
its memory run on: read in both modes before relying on this one.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from stavis.data.faces.disk_array import release
from stavis.errors import StavisError
from stavis.models.sta import CNN3D, STA

MODES = ("window", "stream")
"""How a video is read: in the network's own windows that overlap, or in one pass."""

LONGEST, SHORTEST = 64, 8
"""Frames of a chunk; longer ones gain nothing."""
_FRACTION = 8
"""The part of the free memory that a chunk may take."""


@dataclass(frozen=True)
class Piece:
    """What is known of some frames of a stream: values (n,D) and maps (n,h,w), None without attention, from frame `start` on."""

    start: int
    values: np.ndarray
    maps: np.ndarray | None


def check_mode(mode: str, model: nn.Module) -> str:
    """The mode. Raises StavisError where there is none of that name, or the network has no memory that could be carried on."""
    if mode not in MODES:
        raise StavisError(f"there is no mode {mode!r} of reading: choose one of {', '.join(MODES)}.")
    if mode == "stream" and not isinstance(model, STA | CNN3D):
        name = type(model).__name__
        raise StavisError(f"{name} reads clips of its own length only: leave mode='stream' out, it is for sta and cnn3d.")
    return mode


def chunk_of(model: STA | CNN3D, free: int | None = None) -> int:
    """How many frames are read at once, by the memory that is free (bytes)."""
    config = model.config
    side = config.vision or config.crop_size
    widest = max(*config.encoder, *config.decoder, *config.stem)
    each = 4 * (side * side * 3 * 4 + config.crop_size**2 * 3 * 2 + (side // 2) ** 2 * widest * 8)  # bytes of one frame's activations
    each *= 1 + config.symmetric
    return int(np.clip((_free_memory() if free is None else free) // _FRACTION // each, SHORTEST, LONGEST))


def streamed(
    model: STA | CNN3D, frames: np.ndarray, order: np.ndarray, prepare: Callable[[np.ndarray], torch.Tensor], chunk: int | None = None
) -> Iterator[Piece]:
    """What the network makes of the frames `order` of (T,H,W,3) uint8 as one clip, piece by piece, without gradients.

    prepare: what makes the input (1,T,3,H,W) of frames (1,T,H,W,3). Equal to the whole clip in one pass but for rounding.
    """
    chunk = chunk or chunk_of(model)
    attends = isinstance(model, STA)
    halo, states = model.halo, None
    seen = weights = None  # of the frames from `first` on
    first = done = 0
    with torch.inference_mode():
        for start in range(0, len(order), chunk):
            new = model.vision(prepare(frames[order[start : start + chunk]][None]))
            release(frames)
            seen = new if seen is None else torch.cat([seen, new], 1)
            if attends:
                found, states = model.look(new, states)
                weights = found if weights is None else torch.cat([weights, found], 1)
            read = first + seen.shape[1]
            ready = read if read == len(order) else read - halo
            if ready <= done:
                continue
            values = (model.values(seen, weights) if attends else model.values(seen))[0, done - first : ready - first]
            maps = weights[0, done - first : ready - first].float().cpu().numpy() if attends else None
            yield Piece(done, values.float().cpu().numpy(), maps)
            done = ready
            left = max(first, done - halo)
            seen, first, weights = seen[:, left - first :], left, weights[:, left - first :] if attends else None


def _free_memory() -> int:
    """Bytes that are free on this machine; 1 GB where it does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 1 << 30
