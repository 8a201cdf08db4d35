"""Frames in which a face is lost for a moment: covered by a hand, turned aside, and there again where it was."""

import numpy as np

from stavis.data.faces.alignment import EYE_DISTANCE, EYES_AT, apply_affine, invert_affine

LONGEST = 5.0
"""Seconds without a face beyond which nothing is taken for granted about where it is."""

_MOST_MOVED = 1.0  # eye distances between the last sighting and the next
_MOST_ZOOM = 1.3


def bridged(times: np.ndarray, valid: np.ndarray, affine: np.ndarray, cuts: np.ndarray, size: int) -> np.ndarray:
    """Which frames without a face lie between two sightings of it at one place: (T,) bool.

    The two are at most LONGEST apart, an eye distance in place and 1.3 times in size, and in one shot: with none of the frames after the
    first, up to the second, another begins (`cuts`). The network can read such frames: most likely the head is there, and the crop shows
    what hides its face. Before the first sighting and after the last the head may as well have come or gone. times (T,) s; valid (T,)
    bool; affine (T,2,3) into crops of `size` px.
    """
    found = np.zeros(len(times), bool)
    seen = np.flatnonzero(valid)
    gaps = np.flatnonzero(np.diff(seen) > 1)
    if not len(gaps):
        return found
    last, after = seen[gaps], seen[gaps + 1]
    one_shot = np.searchsorted(cuts, last, side="right") == np.searchsorted(cuts, after, side="right")
    (place, scale), (other, other_scale) = _eyes(affine[last], size), _eyes(affine[after], size)
    moved = np.hypot(*(other - place).T) / np.minimum(scale, other_scale)
    zoom = np.maximum(scale / other_scale, other_scale / scale)
    brief = times[after] - times[last] <= LONGEST
    for start, stop in np.stack([last, after], 1)[one_shot & brief & (moved <= _MOST_MOVED) & (zoom <= _MOST_ZOOM)].tolist():
        found[start + 1 : stop] = True
    return found


def between(affine: np.ndarray, valid: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Affines (T,2,3) in whose `gap` (T,) bool a face goes evenly from where it was last to where it is next."""
    frames, seen = np.flatnonzero(gap), np.flatnonzero(valid)
    moved = affine.copy()
    for row in range(2):
        for column in range(3):
            moved[frames, row, column] = np.interp(frames, seen, affine[seen, row, column])
    return moved


def _eyes(affine: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the middle of the eyes is in the source (N,2), and how far apart they are there (N,), in px."""
    middle = np.tile(np.array(EYES_AT) * size - 0.5, (len(affine), 1, 1))
    scale = np.sqrt(np.abs(np.linalg.det(affine[:, :, :2])))
    return apply_affine(invert_affine(affine), middle)[:, 0], size * EYE_DISTANCE / scale
