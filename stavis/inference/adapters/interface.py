"""What reading a video needs of a network. A new kind of network is one more class with these members."""

from typing import Protocol

import numpy as np
import torch
from torch import nn


class NetworkAdapter(Protocol):
    """A network and how it takes video.

    model: the network itself, whose device and mode are used. size: side of its crops in pixels; rate: frames/s that it expects;
    seconds: length of its windows. dimensions: a name for each output. attention: the dotted path of the module that holds its
    attention ('' for the network itself), None for a network without. frames: the number of frames of a clip, None for any. bounds: the
    range that values are cut to, None for values as they are. region: "face" or "frame", what its crops show; framing: how
    whole frames become its images ("center_crop", "resize" or "letterbox"). batch: the most windows
    that are read at once. classes: "softmax" or "sigmoid" where values are probabilities of logits.
    """

    model: nn.Module
    size: int
    rate: float
    seconds: float
    dimensions: tuple[str, ...]
    attention: str | None
    frames: int | None
    bounds: tuple[float, float] | None
    region: str
    framing: str
    batch: int
    classes: str

    @property
    def mass_notes(self) -> tuple[str, ...]:
        """What the last runs found of how the attention is divided among frames."""
        ...

    @property
    def attention_options(self) -> dict | None:
        """How attribution methods find the attention and replace it; None where they cannot."""
        ...

    def prepare(self, frames: np.ndarray) -> torch.Tensor:
        """The network's input from windows of crops (B,T,S,S,3) uint8 RGB, on its device."""
        ...

    def forward(self, inputs: torch.Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        """Values (B,T,D) and attention maps (B,T,h,w), each frame sums to 1 (None without attention), without gradients."""
        ...

    def differentiable(self) -> nn.Module:
        """The network as attributions take it: frames (B,T,3,S,S) in [0,1] -> (B,T,D), with its `dimensions`."""
        ...
