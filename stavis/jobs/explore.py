"""A run and recordings opened in an explorer: what the explorer asks for, answered from the crops, the network and the disk."""

import os
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from stavis.attention.modules import SpatialSoftmax
from stavis.attribution.attention_maps import raw_attention
from stavis.attribution.cache import cached
from stavis.attribution.methods import ALL_METHODS
from stavis.attribution.target import described
from stavis.data.crops.crops import CropConfig, Crops, crops_of
from stavis.data.datasets.folder import recording_at
from stavis.data.datasets.registry import read_dataset
from stavis.data.datasets.selection import recordings_of
from stavis.data.faces.blendshapes import signal_table
from stavis.data.video.image_folder import info_of
from stavis.data.video.io import read_frames
from stavis.errors import StavisError, StavisWarning
from stavis.inference.attribute import attribute
from stavis.inference.devices import choose_device
from stavis.inference.reading import read
from stavis.jobs.explain import SHIPPED, SHOWN_SECONDS
from stavis.models.checkpoint import Checkpoint, load_checkpoint, trained_on
from stavis.provenance import provenance
from stavis.show.explorer.explorer import Explorer
from stavis.show.explorer.source import ReadResult
from stavis.show.explorer.worker import Task
from stavis.storage.files import atomic_file, cache_folder, content_hash
from stavis.synthetic.embedded import folder_of
from stavis.timeline import resample, streams, window_starts
from stavis.types import AttentionMaps, Attribution, Clip, Prediction, Recording, Target

READING = "1"
"""Part of the name of every kept reading: to be raised when `read` gives other numbers."""

Method = Callable[..., Attribution]


def explore(
    run: str | Path = SHIPPED,
    recordings: str | Path | Sequence[str | Path | Recording] | None = None,
    *,
    data: str | Path | None = None,
    split: str | None = None,
    start: int = 0,
    methods: Sequence[str | Method] = ("saliency",),
    dimension: str | None = None,
    seconds: float = SHOWN_SECONDS,
    marks: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    source: str = "auto",
    face: str | int | tuple[float, float] = "largest",
    quiet: bool = False,
) -> Explorer:
    """Opens a run and recordings in a view in which one looks, asks and marks.

    recordings: a folder, a video, or a list of videos and Recordings; None takes the folder `data`, or (None) the embedded drawn
    faces that were not trained on. split chooses from a folder; start is the number of the recording shown first. methods are ticked
    at the start: names (saliency, integrated-gradients ...) or functions of one's own. seconds is how much of a long recording is
    shown at once. marks is the folder where marks are kept, out the one for pictures and pages; None writes nothing there.

    Results are kept in the cache: what was computed once is there at once.

    Raises StavisError where the run or the folder cannot be read, or a method is unknown; what goes wrong later is said in the view.
    """
    checkpoint = load_checkpoint(run)
    chosen = _recordings(recordings, data, split, quiet)
    model = checkpoint.model.to(choose_device(device))
    offered, ticked = _methods(model, methods)
    spec = CropConfig(size=model.config.crop_size, rate=None, source=source, face=face)

    def opener(number: int, task: Task) -> PredictorSource:
        with _quiet():
            crops = crops_of(chosen[number], spec, lambda done, total: task.progress("finding the face, cutting crops", done, total))
        return PredictorSource(names[number], chosen[number], crops, checkpoint)

    names = _names(chosen)
    return Explorer(
        names,
        opener,
        dimensions=model.dimensions,
        methods=offered,
        ticked=ticked,
        dimension=dimension,
        start=start,
        seconds=seconds,
        marks=marks,
        out=out,
        preview=lambda number: _first_picture(chosen[number]),
    )


