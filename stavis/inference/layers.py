"""The attention of each layer of a transformer, and of each head of one layer, for the frames of a segment."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from stavis.attention.calls import Run
from stavis.attention.layouts import fit, parse_layout
from stavis.attention.token_layers import record_layers, weights_computed
from stavis.attention.token_maps import over_frames
from stavis.data.crops.crops import Crops
from stavis.errors import StavisError
from stavis.inference.adapters.video_network import VideoNetwork
from stavis.inference.predictor import VideoReader
from stavis.inference.reading import Reading, read
from stavis.inference.reading_cache import ReadingCache, content_of
from stavis.notes import Notes
from stavis.printable import ShortRepr
from stavis.storage.files import content_hash
from stavis.types import AttentionMaps


@dataclass(frozen=True, repr=False)
class LayerMaps(ShortRepr):
    """Maps by name, "layer 1" on (the mean over its heads) and "layer 12, head 1" on; `groups` puts them under headings."""

    maps: dict[str, AttentionMaps]
    groups: dict[str, str]


@dataclass(frozen=True, eq=False)
class LayeredNetwork:
    """A network whose maps are those of all layers, and of the heads of layer `heads` (None: none), one below the other: (B,T,n*h,w).

    See stavis.inference.adapters.interface.NetworkAdapter for the rest.
    """

    network: VideoNetwork
    heads: int | None = None

    def __getattr__(self, name: str):
        return getattr(self.network, name)

    def names(self, count: int) -> list[str]:
        """The names of the maps, of which there are `count` in all."""
        layers = len(self.network.tokens.paths)
        found = [f"layer {number + 1}" for number in range(layers)]
        return [*found, *(f"layer {self.heads + 1}, head {number + 1}" for number in range(count - layers))]

    def forward(self, inputs: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Values (B,T,D) and the maps of all layers and heads (B,T,n*h,w), each of which sums to 1 in a frame."""
        network, tokens = self.network, self.network.tokens.under("core.model")
        chosen = () if self.heads is None else (tokens.paths[self.heads],)
        run = Run(network.clip)
        try:
            with torch.inference_mode(), weights_computed(network.model):
                with record_layers(network.clip, tokens.paths, keep_heads=chosen) as recorder:
                    values = network.clip(inputs)
                weights = [recorder.of(path).mean(1) if path in chosen else recorder.of(path) for path in tokens.paths]
                if chosen:
                    weights += recorder.of(chosen[0]).unbind(1)
                maps = torch.cat([self._map(one[:, None], run) for one in weights], 2)
        finally:
            for handle in run.handles:
                handle.remove()
        return network.shown(values), maps.float().cpu().numpy()

    def _map(self, weights: torch.Tensor, run: Run) -> torch.Tensor:
        maps = fit(parse_layout(self.network.tokens.layout), weights.shape, run.shape).to_maps(weights)
        maps = run.of_input(over_frames(maps, run.shape.time, self.network.notes))
        sums = maps.sum((2, 3), keepdim=True)
        if not bool((sums > 0).all()):
            raise StavisError("the attention of a layer is empty in a frame: leave attention_layers and heads out.")
        return maps / sums


def layered(network: nn.Module, name: str, heads: int | None) -> LayeredNetwork:
    """A network of which the attention of all layers is read. Raises StavisError where it has none, or no such layer."""
    tokens = getattr(network, "tokens", None)
    if tokens is None or tokens.layout is None:
        raise StavisError(f"{name} has no layers of token attention: leave attention_layers and heads out, or give attention= and layout=.")
    count = len(tokens.paths)
    if heads is not None and not (isinstance(heads, int) and -count <= heads < count):
        raise StavisError(f"heads is {heads!r}: give the number of one of the {count} layers, from 0 to {count - 1}, or -1 for the last.")
    plain = replace(network, tokens=replace(tokens, kind="raw", head=None), notes=Notes())
    return LayeredNetwork(plain, None if heads is None else heads % count)


def read_layers(
    net: VideoReader,
    crops: Crops,
    segment: slice,
    reading: Reading,
    heads: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LayerMaps:
    """The attention of each layer in the frames of a segment, and with `heads` that of each head of that layer; `reading`: of the
    video, whose maps have the same grid.

    Raises StavisError where the network has no layers of token attention, or no such layer.
    """
    network = layered(net.network, net.name, heads)

    def make(frames: slice) -> Reading:
        return read(network, crops.frames[frames], crops.times[frames], batch=2, mirror=net.mirror, progress=progress)

    content = content_of(net)
    key = None if content is None else content_hash(content, "layers", repr(network.heads))
    cells = reading.attention.weights.shape[1:]
    kept = ReadingCache(crops, key, network, net.mirror).get_or_read(segment, make).attention
    stacked = kept.weights.reshape(len(kept.times), -1, *cells)
    names = network.names(stacked.shape[1])
    maps = {name: AttentionMaps(np.ascontiguousarray(stacked[:, k]), kept.times) for k, name in enumerate(names)}
    return LayerMaps(maps, {name: "heads" if "head" in name else "layers" for name in names})
