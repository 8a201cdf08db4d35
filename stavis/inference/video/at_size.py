"""Crops at the size at which a network looks at them: each averaged once, however many windows hold it."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch

from stavis.data.faces.disk_array import release
from stavis.inference.adapters.frames import FramesNetwork
from stavis.inference.adapters.interface import NetworkAdapter
from stavis.models.sta import Vision


class FramesAtSize:
    """The input of windows of frames, at the network's own size; a frame is kept from its first window to its last.

    frames (T,H,W,3) uint8; windows: the frames of each, in the order in which they are read; mirror: of the mirror images.
    """

    def __init__(self, network: NetworkAdapter, frames: np.ndarray, windows: Sequence[np.ndarray], mirror: bool = False):
        self._vision = _vision_of(network)
        self._frames, self._network, self._mirror = frames, network, mirror
        self._left = Counter(index for window in windows for index in window.tolist()) if self._vision else Counter()
        self._kept: dict[int, torch.Tensor] = {}

    def batch(self, group: Sequence[np.ndarray]) -> torch.Tensor:
        """The input (B,T,3,h,w) of windows of one length."""
        if self._vision is None:
            return self.prepare(np.stack([self._frames[window] for window in group]))
        used = [index for window in group for index in window.tolist()]
        new = sorted(set(used) - self._kept.keys())
        if new:
            small = self._vision.at_size(self.prepare(self._frames[np.array(new)][None]))[0]
            small = small.permute(0, 2, 3, 1)  # T,h,w,3 as they lie in memory
            self._kept.update(zip(new, small, strict=True))
            release(self._frames)
        found = torch.stack([self._kept[index] for index in used])
        for index in used:
            self._left[index] -= 1
            if self._left[index] <= 0:
                self._kept.pop(index, None)
        return found.unflatten(0, (len(group), -1)).permute(0, 1, 4, 2, 3)

    def prepare(self, images: np.ndarray) -> torch.Tensor:
        """The network's input (B,T,3,H,W) of frames (B,T,H,W,3), at their own size, or of their mirror images."""
        return self._network.prepare(np.ascontiguousarray(images[..., ::-1, :]) if self._mirror else images)


def _vision_of(network: NetworkAdapter) -> Vision | None:
    """What averages crops to the network's own size; None where it looks at them as they are."""
    vision = getattr(network.model, "vision", None)
    own = isinstance(network, FramesNetwork) and isinstance(vision, Vision) and vision.size is not None
    return vision if own else None
