"""The spatial encoder: what each frame shows, one frame at a time."""

from itertools import pairwise

import torch
from torch import nn

from stavis.models.convolutions import ConvBlock


class SpatialEncoder(nn.Module):
    """2D-CNN features of every frame, weights shared over time (Lee et al. 2018): (B,T,3,H,W) -> (B,T,C,h,w), h = H / 2**layers."""

    def __init__(self, channels: tuple[int, ...], in_channels: int = 3):
        super().__init__()
        widths = (in_channels, *channels)
        self.layers = nn.Sequential(*(_block(a, b) for a, b in pairwise(widths)))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        features = self.layers(frames.flatten(0, 1))  # B*T,C,h,w
        return features.unflatten(0, frames.shape[:2])  # B,T,C,h,w


def _block(inputs: int, outputs: int) -> ConvBlock:
    return ConvBlock(nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(outputs))
