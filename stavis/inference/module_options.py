"""What a user says of a network of their own, checked: inputs, outputs, attention."""

from dataclasses import dataclass
from numbers import Integral
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
from stavis.inference.adapters.image_processor import read_processor
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
        if not is_whole(self.layer):
            raise StavisError(f"layer is {self.layer!r}: give the number of a layer from 0 on, or -1 for the last.")
        if not (self.head is None or is_whole(self.head)):
            raise StavisError(f"head is {self.head!r}: give the number of a head from 0 on, or leave it out for the mean over heads.")
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
        """What an image processor of transformers says, as `read_processor` has it; empty without one."""
        if self.processor is None:
            return {}
        found = read_processor(self.processor)
        if "normalise" in found:
            found["normalise"] = _two(found["normalise"], "the normalisation of processor=")
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


def is_whole(value: object) -> bool:
    """Whether it is a whole number, of Python or numpy."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def _two(given, what: str = "normalise") -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std of the three colours. Raises StavisError where they are none."""
    try:
        mean, std = (tuple(np.broadcast_to(np.asarray(one, float), 3).tolist()) for one in given)
    except (TypeError, ValueError) as error:
        raise StavisError(f"{what} is {given!r}: give (mean, std), each one number or three, for frames in [0,1].") from error
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and min(std) > 0):
        raise StavisError(f"{what} is {(mean, std)}: the std must be above 0 and all numbers finite.")
    if max(mean) > 2:  # a processor that takes 1 from frames in [0,1] first comes near 2
        raise StavisError(f"{what} is {(mean, std)}, which is for frames from 0 to 255: divide both by 255.")
    return mean, std
