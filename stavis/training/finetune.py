"""Training initialised from the weights of another network (fine-tuning)."""

import dataclasses

import torch
from torch import nn

from stavis.errors import StavisError
from stavis.models.checkpoint import Checkpoint


def initialise_from(network: nn.Module, source: Checkpoint, system: str) -> None:
    """Give `network`, of a system, the weights of `source`.

    Its dimensions may differ: those that both name keep what `source` learned, the others keep their random initialisation.

    Raises StavisError where `source` is of another system, or a layer has another shape.
    """
    if source.system != system:
        raise StavisError(f"{source.folder} is a network of system {source.system}: a network of {system} cannot be initialised from it.")
    own, given = network.state_dict(), source.model.state_dict()
    outputs = _outputs(network)
    fits = {name for name in own.keys() & given.keys() if own[name].shape[name in outputs :] == given[name].shape[name in outputs :]}
    odd = sorted((own.keys() | given.keys()) - fits)
    if odd:
        raise StavisError(f"{source.folder} is a network of other sizes ({odd[0]} differs): choose the config it was trained with.")
    shared = [(i, source.model.dimensions.index(name)) for i, name in enumerate(network.dimensions) if name in source.model.dimensions]
    with torch.no_grad():
        for name, tensor in own.items():
            if name not in outputs:
                tensor.copy_(given[name])
                continue
            for here, there in shared:
                tensor[here] = given[name][there]


def _outputs(network: nn.Module) -> set[str]:
    """The weights that have one row for each dimension: those whose shape another number of dimensions would change."""
    chosen, config = type(network), network.config
    more = dataclasses.replace(config, dimensions=(*config.dimensions, "one more"))
    with torch.device("meta"):
        shapes = [{name: tensor.shape for name, tensor in chosen(each).state_dict().items()} for each in (config, more)]
    return {name for name, shape in shapes[0].items() if shape != shapes[1][name]}
