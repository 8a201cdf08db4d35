"""The 3D-CNN: the stem that makes the features X, and the regressor that reads X'' and predicts a value for every frame."""

from itertools import pairwise

import torch
from torch import nn

from stavis.models.convolutions import ClipConv3d, ConvBlock


class SpatiotemporalStem(nn.Module):
    """3D-CNN features with time kept: (B,T,3,H,W) -> X (B,C,T,H / 2**layers,W / 2**layers)."""

    def __init__(self, channels: tuple[int, ...], in_channels: int = 3):
        super().__init__()
        self.layers = _blocks((in_channels, *channels))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.layers(frames.transpose(1, 2))


class Regressor(nn.Module):
    """A value for every frame from attended features: (B,C,T,h,w) -> (B,T,D).

    `pooling="mean"` averages over space, so that selecting places is the attention's work; "flatten" keeps the places (the
    fully connected layer of Lee et al. 2018) and then needs `grid`, the size (h,w) of X''.
    """

    def __init__(
        self,
        inputs: int,
        channels: tuple[int, ...],
        hidden: int,
        outputs: int,
        pooling: str = "mean",
        grid: tuple[int, int] | None = None,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.pooling = pooling
        self.layers = _blocks((inputs, *channels))
        cells = 1
        if pooling == "flatten":
            for _ in channels:
                grid = ((grid[0] + 1) // 2, (grid[1] + 1) // 2)
            cells = grid[0] * grid[1]
        self.head = nn.Sequential(nn.Linear(channels[-1] * cells, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, outputs))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        features = self.layers(features)  # B,C,T,h,w
        pooled = features.mean((3, 4)) if self.pooling == "mean" else features.permute(0, 1, 3, 4, 2).flatten(1, 3)  # B,C,T
        return self.head(pooled.transpose(1, 2))  # B,T,D


def _blocks(widths: tuple[int, ...]) -> nn.Sequential:
    return nn.Sequential(*(_block(a, b) for a, b in pairwise(widths)))


def _block(inputs: int, outputs: int) -> ConvBlock:
    return ConvBlock(ClipConv3d(inputs, outputs), nn.BatchNorm3d(outputs))
