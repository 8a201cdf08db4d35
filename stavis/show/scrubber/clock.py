"""Two readings on one clock: of one recording on the same frames, of two side by side at common times; the curves of both in one chart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import pandas as pd

from stavis.attention.shares import shares_over_time
from stavis.errors import StavisError, offer
from stavis.inference.explained import ExplainedVideo
from stavis.regions import spread
from stavis.show.figures.colours import LINES, groups_of
from stavis.show.scrubber.describe import FLAT, range_text
from stavis.types import AttentionMaps, Clip

_MOST = 20000
_SHARE = "share on "
MODES = {"side by side": "side", "wipe": "wipe", "difference": "difference"}
"""How two maps of the same frames are shown, and what the page calls it."""


@dataclass(frozen=True)
class OneClock:
    """clip: the frames of both beside each other, or the frames that both have; maps: the attention of both; curves: predictions and
    shares with names; messages: rates, gaps; same: whether both have the same frames, so that the maps lie on the same pixels."""

    clip: Clip
    maps: dict[str, AttentionMaps]
    curves: pd.DataFrame
    names: tuple[str, str]
    messages: tuple[str, ...]
    same: bool = False

    def mode(self, view: str) -> dict[str, str]:
        """What a scrubber's `view` is for this view of both. Raises StavisError where it is none, or needs the same frames."""
        if view not in MODES:
            raise StavisError(f"two results have no view {view!r}: {offer(view, MODES)}")
        if self.same and len(self.maps) == 2:
            return {"mode": MODES[view], "second": list(self.maps)[1]}
        if view != "side by side":
            why = "do not both have attention" if self.same else "do not have the same frames"
            raise StavisError(f"{' and '.join(self.names)} {why}, so there is no {view}: choose side by side.")
        return {}


