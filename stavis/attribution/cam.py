"""Grad-CAM on the layers of a video network: signed, because a regressor has evidence against as well as for, and with time kept.

References
----------
Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra: Grad-CAM. ICCV 2017.
"""

import torch
from torch import nn
from torch.nn import functional

from stavis.attribution.target import AttributionContext
from stavis.errors import StavisError


def class_activation(context: AttributionContext, layer: nn.Module | str | None = None) -> torch.Tensor:
    """The layer's features, weighted by their mean gradient over space in each frame: (t,h,w), signed.

    Raises StavisError where the network has no such convolution, or it did not run.
    """
    seen: list[torch.Tensor] = []

    def keep(_module, _inputs, output):
        copy = output.clone()  # a ReLU in place behind it may write on the original
        seen.append(copy)
        return copy

    handles = [module.register_forward_hook(keep) for module in _layers(context.model, layer)]
    try:
        value = context.value(context.frames.detach().requires_grad_(True)).sum()
    finally:
        for handle in handles:
            handle.remove()
    if not seen:
        raise StavisError("the layer of Grad-CAM does not run in the model's forward: give layer=<another convolution>.")
    features = seen[-1]
    (gradient,) = torch.autograd.grad(value, features, allow_unused=True)
    if gradient is None:
        gradient = torch.zeros_like(features)
    spatial = (features.ndim - 2, features.ndim - 1)
    cam = (features * gradient.mean(spatial, keepdim=True)).sum(1).detach()
    return cam[0] if features.ndim == 5 else cam  # B,t,h,w of one clip, or B*t,h,w


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
    for kind in (nn.Conv3d, nn.Conv2d):
        if found := [module for module in model.modules() if isinstance(module, kind)]:
            return found
    raise StavisError(f"{type(model).__name__} has no convolution for Grad-CAM: give layer=<module>, or take another method.")


def enlarged(cam: torch.Tensor, size: tuple[int, int, int]) -> torch.Tensor:
    """A coarse map (t,h,w) on the clip's grid (T,H,W), linear in between."""
    return functional.interpolate(cam[None, None], size=tuple(size), mode="trilinear", align_corners=False)[0, 0]
