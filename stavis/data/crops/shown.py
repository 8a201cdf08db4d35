"""Crops as people look at them: cut from the source again with more pixels than a network is given, aligned alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from stavis.data.crops.crops import Crops
from stavis.data.crops.framing import framed
from stavis.data.video.image_folder import probe_images
from stavis.data.video.io import probe, read_frames
from stavis.errors import StavisError
from stavis.notes import Notes
from stavis.printable import ShortRepr

SHOWN_SIDE = 384
"""The longest side at which a crop is shown, in pixels."""

Seen = Callable[[int, np.ndarray], None]
"""Called with the number of a frame and its whole image (H,W,3) uint8 RGB."""


def shown_side(crops: Crops, longest: int = SHOWN_SIDE) -> int:
    """The side in pixels at which crops show what their source holds: its own resolution, at least the crops', at most `longest`."""
    scales = np.sqrt(np.abs(np.linalg.det(np.asarray(crops.affine, np.float64)[:, :, :2])))
    known = scales[np.isfinite(scales) & (scales > 0)]
    own = crops.size / float(np.median(known)) if len(known) else crops.size
    return int(np.clip(round(own), crops.size, max(crops.size, longest)))


@dataclass(frozen=True, repr=False)
class ShownFrames(ShortRepr):
    """The frames of crops from `first` to before `stop` as (T,side,side,3) uint8, read from the source when they are asked for.

    Like an array it has a shape, a length and slices, and it is iterated over without being held. Its pixels are the source's, not the
    crops' enlarged; where the source can no longer be read, the crops' own.

    context: whether what lies around the crops may be shown. seen(row, image) is called with each whole image that is read, row 0 being
    `first`.
    """

    crops: Crops
    first: int
    stop: int
    side: int
    context: bool = True
    seen: Seen | None = None
    _shown = ("first", "stop")

    @classmethod
    def of(
        cls, crops: Crops, segment: slice, longest: int = SHOWN_SIDE, *, context: bool = True, seen: Seen | None = None
    ) -> "ShownFrames":
        """Those of a segment of crops."""
        first, stop, _ = segment.indices(len(crops))
        return cls(crops, first, stop, shown_side(crops, longest), context, seen)

    def __len__(self) -> int:
        return self.stop - self.first

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Frames, height, width, channels."""
        return len(self), self.side, self.side, 3

    def part(self, frames: slice) -> "ShownFrames":
        """Some of them, not read yet."""
        first, stop, _ = frames.indices(len(self))
        return ShownFrames(self.crops, self.first + first, self.first + max(first, stop), self.side, self.context)

    def __getitem__(self, part: slice) -> np.ndarray:
        frames = list(self.part(part))
        return np.stack(frames) if frames else np.zeros((0, *self.shape[1:]), np.uint8)

    def __iter__(self) -> Iterator[np.ndarray]:
        done = self.first
        needed = self.side > self.crops.size or self.seen is not None
        for image in self._cut_again() if needed and len(self) else ():
            yield image
            done += 1
        for row in range(done, self.stop):
            yield _enlarged(self.crops.frames[row], self.side)

    def _cut_again(self) -> Iterator[np.ndarray]:
        crops, factor = self.crops, self.side / self.crops.size
        row_of = {int(crops.indices[row]): row for row in range(self.first, self.stop)}
        try:
            info = probe(crops.video, stream=crops.stream) if crops.images is None else probe_images(crops.video, crops.images)
            part = {"start": min(row_of), "stop": max(row_of) + 1, "check_damage": False}
            for frame in read_frames(crops.video, info=info, notes=Notes(), **part):
                row = row_of.get(frame.index)
                if row is not None:
                    if self.seen is not None:
                        self.seen(row - self.first, frame.image)
                    affine = np.asarray(crops.affine[row], np.float64)
                    # Pixels are named by their centres: a crop's corner, half a pixel before the first, stays where it is.
                    larger = np.concatenate([factor * affine[:, :2], factor * (affine[:, 2:] + 0.5) - 0.5], 1)
                    yield framed(frame.image, crops.source, larger, self.side)
        except (StavisError, OSError):
            return  # the video is gone since the crops were made


def _enlarged(crop: np.ndarray, side: int) -> np.ndarray:
    """A crop in the size of the others: each pixel repeated, so that no detail is made up."""
    at = np.arange(side) * len(crop) // side
    return np.ascontiguousarray(crop[at][:, at])
