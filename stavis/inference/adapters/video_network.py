"""Other people's networks as the predictor needs them: any input, any outputs, attention of one module or of a transformer's layers."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from stavis.attention.hooks import AttentionRecorder, record_attention
from stavis.attention.token_layers import weights_computed
from stavis.attention.token_maps import token_maps
from stavis.attention.tokens import TokenAttention
from stavis.attribution.target import device_of
from stavis.errors import StavisError
from stavis.inference.adapters.clip_module import ClipModule
from stavis.inference.adapters.families import each_frame, pixel_values_each
from stavis.notes import Notes
from stavis.tensors import as_input


@dataclass(frozen=True, eq=False)
class VideoNetwork:
    """See stavis.inference.adapters.interface.NetworkAdapter. frames: the length of its clips, None for any; classes: how logits become
    what is shown ("softmax", "sigmoid" or ""); bounds: the range of the values, None where it is not known."""

    clip: ClipModule
    size: int
    rate: float
    seconds: float
    frames: int | None = None
    dimensions: tuple[str, ...] = ()
    tokens: TokenAttention | None = None
    classes: str = ""
    region: str = "face"
    framing: str = "center_crop"
    bounds: tuple[float, float] | None = None
    batch: int = 2
    notes: Notes = field(default_factory=Notes)

    @property
    def model(self) -> nn.Module:
        """The network itself."""
        return self.clip.core.model

    @property
    def sees_motion(self) -> bool:
        """Whether a network is shown several frames together: not where it is given one after another."""
        return self.clip.core.forward_of_user not in (each_frame, pixel_values_each)

    @property
    def mass_notes(self) -> tuple[str, ...]:
        """What the last runs found of how the attention is divided among frames: the first sentence of each sort."""
        return tuple({note.lower()[:16]: note for note in reversed(list(self.notes))}.values())

    @property
    def attention(self) -> str | None:
        """The path of the module whose attention is shown; None for a network without."""
        return None if self.tokens is None else self.tokens.path

    @property
    def attention_options(self) -> dict | None:
        """How methods find the attention, in `differentiable()`; None for a network without."""
        return None if self.tokens is None else {"attention": self.tokens.under("core.model")}

    def prepare(self, frames: np.ndarray) -> torch.Tensor:
        return as_input(frames, device_of(self.model))

    def forward(self, inputs: torch.Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        tokens = self.tokens
        if tokens is None:
            with torch.inference_mode():
                return self.shown(self.clip(inputs)), None
        with weights_computed(self.model):
            if tokens.kind == "raw":
                with torch.inference_mode(), record_attention(self.clip, tokens.under("core.model")) as recorder:
                    values = self.clip(inputs)
                maps = self._recorded(recorder)
                self.notes.add(*recorder.notes)
            else:
                values, maps = token_maps(self.clip, tokens.under("core.model"), lambda: self.clip(inputs), self._followed, self.notes)
        return self.shown(values), maps.detach().float().cpu().numpy()

    def _followed(self, values: torch.Tensor) -> torch.Tensor:
        """What relevance is of: the clip mean of the output that was asked for, or of each clip's highest."""
        means = values.mean(1)
        if self.tokens.target in self.dimensions:
            return means[:, self.dimensions.index(self.tokens.target)].sum()
        return means.max(1).values.sum()

    def differentiable(self) -> nn.Module:
        self.clip.dimensions = self.dimensions
        return self.clip

    def _recorded(self, recorder: AttentionRecorder) -> torch.Tensor:
        try:
            return recorder.weights
        except StavisError as error:
            raise StavisError(
                f"the attention module {self.attention} of {type(self.model).__name__} was never called: name one that the network runs."
            ) from error

    def shown(self, values: torch.Tensor) -> np.ndarray:
        """The values as numbers, classes as probabilities. Raises StavisError where one is not finite."""
        if self.classes:
            values = values.detach().clone()
            for head in self.clip.class_heads:
                logits = values[..., head]
                values[..., head] = logits.softmax(2) if self.classes == "softmax" else logits.sigmoid()
        shown = values.detach().float().cpu().numpy()
        if not np.isfinite(shown).all():
            raise StavisError(
                f"{type(self.model).__name__} gives outputs that are not finite numbers: check its weights and normalisation."
            )
        return shown
