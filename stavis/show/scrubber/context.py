"""The whole image of the source, small, with the outline of the crop in it: what lies around the crop that a network is shown."""

from dataclasses import replace

import cv2
import numpy as np

from stavis.data.crops.crops import Crops
from stavis.data.crops.framing import WHOLE
from stavis.data.crops.shown import ShownFrames
from stavis.data.faces.alignment import apply_affine, invert_affine
from stavis.data.video.writing import ticks_for
from stavis.show.scrubber.pack import VideoWriter

SIDE = 240
"""The longest side of a whole image, in pixels."""
FRAMES = 1500
"""So many whole images at most: a minute of every frame, five minutes of every fifth."""
CRF = 30
CORNER = 4096
"""Corners are in so many parts of the image's width and height; where there is no crop all of them are NO_CROP."""
NO_CROP = -32768


class Context:
    """Collects the whole images while the crops' larger ones are read, so that a video is decoded once.

    Iterate over `images` once, then ask for `packed`.
    """

    def __init__(self, images: ShownFrames, times: np.ndarray):
        """times (T,) s of the images from the first, rising."""
        self._images, self._times = images, times
        width, height = images.crops.picture
        factor = min(1.0, SIDE / max(width, height))
        self._size = (max(1, round(width * factor)), max(1, round(height * factor)))
        self._step = max(1, -(-len(images) // FRAMES))
        self._rows: list[int] = []
        self._writer = VideoWriter(*self._size, CRF, group=24, ticks=ticks_for(times[:: self._step]))
        self.images = replace(images, seen=self._add)

    def _add(self, row: int, image: np.ndarray) -> None:
        if self._images.seen is not None:
            self._images.seen(row, image)
        if row % self._step == 0:
            small = cv2.resize(np.ascontiguousarray(image), self._size, interpolation=cv2.INTER_AREA)
            start = self._rows[0] if self._rows else row
            self._rows.append(row)
            self._writer.add(float(self._times[row] - self._times[start]), small)

    def packed(self) -> tuple[bytes, bytes, dict]:
        """An mp4 of the whole images, the crop's corners in each frame of the clip, and what the browser must know: which frames the
        images are of, their width and height. Without images, where the source could not be read, all are empty."""
        if not self._rows:
            return b"", b"", {}
        width, height = self._size
        corners = crop_corners(self._images.crops, slice(self._images.first, self._images.stop))
        return self._writer.content(), corners.tobytes(), {"frames": self._rows, "width": width, "height": height}


def context_of(images: np.ndarray | ShownFrames | None, times: np.ndarray) -> Context | None:
    """What collects the whole images around crops; None where they may not be shown, or the crops show all of them already."""
    if not isinstance(images, ShownFrames) or not images.context or images.crops.source in WHOLE or not len(images):
        return None
    return Context(images, times)


def crop_corners(crops: Crops, segment: slice) -> np.ndarray:
    """Where the corners of the crop lie in the source, clockwise from its upper left: (T,4,2) int16 in 1/CORNER of its width and height."""
    affine = np.asarray(crops.affine[segment], np.float64)
    known = np.isfinite(affine).all((1, 2)) & np.asarray(crops.valid[segment], bool)
    known[known] = np.abs(np.linalg.det(affine[known][:, :, :2])) > 1e-9
    low, high = -0.5, crops.size - 0.5
    square = np.array([[low, low], [high, low], [high, high], [low, high]])
    found = np.full((len(affine), 4, 2), NO_CROP, np.int16)
    points = apply_affine(invert_affine(affine[known]), np.broadcast_to(square, (int(known.sum()), 4, 2)))
    found[known] = np.clip(np.rint((points + 0.5) / crops.picture * CORNER), NO_CROP + 1, 32767)
    return found
