"""Recurrent heads: values of a sequence of frames from what each frame's features or descriptors say.

References
----------
Khorrami et al. 2016, arXiv 1602.07377 (Elman head over a frozen CNN). Chao, Tao, Yang, Li, Wen: Long short term memory recurrent neural
network based multimodal dimensional emotion recognition. AVEC 2015 (ε-insensitive loss, temporal pooling). He, Jiang, Yang, Pei, Wu,
Sahli: Multimodal affective dimension prediction using deep bidirectional LSTM recurrent neural networks. AVEC 2015.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

from stavis.errors import StavisError
from stavis.models.cnn import CNN, CNNConfig


@dataclass(frozen=True)
class CNNRNNConfig(CNNConfig):
    """The 2D-CNN with an Elman head: memory in s, units and depth of the head."""

    memory: float = 4.0
    units: int = 100
    depth: int = 3

    @property
    def steps(self) -> int:
        """How many frames the head remembers, the one it speaks of included."""
        return max(1, round(self.memory * self.rate))


@dataclass(frozen=True)
class LSTMConfig:
    """LSTM layers over descriptors of `inputs` values: units a layer; pooling and smoothing in s (0: none); others as in CNNConfig."""

    dimensions: tuple[str, ...] = ("valence",)
    inputs: int = 168
    units: tuple[int, ...] = (64,)
    bidirectional: bool = False
    dropout: float = 0.2
    pooling: float = 0.0
    smoothing: float = 0.0
    crop_size: int = 112
    rate: float = 6.25
    seconds: float = 20.0


@dataclass(frozen=True)
class CNNLSTMConfig(CNNConfig):
    """The 2D-CNN with LSTM layers over its features; fields as in LSTMConfig."""

    units: tuple[int, ...] = (64,)
    bidirectional: bool = False
    pooling: float = 0.0
    smoothing: float = 0.0

    @property
    def head(self) -> LSTMConfig:
        """The config of the LSTM layers alone."""
        return LSTMConfig(
            dimensions=self.dimensions,
            inputs=self.hidden,
            units=self.units,
            bidirectional=self.bidirectional,
            pooling=self.pooling,
            smoothing=self.smoothing,
            rate=self.rate,
        )


class ElmanHead(nn.Module):
    """An Elman network with ReLU units over the last `steps` frames: (B,T,F) -> (B,T,D), each value from its own window.

    Before the first frame the first one is repeated.
    """

    def __init__(self, inputs: int, units: int, depth: int, steps: int, outputs: int):
        super().__init__()
        self.steps = steps
        self.memory = nn.RNN(inputs, units, depth, nonlinearity="relu", batch_first=True)
        self.value = nn.Linear(units, outputs)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        before = features[:, :1].expand(-1, self.steps - 1, -1)
        windows = torch.cat([before, features], 1).unfold(1, self.steps, 1)  # B,T,F,steps
        values = self.of_windows(windows.permute(0, 1, 3, 2).flatten(0, 1))  # B*T,D
        return values.unflatten(0, features.shape[:2])  # B,T,D

    def of_windows(self, windows: torch.Tensor) -> torch.Tensor:
        """The value of each window's last frame: (N,steps,F) -> (N,D)."""
        return self.value(self.memory(windows)[0][:, -1])


class LSTMHead(nn.Module):
    """LSTM layers over a sequence, mean-pooled in time before and smoothed after where the config says so: (B,T,F) -> (B,T,D).

    The inputs are standardised by `mean` and `deviation`, which training sets from its own partition.
    """

    def __init__(self, config: LSTMConfig):
        super().__init__()
        self.register_buffer("mean", torch.zeros(config.inputs))
        self.register_buffer("deviation", torch.ones(config.inputs))
        self.pool = max(1, round(config.pooling * config.rate))
        sides = 2 if config.bidirectional else 1
        widths = (config.inputs, *(sides * units for units in config.units))
        self.layers = nn.ModuleList(
            nn.LSTM(a, b // sides, batch_first=True, bidirectional=config.bidirectional) for a, b in pairwise(widths)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.value = nn.Linear(widths[-1], len(config.dimensions))
        self.smooth = Smoothing(config.smoothing * config.rate) if config.smoothing else nn.Identity()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        length = features.shape[1]
        features = (features - self.mean) / self.deviation
        if self.pool > 1:
            features = nn.functional.avg_pool1d(features.transpose(1, 2), self.pool, ceil_mode=True).transpose(1, 2)  # B,T/pool,F
        for layer in self.layers:
            features = self.dropout(layer(features)[0])
        values = self.value(features)  # B,T/pool,D
        if self.pool > 1:
            values = values.repeat_interleave(self.pool, 1)[:, :length]
        return self.smooth(values)  # B,T,D


class Smoothing(nn.Module):
    """A Gaussian over time with a deviation in frames, the ends held: (B,T,D) -> (B,T,D)."""

    def __init__(self, deviation: float):
        super().__init__()
        reach = max(1, math.ceil(2.5 * deviation))
        weights = torch.exp(-((torch.arange(-reach, reach + 1) / max(deviation, 1e-3)) ** 2) / 2)
        self.reach = reach
        self.register_buffer("weights", weights / weights.sum())

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        first, last = (values[:, k : k + 1].expand(-1, self.reach, -1) for k in (0, values.shape[1] - 1))
        held = torch.cat([first, values, last], 1)
        return (held.unfold(1, 2 * self.reach + 1, 1) * self.weights).sum(-1)


class CNNRNN(nn.Module):
    """Valence from the last seconds of a 2D-CNN's features (Khorrami et al. 2016): forward(frames (B,T,3,H,W) in [0,1]) -> (B,T,D)."""

    def __init__(self, config: CNNRNNConfig = CNNRNNConfig()):
        super().__init__()
        self.config = config
        self.dimensions = config.dimensions
        self.cnn = CNN(config)
        self.head = ElmanHead(config.hidden, config.units, config.depth, config.steps, len(config.dimensions))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.head(self.cnn.features(frames))


class CNNLSTM(nn.Module):
    """LSTM layers over a 2D-CNN's features (after Chao et al. 2015): forward(frames (B,T,3,H,W) in [0,1]) -> (B,T,D)."""

    def __init__(self, config: CNNLSTMConfig = CNNLSTMConfig()):
        super().__init__()
        self.config = config
        self.dimensions = config.dimensions
        self.cnn = CNN(config)
        self.head = LSTMHead(config.head)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        return self.head(self.cnn.features(frames))


class DescriptorLSTM(nn.Module):
    """LSTM layers over descriptors that are computed beforehand: forward(descriptors (B,T,F)) -> (B,T,D)."""

    def __init__(self, config: LSTMConfig = LSTMConfig()):
        super().__init__()
        self.config = config
        self.dimensions = config.dimensions
        self.head = LSTMHead(config)

    def forward(self, descriptors: torch.Tensor) -> torch.Tensor:
        return self.head(as_descriptors(descriptors, self.config.inputs))


def as_descriptors(descriptors: torch.Tensor, inputs: int) -> torch.Tensor:
    """The descriptors, after a look that they are some.

    Raises StavisError for frames: a network of descriptors cannot read them.
    """
    if descriptors.ndim != 3 or descriptors.shape[2] != inputs:
        raise StavisError(
            f"this network reads descriptors (B,T,{inputs}), not {tuple(descriptors.shape)}: train and run it with `stavis bench`, "
            "which computes them from the frames."
        )
    return descriptors
