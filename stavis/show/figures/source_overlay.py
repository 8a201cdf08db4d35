"""Attention laid back onto the source video, through the inverse of each crop's affine."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from stavis.data.crops.crops import Crops
from stavis.data.crops.shown import Seen
from stavis.data.crops.sound import sound_of
from stavis.data.video.image_folder import probe_images
from stavis.data.video.io import probe, read_frames
from stavis.data.video.sound import EXPORT_RATE
from stavis.data.video.writing import VideoFile, written_video
from stavis.errors import StavisError
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
    reading: Callable[[Seen | None], object] | None = None,
) -> Path:
    """Write the source video with the attention over the face as H.264 (longest side 960 px), at its frames' own times; returns the path.

    Frames without a face are shown as they are. sound: with the video's sound, if it has any. Memory does not grow with the images. The
    same overlay is painted once, then kept. reading(seen): what reads every frame of the crops from the video for a purpose of its own,
    so that it is decoded once for both; it is called once, with None where the overlay was painted before or cannot be begun.

    Raises StavisError where the video cannot be read or the file not written.
    """
    called = False
    failed: list[Exception] = []

    def read(seen: Seen | None) -> None:
        nonlocal called
        called = True
        if reading is not None:
            try:
                reading(seen)
            except Exception as error:
                failed.append(error)
                raise

    def make(file: Path) -> None:
        _write(file, video, crops, maps, progress, sound, read if reading is not None else None)

    kept = None
    try:
        if crops.folder is None:
            make(Path(path))
        else:
            look = ("overlay", _FORMAT, "sound" if sound else "silent", crops.folder.name, np.ascontiguousarray(maps.weights).tobytes())
            about = {"what": f"{Path(video).name.encode('utf-8', 'replace').decode()}, attention"}
            kept = get_file("previews", content_hash(*look), "overlay.mp4", make, about)
    finally:
        if failed:  # an error of who reads, and none of the overlay
            raise failed[0]
        if not called:  # it was painted before, or could not be begun: who reads has a purpose of its own
            read(None)
    if kept is not None:
        with atomic_file(path) as half:
            shutil.copyfile(kept, half)
    return Path(path)


def _write(path: Path, video: str | Path, crops: Crops, maps: AttentionMaps, progress, sound: bool, reading) -> None:
    times = crops.times
    fps = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 25.0
    heard = sound_of(crops, notes=Notes(), rate=EXPORT_RATE) if sound else None
    look = {"fps": min(max(fps, 1.0), 120.0), "times": np.asarray(times, float), "sound": heard}
    if reading is not None:
        with suppress(_Incomplete), written_video(path, **look) as file:
            painter = _Painter(file, crops, maps, progress)
            reading(painter.see)
            painter.check()
            return
    with written_video(path, **look) as file:
        painter = _Painter(file, crops, maps, progress)
        rows = {int(index): row for row, index in enumerate(crops.indices)}
        info = probe(video, stream=crops.stream) if crops.images is None else probe_images(video, crops.images)
        # What is found on the way is among the crops' notes already.
        for frame in read_frames(video, longest_side=LONGEST_SIDE, info=info, notes=Notes()):
            if (row := rows.get(frame.index)) is not None:
                painter.see(row, frame.image)
        painter.check()


class _Incomplete(StavisError):
    """Not every frame was shown to a painter."""


class _Painter:
    """Paints the map of each frame over its whole image, and adds it to a file."""

    def __init__(self, file: VideoFile, crops: Crops, maps: AttentionMaps, progress: Callable[[int, int], None] | None):
        self._file, self._crops, self._maps, self._progress = file, crops, maps, progress
        self._top = float(np.quantile(maps.weights.max((1, 2))[crops.valid], 0.95)) if crops.valid.any() else None
        self._count, self._failure = 0, None

    def see(self, row: int, image: np.ndarray) -> None:
        """The next frame. What goes wrong is raised by `check`: whoever reads the video could take it for an error of the video."""
        if self._failure is None:
            try:
                self._add(row, image)
            except Exception as error:
                self._failure = error

    def check(self) -> None:
        """Raises what went wrong, or StavisError where frames are missing."""
        if self._failure is not None:
            raise self._failure
        if self._count < len(self._crops):
            name = self._crops.recording
            raise _Incomplete(f"{name}: the video has not all the frames that its crops have: explain it again from the file as it is now.")

    def _add(self, row: int, image: np.ndarray) -> None:
        crops, longest = self._crops, max(image.shape[:2])
        if longest > LONGEST_SIDE:
            size = tuple(max(1, round(side * LONGEST_SIDE / longest)) for side in image.shape[1::-1])
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        if crops.valid[row]:
            scale = crops.picture[0] / image.shape[1]
            affine = crops.affine[row] @ np.array([[scale, 0, 0], [0, scale, 0], [0, 0, 1]])
            weights = on_source(self._maps.weights[row], affine, crops.frames.shape[1], image.shape[1::-1])
            image = paint_map(image, weights, top=self._top)
        self._file.add(image)
        self._count += 1
        if self._progress:
            self._progress(row + 1, len(crops))
