"""What stands between a network's values and the gold standard: the delay of the raters, and the chain of simple corrections.

Both are found on the development partition and applied unchanged to any other.

References
----------
Ringeval et al.: AV+EC 2015, the first affect recognition challenge bridging across audio, video, and physiological data. 2015.
Trigeorgis et al.: Adieu features? End-to-end speech emotion recognition using a deep convolutional recurrent network. 2016.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.ndimage import median_filter

from stavis.data.crops.crops import Crops
from stavis.errors import StavisError
from stavis.metrics import ccc, concatenated
from stavis.timeline import resample

TimeSeries = tuple[np.ndarray, np.ndarray]
"""Times (T,) s, rising, and values (T,) in [-1,1] at them."""

DELAYS = np.arange(0, 10.01, 0.2)
"""The delays of raters that are tried, s."""
MEDIANS = np.geomspace(0.4, 20, 18)
"""The windows of the median filter that are tried, s."""
LEAST_SHIFT, MOST_SHIFT = 0.04, 10.0
"""The time shifts that are tried, s."""

_RISES = 1e-9  # a step that changes the CCC by less than this is rounding


def find_delay(predicted: Sequence[TimeSeries], gold: Sequence[TimeSeries], *, grid: np.ndarray = DELAYS) -> float:
    """By how many seconds the gold lags behind the predictions: the delay whose undoing gives the best concatenated CCC.

    predicted, gold: one (times (T,) s, values (T,)) a recording, each at its own times; NaN values do not count. Every delay of
    `grid` (s) is tried under which at least half of the frames that could be compared still can be; between the best and its
    neighbours the delay is interpolated by a parabola. Where the CCC is defined at no delay (constant values), the one nearest to 0.

    Raises StavisError where the two have different numbers of recordings, or no delay leaves anything to compare.
    """
    if len(predicted) != len(gold) or not len(gold):
        raise StavisError(f"{len(predicted)} predicted courses stand against {len(gold)} gold ones: give one of each a recording.")
    grid = np.asarray(grid, np.float64)
    pairs = [_known(course) + _known(other) for course, other in zip(predicted, gold, strict=True)]
    compared = [[_pair_at(*pair, delay) for pair in pairs] for delay in grid]
    counts = np.array([sum(len(values) for values, _ in pairs) for pairs in compared])
    if not counts.any():
        raise StavisError("predictions and gold share no moment: check that the times of both are seconds from the same start.")
    enough = 2 * counts >= counts.max()
    scores = np.array([concatenated(ccc, pairs) if fits else np.nan for pairs, fits in zip(compared, enough, strict=True)])
    if not np.isfinite(scores).any():
        return float(grid[np.argmin(np.abs(grid))])
    return _peak(grid, scores)


def shifted(times: np.ndarray, values: np.ndarray, delay: float, *, beyond: str = "hold") -> np.ndarray:
    """Values (T,) or (T,D) with a delay undone: at each of `times` (T,) s what they say `delay` s later.

    A negative delay delays them: so predictions made without the raters' lag get it back. Where nothing was said that early or late,
    the first or last value is held; beyond="nan" says NaN there (for labels that are trained on, where nothing may be made up).
    """
    times, values = np.asarray(times, np.float64), np.asarray(values, np.float64)
    if beyond not in ("hold", "nan"):
        raise StavisError(f"values beyond the ends can be held or nan, not {beyond!r}.")
    if delay == 0 or not len(times):
        return values.copy()
    asked = times + delay
    columns = values.reshape(len(times), -1)
    moved = np.stack([np.interp(asked, times, column) for column in columns.T], 1)
    if beyond == "nan":
        moved[(asked < times[0] - 1e-6) | (asked > times[-1] + 1e-6)] = np.nan
    return moved.reshape(values.shape)


def without_delay(crops: Crops, delay: float) -> Crops:
    """Crops whose labels say `delay` seconds earlier what they said: what is trained on. Frames at the end then have no label."""
    return crops if not delay or crops.label_times is None else replace(crops, label_times=np.asarray(crops.label_times) - delay)


@dataclass(frozen=True)
class PostProcessing:
    """The corrections kept on development: median filter, centring, scaling, time shift, in this order; None where one is not kept.

    rate: frames/s of the values; median: window in s; centre: what is added; scale: what the distance from `pivot` is multiplied
    by; shift: by how many s values come later. ccc_before and ccc_after: the concatenated CCC on development without and with it.
    """

    rate: float
    median: float | None = None
    centre: float | None = None
    scale: float | None = None
    pivot: float = 0.0
    shift: float | None = None
    ccc_before: float = field(default=float("nan"), compare=False)
    ccc_after: float = field(default=float("nan"), compare=False)

    @property
    def kept(self) -> tuple[str, ...]:
        """The names of the steps that are applied, in their order."""
        steps = {"median": self.median, "centring": self.centre, "scaling": self.scale, "shift": self.shift}
        return tuple(name for name, value in steps.items() if value is not None)

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Values (T,) of one recording at `rate`, corrected; NaN values stay NaN."""
        values = np.asarray(values, np.float64)
        if values.ndim != 1:
            raise StavisError(f"the chain corrects the values (T,) of one recording and one dimension, not {values.shape}.")
        known = np.isfinite(values)
        if not known.any():
            return values.copy()
        moments = np.arange(len(values))
        filled = values if known.all() else np.interp(moments, moments[known], values[known])
        if self.median is not None:
            filled = median_filter(filled, _window(self.median, self.rate, len(filled)), mode="nearest")
        if self.centre is not None:
            filled = filled + self.centre
        if self.scale is not None:
            filled = self.pivot + (filled - self.pivot) * self.scale
        if self.shift is not None:
            filled = shifted(moments / self.rate, filled, -self.shift)
            known = shifted(moments / self.rate, known.astype(float), -self.shift) > 0.5
        return np.where(known, filled, np.nan)

    def describe(self) -> str:
        """The steps in words with their figures, such as 'median 1.6 s, centring +.031'; 'none' where no step is kept."""
        words = {
            "median": lambda: f"median {self.median:.3g} s",
            "centring": lambda: f"centring {self.centre:+.3f}",
            "scaling": lambda: f"scaling {self.scale:.3f}",
            "shift": lambda: f"shift {self.shift:.2f} s",
        }
        return ", ".join(words[name]() for name in self.kept) or "none"


