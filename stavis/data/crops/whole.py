"""A whole recording as one clip, however long: images stay on disk, regions are made for the frames that are asked for."""

from collections.abc import Iterator

import numpy as np

from stavis.data.crops.crops import Crops
from stavis.types import Clip

CHUNK = 256
_SMALL = 512


class FrameRegions:
    """The masks (T,R,H,W) of a recording's frames, made when they are indexed or iterated over; never all at once."""

    def __init__(self, crops: Crops):
        self._crops = crops
        one = crops.clip(0, 1).regions
        self.shape = (len(crops), *one.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frames: slice | int | np.ndarray) -> np.ndarray:
        if isinstance(frames, slice):
            start, stop, step = frames.indices(len(self))
            return self._crops.clip(start, max(start, stop)).regions[::step]
        if np.ndim(frames) == 0:
            number = range(len(self))[int(frames)]
            return self._crops.clip(number, number + 1).regions[0]
        numbers = np.flatnonzero(frames) if np.asarray(frames).dtype == bool else np.asarray(frames)
        return np.stack([self[int(number)] for number in numbers])

    def __iter__(self) -> Iterator[np.ndarray]:
        for start in range(0, len(self), CHUNK):
            yield from self[start : start + CHUNK]


def whole_clip(crops: Crops) -> Clip:
    """All frames of a recording as a clip. Of a long one, take slices: they are clips as any other."""
    if len(crops) <= _SMALL:
        return crops.clip()
    one = crops.clip(0, 1)
    return Clip(
        frames=crops.frames,
        times=np.asarray(crops.times),
        labels=crops.labels,
        dimensions=one.dimensions,
        regions=None if one.regions is None else FrameRegions(crops),
        valid=np.asarray(crops.valid),
        notes=crops.frame_notes,
        recording=one.recording,
        region_set=one.region_set,
        subject=one.subject,
        content=one.content,
    )
