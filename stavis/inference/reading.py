"""What a network predicts for a whole recording, and where it looked: one value and one map for every frame of the video.

A network has its own frame rate. A faster video is read as several interleaved streams at about that rate (25 frames/s at 6.25:
four streams), so that every frame has a value of its own and none is interpolated.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import nn

from stavis.attention.shares import share_table
from stavis.data.crops.crops import Crops
from stavis.inference.adapters.frames import FramesNetwork
from stavis.inference.adapters.interface import NetworkAdapter
from stavis.inference.output_range import in_range
from stavis.timeline import streams, window_starts
from stavis.types import AttentionMaps, Prediction

Progress = Callable[[int, int], None]


@dataclass(frozen=True, repr=False)
class Reading:
    """What a network predicts for every frame of a video, and where it looked.

    Parameters
    ----------
    prediction : Prediction
        Values (T,D) in [-1,1] at the times (T,) in seconds.
    attention : AttentionMaps or None
        Weights (T,h,w), each frame sums to 1; None for a network without attention.
    crops : Crops or None
        The crops that were read; None where frames were read that belong to no recording.
    notes : tuple of str
        What a reader must know beside the numbers.

    Examples
    --------
    >>> net = stavis.load("sta-synthetic", device="cpu")
    >>> reading = net.read(frames)
    >>> reading.values.shape, reading.attention.weights.shape
    ((12, 1), (12, 16, 16))
    """

    prediction: Prediction
    attention: AttentionMaps | None
    crops: Crops | None = None
    notes: tuple[str, ...] = ()

    @property
    def times(self) -> np.ndarray:
        """The frames' times (T,) in seconds."""
        return self.prediction.times

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of the predicted dimensions, one for each column of `values`."""
        return self.prediction.dimensions

    @property
    def valid(self) -> np.ndarray:
        """In which frames a face was seen, or of whole frames which could be read: (T,) bool."""
        return np.ones(len(self.times), bool) if self.crops is None else self.crops.valid

    @property
    def values(self) -> np.ndarray:
        """The predicted values (T,D) in [-1,1]; NaN in frames that are not `valid`."""
        return np.where(self.valid[:, None], self.prediction.values, np.nan)

    def table(self) -> pd.DataFrame:
        """One row per frame and dimension: time (s), dimension, predicted (NaN in frames that are not `valid`)."""
        columns = [
            pd.DataFrame({"time": self.times, "dimension": name, "predicted": self.values[:, i]}) for i, name in enumerate(self.dimensions)
        ]
        return pd.concat(columns, ignore_index=True)

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        grid = "no attention" if self.attention is None else "attention {}x{}".format(*self.attention.weights.shape[1:])
        return f"Reading({len(self)} frames, {', '.join(self.dimensions)}, {grid})"


@dataclass(frozen=True)
class _Window:
    frames: np.ndarray  # indices into the recording
    weight: np.ndarray  # its weight where windows overlap


def read(
    network: nn.Module | NetworkAdapter,
    frames: np.ndarray,
    times: np.ndarray,
    *,
    rate: float | None = None,
    seconds: float | None = None,
    overlap: float = 0.5,
    batch: int = 8,
    mirror: bool = False,
    progress: Progress | None = None,
) -> Reading:
    """Read crops (T,H,W,3) uint8 at `times` (T,) s with a network, in windows that overlap by a part of their length.

    rate (frames/s) and seconds (of a window) default to the network's own. Values are cut only to a range that the
    network declares (output_range; [-1,1] for the package's own systems); those outside are noted. mirror: values and maps are the
    mean of the frames' and of their mirror images', whose maps are mirrored back. Memory grows with T only by the results. Runs in
    eval mode and fp32 on the model's own device.
    """
    network = FramesNetwork.of(network) if isinstance(network, nn.Module) else network
    rate, seconds = rate or network.rate, seconds or network.seconds
    windows = list(_windows(times, rate, seconds, overlap, network.frames))
    values = maps = None
    total = np.zeros(len(times))
    model = network.model
    training = model.training
    model.eval()
    try:
        for done, group in _batches(windows, min(batch, network.batch)):
            predicted, weights = _forward(network, np.stack([frames[window.frames] for window in group]), mirror)
            if values is None:
                values = np.zeros((len(times), predicted.shape[2]))
                maps = None if weights is None else np.zeros((len(times), *weights.shape[2:]), np.float32)
            for i, window in enumerate(group):
                values[window.frames] += predicted[i] * window.weight[:, None]
                if maps is not None:
                    maps[window.frames] += weights[i] * window.weight[:, None, None]
                total[window.frames] += window.weight
            if progress:
                progress(done, len(windows))
    finally:
        model.train(training)
    values /= total[:, None]
    dimensions = network.dimensions or tuple(f"output {i}" for i in range(values.shape[1]))
    values, notes = in_range(values, dimensions, network.bounds)
    prediction = Prediction(times, values, dimensions, network.bounds)
    if maps is None:
        return Reading(prediction, None, notes=notes)
    maps /= total[:, None, None].astype(np.float32)
    notes = (*notes, *network.mass_notes)
    return Reading(prediction, AttentionMaps(maps, times), notes=notes)


def _forward(network: NetworkAdapter, images: np.ndarray, mirror: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Values (B,T,D) and maps (B,T,h,w) of windows of crops (B,T,H,W,3); with `mirror` the mean with those of their mirror images."""
    values, maps = network.forward(network.prepare(images))
    if not mirror:
        return values, maps
    other, flipped = network.forward(network.prepare(np.ascontiguousarray(images[:, :, :, ::-1])))
    return (values + other) / 2, None if maps is None else (maps + flipped[..., ::-1]) / 2


@contextmanager
def interruptible(model: nn.Module, check: Callable[[], None]) -> Iterator[None]:
    """Inside the block every layer asks `check` before it runs, so that long work stops soon when that raises; no hook stays."""
    handles = [module.register_forward_pre_hook(lambda *_: check()) for module in model.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _windows(times: np.ndarray, rate: float, seconds: float, overlap: float, length: int | None = None) -> Iterator[_Window]:
    for stream in streams(times, rate):
        for window in window_starts(times[stream], seconds, overlap, length):
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
_CHUNK_PIXELS = 1 << 27  # and so many pixels of masks at most


@dataclass(frozen=True)
class RegionTables:
    """A reading on the regions of its crops: shares, one row per frame; densities, their means by region; areas (T,R), the fraction of
    the crop that each region covers, NaN where none is known."""

    shares: pd.DataFrame
    densities: dict[str, float]
    areas: np.ndarray


def region_tables(reading: Reading, crops: Crops) -> RegionTables:
    """Shares, densities and areas of all frames, a segment at a time, so that an hour of video needs little memory."""
    tables, densities, areas = [], [], []
    names = crops.region_names
    step = min(_CHUNK, max(1, _CHUNK_PIXELS // (len(names) * crops.size**2)))
    for start in range(0, len(crops), step):
        clip = crops.clip(start, start + step)
        part = slice(start, start + len(clip))
        maps = None if reading.attention is None else AttentionMaps(reading.attention.weights[part], clip.times)
        tables.append(share_table(maps, clip, first=start))
        known = maps is not None and clip.regions is not None
        areas.append(clip.areas if known else np.full((len(clip), len(names)), np.nan))
        if known:
            densities.append(np.where(clip.valid[:, None], clip.density(maps), np.nan))
    joined = np.concatenate(densities) if densities else np.full((1, len(names)), np.nan)
    seen = np.isfinite(joined).any(0)
    means = {name: float(np.nanmean(joined[:, column])) for column, name in enumerate(names) if seen[column]}
    return RegionTables(pd.concat(tables, ignore_index=True), means, np.concatenate(areas))
