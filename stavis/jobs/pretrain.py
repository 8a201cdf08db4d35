"""The checkpoint that ships with the package: rendered, trained, measured and described by one command, `stavis pretrain`."""

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from stavis import notes
from stavis.data.crops.build import NoTracker
from stavis.inference.source import Source
from stavis.jobs.train import train
from stavis.jobs.verify import machine, measure, measure_tracked
from stavis.models.card import model_card, remarks_of
from stavis.models.checkpoint import load_checkpoint, named, save_checkpoint
from stavis.progress import bar
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.embedded import embedded_data
from stavis.training.augment import TRACKER_ERRORS, Jitter
from stavis.training.averaging import averaged
from stavis.training.config import TrainingConfig

NAME = "sta-synthetic"
COMMAND = "stavis pretrain sta-synthetic"
SPEC = SyntheticConfig(
    scenarios=("switching", "switching", "mouth", "eyes", "occlusion"),
    recordings=2800,
    seconds=4.8,
    fps=6.25,
    seed=20,
    shares=(0.97, 0.03, 0.0),
    rater_noise=0.05,
    diversity=0.6,
)
"""Many people for a short time each, at the network's own frame rate: new people teach more than new frames of the same ones."""
JITTER = Jitter(
    contrast=0.3,
    saturation=0.5,
    tint=0.15,
    gamma=0.3,
    shade=0.25,
    shift=0.012,
    rotate=2.0,
    scale=0.025,
    grey=0.35,
    blur=0.3,
    jpeg=0.1,
    cutout=0.0,
)
"""Light, colour, shadows and sharpness change strongly, because real recordings differ in them (without the shadows, low brows over
dark eyes were read as a frown on real faces at rest); the place hardly, because crops are aligned; and nothing is hidden, because
occluders are rendered with the truth about them."""
_FIRST = TrainingConfig(steps=9000, batch=24, seconds=0.96, epoch=500, augment=1.0, jitter=JITTER)
_SECOND = dataclasses.replace(_FIRST, steps=12000, learning_rate=2e-3, seed=1)
STAGES = (
    (SPEC, _FIRST, 0.3),
    (SPEC, _SECOND, 0.0),
    (dataclasses.replace(SPEC, seed=41), dataclasses.replace(_SECOND, steps=2500, seed=11), 0.7),
)
"""Training stages, each initialised from the one before: the synthetic people, the training settings, and the weight in the average that
ships. The average follows the cue as closely as the first stage, and reads more real faces at rest as neutral than any stage alone: they
err differently."""
TRACKED_JITTER = dataclasses.replace(JITTER, **TRACKER_ERRORS)
"""The same with the alignment as wrong as the tracker's, for the next training. What ships was trained with a third of it (two thirds of
the rotation) on crops aligned by the truth, and is worse on crops that the tracked face aligns: its card has both metrics."""
NEXT_STAGES = tuple((people, dataclasses.replace(plan, jitter=TRACKED_JITTER), weight) for people, plan, weight in STAGES)
"""The stages of the next training, not run yet: `pretrain(out, stages=NEXT_STAGES)`. They differ from STAGES, which made the weights that
ship, in the alignment's jitter only."""
_MEASURED = SyntheticConfig(scenarios=("switching",), recordings=24, seconds=8.0, fps=12.5, shares=(0.0, 0.0, 1.0), rater_noise=0.05)
MEASURED = {
    "switching": dataclasses.replace(_MEASURED, seed=900),
    "mouth": dataclasses.replace(_MEASURED, scenarios=("mouth",), seed=901),
    "eyes": dataclasses.replace(_MEASURED, scenarios=("eyes",), seed=902),
    "switching, people who differ widely": dataclasses.replace(_MEASURED, seed=903, diversity=1.0),
}
"""What the card's metrics are measured on: people who are in no training recording, one set a scenario."""
MEASURED_TRACKED = ("switching", "switching, people who differ widely")
"""The sets whose first recordings are also read through the tracker; it takes longer than all else."""
_MADE_ANEW = ("format", "system", "config", "dimensions", "weights_sha256")  # of config.json, by save_checkpoint


