"""The average of networks' weights: where one network was fine-tuned from another, it does better on unlike data than either.

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


def averaged(checkpoints: Sequence[Checkpoint], weights: Sequence[float] | None = None) -> nn.Module:
    """A network with the mean weights of several of one system and config, statistics of normalisation included; in eval mode.

    weights: the weight of each in the average, adding up to 1; equal if left out. An average is meaningful only among networks that
    were fine-tuned from one another: after separate random initialisations their units correspond to nothing.

    Raises StavisError where there is none, they differ in system or config, or `weights` are not one each that add up to 1.
    """
    if not checkpoints:
        raise StavisError("there is no network to average: give one at least.")
    first = checkpoints[0]
    for other in checkpoints[1:]:
        if (other.system, other.model.config) != (first.system, first.model.config):
            raise StavisError(f"{other.folder} and {first.folder} differ in system or config: their weights have no mean.")
    weights = [1 / len(checkpoints)] * len(checkpoints) if weights is None else list(weights)
    if len(weights) != len(checkpoints) or abs(sum(weights) - 1) > 1e-6:
        raise StavisError(f"the weights {weights} of {len(checkpoints)} networks in their average: give one each, adding up to 1.")
    states = [one.model.state_dict() for one in checkpoints]
    mean = copy.deepcopy(checkpoints[-1].model)
    with torch.no_grad():
        for name, tensor in mean.state_dict().items():
            if tensor.is_floating_point():  # counts of batches stay the last network's
                tensor.copy_(sum(weight * state[name].double() for weight, state in zip(weights, states, strict=True)))
    return mean.eval()
