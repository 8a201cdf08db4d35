"""Segments of time: labels at a clip's times, frames at an even rate, sliding windows, interleaved streams."""

from collections.abc import Iterable

import numpy as np

from stavis.errors import StavisError

CLOCK_TOLERANCE = 1e-3
"""Containers round their clocks to milliseconds: a frame this far (s) outside the labels still has the outermost label."""
PAUSE = 1.0
"""Seconds without a frame after which a video goes on anew for a network, where four of its own steps are no longer than that."""
_STEPS_OF_A_PAUSE = 4.0
MAX_GAP = 3.0
"""Between labels further apart than this many of their median steps there is no label, where nothing else is requested."""


def resample(label_times: np.ndarray, labels: np.ndarray, times: np.ndarray, max_gap: float | None = MAX_GAP) -> np.ndarray:
    """The labels (N,D) at label_times (N,) s at other times (T,) s: (T,D) float64, linear between labels, NaN where there is none.

    There is none before the first label and after the last one, at a time whose nearest label is invalid (NaN), and between two labels
    that lie further apart than `max_gap` median steps (None: any gap is bridged). Every place that interpolates labels calls this.
    """
    label_times, labels = np.asarray(label_times, np.float64), np.asarray(labels, np.float64)
    times = np.asarray(times, np.float64)
    if not len(label_times):
        return np.full((len(times), labels.shape[1]), np.nan)
    bridged = longest_gap(label_times, max_gap)
    after = np.clip(np.searchsorted(label_times, times), 0, len(label_times) - 1)
    before = np.maximum(after - 1, 0)
    known = (times >= label_times[0] - CLOCK_TOLERANCE) & (times <= label_times[-1] + CLOCK_TOLERANCE)
    off = np.minimum(np.abs(times - label_times[before]), np.abs(label_times[after] - times)) > CLOCK_TOLERANCE
    known &= ~(off & (label_times[after] - label_times[before] > bridged))
    nearest = np.where(times - label_times[before] <= label_times[after] - times, before, after)
    columns = [np.where(known, _between_valid(label_times, column, times, nearest, bridged), np.nan) for column in labels.T]
    return np.stack(columns, 1) if columns else np.empty((len(times), 0))


def longest_gap(label_times: np.ndarray, max_gap: float | None = MAX_GAP) -> float:
    """By how many seconds two neighbouring labels may lie apart and still have labels between them; infinite where any gap is bridged.

    Raises StavisError where `max_gap` is below 1 or no number.
    """
    if max_gap is None:
        return np.inf
    if not max_gap >= 1:
        raise StavisError(f"max_gap is {max_gap}: give a number of median steps from 1 on, or None (--max-gap inf) to bridge any gap.")
    return max_gap * float(np.median(np.diff(label_times))) + CLOCK_TOLERANCE if len(label_times) > 1 else np.inf


def _between_valid(label_times: np.ndarray, column: np.ndarray, times: np.ndarray, nearest: np.ndarray, bridged: float) -> np.ndarray:
    valid = np.isfinite(column)
    if valid.all():
        return np.interp(times, label_times, column)
    if not valid.any():
        return np.full(len(times), np.nan)
    known_times, known = label_times[valid], column[valid]
    after = np.clip(np.searchsorted(known_times, times), 0, len(known) - 1)
    apart = known_times[after] - known_times[np.maximum(after - 1, 0)]
    # beside a long run of invalid labels the nearest one stands for itself: a line to the far side would be made up
    values = np.where(apart > bridged, column[nearest], np.interp(times, known_times, known))
    return np.where(valid[nearest], values, np.nan)


def frame_choice(times: np.ndarray, rate: float | None) -> np.ndarray:
    """Which frames of a video stand for an even rate (frames/s): indices (K,), rising strictly.

    For each moment of the even grid that begins at the first frame, the nearest frame in time; no frame comes twice. A video slower
    than the rate gives every frame once, a rate of None gives every frame. Between frames far apart nothing is interpolated.
    """
    times = np.asarray(times, np.float64)
    if rate is None or len(times) < 2:
        return np.arange(len(times))
    if not (np.isfinite(rate) and rate > 0):
        raise StavisError(f"a rate of {rate} frames/s cannot be: give a number above 0, or None for every frame.")
    # Only moments near a frame: a clock that jumps by years must not make a grid of years.
    near = np.rint((times - times[0]) * rate)
    grid = np.unique(np.concatenate([near - 1, near, near + 1]))
    grid = grid[(grid >= 0) & (grid <= near[-1])] / rate + times[0]
    after = np.clip(np.searchsorted(times, grid), 1, len(times) - 1)
    earlier = grid - times[after - 1] <= times[after] - grid + 1e-6
    return np.unique(np.where(earlier, after - 1, after))


def window_starts(times: np.ndarray, seconds: float, overlap: float = 0.5, length: int | None = None) -> list[slice]:
    """Overlapping windows that cover every frame: slices of equal length, the last one flush with the end.

    A window has as many frames as `seconds` hold at the median frame distance, at least one; overlap in [0,1) is the fraction that
    neighbours share. A recording shorter than one window is one slice. `length` sets the number of frames instead.
    """
    if not (seconds > 0 and 0 <= overlap < 1):
        raise StavisError(f"windows of {seconds} s with overlap {overlap}: give seconds above 0 and an overlap from 0 to below 1.")
    frames = len(times)
    if frames == 0:
        return []
    step = float(np.median(np.diff(times))) if frames > 1 else seconds
    length = max(1, round(min(seconds / max(step, 1e-9), frames))) if length is None else min(length, frames)
    hop = max(1, round(length * (1 - overlap)))
    starts = [*range(0, frames - length, hop), frames - length]
    return [slice(start, start + length) for start in starts]


def stride_of(times: np.ndarray, rate: float | None) -> int:
    """Every how many-th frame comes nearest to `rate` frames/s; 1 where the video is no faster, or rate is None."""
    if rate is None or len(times) < 2:
        return 1
    return max(1, round(1 / (rate * max(float(np.median(np.diff(times))), 1e-6))))


def read_rate(times: np.ndarray, rate: float) -> float:
    """At how many frames/s a network of `rate` frames/s is in fact shown a video: that of every `stride_of`-th frame."""
    return 1 / (stride_of(times, rate) * max(float(np.median(np.diff(times))), 1e-6))


def streams(times: np.ndarray, rate: float) -> list[np.ndarray]:
    """The frames of a video distributed over interleaved streams of about `rate` frames/s; every frame belongs to exactly one.

    A stream ends where the video pauses, and another begins after it: what was seen before lies too far back for a network's memory.
    """
    stride = stride_of(times, rate)
    dealt = [np.arange(start, len(times), stride) for start in range(min(stride, len(times)))]
    return [part for stream in dealt for part in np.split(stream, np.flatnonzero(_pauses(times[stream])) + 1)]


def _pauses(times: np.ndarray) -> np.ndarray:
    """After which of the times (T,) s but the last comes a pause: (T-1,) bool."""
    steps = np.diff(times)
    return steps > max(PAUSE, _STEPS_OF_A_PAUSE * float(np.median(steps))) if len(steps) else np.zeros(0, bool)


def outside(times: np.ndarray, ranges: Iterable[tuple[float, float, str]]) -> np.ndarray:
    """Which of the times (T,) s lie in none of the ranges (start s, end s, reason): (T,) bool; both ends of a range belong to it."""
    times = np.asarray(times)
    found = np.ones(len(times), bool)
    for start, end, _ in ranges:
        found &= (times < start - CLOCK_TOLERANCE) | (times > end + CLOCK_TOLERANCE)
    return found
