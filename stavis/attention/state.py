"""The state of a network around a run of it: its modes, which are as before afterwards, and tensors that it keeps from a run."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch import nn

from stavis.storage.fingerprint import KEPT


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """The model in eval mode; every module's mode is as before afterwards, also after an error.

    Both by its own `train`: some networks do more there than set a flag (those with LoRA merge weights), and undo it the same way. A
    program of torch.export has no modes: it stays as it was exported.
    """
    modes = [(module, module.training) for module in model.modules() if hasattr(module, "training")]
    try:
        with suppress(NotImplementedError):
            model.eval()
        yield
    finally:
        for module, training in modes:  # the outer ones first: they switch what is in them
            if module.training != training:
                with suppress(NotImplementedError):
                    module.train(training)
                module.training = training


def settle(model: nn.Module) -> None:
    """What a network keeps from runs in inference mode, such as a table of positions, as plain tensors: inference tensors would end every
    later run with gradients, the user's own training among them."""
    for module in model.modules():
        for held in (module._buffers, vars(module)):
            for name, value in list(held.items()):
                if (plain := _settled(value)) is not value:
                    held[name] = plain


def _settled(value):
    """A tensor, or the tensors in a list, tuple or dictionary, as plain tensors; the value itself where it holds no inference tensor."""
    if isinstance(value, torch.Tensor):
        if not value.is_inference() or isinstance(value, nn.Parameter):
            return value
        plain = value.clone()
        setattr(plain, KEPT, True)
        return plain
    if type(value) in (list, tuple, dict):
        parts = list(value.values() if isinstance(value, dict) else value)
        plain = [_settled(part) if isinstance(part, torch.Tensor) else part for part in parts]
        if any(one is not two for one, two in zip(parts, plain, strict=True)):
            return dict(zip(value, plain, strict=True)) if isinstance(value, dict) else type(value)(plain)
    return value
