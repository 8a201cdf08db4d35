"""Frames and maps of one's own as the clip and the maps that a scrubber shows."""

import numpy as np

from stavis import notes
from stavis.errors import StavisError
from stavis.types import AttentionMaps, Attribution, Clip, Target

RATE = 25.0
"""Frames/s that are taken where no times are given."""
_SUM_TOLERANCE = 1e-3


def clip_of_arrays(
    frames: np.ndarray, maps: dict[str, np.ndarray], times: np.ndarray | None
) -> tuple[Clip, dict[str, AttentionMaps | Attribution]]:
    """Frames (T,H,W,3) uint8 with maps (T,h,w) by name and times (T,) s; without times RATE is taken, which is noted.

    Raises StavisError where they are of another type or do not fit each other.
    """
    frames = np.asarray(frames)
    if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or not frames.size:
        raise StavisError(f"frames are {frames.shape} {frames.dtype}, expected (T,H,W,3) uint8 RGB: convert them first.")
    if times is None:
        notes.show([f"No times were given: {RATE:g} frames/s are taken."], stacklevel=4)
        times = np.arange(len(frames)) / RATE
    times = np.asarray(times, np.float64)
    if times.shape != (len(frames),):
        raise StavisError(f"{len(frames)} frames need as many times in seconds, not {times.shape}: give one time per frame.")
    if not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
        raise StavisError("the frames' times do not rise from frame to frame: sort frames, maps and times, one time in seconds per frame.")
    return Clip(frames, times, subject="frame"), {str(name): _typed(str(name), values, times) for name, values in maps.items()}


def _typed(name: str, values: np.ndarray, times: np.ndarray) -> AttentionMaps | Attribution:
    values = np.asarray(values)
    if values.ndim != 3 or len(values) != len(times) or not values.size or not np.issubdtype(values.dtype, np.number):
        raise StavisError(
            f"the map {name!r} is {values.shape} {values.dtype}, expected ({len(times)},h,w) numbers: give one map per frame."
        )
    values = values.astype(np.float32)
    sums = values.sum((1, 2))
    if (values >= 0).all() and (np.abs(sums - 1) < _SUM_TOLERANCE).all():
        return AttentionMaps(values, times)
    return Attribution(name, Target(name), values, times)
