"""Training from a folder (or the embedded data) to a run."""

import dataclasses
from pathlib import Path

from stavis.data.crops import CropSpec
from stavis.jobs.dataset import crops_for, data_facts, folder_of, recordings_of
from stavis.jobs.progress import bar
from stavis.models.systems import system as system_named
from stavis.training.devices import choose_device
from stavis.training.fit import Fitted, Plan, fit


def train(
    out: str | Path,
    data: str | Path | None = None,
    *,
    system: str = "sta",
    preset: str = "small",
    plan: Plan = Plan(),
    device: str = "auto",
    source: str = "auto",
    resume: bool = False,
    quiet: bool = False,
    logger=False,
    **changes,
) -> Fitted:
    """Train a system on the train split of a folder and keep what is best on its dev split; the embedded data where none is given.

    `changes` are fields of the system's config that differ from the preset (dimensions, crop_size, rate, ...).

    Raises StavisError where there is nothing to train on, or the run's folder is taken.
    """
    chosen = system_named(system)
    config = dataclasses.replace(chosen.preset(preset), **changes)
    choose_device(device)  # a device that is not there is told before anything is drawn or written
    folder = folder_of(data, quiet)
    spec = CropSpec(size=config.crop_size, rate=None, source=source)
    splits = {}
    for split in ("train", "dev"):
        with bar(f"cropping the {split} split", quiet) as progress:
            splits[split] = crops_for(recordings_of(folder, split, labelled=True), spec, progress)
    info = {
        "data": {**data_facts(folder), "split": "train", "recordings": len(splits["train"])},
        "crop": {"size": config.crop_size},
    }
    return fit(
        splits["train"],
        splits["dev"],
        out,
        system=system,
        config=config,
        plan=plan,
        device=device,
        resume=resume,
        info=info,
        logger=logger,
        quiet=quiet,
    )
