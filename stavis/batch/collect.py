"""Results collected from a report's folder, as numbers that an index can show: scores, shares, a verdict, a small image."""

import csv
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from stavis.batch.record import THUMBNAIL, Report
from stavis.data.datasets.exclusion import read_exclusions, with_exclusions
from stavis.data.datasets.folder import normal
from stavis.data.datasets.labels import read_labels
from stavis.data.datasets.selection import with_annotations
from stavis.data.video.io import probe, read_frames
from stavis.errors import StavisError
from stavis.evaluation.evaluate import as_scored
from stavis.inference.summary import FILE, read_summary
from stavis.metrics import ccc
from stavis.notes import Notes
from stavis.show.figures.colours import GROUPS
from stavis.storage.files import read_json
from stavis.timeline import outside, resample
from stavis.types import Recording

POINTS = 40  # of a sparkline
QUESTIONS = ("needed", "sufficient", "unique", "agrees")
_MOST_FIGURES = 12
_MOST_SENTENCES, _LONGEST = 4, 600
_WIDTH, _HEIGHT = 80, 60


def collected(report: Report, folder: Path) -> Report:
    """The report with the results that its notebook wrote (explain.json, shares.csv, predictions.csv, metrics.json, ..., figures.json).

    figures.json is what a notebook of your own writes: names to numbers, and "finding" to a sentence or a list of them. A file that is
    no such thing is passed over.
    """
    metrics, judged, own = (_json(folder, name) for name in ("metrics.json", "verdict.json", "figures.json"))
    scores = {**_scores(metrics), **_cue(_json(folder, "attention.json"))}
    finding, notices = _said(_path(folder, FILE), judged, metrics, own)
    figures = {**_valence(_path(folder, "predictions.csv"), report, _delay(_path(folder, FILE))), **scores, **own}
    numbers = {str(name)[:40]: float(value) for name, value in figures.items() if _finite(value)}
    verdict = {question: str(judged[question].get("answer", ""))[:20] for question in QUESTIONS if isinstance(judged.get(question), dict)}
    return replace(
        report,
        figures=dict(list(numbers.items())[:_MOST_FIGURES]),
        shares=_shares(_path(folder, "shares.csv")),
        curve=_curve(_path(folder, "predictions.csv")),
        verdict=verdict,
        regions=[*_regions(_path(folder, FILE)), *_parts(judged)],
        finding=finding,
        notices=notices,
    )


def thumbnail(video: str, folder: Path) -> None:
    """Write a small image of the middle of a video; nothing where it cannot be read."""
    with suppress(StavisError, OSError, cv2.error, ValueError):
        info = probe(video)
        middle = len(info.times) // 2
        passed_over = Notes()  # the report itself holds what its reading of the video noted
        frame = next(iter(read_frames(video, start=middle, stop=middle + 1, longest_side=160, info=info, notes=passed_over)))
        height, width = frame.image.shape[:2]
        scale = max(_WIDTH / width, _HEIGHT / height)
        small = cv2.resize(
            frame.image, (max(_WIDTH, round(width * scale)), max(_HEIGHT, round(height * scale))), interpolation=cv2.INTER_AREA
        )
        top, left = (small.shape[0] - _HEIGHT) // 2, (small.shape[1] - _WIDTH) // 2
        cut = small[top : top + _HEIGHT, left : left + _WIDTH, ::-1]
        done, data = cv2.imencode(".jpg", np.ascontiguousarray(cut), [cv2.IMWRITE_JPEG_QUALITY, 70])
        if done:
            (folder / THUMBNAIL).write_bytes(data.tobytes())


def _path(folder: Path, name: str) -> Path | None:
    return next((path for place in (folder, *sorted(folder.glob("*/"))) if (path := place / name).is_file()), None)


def _json(folder: Path, name: str) -> dict:
    path = _path(folder, name)
    with suppress(StavisError):
        value = read_json(path, 8 << 20) if path else {}
        return value if isinstance(value, dict) else {}
    return {}