def fit_chain(predictions: list[np.ndarray], golds: list[np.ndarray], rate: float) -> PostProcessing:
    """The chain that corrects a system's values best on the development partition (concatenated CCC), each step only if the CCC rises.

    predictions, golds: one pair of courses (T,) a recording, both at `rate` frames/s; frames where either is NaN do not count.

    Raises StavisError where the two do not fit together or nothing can be compared.
    """
    if len(predictions) != len(golds) or any(np.shape(p) != np.shape(g) for p, g in zip(predictions, golds, strict=False)):
        raise StavisError("the chain needs predictions and golds of the same recordings and of the same lengths.")
    if not (np.isfinite(rate) and rate > 0):
        raise StavisError(f"a rate of {rate} frames/s cannot be: give a number above 0.")
    predictions = [np.asarray(values, np.float64) for values in predictions]
    golds = [np.asarray(values, np.float64) for values in golds]
    if not any((np.isfinite(p) & np.isfinite(g)).any() for p, g in zip(predictions, golds, strict=True)):
        raise StavisError("no development frame has both a prediction and a label: nothing can be corrected.")

    def score(chain: PostProcessing) -> float:
        return _ccc([chain.apply(values) for values in predictions], golds)

    chain = PostProcessing(float(rate))
    best = before = score(chain)
    longest = max(len(values) for values in predictions) / rate
    for step in (_medians(rate, longest), _centrings, _scalings, _shifts(rate, longest)):
        for candidate in step(chain, predictions, golds):
            reached = score(candidate)
            if np.isfinite(reached) and not reached <= best + _RISES:
                best, chain = reached, candidate
    return replace(chain, ccc_before=before, ccc_after=best)


