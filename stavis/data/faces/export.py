"""What `stavis track` leaves on disk: a table of all faces, the chosen one's landmarks, a preview and a summary."""

import csv
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from stavis.data.faces.alignment import anchors
from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.data.faces.networks.model_file import fetch_models
from stavis.data.faces.track_cache import LoadedTrack, load_or_track
from stavis.data.faces.tracks import Tracks
from stavis.data.video.io import VideoInfo, probe, read_frames, write_video
from stavis.errors import StavisError
from stavis.landmarks import MEDIAPIPE
from stavis.notes import Notes
from stavis.printable import ShortRepr, printable
from stavis.storage.cache import file_hash, get_file
from stavis.storage.files import atomic_folder, content_hash, write_json

COLUMNS = (
    *("frame", "time", "face", "score", "x0", "y0", "x1", "y1"),
    *("left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y", "mouth_x", "mouth_y"),
)
"""The columns of track.csv: pixels of the upright source, left and right as in the image with the face upright; face is -1 where there is
none."""

PREVIEW_SIDE = 960
_PREVIEW = "3"  # raised when the preview is drawn otherwise
_COLOURS = {
    "face": (235, 235, 235),
    "mouth": (214, 69, 65),
    "left_eye": (52, 152, 219),
    "right_eye": (41, 128, 185),
    "folds": (214, 69, 65),
    "glabella": (155, 89, 182),
    "brows": (155, 89, 182),
    "nose": (241, 196, 15),
}
_OTHER_FACES = (150, 150, 150)


@dataclass(frozen=True, repr=False)
class TrackSummary(ShortRepr):
    """What tracking a video came to.

    folder with the files; frames, frames_with_face, faces: counts; seconds that tracking took, also where it was done
    before and kept; realtime_factor: the video's length over these; chosen: the number of the chosen face; notes: what a user must
    know beside, in sentences.
    """

    folder: Path
    frames: int
    frames_with_face: int
    faces: int
    seconds: float
    realtime_factor: float
    chosen: int
    notes: tuple[str, ...] = ()
    _shown = ("folder", "frames", "frames_with_face", "faces", "seconds")


