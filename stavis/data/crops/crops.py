"""Face crops of whole videos, made once and then read from a memory map: what networks are trained on and what is explained."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stavis.data.crops.beginning import Beginning, FirstFrames
from stavis.data.crops.build import FORMAT, SOURCES, NoTracker, decided_source, write_crops
from stavis.data.crops.framing import content_box, is_framing, parts_of
from stavis.data.datasets.time_units import span_note
from stavis.data.faces.alignment import apply_affine
from stavis.data.faces.following import Watch
from stavis.data.faces.regions import rasterise
from stavis.data.regions.source import RegionSource, shown_mask
from stavis.data.video.image_folder import images_hash
from stavis.data.video.probing import PIXELS
from stavis.errors import StavisError, offer
from stavis.notes import Notes
from stavis.printable import ShortRepr
from stavis.regions import FACE
from stavis.storage import cache
from stavis.storage.eviction import INDEX
from stavis.storage.files import content_hash, read_json
from stavis.timeline import MAX_GAP, outside, resample
from stavis.types import Clip, FaceTrack, ImageNumbers, Recording


@dataclass(frozen=True)
class CropConfig:
    """How face crops are made.

    Parameters
    ----------
    size : int, default 112
        Width and height of a crop in pixels, from 8 to 1024.
    rate : float or None, default 6.25
        Frames per second, or None for every frame of the video.
    source : {'auto', 'truth', 'face', 'centre', 'resize', 'letterbox'}, default 'auto'
        What the crops are aligned by: the known landmarks of a synthetic recording, the tracked face, or nothing (the centred square
        of the frame, without regions); 'auto' takes the first of these that is available. 'resize' squeezes the whole frame into the
        square, 'letterbox' fits it in between black bars, 'centre:0.875' and 'resize:0.875' keep that part of
        the sides of either image, in its middle.
    face : 'largest', int or (float, float), default 'largest'
        Which face: the largest, a number from 0, or the nearest to a location in pixels of the video.

    Raises
    ------
    StavisError
        Where a value is out of range.

    Examples
    --------
    >>> import stavis
    >>> stavis.CropConfig(size=64, rate=None)
    CropConfig(size=64, rate=None, source='auto', face='largest')
    """

    size: int = 112
    rate: float | None = 6.25
    source: str = "auto"
    face: str | int | tuple[float, float] = "largest"

    def __post_init__(self):
        if not (isinstance(self.size, int) and 8 <= self.size <= 1024):
            raise StavisError(f"a crop size of {self.size!r} is out of range: give a whole number of pixels from 8 to 1024.")
        if self.rate is not None and not (np.isfinite(self.rate) and 0 < self.rate <= 10000):
            raise StavisError(f"a rate of {self.rate!r} frames/s is out of range: give a number above 0, or None for every frame.")
        if is_framing(self.source):
            parts_of(self.source)
        elif self.source not in SOURCES:
            raise StavisError(f"crops have no source {self.source!r}: {offer(self.source, SOURCES)}")
        if self.face != "largest" and self.source not in ("auto", "face"):
            what = f"with source={self.source!r} no face is followed that could be chosen"
            raise StavisError(f"{what}: leave face={self.face!r} (--face) out, or give source='face' (--source face).")


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class CachedCrops(ShortRepr):
    """What the cache holds of a video, in order of time: pixels, times and track, whatever the recording's labels.

    frames (T,S,S,3) uint8 RGB, a read-only memory map; times (T,) s; indices (T,) of the frames in the video; valid (T,) bool, a
    face was there; frame_notes a reason for each frame ('no face', 'damaged' or ''); affine (T,2,3) source pixels to crop pixels;
    picture: width and height of the upright source; track: the face at these frames, landmarks in source pixels, or None (centred);
    source: 'truth', 'face', 'centre', 'resize' or 'letterbox', what the crops were in fact aligned by; faces: how many the tracker
    followed, or None;
    notes: what a user must know of the whole video, in sentences; folder: the entry of the cache, None for crops made in memory.
    """

    spec: CropConfig
    frames: np.ndarray
    times: np.ndarray
    indices: np.ndarray
    valid: np.ndarray
    frame_notes: tuple[str, ...]
    affine: np.ndarray
    picture: tuple[int, int]
    track: FaceTrack | None
    source: str
    faces: int | None = None
    notes: tuple[str, ...] = ()
    folder: Path | None = None

    def __len__(self) -> int:
        return len(self.times)

    @property
    def size(self) -> int:
        """Side of a crop in pixels."""
        return self.frames.shape[1]

    @property
    def content(self) -> tuple[int, int, int, int]:
        """Where a crop shows the video, x0, y0, x1, y1 in its pixels: all of it but for the bars of a letterbox."""
        return content_box(self.source, self.picture, self.size)

    @property
    def bridged(self) -> np.ndarray:
        """Frames whose face is lost beside sightings of it at one place, most likely covered or turned aside: (T,) bool, none of them
        `valid`; see `FaceTrack`."""
        known = None if self.track is None else self.track.bridged
        return np.zeros(len(self.times), bool) if known is None else known


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Crops(CachedCrops):
    """The crops of one recording: what the cache holds of its video, and what the recording adds.

    recording: its name; label_times (N,) s and label_values (N,D): the labels at their own times, or None; max_gap, stream: see
    Recording.
    exclude: (start s, end s, reason), ranges that are not used. images: set where `video` is a folder of numbered images. notes: of the
    video and of how its labels fit it. subject: "face", or "frame" for a network of whole frames; regions: where the regions of clips
    come from, None for those of the tracked face.
    """

    recording: str
    video: Path
    dimensions: tuple[str, ...] = ()
    label_times: np.ndarray | None = None
    label_values: np.ndarray | None = None
    exclude: tuple[tuple[float, float, str], ...] = ()
    images: ImageNumbers | None = None
    max_gap: float | None = MAX_GAP
    stream: int | None = None
    subject: str = "face"
    regions: RegionSource | None = None

    def __post_init__(self):
        if self.regions is not None:
            self.regions.check(self)

    @property
    def region_names(self) -> tuple[str, ...]:
        """The names of its regions, in the order of their masks."""
        return FACE.names if self.regions is None else self.regions.region_set.names

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
        return outside(self.times, self.exclude)

    def clip(self, start: int = 0, stop: int | None = None, *, regions: bool = True) -> Clip:
        """The frames from start to before stop as a Clip with labels, and with regions: those that were given, or those of the face
        where one was aligned by its landmarks.

        Pixels are copied: take segments of long recordings.
        """
        part = slice(start, stop)
        masks = None
        if regions and self.regions is not None:
            masks = self.regions.masks(self, part)
        elif regions and self.track is not None:
            inside = apply_affine(self.affine[part], np.asarray(self.track.landmarks[part], np.float64))
            masks = rasterise(inside, self.frames.shape[1], self.valid[part])
        return Clip(
            frames=np.array(self.frames[part]),
            times=self.times[part],
            labels=None if self.labels is None else self.labels[part],
            dimensions=self.dimensions or ("valence",),
            regions=masks,
            valid=self.valid[part],
            notes=self.frame_notes[part],
            recording=self.recording,
            region_set=FACE if self.regions is None else self.regions.region_set,
            subject=self.subject,
            content=shown_mask(self) if self.source == "letterbox" else None,
        )

    def __reduce__(self):
        # A worker opens the memory map again: pickled as it is, all its pixels would be copied.
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        if self.folder is None:
            return _rebuilt, (values,)
        held = {one.name for one in fields(CachedCrops)} - {"notes"}
        return _reopened, (self.folder, self.spec, {name: value for name, value in values.items() if name not in held})


Begun = Callable[[Crops, float], None]


def crops_of(
    recording: Recording | str | Path,
    spec: CropConfig | None = None,
    progress: Callable[[int, int], None] | None = None,
    begun: Begun | None = None,
) -> Crops:
    """The face crops of a recording or a video file, from the cache where it was seen before: then nothing is decoded or tracked.

    progress: called with frames done and frames in all, while the face is tracked and again while crops are cut. begun: called while the
    face is tracked with the crops of the first seconds, which lie in memory, and the seconds of the whole video (see `Beginning`).

    The notes on them tell of damage in the video, of labels that begin or end elsewhere than it does, and where no tracker or no face
    was found ('auto': then the centred square). Whoever asks for crops shows them.

    Raises StavisError for a file that is no video, labels that share no moment with it, source='truth' without a truth file,
    source='face' without a tracker or a face.
    """
    spec = spec or CropConfig()
    if not isinstance(recording, Recording):
        recording = Recording(Path(recording).stem, Path(recording))
    source = decided_source(recording, spec.source, spec.face)
    notes = Notes()
    try:
        folder = _entry(recording, spec, source, progress, begun)
    except NoTracker as error:
        if spec.source != "auto" or spec.face != "largest":
            raise
        notes.add(f"{recording.video.name}: the centred square is taken, because {error}")
        folder = _entry(recording, spec, "centre", progress)
    cached = _open(folder, spec)
    if spec.source == "face" and not cached.valid.any():
        raise StavisError(f"{recording.video}: no face was found in {len(cached)} frames: choose source='centre' or another video.")
    if recording.labels is not None:
        frames = int(cached.indices[-1] - cached.indices[0]) + 1
        options = {"max_gap": recording.max_gap, "time_unit": recording.time_unit, "frames": frames}
        note = span_note(recording.name, recording.label_times, cached.times, recording.labels, **options)
        notes.add(*([note] if note else []))
    return _with_recording(cached, recording, (*cached.notes, *notes))


def _with_recording(cached: CachedCrops, recording: Recording, notes: tuple[str, ...]) -> Crops:
    held = {one.name: getattr(cached, one.name) for one in fields(CachedCrops)}
    return Crops(
        **(held | {"notes": notes}),
        recording=recording.name,
        video=recording.video,
        dimensions=tuple(recording.dimensions),
        label_times=recording.label_times,
        label_values=recording.labels,
        exclude=recording.exclude,
        images=recording.images,
        max_gap=recording.max_gap,
        stream=recording.stream,
    )


def _rebuilt(values: dict) -> Crops:
    return Crops(**values)


def _reopened(folder: Path, spec: CropConfig, values: dict) -> Crops:
    cached = _open(folder, spec)
    return Crops(**({one.name: getattr(cached, one.name) for one in fields(CachedCrops)} | values))


def _begun(recording: Recording, spec: CropConfig, begun: Begun, info, chosen: np.ndarray, early) -> Watch:
    """What sees the frames of a video while faces are followed, and hands on the crops of the first ones."""

    def show(first: FirstFrames) -> None:
        held = {one.name: getattr(first, one.name) for one in fields(FirstFrames) if one.name != "seconds"}
        cached = CachedCrops(spec=spec, **held, picture=(info.width, info.height), source="face")
        begun(_with_recording(cached, recording, ()), first.seconds)

    return Beginning(show, spec.face, spec.size, info, chosen, early).see


def _entry(recording: Recording, spec: CropConfig, source: str, progress, begun: Begun | None = None) -> Path:
    """The folder of the crops in the cache: named by all that they depend on, made where it is not there."""
    digest = cache.file_hash(recording.video) if recording.images is None else images_hash(recording.video, recording.images)
    parts = ["crops", str(FORMAT), str(PIXELS), digest, str(spec.size), str(spec.rate and float(spec.rate)), source]
    if recording.stream is not None:
        parts.append(f"stream {recording.stream}")
    if source == "truth":
        parts.append(cache.file_hash(recording.truth))
    if source == "face":
        parts.append(repr(spec.face))
    watcher = None if begun is None or source != "face" else partial(_begun, recording, spec, begun)

    def make(folder: Path) -> None:
        write_crops(folder, recording, spec, source, digest, progress, watcher)

    return cache.get_or_create("crops", content_hash(*parts), make, usable)


def usable(folder: Path) -> bool:
    """Whether an entry of the cache is whole and of this version: all files there, of the sizes that were written."""
    try:
        index = read_json(folder / INDEX)
        sizes = index["bytes"]
        return index["format"] == FORMAT and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (StavisError, OSError, KeyError, TypeError, AttributeError):
        return False


def _open(folder: Path, spec: CropConfig) -> CachedCrops:
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
                bridged=arrays.get("bridged"),
            )
    except (StavisError, OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise StavisError(f"{folder} went away or is damaged: run again, the crops are made again.") from error
    return CachedCrops(
        spec=spec,
        frames=frames,
        times=arrays["times"],
        indices=arrays["indices"],
        valid=arrays["valid"],
        frame_notes=tuple(arrays["notes"].tolist()),
        affine=arrays["affine"],
        picture=tuple(index["picture"]),
        track=track,
        source=index["source"],
        faces=index["faces"],
        notes=tuple(index["warnings"]),
        folder=folder,
    )
