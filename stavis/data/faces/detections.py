"""What was seen of all faces of a video, kept so that any of them can be chosen afterwards."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.data.faces.choice import chosen, times_text
from stavis.data.faces.disk_array import DiskArray, take
from stavis.data.faces.identity import APPEARANCE, People, Segment, break_in, people_of
from stavis.data.faces.tracker import MOST_FACES
from stavis.data.faces.tracks import FrameFaces, Tracks, track_of
from stavis.notes import Notes

ANOTHER_PERSON = "another person may be shown"
_NEIGHBOURS = 0.5  # s between two frames: within this, no face comes and goes
_ANOTHER = re.compile(rf"after ([\d., ]+?) s(?: and \d+ more times)? {ANOTHER_PERSON}")


class Detections:
    """What was seen so far: one entry per face and frame, so that frames without a face cost nothing; the landmarks are on the disk.

    From it comes the track of any face that is chosen.
    """

    _NUMBERS = ("rows", "numbers", "continues", "sample_rows", "sample_numbers", "doubt_rows", "doubt_numbers", "crowded", "cuts")

    def __init__(self):
        self.times, self.notes, self.rows, self.numbers = [], [], [], []
        self.boxes, self.scores, self.blendshapes = [], [], []
        self.continues, self.sample_rows, self.sample_numbers, self.samples = [], [], [], []
        self.doubt_rows, self.doubt_numbers, self.crowded, self.cuts = [], [], [], []
        self._landmarks: DiskArray | np.ndarray = DiskArray((478, 2))

    def add(self, frame: FrameFaces) -> None:
        """Add what was seen in the next frame."""
        row = len(self.times)
        for face in frame.faces:
            self.continues += [-1] * (face.number + 1 - len(self.continues))
            self.continues[face.number] = -1 if face.continues is None else face.continues
            if not face.valid:
                self.doubt_rows.append(row)
                self.doubt_numbers.append(face.number)
                continue
            self.rows.append(row)
            self.numbers.append(face.number)
            self.boxes.append(face.box.astype(np.float32))
            self._landmarks.append(face.points)
            self.scores.append(face.score)
            self.blendshapes.append(face.blendshapes)
            if face.appearance is not None:
                self.sample_rows.append(row)
                self.sample_numbers.append(face.number)
                self.samples.append(face.appearance)
        if frame.crowded:
            self.crowded.append(row)
        if frame.cut:
            self.cuts.append(row)
        self.times.append(frame.time)
        self.notes.append(frame.note)

    @property
    def landmarks(self) -> np.ndarray:
        """(M,478,2) float32, one entry per sighting."""
        return self._landmarks.array() if isinstance(self._landmarks, DiskArray) else self._landmarks

    def arrays(self) -> dict[str, np.ndarray]:
        """All that was seen, to be written down: `times` and `notes` one per frame, `rows` to `blendshapes` one per sighting."""
        every = range(len(self.rows))
        return {
            "times": np.array(self.times, np.float64),
            "notes": np.array(self.notes, np.str_),
            "boxes": _stack(self.boxes, every, (4,)),
            "landmarks": self.landmarks,
            "scores": np.array(self.scores, np.float32),
            "blendshapes": _stack(self.blendshapes, every, (len(BLENDSHAPES),)),
            "samples": np.array(self.samples, np.uint8).reshape(len(self.samples), APPEARANCE),
            **{name: np.array(getattr(self, name), np.int64) for name in self._NUMBERS},
        }

    @classmethod
    def of(cls, arrays: dict[str, np.ndarray]) -> "Detections":
        """The sightings that `arrays` wrote down. Raises ValueError or KeyError where they do not belong together."""
        found = cls()
        count, shapes = len(arrays["rows"]), {"boxes": (4,), "landmarks": (478, 2), "scores": (), "blendshapes": (len(BLENDSHAPES),)}
        pairs = (("notes", "times"), ("numbers", "rows"), ("sample_numbers", "sample_rows"), ("doubt_numbers", "doubt_rows"))
        if any(len(arrays[one]) != len(arrays[two]) for one, two in pairs):
            raise ValueError("lengths differ")
        if any(arrays[name].shape != (count, *shape) for name, shape in shapes.items()):
            raise ValueError("shapes differ")
        if arrays["samples"].shape != (len(arrays["sample_rows"]), APPEARANCE):
            raise ValueError("shapes differ")
        for name in ("times", "notes", *cls._NUMBERS):
            setattr(found, name, arrays[name].tolist())
        for name in ("boxes", "scores", "blendshapes", "samples"):
            setattr(found, name, arrays[name])
        found._landmarks = arrays["landmarks"]
        return found

    def tracks(self, choose) -> Tracks:
        """The chosen face's track, and all others beside it; `choose` as in `track_faces`."""
        times, rows = np.array(self.times, np.float64), np.array(self.rows, np.int64)
        parts = self._segments()
        people = people_of(parts.segments)
        person_of = np.array(people.person_of, np.int64)
        real = _lasting(rows, person_of[parts.of_sightings(rows, self.numbers)], self.notes, times)
        kept, numbers = np.unique(person_of[parts.of_sightings(rows, self.numbers)][real], return_inverse=True)
        new_number = np.full(len(parts.segments), -1)
        new_number[kept] = np.arange(len(kept))
        number_of = new_number[person_of]  # of each segment, -1 for slips
        doubt_rows, doubt_numbers = np.array(self.doubt_rows, np.int64), np.array(self.doubt_numbers, np.int64)
        known = np.isin(doubt_numbers, self.numbers)
        doubt_rows, doubt_numbers = doubt_rows[known], doubt_numbers[known]
        doubts = np.stack([doubt_rows, number_of[parts.of_sightings(doubt_rows, doubt_numbers)]], 1)
        seen = {
            "rows": rows[real],
            "numbers": numbers.astype(np.int64),
            "all_boxes": _stack(self.boxes, np.flatnonzero(real), (4,)),
            "all_landmarks": take(self.landmarks, np.flatnonzero(real)),
            "all_scores": np.array(self.scores, np.float32)[real],
            "all_blendshapes": _stack(self.blendshapes, np.flatnonzero(real), (len(BLENDSHAPES),)),
            "frame_notes": tuple(self.notes),
            "doubts": doubts[doubts[:, 1] >= 0],
            "cuts": np.array(self.cuts, np.int64),
        }
        n = len(times)
        blank = np.broadcast_to(np.float32(np.nan), (n, 478, 2))  # takes no memory
        nobody, unknown = np.zeros(n, np.float32), _nan(n, len(BLENDSHAPES))
        nothing = track_of(times, _nan(n, 4), blank, nobody, unknown, seen["frame_notes"], seen["cuts"], nobody > 0)
        tracks, notes = Tracks(**vars(nothing), **seen), Notes()
        if self.crowded:
            when = times_text(times[self.crowded[:1]])
            notes.add(f"at {when} more than {MOST_FACES} faces are shown: the {MOST_FACES} largest are followed.")
        if not len(numbers):
            return replace(tracks, messages=tuple(notes))
        number = chosen(tracks, choose, notes)
        starts = np.array([segment.start for segment in parts.segments])
        notes.add(*_identity_notes(people, number_of, times[starts], number), *_doubt_notes(seen["doubts"], number))
        return Tracks(**vars(tracks.face(number)), **seen, number=number, messages=tuple(notes))

    def _segments(self) -> "_Parts":
        """The segments, rising by start; one is cut in two where its appearance becomes another person's."""
        numbers, rows = np.array(self.numbers, np.int64), np.array(self.rows, np.int64)
        sampled, sample_rows = np.array(self.sample_numbers, np.int64), np.array(self.sample_rows, np.int64)
        samples = np.asarray(self.samples, np.uint8).reshape(len(sampled), APPEARANCE)
        found: list[tuple[int, Segment]] = []
        by_number, by_sample = np.argsort(numbers, kind="stable"), np.argsort(sampled, kind="stable")
        for number in np.unique(numbers).tolist():
            mine = rows[by_number[slice(*np.searchsorted(numbers[by_number], (number, number + 1)))]]
            at = by_sample[slice(*np.searchsorted(sampled[by_sample], (number, number + 1)))]
            start, stop, continues = int(mine[0]), int(mine[-1]) + 1, self.continues[number]
            before = None if continues < 0 else continues
            while (cut := break_in(samples[at])) is not None:
                middle = int(sample_rows[at[cut - 1]] + sample_rows[at[cut]] + 1) // 2
                found.append((number, Segment(start, middle, samples[at[:cut]], before)))
                start, at, before = middle, at[cut:], None
            found.append((number, Segment(start, stop, samples[at], before)))
        return _Parts.of(found)


