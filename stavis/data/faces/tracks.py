"""Faces through a video: all of them followed, one of them chosen, frames without a face marked and never invented."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from stavis.data.faces.alignment import crop_affine
from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.data.faces.disk_array import DiskArray, scatter, take
from stavis.data.faces.landmarker import FaceNetworks
from stavis.data.faces.model_file import FaceModel, fetch_models
from stavis.data.faces.tracker import FaceTracker, TrackedFace
from stavis.data.video.decoding import LOST, NO_IMAGE
from stavis.data.video.io import Frame, VideoInfo, probe, read_frames
from stavis.errors import StavisError, StavisWarning
from stavis.types import FaceTrack

__all__ = ["BLENDSHAPES", "FrameFaces", "Tracks", "fetch_models", "follow_faces", "track_faces"]

NO_FACE, DAMAGED = "no face", "damaged"
"""What the notes of a track say of frames: nobody was found; the frame could not be decoded, or its decoder reported errors."""

TRACKED_SIDE = 1920
"""Larger pictures are scaled down to this longest side for tracking; the results are in pixels of the source all the same."""

_CROP = 112
_ABOUT_EQUAL = 0.8


@dataclass(frozen=True)
class FrameFaces:
    """The faces of one frame: its index and time (s), the faces in the order of their numbers, and a note ('', 'damaged' or 'no image')."""

    index: int
    time: float
    faces: tuple[TrackedFace, ...]
    note: str = ""


@dataclass(frozen=True)
class Tracks(FaceTrack):
    """The chosen face's track (a FaceTrack in itself), and with it all faces that were followed.

    number: the chosen face, None where no face was found at all. rows (M,) frame, numbers (M,) face, and for each of these M
    sightings all_boxes (M,4), all_landmarks (M,478,2) px, all_scores (M,), all_blendshapes (M,52).
    """

    number: int | None = None
    rows: np.ndarray = field(default=None, repr=False)
    numbers: np.ndarray = field(default=None, repr=False)
    all_boxes: np.ndarray = field(default=None, repr=False)
    all_landmarks: np.ndarray = field(default=None, repr=False)
    all_scores: np.ndarray = field(default=None, repr=False)
    all_blendshapes: np.ndarray = field(default=None, repr=False)
    picture_notes: tuple[str, ...] = field(default=(), repr=False)

    @cached_property
    def count(self) -> int:
        """How many faces were followed in the whole video."""
        return len(np.unique(self.numbers))

    def face(self, number: int) -> FaceTrack:
        """One face through the whole video. Raises StavisError where there is none of that number."""
        mine = self.numbers == number
        if not mine.any():
            known = ", ".join(map(str, np.unique(self.numbers).tolist())) or "none"
            raise StavisError(f"there is no face {number} in this video (faces: {known}): choose one of these.")
        count, frames = len(self.times), self.rows[mine]
        seen = (self.all_boxes, self.all_landmarks, self.all_scores, self.all_blendshapes)
        boxes, landmarks, scores, blendshapes = (scatter(count, frames, take(values, np.flatnonzero(mine))) for values in seen)
        return _track(self.times, boxes, landmarks, np.nan_to_num(scores), blendshapes, self.picture_notes)


def follow_faces(
    source: str | Path | Iterable[Frame],
    *,
    model: FaceModel | None = None,
    backend: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    info: VideoInfo | None = None,
) -> Iterator[FrameFaces]:
    """The faces of every frame, one frame after another, in memory that does not grow with the video.

    source: a video's path, or frames as `read_frames` gives them. backend: 'litert', 'opencv', or 'auto'. `progress` is called with
    the frames done and the frames there are. Where a frame could not be decoded no face is given.
    """
    scale, total = 1.0, 0
    if isinstance(source, str | Path):
        said = info is not None
        info = info or probe(source)
        if not said:
            for sentence in info.warnings:
                warnings.warn(sentence, StavisWarning, stacklevel=2)
        total = len(info)
        scale = max(1.0, max(info.width, info.height) / TRACKED_SIDE)
        source = read_frames(info.path, info=info, longest_side=TRACKED_SIDE)
    tracker = FaceTracker(FaceNetworks(model or fetch_models(), backend))
    for frame in source:
        lost = frame.note in (LOST, NO_IMAGE)
        faces = () if lost else tuple(_scaled(face, scale) for face in tracker.step(frame.image, frame.time))
        yield FrameFaces(frame.index, frame.time, faces, DAMAGED if frame.damaged else NO_IMAGE if frame.note == NO_IMAGE else "")
        if progress is not None:
            progress(frame.index + 1, max(total, frame.index + 1))


def track_faces(
    source: str | Path | Iterable[Frame],
    *,
    choose: str | int | tuple[float, float] = "largest",
    backend: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    model: FaceModel | None = None,
    info: VideoInfo | None = None,
) -> Tracks:
    """One face through a video, in pixels of the upright source, with all others beside it.

    choose: 'largest' (the area summed over the video; of equal ones the one seen first, from the left), a face's number, or (x, y),
    the face nearest to that point of the source. Frames without that face are not valid, hold NaN, and a note says why.

    Raises StavisError as `read_frames` and `fetch_models` do, and where there are faces but not the one asked for.
    """
    check_choice(choose)
    sightings = Detections()
    for frame in follow_faces(source, model=model, backend=backend, progress=progress, info=info):
        sightings.add(frame)
    return sightings.tracks(choose)


class Detections:
    """What was seen so far: one entry a face and frame, so that frames without a face cost nothing; the landmarks are on the disk.

    From it comes the track of any face that is chosen.
    """

    def __init__(self):
        self.times, self.notes, self.rows, self.numbers = [], [], [], []
        self.boxes, self.scores, self.blendshapes = [], [], []
        self._landmarks: DiskArray | np.ndarray = DiskArray((478, 2))

    def add(self, frame: FrameFaces) -> None:
        """Add what was seen in the next frame."""
        for face in frame.faces:
            self.rows.append(len(self.times))
            self.numbers.append(face.number)
            self.boxes.append(face.box.astype(np.float32))
            self._landmarks.append(face.points)
            self.scores.append(face.score)
            self.blendshapes.append(face.blendshapes)
        self.times.append(frame.time)
        self.notes.append(frame.note)

    @property
    def landmarks(self) -> np.ndarray:
        """(M,478,2) float32, one entry a sighting."""
        return self._landmarks.array() if isinstance(self._landmarks, DiskArray) else self._landmarks

    def arrays(self) -> dict[str, np.ndarray]:
        """All that was seen, to be written down: one entry a sighting, `times` and `notes` one a frame."""
        every = range(len(self.rows))
        return {
            "times": np.array(self.times, np.float64),
            "notes": np.array(self.notes, np.str_),
            "rows": np.array(self.rows, np.int64),
            "numbers": np.array(self.numbers, np.int64),
            "boxes": _stack(self.boxes, every, (4,)),
            "landmarks": self.landmarks,
            "scores": np.array(self.scores, np.float32),
            "blendshapes": _stack(self.blendshapes, every, (len(BLENDSHAPES),)),
        }

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> "Detections":
        """The sightings that `arrays` wrote down. Raises ValueError or KeyError where they do not belong together."""
        found = cls()
        count, shapes = len(arrays["rows"]), {"boxes": (4,), "landmarks": (478, 2), "scores": (), "blendshapes": (len(BLENDSHAPES),)}
        if len(arrays["notes"]) != len(arrays["times"]) or len(arrays["numbers"]) != count:
            raise ValueError("lengths differ")
        if any(arrays[name].shape != (count, *shape) for name, shape in shapes.items()):
            raise ValueError("shapes differ")
        for name in ("times", "notes", "rows", "numbers"):
            setattr(found, name, arrays[name].tolist())
        for name in ("boxes", "scores", "blendshapes"):
            setattr(found, name, arrays[name])
        found._landmarks = arrays["landmarks"]
        return found

    def tracks(self, choose) -> Tracks:
        """The chosen face's track, and all others beside it; `choose` as in `track_faces`."""
        times = np.array(self.times, np.float64)
        numbers = np.array(self.numbers, np.int64)
        real = _lasting(np.array(self.rows, np.int64), numbers, self.notes)
        _, order = np.unique(numbers[real], return_inverse=True)
        kept = np.flatnonzero(real)
        seen = {
            "rows": np.array(self.rows, np.int64)[real],
            "numbers": order.astype(np.int64),
            "all_boxes": _stack(self.boxes, kept, (4,)),
            "all_landmarks": take(self.landmarks, kept),
            "all_scores": np.array(self.scores, np.float32)[real],
            "all_blendshapes": _stack(self.blendshapes, kept, (len(BLENDSHAPES),)),
            "picture_notes": tuple(self.notes),
        }
        n = len(times)
        blank = np.broadcast_to(np.float32(np.nan), (n, 478, 2))  # takes no memory
        nothing = _track(times, _nan(n, 4), blank, np.zeros(n, np.float32), _nan(n, len(BLENDSHAPES)), seen["picture_notes"])
        tracks = Tracks(**vars(nothing), **seen)
        if not len(order):
            return tracks
        number = _chosen(tracks, choose)
        return Tracks(**vars(tracks.face(number)), **seen, number=number)


