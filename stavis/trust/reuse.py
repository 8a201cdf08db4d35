"""Run again only what depends on the attention: modules whose output does not are run once per clip and give it again."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn


class Reuse:
    """The outputs (of one clip) of a model's modules that do not depend on its attention, by module; the outermost of each."""

    def __init__(self, model: nn.Module, run: Callable[[], torch.Tensor]):
        """`run` runs the model once with an attention that asks for gradients: what its output does not, does not depend on it."""
        self.outputs: dict[nn.Module, torch.Tensor] = {}
        self.lengths: dict[nn.Module, int | None] = {}
        calls: Counter[nn.Module] = Counter()

        def keep(module, inputs, output):
            calls[module] += 1
            self.lengths[module] = _length(inputs)
            if isinstance(output, torch.Tensor) and not output.requires_grad:
                self.outputs[module] = output.detach()

        modules = [module for module in model.modules() if module is not model]
        handles = [module.register_forward_hook(keep) for module in modules]
        try:
            run()
        finally:
            for handle in handles:
                handle.remove()
        once = {module for module in self.outputs if calls[module] == 1}
        inner = {child for module in once for child in module.modules() if child is not module}
        self.outputs = {module: self.outputs[module] for module in once - inner}

    @contextmanager
    def active(self, clips: int) -> Iterator[None]:
        """The modules give their kept output, once per clip of a batch, instead of running, inside the `with` block. A module that is given
        another number of rows than that (a batch may be run in other pieces than a single clip) runs."""
        for module, output in self.outputs.items():
            repeated = torch.cat([output] * clips) if clips > 1 else output
            expected = None if self.lengths[module] is None else clips * self.lengths[module]
            module.forward = _again(module.forward, repeated, expected)
        try:
            yield
        finally:
            for module in self.outputs:
                module.__dict__.pop("forward", None)


def _length(inputs: tuple) -> int | None:
    """The rows of the first input; None where it is no tensor."""
    return len(inputs[0]) if inputs and isinstance(inputs[0], torch.Tensor) and inputs[0].ndim else None


def _again(run: Callable, kept: torch.Tensor, expected: int | None) -> Callable:
    """A module's forward that gives what was kept where it is given as many rows as expected, else runs."""
    return lambda *inputs, **options: kept if _length(inputs) == expected else run(*inputs, **options)
