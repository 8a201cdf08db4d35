"""Faces followed through a video, one frame after another, and the track of the one that is chosen."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from stavis.data.faces.choice import check_choice, is_point
from stavis.data.faces.detections import Detections
from stavis.data.faces.networks.landmarker import FaceNetworks
from stavis.data.faces.networks.model_file import FaceModel, fetch_models
from stavis.data.faces.tracker import FaceTracker, TrackedFace
from stavis.data.faces.tracks import DAMAGED, FrameFaces, Tracks
from stavis.data.video.decoding import LOST, NO_IMAGE
from stavis.data.video.io import Frame, VideoInfo, probe, read_frames
from stavis.notes import Notes

TRACKED_SIDE = 1920
"""Larger images are scaled down to this longest side for tracking; the results are in pixels of the source all the same."""


def follow_faces(
    source: str | Path | Iterable[Frame],
    *,
    model: FaceModel | None = None,
    backend: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    info: VideoInfo | None = None,
    thorough: bool = False,
    notes: Notes | None = None,
) -> Iterator[FrameFaces]:
    """The faces of every frame, one frame after another, in memory that does not grow with the video.

    source: a video's path, or frames as `read_frames` gives them. backend: 'litert', 'opencv', or 'auto'. `progress` is called with
    the frames done and the frames there are. thorough: look for small faces all the time. notes: what is found in the video on the
    way is added. Where a frame could not be decoded no face is given.
    """
    scale, total, notes = 1.0, 0, Notes() if notes is None else notes
    if isinstance(source, str | Path):
        info = info or probe(source)
        total = len(info)
        scale = max(1.0, max(info.width, info.height) / TRACKED_SIDE)
        source = read_frames(info.path, info=info, longest_side=TRACKED_SIDE, notes=notes)
    tracker = FaceTracker(FaceNetworks(model or fetch_models(), backend), thorough)
    for frame in source:
        lost = frame.note in (LOST, NO_IMAGE)
        faces = () if lost else tuple(_scaled(face, scale) for face in tracker.step(frame.image, frame.time))
        note = DAMAGED if frame.damaged else NO_IMAGE if frame.note == NO_IMAGE else ""
        yield FrameFaces(frame.index, frame.time, faces, note, not lost and tracker.crowded)
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
    the face that is the first at that point of the source, wherever it goes. Frames without that face are not valid, hold NaN, and
    a note says why; `messages` say what is not sure.

    Raises StavisError as `read_frames` and `fetch_models` do, and where there are faces but not the one asked for.
    """
    check_choice(choose)
    found, notes = Detections(), Notes()
    if isinstance(source, str | Path):
        info = info or probe(source)
        notes.add(*info.notes)
    options = {"model": model, "backend": backend, "progress": progress, "info": info, "notes": notes}
    for frame in follow_faces(source, thorough=is_point(choose), **options):
        found.add(frame)
    tracks = found.tracks(choose)
    notes.add(*tracks.messages)
    return replace(tracks, messages=tuple(notes))


def _scaled(face: TrackedFace, scale: float) -> TrackedFace:
    if scale == 1:
        return face
    # A pixel's centre is at its index here, so the corner moves by half a pixel.
    points, box = ((p + 0.5) * scale - 0.5 for p in (face.points, face.box))
    return replace(face, points=points, box=box)
