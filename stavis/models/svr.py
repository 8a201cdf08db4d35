"""Linear support vector regression as a network: the same call as every other, and weights that can be read.

References
----------
Fan, Chang, Hsieh, Wang, Lin: LIBLINEAR, a library for large linear classification. JMLR 2008.
"""

from dataclasses import dataclass

import torch
from torch import nn

from stavis.models.recurrent import as_descriptors


@dataclass(frozen=True)
class SVRConfig:
    """A linear function of `inputs` descriptors; the other fields as in LSTMConfig."""

    dimensions: tuple[str, ...] = ("valence",)
    inputs: int = 168
    crop_size: int = 112
    rate: float = 6.25
    seconds: float = 20.0


class SVRNetwork(nn.Module):
    """A linear function of standardised descriptors, fitted as a support vector machine: forward(descriptors (B,T,F)) -> (B,T,D)."""

    def __init__(self, config: SVRConfig = SVRConfig()):
        super().__init__()
        self.config = config
        self.dimensions = config.dimensions
        self.register_buffer("mean", torch.zeros(config.inputs))
        self.register_buffer("deviation", torch.ones(config.inputs))
        self.value = nn.Linear(config.inputs, len(config.dimensions))

    def forward(self, descriptors: torch.Tensor) -> torch.Tensor:
        return self.value((as_descriptors(descriptors, self.config.inputs) - self.mean) / self.deviation)
