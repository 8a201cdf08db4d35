"""The description of a clip that goes with its buffers: what the maps are, which lines to draw, which frames or data are missing."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd

from stavis.data.faces.blendshapes import SIGNALS
from stavis.errors import StavisError
from stavis.regions import FACE, RegionSet
from stavis.show.figures.colours import GOLD, PREDICTED, PREDICTED_DARK, RATER, curve_colour, groups_of, outline_colours
from stavis.timeline import resample
from stavis.types import Clip, Prediction

FLAT = 0.05
"""A signal that moves by less than this part of its panel's range hardly changes: its row is folded away."""
TRACKER_CAVEAT = (
    "The curves of mouth, smile, frown, blink and brows are the face tracker's own estimates, no truth: it can read crying as a smile."
)
TIME_COLUMNS = ("time", "times", "time (s)", "timestamp", "seconds", "t", "time_s")


@dataclass
class Numbers:
    """Rows of one number a frame, added one after another; `buffer` is them all as float32."""

    count: int
    rows: list[np.ndarray] = field(default_factory=list)

    def add(self, values: np.ndarray) -> int:
        """The place of the new row (the first of them, for (T,R) values)."""
        values = np.asarray(values, np.float32)
        self.rows += [values] if values.ndim == 1 else list(values.T)
        return len(self.rows) - (1 if values.ndim == 1 else values.shape[1])

    @property
    def buffer(self) -> bytes:
        return np.stack(self.rows).tobytes() if self.count else b""


def rising_times(times: np.ndarray) -> tuple[np.ndarray, str]:
    """Times in seconds that rise, and '' or what was wrong with the given ones (then frames are spaced evenly)."""
    times = np.asarray(times, np.float64)
    if np.isfinite(times).all() and (np.diff(times) > 0).all():
        return times, ""
    good = np.diff(times)[np.isfinite(np.diff(times)) & (np.diff(times) > 0)]
    step = float(np.median(good)) if len(good) else 0.04
    return np.arange(len(times)) * step, f"The clip's times do not rise: frames are shown {step:.3g} s apart."


class Seen(Protocol):
    """A network that says what it was trained on; '' where nothing need be said."""

    @property
    def caution(self) -> str: ...


def notices_of(networks: Iterable[Seen]) -> tuple[str, ...]:
    """What stands on top of every scrubber, in a page, an explorer and a batch: what its networks have seen, each sentence once.

    It is about the networks, not about the clip: the same network says the same everywhere.
    """
    return tuple(dict.fromkeys(one.caution for one in networks if one.caution))


def gaps(clip: Clip) -> list[list]:
    """Segments of frames that are not valid (without a face): [first frame, last frame, reason]."""
    found = []
    for i in np.flatnonzero(~clip.valid):
        reason = clip.notes[i] or clip.no_frame_text
        if found and found[-1][1] == i - 1 and found[-1][2] == reason:
            found[-1][1] = int(i)
        else:
            found.append([int(i), int(i), reason])
    return found


