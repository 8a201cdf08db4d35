"""What a user says of a network of their own, checked: inputs, outputs, attention."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from stavis.attention.calls import unwrapped
from stavis.attention.hooks import attention_module
from stavis.attention.token_layers import paths_matching
from stavis.attention.tokens import TokenAttention
from stavis.data.crops.framing import source_of_framing
from stavis.errors import StavisError
from stavis.inference.adapters.clip_module import Forward
from stavis.inference.adapters.families import Adapter, Family, labels_of
from stavis.inference.adapters.frames import has_attention, path_of
from stavis.notes import Notes

REGIONS = ("face", "frame")


@dataclass(frozen=True)
class ModuleOptions:
    """The options of `stavis.load` for a module; None where the network, its family or a default decides."""

    attention: nn.Module | str | None = None
    layout: str | None = None
    size: int | None = None
    rate: float | None = None
    seconds: float | None = None
    outputs: tuple[str, ...] | str | None = None
    forward: Forward | None = None
    frames: int | None = None
    normalise: Any = None
    region: str = "face"
    framing: str | None = None
    classes: str | None = None
    maps: str = "raw"
    layer: int = -1
    head: int | None = None
    processor: Any = None
    adapter: Adapter | None = None
    output_head: nn.Module | str | None = None

    def __post_init__(self):
        if self.region not in REGIONS:
            raise StavisError(f"region is {self.region!r}: choose face, or frame for whole images.")
        if self.framing is not None:
            source_of_framing(self.framing)
            if self.region != "frame":
                raise StavisError("framing= is how whole frames are shown, and this network is shown the face: add region='frame'.")
        if self.classes not in (None, "", "softmax", "sigmoid"):
            raise StavisError(f"classes is {self.classes!r}: choose softmax, sigmoid, or '' for values as they are.")
        if self.normalise is not None and self.processor is not None:
            raise StavisError("the normalisation is given twice, by normalise= and by processor=: leave one out.")
        if self.forward is not None and not callable(self.forward):
            raise StavisError("forward= is no function: give one of (model, frames (B,T,3,H,W)), such as lambda m, x: m(x).logits.")
        if self.normalise is not None:
            mean, std = _two(self.normalise)
            object.__setattr__(self, "normalise", (mean, std))

    def from_processor(self) -> dict:
        """Size, framing and normalisation in an image processor of transformers; empty without one."""
        processor = self.processor
        if processor is None:
            return {}
        found = {}
        size = getattr(processor, "crop_size", None) or getattr(processor, "size", None)
        if size:
            plain = size if isinstance(size, dict) else {"height": getattr(size, "height", None), "shortest_edge": size}
            value = plain.get("height") or plain.get("shortest_edge")
            found["size"] = int(value) if isinstance(value, int) else None
        found["framing"] = _framing_of(processor)
        if getattr(processor, "do_normalize", True) and getattr(processor, "image_mean", None) is not None:
            mean, std = np.broadcast_to(processor.image_mean, 3), np.broadcast_to(processor.image_std, 3)
            if getattr(processor, "offset", False):  # frames in [-1,1] before the mean is taken away
                mean, std = (1 + mean) / 2, std / 2
            found["normalise"] = (tuple(mean.tolist()), tuple(std.tolist()))
        return found

    def tokens(self, module: nn.Module, family: Family, notes: Notes) -> TokenAttention | None:
        """Where the attention is; None for a network without, which is noted."""
        given = {"kind": self.maps, "layer": self.layer, "head": self.head, "output_head": self.head_path(module)}
        if self.attention is None and family.attention:
            return TokenAttention(family.attention, self.layout or family.layout, family.temporal, **given)
        if self.attention is None:
            if not has_attention(module):
                name = type(module).__name__
                notes.add(f"{name} holds no SpatialSoftmax and no attention= was given: it is read without attention maps.")
                return None
            return TokenAttention((path_of(module, attention_module(module)),), self.layout, **given)
        if isinstance(self.attention, str) and self.attention:
            return TokenAttention(paths_matching(module, self.attention), self.layout, **given)
        path = "" if self.attention == "" else path_of(module, attention_module(module, unwrapped(self.attention)))
        return TokenAttention((path,), self.layout, **given)

    def head_path(self, module: nn.Module) -> str:
        """The dotted path of the module that makes outputs of features, '' where it is not named. Raises StavisError where it is none."""
        if self.output_head is None:
            return ""
        return path_of(module, attention_module(module, self.output_head))

    @staticmethod
    def labels_in(model: nn.Module) -> tuple[str, ...]:
        """The names of the classes that the network's configuration holds."""
        return labels_of(model)


def _framing_of(processor) -> str | None:
    """How an image processor makes its square images; None where it does not say."""
    size, crop = getattr(processor, "size", None) or {}, getattr(processor, "crop_size", None) or {}
    of = lambda named, key: named.get(key) if isinstance(named, dict) else getattr(named, key, None)  # noqa: E731
    if getattr(processor, "do_center_crop", None):
        shortest, side = of(size, "shortest_edge"), of(crop, "height")
        fraction = min(1.0, side / shortest) if shortest and side else 1.0
        return "center_crop" if fraction == 1 else f"center_crop:{fraction:g}"
    if getattr(processor, "do_pad", None):
        return "letterbox"
    return "resize" if of(size, "height") and of(size, "width") else None


def _two(given) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std of the three colours. Raises StavisError where they are none."""
    try:
        mean, std = (tuple(np.broadcast_to(np.asarray(one, float), 3).tolist()) for one in given)
    except (TypeError, ValueError) as error:
        raise StavisError(f"normalise is {given!r}: give (mean, std), each one number or three, for frames in [0,1].") from error
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and min(std) > 0):
        raise StavisError(f"normalise is {given!r}: the std must be above 0 and all numbers finite.")
    if max(mean) > 1.5:
        raise StavisError(f"normalise is {given!r}, which is for frames from 0 to 255: divide both by 255.")
    return mean, std