def _finite(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _scores(metrics: dict) -> dict[str, float]:
    """CCC and RMSE over all recordings end to end, of the first dimension."""
    found = {}
    with suppress(AttributeError, StopIteration, TypeError):
        for metric in ("ccc", "rmse"):
            found[metric.upper()] = next(iter(metrics.get("concatenated", {}).get(metric, {}).values()))["value"]
    return found


def _cue(attention: dict) -> dict[str, float]:
    """How far the attention follows the known cue, for synthetic faces."""
    names = {"mouth_cue_correlation": "cue r", "cue_density": "cue density"}
    scores = {name: next(iter(attention.values()), {}) if name not in attention else attention for name in names}
    found = {}
    for name, shown in names.items():
        with suppress(AttributeError, TypeError):
            found[shown] = scores[name].get(name, {}).get("value")
    return found


def _delay(explained: Path | None) -> float:
    """By how many seconds the labels of an explanation's network lagged in training: its predictions are given that back."""
    with suppress(StavisError, ValueError, IndexError):
        if explained is not None:
            return float(read_summary(explained).provenance.get("delay", "0 s").split()[0])
    return 0.0


def _excluded(report: Report) -> tuple[tuple[float, float, str], ...]:
    """The ranges that the recording's data set leaves out of metrics."""
    video = Path(report.video)
    path = video.parent.parent / "exclude.csv"
    recording = with_annotations(Recording(normal(video.stem), video), video.parent.parent)
    return with_exclusions([recording], read_exclusions(path), path)[0].exclude if path.is_file() else recording.exclude


def _valence(predictions: Path | None, report: Report, delay: float) -> dict[str, float]:
    """The mean of the predicted first dimension over one recording, and its CCC where the recording has labels: with the delay (s) given
    back and without excluded ranges, as `evaluate` scores it."""
    if predictions is None:
        return {}
    try:
        table = pd.read_csv(predictions)
        if "recording" in table or not {"time", "dimension", "predicted"} <= set(table):
            return {}
        name = str(table.dimension.iloc[0])
        table = table[table.dimension == name]
        found = {f"mean {name}": round(float(table.predicted.mean()), 3)}
        if report.labels:
            gold = read_labels(report.labels, (name,))
            times, values = table.time.to_numpy(float), table.predicted.to_numpy(float)
            gold = resample(gold.times, gold.values, times)[:, 0]
            predicted = as_scored(times, values[:, None], np.isfinite(values) & outside(times, _excluded(report)), delay)[:, 0]
            known = np.isfinite(gold) & np.isfinite(predicted)
            if known.sum() > 1:
                found["CCC"] = round(float(ccc(predicted[known], gold[known])), 3)
        return found
    except (StavisError, OSError, ValueError, IndexError, TypeError):
        return {}


def _shares(path: Path | None) -> dict[str, list[int]]:
    """The share of each part of the face over time in percent, at most POINTS values each."""
    if path is None:
        return {}
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        known = set(rows[0]) if rows else set()
        groups = [group for group in GROUPS if not group.faint and known.issuperset(group.regions)]
        values = {group.key: sum(np.array([float(row[name] or "nan") for row in rows]) for name in group.regions) for group in groups}
    except (OSError, ValueError, TypeError, csv.Error):
        return {}
    if all(np.isnan(one).all() for one in values.values()):
        return {}
    return {name: [round(100 * value) for value in np.clip(_thinned(one), 0, 1)] for name, one in values.items()}


def _curve(path: Path | None) -> dict[str, list[int]]:
    """The first predicted dimension of one recording over time, times 100, at most POINTS values."""
    if path is None:
        return {}
    try:
        table = pd.read_csv(path)
        if "recording" in table or not {"time", "dimension", "predicted"} <= set(table) or not len(table):
            return {}
        name = str(table.dimension.iloc[0])
        values = table.predicted[table.dimension == name].to_numpy(float)
        return {name[:40]: [round(100 * value) for value in _thinned(values)]} if np.isfinite(values).any() else {}
    except (OSError, ValueError, TypeError):
        return {}


def _thinned(values: np.ndarray) -> np.ndarray:
    """Means of at most POINTS segments, without those that have no value."""
    means = [np.mean(part[np.isfinite(part)]) for part in np.array_split(values, min(POINTS, len(values))) if np.isfinite(part).any()]
    return np.asarray(means)


def _said(explained: Path | None, *others: dict) -> tuple[list[str], list[str]]:
    """What was found and what must be read first: of an explanation, else of the first result that says what was found."""
    with suppress(StavisError):
        if explained is not None:
            summary = read_summary(explained)
            return _sentences(summary.finding), _sentences(summary.notices)
    said = next((one for one in others if one.get("finding")), {})
    return _sentences(said.get("finding")), _sentences(said.get("notices"))


def _sentences(value: object) -> list[str]:
    """At most _MOST_SENTENCES texts of bounded length, whatever a file holds."""
    texts = [value] if isinstance(value, str) else value if isinstance(value, list | tuple) else []
    return [text[:_LONGEST] for text in texts if isinstance(text, str)][:_MOST_SENTENCES]


def _regions(explained: Path | None) -> list[dict]:
    """Share and density of every region, for the attention and each attribution of one recording."""
    with suppress(StavisError):
        return read_summary(explained).regions() if explained else []
    return []


def _parts(judged: dict) -> Iterator[dict]:
    """Share and density of the attention over all clips of a verdict."""
    rows = [row for row in judged.get("localisation") or [] if isinstance(row, dict) and "part" in row]
    face = any(row["part"] == "outside" for row in rows)
    for row in rows:
        version = {"regions_version": judged.get("regions_version", 1) if face else None}
        yield version | {"method": "attention", "region": str(row["part"]), "share": row.get("share"), "density": row.get("density")}
