"""Networks that take frames (B,T,3,H,W) in [0,1] and give (B,T,D): the systems of this package, and others of that shape."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from stavis.attention.calls import unwrapped
from stavis.attention.hooks import attention_module, record_attention
from stavis.attention.modules import SpatialSoftmax
from stavis.attribution.target import device_of
from stavis.inference.output_range import declared_range
from stavis.tensors import as_input

SIZE, RATE, SECONDS = 112, 6.25, 4.0
"""What is taken for the crops' side (px), the frame rate (frames/s) and a window's length (s) where a network does not say."""


class NamedOutputs(nn.Module):
    """A network without names for its outputs, with them."""

    def __init__(self, model: nn.Module, dimensions: tuple[str, ...]):
        super().__init__()
        self.model = model
        self.dimensions = dimensions

    def forward(self, frames: torch.Tensor, **given) -> torch.Tensor:
        return self.model(frames, **given)


@dataclass(frozen=True, eq=False)
class FramesNetwork:
    """See stavis.inference.adapters.interface.NetworkAdapter; layout is that of the attention module's output, None to find it."""

    model: nn.Module
    size: int = SIZE
    rate: float = RATE
    seconds: float = SECONDS
    dimensions: tuple[str, ...] = ()
    attention: str | None = None
    layout: str | None = None
    frames: int | None = None
    region: str = "face"
    framing: str = "center_crop"
    batch: int = 8
    classes: str = ""

    @property
    def mass_notes(self) -> tuple[str, ...]:
        """Nothing: its maps sum to 1."""
        return ()

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The range that the network declares; None for none."""
        return declared_range(self.model)

    @property
    def attention_options(self) -> dict | None:
        """How methods find the attention; None for a network without."""
        if self.attention is None:
            return None
        return {"attention": self.model.get_submodule(self.attention), "layout": self.layout}

    @classmethod
    def of(cls, model: nn.Module) -> "FramesNetwork":
        """A network that says what it needs in `config` and `dimensions`, with defaults for what it does not say."""
        config = getattr(model, "config", None)
        return cls(
            model,
            size=getattr(config, "crop_size", SIZE),
            rate=getattr(config, "rate", RATE),
            seconds=getattr(config, "seconds", SECONDS),
            dimensions=tuple(getattr(model, "dimensions", None) or ()),
            attention=path_of(model, attention_module(model)) if has_attention(model) else None,
        )

    def prepare(self, frames: np.ndarray) -> torch.Tensor:
        return as_input(frames, device_of(self.model))

    def forward(self, inputs: torch.Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        with torch.inference_mode():
            if self.attention is None:
                return self.model(inputs).float().cpu().numpy(), None
            with record_attention(self.model, self.attention, layout=self.layout) as recorder:
                predicted = self.model(inputs)
            return predicted.float().cpu().numpy(), recorder.weights.float().cpu().numpy()

    def differentiable(self) -> nn.Module:
        known = tuple(getattr(self.model, "dimensions", None) or ()) == self.dimensions
        return self.model if known else NamedOutputs(self.model, self.dimensions)


def has_attention(model: nn.Module) -> bool:
    """Whether a network holds the module that attention is found by."""
    return any(isinstance(module, SpatialSoftmax) for module in unwrapped(model).modules())


def path_of(model: nn.Module, module: nn.Module) -> str:
    """The dotted path of a network's own module."""
    return next(name for name, each in unwrapped(model).named_modules() if each is module)
