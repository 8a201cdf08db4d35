"""Landmarks made steady without lag where they move.

References
----------
Casiez, Roussel and Vogel, 1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems, CHI 2012.
"""

import numpy as np

MIN_CUTOFF, BETA, SPEED_CUTOFF = 2.0, 40.0, 12.0
"""Hz at rest, Hz for each face size a second of speed, Hz of the speed's own low-pass.

Chosen so that a blink of 0.2 s keeps more than 90 % of its depth and comes less than 20 ms late (at 25 frames/s: in its frame),
while noise at rest falls by a third (both are tested)."""


class OneEuro:
    """The filter of Casiez et al. for landmarks: its cutoff rises with each landmark's own speed, in face sizes a second."""

    def __init__(self, min_cutoff: float = MIN_CUTOFF, beta: float = BETA, speed_cutoff: float = SPEED_CUTOFF):
        self.min_cutoff, self.beta, self.speed_cutoff = min_cutoff, beta, speed_cutoff
        self._time = self._points = self._speed = self._raw = None

    def __call__(self, points: np.ndarray, time: float, size: float) -> np.ndarray:
        """points (L,2) px at `time` s, of a face of `size` px, smoothed; the first ones come as they are."""
        step = None if self._time is None else time - self._time
        if step is None or not 0 < step < 0.5:
            self._speed = np.zeros((len(points), 1))
            self._points = points
        else:
            moved = np.linalg.norm(points - self._raw, axis=1, keepdims=True) / (max(size, 1e-6) * step)
            self._speed = self._speed + _alpha(self.speed_cutoff, step) * (moved - self._speed)
            # The fastest of the two: a movement that sets in at this frame must not wait for the mean.
            cutoff = self.min_cutoff + self.beta * np.maximum(self._speed, moved)
            self._points = self._points + _alpha(cutoff, step) * (points - self._points)
        self._time, self._raw = time, points
        return self._points


def _alpha(cutoff, step: float):
    """The weight of the new value in a first-order low-pass."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * step))
