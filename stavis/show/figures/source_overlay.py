"""Attention laid back onto the source video, through the inverse of each crop's affine."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from stavis.data.crops.crops import Crops
from stavis.data.crops.sound import sound_of
from stavis.data.video.image_folder import probe_images
from stavis.data.video.io import probe, read_frames, write_video
from stavis.data.video.sound import EXPORT_RATE
from stavis.notes import Notes
from stavis.show.figures.overlay import paint_map
from stavis.storage.cache import get_file
from stavis.storage.files import atomic_file, content_hash
from stavis.types import AttentionMaps

LONGEST_SIDE = 960
_FORMAT = "2"  # raised when the overlay is painted otherwise


def on_source(weights: np.ndarray, affine: np.ndarray, crop_size: int, size: tuple[int, int]) -> np.ndarray:
    """A map of one crop in the pixels of its source: weights (h,w), affine (2,3) source to crop -> (H,W) float32, 0 outside the crop.

    size is (width, height) of the source.
    """
    full = cv2.resize(np.asarray(weights, np.float32), (crop_size, crop_size), interpolation=cv2.INTER_LINEAR)
    return cv2.warpAffine(full, np.asarray(affine, np.float64), size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def write_source_overlay(
    path: str | Path,
    video: str | Path,
    crops: Crops,
    maps: AttentionMaps,
    progress: Callable[[int, int], None] | None = None,
    *,
    sound: bool = True,
) -> Path:
    """Write the source video with the attention over the face as H.264 (longest side 960 px), at its frames' own times; returns the path.

    Frames without a face are shown as they are. sound: with the video's sound, if it has any. Memory does not grow with the images. The
    same overlay is painted once, then kept.

    Raises StavisError where the video cannot be read or the file not written.
    """
    if crops.folder is None:
        return _write(path, video, crops, maps, progress, sound)
    key = content_hash("overlay", _FORMAT, "sound" if sound else "silent", crops.folder.name, np.ascontiguousarray(maps.weights).tobytes())
    about = {"what": f"{Path(video).name.encode('utf-8', 'replace').decode()}, attention"}
    kept = get_file("previews", key, "overlay.mp4", lambda file: _write(file, video, crops, maps, progress, sound), about)
    with atomic_file(path) as half:
        shutil.copyfile(kept, half)
    return Path(path)


def _write(path: str | Path, video: str | Path, crops: Crops, maps: AttentionMaps, progress, sound: bool) -> Path:
    times = crops.times
    fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 25.0
    top = float(np.quantile(maps.weights.max((1, 2))[crops.valid], 0.95)) if crops.valid.any() else None
    heard = sound_of(crops, notes=Notes(), rate=EXPORT_RATE) if sound else None
    images = _painted(video, crops, maps, top, progress)
    return write_video(path, images, fps=min(max(fps, 1.0), 120.0), times=np.asarray(times, float), sound=heard)


def _painted(video: str | Path, crops: Crops, maps: AttentionMaps, top: float | None, progress) -> Iterator[np.ndarray]:
    rows = {int(index): row for row, index in enumerate(crops.indices)}
    size = crops.frames.shape[1]
    info = probe(video, stream=crops.stream) if crops.images is None else probe_images(video, crops.images)
    # What is found on the way is among the crops' notes already.
    for frame in read_frames(video, longest_side=LONGEST_SIDE, info=info, notes=Notes()):
        row = rows.get(frame.index)
        if row is None:
            continue
        image = frame.image
        if crops.valid[row]:
            scale = crops.picture[0] / image.shape[1]
            affine = crops.affine[row] @ np.array([[scale, 0, 0], [0, scale, 0], [0, 0, 1]])
            image = paint_map(image, on_source(maps.weights[row], affine, size, image.shape[1::-1]), top=top)
        yield image
        if progress:
            progress(row + 1, len(crops))
