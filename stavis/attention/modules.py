"""The two modules that hold a network's attention, so that hooks find it by type and not by a path.

A network of one's own can be inspected by using these two, or by naming its own module (see stavis.attention.hooks).
"""

import torch
from torch import nn

NORMALISATIONS = ("softmax", "sigmoid", "uniform")
"""How scores become weights that sum to 1 in each frame; uniform: all weights are the same, whatever the scores."""


class SpatialSoftmax(nn.Module):
    """Attention weights from scores: (B,T,h,w) real -> (B,T,h,w), non-negative, each frame sums to 1.

    `gain` sharpens the scores before the softmax; `normalisation="sigmoid"` gates each cell by itself and then divides by the sum;
    "uniform" weights all cells alike, the control without selection.
    """

    def __init__(self, gain: float = 4.0, normalisation: str = "softmax"):
        super().__init__()
        self.gain = gain
        self.normalisation = normalisation
        self.gate = nn.Sigmoid()

    def forward(self, scores: torch.Tensor) -> torch.Tensor:
        if scores.dtype in (torch.bfloat16, torch.float16):
            scores = scores.float()  # in half precision the weights of a frame would not sum to 1
        flat = scores.flatten(2) * (0 if self.normalisation == "uniform" else self.gain)  # B,T,h*w
        if self.normalisation in ("softmax", "uniform"):
            weights = torch.softmax(flat, 2)
        else:
            gates = self.gate(flat)
            weights = gates / gates.sum(2, keepdim=True)
        return weights.unflatten(2, scores.shape[2:])


class AttentionProduct(nn.Module):
    """Soft attention X'' = A ⊙ X (Lee et al. 2018): features (B,C,T,h,w) times weights (B,T,h,w) scaled by h*w, so their mean is 1.

    `residual` multiplies by 1 + A instead.
    """

    def __init__(self, residual: bool = False):
        super().__init__()
        self.residual = residual

    def forward(self, features: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        scale = weights.unsqueeze(1) * (weights.shape[-1] * weights.shape[-2])
        if scale.dtype != features.dtype:
            scale = scale.to(features.dtype)  # autocast's features are in half precision
        if self.residual:
            scale = 1 + scale
        return features * scale
