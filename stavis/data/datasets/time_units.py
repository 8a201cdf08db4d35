"""The unit of label times: converted to seconds where it is given, and checked against the video where it is not."""

from collections.abc import Sequence

import numpy as np

from stavis.errors import StavisError
from stavis.timeline import MAX_GAP, resample

TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "cs": 1e-2, "min": 60.0, "h": 3600.0}
"""Seconds in each unit of time that label times may be given in."""
OF_THE_VIDEO = ("frames", "percent", "fraction")
"""Units that only the video turns into seconds: its frame numbers, and the percentage or fraction of its length."""
UNIT_NAMES = {
    "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds", "cs": "centiseconds", "min": "minutes", "h": "hours",
    "frames": "frame numbers", "percent": "percent of the video", "fraction": "fractions of the video",
}  # fmt: skip
_SPELLINGS = {"µs": "us", "μs": "us", "sec": "s", "second": "s", "seconds": "s", "milliseconds": "ms", "microseconds": "us",
              "nanoseconds": "ns", "centiseconds": "cs", "minutes": "min", "hours": "h", "frame": "frames", "%": "percent"}  # fmt: skip
TIME_TOLERANCE = 0.5
"""By how many seconds labels may begin or end before or after their video without a note (RECOLA has one row too many)."""
_SHORTEST_STEP = 2e-3  # s: nobody labels more often
_COVERED = (0.05, 1.5)  # of the video, by labels whose unit explains why they last far longer than it


def checked_unit(unit: str | float) -> str:
    """A time unit in its one spelling: '' (seconds, checked against the video), a name, or a number of seconds as text.

    Raises StavisError where it is no unit.
    """
    text = str(unit).strip()
    text = _SPELLINGS.get(text.lower(), text.lower())
    if text in ("", *TIME_UNITS, *OF_THE_VIDEO):
        return text
    try:
        seconds = float(text)
    except ValueError:
        seconds = np.nan
    if not (np.isfinite(seconds) and seconds > 0):
        names = ", ".join((*TIME_UNITS, *OF_THE_VIDEO))
        raise StavisError(f"the time unit is {str(unit)[:40]!r}: choose one of {names}, or give the seconds of one unit, such as 0.04.")
    return text


def in_seconds(times: np.ndarray, unit: str, video_times: np.ndarray | None, where: str) -> np.ndarray:
    """Label times (N,) in a unit as seconds of the video, whose frames are at video_times (T,) s.

    Frames are numbered from 0, or from 1 where the labels begin with 1 and end with T; 100 percent is the last frame.

    Raises StavisError where the unit needs the video and there is none.
    """
    if unit in ("", "s"):
        return times
    if unit not in OF_THE_VIDEO:
        return times * (TIME_UNITS[unit] if unit in TIME_UNITS else float(unit))
    if video_times is None or not len(video_times):
        raise StavisError(f"{where}: label times in {UNIT_NAMES[unit]} need the video: give its frames' times as video_times.")
    first, last, count = float(video_times[0]), float(video_times[-1]), len(video_times)
    if unit != "frames":
        return first + times * (last - first) / (100.0 if unit == "percent" else 1.0)
    numbers = times - 1 if len(times) and times[0] == 1 and times[-1] == count else times
    step = (last - first) / (count - 1) if count > 1 else 0.04
    beyond = numbers - np.clip(numbers, 0, count - 1)
    return np.interp(numbers, np.arange(count), video_times) + beyond * step


def likely_units(label_times: np.ndarray, video_times: np.ndarray, frames: int | None = None) -> tuple[str, ...]:
    """The units in which label times would fit their video where as seconds they do not: the likeliest first, none where seconds fit.

    frames: how many the video has between the first and the last of video_times, where these are not all.
    """
    first, last = float(label_times[0]), float(label_times[-1])
    video = float(video_times[-1] - video_times[0])
    if video <= 0 or last <= first:
        return ()
    ratio, step = (last - first) / video, float(np.median(np.diff(label_times)))
    low, high = _COVERED
    fits = {}
    for unit in ("cs", "ms", "us", "ns"):
        covered = ratio * TIME_UNITS[unit]
        if ratio > 3 and low < covered < high and step * TIME_UNITS[unit] >= _SHORTEST_STEP:
            fits[unit] = covered
    covered = (last - first) / ((frames or len(video_times)) - 1)
    whole = bool((label_times == np.round(label_times)).mean() > 0.9)  # rows at the ends of other dimensions may stand between
    if whole and ((ratio > 3 and low < covered < high) or (ratio > 1.2 and 0.97 < covered < 1.05)):
        fits["frames"] = covered
    if _from_none_to(100.0, first, last, step) and not 0.9 < ratio < 1.1:
        fits["percent"] = 1.0
    if _from_none_to(1.0, first, last, step) and ratio < 1 / 8:
        fits["fraction"] = 1.0
    fits |= {unit: ratio * TIME_UNITS[unit] for unit in ("min", "h") if ratio < 1 / 20 and 0.9 < ratio * TIME_UNITS[unit] < 1.1}
    ranked = sorted(fits, key=lambda unit: abs(np.log(fits[unit])))
    clear = ranked and abs(np.log(fits[ranked[0]])) < 0.1
    return tuple(unit for unit in ranked if not clear or abs(np.log(fits[unit])) < 0.3)