@dataclass(frozen=True)
class _Parts:
    """The segments, and where to find that of a sighting: keys (start, the tracker's number) in the order of number, then start."""

    segments: list[Segment]
    numbers: np.ndarray
    starts: np.ndarray
    index: np.ndarray

    @classmethod
    def of(cls, found: list[tuple[int, Segment]]) -> "_Parts":
        order = sorted(range(len(found)), key=lambda k: (found[k][1].start, found[k][0]))
        at = np.empty(len(found), np.int64)
        at[order] = np.arange(len(found))
        last = {number: int(at[k]) for k, (number, _) in enumerate(found)}
        segments = [replace(found[k][1], continues=last.get(found[k][1].continues)) for k in order]
        return cls(segments, np.array([number for number, _ in found], np.int64), np.array([s.start for _, s in found], np.int64), at)

    def of_sightings(self, rows, numbers) -> np.ndarray:
        """The segment of each sighting: of its number, the last that starts no later, or the first."""
        rows, numbers = np.asarray(rows, np.int64), np.asarray(numbers, np.int64)
        if not len(self.numbers):
            return np.zeros(len(rows), np.int64)
        span = int(max(self.starts.max(initial=0), rows.max(initial=0))) + 1
        keys = self.numbers * span + self.starts
        first = np.searchsorted(self.numbers, numbers)
        at = np.maximum(np.searchsorted(keys, numbers * span + rows, side="right") - 1, first)
        return self.index[np.minimum(at, len(keys) - 1)]


