"""Other people's networks as the predictor needs them: any input, any outputs, attention of one module or of a transformer's layers."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from stavis.attention.hooks import record_attention
from stavis.attention.layouts import RunShape, fit, parse_layout
from stavis.attention.rollout import divided_rollout, relevance, rollout, start_row
from stavis.attention.token_layers import LayerRecorder, record_layers, weights_computed
from stavis.attribution.target import device_of
from stavis.errors import StavisError
from stavis.inference.adapters.clip_module import ClipModule
from stavis.notes import Notes
from stavis.tensors import as_input

KINDS = ("raw", "rollout", "relevance")


@dataclass(frozen=True)
class TokenAttention:
    """Where a network's attention is and how it becomes one map per frame.

    paths: the modules that give it, first layer to last; layout: of each one's weights; temporal: for divided space-time attention the
    modules of the attention among frames. kind: "raw" (one layer), "rollout" (all of them) or "relevance" (all, weighted by the
    gradient). layer: which one of raw attention; head: which one, None for their mean.
    """

    paths: tuple[str, ...]
    layout: str | None = None
    temporal: tuple[str, ...] = ()
    kind: str = "raw"
    layer: int = -1
    head: int | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise StavisError(f"attention maps have no kind {self.kind!r}: choose one of {', '.join(KINDS)}.")
        if not -len(self.paths) <= self.layer < len(self.paths):
            raise StavisError(f"layer {self.layer} is none of the {len(self.paths)} layers: choose one from 0 to {len(self.paths) - 1}.")
        if self.layout is None and (self.kind != "raw" or self.head is not None):
            raise StavisError(f"{self.kind} maps of tokens need layout=: name the axes, such as 'b heads (t h w) (t h w)'.")
        if self.kind == "relevance" and self.temporal:
            raise StavisError("relevance is not defined here for divided space-time attention: choose 'rollout' or 'raw'.")

    @property
    def path(self) -> str:
        """The module of the chosen layer."""
        return self.paths[self.layer]

    @property
    def text(self) -> str:
        """What the maps show, in a sentence."""
        heads = "the mean over the heads" if self.head is None else f"head {self.head}"
        if self.kind == "raw":
            number = self.layer % len(self.paths) + 1
            return f"The attention is that of layer {number} of {len(self.paths)}, {heads}." if len(self.paths) > 1 else ""
        how = "attention rollout" if self.kind == "rollout" else "gradient-weighted relevance"
        return f"The attention is {how} over {len(self.paths)} layers."


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
    bounds: tuple[float, float] | None = None
    batch: int = 2
    notes: Notes = field(default_factory=Notes)

    @property
    def model(self) -> nn.Module:
        """The network itself."""
        return self.clip.core.model

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
        """How methods find the attention themselves; None where it is put together from weights that they cannot replace."""
        if self.tokens is None or self.tokens.kind != "raw" or len(self.tokens.paths) > 1 or self.clip.clip_frames is not None:
            return None
        return {"attention": self.model.get_submodule(self.tokens.path), "layout": self.tokens.layout}

    def prepare(self, frames: np.ndarray) -> torch.Tensor:
        return as_input(frames, device_of(self.model))

    def forward(self, inputs: torch.Tensor) -> tuple[np.ndarray, np.ndarray | None]:
        tokens = self.tokens
        if tokens is None:
            with torch.inference_mode():
                return self._shown(self.clip(inputs)), None
        if tokens.kind == "raw" and tokens.head is None:
            with torch.inference_mode(), weights_computed(self.model):
                with record_attention(self.clip.core, f"model.{tokens.path}".rstrip("."), layout=tokens.layout) as recorder:
                    values = self.clip(inputs)
                maps = recorder.weights
            self.notes.add(*recorder.notes)
        else:
            values, maps = self._of_layers(inputs, tokens)
        maps = maps.reshape(len(inputs), -1, *maps.shape[2:])[:, : inputs.shape[1]]
        return self._shown(values), maps.detach().float().cpu().numpy()

    def differentiable(self) -> nn.Module:
        self.clip.dimensions = self.dimensions
        return self.clip

    def _shown(self, values: torch.Tensor) -> np.ndarray:
        """The values as numbers, classes as probabilities. Raises StavisError where one is not finite."""
        if self.classes:
            values = values.softmax(2) if self.classes == "softmax" else values.sigmoid()
        shown = values.detach().float().cpu().numpy()
        if not np.isfinite(shown).all():
            raise StavisError(
                f"{type(self.model).__name__} gives outputs that are not finite numbers: check its weights and normalisation."
            )
        return shown

    def _of_layers(self, inputs: torch.Tensor, tokens: TokenAttention) -> tuple[torch.Tensor, torch.Tensor]:
        """Values (B,T,D) and maps (N,F,h,w) from the weights of all layers, or of one head."""
        graph = tokens.kind == "relevance"
        paths = (tokens.path,) if tokens.kind == "raw" else (*tokens.paths, *tokens.temporal)
        keep = graph or tokens.head is not None
        with torch.set_grad_enabled(graph), weights_computed(self.model):
            with record_layers(self.model, paths, keep_heads=keep, keep_graph=graph) as recorder:
                values = self.clip(inputs.requires_grad_(True) if graph else inputs)
            maps = self._maps(recorder, tokens, values, inputs)
        return values, maps

    def _maps(self, recorder: LayerRecorder, tokens: TokenAttention, values: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        length = self.clip.clip_frames or inputs.shape[1]
        clips = len(inputs) * -(-inputs.shape[1] // length)
        run = RunShape(clips, length, tuple(inputs.shape[-2:]))
        layout = parse_layout(tokens.layout)
        if tokens.kind == "raw":
            weights = recorder.of(tokens.path)
            if not -weights.shape[1] <= tokens.head < weights.shape[1]:
                raise StavisError(f"head {tokens.head} is none of the {weights.shape[1]} heads: choose one from 0 on.")
            weights = weights[:, tokens.head][:, None]
            return self._spread(fit(layout, weights.shape, run).to_maps(weights), length)
        layers = [recorder.of(path) for path in tokens.paths]
        if tokens.temporal:
            return self._spread(self._divided(layers, [recorder.of(path) for path in tokens.temporal], run, layout), length)
        start = start_row(layers[0].shape[-1], layers[0].detach(), class_token=bool(layout.axes[-1].extra))
        if tokens.kind == "rollout":
            row = rollout(layers, start)
        else:
            top = values.mean(1).max(1).values.sum() if len(self.dimensions) > 1 else values.mean(1).sum()
            top.backward(inputs=layers)
            row = relevance([one.detach() for one in layers], [one.grad for one in layers], start)
            row = row + torch.finfo(row.dtype).tiny
            inputs.requires_grad_(False)
        shape = (len(row), 1, row.shape[1], row.shape[1])
        fitted = fit(layout, shape, run)
        return self._spread(fitted.to_maps(row[:, None, None].expand(shape)), length)

    def _divided(self, spatial: list[torch.Tensor], temporal: list[torch.Tensor], run: RunShape, layout) -> torch.Tensor:
        space = [one.unflatten(0, (run.batch, run.time)) for one in spatial]
        time = [one.unflatten(0, (run.batch, -1)) for one in temporal]
        sizes = fit(layout, (len(spatial[0]), 1, *spatial[0].shape[1:]), run).sizes
        return divided_rollout(space, time).unflatten(2, (sizes["h"], sizes["w"]))

    def _spread(self, maps: torch.Tensor, length: int) -> torch.Tensor:
        """Maps (N,t,h,w) for every frame of a clip, each divided by its sum; noted what part of the whole lies in one."""
        maps = maps.reshape(-1, length, *maps.shape[2:]) if maps.shape[1] == 1 and length > 1 else maps
        if maps.shape[1] != length:
            self.notes.add(f"the attention has {maps.shape[1]} steps in time for {length} frames: each is shown for its frames.")
            maps = maps.repeat_interleave(length // maps.shape[1], 1)
        sums = maps.sum((2, 3), keepdim=True)
        if bool((sums <= 0).any()) or not bool(torch.isfinite(sums).all()):
            raise StavisError("the attention of a frame is empty or not finite: choose another layer or kind of map.")
        low, high = float(sums.min()), float(sums.max())
        if self.tokens.kind == "relevance":
            self.notes.add("Relevance has no fixed sum: each frame's map is divided by its own.")
        elif abs(low - 1) > 1e-3 or abs(high - 1) > 1e-3:
            self.notes.add(f"Of the attention {low:.3g} to {high:.3g} lies in a frame: each frame's map is divided by its sum.")
        return maps / sums
