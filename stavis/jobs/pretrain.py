"""A checkpoint that ships with the package: rendered, trained, measured and described by one command, `stavis pretrain`."""

import dataclasses
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stavis import notes
from stavis.data.crops.build import NoTracker
from stavis.errors import StavisError, offer
from stavis.inference.predictor import Network
from stavis.jobs.train import train
from stavis.jobs.verify import machine, measure, measure_tracked
from stavis.models.card import model_card, remarks_of
from stavis.models.checkpoint import load_checkpoint, named, refuse_foreign, save_checkpoint
from stavis.progress import bar
from stavis.storage.cache import INDEX, lease_file
from stavis.storage.files import content_hash, write_json
from stavis.storage.locks import locked
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.embedded import embedded_data
from stavis.training.averaging import averaged
from stavis.training.stages import MEASURED_TRACKED, PRESETS, Stage

NAME = "sta-synthetic"
"""The preset of a folder that is called otherwise than any."""
_FINISHED = "finished.json"  # in the folder of a stage that has run to its end
_MADE_ANEW = ("format", "system", "config", "dimensions", "weights_sha256")  # of config.json, by save_checkpoint


def pretrain(
    out: str | Path,
    *,
    preset: str | None = None,
    stages: Sequence[Stage] | None = None,
    measured: dict[str, SyntheticConfig] | None = None,
    device: str = "auto",
    remarks: str = "",
    resume: bool = True,
    quiet: bool = False,
) -> Path:
    """Make a checkpoint that carries its own metrics and can verify itself: render, train, average, measure, describe.

    What it has trained stays in the cache until the checkpoint is written: after a kill or a full disk the same call goes on.

    Parameters
    ----------
    out : str or Path
        The folder of the checkpoint.
    preset : str, optional
        Which network that ships is made again, "sta-synthetic" or "sta-heads"; by default the one that the folder is called by.
    stages : sequence of (SyntheticConfig, TrainingConfig, float, dict), optional
        Stages of training, each initialised from the one before: the people, the settings, the weight in the average that is kept (1
        by default), and fields of the network's config that are others from this stage on (none by default); the preset's by default.
    measured : dict of str to SyntheticConfig, optional
        What its metrics are measured on, by name; the preset's by default.
    device : str
        "auto", "cpu", "cuda", "mps".
    remarks : str
        Markdown that goes into the model card.
    resume : bool
        Go on where a call with the same settings stopped (the default), else start again.
    quiet : bool
        No progress bars.

    Returns
    -------
    Path
        The folder of the checkpoint.

    Raises
    ------
    StavisError
        Where there is no such preset, `out` holds something else or cannot be written, or another process makes the same.

    Examples
    --------
    >>> stavis.jobs.pretrain("sta-synthetic")  # doctest: +SKIP
    """
    name = refuse_foreign(out).name  # before hours of training
    preset = preset or (name if name in PRESETS else NAME)
    if preset not in PRESETS:
        raise StavisError(f"no network that ships is called {preset!r}: {offer(preset, PRESETS)}")
    config = PRESETS[preset]
    stages = [Stage(*each) for each in (config.stages if stages is None else stages)]
    evaluated_on = {name: each.as_dict() for name, each in (config.measured if measured is None else measured).items()}
    with _kept(name, stages, config.init_from, resume) as folder:
        run = _trained(folder, name, stages, config.init_from, device, quiet)
        facts: dict[str, Any] = {"figures": measured_metrics(run, evaluated_on, device=device, quiet=quiet), "measured_on": machine(device)}
        return describe(run, out, **facts, evaluated_on=evaluated_on, remarks=remarks, command=_command(preset))


def _trained(folder: Path, name: str, stages: Sequence[Stage], init_from: str | None, device: str, quiet: bool) -> Path:
    """The checkpoint that averages the stages, each trained in `folder` unless it is there."""
    runs: list[Path] = []
    for number, stage in enumerate(stages, 1):
        run = folder / f"{name}-{number}"
        if not (run / _FINISHED).is_file():
            _train_stage(run, stage, runs[-1] if runs else init_from, device, quiet)
        runs.append(run)
    return mean_of(runs, [stage.weight for stage in stages], folder / name)


def _command(preset: str) -> str:
    return f"stavis pretrain {preset}"


