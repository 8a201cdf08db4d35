"""What a network says of a whole recording, and where it looked, one value and one map for every frame of the video.

A network has its own frame rate. A faster video is read as several interleaved streams at about that rate (25 frames/s at 6.25:
four streams), so that every frame has a value of its own and none is interpolated.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import nn

from stavis.attention.hooks import record_attention
from stavis.attention.modules import SpatialSoftmax
from stavis.attention.shares import share_table
from stavis.data.crops.crops import Crops
from stavis.regions import REGIONS
from stavis.tensors import as_input
from stavis.timeline import streams, window_starts
from stavis.types import AttentionMaps, Prediction

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Reading:
    """A prediction for every frame, and the attention it was made with (None for a network without attention)."""

    prediction: Prediction
    attention: AttentionMaps | None


@dataclass(frozen=True)
class _Window:
    frames: np.ndarray  # indices into the recording
    weight: np.ndarray  # its say where windows overlap


def read(
    model: nn.Module,
    frames: np.ndarray,
    times: np.ndarray,
    *,
    rate: float | None = None,
    seconds: float | None = None,
    overlap: float = 0.5,
    batch: int = 8,
    progress: Progress | None = None,
) -> Reading:
    """Read crops (T,H,W,3) uint8 at `times` (T,) s with a network, in windows that overlap by a part of their length.

    rate (frames/s) and seconds (of a window) default to the network's config. Values are cut to [-1,1]. Memory grows with T only by
    the results. Runs in eval mode and fp32 on the model's own device.
    """
    config = getattr(model, "config", None)
    rate = rate or getattr(config, "rate", 6.25)
    seconds = seconds or getattr(config, "seconds", 4.0)
    attends = any(isinstance(module, SpatialSoftmax) for module in model.modules())
    device = next(model.parameters()).device
    windows = list(_windows(times, rate, seconds, overlap))
    values = maps = None
    total = np.zeros(len(times))
    training = model.training
    model.eval()
    try:
        for done, group in _batches(windows, batch):
            inputs = as_input(np.stack([frames[window.frames] for window in group]), device)
            predicted, weights = _run(model, inputs, attends)
            if values is None:
                values = np.zeros((len(times), predicted.shape[2]))
                maps = np.zeros((len(times), *weights.shape[2:]), np.float32) if attends else None
            for i, window in enumerate(group):
                values[window.frames] += predicted[i] * window.weight[:, None]
                if attends:
                    maps[window.frames] += weights[i] * window.weight[:, None, None]
                total[window.frames] += window.weight
            if progress:
                progress(done, len(windows))
    finally:
        model.train(training)
    values /= total[:, None]
    dimensions = tuple(getattr(model, "dimensions", None) or [f"output {i}" for i in range(values.shape[1])])
    prediction = Prediction(times, np.clip(values, -1, 1), dimensions)
    if not attends:
        return Reading(prediction, None)
    maps /= total[:, None, None].astype(np.float32)
    return Reading(prediction, AttentionMaps(maps, times))


def _run(model: nn.Module, inputs: torch.Tensor, attends: bool) -> tuple[np.ndarray, np.ndarray | None]:
    with torch.inference_mode():
        if not attends:
            return model(inputs).float().cpu().numpy(), None
        with record_attention(model) as recorder:
            predicted = model(inputs)
        return predicted.float().cpu().numpy(), recorder.weights.float().cpu().numpy()


def _windows(times: np.ndarray, rate: float, seconds: float, overlap: float) -> Iterator[_Window]:
    for stream in streams(times, rate):
        for window in window_starts(times[stream], seconds, overlap):
            frames = stream[window]
            edge = np.arange(1, len(frames) + 1)
            yield _Window(frames, np.minimum(edge, edge[::-1]).astype(np.float64))


def _batches(windows: list[_Window], batch: int) -> Iterator[tuple[int, list[_Window]]]:
    """Windows of one length, at most `batch` together, with the number done after each group."""
    group: list[_Window] = []
    done = 0
    for window in sorted(windows, key=lambda w: len(w.frames)):
        if group and (len(group) == batch or len(group[0].frames) != len(window.frames)):
            done += len(group)
            yield done, group
            group = []
        group.append(window)
    if group:
        yield done + len(group), group


_CHUNK = 256  # frames whose region masks are in memory at once


def shares_and_densities(reading: Reading, crops: Crops) -> tuple[pd.DataFrame, dict[str, float]]:
    """The share table of all frames and the mean densities, a stretch at a time, so that an hour of video needs little memory."""
    tables, densities = [], []
    for start in range(0, len(crops), _CHUNK):
        clip = crops.clip(start, start + _CHUNK)
        part = slice(start, start + len(clip))
        maps = None if reading.attention is None else AttentionMaps(reading.attention.weights[part], clip.times)
        tables.append(share_table(maps, clip, first=start))
        if maps is not None and clip.regions is not None:
            densities.append(np.where(clip.valid[:, None], maps.density(clip.regions), np.nan))
    joined = np.concatenate(densities) if densities else np.full((1, len(REGIONS)), np.nan)
    seen = np.isfinite(joined).any(0)
    means = {name: float(np.nanmean(joined[:, column])) for column, name in enumerate(REGIONS) if seen[column]}
    return pd.concat(tables, ignore_index=True), means
