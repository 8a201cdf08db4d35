"""When things happen in a scenario: turns, spells, and values that are held through a spell."""

import numpy as np

from stavis.synthetic.noise import smooth_step

_SWITCH = 0.3  # s that a switch of the informative region takes
EDGE = 0.16  # s in which a bump rises and falls


def bump(times: np.ndarray, start: float, stop: float) -> np.ndarray:
    """1 between two moments (s), 0 outside, with soft edges inside of them."""
    return smooth_step(times - start, 0, EDGE) * smooth_step(stop - times, 0, EDGE)


def alternation(rng, count: int, fps: float) -> np.ndarray:
    """1, then 0, then 1...: each held for 1.5 to 4 s, with a soft step of .3 s between; the first is as likely either."""
    state, at = int(rng.integers(2)), -int(rng.uniform(0, 2) * fps)
    course = np.zeros(count + 2 * int(fps))
    while at < len(course):
        length = max(int(rng.uniform(1.5, 4) * fps), 1)
        course[max(at, 0) : max(at + length, 0)] = state
        at, state = at + length, 1 - state
    return _soften(course, fps)[int(fps) : int(fps) + count]


def spells(rng, count: int, fps: float) -> np.ndarray:
    """0 most of the time, 1 for episodes of 1 to 3 s."""
    course, at = np.zeros(count + 2 * int(fps)), int(rng.uniform(0, 3) * fps)
    while at < len(course):
        length = int(rng.uniform(1, 3) * fps)
        course[at : at + length] = 1
        at += length + int(rng.uniform(1.5, 4) * fps)
    return _soften(course, fps)[int(fps) : int(fps) + count]


def _soften(course: np.ndarray, fps: float) -> np.ndarray:
    window = np.hanning(max(round(_SWITCH * fps), 1) + 2)[1:-1]
    half = len(window) // 2
    padded = np.pad(course, (half, len(window) - 1 - half), "edge")
    return np.clip(np.convolve(padded, window / window.sum(), "valid"), 0, 1)


def held(rng, count: int, gate: np.ndarray) -> np.ndarray:
    """A coin thrown for each episode of `gate` and held through it: (T,) bool."""
    starts = np.flatnonzero((gate > 0) & (np.r_[0.0, gate[:-1]] <= 0))
    side = np.zeros(count, bool)
    for start in starts:
        side[start:] = rng.random() < 0.5
    return side