def _lasting(rows: np.ndarray, numbers: np.ndarray, notes: list[str]) -> np.ndarray:
    """Which sightings are not alone: a face in one frame, and not in the one before or after, is a slip of the detector."""
    # Frames that were lost are stepped over.
    seen_at = set(rows.tolist())
    looked = np.cumsum([not note or i in seen_at for i, note in enumerate(notes)])
    at = looked[rows].tolist() if len(rows) else []
    seen = set(zip(at, numbers.tolist(), strict=True))
    lasting = [(a - 1, n) in seen or (a + 1, n) in seen for a, n in zip(at, numbers.tolist(), strict=True)]
    return np.array(lasting, bool) if len(notes) > 1 else np.ones(len(rows), bool)


def _chosen(tracks: Tracks, choose) -> int:
    boxes = tracks.all_boxes.astype(np.float64)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    total = np.bincount(tracks.numbers, areas)
    if choose == "largest":
        best = int(total.argmax())
        rivals = np.flatnonzero(total >= _ABOUT_EQUAL * total[best])
        if len(rivals) > 1:
            others = " and ".join(str(r) for r in rivals if r != best)
            sentence = f"faces {best} and {others} are about equally large, face {best} was taken: choose another by its number or place."
            warnings.warn(sentence, StavisWarning, stacklevel=4)
        return best
    if isinstance(choose, int | np.integer):
        tracks.face(int(choose))
        return int(choose)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    distance = np.linalg.norm(centres - np.asarray(choose, np.float64), axis=1)
    nearest = [np.median(distance[tracks.numbers == n]) for n in range(len(total))]
    return int(np.argmin(nearest))


