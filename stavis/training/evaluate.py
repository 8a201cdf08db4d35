"""How good a network is on recordings: predictions, both protocols, intervals over recordings, files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from stavis.data.crops import Crops
from stavis.errors import StavisError
from stavis.metrics import METRICS, Score, bootstrap, concatenated, per_recording
from stavis.storage import atomic_file, write_json
from stavis.training.reading import Reading, read

PROTOCOLS = {"concatenated": concatenated, "per_recording": per_recording}


@dataclass(frozen=True)
class Evaluation:
    """The scores of a network on a set of recordings.

    scores[protocol][metric][dimension] is a Score; predictions has the columns recording, time, dimension, predicted, gold; readings
    holds what the network said and where it looked, by recording; counts tells frames read, without a face, without a label.
    """

    scores: dict[str, dict[str, dict[str, Score]]]
    predictions: pd.DataFrame
    readings: dict[str, Reading]
    counts: dict[str, int]

    def as_json(self) -> dict:
        """The scores as plain values: {protocol: {metric: {dimension: {value, low, high}}}, counts}; undefined ones are null."""
        plain = {
            protocol: {
                metric: {dimension: {k: _plain(getattr(score, k)) for k in ("value", "low", "high")} for dimension, score in by.items()}
                for metric, by in metrics.items()
            }
            for protocol, metrics in self.scores.items()
        }
        return {**plain, "counts": self.counts}


def evaluate(
    model: nn.Module,
    recordings: Sequence[Crops],
    *,
    overlap: float = 0.5,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Read every recording with the network and score it under both protocols, with bootstrap intervals over recordings.

    Frames without a face take the value interpolated between their neighbours (counted); frames without a label do not count.

    Raises StavisError where no recording has a label for the network's dimensions.
    """
    tables, readings = [], {}
    counts = {"recordings": 0, "frames": 0, "frames_without_face": 0, "frames_without_label": 0}
    for done, crops in enumerate(recordings, 1):
        reading = read(model, crops.frames, crops.times, overlap=overlap)
        readings[crops.recording] = reading
        table = _table(crops, reading)
        counts["recordings"] += 1
        counts["frames"] += len(crops.times)
        counts["frames_without_face"] += int((~crops.valid).sum())
        counts["frames_without_label"] += int(table.gold.isna().sum())
        tables.append(table)
        if progress:
            progress(done, len(recordings))
    predictions = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    if not len(predictions) or predictions.gold.isna().all():
        raise StavisError("no recording of this split has a label the network can be scored against: check the split and the labels.")
    return Evaluation(_scores(predictions, seed), predictions, readings, counts)


def pair_of(model: nn.Module, crops: Crops) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and gold values of one recording's first dimension where both exist, without overlapping windows (for validation)."""
    table = _table(crops, read(model, crops.frames, crops.times, overlap=0.0))
    known = table[table.gold.notna() & (table.dimension == table.dimension.iloc[0])]
    return known.predicted.to_numpy(), known.gold.to_numpy()


def write_evaluation(evaluation: Evaluation, out: str | Path, provenance: dict) -> Path:
    """Write metrics.json and predictions.csv (recording,time,dimension,predicted,gold) under `out`, each whole or not at all."""
    out = Path(out)
    with atomic_file(out / "predictions.csv") as temporary:
        evaluation.predictions.to_csv(temporary, index=False, float_format="%.6g")
    write_json(out / "metrics.json", {**evaluation.as_json(), "provenance": provenance})
    return out


def _table(crops: Crops, reading: Reading) -> pd.DataFrame:
    """One row a frame and dimension the network has."""
    values = _fill(reading.prediction.values, crops.valid)
    rows = []
    for column, dimension in enumerate(reading.prediction.dimensions):
        known = crops.labels is not None and dimension in crops.dimensions
        gold = crops.labels[:, crops.dimensions.index(dimension)] if known else np.nan
        columns = {
            "recording": crops.recording,
            "time": crops.times,
            "dimension": dimension,
            "predicted": values[:, column],
            "gold": gold,
        }
        rows.append(pd.DataFrame(columns))
    return pd.concat(rows, ignore_index=True)


def _fill(values: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Values (T,D) with those of frames without a face interpolated between their neighbours; all NaN where there is no face at all."""
    if valid.all():
        return values
    if not valid.any():
        return np.full_like(values, np.nan)
    frames = np.arange(len(values))
    return np.stack([np.interp(frames, frames[valid], column[valid]) for column in values.T], 1)


def _scores(predictions: pd.DataFrame, seed: int) -> dict:
    known = predictions.dropna(subset=["gold", "predicted"])
    scores: dict = {protocol: {metric: {} for metric in METRICS} for protocol in PROTOCOLS}
    for dimension, rows in known.groupby("dimension", sort=False):
        pairs = [(r.predicted.to_numpy(), r.gold.to_numpy()) for _, r in rows.groupby("recording", sort=False)]
        for protocol, combine in PROTOCOLS.items():
            for metric, function in METRICS.items():
                scores[protocol][metric][dimension] = bootstrap(combine, function, pairs, seed=seed)
    return scores


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
