"""How good a network is on recordings: predictions, both protocols, intervals over recordings, files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from stavis.bootstrap import Interval, phrase
from stavis.data.crops.crops import Crops
from stavis.data.datasets.time_units import frame_seconds
from stavis.errors import StavisError, offer
from stavis.evaluation.postprocess import shifted
from stavis.inference.reading import Reading, read
from stavis.metrics import METRICS, concatenated, per_recording, scored
from stavis.printable import ShortRepr
from stavis.storage.files import atomic_file, write_json
from stavis.timeline import resample

PROTOCOLS = {"concatenated": concatenated, "per_recording": per_recording}
FILLS = ("read", "interpolate", "zero", "drop")
"""What can become of frames without a face: "read" takes the network's own value where the face is lost for a moment, at one place
(`Crops.bridged`: most likely it is covered or turned aside, and the crop shows what hides it), and interpolates elsewhere. In generated
recordings with covers (three sets of 3D heads, two of flat faces, twelve recordings each) the CCC of `sta-heads` in such frames is .59 to
.88 and .73 to .83 read, .16 to .33 and .54 to .68 interpolated. What it is for real hands and heads is not known."""
COUNTED = (
    "recordings",
    "frames",
    "frames_without_face",
    "frames_bridged",
    "frames_without_label",
    "seconds_without_label",
    "frames_excluded",
    "recordings_scored",
    "frames_scored",
)
"""What an evaluation counts."""


class NoFaces(StavisError):
    """No recording shows a face where it has a label, so that there is nothing to score."""


@dataclass(frozen=True, repr=False)
class Evaluation(ShortRepr):
    """The scores of a network on a set of recordings.

    counts are those of stavis.data.crops.counts, and fill says what became of frames without a face, delay (s) what predictions were given
    back.

    scores[protocol][metric][dimension] is an Interval; predictions has the columns recording, time, dimension, predicted, gold; readings
    holds what the network predicts and where it looks, by recording; notes are what must be known beside the scores.
    """

    scores: dict[str, dict[str, dict[str, Interval]]]
    predictions: pd.DataFrame
    readings: dict[str, Reading]
    counts: dict[str, float]
    fill: str = "read"
    delay: float = 0.0
    notes: tuple[str, ...] = ()

    def _facts(self) -> Iterator[str]:
        yield f"{self.counts['recordings_scored']} of {self.counts['recordings']} recordings scored"
        for dimension, score in self.scores["concatenated"]["ccc"].items():
            yield f"CCC of {dimension} {score.value:.3f}"

    @property
    def intervals(self) -> str:
        """Which kind the intervals are and over how many recordings, or why there are none."""
        return phrase(self.counts["recordings_scored"])

    def as_json(self) -> dict:
        """The scores as plain values: {protocol: {metric: {dimension: {value, low, high}}}, intervals, counts, fill, delay}; undefined ones
        are null, intervals says which kind they are and over how many recordings."""
        plain = {
            protocol: {
                metric: {dimension: {k: _plain(getattr(score, k)) for k in ("value", "low", "high")} for dimension, score in by.items()}
                for metric, by in metrics.items()
            }
            for protocol, metrics in self.scores.items()
        }
        return {**plain, "intervals": self.intervals, "counts": self.counts, "fill": self.fill, "delay": self.delay}


def evaluate(
    model: nn.Module,
    recordings: Sequence[Crops],
    *,
    overlap: float = 0.5,
    fill: str = "read",
    delay: float = 0.0,
    reader: Callable[[Crops], Reading] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Read every recording with the network and score it under both protocols, with intervals over recordings.

    fill says what becomes of frames without a face, which are counted: 'read' those of a face that is lost for a moment and interpolate
    the others, 'interpolate' all between their neighbours, 'zero', or 'drop' them.

    delay (s): what the training labels were moved by; predictions are given it back. What is predicted of excluded frames is left out
    before that, as training leaves these frames out. Frames without a label do not count; recordings without any face do not either
    ('zero' counts them), and are named in a StavisWarning.

    reader gives the readings instead, of crops that may have been read before.

    Raises StavisError where no recording has a label for the network's dimensions and a face.
    """
    if fill not in FILLS:
        raise StavisError(f"frames without a face cannot be filled by {fill!r}: {offer(fill, FILLS)}")
    tables, readings, faceless = [], {}, []
    counts = dict.fromkeys(COUNTED, 0)
    for done, crops in enumerate(recordings, 1):
        reading = reader(crops) if reader else read(model, crops.frames, crops.times, overlap=overlap)
        readings[crops.recording] = reading
        table = _table(crops, reading, fill, delay)
        scored = _scored(table, len(crops.times))
        faceless += [crops.recording] if not crops.valid.any() else []
        counts["recordings"] += 1
        counts["recordings_scored"] += bool(scored.any())
        counts["frames"] += len(crops.times)
        counts["frames_without_face"] += int((~crops.valid).sum())
        counts["frames_bridged"] += int(crops.bridged.sum())
        counts["frames_excluded"] += int((~crops.kept).sum())
        unlabelled = _without_gold(table, len(crops.times)) & crops.kept
        counts["frames_without_label"] += int(unlabelled.sum())
        counts["seconds_without_label"] = round(counts["seconds_without_label"] + float(frame_seconds(crops.times)[unlabelled].sum()), 3)
        counts["frames_scored"] += int(scored.sum())
        tables.append(table)
        if progress:
            progress(done, len(recordings))
    predictions = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    nothing_kept = counts["frames_excluded"] == counts["frames"]
    if not len(predictions) or predictions.gold.isna().all() or nothing_kept:
        raise StavisError("no recording of this split has a label the network can be scored against: check the split and the labels.")
    if not counts["frames_scored"]:
        raise NoFaces(f"none of the {len(faceless)} recordings of this split shows a face where it has a label: check the videos.")
    scored = "are scored as 0" if fill == "zero" else "are not scored"
    notes = (f"recordings in which no face was found {scored}: {_listed(faceless)}.",) if faceless else ()
    return Evaluation(_scores(predictions), predictions, readings, counts, fill, delay, notes)


