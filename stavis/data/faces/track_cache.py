"""A video whose faces were followed once is not followed again: all sightings are kept, whichever face is asked for later."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stavis.data.faces.landmarker import resolved_backend
from stavis.data.faces.model_file import SHA256, FaceModel
from stavis.data.faces.tracks import Detections, Tracks, check_choice, follow_faces
from stavis.data.video.io import VideoInfo
from stavis.data.video.probing import PIXELS
from stavis.errors import StavisError, StavisWarning
from stavis.printable import printable
from stavis.storage.cache import get_or_create
from stavis.storage.eviction import INDEX
from stavis.storage.files import content_hash, read_json, write_json

FORMAT = 1
"""Part of every key: raised when the tracker finds other landmarks or the files change."""


@dataclass(frozen=True)
class LoadedTrack:
    """The faces of a video, the seconds that it took to follow them, and the folder of the cache in which they are kept."""

    tracks: Tracks
    seconds: float
    folder: Path


def load_or_track(
    info: VideoInfo,
    digest: str,
    *,
    model: FaceModel,
    choose: str | int | tuple[float, float] = "largest",
    backend: str = "auto",
    progress: Callable[[int, int], None] | None = None,
) -> LoadedTrack:
    """The tracks of a video as `track_faces` gives them, from the cache where its faces were followed before.

    digest: the hash of the video's content. What was said while they were followed (StavisWarning) is said again each time.

    Raises StavisError as `track_faces` does.
    """
    check_choice(choose)

    def make(folder: Path) -> None:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always", StavisWarning)
            began = time.perf_counter()
            sightings = Detections()
            for frame in follow_faces(info.path, model=model, backend=backend, progress=progress, info=info):
                sightings.add(frame)
            seconds = time.perf_counter() - began
        said = [str(one.message) for one in heard if issubclass(one.category, StavisWarning)]
        arrays = sightings.arrays()
        np.save(folder / "landmarks.npy", arrays.pop("landmarks"), allow_pickle=False)
        np.savez(folder / "sightings.npz", **arrays)
        name = printable(info.path.name)
        told = {
            "what": f"{name}, {len(info)} frames",
            "video": name,
            "source": "track",
            "frames": len(info),
            "format": FORMAT,
            "seconds": seconds,
            "warnings": said,
        }
        write_json(folder / INDEX, told)

    key = content_hash("followed", str(FORMAT), str(PIXELS), digest, SHA256, resolved_backend(backend), repr((len(info), info.stream)))
    folder = get_or_create("tracks", key, make, lambda folder: _read(folder, len(info)) is not None)
    found = _read(folder, len(info))
    if found is None:
        raise StavisError(f"{folder} went away while it was read: run it again.")
    sightings, index = found
    for sentence in index["warnings"]:
        warnings.warn(sentence, StavisWarning, stacklevel=2)
    return LoadedTrack(sightings.tracks(choose), float(index["seconds"]), folder)


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
