"""Grad-CAM on the layers of a video network: signed, because a regressor has evidence against as well as for, and with time kept.

References
----------
Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra: Grad-CAM. ICCV 2017.
"""

from typing import NoReturn

import torch
from torch import nn
from torch.nn import functional

from stavis.attribution.target import AttributionContext
from stavis.errors import StavisError
from stavis.models.sta import CNN3D, STA


def class_activation(context: AttributionContext, layer: nn.Module | str | None = None) -> torch.Tensor:
    """The layer's features, weighted by their mean gradient over space in each frame: (t,h,w), signed.

    A layer that runs once for each frame gives the same as one that runs once for all of them. In a symmetric network it also runs on the
    mirror image, whose map is turned back and added.

    Raises StavisError where the network has no such convolution, it did not run, or ran neither once nor once for each frame, its features
    have one cell, or the target does not depend on them.
    """
    calls: list[tuple[nn.Module, torch.Tensor]] = []

    def keep(module, _inputs, output):
        if not isinstance(output, torch.Tensor):
            raise StavisError(f"the layer {type(module).__name__} gives {type(output).__name__}: give Grad-CAM a layer of features.")
        calls.append((module, output.clone()))
        return calls[-1][1].clone()  # a ReLU in place behind it writes on this one

    handles = [module.register_forward_hook(keep) for module in _layers(context.model, layer)]
    try:
        value = context.value(context.frames.detach().requires_grad_(True)).sum()
    finally:
        for handle in handles:
            handle.remove()
    if not calls:
        raise StavisError("the layer of Grad-CAM does not run in the model's forward: give layer=<another convolution>.")
    views = 2 if any(isinstance(module, STA | CNN3D) and module.config.symmetric for module in context.model.modules()) else 1
    by_layer = {module: [output for one, output in calls if one is module] for module, _ in reversed(calls)}  # the last that ran first
    shapes = {module: [_of_a_view(part, views) for part in features] for module, features in by_layer.items()}
    fitting = {module: features for module, features in by_layer.items() if _fits(shapes[module], len(context.clip))}
    if not fitting:
        _refuse_calls(calls[-1][0], shapes[calls[-1][0]], len(context.clip))
    with_places = {module: features for module, features in fitting.items() if shapes[module][0][-2:] != (1, 1)}
    chosen, features, gradients = _last_that_moves(context, value, with_places)
    if chosen is not calls[-1][0]:
        name = next(name for name, module in context.model.named_modules() if module is chosen).removeprefix("core.model.")
        context.notes.add(f"Grad-CAM reads the layer {name}: convolutions after it have no map of the frames, or do not reach the target.")
    if len(features) > 1 and features[0].ndim == 5 and len(features) != len(context.clip):
        context.notes.add(f"the layer of Grad-CAM ran {len(features)} times: its maps are taken for parts of the clip, one after another.")
    return torch.cat([_of_views(part, gradient, views) for part, gradient in zip(features, gradients, strict=True)])


def _last_that_moves(
    context: AttributionContext, value: torch.Tensor, by_layer: dict[nn.Module, list[torch.Tensor]]
) -> tuple[nn.Module, list[torch.Tensor], list[torch.Tensor | None]]:
    """The first of the layers whose features move the value; its features and their gradients, one for each call. One whose gradient is 0
    is taken where no other has any, which is noted.

    Raises StavisError where the value depends on none.
    """
    still: tuple[nn.Module, list[torch.Tensor], list[torch.Tensor | None]] | None = None
    for module, features in by_layer.items():
        if not all(part.requires_grad for part in features):
            continue
        gradients = list(torch.autograd.grad(value, features, allow_unused=True, retain_graph=True))
        if any(bool(one.any()) for one in gradients if one is not None):
            return module, features, gradients
        if still is None and any(one is not None for one in gradients):
            still = module, features, gradients
    if still is None:
        raise StavisError(
            "Grad-CAM found no layer whose features are a map of the frames, of more than one cell, and reach the target: give "
            "layer=<one whose features do>, or take another method."
        )
    context.notes.add("the target's gradient is 0 in the layer of Grad-CAM: so is its map.")
    return still


def _of_a_view(features: torch.Tensor, views: int) -> tuple[int, ...]:
    """The shape of the features of one of the views that a layer runs on, one after the other in its batch."""
    return (len(features) // views if len(features) % views == 0 else len(features), *features.shape[1:])


def _of_views(features: torch.Tensor, gradient: torch.Tensor | None, views: int) -> torch.Tensor:
    """One call's map (t,h,w): the sum of those of its views, of which the second is the mirror image."""
    if views == 1:
        return _activation(features, gradient)
    own, turned = zip(features.chunk(2), (None, None) if gradient is None else gradient.chunk(2), strict=True)
    return _activation(*own) + _activation(*turned).flip(-1)


def _activation(features: torch.Tensor, gradient: torch.Tensor | None) -> torch.Tensor:
    """One call's map (t,h,w), from features (1,C,t,h,w) or (t,C,h,w)."""
    if gradient is None:
        return features.new_zeros(features.shape[2:] if features.ndim == 5 else (len(features), *features.shape[2:]))
    cam = (features * gradient.mean((-2, -1), keepdim=True)).sum(1).detach()
    return cam[0] if features.ndim == 5 else cam


def _fits(shapes: list[tuple[int, ...]], frames: int) -> bool:
    """Whether calls hold one map for the whole clip, a volume (1,C,t,h,w), or together one map for each frame in time."""
    alike = len({(len(shape), *shape[-2:]) for shape in shapes}) == 1
    if alike and len(shapes[0]) == 5 and all(shape[0] == 1 for shape in shapes):
        return len(shapes) == 1 or sum(shape[2] for shape in shapes) == frames
    return alike and len(shapes[0]) == 4 and sum(shape[0] for shape in shapes) in (1, frames)


def _refuse_calls(layer: nn.Module, shapes: list[tuple[int, ...]], frames: int) -> NoReturn:
    """Raises StavisError: a layer's calls hold no map of the clip and none of each frame."""
    what = " and ".join(str(shape) for shape in dict.fromkeys(shapes))
    raise StavisError(
        f"the layer {type(layer).__name__} ran {len(shapes)} times for {frames} frames and gave {what}: give Grad-CAM a layer that "
        "runs once for the clip or once for each frame, with features (N,C,h,w) or (N,C,t,h,w)."
    )


def _layers(model: nn.Module, layer: nn.Module | str | None) -> list[nn.Module]:
    if isinstance(layer, str):
        try:
            layer = model.get_submodule(layer)
        except AttributeError as error:
            raise StavisError(f"{type(model).__name__} has no module {layer!r}: choose a name of named_modules().") from error
    if layer is not None:
        if not any(module is layer for module in model.modules()):
            raise StavisError(f"the layer given is no part of this {type(model).__name__}: give one of its own modules.")
        return [layer]
    for convolution in (nn.Conv3d, nn.Conv2d):
        if found := [module for module in model.modules() if isinstance(module, convolution)]:
            return found
    raise StavisError("the model has no convolution for Grad-CAM: give layer=<module>, or take another method.")


def enlarged(cam: torch.Tensor, size: tuple[int, int, int]) -> torch.Tensor:
    """A coarse map (t,h,w) on the clip's grid (T,H,W), linear in between."""
    return functional.interpolate(cam[None, None], size=tuple(size), mode="trilinear", align_corners=False)[0, 0]
