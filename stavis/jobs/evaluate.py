"""A run evaluated on one split of a folder: scores under both protocols, attention against the truth where it is known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stavis.attention.cue_scores import CueScores, cue_scores, cue_trace
from stavis.bootstrap import Interval
from stavis.data.crops.crops import CropConfig, Crops
from stavis.data.crops.many import crops_for
from stavis.data.datasets.labels import LabelConfig
from stavis.data.datasets.selection import data_facts, label_sources, recordings_of
from stavis.data.datasets.truth import read_truth
from stavis.evaluation.evaluate import Evaluation
from stavis.evaluation.evaluate import evaluate as evaluate_model
from stavis.inference.devices import choose_device
from stavis.models.checkpoint import load_checkpoint
from stavis.progress import bar
from stavis.provenance import provenance
from stavis.synthetic.embedded import folder_of
from stavis.timeline import MAX_GAP
from stavis.types import Recording

_FILLED = {"interpolate": "interpolated", "zero": "predicted as 0", "drop": "not scored"}


@dataclass(frozen=True)
class RunEvaluation:
    """A run's scores on one split, with the attention scored against the truth by scenario where the recordings are drawn ones."""

    evaluation: Evaluation
    cue: dict[str, CueScores]
    recordings: list[Recording]
    crops: list[Crops]
    provenance: dict[str, str]

    def score(self, metric: str = "ccc", protocol: str = "concatenated") -> Interval:
        """One metric of the network's first dimension."""
        return next(iter(self.evaluation.scores[protocol][metric].values()))


def evaluate_run(
    run: str | Path,
    data: str | Path | None = None,
    *,
    split: str = "test",
    device: str = "auto",
    source: str = "auto",
    fill: str = "interpolate",
    fold: int | None = None,
    exclude: str | Path | None = None,
    time_unit: str | float = "",
    scale: tuple[float, float] | None = None,
    max_gap: float | None = MAX_GAP,
    quiet: bool = False,
) -> RunEvaluation:
    """Evaluate a run on one split of a data set (the embedded data where none is given).

    The delay that the run's labels were moved by is given back to its predictions. fill: what becomes of frames without a face
    (interpolate, zero, drop). fold: which of AFEW-VA's folds is the test split (None: that of the run). exclude: a CSV of ranges
    that are left out. time_unit, scale, max_gap: how label files are read, as in `read_dataset`.

    Raises StavisError where the run or the data cannot be read, or the split has no labels.
    """
    checkpoint = load_checkpoint(run)
    model, config = checkpoint.model.to(choose_device(device)), checkpoint.model.config
    folder = folder_of(data, quiet)
    fold = checkpoint.info.get("data", {}).get("fold") if fold is None and data_facts(folder).get("format") == "AFEW-VA" else fold
    reading = LabelConfig(time_unit, scale, max_gap)
    recordings = recordings_of(folder, split, labelled=True, fold=fold, exclude=exclude, labels=reading)
    with bar(f"cropping the {split} split", quiet) as progress:
        crops = crops_for(recordings, CropConfig(size=config.crop_size, rate=None, source=source), progress)
    with bar("reading the recordings", quiet) as progress:
        delay = float(checkpoint.info.get("delay") or 0)
        evaluation = evaluate_model(model, crops, fill=fill, delay=delay, progress=progress)
    facts = data_facts(folder)
    return RunEvaluation(
        evaluation=evaluation,
        cue=_cue(evaluation, recordings, crops),
        recordings=recordings,
        crops=crops,
        provenance=provenance(
            system=checkpoint.system,
            weights_sha256=checkpoint.hash,
            data=facts["name"],
            data_hash=facts.get("hash"),
            split=split,
            fold=fold,
            recordings=len(recordings),
            labels=label_sources(recordings),
            delay=f"{delay:g} s" if delay else None,
            frames_without_face=f"{evaluation.counts['frames_without_face']}, {_FILLED[fill]}",
            crop=f"{', '.join(sorted({c.source for c in crops}))}, {config.crop_size} px",
        ),
    )


def _cue(evaluation: Evaluation, recordings: list[Recording], crops: list[Crops]) -> dict[str, CueScores]:
    """Attention against the truth, by scenario ("mouth", "eyes", "switching", ...), for drawn recordings only."""
    traces: dict[str, list] = {}
    for recording, cropped in zip(recordings, crops, strict=True):
        reading = evaluation.readings[recording.name]
        if recording.truth is None or reading.attention is None:
            continue
        truth = read_truth(recording.truth)
        if len(truth.times) != len(cropped.times):
            continue
        regions = cropped.clip().regions
        traces.setdefault(scenario_of(truth.mouth_cue, truth.carrier), []).append(
            cue_trace(reading.attention, regions, truth.mouth_cue, truth.carrier)
        )
    return {name: cue_scores(each) for name, each in traces.items()}


def scenario_of(mouth_cue: np.ndarray, carrier: np.ndarray) -> str:
    """What a drawn recording asks of the attention: to stay on the mouth or the eyes, or to switch."""
    seen = set(np.unique(carrier[carrier >= 0]).tolist())
    return {frozenset({0}): "mouth", frozenset({1}): "eyes", frozenset({0, 1}): "switching"}.get(frozenset(seen), "other")
