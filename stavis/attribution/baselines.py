"""What a clip is compared with: the same clip without the detail that could carry an expression.

A blurred clip stays in the range in which the network works; a flat one crosses the range where a softmax sharpens, and the path
from it is far from smooth.
"""

import cv2
import numpy as np
import torch

from stavis.errors import StavisError
from stavis.types import Clip

Baseline = str | np.ndarray
"""'blur' (Gaussian, a tenth of the frame wide), 'mean' (the clip's mean colour), 'black', or frames (T,H,W,3) uint8 of one's own."""

BLUR = 0.1
"""The blur's standard deviation as a part of the frame's longer side."""


def baseline_frames(clip: Clip, baseline: Baseline = "blur", device: torch.device | str = "cpu") -> torch.Tensor:
    """The baseline of a clip as a network's input: (1,T,3,H,W) float32 in [0,1].

    Raises StavisError for an unknown name or an array of another shape.
    """
    frames = clip.frames.astype(np.float32) / 255
    if isinstance(baseline, str):
        if baseline == "blur":
            sigma = BLUR * max(frames.shape[1:3])
            frames = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) for frame in frames])
        elif baseline == "mean":
            frames = np.broadcast_to(frames.mean((0, 1, 2)), frames.shape)
        elif baseline == "black":
            frames = np.zeros_like(frames)
        else:
            raise StavisError(f"there is no baseline {baseline!r}: choose blur, mean or black, or give frames.")
    else:
        baseline = np.asarray(baseline)
        if baseline.shape != clip.frames.shape:
            raise StavisError(f"the baseline is {baseline.shape}, the clip {clip.frames.shape}: give frames of the same shape.")
        frames = baseline.astype(np.float32) / 255 if baseline.dtype == np.uint8 else baseline.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).unsqueeze(0).to(device)
