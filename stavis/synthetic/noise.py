"""Smooth chance, in time and in the plane: what heads, expressions, skin and backgrounds are made of."""

import cv2
import numpy as np


def smooth_course(rng: np.random.Generator, count: int, reach: float) -> np.ndarray:
    """A stationary course (count,) of mean 0 and standard deviation 1 that forgets itself after about `reach` samples."""
    half = max(round(reach), 1)
    window = np.hanning(2 * half + 3)[1:-1]
    window /= np.sqrt((window**2).sum())
    white = rng.standard_normal(count + len(window) - 1)
    return np.convolve(white, window, "valid")


def smooth_step(values: np.ndarray, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """0 below `low`, 1 above `high`, without a kink between."""
    x = np.clip((values - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


def cloud(rng: np.random.Generator, height: int, width: int, grain: float, octaves: int = 3) -> np.ndarray:
    """A field (height, width) float32 of mean about 0 and deviation about 1 whose largest blobs are `grain` px wide."""
    field = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cell = max(grain / 2**octave, 1.0)
        rows, columns = max(int(np.ceil(height / cell)), 2), max(int(np.ceil(width / cell)), 2)
        small = rng.standard_normal((rows, columns), np.float32)
        field += cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC) / 2**octave
    return field / (np.std(field) + 1e-6)
