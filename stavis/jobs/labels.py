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

    raters: one row a dimension and rater: recordings, agreement (mean CCC with each other rater, over recordings), lag (s, by which
    this one comes after the mean of the others; NaN where it never moves), mean and spread (standard deviation) of the marks,
    constant (in how many recordings it never moves). pairs: one row a dimension and pair: rater, other, ccc (mean over recordings).
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
        if dimension not in recording.raters:
            continue
        marks = _whole(recording.raters[dimension])
        for (a, first), (b, other) in itertools.combinations(enumerate(_names(recording, dimension)), 2):
            found.setdefault((first, other), []).append(float(np.nan_to_num(ccc(marks[:, a], marks[:, b]))))
    return [
        {"dimension": dimension, "rater": first, "other": other, "ccc": float(np.mean(values))} for (first, other), values in found.items()
    ]


def _raters(recordings: Sequence[Recording], dimension: str, pairs: pd.DataFrame) -> list[dict]:
    of: dict[str, list[tuple[Recording, int]]] = {}
    for recording in recordings:
        for column, name in enumerate(_names(recording, dimension)) if dimension in recording.raters else ():
            of.setdefault(name, []).append((recording, column))
    rows = []
    for name, marked in of.items():
        own = [_whole(recording.raters[dimension])[:, column] for recording, column in marked]
        beside = pairs[(pairs.dimension == dimension) & ((pairs.rater == name) | (pairs.other == name))]
        joined = np.concatenate(own)
        rows.append(
            {
                "dimension": dimension,
                "rater": name,
                "recordings": len(marked),
                "agreement": float(beside.ccc.mean()) if len(beside) else np.nan,
                "lag": _lag(marked, dimension),
                "mean": float(joined.mean()),
                "spread": float(joined.std()),
                "constant": sum(bool(marks.min() == marks.max()) for marks in own),
            }
        )
    return rows


def _labels_of(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """The times and the labels of a labelled recording. Raises StavisError where it has none."""
    if recording.label_times is None or recording.labels is None:
        raise StavisError(f"recording {recording.name} has no labels: leave it out, or give it some.")
    return recording.label_times, recording.labels


def _lag(marked: list[tuple[Recording, int]], dimension: str) -> float:
    """By how many seconds one rater comes after the mean of the others who move, over all recordings together."""
    before, after = [], []
    for recording, column in marked:
        marks = recording.raters[dimension]
        moving = [k for k in range(marks.shape[1]) if k != column and np.nanstd(marks[:, k]) > 0]
        if moving and np.nanstd(marks[:, column]) > 0:
            times, _ = _labels_of(recording)
            before.append((times, marks[:, moving].mean(1)))
            after.append((times, marks[:, column]))
    return find_delay(before, after, grid=LAGS) if before else float("nan")


def _gold(recording: Recording, video_times: np.ndarray | None) -> list[dict]:
    times, labels = _labels_of(recording)
    step = float(np.median(np.diff(times))) if len(times) > 1 else np.nan
    rows = []
    for column, dimension in enumerate(recording.dimensions):
        values = labels[:, column]
        known = values[np.isfinite(values)]
        raters = recording.raters.get(dimension)
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
                else round(seconds_without_label(times, values[:, None], video_times, recording.max_gap)[0], 3),
                "agreement": np.nan if raters is None else _agreement(_whole(raters)),
            }
        )
    return rows


def _agreement(marks: np.ndarray) -> float:
    values = [np.nan_to_num(ccc(marks[:, a], marks[:, b])) for a, b in itertools.combinations(range(marks.shape[1]), 2)]
    return float(np.mean(values)) if values else float("nan")


def _truth_lag(recordings: Sequence[Recording]) -> dict[str, float]:
    """By how many seconds the ratings lag behind the true valence of synthetic recordings."""
    synthetic = [recording for recording in recordings if recording.truth is not None and "valence" in recording.raters]
    if not synthetic:
        return {}
    truths = [read_truth(recording.truth) for recording in synthetic if recording.truth is not None]
    predicted = [(truth.times, truth.valence) for truth in truths]
    return {"valence": find_delay(predicted, [(_labels_of(one)[0], one.raters["valence"].mean(1)) for one in synthetic])}


def _whole(marks: np.ndarray) -> np.ndarray:
    """The rows in which all raters have a mark."""
    return marks[np.isfinite(marks).all(1)]


def _rows(table: pd.DataFrame) -> list[dict]:
    return table.astype(object).where(table.notna(), None).to_dict("records")
