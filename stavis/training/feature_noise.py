"""Noise on the attended features while a network is trained: it makes the attention choose what the regressor can read.

The network itself knows nothing of it. What the regressor needs must be lifted out of the noise by attending to it, and attending
elsewhere costs; without it, attention on aligned faces stays on mouth and eyes alike, whichever region is informative.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from stavis.attention.modules import AttentionProduct


class FeatureNoise:
    """How much noise is added now: `amount` times the root mean square of the features that the attention multiplies."""

    def __init__(self) -> None:
        self.amount = 0.0

    def __call__(self, module: nn.Module, inputs: tuple, attended: torch.Tensor) -> torch.Tensor | None:
        """The forward hook: the attended features (B,C,T,h,w) with the noise on them; None (unchanged) outside training."""
        if not (module.training and self.amount):
            return None
        # relative to the features, so that making them larger does not help
        noise = torch.randn(attended.shape, dtype=attended.dtype, device=attended.device)  # whatever the order of the features in memory
        return attended + noise * (self.amount * inputs[0].square().mean().sqrt())


@contextmanager
def feature_noise(network: nn.Module) -> Iterator[FeatureNoise]:
    """Inside the block every AttentionProduct of the network adds the noise whose `amount` is set; no hook stays behind."""
    noise = FeatureNoise()
    handles = [module.register_forward_hook(noise) for module in network.modules() if isinstance(module, AttentionProduct)]
    try:
        yield noise
    finally:
        for handle in handles:
            handle.remove()
