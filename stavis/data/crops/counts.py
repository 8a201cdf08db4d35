"""How much of a data set is used, and what becomes of the rest: nothing is dropped in silence."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from stavis.data.crops.crops import Crops
from stavis.data.datasets.time_units import frame_seconds


@dataclass(frozen=True)
class Counts:
    """What was there and what is used of it: recordings, and their frames; each frame counts once, in this order of reasons.

    recordings; recordings_used: those of which a frame is left; frames; frames_excluded: in ranges that are left out;
    frames_without_label: none is known, or it is invalid; frames_without_face; frames_used: the rest. seconds_without_label: how long
    the frames without a label are shown.
    """

    recordings: int
    recordings_used: int
    frames: int
    frames_excluded: int
    frames_without_label: int
    frames_without_face: int
    frames_used: int
    seconds_without_label: float = 0.0

    def as_json(self) -> dict[str, int]:
        """The counts by name."""
        return asdict(self)

    def sentence(self, what: str) -> str:
        """The counts in words, before and after: 'train: 3 of 4 recordings, 900 of 1000 frames (...)'."""
        left = {
            "excluded": self.frames_excluded,
            f"without a label ({self.seconds_without_label:.2f} s)": self.frames_without_label,
            "without a face": self.frames_without_face,
        }
        why = ", ".join(f"{count} {name}" for name, count in left.items() if count)
        frames = f"{self.frames_used} of {self.frames} frames" + (f" ({why})" if why else "")
        return f"{what}: {self.recordings_used} of {self.recordings} recordings, {frames}"


def count(crops: Sequence[Crops], found: int | None = None) -> Counts:
    """What of some crops training can use. found: how many recordings there were before those without labels were left out."""
    used, totals, seconds = 0, np.zeros(5, int), 0.0
    for one in crops:
        labelled = np.zeros(len(one), bool) if one.label_values is None else _has_label(one)
        there = one.kept & labelled & one.valid
        parts = (~one.kept, one.kept & ~labelled, one.kept & labelled & ~one.valid, there)
        totals += [len(one), *(int(part.sum()) for part in parts)]
        seconds += float(frame_seconds(one.times)[parts[1]].sum())
        used += bool(there.any())
    return Counts(len(crops) if found is None else found, used, *totals.tolist(), round(seconds, 3))


def _has_label(crops: Crops) -> np.ndarray:
    """Frames with a label for every dimension, as if nothing were excluded."""
    return np.isfinite(crops.labels).all(1) | ~crops.kept
