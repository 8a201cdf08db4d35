"""What a data set's raters are worth: how far they agree, who lags behind whom, and the gold standard they give."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stavis.data.datasets.labels import LabelConfig
from stavis.data.datasets.selection import label_sources, recordings_of
from stavis.data.datasets.time_units import seconds_without_label, span_note
from stavis.data.datasets.truth import read_truth
from stavis.data.video.image_folder import info_of
from stavis.errors import StavisError
from stavis.evaluation.postprocess import find_delay
from stavis.metrics import ccc
from stavis.notes import Notes, show
from stavis.printable import ShortRepr
from stavis.synthetic.embedded import folder_of
from stavis.timeline import MAX_GAP
from stavis.types import Recording

LAGS = np.arange(-5, 5.01, 0.2)
"""The lags of one rater against the others that are tried, s."""


@dataclass(frozen=True, repr=False)
class LabelReport(ShortRepr):
    """The labels of a data set.

    raters: one row a dimension and rater: recordings (with any rating of it), agreement (mean CCC with each other rater, over recordings),
    lag (s, by which this one comes after the mean of the others; NaN where it never moves), mean and spread (standard deviation) of the
    marks, constant (in how many recordings it never moves). pairs: one row a dimension and pair: rater, other, ccc (mean over the
    recordings in which both gave ratings at the same times; NaN where there is none).
    gold: one row per recording and dimension: source, seconds, rate (labels/s), mean, spread, low, high, invalid (labels), without_label
    (s of the video, NaN where it cannot be read), agreement. notes: what a user must know besides.
    lag: by how many seconds the gold lags behind the truth of synthetic recordings, by dimension; empty where no truth is known.
    recordings, labelled: how many there are, and how many have labels. source: where labels are from, in words.
    """

    raters: pd.DataFrame
    pairs: pd.DataFrame
    gold: pd.DataFrame
    lag: dict[str, float]
    recordings: int
    labelled: int
    source: str
    notes: tuple[str, ...] = ()
    _shown = ("source", "recordings", "labelled", "raters", "notes")

    def matrix(self) -> str:
        """The CCC of each two raters as a square table for each dimension, as text."""
        swapped = self.pairs.rename(columns={"rater": "other", "other": "rater"})
        both = pd.concat([self.pairs, swapped], ignore_index=True)
        squares = []
        for dimension, rows in both.groupby("dimension", sort=False):
            names = list(dict.fromkeys([*rows.rater, *rows.other]))
            square = rows.pivot_table(index="rater", columns="other", values="ccc").reindex(index=names, columns=names)
            square = square.rename_axis(index=None, columns=None)
            squares.append(f"{dimension}\n{square.to_string(na_rep='', float_format='{:.3f}'.format)}")
        return "\n".join(squares)

    def as_json(self) -> dict:
        """The tables as lists of rows, undefined values as null."""
        tables = {name: _rows(getattr(self, name)) for name in ("raters", "pairs", "gold")}
        about = {"recordings": self.recordings, "labelled": self.labelled, "source": self.source, "gold_lag": self.lag}
        return {**about, **tables}


def labels(
    data: str | Path | None = None,
    split: str | None = None,
    *,
    time_unit: str | float = "",
    scale: tuple[float, float] | None = None,
    max_gap: float | None = MAX_GAP,
    quiet: bool = False,
) -> LabelReport:
    """How far the raters of a data set agree, how much each lags, and what gold standard they give.

    Parameters
    ----------
    data : str or Path, optional
        A data set's folder, or its name where it is found by itself (`stavis.datasets`); the embedded synthetic data by default.
    split : str, optional
        Only the recordings of this split; all by default.
    time_unit, scale, max_gap
        How label files are read, as in `read_dataset`.
    quiet : bool, default False
        No progress bar where the embedded data is generated.

    Returns
    -------
    LabelReport
        The tables `raters`, `pairs` and `gold`, the `lag` in s behind a known truth, and `notes`.

    Raises
    ------
    StavisError
        Where the data set cannot be read, the split is empty, nothing has labels, or label times are likely in another unit.

    Examples
    --------
    >>> import stavis, tempfile
    >>> config = stavis.SyntheticConfig(recordings=1, seconds=2.0, fps=6.25, size=(64, 64))
    >>> report = stavis.labels(stavis.synth(tempfile.mkdtemp(), config, quiet=True), quiet=True)
    >>> len(report.raters), report.recordings
    (6, 1)
    """
    recordings = recordings_of(folder_of(data, quiet), split, labels=LabelConfig(time_unit, scale, max_gap))
    labelled = [recording for recording in recordings if recording.labels is not None]
    if not labelled:
        raise StavisError(f"{data} has {len(recordings)} recordings and no labels: put NAME.csv files under labels/ or raters/.")
    dimensions = list(dict.fromkeys(dimension for recording in labelled for dimension in recording.raters))
    pairs = pd.DataFrame(
        [row for dimension in dimensions for row in _pairs(labelled, dimension)], columns=["dimension", "rater", "other", "ccc"]
    )
    raters = pd.DataFrame(
        [row for dimension in dimensions for row in _raters(labelled, dimension, pairs)],
        columns=["dimension", "rater", "recordings", "agreement", "lag", "mean", "spread", "constant"],
    )
    notes = Notes()
    gold = pd.DataFrame([row for recording in labelled for row in _gold(recording, _video_times(recording, notes))])
    show(notes)
    everything = (*dict.fromkeys(note for one in recordings for note in one.notes), *notes)
    return LabelReport(raters, pairs, gold, _truth_lag(labelled), len(recordings), len(labelled), label_sources(labelled), everything)


def _video_times(recording: Recording, notes: Notes) -> np.ndarray | None:
    """The times (T,) s of a video's frames, with a note where some have no label; None where the video cannot be read."""
    try:
        times = info_of(recording).times
    except StavisError as error:
        notes.add(f"recording {recording.name}: its labels are not compared with its video: {error}")
        return None
    options: dict[str, Any] = {"max_gap": recording.max_gap, "time_unit": recording.time_unit}
    label_times, labels = _labels_of(recording)
    if note := span_note(recording.name, label_times, times, labels, **options):
        notes.add(note)
    return times


