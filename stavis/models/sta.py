"""The spatiotemporal-attention network (STA).

    frames (B,T,3,H,W)
     ├─ encoder    2D-CNN per frame            -> (B,T,C,h,w)
     │  decoder    ConvLSTM, upsampling        -> A (B,T,h2,w2), sums to 1 in each frame
     └─ stem       3D-CNN                      -> X (B,C,T,h2,w2)
        attend     X'' = A ⊙ X
        regressor  3D-CNN -> FC                -> (B,T,D)

The paper gives no layer table; what it does not say is a field of STAConfig with a documented default.

References
----------
Lee, Kim, Kim, Sohn: Spatiotemporal attention based deep neural networks for emotion recognition. ICASSP 2018,
doi 10.1109/ICASSP.2018.8461920.
"""

from dataclasses import dataclass

import torch
from torch import nn

from stavis.attention.modules import NORMALISATIONS, AttentionProduct
from stavis.errors import StavisError
from stavis.models.attention import MEMORIES, TemporalDecoder
from stavis.models.convolutions import channels_last
from stavis.models.encoder import SpatialEncoder
from stavis.models.regressor import Regressor, SpatiotemporalStem


@dataclass(frozen=True)
class STAConfig:
    """What an STA network is built from, and what it expects of its clips.

    encoder, decoder, stem, regressor: channels a layer; each encoder, stem and regressor layer halves the picture, each decoder
    layer after the first doubles it. crop_size in pixels, rate in frames/s, seconds a clip. `vision` is the side in pixels at
    which the network looks at a crop (area means of it), None = the crop's own. `memory`, `depth`: what the decoder remembers with, and
    how many layers of it lie at each size (see TemporalDecoder); `normalisation="uniform"` looks everywhere alike. `symmetric`: the
    network reads a clip and its mirror image with one attention for both, so that a mirror leaves every value as it is and mirrors the
    maps; no weight is added, and it takes twice the time.
    """

    dimensions: tuple[str, ...] = ("valence",)
    encoder: tuple[int, ...] = (24, 48, 64)
    decoder: tuple[int, ...] = (32, 16)
    stem: tuple[int, ...] = (16, 32)
    regressor: tuple[int, ...] = (64, 128)
    hidden: int = 64
    pooling: str = "mean"
    normalisation: str = "softmax"
    gain: float = 4.0
    residual: bool = False
    memory: str = "convlstm"
    depth: int = 1
    symmetric: bool = False
    dropout: float = 0.0
    crop_size: int = 112
    vision: int | None = 64
    rate: float = 6.25
    seconds: float = 4.0
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)

    def __post_init__(self):
        if len(self.stem) != len(self.encoder) - len(self.decoder) + 1:
            raise StavisError(
                f"an STA network with {len(self.encoder)} encoder and {len(self.decoder)} decoder layers needs "
                f"{len(self.encoder) - len(self.decoder) + 1} stem layers, not {len(self.stem)}: A and X must meet on one grid."
            )
        for name, choices in (("pooling", ("mean", "flatten")), ("normalisation", NORMALISATIONS), ("memory", MEMORIES)):
            if getattr(self, name) not in choices:
                raise StavisError(f"{name} is {getattr(self, name)!r}: choose one of {', '.join(choices)}.")
        if self.depth < 1:
            raise StavisError(f"depth is {self.depth}: an STA network has at least 1 memory layer at each size.")
        self._check_side("crop_size" if self.vision is None else "vision", self.crop_size if self.vision is None else self.vision)

    def _check_side(self, name: str, side: int) -> None:
        """Raises StavisError for a side that, halved by the encoder and doubled by the decoder, does not meet the stem's grid."""
        whole = 2 ** len(self.encoder)
        if side < 1 or self.grid % 2 ** (len(self.decoder) - 1):
            below = side // whole * whole
            near = f"{below} or {below + whole}" if below > 0 else str(whole)
            raise StavisError(
                f"{name} is {side} px, which {len(self.encoder)} encoder layers cannot halve and {len(self.decoder) - 1} decoder layers "
                f"double onto one grid: choose a multiple of {whole}, such as {near}."
            )

    @property
    def grid(self) -> int:
        """Cells of the attention along one side of a crop."""
        return -(-(self.vision or self.crop_size) // 2 ** len(self.stem))


PRESETS = {
    "small": STAConfig(),
    "paper": STAConfig(
        encoder=(64, 128, 256),
        decoder=(256, 128, 64),
        stem=(64,),
        regressor=(128, 256, 512),
        hidden=512,
        pooling="flatten",
        dropout=0.5,
        vision=None,
        rate=25.0,
    ),
}
"""`small`: the CPU default, about half a million parameters. `paper`: 25 frames/s, 100 frames a clip, wide."""


class Vision(nn.Module):
    """What reaches the network of a crop: area means at `vision` pixels a side, normalised; (B,T,3,H,W) in [0,1] -> (B,T,3,h,w)."""

    def __init__(self, config: STAConfig):
        super().__init__()
        self.size = config.vision
        self.register_buffer("mean", torch.tensor(config.mean).view(1, 1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(config.std).view(1, 1, 3, 1, 1))

    def at_size(self, frames: torch.Tensor) -> torch.Tensor:
        """The frames averaged to the network's own size; as they are where they have it."""
        if self.size is None or frames.shape[-2:] == (self.size, self.size):
            return frames
        small = nn.functional.adaptive_avg_pool2d(frames.flatten(0, 1), (self.size, self.size))
        return small.unflatten(0, frames.shape[:2])

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return channels_last((self.at_size(frames) - self.mean) / self.std)


class STA(nn.Module):
    """Valence (and more) for every frame, by a 3D-CNN that sees through soft attention over space (Lee et al. 2018).

    forward(frames (B,T,3,H,W) in [0,1], attention=None) -> (B,T,D). A given `attention` (B,T,h,w) takes the place of A.
    """

    def __init__(self, config: STAConfig = PRESETS["small"]):
        super().__init__()
        self.config = config
        self.dimensions = config.dimensions
        self.vision = Vision(config)
        self.encoder = SpatialEncoder(config.encoder)
        memory = {"memory": config.memory, "depth": config.depth, "symmetric": config.symmetric}
        self.decoder = TemporalDecoder(config.encoder[-1], config.decoder, config.gain, config.normalisation, **memory)
        self.stem = SpatiotemporalStem(config.stem)
        self.attend = AttentionProduct(config.residual)
        self.regressor = Regressor(
            config.stem[-1],
            config.regressor,
            config.hidden,
            len(config.dimensions),
            config.pooling,
            (config.grid, config.grid),
            config.dropout,
        )

    @property
    def halo(self) -> int:
        """How many frames on each side of a stretch the 3D layers look at."""
        return len(self.config.stem) + len(self.config.regressor)

    def forward(self, frames: torch.Tensor, attention: torch.Tensor | None = None) -> torch.Tensor:
        frames = self.vision(frames)
        if attention is None:
            attention = self.decoder(self.encoder(_views(frames, self.config)))  # B,T,h2,w2
        return self.values(frames, attention)  # B,T,D

    def look(self, frames: torch.Tensor, states: list | None = None) -> tuple[torch.Tensor, list]:
        """A (B,T,h,w) of frames that `vision` gave, and the memories' states after them (to be given back for those that follow)."""
        return self.decoder.run(self.encoder(_views(frames, self.config)), states)

    def values(self, frames: torch.Tensor, attention: torch.Tensor) -> torch.Tensor:
        """The values (B,T,D) of frames that `vision` gave, seen through A."""
        features = self.stem(_views(frames, self.config))
        return _mean_of_views(self.regressor(self.attend(features, _views(attention, self.config))), self.config)


def _views(images: torch.Tensor, config: STAConfig) -> torch.Tensor:
    """What a network reads of images or maps (B,...,w): they themselves; of a symmetric one then their mirror images, (2B,...,w)."""
    return torch.cat([images, images.flip(-1)]) if config.symmetric else images


def _mean_of_views(values: torch.Tensor, config: STAConfig) -> torch.Tensor:
    return values.unflatten(0, (2, -1)).mean(0) if config.symmetric else values


class CNN3D(nn.Module):
    """The same 3D-CNN without attention: the ablation row "3D-CNN" of Lee et al. (2018). Same input and output as STA."""

    def __init__(self, config: STAConfig = PRESETS["small"]):
        super().__init__()
        self.config = config
        self.dimensions = config.dimensions
        self.vision = Vision(config)
        self.stem = SpatiotemporalStem(config.stem)
        grid = (config.grid, config.grid)
        self.regressor = Regressor(
            config.stem[-1], config.regressor, config.hidden, len(config.dimensions), config.pooling, grid, config.dropout
        )

    @property
    def halo(self) -> int:
        """How many frames on each side of a stretch the 3D layers look at."""
        return len(self.config.stem) + len(self.config.regressor)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.values(self.vision(frames))

    def values(self, frames: torch.Tensor) -> torch.Tensor:
        """The values (B,T,D) of frames that `vision` gave."""
        return _mean_of_views(self.regressor(self.stem(_views(frames, self.config))), self.config)
