"""Attributions of a network and of the same network behind random heads: what does not depend on the head runs once per clip.

The attention branch is the larger part of a network like STA, and a random head leaves it as it is. Its outputs are kept with their
graphs, for plain gradients and for each of the two runs of exact DeepLIFT, so that behind every further head only the head runs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from stavis.attribution.baselines import baseline_frames
from stavis.attribution.deeplift import exact_deeplift, relevance
from stavis.attribution.methods import gradient_maps, input_x_gradient, saliency
from stavis.attribution.target import AttributionContext, attribution_context, device_of, on_grid
from stavis.errors import StavisError
from stavis.tensors import as_input
from stavis.trust.reuse import Reuse
from stavis.trust.sanity import randomised
from stavis.types import Attribution, Clip, Target

SHARED = (saliency, input_x_gradient, exact_deeplift)
"""The methods of which a head's maps are made without running the rest of the network again."""


@dataclass
class Replay:
    """Modules that run once, inside the first `with` block of `of`, and give their output again, with its graph, in those after it."""

    modules: Sequence[nn.Module]
    outputs: dict[nn.Module, torch.Tensor] = field(default_factory=dict)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Keep the outputs, or give those that were kept; always as copies, which a module may write on."""
        if self.outputs:
            for module, output in self.outputs.items():
                module.forward = lambda *_inputs, _kept=output, **_options: _kept.clone()
            try:
                yield
            finally:
                for module in self.outputs:
                    module.__dict__.pop("forward", None)
            return

        def keep(module, _inputs, output):
            self.outputs[module] = output
            return output.clone()

        handles = [module.register_forward_hook(keep) for module in self.modules]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def independent_of(model: nn.Module, head: Sequence[str], clip: Clip) -> list[nn.Module]:
    """The modules whose output does not depend on the parameters of a head (names of modules); the outermost of each.

    None of them where a module's forward has been replaced from outside, or where predictions would not stay as they are.
    """
    if any("forward" in vars(module) for module in model.modules()):
        return []
    named, frames = dict(model.named_modules()), as_input(clip.frames, device_of(model))
    parameters = [parameter for name in head for parameter in named[name].parameters(recurse=False)]
    before = [parameter.requires_grad for parameter in parameters]
    try:
        for parameter in parameters:
            parameter.requires_grad_(True)
        modules = list(Reuse(model, lambda: model(frames)).outputs)
    finally:
        for parameter, needed in zip(parameters, before, strict=True):
            parameter.requires_grad_(needed)
    replay = Replay(modules)
    with torch.no_grad(), randomised(model, list(head), 0):
        plain = model(frames)
    with torch.no_grad(), replay.active():
        model(frames)
    try:
        with torch.no_grad(), randomised(model, list(head), 0), replay.active():
            same = torch.allclose(model(frames), plain, rtol=1e-4, atol=1e-6 * float(plain.abs().max()))
    except (StavisError, RuntimeError):
        same = False
    return modules if same else []


def maps_behind_heads(
    model: nn.Module,
    clip: Clip,
    target: Target,
    methods: Sequence[Callable[..., Attribution]],
    call: Callable[[Callable[..., Attribution]], Attribution],
    *,
    head: Sequence[str],
    seeds: Sequence[int],
    fixed: Sequence[nn.Module],
) -> Iterator[tuple[str, int, np.ndarray]]:
    """The maps (T,H,W) of each method behind each random head: (label, index of the head, map). `call` runs any other method.

    fixed: the modules that do not depend on the head, as from independent_of.
    """
    with attribution_context(model, clip, target) as context:
        shared = _Shared(context, fixed)
        if seeds and fixed:
            shared.maps(methods)  # with the network's own head, so that what is kept is seen by every random one
        for number, seed in enumerate(seeds):
            with randomised(model, list(head), seed):
                found = shared.maps(methods)
                for method in methods:
                    yield method.label, number, found[method] if method in found else call(method).values


class _Shared:
    """The maps of SHARED on one clip, however often the head changes."""

    def __init__(self, context: AttributionContext, fixed: Sequence[nn.Module]):
        self.context = context
        self.frames = context.frames.detach().requires_grad_(True)
        self.start = baseline_frames(context.clip, "blur", context.frames.device).detach().requires_grad_(True)
        self.plain, self.before, self.after = Replay(fixed), Replay(fixed), Replay(fixed)

    def maps(self, methods: Sequence[Callable[..., Attribution]]) -> dict[Callable[..., Attribution], np.ndarray]:
        """The maps of those methods that are shared, (T,H,W) each."""
        found = {}
        if saliency in methods or input_x_gradient in methods:
            with self.plain.active():
                gradient, product = gradient_maps(self.context, self.frames)
            found |= {saliency: gradient, input_x_gradient: product}
        if exact_deeplift in methods:
            found[exact_deeplift] = relevance(self.context, self.start, self.frames, self.before.active, self.after.active)
        return {method: on_grid(values).astype(np.float32) for method, values in found.items()}
