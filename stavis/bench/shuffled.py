"""A trained network read with the attention of its frames in random order: the right maps, each at the wrong time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from stavis.attention.hooks import attention_module
from stavis.bench.data import BenchData, BenchRecording
from stavis.bench.train import Cost, Trained, clip_reader, read_whole
from stavis.inference.predictor import VideoReader
from stavis.storage.files import content_hash


def shuffled_reader(found: BenchData, run: Path, device: torch.device, seed: int, cost: Cost) -> Trained:
    """The network of a run, which reads each recording in one window with its maps permuted in time; the permutation follows from the
    seed and the recording's name."""
    net = VideoReader.load(run, device=str(device))
    whole = clip_reader(found, net, cost)

    def values(item: BenchRecording) -> np.ndarray:
        with shuffled_in_time(net.model, int(content_hash(f"{seed} {item.name}")[:8], 16)):
            return read_whole(net, item)

    return replace(whole, predict=values, reads=f"{whole.reads}; attention shuffled in time")


@contextmanager
def shuffled_in_time(model: nn.Module, seed: int) -> Iterator[nn.Module]:
    """A model whose attention (B,T,h,w) is permuted over the frames of each window it reads, inside the `with` block."""

    def shuffle(_module, _inputs, weights: torch.Tensor) -> torch.Tensor:
        order = np.random.default_rng(seed).permutation(weights.shape[1])
        return weights[:, torch.from_numpy(order).to(weights.device)]

    handle = attention_module(model).register_forward_hook(shuffle)
    try:
        yield model
    finally:
        handle.remove()
