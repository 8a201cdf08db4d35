"""Faces followed through a video, one frame after another, and the track of the one that is chosen.

Of a file the frames are decoded, and the detector looks at them, in a thread of its own, a few frames ahead of the tracker: neither
depends on where the faces were before, so the result is the same.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from stavis.data.ahead import ahead
from stavis.data.faces.choice import check_choice, is_point
from stavis.data.faces.detections import Detections
from stavis.data.faces.networks.landmarker import Detection, FaceDetector, FaceNetworks
from stavis.data.faces.networks.model_file import FaceModel, fetch_models
from stavis.data.faces.tracker import FaceTracker, TrackedFace
from stavis.data.faces.tracks import DAMAGED, FrameFaces, Tracks
from stavis.data.video.decoding import LOST, NO_IMAGE
from stavis.data.video.io import Frame, VideoInfo, probe, read_frames
from stavis.notes import Notes

TRACKED_SIDE = 1920
"""Larger images are scaled down to this longest side for tracking; the results are in pixels of the source all the same."""

Watch = Callable[[Frame, FrameFaces], None]
_LOST = (LOST, NO_IMAGE)


def follow_faces(
    source: str | Path | Iterable[Frame],
    *,
    model: FaceModel | None = None,
    backend: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    info: VideoInfo | None = None,
    thorough: bool = False,
    notes: Notes | None = None,
    watch: Watch | None = None,
) -> Iterator[FrameFaces]:
    """The faces of every frame, one frame after another, in memory that does not grow with the video.

    source: a video's path, or frames as `read_frames` gives them. backend: 'litert', 'opencv', or 'auto'. `progress` is called with
    the frames done and the frames there are. thorough: look for small faces all the time. notes: what is found in the video on the
    way is added. Where a frame could not be decoded no face is given. watch: called with each frame of a video and its faces, where
    the video is followed at its own size.
    """
    scale, total, notes = 1.0, 0, Notes() if notes is None else notes
    model = model or fetch_models()
    networks = FaceNetworks(model, backend)
    if isinstance(source, str | Path):
        info = info or probe(source)
        total = len(info)
        scale = max(1.0, max(info.width, info.height) / TRACKED_SIDE)
        frames = read_frames(info.path, info=info, longest_side=TRACKED_SIDE, notes=notes)
        seen = ahead(_detected(frames, FaceDetector(model, backend)))
    else:
        seen = _detected(source, networks)
    tracker = FaceTracker(networks, thorough)
    with closing(seen):
        for frame, detections in seen:
            lost = frame.note in _LOST
            faces = () if lost else tuple(_scaled(face, scale) for face in tracker.step(frame.image, frame.time, detections))
            note = DAMAGED if frame.damaged else NO_IMAGE if frame.note == NO_IMAGE else ""
            found = FrameFaces(frame.index, frame.time, faces, note, not lost and tracker.crowded, not lost and tracker.cut)
            if watch is not None and scale == 1:
                watch(frame, found)
            yield found
            if progress is not None:
                progress(frame.index + 1, max(total, frame.index + 1))


def _detected(frames: Iterable[Frame], detector: FaceDetector) -> Iterator[tuple[Frame, list[Detection]]]:
    """Each frame with what the detector finds in it; nothing in one that could not be decoded."""
    for frame in frames:
        yield frame, [] if frame.note in _LOST else detector.detect(frame.image)


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
