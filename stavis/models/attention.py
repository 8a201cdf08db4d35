"""The temporal decoder: from what each frame shows to where the network looks, remembered over time."""

from itertools import pairwise

import torch
from torch import nn

from stavis.attention.modules import SpatialSoftmax
from stavis.models.convlstm import ConvLSTM

MEMORIES = ("convlstm", "none")
"""What the decoder remembers with: a ConvLSTM; or nothing, so that each frame is attended to by itself."""


class TemporalDecoder(nn.Module):
    """ConvLSTM layers between x2 upsamplings, then one score a cell (Lee et al. 2018): (B,T,C,h,w) -> (B,T,h2,w2), sums to 1 a frame.

    `depth` ConvLSTM layers lie at each size. With `memory="none"` convolutions of single frames stand in for them. `symmetric`: the
    second half of a batch is of the mirror images of the first; it gives one A for both, (B/2,T,h2,w2), from the mean of their scores.
    """

    def __init__(
        self,
        inputs: int,
        channels: tuple[int, ...],
        gain: float,
        normalisation: str,
        memory: str = "convlstm",
        depth: int = 1,
        symmetric: bool = False,
    ):
        super().__init__()
        self.symmetric = symmetric
        kind = ConvLSTM if memory == "convlstm" else FrameConv
        sizes = [(a, b) if layer == 0 else (b, b) for a, b in pairwise((inputs, *channels)) for layer in range(depth)]
        self.depth = depth
        self.memories = nn.ModuleList(kind(a, b) for a, b in sizes)
        self.upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.score = nn.Conv2d(channels[-1], 1, 1)
        self.attend = SpatialSoftmax(gain, normalisation)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.run(features)[0]

    def run(self, features: torch.Tensor, states: list | None = None) -> tuple[torch.Tensor, list]:
        """The weights, and each memory's state after the last frame (to be given back for the next stretch of frames)."""
        after = []
        for layer, memory in enumerate(self.memories):
            if layer and layer % self.depth == 0:
                features = self.upsample(features.flatten(0, 1)).unflatten(0, features.shape[:2])  # B,T,C,2h,2w
            features, state = memory.run(features, states[layer] if states else None)
            after.append(state)
        scores = self.score(features.flatten(0, 1)).unflatten(0, features.shape[:2]).squeeze(2)  # B,T,h2,w2
        if self.symmetric:
            half = len(scores) // 2
            scores = (scores[:half] + scores[half:].flip(-1)) / 2
        return self.attend(scores), after  # B,T,h2,w2


class FrameConv(nn.Module):
    """A convolution of each frame by itself, in the range of a ConvLSTM's output: (B,T,C,h,w) -> (B,T,hidden,h,w) in (-1,1)."""

    def __init__(self, inputs: int, hidden: int, kernel: int = 3):
        super().__init__()
        self.layer = nn.Conv2d(inputs, hidden, kernel, padding=kernel // 2)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.run(inputs)[0]

    def run(self, inputs: torch.Tensor, state: None = None) -> tuple[torch.Tensor, None]:
        """The outputs, and no state."""
        return torch.tanh(self.layer(inputs.flatten(0, 1))).unflatten(0, inputs.shape[:2]), None
