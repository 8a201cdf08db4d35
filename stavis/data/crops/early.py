"""Crops cut while faces are still being followed, so that a video is decoded once.

Which face is chosen, and where it was before it was lost, is known at the end alone. So the largest face of each frame is cut on the way,
and a crop is used where the track asks for exactly what was cut; the others are cut afterwards, from the frames that they are of.
"""

import tempfile
from collections.abc import Iterator

import numpy as np

from stavis.data.faces.alignment import crop_affine, cut
from stavis.data.faces.tracks import FrameFaces
from stavis.data.video.decoding import DAMAGED
from stavis.data.video.io import Frame, VideoInfo, read_frames
from stavis.notes import Notes

MOST_BYTES = 256 << 20
"""So much is cut early at most, in a temporary file; the rest of a longer video is cut afterwards."""


class EarlyCrops:
    """The crops of the largest face of each frame that is chosen, on the disk; `see` is what `follow_faces` calls."""

    def __init__(self, chosen: np.ndarray, size: int):
        self._rows = dict(zip(chosen.tolist(), range(len(chosen)), strict=True))
        self._size, self._bytes = size, size * size * 3
        self._affine = np.full((len(chosen), 2, 3), np.nan)
        self._at = np.full(len(chosen), -1, np.int64)
        self._notes = [""] * len(chosen)
        self._seen = self._cut = 0
        self._file = tempfile.TemporaryFile(prefix="stavis-")  # noqa: SIM115 (closed by close)

    def close(self) -> None:
        """Let go of the crops."""
        self._file.close()

    def see(self, frame: Frame, found: FrameFaces) -> None:
        """Cut the largest face of a frame, if the frame is chosen."""
        row = self._rows.get(frame.index)
        if row is None:
            return
        self._seen += 1
        self._notes[row] = DAMAGED if frame.damaged else frame.note
        faces = [face for face in found.faces if face.valid]
        if not faces or self._cut * self._bytes >= MOST_BYTES:
            return
        largest = max(faces, key=lambda face: float(np.prod(face.box[2:] - face.box[:2])))
        self._affine[row] = crop_affine(largest.points[None].astype(np.float32), self._size)[0]
        self._file.seek(self._cut * self._bytes)  # those that were asked for meanwhile were read
        self._file.write(cut(frame.image, self._affine[row], self._size).tobytes())
        self._at[row], self._cut = self._cut, self._cut + 1

    def fits(self, affine: np.ndarray) -> bool:
        """Whether all frames were seen and some of the crops that are asked for were cut."""
        return self._seen == len(self._rows) and bool(self._have(affine).any())

    def crops(self, info: VideoInfo, chosen: np.ndarray, affine: np.ndarray) -> Iterator[tuple[np.ndarray, str]]:
        """Each chosen frame's crop under its affine (T,2,3), with the note of the frame ('' for none), in order; chosen may be the first
        few of the frames alone."""
        have = self._have(affine)
        lacking = chosen[~have]
        later = {}
        if len(lacking):
            # Damage goes on to later frames: how far is known only where a video is decoded from its start.
            first = 0 if any(self._notes) else int(lacking[0])
            later = read_frames(info.path, info=info, start=first, stop=int(lacking[-1]) + 1, notes=Notes())
        for row, index in enumerate(chosen.tolist()):
            if have[row]:
                self._file.seek(int(self._at[row]) * self._bytes)
                pixels = np.frombuffer(self._file.read(self._bytes), np.uint8)
                yield pixels.reshape(self._size, self._size, 3), self._notes[row]
            else:
                frame = next(frame for frame in later if frame.index == index)
                yield cut(frame.image, affine[row], self._size), self._notes[row]

    def _have(self, affine: np.ndarray) -> np.ndarray:
        """Which rows were cut under exactly this affine."""
        return (self._at[: len(affine)] >= 0) & (self._affine[: len(affine)] == affine).all((1, 2))