def pretrain(
    out: str | Path,
    *,
    stages: Sequence[tuple[SyntheticConfig, TrainingConfig, float]] = STAGES,
    measured: dict[str, SyntheticConfig] = MEASURED,
    device: str = "auto",
    remarks: str = "",
    quiet: bool = False,
) -> Path:
    """Make a checkpoint that carries its own metrics and can verify itself: render, train, average, measure, describe.

    Parameters
    ----------
    out : str or Path
        The folder of the checkpoint.
    stages : sequence of (SyntheticConfig, TrainingConfig, float)
        Stages of training, each initialised from the one before: the people, the settings, and the weight in the average that is kept.
    measured : dict of str to SyntheticConfig
        What its metrics are measured on, by name.
    device : str
        "auto", "cpu", "cuda", "mps".
    remarks : str
        Markdown that goes into the model card.
    quiet : bool
        No progress bars.

    Returns
    -------
    Path
        The folder of the checkpoint.

    Raises
    ------
    StavisError
        Where `out` cannot be written.

    Examples
    --------
    >>> stavis.jobs.pretrain("sta-synthetic")  # doctest: +SKIP
    """
    with tempfile.TemporaryDirectory(prefix="stavis-") as scratch:
        runs: list[Path] = []
        for number, (spec, plan, _) in enumerate(stages, 1):
            with bar("drawing the training data", quiet) as progress:
                data = embedded_data(spec, progress, quiet=True)
            run = Path(scratch) / f"{Path(out).name}-{number}"
            if train(run, data, training=plan, init_from=runs[-1] if runs else None, device=device, quiet=quiet).interrupted:
                raise KeyboardInterrupt  # half a recipe makes no checkpoint
            runs.append(run)
        run = mean_of(runs, [part for _, _, part in stages], Path(scratch) / Path(out).name)
        evaluated_on = {name: each.as_dict() for name, each in measured.items()}
        figures = measured_metrics(run, evaluated_on, device=device, quiet=quiet)
        return describe(run, out, figures=figures, evaluated_on=evaluated_on, measured_on=machine(device), remarks=remarks)


def measured_metrics(
    run: Source, evaluated_on: dict[str, dict], *, device: str = "auto", quiet: bool = False
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
    return describe(found.folder, found.folder, **described)


def mean_of(runs: Sequence[str | Path], parts: Sequence[float], out: str | Path) -> Path:
    """Write the mean of several runs' best weights as a checkpoint that names those with a part; the rest is as in the last run's."""
    checkpoints = [load_checkpoint(run) for run in runs]
    last = checkpoints[-1]
    info = {key: value for key, value in last.info.items() if key not in _MADE_ANEW}
    pairs = [(one, part) for one, part in zip(checkpoints, parts, strict=True) if part]
    info["averaged"] = [{"name": one.name, "weights_sha256": one.hash, "part": part} for one, part in pairs]
    return save_checkpoint(out, averaged(checkpoints, parts), system=last.system, info=info)


def describe(
    run: str | Path, out: str | Path, *, figures: dict, evaluated_on: dict, measured_on: dict | None = None, remarks: str = ""
) -> Path:
    """Write a run as a checkpoint that reports its metrics, with the data and machine they were measured on and a model card."""
    checkpoint = load_checkpoint(run)
    model = checkpoint.model.cpu()
    kept = {key: value for key, value in checkpoint.info.items() if key not in _MADE_ANEW}
    info = {**kept, "figures": figures, "evaluated_on": evaluated_on, "measured_on": measured_on or {}}
    told = {**info, "system": checkpoint.system, "config": json.loads(json.dumps(dataclasses.asdict(model.config)))}
    card = model_card(Path(out).name, {**told, "dimensions": named(model.dimensions)}, command=COMMAND, remarks=remarks)
    return save_checkpoint(out, model, system=checkpoint.system, info=info, card=card)
