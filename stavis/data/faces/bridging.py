"""Frames in which a face is lost for a moment, at one place: covered by a hand, or turned aside."""

import numpy as np

from stavis.data.faces.alignment import EYE_DISTANCE, EYES_AT, apply_affine, invert_affine

LONGEST = 5.0
"""Seconds without a face beyond which nothing is taken for granted about where it is."""
REST = 0.5
"""Seconds of sightings that tell whether a face is at rest, before it is lost to the end of a video or after it is first found in one."""

_MOST_MOVED = 1.0  # eye distances between the last sighting and the next
_MOST_AT_REST = 0.5  # eye distances within REST: 6 cm/s, where who leaves a picture moves by tens of cm/s
_MOST_ZOOM = 1.3


def bridged(times: np.ndarray, valid: np.ndarray, affine: np.ndarray, cuts: np.ndarray, size: int, taken: np.ndarray) -> np.ndarray:
    """Which frames without a face lie beside sightings of it at one place: (T,) bool.

    Between two sightings they are at most LONGEST apart, an eye distance in place and 1.3 times in size, and in one shot: with none of
    the frames after the first, up to the second, another begins (`cuts`). Before the first sighting and after the last, the video begins
    or ends within LONGEST in the same shot, and the face is at rest in the REST next to the gap: who comes or goes moves. In no frame of
    the gap is another face at the place (`taken`). The network can read such frames: most likely the head is there, and the crop shows
    what hides its face. times (T,) s; valid, taken (T,) bool; affine (T,2,3) into crops of `size` px.
    """
    found = np.zeros(len(times), bool)
    seen = np.flatnonzero(valid)
    if not len(seen):
        return found
    shot = np.searchsorted(cuts, np.arange(len(times)), side="right")
    place, scale = _eyes(affine, size)

    def bridge(first: int, last: int, one_place: bool) -> None:
        """From one frame to another, of which one or both are sightings."""
        if one_place and shot[first] == shot[last] and times[last] - times[first] <= LONGEST and not taken[first : last + 1].any():
            found[first : last + 1] = True

    gaps = np.flatnonzero(np.diff(seen) > 1)
    for last, after in np.stack([seen[gaps], seen[gaps + 1]], 1).tolist():
        bridge(last, after, _at_one_place(place[[last, after]], scale[[last, after]], _MOST_MOVED))
    for sighting, edge in ((seen[0], 0), (seen[-1], len(times) - 1)):
        near = seen[(np.abs(times[seen] - times[sighting]) <= REST) & (shot[seen] == shot[sighting])]
        long_enough = np.ptp(times[near]) >= REST / 2
        bridge(*sorted((sighting, edge)), bool(long_enough and _at_one_place(place[near], scale[near], _MOST_AT_REST)))
    return found & ~valid


def taken_by_others(boxes: np.ndarray, valid: np.ndarray, frames: np.ndarray, others: np.ndarray) -> np.ndarray:
    """In which frames without a face another one is at its place: (T,) bool.

    The middle of the other's box (others (N,4), each in one of `frames` (N,)) lies in the face's own (boxes (T,4)), which goes evenly
    from where it was last to where it is next. valid (T,) bool.
    """
    taken = np.zeros(len(valid), bool)
    seen = np.flatnonzero(valid)
    alone = ~valid[frames]
    if not len(seen) or not alone.any():
        return taken
    frames, middle = frames[alone], (others[alone, :2] + others[alone, 2:]) / 2
    held = np.stack([np.interp(frames, seen, boxes[seen, side]) for side in range(4)], 1)
    taken[frames[((middle >= held[:, :2]) & (middle <= held[:, 2:])).all(1)]] = True
    return taken


def _at_one_place(place: np.ndarray, scale: np.ndarray, moved: float) -> bool:
    """Whether sightings at place (N,2) differ by no more than `moved` eye distances (`scale` (N,)), and by no more than 1.3 in size."""
    return bool(np.hypot(*np.ptp(place, 0)) <= moved * scale.min() and scale.max() <= _MOST_ZOOM * scale.min())


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
