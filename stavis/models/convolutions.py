"""Convolutions of a single clip, which torch sends to slow kernels on a CPU."""

import torch
from torch import nn


class ClipConv3d(nn.Conv3d):
    """A 3D convolution with 3 frames and a stride of 1 in time, as quick for one clip as for several: (B,C,T,H,W) -> (B,C2,T,h,w).

    On a CPU torch gives a batch of one with few numbers to a kernel three to five times slower than oneDNN's. One clip is therefore
    given as a batch of two: its halves in time, with the frame on either side that they share. The results are the same.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__(inputs, outputs, 3, stride=(1, 2, 2), padding=1, bias=False)

    def forward(self, clip: torch.Tensor) -> torch.Tensor:
        if not _slow_alone(clip):
            return super().forward(clip)
        frames = clip.shape[2]
        half = (frames + 1) // 2
        padded = nn.functional.pad(clip, (0, 0, 0, 0, 1, 1 + frames % 2))  # 1,C,2*half + 2,H,W
        halves = torch.cat([padded[:, :, : half + 2], padded[:, :, half:]])
        first, second = nn.functional.conv3d(halves, self.weight, self.bias, self.stride, (0, 1, 1)).split(1)
        return torch.cat([first, second], 2)[:, :, :frames]


def _slow_alone(clip: torch.Tensor) -> bool:
    """Whether torch may send the convolution of this clip to a slow kernel because it is the only one of its batch."""
    plain = clip.ndim == 5 and len(clip) == 1 and clip.device.type == "cpu" and clip.dtype == torch.float32
    return plain and torch.backends.mkldnn.is_available() and not torch.is_autocast_enabled("cpu")
