"""One recording of a group: who is shown, in which condition, its maps on the canonical face and its curves over time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.data.faces.blendshapes import signal_table
from stavis.errors import StavisError
from stavis.groups.face_maps import FaceMaps
from stavis.inference.explained import ExplainedVideo
from stavis.inference.reading import Reading, region_tables
from stavis.inference.summary import FILE as SUMMARY
from stavis.inference.summary import read_summary
from stavis.printable import ShortRepr

SHARE, PREDICTED, SIGNAL = "share", "predicted", "signal"
"""What a curve is: the share of a region in the attention, a predicted dimension, a signal of the tracker."""

_NO_REGIONS = ("frame", "time", "valid", "entropy", "note")

Result = ExplainedVideo | Reading | str | Path
"""What a recording may be given as: an explanation, a reading, or the folder that `stavis explain` wrote."""


@dataclass(frozen=True, eq=False, repr=False)
class Member(ShortRepr):
    """One recording of a group.

    name: what it is called; person, condition: who is shown, and when; times (T,) s; curves: by type and name, (T,) with NaN in frames
    without a face; frames, frames_with_face: counts; maps: on the canonical face, None where there are none; network: the sha256 of its
    weights; densities: mean share over area by region (1 = an even spread); mirrored: whether left and right were exchanged on reading.
    """

    name: str
    person: str
    condition: str
    times: np.ndarray
    curves: dict[tuple[str, str], np.ndarray]
    frames: int
    frames_with_face: int
    maps: FaceMaps | None = None
    network: str = ""
    densities: dict[str, float] | None = None
    subject: str = "face"
    notes: tuple[str, ...] = ()
    mirrored: bool = False

    @classmethod
    def of(cls, name: str, result: Result, person: str, condition: str, mirrored: bool = False) -> "Member":
        """A recording from what is known of it; mirrored: its video shows the person as a mirror does, so left and right are exchanged.

        Raises StavisError where a folder is missing or was not written by `stavis explain`, or a reading has no crops.
        """
        made = _from_folder(Path(result)) if isinstance(result, str | Path) else _from_result(name, result)
        member = cls(name=name, person=person, condition=condition, **made)
        return member._exchanged() if mirrored else member

    @property
    def rate(self) -> float:
        """Its frames per second; NaN for a single frame."""
        return float(1 / np.median(np.diff(self.times))) if len(self.times) > 1 else float("nan")

    def _exchanged(self) -> "Member":
        curves = {(kind, _other_side(name) if kind == SHARE else name): values for (kind, name), values in self.curves.items()}
        densities = {_other_side(name): value for name, value in (self.densities or {}).items()}
        return replace(self, curves=curves, densities=densities, maps=self.maps and self.maps.mirrored(), mirrored=True)


def _other_side(name: str) -> str:
    if name.startswith("left_"):
        return "right_" + name.removeprefix("left_")
    return "left_" + name.removeprefix("right_") if name.startswith("right_") else name


def _from_result(name: str, result: ExplainedVideo | Reading) -> dict:
    if isinstance(result, Reading):
        if result.crops is None:
            raise StavisError(
                f"{name}: the reading has no crops, so no face: give what `Predictor.read` or `explain` made of a video file."
            )
        reading, crops = result, result.crops
        tables = region_tables(reading, crops)
        shares, densities = tables.shares, tables.densities
        network, notes = "", reading.notes
    else:
        reading, crops = result.reading, result.crops
        shares, densities = result.shares, result.densities
        network, notes = result.predictor.hash, result.notes
    predicted = {dimension: reading.values[:, k] for k, dimension in enumerate(reading.dimensions)}
    return {
        "times": np.asarray(crops.times, float),
        "curves": _curves(shares, predicted, signal_table(crops.track)),
        "frames": len(crops),
        "frames_with_face": int(crops.valid.sum()),
        "maps": FaceMaps.of(result),
        "network": network,
        "densities": densities,
        "subject": crops.subject,
        "notes": tuple(notes),
    }


def _from_folder(folder: Path) -> dict:
    if not folder.is_dir():
        raise StavisError(f"{folder} is no folder: give the folder that `stavis explain VIDEO --out FOLDER` wrote.")
    if not (folder / SUMMARY).is_file():
        raise StavisError(f"{folder} holds no {SUMMARY}: give the folder that `stavis explain VIDEO --out FOLDER` wrote.")
    summary = read_summary(folder / SUMMARY)
    shares = _csv(folder / "shares.csv", ("time", "valid"))
    table = _csv(folder / "predictions.csv", ("time", "dimension", "predicted"))
    predicted = {name: rows.predicted.to_numpy(float) for name, rows in table.groupby("dimension", sort=False)}
    signals = _csv(folder / "signals.csv", ("time",)) if (folder / "signals.csv").is_file() else None
    if any(len(values) != len(shares) for values in predicted.values()) or (signals is not None and len(signals) != len(shares)):
        raise StavisError(f"{folder}: shares.csv, predictions.csv and signals.csv are of different frames: explain the video again.")
    return {
        "times": shares.time.to_numpy(float),
        "curves": _curves(shares, predicted, signals),
        "frames": summary.frames,
        "frames_with_face": summary.frames_with_face,
        "maps": FaceMaps.read(folder),
        "network": str(summary.provenance.get("weights_sha256", "")),
        "densities": {name: float("nan") if value is None else float(value) for name, value in summary.mean_densities.items()},
        "subject": summary.subject,
        "notes": tuple(summary.notes),
    }


def _csv(path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise StavisError(f"{path} cannot be read as a table: explain the video again.") from error
    if missing := [name for name in needed if name not in table.columns]:
        raise StavisError(f"{path} has no column {missing[0]}: explain the video again.")
    return table


def _curves(shares: pd.DataFrame, predicted: Mapping[str, np.ndarray], signals: pd.DataFrame | None) -> dict[tuple[str, str], np.ndarray]:
    valid = shares.valid.to_numpy().astype(bool)
    curves = {(SHARE, name): shares[name].to_numpy(float) for name in shares.columns if name not in _NO_REGIONS}
    curves |= {(PREDICTED, name): np.asarray(values, float) for name, values in predicted.items()}
    if signals is not None:
        curves |= {(SIGNAL, name): signals[name].to_numpy(float) for name in signals.columns if name != "time"}
    found = {key: np.where(valid, values, np.nan) for key, values in curves.items()}
    return {key: values for key, values in found.items() if np.isfinite(values).any()}
