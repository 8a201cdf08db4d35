"""Families of networks that are recognised by their class, without importing their library; and what an adapter says of one.

An adapter is one function: it takes a network and returns a `Family`, or None where it is none of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from stavis.inference.adapters.clip_module import Forward


@dataclass(frozen=True)
class Family:
    """What is known of a network; None and "" where it is not.

    forward: (network, frames (B,T,3,H,W) normalised) -> outputs; frames: the number of a clip; size: side in px; rate: frames/s;
    normalise: mean and std of each colour; labels: the classes' names; classes: "softmax" or "sigmoid" where outputs are logits;
    attention: the paths of the modules that give weights, first layer to last; temporal: of divided attention those among frames;
    layout: of the weights; framing: how whole frames become its images, as the preprocessing of the published weights does it; assumed:
    what of this the network does not say itself, so that it is taken from the published weights.
    """

    forward: Forward | None = None
    frames: int | None = None
    size: int | None = None
    rate: float | None = None
    normalise: tuple | None = None
    labels: tuple[str, ...] = ()
    classes: str = ""
    attention: tuple[str, ...] = ()
    temporal: tuple[str, ...] = ()
    layout: str | None = None
    framing: str = "center_crop"
    assumed: tuple[str, ...] = ()


Adapter = Callable[[nn.Module], Family | None]

LARGER = "center_crop:0.875"
"""The framing of weights that were trained on 224 px of images resized to 256."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def is_from(model: nn.Module, *modules: str) -> bool:
    """Whether a network's class, or one that it is made from, is defined in one of these Python modules or below."""
    return any(kind.__module__ == name or kind.__module__.startswith(f"{name}.") for kind in type(model).__mro__ for name in modules)


def paths_of_class(model: nn.Module, *names: str) -> tuple[str, ...]:
    """The paths of all modules of the first of these class names that the network holds."""
    for name in names:
        if found := tuple(path for path, module in model.named_modules() if type(module).__name__ == name):
            return found
    return ()


def labels_of(model: nn.Module) -> tuple[str, ...]:
    """The names of the classes that its configuration holds, in order; () for none."""
    named = getattr(getattr(model, "config", None), "id2label", None) or {}
    return tuple(str(named[key]) for key in sorted(named, key=int))


def is_classifier(model: nn.Module) -> bool:
    """Whether a network of transformers gives classes: its class, or one that it is made from, is named for that."""
    return any("Classification" in kind.__name__ for kind in type(model).__mro__)


def kind_of_classes(model: nn.Module) -> str:
    """How the logits of a classifier of transformers become what is shown: "" for a regressor or a network without a head."""
    if not is_classifier(model):
        return ""
    problem = getattr(model.config, "problem_type", None)
    if problem == "regression" or model.config.num_labels == 1:
        return ""
    return "sigmoid" if problem == "multi_label_classification" else "softmax"


def each_frame(model: nn.Module, frames: torch.Tensor):
    """A network for images on every frame of every clip."""
    return model(frames.flatten(0, 1))


def colours_first(model: nn.Module, frames: torch.Tensor):
    """A network for volumes (B,3,T,H,W)."""
    return model(frames.transpose(1, 2))


def pixel_values(model: nn.Module, frames: torch.Tensor):
    """A video network of transformers."""
    return model(pixel_values=frames)


def pixel_values_each(model: nn.Module, frames: torch.Tensor):
    """An image network of transformers on every frame of every clip."""
    return model(pixel_values=frames.flatten(0, 1))


def guessed_forward(model: nn.Module) -> Forward | None:
    """What a network may take that does not take (B,T,3,H,W): volumes where its first convolution is 3D, images where it is 2D."""
    for module in model.modules():
        if isinstance(module, nn.Conv3d):
            return colours_first if module.in_channels == 3 else None
        if isinstance(module, nn.Conv2d):
            return each_frame if module.in_channels == 3 else None
    return None