Step = Callable[[PostProcessing, list[np.ndarray], list[np.ndarray]], Iterable[PostProcessing]]


def _medians(rate: float, longest: float) -> Step:
    windows = {_window(seconds, rate): float(seconds) for seconds in MEDIANS if seconds <= longest}
    return lambda chain, predictions, golds: [replace(chain, median=seconds) for window, seconds in windows.items() if window > 1]


def _centrings(chain: PostProcessing, predictions: list[np.ndarray], golds: list[np.ndarray]) -> Iterable[PostProcessing]:
    values, gold = _joined(chain, predictions, golds)
    return [replace(chain, centre=float(gold.mean() - values.mean()))]


def _scalings(chain: PostProcessing, predictions: list[np.ndarray], golds: list[np.ndarray]) -> Iterable[PostProcessing]:
    values, gold = _joined(chain, predictions, golds)
    spread = values.std()
    return [replace(chain, scale=float(gold.std() / spread), pivot=float(values.mean()))] if spread > 1e-9 and gold.std() > 1e-9 else []


def _shifts(rate: float, longest: float) -> Step:
    step = max(LEAST_SHIFT, 1 / rate)
    shifts = np.arange(step, min(MOST_SHIFT, longest / 2) + 1e-9, step)
    return lambda chain, predictions, golds: [replace(chain, shift=float(seconds)) for seconds in shifts]


def _joined(chain: PostProcessing, predictions: list[np.ndarray], golds: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    values, gold = np.concatenate([chain.apply(values) for values in predictions]), np.concatenate(golds)
    known = np.isfinite(values) & np.isfinite(gold)
    return values[known], gold[known]


def _ccc(values: list[np.ndarray], golds: list[np.ndarray]) -> float:
    joined, gold = np.concatenate(values), np.concatenate(golds)
    known = np.isfinite(joined) & np.isfinite(gold)
    return ccc(joined[known], gold[known])


def _window(seconds: float, rate: float, most: int | None = None) -> int:
    """An odd number of frames, so that the filter delays nothing."""
    frames = max(1, round(seconds * rate))
    frames = frames if most is None else min(frames, max(1, most))
    return frames if frames % 2 else max(1, frames - 1)


def _known(course: TimeSeries) -> TimeSeries:
    times, values = (np.asarray(part, np.float64) for part in course)
    if times.ndim != 1 or times.shape != values.shape:
        raise StavisError(f"a course is times (T,) and values (T,), not {times.shape} and {values.shape}.")
    known = np.isfinite(values)
    return times[known], values[known]


def _pair_at(times: np.ndarray, values: np.ndarray, gold_times: np.ndarray, gold: np.ndarray, delay: float):
    """Predicted and gold values at the predictions' times that the gold reaches when the delay is undone."""
    if not len(times) or not len(gold):
        return np.empty(0), np.empty(0)
    asked = times + delay
    reached = resample(gold_times, gold[:, None], asked)[:, 0]
    inside = np.isfinite(reached)
    return values[inside], reached[inside]


def _peak(grid: np.ndarray, scores: np.ndarray) -> float:
    best = int(np.nanargmax(scores))
    if not 0 < best < len(grid) - 1 or not np.isfinite(scores[[best - 1, best + 1]]).all():
        return float(grid[best])
    left, middle, right = scores[best - 1 : best + 2]
    bend = left - 2 * middle + right
    step = (grid[best + 1] - grid[best - 1]) / 2
    return float(grid[best] + (step * (left - right) / (2 * bend) if bend < 0 else 0.0))
