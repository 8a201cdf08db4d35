"""The first seconds of a video as crops while its faces are still being followed, so that there is something to look at."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stavis.data.crops.build import at_times
from stavis.data.crops.early import EarlyCrops
from stavis.data.faces.alignment import crop_affine
from stavis.data.faces.detections import Detections
from stavis.data.faces.tracks import NO_FACE, FrameFaces
from stavis.data.video.decoding import NO_IMAGE
from stavis.data.video.io import Frame, VideoInfo
from stavis.errors import StavisError
from stavis.types import FaceTrack

STEPS = (1.0, 5.0)
"""After so many seconds of the video what was seen so far is shown."""
_MOST = 0.7
"""Of the frames: where more than this fraction was followed, the whole is there soon."""


@dataclass(frozen=True, eq=False)
class FirstFrames:
    """The first of a video's chosen frames, as far as its faces were followed: fields as in CachedCrops; seconds: of the whole video."""

    frames: np.ndarray
    times: np.ndarray
    indices: np.ndarray
    valid: np.ndarray
    frame_notes: tuple[str, ...]
    affine: np.ndarray
    track: FaceTrack
    faces: int
    seconds: float


class Beginning:
    """Calls `show` with the first frames, once for each of STEPS; `see` is what `follow_faces` calls.

    Which face is the largest, and who is who, is decided in what was seen so far: in the whole video it may be decided otherwise.
    """

    def __init__(self, show: Callable[[FirstFrames], None], choose, size: int, info: VideoInfo, chosen: np.ndarray, early: EarlyCrops):
        self._show, self._choose, self._size, self._info, self._chosen, self._early = show, choose, size, info, chosen, early
        self._steps = list(STEPS)
        self._found = Detections()

    def see(self, frame: Frame, found: FrameFaces) -> None:
        """One more frame was followed."""
        self._early.see(frame, found)
        if not self._steps:
            return
        self._found.add(found)
        if frame.index > _MOST * len(self._info):
            self._steps.clear()
        elif frame.time - self._info.times[0] >= self._steps[0]:
            self._steps.pop(0)
            first = self._first(self._chosen[self._chosen <= frame.index])
            if first is not None:
                self._show(first)

    def _first(self, chosen: np.ndarray) -> FirstFrames | None:
        """The chosen frames so far; None where the face that is asked for was not seen yet."""
        try:
            tracks = self._found.tracks(self._choose)
        except StavisError:  # a face of that number, or at that point, may still come
            return None
        if not tracks.valid.any():
            return None
        times = self._info.times[chosen]
        track = at_times(tracks, times)
        affine = crop_affine(track.landmarks, self._size)
        images, notes = zip(*self._early.crops(self._info, chosen, affine), strict=True)
        seen = track.notes or np.where(track.valid, "", NO_FACE).tolist()
        frame_notes = tuple(image or face for image, face in zip(notes, seen, strict=True))
        valid = track.valid & (np.array(frame_notes) != NO_IMAGE)
        length = float(self._info.times[-1] - self._info.times[0])
        return FirstFrames(np.stack(images), times, chosen, valid, frame_notes, affine, track, tracks.count, length)