def _names(recording: Recording, dimension: str) -> tuple[str, ...]:
    count = recording.raters[dimension].shape[1]
    return recording.rater_names.get(dimension) or tuple(f"rater {k + 1}" for k in range(count))


def _pairs(recordings: Sequence[Recording], dimension: str) -> list[dict]:
    """The mean over recordings of the CCC of each two raters who marked the same recording; 0 where one of them never moves."""
    found: dict[tuple[str, str], list[float]] = {}
    for recording in recordings:
        if dimension in recording.raters:
            pairs = itertools.combinations(_names(recording, dimension), 2)
            for pair, value in zip(pairs, _agreements(_marks(recording, dimension)), strict=True):
                found.setdefault(pair, []).append(value)
    return [
        {"dimension": dimension, "rater": first, "other": other, "ccc": _mean(np.array(values))} for (first, other), values in found.items()
    ]


def _raters(recordings: Sequence[Recording], dimension: str, pairs: pd.DataFrame) -> list[dict]:
    of: dict[str, list[tuple[Recording, int]]] = {}
    for recording in recordings:
        for column, name in enumerate(_names(recording, dimension)) if dimension in recording.raters else ():
            of.setdefault(name, []).append((recording, column))
    rows = []
    for name, marked in of.items():
        columns = [_marks(recording, dimension)[:, column] for recording, column in marked]
        own = [known for marks in columns if len(known := marks[np.isfinite(marks)])]
        beside = pairs[(pairs.dimension == dimension) & ((pairs.rater == name) | (pairs.other == name))]
        joined = np.concatenate([np.zeros(0), *own])
        rows.append(
            {
                "dimension": dimension,
                "rater": name,
                "recordings": len(own),
                "agreement": _mean(beside.ccc.to_numpy(float)),
                "lag": _lag(marked, dimension),
                "mean": _mean(joined),
                "spread": float(joined.std()) if len(joined) else np.nan,
                "constant": sum(bool(marks.min() == marks.max()) for marks in own),
            }
        )
    return rows