def another_person(notes: Iterable[str]) -> tuple[str, tuple[float, ...]]:
    """What such notes say of another person, as a clause, and the times in s that it names; ('', ()) where they say nothing."""
    found = next((match for note in notes if (match := _ANOTHER.search(note))), None)
    return (found[0], tuple(float(time) for time in found[1].split(","))) if found else ("", ())


def _identity_notes(people: People, number_of: np.ndarray, starts: np.ndarray, number: int) -> Iterator[str]:
    unsure = [starts[k] for k in people.unsure if number_of[k] == number]
    if unsure:
        yield (
            f"after {times_text(unsure)} {ANOTHER_PERSON}: the face was lost or changed there, and the one that follows is "
            "alike but not surely the same; look at the preview of `stavis track`, and cut the video there if so."
        )
    for k, other in people.perhaps:
        one, two = number_of[k], next((n for n, p in zip(number_of, people.person_of, strict=True) if p == other), -1)
        if min(one, two) >= 0 and number in (one, two):
            yield f"face {one}, from {starts[k]:.1f} s, may be face {two} again: they differ a little more than one person does."


def _doubt_notes(doubts: np.ndarray, number: int) -> Iterator[str]:
    count = int((doubts[:, 1] == number).sum())
    if count:
        yield (
            f"in {count} frames the landmarks of face {number} do not fit it (turned far aside, covered or upside down): these frames "
            "are not valid."
        )


def _lasting(rows: np.ndarray, numbers: np.ndarray, notes: list[str], times: np.ndarray) -> np.ndarray:
    """Which sightings are not alone: a face in one frame, and not in the one before or after, is a slip of the detector. Where both of
    these are far away in time they say nothing, and the face is believed."""
    seen_at = set(rows.tolist())  # frames that were lost are stepped over
    looked = np.array([i for i, note in enumerate(notes) if not note or i in seen_at], np.int64)
    near = np.concatenate([[False], np.diff(times[looked]) <= _NEIGHBOURS, [False]])  # to the frame before each, and after the last
    at = np.searchsorted(looked, rows)
    seen = set(zip(at.tolist(), numbers.tolist(), strict=True))
    lasting = [(a - 1, n) in seen or (a + 1, n) in seen for a, n in zip(at.tolist(), numbers.tolist(), strict=True)]
    return np.array(lasting, bool) | ~(near[at] | near[at + 1])


def _stack(values: Sequence[np.ndarray] | np.ndarray, kept: Sequence[int], shape: tuple[int, ...]) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values[kept]
    return np.stack([values[k] for k in kept]) if len(kept) else np.zeros((0, *shape), np.float32)


def _nan(*shape: int) -> np.ndarray:
    return np.full(shape, np.nan, np.float32)
