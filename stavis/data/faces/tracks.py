"""The track of one face beside all others of a video: frames without the face are marked and never invented."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from stavis.data.faces.alignment import crop_affine
from stavis.data.faces.bridging import bridged, taken_by_others
from stavis.data.faces.disk_array import scatter, take
from stavis.data.faces.tracker import TrackedFace
from stavis.errors import StavisError
from stavis.types import FaceTrack

NO_FACE, DAMAGED, NOT_FITTING = "no face", "damaged", "landmarks do not fit"
"""What the notes of a track say of frames: nobody was found; the frame could not be decoded, or its decoder reported errors; a face
was there, and its landmarks disagree with the detector (turned far aside, covered, upside down)."""

_CROP = 112


@dataclass(frozen=True)
class FrameFaces:
    """The faces of one frame: its index and time (s), the faces in the order of their segments, and a note ('', 'damaged' or
    'no image'); crowded: whether more faces were there than are followed at a time; cut: whether another shot begins with it."""

    index: int
    time: float
    faces: tuple[TrackedFace, ...]
    note: str = ""
    crowded: bool = False
    cut: bool = False


@dataclass(frozen=True)
class Tracks(FaceTrack):
    """The chosen face's track (a FaceTrack in itself), and with it all faces that were followed.

    number: the chosen face, None where no face was found at all. rows (M,) frame, numbers (M,) face, and for each of these M
    sightings all_boxes (M,4), all_landmarks (M,478,2) px, all_scores (M,), all_blendshapes (M,52). doubts (K,2): frame and face
    where landmarks did not fit. cuts: the frames with which another shot begins. messages: sentences about the choice, and about
    what is not sure.
    """

    number: int | None = None
    rows: np.ndarray = field(default=None, repr=False)
    numbers: np.ndarray = field(default=None, repr=False)
    all_boxes: np.ndarray = field(default=None, repr=False)
    all_landmarks: np.ndarray = field(default=None, repr=False)
    all_scores: np.ndarray = field(default=None, repr=False)
    all_blendshapes: np.ndarray = field(default=None, repr=False)
    frame_notes: tuple[str, ...] = field(default=(), repr=False)
    doubts: np.ndarray = field(default=None, repr=False)
    cuts: np.ndarray = field(default=None, repr=False)
    messages: tuple[str, ...] = ()

    @cached_property
    def count(self) -> int:
        """How many faces were followed in the whole video."""
        return len(np.unique(self.numbers))

    def face(self, number: int) -> FaceTrack:
        """One face through the whole video. Raises StavisError where there is none of that number."""
        mine = self.numbers == number
        if not mine.any():
            known = ", ".join(map(str, np.unique(self.numbers).tolist())) or "none"
            raise StavisError(f"there is no face {number} in this video (faces: {known}): choose one of these.")
        count, frames = len(self.times), self.rows[mine]
        seen = (self.all_boxes, self.all_landmarks, self.all_scores, self.all_blendshapes)
        boxes, landmarks, scores, blendshapes = (scatter(count, frames, take(values, np.flatnonzero(mine))) for values in seen)
        notes = list(self.frame_notes)
        for row in self.doubts[self.doubts[:, 1] == number, 0].tolist():
            notes[row] = notes[row] or NOT_FITTING
        others = np.flatnonzero(~mine)
        taken = taken_by_others(boxes, np.isfinite(boxes[:, 0]), self.rows[others], take(self.all_boxes, others))
        return track_of(self.times, boxes, landmarks, np.nan_to_num(scores), blendshapes, notes, self.cuts, taken)


def track_of(times, boxes, landmarks, score, blendshapes, notes, cuts, taken) -> FaceTrack:
    """A track of one entry per frame, NaN where the face is not there; taken (T,) bool: where another face is at its place."""
    valid = np.isfinite(boxes[:, 0])
    affine = crop_affine(landmarks, _CROP) if len(times) else np.zeros((0, 2, 3))
    return FaceTrack(
        times=times,
        boxes=boxes,
        landmarks=landmarks,
        score=score,
        affine=affine,
        valid=valid,
        blendshapes=blendshapes,
        notes=tuple(note or ("" if there else NO_FACE) for note, there in zip(notes, valid, strict=True)),
        bridged=bridged(times, valid, affine, cuts, _CROP, taken),
    )
