"""Which frames of a long recording are shown: windows in seconds, as slices of frames."""

import numpy as np


def window_of(times: np.ndarray, start: float, seconds: float) -> slice:
    """The frames from `start` on that `seconds` hold; moved back where it would reach beyond the end. times (T,) s, rising."""
    times = np.asarray(times, float)
    if not len(times) or times[-1] - times[0] <= seconds:
        return slice(0, len(times))
    start = float(np.clip(start, times[0], times[-1] - seconds))
    first = int(np.searchsorted(times, start - 1e-6))
    return slice(first, max(first + 1, int(np.searchsorted(times, start + seconds + 1e-6))))


def around(times: np.ndarray, moment: float, seconds: float) -> slice:
    """The frames of `seconds` with `moment` in the middle, as far as the ends allow."""
    return window_of(times, moment - seconds / 2, seconds)


def moved(times: np.ndarray, window: slice, seconds: float, steps: int) -> slice:
    """The window that lies `steps` windows later (earlier where negative)."""
    return window_of(times, float(times[window.start]) + steps * seconds, seconds)
