"""What a network predicts for a whole recording, and where it looked: one value and one map for every frame of the video.

A network has its own frame rate. A faster video is read as several interleaved streams at about that rate (25 frames/s at 6.25:
four streams), so that every frame has a value of its own and none is interpolated.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
import torch
from torch import nn

from stavis.attention.calls import in_eval_mode
from stavis.attention.shares import share_table
from stavis.data.crops.crops import Crops
from stavis.data.faces.disk_array import release, zeros
from stavis.errors import StavisError
from stavis.inference.adapters.frames import FramesNetwork
from stavis.inference.adapters.interface import NetworkAdapter
from stavis.inference.output_range import in_range
from stavis.inference.video.at_size import FramesAtSize
from stavis.inference.video.streaming import Piece, check_mode, streamed
from stavis.models.convlstm import ConvLSTM
from stavis.models.convolutions import ConvBlock
from stavis.timeline import read_rate, streams, window_starts
from stavis.types import AttentionMaps, Prediction

Progress = Callable[[int, int], None]
Result = TypeVar("Result")

RATE_TOLERANCE = 0.1
"""By what part of its own rate a network may be shown frames faster or slower without a note."""
STREAMED = "The video was read in one pass with the network's memory carried on; it has learned from short clips that begin without one."


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
    mode: str = "window",
    progress: Progress | None = None,
) -> Reading:
    """Read crops (T,H,W,3) uint8 at `times` (T,) s with a network, in windows that overlap by a part of their length.

    rate (frames/s) and seconds (of a window) default to the network's own. Values are cut only to a range that the
    network declares (output_range; [-1,1] for the package's own systems); those outside are noted. mirror: values and maps are the
    mean of the frames' and of their mirror images', whose maps are mirrored back. mode: in windows, or as
    one "stream". Memory grows with T only by the results. Runs in eval mode and fp32 on the model's own device.
    """
    network = FramesNetwork.of(network) if isinstance(network, nn.Module) else network
    rate, seconds = rate or network.rate, seconds or network.seconds
    model, spared = network.model, ()
    if check_mode(mode, model) == "stream":
        values, maps = _in_one_pass(network, frames, streams(times, rate), mirror, progress)
    else:
        windows = list(_windows(times, rate, seconds, overlap, network.frames))
        (values, maps), spared = _with_less_memory(
            lambda most: _in_windows(network, frames, windows, most, mirror, progress), min(batch, network.batch)
        )
    dimensions = network.dimensions or tuple(f"output {i}" for i in range(values.shape[1]))
    values, notes = in_range(values, dimensions, network.bounds)
    notes = (*notes, *spared) if mode == "window" else (*notes, STREAMED)
    prediction = Prediction(times, values, dimensions, network.bounds)
    if maps is None:
        return Reading(prediction, None, notes=notes)
    notes = (*notes, *network.mass_notes)
    return Reading(prediction, AttentionMaps(maps, times), notes=notes)


def rate_notes(network: NetworkAdapter, name: str, times: np.ndarray) -> tuple[str, ...]:
    """A sentence where frames at `times` (T,) s come to a network at another rate than its own; none for one that sees single frames.

    Frames are not chosen by time to meet the rate: their distances would be uneven, and a slower video's frames would come twice.
    """
    if network.frames == 1 or len(times) < 2 or not getattr(network, "sees_motion", True):
        return ()
    shown, rate = read_rate(times, network.rate), network.rate
    if abs(shown / rate - 1) <= RATE_TOLERANCE:
        return ()
    what = f"{name} expects {rate:g} frames/s and is shown {shown:.3g}: movements look {rate / shown:.2g} times as fast to it"
    return (f"{what}; to meet its rate, convert the video to {rate:g} frames/s or a whole multiple of it.",)


def rates_of(network: NetworkAdapter, name: str, crops: Sequence[Crops]) -> tuple[str, ...]:
    """The sentences of `rate_notes` on several recordings, each once."""
    return tuple(dict.fromkeys(note for each in crops for note in rate_notes(network, name, each.times)))


def _with_less_memory(run: Callable[[int], Result], batch: int) -> tuple[Result, tuple[str, ...]]:
    """What `run(batch)` gives, or where the device's memory is too small for it, once more with half the batch; and a note of that.

    Raises StavisError where that is too much as well, or the batch is one window.
    """
    try:
        return run(batch), ()
    except torch.OutOfMemoryError as error:
        if batch < 2:
            raise StavisError("the device's memory is too small for one window: read with device='cpu'.") from error
    half = batch // 2
    try:
        return run(half), (f"The device's memory was too small for {batch} windows at once: they were read {half} at a time.",)
    except torch.OutOfMemoryError as error:
        raise StavisError(f"the device's memory is too small for {half} windows at once: read with device='cpu'.") from error


def _in_windows(
    network: NetworkAdapter, frames: np.ndarray, windows: list[_Window], batch: int, mirror: bool, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Values (T,D) and maps (T,h,w): the weighted means over the windows that hold a frame."""
    values = maps = None
    groups = list(_batches(windows, batch))
    read_order = [window.frames for _, group in groups for window in group]
    inputs = [FramesAtSize(network, frames, read_order, flipped) for flipped in ((False, True) if mirror else (False,))]
    count = 1 + max(int(window.frames.max()) for window in windows)  # every frame is in one
    total = np.zeros(count)
    for done, group in groups:
        predicted, weights = _forward(network, inputs, [window.frames for window in group])
        if values is None:
            values = np.zeros((count, predicted.shape[2]))
            maps = None if weights is None else zeros((count, *weights.shape[2:]))
        for i, window in enumerate(group):
            values[window.frames] += predicted[i] * window.weight[:, None]
            if maps is not None:
                maps[window.frames] += weights[i] * window.weight[:, None, None]
            total[window.frames] += window.weight
        if progress:
            progress(done, len(windows))
    if maps is not None:
        maps /= total[:, None, None].astype(np.float32)
    return values / total[:, None], maps


def _in_one_pass(
    network: NetworkAdapter, frames: np.ndarray, orders: list[np.ndarray], mirror: bool, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Values (T,D) and maps (T,h,w) of each interleaved stream read as one clip; with `mirror` the mean with those of its mirror image."""
    sides = (False, True) if mirror else (False,)
    values = maps = None
    done, count = 0, sum(map(len, orders))
    for order in orders:
        for flipped in sides:
            pieces = streamed(network.model, frames, order, FramesAtSize(network, frames, [], flipped).prepare)
            for piece in _in_turn(network.model, pieces):
                rows = order[piece.start : piece.start + len(piece.values)]
                if values is None:
                    values = np.zeros((count, piece.values.shape[1]))
                    maps = None if piece.maps is None else zeros((count, *piece.maps.shape[1:]))
                values[rows] += piece.values / len(sides)
                if maps is not None:
                    maps[rows] += (piece.maps[..., ::-1] if flipped else piece.maps) / len(sides)
                    release(maps)
                done += len(rows)
                if progress:
                    progress(done, count * len(sides))
    return values, maps


def _in_turn(model: nn.Module, pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The pieces of a stream, between which others may run the network."""
    while True:
        with in_eval_mode(model):
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece


def _forward(network: NetworkAdapter, inputs: list[FramesAtSize], group: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
    """Values (B,T,D) and maps (B,T,h,w) of windows of frames; of two inputs the mean with those of the second, the mirror images."""
    batches = [each.batch(group) for each in inputs]
    with in_eval_mode(network.model):
        values, maps = network.forward(batches[0])
        if len(batches) == 1:
            return values, maps
        other, flipped = network.forward(batches[1])
    return (values + other) / 2, None if maps is None else (maps + flipped[..., ::-1]) / 2


@contextmanager
def interruptible(model: nn.Module, check: Callable[[], None]) -> Iterator[None]:
    """Inside the block every layer that this thread runs asks `check` before, so that long work stops soon when that raises; no hook
    stays. Layers that run as one where nobody looks between them are asked as one."""
    here = threading.get_ident()
    together = {id(part) for block in model.modules() if isinstance(block, ConvBlock | ConvLSTM) for part in block.children()}
    ask = lambda *_: check() if threading.get_ident() == here else None  # noqa: E731
    handles = [module.register_forward_pre_hook(ask) for module in model.modules() if id(module) not in together]
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
    """A reading on the regions of its crops: shares, one row per frame; densities, their means by region; over_time (T,R), the densities
    of each frame, NaN where none is known."""

    shares: pd.DataFrame
    densities: dict[str, float]
    over_time: np.ndarray


def region_tables(reading: Reading, crops: Crops) -> RegionTables:
    """Shares and densities of all frames, a segment at a time, so that an hour of video needs little memory."""
    tables, densities = [], []
    names = crops.region_names
    step = min(_CHUNK, max(1, _CHUNK_PIXELS // (len(names) * crops.size**2)))
    for start in range(0, len(crops), step):
        clip = crops.clip(start, start + step)
        part = slice(start, start + len(clip))
        release(crops.frames)
        if crops.track is not None:
            release(crops.track.landmarks)
        maps = None if reading.attention is None else AttentionMaps(reading.attention.weights[part], clip.times)
        tables.append(share_table(maps, clip, first=start))
        known = maps is not None and clip.regions is not None
        found = clip.density(maps) if known else np.full((len(clip), len(names)), np.nan)
        densities.append(np.where(clip.valid[:, None], found, np.nan))
    joined = np.concatenate(densities)
    seen = np.isfinite(joined).any(0)
    means = {name: float(np.nanmean(joined[:, column])) for column, name in enumerate(names) if seen[column]}
    return RegionTables(pd.concat(tables, ignore_index=True), means, joined)
