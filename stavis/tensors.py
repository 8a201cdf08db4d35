"""The one place where frames become a network's input."""

import numpy as np
import torch


def as_input(frames: np.ndarray, device: torch.device | str = "cpu") -> torch.Tensor:
    """Crops (T,H,W,3) or (B,T,H,W,3) uint8 RGB as a network takes them: (B,T,3,H,W) float32 in [0,1]."""
    batch = torch.from_numpy(np.ascontiguousarray(frames)).to(device)
    if batch.ndim == 4:
        batch = batch.unsqueeze(0)
    return batch.permute(0, 1, 4, 2, 3).float() / 255