@dataclass(frozen=True, eq=False)
class PredictorSource:
    """One recording with its crops, read by a network; see stavis.show.explorer.source.RecordingSource."""

    name: str
    recording: Recording
    crops: Crops
    checkpoint: Checkpoint

    @property
    def times(self) -> np.ndarray:
        return self.crops.times

    @property
    def signals(self) -> pd.DataFrame | None:
        return signal_table(self.crops.track)

    @property
    def notes(self) -> tuple[str, ...]:
        drawn = ("This network has only ever seen drawn faces: what it says of real ones is an extrapolation.",)
        real = self.crops.source != "truth" and self.checkpoint.only_synthetic
        return (*(drawn if real else ()), *self.crops.warnings)

    @property
    def provenance(self) -> dict[str, str]:
        return provenance(
            system=self.checkpoint.system,
            weights_sha256=self.checkpoint.hash,
            **trained_on(self.checkpoint),
            crop=f"{self.crops.source}, {self._config.crop_size} px",
            dimension=", ".join(self._model.dimensions),
        )

    @property
    def _model(self) -> nn.Module:
        return self.checkpoint.model

    @property
    def _config(self):
        return self._model.config

    def cut(self, window: slice) -> Clip:
        return self.crops.clip(window.start, window.stop)

    def raters(self, window: slice) -> dict[str, np.ndarray] | None:
        times = self.recording.label_times
        if times is None or not self.recording.raters:
            return None
        return {name: resample(times, values, self.times[window], self.recording.max_gap) for name, values in self.recording.raters.items()}

    def windows(self, clip: Clip) -> int:
        return len(_pieces(clip.times, self._config))

    def read(self, window: slice, task: Task) -> ReadResult:
        """Read with the network's window before and after, so that the first and last frames have what they need."""
        times = self.times
        margin = self._config.seconds
        wide = slice(
            int(np.searchsorted(times, times[window.start] - margin)), int(np.searchsorted(times, times[window.stop - 1] + margin, "right"))
        )
        file = _reading_file(self.checkpoint, self.crops, wide)
        kept = _kept_reading(file, times[wide], self._model.dimensions)
        if kept is None:
            with interruptible(self._model, task.check):
                told = lambda done, total: task.progress("attention and prediction", done, total)  # noqa: E731
                found = read(self._model, self.crops.frames[wide], times[wide], batch=2, progress=told)
            kept = ReadResult(found.prediction, found.attention)
            _keep_reading(file, kept)
        inner = slice(window.start - wide.start, window.stop - wide.start)
        prediction = Prediction(times[window], kept.prediction.values[inner], kept.prediction.dimensions)
        attention = None if kept.attention is None else AttentionMaps(kept.attention.weights[inner], times[window])
        return ReadResult(prediction, attention)

    def attribute(self, method: Method, clip: Clip, dimension: str, task: Task) -> Attribution:
        told = lambda done, total: task.progress("", done, total)  # noqa: E731
        config = self._config
        with interruptible(self._model, task.check), _quiet():
            asked = partial(cached, method)
            found = attribute([asked], self._model, clip, dimension, rate=config.rate, seconds=config.seconds, progress=told)
        unseen = Attribution(method.label, Target(dimension), np.zeros(clip.frames.shape[:3], np.float32), clip.times)
        return next(iter(found.values()), unseen)  # without a face in any window there is nothing to explain

    def attribute_moment(self, method: Method, clip: Clip, dimension: str, frame: int, task: Task) -> Attribution:
        piece, place = _piece_around(clip.times, frame, self._config)
        with interruptible(self._model, task.check), _quiet():
            part = cached(method, self._model, clip[piece], Target(dimension, place))
        values = np.zeros(clip.frames.shape[:3], np.float32)
        values[piece] = part.values
        return Attribution(part.method, Target(dimension, frame), values, clip.times, part.relative_delta, part.seconds)


