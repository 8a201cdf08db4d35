"""The temporal decoder: from what each frame shows to where the network looks, remembered over time."""

from itertools import pairwise

import torch
from torch import nn

from stavis.attention.modules import SpatialSoftmax
from stavis.models.convlstm import ConvLSTM


class TemporalDecoder(nn.Module):
    """ConvLSTM layers between x2 upsamplings, then one score a cell (Lee et al. 2018): (B,T,C,h,w) -> (B,T,h2,w2), sums to 1 a frame."""

    def __init__(self, inputs: int, channels: tuple[int, ...], gain: float, normalisation: str):
        super().__init__()
        widths = (inputs, *channels)
        self.memories = nn.ModuleList(ConvLSTM(a, b) for a, b in pairwise(widths))
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.score = nn.Conv2d(channels[-1], 1, 1)
        self.attend = SpatialSoftmax(gain, normalisation)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.run(features)[0]

    def run(self, features: torch.Tensor, states: list | None = None) -> tuple[torch.Tensor, list]:
        """The weights, and each memory's state after the last frame (to be given back for the next stretch of frames)."""
        after = []
        for depth, memory in enumerate(self.memories):
            if depth:
                features = self.upsample(features.flatten(0, 1)).unflatten(0, features.shape[:2])  # B,T,C,2h,2w
            features, state = memory.run(features, states[depth] if states else None)
            after.append(state)
        scores = self.score(features.flatten(0, 1)).unflatten(0, features.shape[:2])  # B,T,1,h2,w2
        return self.attend(scores.squeeze(2)), after  # B,T,h2,w2