def _from_none_to(end: float, first: float, last: float, step: float) -> bool:
    return abs(last - end) <= end / 200 and -end / 1000 <= first <= max(end / 100, step)


def span_note(
    name: str,
    label_times: np.ndarray,
    video_times: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    max_gap: float | None = MAX_GAP,
    time_unit: str = "",
    frames: int | None = None,
) -> str:
    """What a user must know of where a video has labels: a sentence with the seconds that have none, or not of all dimensions; '' where
    nothing is amiss.

    label_times (N,) s with labels (N,D) (None: all are valid), video_times (T,) s; time_unit: as the user gave it, '' where not given;
    frames: as in likely_units.

    Raises StavisError where labels and video have no moment in common, or the label times are likely in another unit.
    """
    if not len(label_times):
        return f"recording {name}: it has no label at all."
    first, last = float(label_times[0]), float(label_times[-1])
    start, stop = float(video_times[0]), float(video_times[-1])
    both = f"recording {name}: its labels ({first:g} to {last:g} s) and its video ({start:g} to {stop:g} s)"
    if not time_unit and (units := likely_units(np.asarray(label_times, float), np.asarray(video_times, float), frames)):
        names = " or ".join(UNIT_NAMES[unit] for unit in units)
        raise StavisError(
            f"{both} fit if the label times are {names}, not seconds: give time_unit={units[0]!r} (--time-unit {units[0]}), "
            "or 's' where they are seconds."
        )
    if first > stop or last < start:
        raise StavisError(f"{both} have no moment in common: check that they belong together.")
    ends = {
        "begin {:.2f} s after the video": first - start,
        "end {:.2f} s before the video": stop - last,
        "begin {:.2f} s before the video": start - first,
        "end {:.2f} s after the video": last - stop,
    }
    found = [text.format(seconds) for text, seconds in ends.items() if seconds > TIME_TOLERANCE]
    labels = np.zeros((len(label_times), 1)) if labels is None else labels
    missing, partly, length = _seconds_by_labels(label_times, labels, video_times, max_gap)
    least = min(TIME_TOLERANCE, length / 20)
    texts = [f"its labels {' and '.join(found)}"] if found else []
    if missing > (TIME_TOLERANCE if found else least):
        rows = "" if found else " (label rows are missing or invalid)"
        texts.append(f"{missing:.2f} of {length:.2f} s have no label and are not used{rows}")
    elif found:
        texts.append("only times that have both are used")
    if partly > least:
        texts.append(f"{partly:.2f} of {length:.2f} s have labels of some of its dimensions only")
    return f"recording {name}: {'; '.join(texts)}." if texts else ""


def seconds_without_label(
    label_times: np.ndarray, labels: np.ndarray, video_times: np.ndarray, max_gap: float | None = MAX_GAP
) -> tuple[float, float]:
    """How many seconds of a video have no label in any of the dimensions, and how many it has in all.

    A frame counts until the next one, the last one as long as the frame before it.
    """
    missing, _, length = _seconds_by_labels(label_times, labels, video_times, max_gap)
    return missing, length


def _seconds_by_labels(
    label_times: np.ndarray, labels: np.ndarray, video_times: np.ndarray, max_gap: float | None
) -> tuple[float, float, float]:
    """How many seconds of a video have a label in no dimension, in some but not in all, and how many it has."""
    known = np.isfinite(resample(label_times, labels, video_times, max_gap))
    lengths = frame_seconds(video_times)
    return float(lengths[~known.any(1)].sum()), float(lengths[known.any(1) & ~known.all(1)].sum()), float(lengths.sum())


def frame_seconds(times: Sequence[float] | np.ndarray) -> np.ndarray:
    """How long each frame of a video at times (T,) s is shown: (T,) s."""
    steps = np.diff(np.asarray(times, np.float64))
    return np.append(steps, steps[-1] if len(steps) else 0.0)