@contextmanager
def interruptible(model: nn.Module, check: Callable[[], None]) -> Iterator[None]:
    """Inside the block every layer asks `check` before it runs, so that long work stops soon when that raises; no hook stays."""
    handles = [module.register_forward_pre_hook(lambda *_: check()) for module in model.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _pieces(times: np.ndarray, config) -> list[np.ndarray]:
    """The frames of each window that the network reads, without overlap."""
    return [stream[window] for stream in streams(times, config.rate) for window in window_starts(times[stream], config.seconds, 0.0)]


def _piece_around(times: np.ndarray, frame: int, config) -> tuple[np.ndarray, int]:
    """The frames of the network's window with `frame` in its middle, and where it lies among them."""
    stream = next(one for one in streams(times, config.rate) if frame in one)
    first = window_starts(times[stream], config.seconds, 0.0)[0]
    length, place = first.stop - first.start, int(np.searchsorted(stream, frame))
    start = int(np.clip(place - length // 2, 0, len(stream) - length))
    return stream[start : start + length], place - start


def _reading_file(checkpoint: Checkpoint, crops: Crops, frames: slice) -> Path | None:
    if crops.folder is None:
        return None
    config = checkpoint.model.config
    parts = [READING, checkpoint.hash, crops.folder.name, repr((frames.start, frames.stop)), repr((config.rate, config.seconds))]
    return cache_folder() / "readings" / f"{content_hash(*parts)}.npz"


def _kept_reading(file: Path | None, times: np.ndarray, dimensions: tuple[str, ...]) -> ReadResult | None:
    """The reading in a file; None where it is missing or damaged."""
    if file is None or not file.exists():
        return None
    try:
        with np.load(file, allow_pickle=False) as kept:
            weights = kept["weights"] if "weights" in kept.files else None
            attention = None if weights is None else AttentionMaps(weights, times)
            return ReadResult(Prediction(times, kept["values"], dimensions), attention)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, StavisError):
        return None


def _keep_reading(file: Path | None, seen: ReadResult) -> None:
    if file is None:
        return
    arrays = {"values": seen.prediction.values}
    if seen.attention is not None:
        arrays["weights"] = seen.attention.weights
    try:
        with atomic_file(file) as temporary:
            np.savez_compressed(temporary, **arrays)
    except StavisError:
        return  # a cache that cannot be written costs time only; crops_of has said so already


def _recordings(recordings, data, split: str | None, quiet: bool) -> list[Recording]:
    if recordings is not None and data is not None:
        raise StavisError("both recordings and data are given: give one of them.")
    if recordings is None:
        return recordings_of(folder_of(data, quiet), split or ("test" if data is None else None))
    if isinstance(recordings, str | os.PathLike):
        path = Path(recordings)
        if path.is_dir():
            return [one for one in read_dataset(path) if not split or one.split == split]
        recordings = [path]
    chosen = [one if isinstance(one, Recording) else recording_at(one) for one in recordings]
    if not chosen:
        raise StavisError("the list of recordings is empty: give a folder, or the paths of videos.")
    return chosen


def _names(recordings: Sequence[Recording]) -> list[str]:
    """The recordings' names; where two are called alike, with their folders."""
    names = [one.name for one in recordings]
    return [name if names.count(name) == 1 else f"{one.video.parent.name}/{name}" for name, one in zip(names, recordings, strict=True)]


def _methods(model: nn.Module, wanted: Sequence[str | Method]) -> tuple[list[Method], list[str]]:
    """The methods to choose from, and the labels of those that are ticked; the attention itself is always shown, so it is no choice."""
    attends = any(isinstance(module, SpatialSoftmax) for module in model.modules())
    offered = [method for method in ALL_METHODS if method is not raw_attention and (attends or not method.needs_attention)]
    own = {one: _with_label(one) for one in wanted if callable(one) and one not in offered}
    offered += own.values()
    known = {method.__name__.replace("_", "-"): method for method in offered if hasattr(method, "__name__")}
    ticked = []
    for one in wanted:
        if isinstance(one, str) and one.strip().replace("_", "-") not in known:
            raise StavisError(f"there is no attribution method {one!r} for this network: choose from {', '.join(known)}.")
        method = known[one.strip().replace("_", "-")] if isinstance(one, str) else own.get(one, one)
        ticked.append(method.label)
    return offered, ticked


def _with_label(method: Method) -> Method:
    """A method of the user's own, with what a user needs to choose it."""
    if hasattr(method, "label"):
        return method
    name = getattr(method, "__name__", type(method).__name__).replace("_", " ")
    return described(name, "cost not known")(wraps(method)(lambda *args, **options: method(*args, **options)))


def _first_picture(recording: Recording) -> np.ndarray | None:
    """The first frame of a recording; None where it cannot be read (then opening it says why)."""
    try:
        info = info_of(recording)
        return next((frame.image for frame in read_frames(info.path, info=info, stop=1, longest_side=384)), None)
    except StavisError:
        return None


@contextmanager
def _quiet() -> Iterator[None]:
    """Warnings of ours are shown in the view, not under whichever cell runs just now."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StavisWarning)
        yield
