"""Face crops of whole videos, made once and then read from a memory map: what networks are trained on and what is explained."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stavis.data.crops.build import FORMAT, SOURCES, NoTracker, decided_source, write_crops
from stavis.data.datasets.time_units import span_note
from stavis.data.faces.alignment import apply_affine
from stavis.data.faces.regions import rasterise
from stavis.data.video.image_folder import images_hash
from stavis.data.video.probing import PIXELS
from stavis.errors import StavisError, StavisWarning
from stavis.storage import cache
from stavis.storage.eviction import INDEX
from stavis.storage.files import content_hash, read_json
from stavis.timeline import CLOCK_TOLERANCE, MAX_GAP, resample
from stavis.types import Clip, FaceTrack, ImageNumbers, Recording


@dataclass(frozen=True)
class CropConfig:
    """How crops are made: size px square; rate frames/s or None for every frame of the video; source of the alignment; which face.

    source: 'truth' the known landmarks of a drawn recording, 'face' the tracker's, 'centre' the centred square of the picture (no
    regions), 'auto' the first of these that can be had. face: 'largest', a number from 0, or (x, y), the nearest to that place.
    """

    size: int = 112
    rate: float | None = 6.25
    source: str = "auto"
    face: str | int | tuple[float, float] = "largest"

    def __post_init__(self):
        if not (isinstance(self.size, int) and 8 <= self.size <= 1024):
            raise StavisError(f"a crop size of {self.size!r} cannot be: give a whole number of pixels from 8 to 1024.")
        if self.rate is not None and not (np.isfinite(self.rate) and 0 < self.rate <= 10000):
            raise StavisError(f"a rate of {self.rate!r} frames/s cannot be: give a number above 0, or None for every frame.")
        if self.source not in SOURCES:
            raise StavisError(f"crops have no source {self.source!r}: choose one of {', '.join(SOURCES)}.")


@dataclass(frozen=True, eq=False)
class Crops:
    """The crops of one video, in order of time.

    frames (T,S,S,3) uint8 RGB, a read-only memory map; times (T,) s; indices (T,) of the frames in the video; valid (T,) bool, a
    face was there; notes a reason a frame ('no face', 'damaged' or ''); affine (T,2,3) source pixels to crop pixels; picture:
    width and height of the upright source; track: the face at these frames, landmarks in source pixels, or None (centred);
    source: 'truth', 'face' or 'centre', what the crops were in fact aligned by; faces: how many the tracker followed, or None;
    warnings: what is to be said of the whole video.
    label_times (N,) s and label_values (N,D): the labels at their own times, or None; max_gap: see Recording.
    exclude: (start s, end s, reason), ranges that are not used. images: set where `video` is a folder of numbered images.
    """

    recording: str
    video: Path
    spec: CropConfig
    frames: np.ndarray
    times: np.ndarray
    indices: np.ndarray
    valid: np.ndarray
    notes: tuple[str, ...]
    affine: np.ndarray
    picture: tuple[int, int]
    track: FaceTrack | None
    source: str
    faces: int | None = None
    warnings: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()
    label_times: np.ndarray | None = None
    label_values: np.ndarray | None = None
    folder: Path | None = None
    exclude: tuple[tuple[float, float, str], ...] = ()
    images: ImageNumbers | None = None
    max_gap: float | None = MAX_GAP

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def labels(self) -> np.ndarray | None:
        """The labels at the crops' times: (T,D) in [-1,1], NaN where there are none, where they are invalid, and in excluded ranges;
        None for a video without labels."""
        if self.label_values is None:
            return None
        return np.where(self.kept[:, None], resample(self.label_times, self.label_values, self.times, self.max_gap), np.nan)

    @cached_property
    def kept(self) -> np.ndarray:
        """Which frames lie in no excluded range: (T,) bool; both ends of a range belong to it."""
        kept = np.ones(len(self.times), bool)
        for start, end, _ in self.exclude:
            kept &= (self.times < start - CLOCK_TOLERANCE) | (self.times > end + CLOCK_TOLERANCE)
        return kept

    def clip(self, start: int = 0, stop: int | None = None, *, regions: bool = True) -> Clip:
        """The frames from start to before stop as a Clip with labels, and with regions where a face was aligned by its landmarks.

        Pixels are copied: take stretches of long recordings.
        """
        part = slice(start, stop)
        masks = None
        if regions and self.track is not None:
            inside = apply_affine(self.affine[part], np.asarray(self.track.landmarks[part], np.float64))
            masks = rasterise(inside, self.frames.shape[1], self.valid[part])
        return Clip(
            frames=np.array(self.frames[part]),
            times=self.times[part],
            labels=None if self.labels is None else self.labels[part],
            dimensions=self.dimensions or ("valence",),
            regions=masks,
            valid=self.valid[part],
            notes=self.notes[part],
            recording=self.recording,
        )

    def __reduce__(self):
        # A worker opens the memory map again: pickled as it is, all its pixels would be copied.
        if self.folder is None:
            return Crops, tuple(getattr(self, one.name) for one in fields(self))
        about = (self.recording, self.video, self.dimensions, self.label_times, self.label_values, self.warnings)
        return _open, (self.folder, self.spec, *about, self.exclude, self.images, self.max_gap)


def crops_of(
    recording: Recording | str | Path, spec: CropConfig | None = None, progress: Callable[[int, int], None] | None = None
) -> Crops:
    """The face crops of a recording or a video file, from the cache where it was seen before: then nothing is decoded or tracked.

    progress: called with frames done and frames in all, while the face is tracked and again while crops are cut.

    Gives a StavisWarning for damage in the video, for labels that begin or end elsewhere than it does, where no tracker or no face
    was found ('auto': then the centred square). Raises StavisError for a file that is no video, labels that share no moment
    with it, source='truth' without a truth file, source='face' without a tracker or a face.
    """
    spec = spec or CropConfig()
    if not isinstance(recording, Recording):
        recording = Recording(Path(recording).stem, Path(recording))
    source = decided_source(recording, spec.source)
    said = []
    try:
        folder = _entry(recording, spec, source, progress)
    except NoTracker as error:
        if spec.source != "auto":
            raise
        said.append(f"{recording.video.name}: the centred square is taken, because {error}")
        folder = _entry(recording, spec, "centre", progress)
    about = (recording.name, recording.video, recording.dimensions, recording.label_times, recording.labels)
    crops = _open(folder, spec, *about, None, recording.exclude, recording.images, recording.max_gap)
    if spec.source == "face" and not crops.valid.any():
        raise StavisError(f"{recording.video}: no face was found in {len(crops)} frames: choose source='centre' or another video.")
    if recording.labels is not None:
        frames = int(crops.indices[-1] - crops.indices[0]) + 1
        options = {"max_gap": recording.max_gap, "time_unit": recording.time_unit, "frames": frames}
        note = span_note(recording.name, recording.label_times, crops.times, recording.labels, **options)
        said += [note] if note else []
    crops = replace(crops, warnings=(*crops.warnings, *said))
    for sentence in crops.warnings:
        warnings.warn(sentence, StavisWarning, stacklevel=2)
    return crops


def _entry(recording: Recording, spec: CropConfig, source: str, progress) -> Path:
    """The folder of the crops in the cache: named by all that they depend on, made where it is not there."""
    digest = cache.file_hash(recording.video) if recording.images is None else images_hash(recording.video, recording.images)
    parts = ["crops", str(FORMAT), str(PIXELS), digest, str(spec.size), str(spec.rate and float(spec.rate)), source]
    if source == "truth":
        parts.append(cache.file_hash(recording.truth))
    if source == "face":
        parts.append(repr(spec.face))
    return cache.get_or_create(
        "crops", content_hash(*parts), lambda part: write_crops(part, recording, spec, source, digest, progress), usable
    )


def usable(folder: Path) -> bool:
    """Whether an entry of the cache is whole and of this version: all files there, of the sizes that were written."""
    try:
        index = read_json(folder / INDEX)
        sizes = index["bytes"]
        return index["format"] == FORMAT and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (StavisError, OSError, KeyError, TypeError, AttributeError):
        return False


def _open(
    folder: Path,
    spec: CropConfig,
    name: str,
    video: Path,
    dimensions,
    label_times,
    label_values,
    said: tuple[str, ...] | None = None,
    exclude: tuple[tuple[float, float, str], ...] = (),
    images: ImageNumbers | None = None,
    max_gap: float | None = MAX_GAP,
) -> Crops:
    try:
        index = read_json(folder / INDEX)
        frames = np.load(folder / "frames.npy", mmap_mode="r", allow_pickle=False)
        with np.load(folder / "arrays.npz", allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        track = None
        if index["track"]:
            landmarks = np.load(folder / "landmarks.npy", mmap_mode="r", allow_pickle=False)
            track = FaceTrack(
                times=arrays["times"],
                boxes=arrays["boxes"],
                landmarks=landmarks,
                score=arrays["score"],
                affine=arrays["affine"],
                valid=arrays["valid"],
                blendshapes=arrays.get("blendshapes"),
                notes=tuple(arrays["notes"].tolist()),
            )
    except (StavisError, OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise StavisError(f"{folder} went away or is damaged: run again, the crops are made anew.") from error
    return Crops(
        recording=name,
        video=video,
        spec=spec,
        frames=frames,
        times=arrays["times"],
        indices=arrays["indices"],
        valid=arrays["valid"],
        notes=tuple(arrays["notes"].tolist()),
        affine=arrays["affine"],
        picture=tuple(index["picture"]),
        track=track,
        source=index["source"],
        faces=index["faces"],
        warnings=tuple(index["warnings"]) if said is None else said,
        dimensions=tuple(dimensions),
        label_times=label_times,
        label_values=label_values,
        folder=folder,
        exclude=exclude,
        images=images,
        max_gap=max_gap,
    )
