"""Which of several faces is meant, and what a user must know of the choice."""

from collections.abc import Iterable

import numpy as np

from stavis.data.faces.tracks import Tracks
from stavis.errors import StavisError
from stavis.notes import Notes

AROUND = 0.3
"""How far beyond a face's landmarks a point may lie and still mean that face (hair, ears), in face sizes."""

_ABOUT_EQUAL = 0.8
_MOST_TIMES = 4


def check_choice(choose) -> None:
    """Raises StavisError where `choose` is no way of choosing a face."""
    number = isinstance(choose, int | np.integer) and not isinstance(choose, bool) and choose >= 0
    if not (choose == "largest" if isinstance(choose, str) else number or is_point(choose)):
        raise StavisError(f"a face cannot be chosen by {choose!r}: say 'largest', its number from 0, or a point (x, y) in pixels.")


def is_point(choose) -> bool:
    """Whether a face is chosen by a point (x, y) of the image."""
    return isinstance(choose, tuple | list) and len(choose) == 2 and bool(np.isfinite(np.asarray(choose, np.float64)).all())


def chosen(tracks: Tracks, choose, notes: Notes) -> int:
    """The number of the chosen face; what must be known of the choice goes to the notes. Raises StavisError for one not there."""
    if is_point(choose):
        return _at_point(tracks, np.asarray(choose, np.float64), notes)
    if choose != "largest":
        tracks.face(int(choose))
        return int(choose)
    boxes = tracks.all_boxes.astype(np.float64)
    total = np.bincount(tracks.numbers, (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    best = int(total.argmax())
    rivals = [str(r) for r in np.flatnonzero(total >= _ABOUT_EQUAL * total[best]).tolist() if r != best]
    if rivals:
        others = " and ".join(rivals) if len(rivals) <= _MOST_TIMES else f"{len(rivals)} others"
        notes.add(
            f"faces {best} and {others} are about equally large, face {best} was taken: choose another by its number or by a point in it."
        )
    return best


def _at_point(tracks: Tracks, point: np.ndarray, notes: Notes) -> int:
    """The face at a point of the image: of several, one after another, the first; it is followed wherever it goes."""
    boxes = tracks.all_boxes.astype(np.float64)
    outside = np.maximum(boxes[:, :2] - point, point - boxes[:, 2:]).max(1) / (boxes[:, 2:] - boxes[:, :2]).max(1)
    for reach in (0.0, AROUND):
        near = np.flatnonzero(outside <= reach)
        if len(near):
            break
    else:
        x, y = (f"{value:g}" for value in point)
        raise StavisError(f"no face is at ({x}, {y}): {_places(tracks)}; give a point inside one of them.")
    rows = tracks.rows[near]
    first = near[rows == rows.min()]
    number = int(tracks.numbers[first[np.argmin(outside[first])]])
    others = np.setdiff1d(tracks.numbers[near], [number])
    later = [f"face {k} from {tracks.times[tracks.rows[near[tracks.numbers[near] == k]].min()]:.1f} s" for k in others.tolist()]
    if later:
        notes.add(
            f"the point is in face {number} first, which was taken, and in {' and in '.join(later)}: choose one of these by its number."
        )
    return number


def _places(tracks: Tracks) -> str:
    places = []
    for number in range(tracks.count):
        mine = tracks.numbers == number
        x, y = np.median((tracks.all_boxes[mine, :2] + tracks.all_boxes[mine, 2:]) / 2, axis=0)
        first, last = tracks.times[tracks.rows[mine][[0, -1]]]
        places.append(f"face {number} is about ({x:.0f}, {y:.0f}) from {first:.1f} to {last:.1f} s")
    return ", ".join(places)


def times_text(times: Iterable[float]) -> str:
    """Times as text: the first few of them, and how many more there are."""
    every = [f"{time:.1f}" for time in times]
    more = f" s and {len(every) - _MOST_TIMES} more times" if len(every) > _MOST_TIMES else " s"
    return ", ".join(every[:_MOST_TIMES]) + more
