"""A network and recordings opened in an explorer: what the explorer asks for, answered from the crops, the network and the disk."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.data.crops.crops import Crops
from stavis.data.crops.shown import ShownFrames
from stavis.data.crops.sound import sound_of
from stavis.data.datasets.registry import read_dataset
from stavis.data.datasets.selection import of_split, recordings_of
from stavis.data.faces.blendshapes import signal_table
from stavis.data.regions.read import regions_from
from stavis.data.regions.source import RegionSource
from stavis.data.video.image_folder import info_of
from stavis.data.video.io import read_frames
from stavis.errors import StavisError
from stavis.inference.attribute import Method, chosen_methods, label_of, offered_methods, windows_of
from stavis.inference.explained import SHOWN_SECONDS
from stavis.inference.predictor import Face, Network, Regions, VideoReader, as_recording
from stavis.models.shipped import DEFAULT, EMBEDDED
from stavis.notes import Notes
from stavis.show.explorer.explorer import Explorer
from stavis.show.explorer.source import Begin, Beginning, ReadResult, WindowMedia
from stavis.show.explorer.worker import Task
from stavis.show.scrubber.describe import notices_of
from stavis.storage.files import file_stem
from stavis.synthetic.embedded import folder_of
from stavis.timeline import resample
from stavis.types import Attribution, Clip, Recording, Target


def explore(
    run: Network | None = None,
    recordings: str | Path | Sequence[str | Path | Recording] | None = None,
    *,
    data: str | Path | None = None,
    split: str | None = None,
    start: int = 0,
    methods: Sequence[str | Method] = ("saliency",),
    dimension: str | None = None,
    seconds: float = SHOWN_SECONDS,
    annotations: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    source: str = "auto",
    face: Face = "largest",
    regions: Regions = None,
    quiet: bool = False,
) -> Explorer:
    """Opens a run and recordings in a view in which one looks, asks and annotations.

    run: None takes the shipped network for videos, or for the embedded faces the one that has learned from such. recordings: a folder, a
    video, or a list of videos and Recordings; None takes the folder `data`, or (None) the embedded synthetic faces that were not trained
    on. split chooses from a folder; start is the number of the recording shown first. methods are ticked at the start: names (saliency,
    integrated-gradients ...) or functions of one's own. seconds is how much of a long recording is shown at once. annotations is the
    folder where annotations are kept, out the one for images and pages; None writes nothing there. regions: as for `Predictor.explain`.

    Results are kept in the cache: what was computed once is there at once.

    Raises StavisError where the run or the folder cannot be read, or a method is unknown; what goes wrong later is said in the view.
    """
    shipped = EMBEDDED if recordings is None and data is None else DEFAULT
    net = VideoReader.load(shipped if run is None else run, device=device)
    chosen_regions = regions_from(regions)
    found = _recordings(recordings, data, split, quiet)
    names, chosen = list(found), list(found.values())
    ticked = chosen_methods(net.network.attention_options, methods)
    offered = offered_methods(net.network.attention_options)
    offered += [one for one in ticked if one not in offered]
    return Explorer(
        names,
        partial(_opened, net, chosen, names, source, face, chosen_regions),
        dimensions=net.dimensions,
        methods=offered,
        ticked=[label_of(one) for one in ticked],
        dimension=dimension,
        start=start,
        seconds=seconds,
        annotations=annotations,
        out=out,
        preview=lambda number: _first_image(chosen[number]),
    )


@dataclass(frozen=True, eq=False)
class PredictorSource:
    """One recording with its crops, read by a network; see stavis.show.explorer.source.RecordingSource."""

    name: str
    recording: Recording
    crops: Crops
    predictor: VideoReader

    @property
    def times(self) -> np.ndarray:
        return self.crops.times

    @property
    def signals(self) -> pd.DataFrame | None:
        return signal_table(self.crops.track)

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(note for note in self.predictor.notes_on(self.crops) if note not in self.notices)

    @property
    def notices(self) -> tuple[str, ...]:
        return notices_of([self.predictor])

    @property
    def provenance(self) -> dict[str, str]:
        return self.predictor.provenance_of(self.crops)

    def cut(self, window: slice) -> Clip:
        return self.crops.clip(window.start, window.stop)

    def media(self, window: slice, task: Task) -> WindowMedia:
        images, notes = ShownFrames.of(self.crops, window), Notes()

        def told(row: int, image: np.ndarray) -> None:
            task.progress("reading images", row, len(images))

        return WindowMedia(replace(images, seen=told), sound_of(self.crops, window, notes=notes), tuple(notes))

    def raters(self, window: slice) -> dict[str, np.ndarray] | None:
        times = self.recording.label_times
        if times is None or not self.recording.raters:
            return None
        return {name: resample(times, values, self.times[window], self.recording.max_gap) for name, values in self.recording.raters.items()}

    def windows(self, clip: Clip) -> int:
        return len(windows_of(clip.times, self.predictor.network.rate, self.predictor.network.seconds, self.predictor.network.frames))

    def read(self, window: slice, task: Task) -> ReadResult:
        told = lambda done, total: task.progress("attention and prediction", done, total)  # noqa: E731
        found = self.predictor.read_crops(self.crops, window, batch=2, progress=told, check=task.check)
        return ReadResult(found.prediction, found.attention)

    def attribute(self, method: Method, clip: Clip, dimension: str, task: Task) -> Attribution:
        told = lambda done, total: task.progress("", done, total)  # noqa: E731
        found = self.predictor.attribute([method], clip, dimension, progress=told, check=task.check)
        unseen = Attribution(label_of(method), Target(dimension), np.zeros(clip.frames.shape[:3], np.float32), clip.times)
        return next(iter(found.values()), unseen)  # without a face in any window there is nothing to explain

    def attribute_moment(self, method: Method, clip: Clip, dimension: str, frame: int, task: Task) -> Attribution:
        return self.predictor.attribute_moment(method, clip, dimension, frame, check=task.check)


def _opened(net: VideoReader, chosen, names, source: str, face: Face, regions: RegionSource | None, number: int, task: Task, begin: Begin):
    """The recording of a number, once its crops are there; of one whose face is still being followed the beginning is handed on."""
    stage = "finding the face, cutting crops" if net.network.region == "face" else "reading frames"

    def told(done: int, total: int) -> None:
        task.progress(f"{stage} ({100 * done // total} %)" if total else stage, done, total)

    def begun(crops: Crops, seconds: float) -> None:
        found = net.read_crops(crops)
        begin(Beginning(crops.clip(), ReadResult(found.prediction, found.attention), seconds, notices_of([net])))

    early = begun if regions is None else None  # boxes and masks are checked against the whole video
    crops = net.crops(chosen[number], source=source, face=face, regions=regions, progress=told, begun=early)
    return PredictorSource(names[number], chosen[number], crops, net)


def _recordings(recordings, data, split: str | None, quiet: bool) -> dict[str, Recording]:
    """The chosen recordings by the name that each has in the view; in a data set that is the one that its annotations are found by."""
    if recordings is not None and data is not None:
        raise StavisError("both recordings and data are given: give one of them.")
    if recordings is None:
        return {one.name: one for one in recordings_of(folder_of(data, quiet), split or ("test" if data is None else None))}
    if isinstance(recordings, str | os.PathLike):
        path = Path(recordings)
        if path.is_dir():
            return {one.name: one for one in of_split(read_dataset(path), path, split or None)}
        recordings = [path]
    if split:
        raise StavisError(f"the split {split!r} is one of a folder, and videos are given: leave split out, or give their folder.")
    chosen = [as_recording(one) for one in recordings]
    if not chosen:
        raise StavisError("the list of recordings is empty: give a folder, or the paths of videos.")
    return dict(zip(_names(chosen), chosen, strict=True))


def _names(recordings: Sequence[Recording]) -> list[str]:
    """The recordings' names; where two are called alike, or would be as files, with as many of their folders as tell them apart.

    Raises StavisError where nothing does: a recording is given twice.
    """
    paths = [Path(os.path.abspath(one.video)) for one in recordings]
    places = Counter((path.parent, one.name) for path, one in zip(paths, recordings, strict=True))
    alone = [places[path.parent, one.name] == 1 for path, one in zip(paths, recordings, strict=True)]
    own = [one.name if only else f"{one.name} ({path.name})" for path, one, only in zip(paths, recordings, alone, strict=True)]
    names = [one.name for one in recordings]
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        if not (alike := _alike(names)):
            break
        for k in alike:
            names[k] = "/".join((*paths[k].parent.parts[1:][-depth:], own[k]))
    if alike := _alike(names):
        raise StavisError(f"{recordings[alike[0]].video} is given twice: give it once, or as Recordings with names of their own.")
    return names


def _alike(names: Sequence[str]) -> list[int]:
    """Which names would be one file on a system that does not tell A from a."""
    files = [file_stem(name).casefold() for name in names]
    count = Counter(files)
    return [k for k, file in enumerate(files) if count[file] > 1]


def _first_image(recording: Recording) -> np.ndarray | None:
    """The first frame of a recording; None where it cannot be read (then opening it says why)."""
    try:
        info = info_of(recording)
        frames = read_frames(info.path, info=info, stop=1, longest_side=384, notes=Notes())  # opening it notes the same
        return next((frame.image for frame in frames), None)
    except StavisError:
        return None