@contextmanager
def _kept(name: str, stages: Sequence[Stage], init_from: str | None, resume: bool) -> Iterator[Path]:
    """The folder of the cache where the stages of these settings are trained, there or made. It goes when the block ends as it should;
    else it stays, and no process removes it while this one lives."""
    start = load_checkpoint(init_from).hash if init_from else ""
    settings = [(one.people.hash(), dataclasses.asdict(one.training), one.weight, dict(one.changes)) for one in stages]
    folder = lease_file("runs", content_hash(json.dumps([name, settings, start], sort_keys=True))[:40])
    write_json(folder / INDEX, {"what": f"{name}, {len(stages)} training stages"})
    with locked(folder / ".lock", wait=False) as mine:
        if not mine:
            raise StavisError(f"{folder} is in use: another process makes the same network; wait for it.")
        for path in () if resume else folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _train_stage(run: Path, stage: Stage, init_from: str | Path | None, device: str, quiet: bool) -> None:
    """Train one stage to its end; what is there of it already is gone on with."""
    with bar("generating the training data", quiet) as progress:
        data = embedded_data(stage.people, progress, quiet=True)
    options: dict[str, Any] = {"init_from": init_from, "device": device, "resume": True, "quiet": quiet}
    result = train(run, data, training=stage.training, **options, **stage.changes)
    if result.interrupted:
        raise KeyboardInterrupt  # some of the stages make no checkpoint
    write_json(run / _FINISHED, {"step": result.step})


def measured_metrics(
    run: Network, evaluated_on: dict[str, dict], *, device: str = "auto", quiet: bool = False
) -> dict[str, dict[str, float]]:
    """What a card reports: the metrics of crops aligned by the truth, and of some sets those of crops aligned by the tracked face; where
    the face model is not available those are not there, which is noted."""
    metrics = measure(run, evaluated_on, device=device, quiet=quiet)
    tracked = {name: spec for name, spec in evaluated_on.items() if name in MEASURED_TRACKED}
    try:
        return metrics | measure_tracked(run, tracked, device=device, quiet=quiet)
    except NoTracker as error:
        notes.show([f"no metrics through the tracker are reported: {error}"])
        return metrics


def measure_again(checkpoint: str | Path, *, device: str = "auto", quiet: bool = False) -> Path:
    """Measure a checkpoint's metrics again and write them, its weights as they were, to its config.json and its card, whose remarks stay.

    For the shipped network, after the synthetic faces or the tracker changed.
    """
    found = load_checkpoint(checkpoint)
    evaluated_on = found.info["evaluated_on"]
    metrics = measured_metrics(found, evaluated_on, device=device, quiet=quiet)
    remarks = remarks_of((found.folder / "README.md").read_text(encoding="utf-8"))
    described = {"figures": metrics, "evaluated_on": evaluated_on, "measured_on": machine(device), "remarks": remarks}
    preset = found.name if found.name in PRESETS else NAME
    return describe(found.folder, found.folder, **described, command=_command(preset))


def mean_of(runs: Sequence[str | Path], parts: Sequence[float], out: str | Path) -> Path:
    """Write the mean of several runs' best weights as a checkpoint that names those with a part; the rest is as in the last run's."""
    checkpoints = [load_checkpoint(run) for run in runs]
    last = checkpoints[-1]
    info = {key: value for key, value in last.info.items() if key not in (*_MADE_ANEW, "real_faces")}  # found of other weights
    kept = [(one, part) for one, part in zip(checkpoints, parts, strict=True) if part]
    info["averaged"] = [{"name": one.name, "weights_sha256": one.hash, "part": part} for one, part in kept]
    mean = averaged([one for one, _ in kept], [part for _, part in kept])
    return save_checkpoint(out, mean, system=last.system, info=info)


def describe(
    run: str | Path,
    out: str | Path,
    *,
    figures: dict,
    evaluated_on: dict,
    measured_on: dict | None = None,
    remarks: str = "",
    command: str = f"stavis pretrain {NAME}",
) -> Path:
    """Write a run as a checkpoint that reports its metrics, with the data and machine they were measured on and a model card."""
    checkpoint = load_checkpoint(run)
    model: Any = checkpoint.model.cpu()  # every system has a config and dimensions
    kept = {key: value for key, value in checkpoint.info.items() if key not in _MADE_ANEW}
    info = {**kept, "figures": figures, "evaluated_on": evaluated_on, "measured_on": measured_on or {}}
    told = {**info, "system": checkpoint.system, "config": json.loads(json.dumps(dataclasses.asdict(model.config)))}
    card = model_card(Path(out).name, {**told, "dimensions": named(model.dimensions)}, command=command, remarks=remarks)
    return save_checkpoint(out, model, system=checkpoint.system, info=info, card=card)