def check_choice(choose) -> None:
    """Raises StavisError where `choose` is no way of choosing a face."""
    number = isinstance(choose, int | np.integer) and not isinstance(choose, bool) and choose >= 0
    place = isinstance(choose, tuple | list) and len(choose) == 2 and np.isfinite(np.asarray(choose, np.float64)).all()
    if not (choose == "largest" if isinstance(choose, str) else number or place):
        raise StavisError(f"a face cannot be chosen by {choose!r}: say 'largest', its number from 0, or a point (x, y) in pixels.")


def _track(times, boxes, landmarks, score, blendshapes, notes) -> FaceTrack:
    valid = np.isfinite(boxes[:, 0])
    return FaceTrack(
        times=times,
        boxes=boxes,
        landmarks=landmarks,
        score=score,
        affine=crop_affine(landmarks, _CROP) if len(times) else np.zeros((0, 2, 3)),
        valid=valid,
        blendshapes=blendshapes,
        notes=tuple(note or ("" if there else NO_FACE) for note, there in zip(notes, valid, strict=True)),
    )


def _scaled(face: TrackedFace, scale: float) -> TrackedFace:
    if scale == 1:
        return face
    # A pixel's centre is at its index here, so the corner moves by half a pixel.
    points, box = ((p + 0.5) * scale - 0.5 for p in (face.points, face.box))
    return TrackedFace(face.number, points, box, face.score, face.blendshapes)


def _stack(values: Sequence[np.ndarray] | np.ndarray, kept: Sequence[int], shape: tuple[int, ...]) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values[kept]
    return np.stack([values[k] for k in kept]) if len(kept) else np.zeros((0, *shape), np.float32)


def _nan(*shape: int) -> np.ndarray:
    return np.full(shape, np.nan, np.float32)
