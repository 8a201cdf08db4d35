"""The 2D-CNN of single frames, of which the recurrent rows are made.

    luminance (B,T,1,96,96)
     conv 64@5x5, ReLU, max-pool 2        -> 46x46
     conv 128@5x5, ReLU, max-pool 2       -> 21x21
     conv 256@5x5, ReLU, quadrant pooling -> 2x2
     FC 300, ReLU, dropout .5             -> the features that recurrent heads read
     FC D                                 -> (B,T,D)

The quadrants' pooling is by the maximum (the source does not say). The number of parameters does not depend on the size of the crop.
The first layer begins with a bias that takes a grey frame to 0 (nor does the source say this): luminance in [0,1] is far from
centred, and without it nothing is learned from a weak label for some hundred steps.

References
----------
Khorrami, Le Paine, Brady, Dagli, Huang: How deep neural networks can improve emotion recognition on video data. ICIP 2016,
arXiv 1602.07377.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn


@dataclass(frozen=True)
class CNNConfig:
    """What the 2D-CNN is built from; the defaults are the published sizes.

    crop_size: px of the crops it is given; vision: px at which it looks at them (area means, luminance); rate in frames/s and
    seconds of a window are how whole recordings are read.
    """

    dimensions: tuple[str, ...] = ("valence",)
    channels: tuple[int, ...] = (64, 128, 256)
    kernel: int = 5
    hidden: int = 300
    dropout: float = 0.5
    crop_size: int = 112
    vision: int = 96
    rate: float = 25.0
    seconds: float = 4.0


CNN_PRESETS = {"small": CNNConfig(vision=64, rate=6.25), "paper": CNNConfig()}
"""`paper`: 96 px at 25 frames/s. `small`: the same layers at the 64 px and 6.25 frames/s at which the small STA looks."""


_GREY = 0.45
"""About the mean luminance of a crop of a face."""


class Luminance(nn.Module):
    """Grey frames at `size` px a side: (B,T,3,H,W) in [0,1] -> (B*T,1,size,size) in [0,1]."""

    def __init__(self, size: int):
        super().__init__()
        self.size = size
        self.register_buffer("weights", torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        grey = (frames.flatten(0, 1) * self.weights).sum(1, keepdim=True)  # B*T,1,H,W
        if grey.shape[-2:] == (self.size, self.size):
            return grey
        return nn.functional.adaptive_avg_pool2d(grey, (self.size, self.size))


class CNN(nn.Module):
    """Valence of each frame by itself (Khorrami et al. 2016): forward(frames (B,T,3,H,W) in [0,1]) -> (B,T,D)."""

    def __init__(self, config: CNNConfig = CNNConfig()):
        super().__init__()
        self.config = config
        self.dimensions = config.dimensions
        self.luminance = Luminance(config.vision)
        self.layers = nn.Sequential(*_blocks((1, *config.channels), config.kernel))
        self.describe = nn.Sequential(nn.Linear(config.channels[-1] * 4, config.hidden), nn.ReLU(), nn.Dropout(config.dropout))
        self.head = nn.Linear(config.hidden, len(config.dimensions))
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        first = self.layers[0]
        with torch.no_grad():
            first.bias.copy_(-_GREY * first.weight.sum((1, 2, 3)))

    def features(self, frames: torch.Tensor) -> torch.Tensor:
        """What the last hidden layer says of each frame: (B,T,3,H,W) in [0,1] -> (B,T,300)."""
        maps = self.layers(self.luminance(frames))  # B*T,256,2,2
        return self.describe(maps.flatten(1)).unflatten(0, frames.shape[:2])  # B,T,300

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(frames))


def _blocks(widths: tuple[int, ...], kernel: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for depth, (inputs, outputs) in enumerate(pairwise(widths), 1):
        last = depth == len(widths) - 1
        layers += [nn.Conv2d(inputs, outputs, kernel), nn.ReLU(), nn.AdaptiveMaxPool2d(2) if last else nn.MaxPool2d(2)]
    return layers