def _mean(values: np.ndarray) -> float:
    """The mean of the values (N,) that are known; NaN where none is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _own(recording: Recording, dimension: str) -> np.ndarray:
    """Which rows (N,) of a recording's labels were given in a dimension; the others lie between those."""
    times, _ = _labels_of(recording)
    return recording.own_rows.get(dimension, np.ones(len(times), bool))


def _marks(recording: Recording, dimension: str) -> np.ndarray:
    """The ratings (N,K) of a recording's raters as they were given."""
    return recording.raters[dimension][_own(recording, dimension)]


def _labels_of(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """The times and the labels of a labelled recording. Raises StavisError where it has none."""
    if recording.label_times is None or recording.labels is None:
        raise StavisError(f"recording {recording.name} has no labels: leave it out, or give it some.")
    return recording.label_times, recording.labels


def _lag(marked: list[tuple[Recording, int]], dimension: str) -> float:
    """By how many seconds one rater comes after the mean of the others who move, over all recordings together."""
    before, after = [], []
    for recording, column in marked:
        marks = _marks(recording, dimension)
        moves = [bool(np.ptp(known) > 0) if len(known := each[np.isfinite(each)]) else False for each in marks.T]
        moving = [k for k, there in enumerate(moves) if there and k != column]
        others = marks[:, moving].mean(1) if moving else np.full(len(marks), np.nan)
        if moves[column] and (np.isfinite(others) & np.isfinite(marks[:, column])).any():
            times = _labels_of(recording)[0][_own(recording, dimension)]
            before.append((times, others))
            after.append((times, marks[:, column]))
    return find_delay(before, after, grid=LAGS) if before else float("nan")


def _gold(recording: Recording, video_times: np.ndarray | None) -> list[dict]:
    label_times, labels = _labels_of(recording)
    rows = []
    for column, dimension in enumerate(recording.dimensions):
        own = _own(recording, dimension)
        times, values = label_times[own], labels[own, column]
        step = float(np.median(np.diff(times))) if len(times) > 1 else np.nan
        known = values[np.isfinite(values)]
        rows.append(
            {
                "recording": recording.name,
                "split": recording.split,
                "dimension": dimension,
                "source": recording.label_source,
                "seconds": float(times[-1] - times[0]),
                "rate": 1 / step,
                "mean": float(known.mean()) if len(known) else np.nan,
                "spread": float(known.std()) if len(known) else np.nan,
                "low": float(known.min()) if len(known) else np.nan,
                "high": float(known.max()) if len(known) else np.nan,
                "invalid": int(len(values) - len(known)),
                "without_label": np.nan
                if video_times is None
                else round(seconds_without_label(label_times, labels[:, [column]], video_times, recording.max_gap)[0], 3),
                "agreement": _mean(_agreements(_marks(recording, dimension))) if dimension in recording.raters else np.nan,
            }
        )
    return rows


def _agreements(marks: np.ndarray) -> np.ndarray:
    """The CCC of each two raters (N,K), where both have a mark: 0 where one never moves, NaN where they have no two marks in common."""
    values = []
    for first, other in itertools.combinations(marks.T, 2):
        both = np.isfinite(first) & np.isfinite(other)
        values.append(float(np.nan_to_num(ccc(first[both], other[both]))) if both.sum() > 1 else np.nan)
    return np.array(values, float)


def _truth_lag(recordings: Sequence[Recording]) -> dict[str, float]:
    """By how many seconds the ratings lag behind the true valence of synthetic recordings."""
    rated = [one for one in recordings if "valence" in one.raters and np.isfinite(one.raters["valence"]).any()]
    synthetic = [recording for recording in rated if recording.truth is not None]
    if not synthetic:
        return {}
    truths = [read_truth(recording.truth) for recording in synthetic if recording.truth is not None]
    predicted = [(truth.times, truth.valence) for truth in truths]
    means = [one.raters["valence"][:, np.isfinite(one.raters["valence"]).any(0)].mean(1) for one in synthetic]
    return {"valence": find_delay(predicted, [(_labels_of(one)[0], values) for one, values in zip(synthetic, means, strict=True)])}


def _rows(table: pd.DataFrame) -> list[dict]:
    return table.astype(object).where(table.notna(), None).to_dict("records")
