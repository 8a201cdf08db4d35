"""The mean of networks' weights: where one network was trained on from another, it does better on unlike data than either.

References
----------
Wortsman et al.: Robust fine-tuning of zero-shot models. CVPR 2022, doi 10.1109/CVPR52688.2022.00780.
"""

import copy
from collections.abc import Sequence

import torch
from torch import nn

from stavis.errors import StavisError
from stavis.models.checkpoint import Checkpoint


def averaged(checkpoints: Sequence[Checkpoint], parts: Sequence[float] | None = None) -> nn.Module:
    """A network with the mean weights of several of one system and config, statistics of normalisation included; in eval mode.

    parts: how much each has in the mean, adding up to 1; all alike if left out. It means something only where one began with the
    weights of another: networks that began by chance have no common order.

    Raises StavisError where there is none, they differ in system or config, or `parts` are not one each that add up to 1.
    """
    if not checkpoints:
        raise StavisError("there is no network to average: give one at least.")
    first = checkpoints[0]
    for other in checkpoints[1:]:
        if (other.system, other.model.config) != (first.system, first.model.config):
            raise StavisError(f"{other.folder} and {first.folder} differ in system or config: their weights have no mean.")
    parts = [1 / len(checkpoints)] * len(checkpoints) if parts is None else list(parts)
    if len(parts) != len(checkpoints) or abs(sum(parts) - 1) > 1e-6:
        raise StavisError(f"the parts {parts} of {len(checkpoints)} networks in their mean: give one each, that add up to 1.")
    states = [one.model.state_dict() for one in checkpoints]
    mean = copy.deepcopy(checkpoints[-1].model)
    with torch.no_grad():
        for name, tensor in mean.state_dict().items():
            if tensor.is_floating_point():  # counts of batches stay the last network's
                tensor.copy_(sum(part * state[name].double() for part, state in zip(parts, states, strict=True)))
    return mean.eval()
