"""Training from a data set (or the embedded data) to a run."""

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from stavis.data.crops.counts import count
from stavis.data.crops.crops import CropConfig, Crops
from stavis.data.crops.dimensions import of_dimensions
from stavis.data.crops.many import crops_for, notes_of
from stavis.data.datasets.labels import LabelConfig
from stavis.data.datasets.selection import data_facts, label_sources, of_split, recordings_of
from stavis.errors import StavisError
from stavis.evaluation.people import all_people
from stavis.evaluation.postprocess import DELAYS, without_delay
from stavis.inference.devices import choose_device
from stavis.models.checkpoint import load_checkpoint
from stavis.models.systems import system as system_named
from stavis.notes import show
from stavis.progress import bar
from stavis.show.figures.over_time import figure_of
from stavis.storage.locks import only_runner
from stavis.synthetic.embedded import folder_of
from stavis.timeline import MAX_GAP
from stavis.training.config import TrainingConfig
from stavis.training.distributed import rank_of
from stavis.training.fit import TrainingResult, fit
from stavis.types import Recording


def train(
    out: str | Path,
    data: str | Path | None = None,
    *,
    system: str | None = None,
    preset: str | None = None,
    training: TrainingConfig = TrainingConfig(),
    init_from: str | Path | None = None,
    device: str = "auto",
    source: str = "auto",
    delay: float = 0.0,
    fold: int | None = None,
    exclude: str | Path | None = None,
    time_unit: str | float = "",
    scale: tuple[float, float] | None = None,
    max_gap: float | None = MAX_GAP,
    devices: int = 1,
    num_nodes: int = 1,
    resume: bool = False,
    quiet: bool = False,
    logger=False,
    report: Callable[[str], None] | None = None,
    **changes,
) -> TrainingResult:
    """Train a system on the train split of a data set and keep what is best on its dev split.

    Parameters
    ----------
    out : str or Path
        The folder of the run; it then serves everywhere a network is asked for.
    data : str or Path, optional
        A data set's folder or name; the embedded synthetic faces by default.
    system, preset : str, optional
        Which system (`systems`), default "sta", of which sizes, default "small".
    training : TrainingConfig
        How long and how it is trained.
    init_from : str or Path, optional
        A run or a shipped checkpoint whose system, sizes and weights training is initialised from (fine-tuning; a learning rate lower
        than the default suits it).
    device : str
        "auto", "cpu", "cuda", "mps".
    source : {"auto", "face", "centre", "truth"}
        What the crops are aligned by.
    delay : float
        By how many seconds the raters lag: labels are shifted forward by it, and `Predictor.evaluate` gives it back to predictions.
    fold, exclude
        Which of AFEW-VA's folds is the test split; a CSV of ranges that are left out.
    time_unit, scale, max_gap
        How label files are read, as in `read_dataset`.
    devices, num_nodes : int
        GPUs (or CPU processes) of each machine, and machines, that share a batch.
    resume : bool
        Go on as if never stopped.
    quiet : bool
        No progress bars.
    logger
        A logger of Lightning; none by default.
    report : callable, optional
        Called with one sentence per split on what is there and what of it is used, before training starts.
    **changes
        Fields of the system's config that differ from the preset's or the initial network's (dimensions, crop_size, rate, ...).

    Returns
    -------
    TrainingResult
        `.run`, its folder; `.best_ccc` on the dev split; `.step`; `.seconds`.

    Raises
    ------
    StavisError
        Where there is nothing to train on, a recording has no labels of one of the network's dimensions, the run's folder is taken, or
        `init_from` contradicts system or preset.

    Examples
    --------
    >>> short = stavis.TrainingConfig(steps=1, batch=1, seconds=0.8, epoch=1)
    >>> result = stavis.train(out / "run", data, training=short, device="cpu", quiet=True)
    >>> stavis.load(result.run, device="cpu").system
    'sta'
    """
    if not 0 <= delay <= DELAYS[-1]:
        raise StavisError(f"the raters cannot lag by {delay} s: give a delay from 0 to {DELAYS[-1]:g} s.")
    system, config, start = _network_of(system, preset, init_from)
    config = dataclasses.replace(config, **changes)
    choose_device(device)  # a missing device is reported before anything is generated or written
    reading = LabelConfig(time_unit, scale, max_gap)
    recordings = recordings_of(folder := folder_of(data, quiet), fold=fold, exclude=exclude, labels=reading)
    spec = CropConfig(size=config.crop_size, rate=None, source=source)
    chosen = {split: of_split(recordings, folder, split, labelled=True) for split in ("train", "dev")}
    parts = {split: of_dimensions(part, config.dimensions) for split, part in chosen.items()}
    crops, counts = {}, {}
    for split, part in parts.items():
        crops[split] = _cropped(part, spec, split, delay, quiet)
        counts[split] = count(crops[split], sum(one.split == split for one in recordings))
        if report:
            report(counts[split].sentence(split))
    about = {"split": "train", "recordings": len(parts["train"]), "labels": label_sources(parts["train"]), "fold": fold}
    facts = {"delay": delay, "counts": {split: one.as_json() for split, one in counts.items()}}
    known = data_facts(folder)
    info = {"data": {**known, **about}, "crop": {"size": config.crop_size}, **facts, **all_people(parts["train"], known, start)}
    network: dict[str, Any] = {"system": system, "config": config, "init_from": init_from}
    options: dict[str, Any] = {"device": device, "devices": devices, "num_nodes": num_nodes}
    options |= {"resume": resume, "info": info, "logger": logger, "quiet": quiet}
    with only_runner(Path(out)) if rank_of(devices) == 0 else nullcontext():  # the first process writes the run
        return fit(crops["train"], crops["dev"], out, **network, training=training, **options)


def _network_of(system: str | None, preset: str | None, init_from: str | Path | None):
    """The name and the config of the system to train: as requested, or those of the network to fine-tune, and what that says of itself."""
    if not init_from:
        return system or "sta", system_named(system or "sta").preset(preset or "small"), None
    source = load_checkpoint(init_from)
    if preset or system not in (None, source.system):
        given = f"preset {preset}" if preset else f"system {system}"
        raise StavisError(f"{source.name} has its own system ({source.system}) and sizes: leave out {given}, or init_from.")
    return source.system, source.model.config, source.info


def _cropped(part: Sequence[Recording], spec: CropConfig, split: str, delay: float, quiet: bool) -> list[Crops]:
    """The crops of a split, with the raters' delay undone."""
    with bar(f"cropping the {split} split", quiet) as progress:
        crops = crops_for(part, spec, progress)
    show(notes_of(crops))
    return [without_delay(each, delay) for each in crops]


def training_curve(run: str | Path) -> go.Figure:
    """The training loss and the development CCC over the steps of a run.

    Raises StavisError where the folder holds no log.
    """
    path = Path(run) / "log.csv"
    if not path.is_file():
        raise StavisError(f"{path} is missing: give the folder of a run that has trained for at least one epoch.")
    log = pd.read_csv(path)
    traces = [
        go.Scatter(x=log.step, y=log.train_loss, name="training loss", mode="lines+markers"),
        go.Scatter(x=log.step, y=log.dev_ccc, name="development CCC", mode="lines+markers", line={"dash": "dash"}, yaxis="y2"),
    ]
    lowest = min(0.0, float(np.nanmin([0.0, *log.dev_ccc])))
    right = {"title": "CCC", "overlaying": "y", "side": "right", "range": [lowest - 0.05, 1], "showgrid": False}
    return figure_of(*traces, xaxis={"title": "step"}, yaxis={"title": "loss", "rangemode": "tozero"}, yaxis2=right)
