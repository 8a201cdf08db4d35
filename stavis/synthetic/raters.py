"""Six simulated raters who watch a recording and drag a slider, each with a lag, a bias, a gain, noise and coarse steps."""

from dataclasses import dataclass

import numpy as np

from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.noise import smooth_course
from stavis.synthetic.scenarios import Courses

RATERS = ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3")
STEP = 0.04  # s between two rows, as in RECOLA


@dataclass(frozen=True)
class Ratings:
    """What the raters marked: times (N,) s; values (N,6) in [-1,1], with their lags (6,) s; gold (N,), the mean of their marks with each
    lag undone. N is one more than the frames of a 25 fps recording."""

    times: np.ndarray
    values: np.ndarray
    gold: np.ndarray
    lags: np.ndarray


def sample_ratings(spec: SyntheticConfig, index: int, courses: Courses) -> Ratings:
    """Let six raters mark recording `index`. They go on after its end, so that undoing the lag loses nothing."""
    rng = spec.generator("raters", index)
    rows = round(spec.seconds / STEP) + 1
    times = np.arange(rows) * STEP
    history = np.concatenate([courses.past, courses.valence])
    history_times = (np.arange(len(history)) - len(courses.past)) / spec.fps
    lags = np.maximum(spec.rater_lag + spec.rater_lag_spread * rng.standard_normal(len(RATERS)), 0)
    ahead = int(np.ceil(lags.max() / STEP)) + 1
    watched = np.arange(-ahead, rows) * STEP  # what is on the screen, from before the first frame on
    seen = np.interp(watched, history_times, history)
    marks, felt = [], []
    for lag in lags:
        slow = smooth_course(rng, len(watched), 1.0 / STEP)
        mark = seen * rng.uniform(0.92, 1.05) + rng.normal(0, 0.03) + spec.rater_noise * slow
        mark = np.round(np.clip(mark, -1, 1), 2)
        felt.append(mark[ahead:])
        marks.append(np.round(np.interp(times - lag, watched, mark), 2))
    return Ratings(times=times, values=np.stack(marks, 1), gold=np.round(np.mean(felt, 0), 4), lags=lags)