def on_times(times: np.ndarray, values: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """A curve at the frames' times: the mean of its samples in a frame's segment, else interpolated; NaN beyond its ends or in its gaps."""
    known = np.isfinite(times) & np.isfinite(values)
    order = np.argsort(times[known], kind="stable")
    times, values = times[known][order], values[known][order]
    if not len(times):
        return np.full(len(frames), np.nan)
    line = resample(times, values[:, None], frames)[:, 0]
    if len(frames) < 2:
        return line
    edges = np.concatenate(
        [[frames[0] - (frames[1] - frames[0]) / 2], (frames[1:] + frames[:-1]) / 2, [frames[-1] + (frames[-1] - frames[-2]) / 2]]
    )
    index = np.digitize(times, edges) - 1
    inside = (index >= 0) & (index < len(frames))
    count = np.bincount(index[inside], minlength=len(frames))
    total = np.bincount(index[inside], weights=values[inside], minlength=len(frames))
    return np.where(count > 1, total / np.maximum(count, 1), np.where((count == 1) & np.isnan(line), total, line))


def curve_columns(curves) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(name, times, values) for each number column of a table with a time column: a DataFrame, a CSV path, or several of them by name.

    Raises StavisError where a table has no time column or no number column.
    """
    if curves is None:
        return []
    if isinstance(curves, dict):
        return [(f"{key} {name}", t, v) for key, one in curves.items() for name, t, v in curve_columns(one)]
    where = "the table of curves"
    if not isinstance(curves, pd.DataFrame):
        where = str(curves)
        try:
            curves = pd.read_csv(curves, sep=None, engine="python", encoding="utf-8-sig")
        except (OSError, ValueError, pd.errors.ParserError) as error:
            raise StavisError(f"{where} cannot be read as CSV ({type(error).__name__}): give a table with a time column.") from error
    table = curves.rename(columns=lambda name: str(name).strip())
    lower = {name.lower(): name for name in table.columns}
    time = next((lower[name] for name in TIME_COLUMNS if name in lower), None)
    if time is None:
        raise StavisError(f"{where} has no time column (time, in seconds): its columns are {', '.join(table.columns[:8])}.")
    times = pd.to_numeric(table[time], errors="coerce").to_numpy(float)
    found = []
    for name in table.columns:
        values = pd.to_numeric(table[name], errors="coerce").to_numpy(float)
        if name != time and np.isfinite(values).any():
            found.append((name, times, values))
    if not found:
        raise StavisError(f"{where} has no column of numbers beside {time}: nothing can be plotted.")
    return found


def add_traces(numbers: Numbers, clip: Clip, prediction: Prediction | None, raters, curves, messages: list[str]) -> tuple[list, list]:
    """Panels and traces of everything but shares; rows go to `numbers`, what is missing to `messages`."""
    panels, traces = [], []
    labels = clip.dimensions if clip.labels is not None else ()
    predicted = prediction.dimensions if prediction is not None else ()
    if clip.labels is None:
        messages.append("This clip has no labels.")
    raters = dict(raters or {})
    for dimension in dict.fromkeys([*predicted, *labels, *raters]):
        many = sum(dimension in part for part in (predicted, labels, raters)) > 1 or len({*predicted, *labels}) > 1
        title = dimension[:1].upper() + dimension[1:]
        shown = prediction.shown_range if dimension in predicted else (-1.0, 1.0)
        low, high = shown or (np.inf, -np.inf)
        found = []
        if dimension in raters:
            for k, values in enumerate(_rater_columns(dimension, raters[dimension], len(clip))):
                found.append({"name": f"{dimension} rater {k + 1}", "kind": "rater", "colour": RATER, "values": values})
        if dimension in labels:
            values = clip.labels[:, list(labels).index(dimension)]
            found.append(
                {"name": f"{dimension}, label", "kind": "gold", "colour": GOLD, "dark": "#E6E8EB", "dash": [4, 3], "values": values}
            )
        if dimension in predicted:
            column = list(predicted).index(dimension)
            values = on_times(np.asarray(prediction.times, float), prediction.values[:, column].astype(float), clip.times)
            found.append(
                {"name": f"{dimension}, predicted", "kind": "predicted", "colour": PREDICTED, "dark": PREDICTED_DARK, "values": values}
            )
        for trace in found:
            values = np.where(clip.valid, trace.pop("values"), np.nan) if trace["kind"] == "predicted" else trace.pop("values")
            traces.append({**trace, "panel": dimension, "row": numbers.add(values)})
            low, high = _widened(low, high, values)
        title += f" ({range_text(shown)})" if (many or found) and shown is not None else ""
        low, high = (low, high if high > low else low + 1) if np.isfinite(low) else (-1.0, 1.0)
        panels.append({"key": dimension, "title": title, "unit": "", "low": low, "high": high})
    tracked = False
    for k, (name, times, values) in enumerate(curve_columns(curves)):
        signal = name.removeprefix("tracker ")
        name = signal.replace("_", " ") if signal in SIGNALS else name  # called the same wherever they are shown
        tracked = tracked or signal in SIGNALS
        line = on_times(times, values, clip.times)
        if not np.isfinite(line).any():
            messages.append(f"The curve {name} has no value within the clip's {clip.times[0]:.2f} to {clip.times[-1]:.2f} s.")
            continue
        key = f"curve {k}"
        # The tracker's signals show their whole range, so that a trembling near 0 does not look like a movement.
        least = (0.0, 1.0) if signal in SIGNALS else (np.inf, -np.inf)
        low, high = _widened(*least, line)
        high = high if high > low else low + 1
        flat = bool(np.nanmax(line) - np.nanmin(line) < FLAT * (high - low))
        panels.append({"key": key, "title": name, "unit": "", "low": low, "high": high, "small": True, "flat": flat})
        colour = dict(zip(("colour", "dark"), curve_colour(k), strict=True))
        traces.append({"name": name, "kind": "curve", "panel": key, "row": numbers.add(line), **colour})
    messages += [TRACKER_CAVEAT] if tracked else []
    return panels, traces


def range_text(shown: tuple[float, float]) -> str:
    """The range of a value in words: "−1 to 1"."""
    return f"{shown[0]:g} to {shown[1]:g}".replace("-", "−")


def _widened(low: float, high: float, values: np.ndarray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (min(low, float(known.min())), max(high, float(known.max()))) if len(known) else (low, high)


def _rater_columns(dimension: str, values: np.ndarray, count: int) -> list[np.ndarray]:
    values = np.asarray(values, float)
    values = values[:, None] if values.ndim == 1 else values
    if len(values) != count:
        raise StavisError(f"the raters of {dimension} have {len(values)} rows for a clip of {count} frames: give one row per frame.")
    return list(values.T)


def groups(region_set: RegionSet) -> list[dict]:
    """The lines of the share chart as the browser wants them."""
    found = [(asdict(group), group) for group in groups_of(region_set)]
    return [
        {**{k: v for k, v in values.items() if k != "regions"}, "dash": list(group.dash), "rows": list(group.rows)}
        for values, group in found
    ]


def regions_of(clip: Clip) -> dict:
    """The regions as the browser wants them: names and colours; whether their outlines have corners, as boxes have and faces have not;
    which one lies behind all outlines (-1: none)."""
    used = clip.region_set
    behind = used.names.index(used.background[-1]) if used.background else -1
    return {
        "groups": groups(used),
        "regions": list(used.names),
        "regionColours": outline_colours(used),
        "corners": used != FACE,
        "behind": behind,
    }


def subject_texts(clip: Clip) -> dict[str, str]:
    """What the browser calls frames that are not valid: in words, and as the head of a column of a CSV."""
    return {"gap": clip.no_frame_text.removesuffix(" found"), "valid": "face" if clip.subject == "face" else "valid"}


def missing_texts(clip: Clip) -> list[str]:
    """Sentences on regions and frames that are not there."""
    found = []
    if clip.regions is None and clip.subject == "face":
        found.append("This clip has no face regions, so no shares: track the face first.")
    return found


def invalid_text(clip: Clip) -> str:
    """A sentence on frames that are not valid; '' for none."""
    count = int((~clip.valid).sum())
    if not count:
        return ""
    start = f"No face in {count} of" if clip.subject == "face" else f"Not read: {count} of"
    return f"{start} {len(clip)} frames: the curves have gaps there."
