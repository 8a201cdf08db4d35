"""What descriptors are over a stretch of time, and where there is no face."""

import numpy as np

from stavis.errors import StavisError

POLICIES = ("interpolate", "zero", "drop")
"""What stands in for the descriptor of a frame without a face."""


def fill_missing(features: np.ndarray, valid: np.ndarray, policy: str = "interpolate") -> np.ndarray:
    """Descriptors (T,F) with a decision on the frames that are not `valid` (T,): a new array of the same shape.

    interpolate: linear between the neighbours with a face, held at the ends; zero: 0; drop: NaN, to be left out of training.
    Where no frame has a face, interpolate has nothing to go by and gives NaN as well.

    Raises StavisError for another policy or where the lengths differ.
    """
    features, valid = np.asarray(features), np.asarray(valid, bool)
    if policy not in POLICIES:
        raise StavisError(f"frames without a face cannot be treated by {policy!r}: choose one of {', '.join(POLICIES)}.")
    if features.ndim != 2 or valid.shape != (len(features),):
        raise StavisError(f"descriptors (T,F) need one mark a frame, not {features.shape} with {valid.shape}.")
    out = features.astype(np.result_type(features, np.float32), copy=True)
    if valid.all():
        return out
    if policy == "interpolate" and valid.any():
        frames = np.arange(len(out))
        for column in out.T:
            column[~valid] = np.interp(frames[~valid], frames[valid], column[valid])
    else:
        out[~valid] = 0 if policy == "zero" else np.nan
    return out


def functionals(features: np.ndarray, times: np.ndarray, seconds: float = 4.0) -> np.ndarray:
    """Mean and standard deviation of descriptors (T,F) in a window of `seconds` centred at each frame: (T,2F) float32.

    At the ends the window is what there is of it. NaN rows do not count.
    """
    known = np.isfinite(features).all(1)
    values = np.where(known[:, None], features, 0).astype(np.float64)
    low, high = _window(times, seconds)
    count = np.maximum(_sums(known[:, None].astype(np.float64), low, high), 1)
    mean = _sums(values, low, high) / count
    variance = _sums(values**2, low, high) / count - mean**2
    return np.concatenate([mean, np.sqrt(np.maximum(variance, 0))], 1).astype(np.float32)


def window_sums(features: np.ndarray, times: np.ndarray, seconds: float) -> np.ndarray:
    """The sum of descriptors (T,F) over a window of `seconds` centred at each frame: (T,F) float64."""
    return _sums(np.asarray(features, np.float64), *_window(times, seconds))


def _window(times: np.ndarray, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    times = np.asarray(times, np.float64)
    slack = 1e-6
    return np.searchsorted(times, times - seconds / 2 - slack), np.searchsorted(times, times + seconds / 2 + slack)


def _sums(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    running = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, 0)])
    return running[high] - running[low]
