"""The resume point of a run, after the check that it is continued with the settings and on the data it was started with."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from stavis.data.crops.crops import Crops
from stavis.errors import StavisError
from stavis.models.checkpoint import Checkpoint
from stavis.storage.cache import file_hash
from stavis.storage.files import content_hash, read_json, write_json
from stavis.training.config import TrainingConfig

_FORMER_NAMES = {"sharpness": "entropy_weight", "noise": "feature_noise"}  # in the plan.json of runs started before 0.2


def initial_weights(source: Checkpoint | None) -> dict:
    """What plan.json and a checkpoint hold of the network that training was initialised from: nothing after random initialisation."""
    return {"start": {"name": source.name, "weights_sha256": source.hash, "only_drawn": source.only_synthetic}} if source else {}


def trained_on(train: Sequence[Crops], dev: Sequence[Crops], info: dict) -> dict:
    """What plan.json holds of the data: its name, fold and delay, and digests of the recordings, labels and excluded ranges.

    The name is for a reader: a data set that was moved is the same.
    """
    crops = [*train, *dev]
    return {
        "name": info.get("data", {}).get("name"),
        "fold": info.get("data", {}).get("fold"),
        "delay": float(info.get("delay") or 0),
        "alignment": sorted({one.source for one in crops}),
        "recordings": content_hash(str(len(train)), *(part for one in crops for part in (one.recording, str(len(one)), _video(one)))),
        "labels": content_hash(*(part for one in crops for part in _labels(one))),
        "excluded ranges": content_hash(*(repr([tuple(map(float, each[:2])) for each in one.exclude]) for one in crops)),
    }


def _video(crops: Crops) -> str:
    return file_hash(crops.video) if crops.video is not None and Path(crops.video).is_file() else ""


def _labels(crops: Crops) -> tuple[str, ...]:
    # rounded: a gold standard of raters has other last digits on another machine
    values = (np.round(np.asarray(each, np.float64), 4) + 0.0 for each in (crops.label_times, crops.label_values) if each is not None)
    return (*crops.dimensions, str(crops.max_gap), *(str(each.tolist()) for each in values))


def resume_point(
    run: Path, resume: bool, training: TrainingConfig, config, system: str, source: Checkpoint | None, first: bool, data: dict
) -> Path | None:
    """The resume file to go on from, after the check (by the first process) that settings and data are those it was started with."""
    if not first:
        return run / "resume.ckpt" if resume and (run / "resume.ckpt").exists() else None
    requested = {"system": system, "plan": dataclasses.asdict(training), "config": dataclasses.asdict(config), **initial_weights(source)}
    requested["data"] = data
    requested["config"] = {k: list(v) if isinstance(v, tuple) else v for k, v in requested["config"].items()}
    point = run / "resume.ckpt"
    if not resume or not (run / "plan.json").exists():
        if (run / "plan.json").exists():
            raise StavisError(f"{run} holds a training run already: go on with --resume, or choose another folder.")
        write_json(run / "plan.json", requested)
        return None
    started = read_json(run / "plan.json")
    planned = _filled(_renamed(started.get("plan", {})), dataclasses.asdict(TrainingConfig()))
    changed = [key for key in requested["plan"] if planned[key] != requested["plan"][key]]
    changed += [key for key in ("system", "config", "start") if started.get(key) != requested.get(key)]
    begun = started.get("data") or {}  # none in a run that was begun before it was written
    changed += [key for key in data if key != "name" and key in begun and begun[key] != data[key]]
    if changed:
        what = ", ".join(changed)
        raise StavisError(f"{run} was started with other settings ({what} differ): resume with the same options, or choose another folder.")
    return _readable(point) if point.exists() else None


def _renamed(plan):
    """The settings of a plan.json under the names that they have now."""
    return {_FORMER_NAMES.get(key, key): value for key, value in plan.items()} if isinstance(plan, dict) else plan


def _filled(given, defaults):
    """What is given, and the defaults of all else: a setting that came later does by default what was done before it."""
    if not (isinstance(given, dict) and isinstance(defaults, dict)):
        return given
    return {key: _filled(given[key], value) if key in given else value for key, value in defaults.items()}


def _readable(point: Path) -> Path:
    """The resume file, after a look that it is whole and holds nothing but plain values."""
    try:
        torch.load(point, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged archive raises depends on where it is damaged
        raise StavisError(f"{point} is damaged ({type(error).__name__}): remove it to train from the start.") from error
    return point