def common_times(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The times (T,) s of the one with more frames a second, carried on in its step to where the other begins and ends, and through its
    pauses where the other has frames."""
    fine, other = sorted((np.asarray(first, float), np.asarray(second, float)), key=_step)
    step = _step(fine)
    before = np.arange(1, np.floor((fine[0] - other[0]) / step + 1e-6) + 1)[::-1]
    after = np.arange(1, np.floor((other[-1] - fine[-1]) / step + 1e-6) + 1)
    if max(len(fine), len(other)) > _MOST:
        raise StavisError(f"a recording has {max(len(fine), len(other))} frames, more than {_MOST}: compare fewer seconds.")
    within = [_through(start, stop, step, other) for start, stop in pairwise(fine.tolist()) if stop - start > 1.5 * step]
    if len(before) + len(fine) + len(after) + sum(map(len, within)) > _MOST:
        raise StavisError(f"the two recordings lie too far apart for one clock (more than {_MOST} frames): give the second an offset.")
    return np.sort(np.concatenate([fine[0] - step * before, fine, *within, fine[-1] + step * after]))


def _through(start: float, stop: float, step: float, other: np.ndarray) -> np.ndarray:
    """Times in steps between two frames that lie further apart, where the other recording has frames."""
    reach = _step(other)
    first, last = max(start, other[0] - reach), min(stop, other[-1] + reach)
    count = np.arange(max(1, np.ceil((first - start) / step)), min((stop - start) / step - 0.5, (last - start) / step) + 1e-6)
    if len(count) > _MOST:
        raise StavisError(f"the two recordings lie too far apart for one clock (more than {_MOST} frames): give the second an offset.")
    times = start + step * count
    return times[nearest_frames(other, times) >= 0]


def nearest_frames(times: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """For each time of the clock the nearest frame (T,), -1 where none is within one step of the recording."""
    times = np.asarray(times, float)
    at = np.clip(np.searchsorted(times, clock), 1, max(1, len(times) - 1))
    left, right = at - 1, np.minimum(at, len(times) - 1)
    nearest = np.where(np.abs(times[right] - clock) < np.abs(clock - times[left]), right, left)
    return np.where(np.abs(times[nearest] - clock) <= _step(times) + 1e-6, nearest, -1)


def _step(times: np.ndarray) -> float:
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.04


def on_one_clock(results: Sequence[ExplainedVideo], names: Sequence[str] | None = None, offset: float = 0.0) -> OneClock:
    """Two explanations on the clock of the faster one; `offset` (s) is added to the times of the second.

    Raises StavisError where not two are given, or two names.
    """
    if len(results) != 2:
        raise StavisError(f"{len(results)} results are given, expected two: give [first, second].")
    labels = tuple(names or (one.crops.recording for one in results))
    if len(labels) != 2:
        raise StavisError(f"{len(labels)} names are given for two results: give names=(first, second).")
    if not np.isfinite(offset):
        raise StavisError(f"an offset of {offset} s cannot be: give the seconds that are added to the times of the second result.")
    labels = labels if labels[0] != labels[1] else (f"{labels[0]} (1)", f"{labels[1]} (2)")
    if offset == 0 and _same_frames(*(one.clip for one in results)):
        return _on_the_same_frames(results, labels)
    times = [np.asarray(one.clip.times, float) + shift for one, shift in zip(results, (0.0, offset), strict=True)]
    clock = common_times(*times)
    rows = [nearest_frames(one, clock) for one in times]
    height = max(one.clip.frames.shape[1] for one in results)
    panes = [_pane(one.clip.frames, row, height) for one, row in zip(results, rows, strict=True)]
    seen = [(row >= 0) & one.clip.valid[np.maximum(row, 0)] for one, row in zip(results, rows, strict=True)]
    lacking = ["; ".join(f"{name}: no frame" for name, row in zip(labels, rows, strict=True) if row[i] < 0) for i in range(len(clock))]
    clip = Clip(
        np.concatenate(panes, 2), clock, valid=seen[0] | seen[1], notes=tuple(lacking), subject="frame", recording=" | ".join(labels)
    )
    maps = {}
    for k, (name, one) in enumerate(zip(labels, results, strict=True)):
        if one.attention is not None:
            maps[f"attention, {name}"] = _map(one.attention, rows[k], [pane.shape[1:3] for pane in panes], k, clock)
    if len(maps) == 2:
        both = sum(one.weights for one in maps.values()) / 2
        maps = {"attention of both": AttentionMaps(both, clock), **maps}
    curves = {"time": clock}
    for name, one, row, known in zip(labels, results, rows, seen, strict=True):
        curves |= {f"{key}, {name}": np.where(known, values[np.maximum(row, 0)], np.nan) for key, values in _lines(one).items()}
    return OneClock(clip, maps, pd.DataFrame(curves), labels, _messages(labels, times, rows, clock))


def _same_frames(first: Clip, second: Clip) -> bool:
    return np.array_equal(first.times, second.times) and np.array_equal(first.frames, second.frames)


def _on_the_same_frames(results: Sequence[ExplainedVideo], labels: tuple[str, str]) -> OneClock:
    """Two readings of the same frames, by two networks or with two settings: the frames once, and both maps over them."""
    clip = results[0].clip
    maps = {f"attention, {name}": one.attention for name, one in zip(labels, results, strict=True) if one.attention is not None}
    curves = {"time": clip.times}
    for name, one in zip(labels, results, strict=True):
        values = one.prediction.values
        curves |= {f"{key}, {name}": np.where(clip.valid, values[:, k], np.nan) for k, key in enumerate(one.prediction.dimensions)}
    return OneClock(clip, maps, pd.DataFrame(curves), labels, (), same=True)


def _pane(frames: np.ndarray, rows: np.ndarray, height: int) -> np.ndarray:
    """The frames of one recording at the clock's times, at a common height; grey where there is none."""
    width = max(1, round(frames.shape[2] * height / frames.shape[1]))
    pane = np.full((len(rows), height, width, 3), 118, np.uint8)
    for i in np.flatnonzero(rows >= 0):
        pane[i] = cv2.resize(frames[rows[i]], (width, height), interpolation=cv2.INTER_AREA)
    return pane


def _map(maps: AttentionMaps, rows: np.ndarray, sizes: list, k: int, clock: np.ndarray) -> AttentionMaps:
    """The map of one recording on the pixels of both, zero over the other; no numbers where the recording has no frame."""
    own = spread(maps.weights, sizes[k])[np.maximum(rows, 0)]
    blank = np.zeros((len(rows), *sizes[1 - k]), own.dtype)
    whole = np.concatenate([own, blank] if k == 0 else [blank, own], 2)
    whole[rows < 0] = np.nan
    return AttentionMaps(whole.astype(np.float32), clock)


def _lines(one: ExplainedVideo) -> dict[str, np.ndarray]:
    """What is drawn of each: its predicted values, and the share of each part in its attention."""
    found = {name: one.prediction.values[:, k] for k, name in enumerate(one.prediction.dimensions)}
    if one.attention is not None and one.clip.regions is not None:
        table = shares_over_time(one.clip, one.attention)
        for group in groups_of(one.clip.region_set):
            if not group.faint:
                found[f"{_SHARE}{group.label}"] = table[list(group.regions)].sum(axis=1, skipna=False).to_numpy()
    return found


def _messages(labels, times, rows, clock) -> tuple[str, ...]:
    found = [f"{name}: {_rate(one):.4g} frames/s from {one[0]:.2f} to {one[-1]:.2f} s." for name, one in zip(labels, times, strict=True)]
    for name, row in zip(labels, rows, strict=True):
        if (row < 0).any():
            found.append(f"{name} has no frame at {int((row < 0).sum())} of the {len(clock)} times: it is grey there.")
    return (*found, "The two recordings do not have the same frames: there is no wipe between their maps and no difference of them.")


def _rate(times: np.ndarray) -> float:
    return 1 / _step(times)


def in_one_chart(meta: dict, names: Sequence[str], ranges: Mapping[str, tuple[float, float]]) -> dict:
    """The description of a clip with the curves of both in one panel: "valence, anna" and "valence, ben" in "valence".

    Shares are shown from 0 to 100 %, predicted values over their range where `ranges` names it, so that small is seen to be small;
    shares that are next to nothing in both are folded.
    """
    panels: dict[str, dict] = {}
    moved = {}
    for panel in meta["panels"]:
        base = next((panel["title"].removesuffix(f", {name}") for name in names if panel["title"].endswith(f", {name}")), panel["title"])
        moved[panel["key"]] = base
        old = panels.get(base, panel)
        bounds = {"low": min(old["low"], panel["low"]), "high": max(old["high"], panel["high"])}
        panels[base] = {**panel, "key": base, "title": base, "small": False, "flat": False, **bounds}
    for base, panel in panels.items():
        if base.startswith(_SHARE):
            panel |= {"unit": "%", "low": 0.0, "high": 1.0, "flat": panel["high"] < FLAT}
        elif base in ranges:
            low, high = ranges[base]
            title = f"{base[:1].upper()}{base[1:]} ({range_text(ranges[base])})"
            panel |= {"low": min(low, panel["low"]), "high": max(high, panel["high"]), "title": title}
    traces = []
    for trace in meta["traces"]:
        k = next((k for k, name in enumerate(names) if trace["name"].endswith(f", {name}")), None)
        look = {"colour": LINES[1 - k][0], "dark": LINES[1 - k][1], "dash": [[], [6, 3]][k]} if k is not None else {}
        traces.append({**trace, **look, "panel": moved[trace["panel"]]})
    return {**meta, "panels": list(panels.values()), "traces": traces}
