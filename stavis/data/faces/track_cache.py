"""A video whose faces were followed once is not followed again: all sightings are kept, whichever face is asked for later."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stavis.data.faces.choice import check_choice, is_point
from stavis.data.faces.detections import Detections
from stavis.data.faces.following import Watch, follow_faces
from stavis.data.faces.networks.backends import resolved_backend
from stavis.data.faces.networks.model_file import SHA256, FaceModel
from stavis.data.faces.tracks import Tracks
from stavis.data.video.io import VideoInfo
from stavis.data.video.probing import PIXELS
from stavis.errors import StavisError
from stavis.notes import Notes
from stavis.printable import printable
from stavis.storage.cache import get_or_create
from stavis.storage.eviction import INDEX
from stavis.storage.files import content_hash, read_json, write_json

FORMAT = 5
"""Part of every key: raised when the tracker finds other landmarks or the files change."""


@dataclass(frozen=True)
class LoadedTrack:
    """The faces of a video, the seconds that it took to follow them, and the folder of the cache in which they are kept.

    notes: what a user must know of the video as it was read and of the faces, in sentences.
    """

    tracks: Tracks
    seconds: float
    folder: Path
    notes: tuple[str, ...] = ()


def load_or_track(
    info: VideoInfo,
    digest: str,
    *,
    model: FaceModel,
    choose: str | int | tuple[float, float] = "largest",
    backend: str = "auto",
    progress: Callable[[int, int], None] | None = None,
    watch: Watch | None = None,
) -> LoadedTrack:
    """The tracks of a video as `track_faces` gives them, from the cache where its faces were followed before.

    digest: the hash of the video's content. Where a face is asked for by a point, small faces are looked for all the time; these
    tracks are kept apart from the others. watch: as in `follow_faces`; not called where the tracks are in the cache.

    Raises StavisError as `track_faces` does.
    """
    check_choice(choose)
    thorough = is_point(choose)

    def make(folder: Path) -> None:
        began = time.perf_counter()
        seen, notes = Detections(), Notes()
        options = {"model": model, "backend": backend, "progress": progress, "info": info, "notes": notes, "watch": watch}
        for frame in follow_faces(info.path, thorough=thorough, **options):
            seen.add(frame)
        seconds = time.perf_counter() - began
        arrays = seen.arrays()
        np.save(folder / "landmarks.npy", arrays.pop("landmarks"), allow_pickle=False)
        np.savez(folder / "sightings.npz", **arrays)
        name = printable(info.path.name)
        index = {
            "what": f"{name}, {len(info)} frames",
            "video": name,
            "source": "track",
            "frames": len(info),
            "format": FORMAT,
            "seconds": seconds,
            "warnings": list(notes),
        }
        write_json(folder / INDEX, index)

    way = "thorough" if thorough else ""
    key = content_hash("followed", str(FORMAT), str(PIXELS), digest, SHA256, resolved_backend(backend), repr((len(info), info.stream)), way)
    folder = get_or_create("tracks", key, make, lambda folder: _read(folder, len(info)) is not None)
    found = _read(folder, len(info))
    if found is None:
        raise StavisError(f"{folder} went away while it was read: run it again.")
    seen, index = found
    tracks = seen.tracks(choose)
    return LoadedTrack(tracks, float(index["seconds"]), folder, tuple(Notes([*index["warnings"], *tracks.messages])))


def _read(folder: Path, frames: int) -> tuple[Detections, dict] | None:
    """What an entry holds; None where it is missing, damaged or of another format."""
    try:
        index = read_json(folder / INDEX)
        if index.get("format") != FORMAT or index.get("frames") != frames or not isinstance(index.get("warnings"), list):
            return None
        float(index["seconds"])
        with np.load(folder / "sightings.npz", allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        arrays["landmarks"] = np.load(folder / "landmarks.npy", mmap_mode="r", allow_pickle=False)
        return Detections.of(arrays), index
    except (StavisError, OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, BadZipFile):
        return None