def pair_of(model: nn.Module, crops: Crops) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and gold values of one recording's first dimension where both exist, without overlapping windows (for validation)."""
    table = _table(crops, read(model, crops.frames, crops.times, overlap=0.0))
    known = table[table.gold.notna() & table.predicted.notna() & (table.dimension == table.dimension.iloc[0])]
    return known.predicted.to_numpy(), known.gold.to_numpy()


def write_evaluation(evaluation: Evaluation, out: str | Path, provenance: dict, **more: Sequence[str]) -> Path:
    """Write metrics.json and predictions.csv (recording,time,dimension,predicted,gold) under `out`, each whole or not at all; more:
    further lists of sentences that metrics.json holds, by name."""
    out = Path(out)
    with atomic_file(out / "predictions.csv") as temporary:
        evaluation.predictions.to_csv(temporary, index=False, float_format="%.6g", errors="backslashreplace")
    write_json(
        out / "metrics.json", {**evaluation.as_json(), **{name: list(texts) for name, texts in more.items()}, "provenance": provenance}
    )
    return out


def _table(crops: Crops, reading: Reading, fill: str = "read", delay: float = 0.0) -> pd.DataFrame:
    """One row per frame and dimension the network has; predicted is NaN where it is of an excluded frame."""
    known, fill = (crops.valid | crops.bridged, "interpolate") if fill == "read" else (crops.valid, fill)
    values = as_scored(crops.times, filled(reading.prediction.values, known & crops.kept, fill), crops.kept, delay)
    # excluded ranges are of the video: with a delay, labels of frames that are kept are given while one lasts
    labels = None if crops.label_values is None else resample(crops.label_times, crops.label_values, crops.times, crops.max_gap)
    rows = []
    for column, dimension in enumerate(reading.prediction.dimensions):
        gold = labels[:, crops.dimensions.index(dimension)] if labels is not None and dimension in crops.dimensions else np.nan
        columns = {
            "recording": crops.recording,
            "time": crops.times,
            "dimension": dimension,
            "predicted": values[:, column],
            "gold": gold,
        }
        rows.append(pd.DataFrame(columns))
    return pd.concat(rows, ignore_index=True)


def as_scored(times: np.ndarray, values: np.ndarray, kept: np.ndarray, delay: float) -> np.ndarray:
    """Predictions (T,D) at times (T,) s with the raters' delay given back, NaN where they are of frames that are not kept (T,)."""
    moved = shifted(times, np.where(kept[:, None], values, 0.0), -delay)
    left_out = shifted(times, (~kept).astype(float), -delay) > 1e-6  # less is rounding of the times
    return np.where(left_out[:, None], np.nan, moved)


def filled(values: np.ndarray, valid: np.ndarray, fill: str = "interpolate") -> np.ndarray:
    """Values (T,D) with those of frames without a face (valid (T,) bool is False) replaced.

    'interpolate': by what lies between their neighbours, all NaN where there is no face at all; 'zero': by 0; 'drop': by NaN.
    """
    if valid.all():
        return values
    if fill != "interpolate":
        return np.where(valid[:, None], values, 0.0 if fill == "zero" else np.nan)
    if not valid.any():
        return np.full_like(values, np.nan)
    frames = np.arange(len(values))
    return np.stack([np.interp(frames, frames[valid], column[valid]) for column in values.T], 1)


def _scores(predictions: pd.DataFrame) -> dict:
    known = predictions.dropna(subset=["gold", "predicted"])
    scores: dict = {protocol: {metric: {} for metric in METRICS} for protocol in PROTOCOLS}
    for dimension, rows in known.groupby("dimension", sort=False):
        pairs = [(r.predicted.to_numpy(), r.gold.to_numpy()) for _, r in rows.groupby("recording", sort=False)]
        for protocol, combine in PROTOCOLS.items():
            for metric in METRICS:
                scores[protocol][metric][dimension] = scored(combine, metric, pairs)
    return scores


def _without_gold(table: pd.DataFrame, frames: int) -> np.ndarray:
    """Which frames have a label in no dimension: (T,) bool. The table holds all frames of the first dimension, then of the next."""
    return table.gold.isna().to_numpy().reshape(-1, frames).all(0)


def _scored(table: pd.DataFrame, frames: int) -> np.ndarray:
    return (table.gold.notna() & table.predicted.notna()).to_numpy().reshape(-1, frames).any(0)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
