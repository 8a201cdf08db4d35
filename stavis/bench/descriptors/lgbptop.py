"""LGBP-TOP: what the texture of a face is like in space and over time, at 18 scales and directions.

Each grey frame passes a bank of log-Gabor filters. In the magnitudes the local binary pattern of every voxel is taken in three planes
(XY, XT, YT), and the patterns are counted in 4x4 blocks over short sub-volumes: 18 x 3 x 16 x 59 = 50,976 counts a frame.

References
----------
Almaev, Valstar: Local Gabor binary patterns from three orthogonal planes for automatic facial expression recognition. ACII 2013.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from stavis.bench.descriptors.gabor import GaborBank
from stavis.bench.descriptors.lbp import BINS, lbp_codes
from stavis.errors import StavisError

_CHUNK = 16  # frames whose patterns are held at once


@dataclass(frozen=True)
class LgbpTop:
    """How LGBP-TOP is computed: side of the crop in px, blocks along a side, frames of a sub-volume (odd), the filters."""

    size: int = 64
    blocks: int = 4
    depth: int = 5
    bank: GaborBank = field(default_factory=GaborBank)

    def __post_init__(self):
        if self.depth < 1 or self.depth % 2 == 0:
            raise StavisError(f"sub-volumes of {self.depth} frames have no middle frame: give an odd number.")
        if self.blocks < 1 or self.size % self.blocks or self.size < 8:
            raise StavisError(f"a crop of {self.size} px does not fall into {self.blocks} equal blocks: give a multiple of it.")

    @property
    def values(self) -> int:
        """How many counts describe a frame."""
        return len(self.bank) * 3 * self.blocks**2 * BINS

    @property
    def voxels(self) -> int:
        """How many voxels a block has: what each histogram sums to."""
        return (self.size // self.blocks) ** 2 * self.depth

    def describe(self, frames: np.ndarray, valid: np.ndarray | None = None) -> np.ndarray:
        """The counts of every frame of a recording: (T, values) uint16, for frames (T,H,W,3) uint8 RGB or grey (T,size,size).

        A frame's sub-volume has it in the middle; at the ends the first and last frame are repeated. Frames that are not `valid`
        (T,) have no face and are all 0.
        """
        return np.concatenate(list(self.chunks(frames, valid)) or [np.zeros((0, self.values), np.uint16)])

    def chunks(self, frames: np.ndarray, valid: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """The rows of `describe`, a few frames at a time: memory does not grow with the recording."""
        half = self.depth // 2
        reach = half + 1  # a pattern looks one frame further than its voxel
        for start in range(0, len(frames), _CHUNK):
            stop = min(start + _CHUNK, len(frames))
            around = np.clip(np.arange(start - reach, stop + reach), 0, len(frames) - 1)
            counts = self._counts(grey_crops(frames[around[0] : around[-1] + 1], self.size)[around - around[0]])
            running = np.cumsum(np.concatenate([np.zeros_like(counts[:1]), counts]), 0, dtype=np.int32)
            rows = (running[self.depth :] - running[: -self.depth]).astype(np.uint16)
            if valid is not None:
                rows[~np.asarray(valid, bool)[start:stop]] = 0
            yield rows

    def _counts(self, grey: np.ndarray) -> np.ndarray:
        """The counts of each single frame but the first and last: (T−2, values) int32."""
        magnitude = torch.from_numpy(self.bank.magnitude(grey))  # T,F,H,W
        inner = magnitude[1:-1]
        planes = (
            lbp_codes(inner),
            lbp_codes(magnitude.permute(1, 2, 0, 3)).permute(2, 0, 1, 3)[1:-1],  # rows are moments: XT
            lbp_codes(magnitude.permute(1, 3, 0, 2)).permute(2, 0, 3, 1)[1:-1],  # YT
        )
        codes = torch.stack(planes, 2).numpy()  # T,F,3,H,W
        count, filters = codes.shape[:2]
        side = self.size // self.blocks
        row = np.arange(self.size) // side
        block = row[:, None] * self.blocks + row  # H,W
        series = np.arange(filters * 3).reshape(filters, 3, 1, 1) * self.blocks**2 + block
        offsets = (series * BINS).astype(np.int32)
        bins = filters * 3 * self.blocks**2 * BINS
        return np.stack([np.bincount((offsets + codes[frame]).ravel(), minlength=bins) for frame in range(count)]).astype(np.int32)


def grey_crops(frames: np.ndarray, size: int) -> np.ndarray:
    """Luminance in [0,1] of frames (T,H,W,3) uint8 at `size` px a side (area means): (T,size,size) float32. Grey ones stay as they are."""
    if frames.ndim == 3:
        if frames.shape[1:] != (size, size):
            raise StavisError(f"grey frames are {frames.shape[1:]}, expected {(size, size)}.")
        return frames.astype(np.float32)
    out = np.empty((len(frames), size, size), np.float32)
    for k, frame in enumerate(frames):
        grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
        out[k] = cv2.resize(grey, (size, size), interpolation=cv2.INTER_AREA)
    return out / 255