def write_track(
    video: str | Path,
    out: str | Path,
    *,
    choose: str | int | tuple[float, float] = "largest",
    backend: str = "auto",
    model: str | Path | None = None,
    preview: bool = True,
    stream: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TrackSummary:
    """Track the faces of a video and write track.csv, landmarks.npz, preview.mp4 and track.json to the folder `out`.

    Either all files are written or none; other files in `out` stay. `choose`, `backend` and `progress` as in `track_faces`;
    model: the path of face_landmarker.task; preview=False leaves preview.mp4 out; stream: the number of the
    video stream in the file, None for the best.

    Raises StavisError as `track_faces` does, where no frame shows a face, and where `out` cannot be written.
    """
    info, found = probe(video, stream=stream), fetch_models(model)
    kept = load_or_track(info, file_hash(info.path), choose=choose, backend=backend, model=found, progress=progress)
    tracks, seconds = kept.tracks, kept.seconds
    if tracks.number is None:
        raise StavisError(f"{info.path} shows no face in any of its {len(info)} frames: give a video in which a face can be seen.")
    summary = TrackSummary(
        folder=Path(out),
        frames=len(info),
        frames_with_face=len(np.unique(tracks.rows)),
        faces=tracks.count,
        seconds=round(seconds, 3),
        realtime_factor=round(_length(info) / max(seconds, 1e-9), 3),
        chosen=tracks.number,
        notes=tuple(Notes([*info.notes, *kept.notes])),
    )
    with _all_or_none(Path(out)) as folder:
        if preview:
            _write_preview(folder / "preview.mp4", info, kept)
        _write_landmarks(folder / "landmarks.npz", tracks)
        _write_table(folder / "track.csv", tracks)
        values = {key: value for key, value in vars(summary).items() if key not in ("folder", "notes")}
        damaged = sum(note == "damaged" for note in tracks.frame_notes)
        more = {"video": printable(info.path.name), "damaged_frames": damaged, "model": found.source}
        write_json(folder / "track.json", values | more | {"warnings": list(summary.notes)})
    return summary


def _write_table(path: Path, tracks: Tracks) -> None:
    left, right, mouth = anchors(tracks.all_landmarks) if len(tracks.rows) else [np.zeros((0, 2))] * 3
    places = np.concatenate([tracks.all_boxes, left, right, mouth], 1)
    sightings = dict.fromkeys(range(len(tracks.times)), ())
    for k, row in enumerate(tracks.rows.tolist()):
        sightings[row] = (*sightings[row], k)
    with open(path, "w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for row, seen in sightings.items():
            start = (row, f"{tracks.times[row]:.6f}")
            if not seen:
                table.writerow((*start, -1, 0, *[""] * (len(COLUMNS) - 4)))
            for k in seen:
                table.writerow((*start, tracks.numbers[k], f"{tracks.all_scores[k]:.4f}", *(f"{v:.3f}" for v in places[k])))


def _write_landmarks(path: Path, tracks: Tracks) -> None:
    """The chosen face in each frame, NaN where it is not there; reads with np.load without pickle."""
    np.savez(
        path,
        times=tracks.times,
        landmarks=tracks.landmarks,
        boxes=tracks.boxes,
        score=tracks.score,
        valid=tracks.valid,
        affine=tracks.affine,
        blendshapes=tracks.blendshapes,
        blendshape_names=np.array(BLENDSHAPES),
        notes=np.array(tracks.notes),
        face=np.array(tracks.number),
    )


def _write_preview(path: Path, info: VideoInfo, kept: LoadedTrack) -> None:
    def make(file: Path) -> None:
        scale = min(1.0, PREVIEW_SIDE / max(info.width, info.height))
        rate = float(np.clip((len(info) - 1) / max(info.times[-1] - info.times[0], 1e-9), 1 / 60, 240)) if len(info) > 1 else 25.0
        write_video(file, _drawn(info, kept.tracks, scale), fps=rate, crf=23, times=info.times)

    key = content_hash("preview", _PREVIEW, kept.folder.name, str(kept.tracks.number))
    about = {"what": f"{info.path.name.encode('utf-8', 'replace').decode()}, faces"}
    shutil.copyfile(get_file("previews", key, "preview.mp4", make, about), path)


def _drawn(info: VideoInfo, tracks: Tracks, scale: float) -> Iterator[np.ndarray]:
    sightings: dict[int, list[int]] = {}
    for k, row in enumerate(tracks.rows.tolist()):
        sightings.setdefault(row, []).append(k)
    longest = round(max(info.width, info.height) * scale)
    for frame in read_frames(info.path, info=info, check_damage=False, longest_side=longest, notes=Notes()):  # tracking noted it all
        image = frame.image.copy()
        for k in sightings.get(frame.index, ()):
            points = (tracks.all_landmarks[k].astype(np.float64) + 0.5) * scale - 0.5
            chosen = tracks.numbers[k] == tracks.number
            for region, colour in _COLOURS.items():
                for ring in getattr(MEDIAPIPE, region):
                    outline = np.round(points[list(ring)] * 8).astype(np.int32)
                    cv2.polylines(image, [outline], True, colour if chosen else _OTHER_FACES, 1, cv2.LINE_AA, 3)
        yield image


def _length(info: VideoInfo) -> float:
    """Seconds from the first frame to the end of the last one."""
    return float(info.times[-1] - info.times[0] + np.median(np.diff(info.times))) if len(info) > 1 else 0.0


@contextmanager
def _all_or_none(out: Path) -> Iterator[Path]:
    """A folder to fill; its files come to `out` together at the end, beside what is there already."""
    if not out.exists():
        with atomic_folder(out) as folder:
            yield folder
        return
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix=".track.", suffix=".part", dir=out))
        yield folder
        for file in sorted(folder.iterdir()):
            os.replace(file, out / file.name)
    except OSError as error:
        raise StavisError(f"{out} cannot be written ({error.strerror or error}): choose another folder or free some space.") from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
