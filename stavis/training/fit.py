"""Training: from crops and labels to a run folder with its best and last checkpoint, a log and a resume point.

RUN/best/        the checkpoint with the highest CCC on the development recordings
RUN/last/        the checkpoint after the last epoch
RUN/log.csv      one row an epoch
RUN/resume.ckpt  the run's own resume file (optimiser, step, log), read back with weights_only=True
RUN/plan.json    what the run was asked to do
"""

import dataclasses
import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from torch import nn
from torch.utils.data import DataLoader

from stavis.attention.hooks import record_attention
from stavis.attention.modules import AttentionProduct, SpatialSoftmax
from stavis.data.crops.crops import Crops
from stavis.errors import StavisError
from stavis.evaluation.evaluate import pair_of
from stavis.inference.devices import choose_device, choose_precision
from stavis.logs import quiet_loggers
from stavis.metrics import ccc, concatenated
from stavis.models.checkpoint import Checkpoint, load_checkpoint
from stavis.models.systems import system as system_named
from stavis.storage.files import read_json, write_json
from stavis.training.augment import Jitter, scaled
from stavis.training.callbacks import GracefulStop, ResumePoint, StepBar, Validation
from stavis.training.distributed import convert_sync_batchnorm, gathered, rank_of
from stavis.training.finetune import begin_from
from stavis.training.losses import LOSSES
from stavis.training.sampling import StepSampler
from stavis.training.windows import RandomWindows

_TALKATIVE = (
    "pytorch_lightning.utilities.rank_zero",
    "lightning_fabric.utilities.rank_zero",
    "lightning_fabric.utilities.distributed",
    "lightning.pytorch",
)
"""The loggers of the Trainer's advertisements."""

RAMP = (0.15, 0.5)
"""The parts of the steps from and to which jitter, sharpness and noise grow."""
_FROM_THE_START = (-1.0, 0.0)  # a network that has learned already meets them in full


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: `steps` of `batch` windows of `seconds` s, one-cycle AdamW, validated every `epoch` steps.

    augment in [0,1] is the part of `jitter` by which pixels are changed. noise is what AttentionProduct adds behind the attention, in
    root mean squares of the features: it grows over the first half of the steps and falls to a quarter over the last, and makes the
    network attend to what it reads (without it, attention on aligned faces stays on mouth and eyes alike, whichever carries the label).
    sharpness is the weight of the attention's entropy (in [0,1]) in the loss: it grows to this value over the first half of the
    steps, and makes the attention choose between places that it could otherwise all keep; nothing tells it which to choose.
    patience counts validations without a better CCC (None: never stop early). precision: auto, 32-true, bf16-mixed.
    """

    steps: int = 1600
    batch: int = 8
    seconds: float = 2.56
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    loss: str = "mse+ccc"
    clip_gradient: float = 1.0
    sharpness: float = 0.05
    noise: float = 30.0
    epoch: int = 200
    patience: int | None = None
    augment: float = 0.5
    jitter: Jitter = field(default_factory=Jitter)
    seed: int = 0
    precision: str = "auto"
    workers: int = 0
    save_every: int = 50

    def __post_init__(self):
        for name in ("steps", "batch", "epoch", "save_every"):
            if getattr(self, name) < 1:
                raise StavisError(f"{name} is {getattr(self, name)}: it must be at least 1.")
        if self.loss not in LOSSES:
            raise StavisError(f"there is no loss {self.loss!r}: choose one of {', '.join(LOSSES)}.")


@dataclass(frozen=True)
class Fitted:
    """The end of a training run: its folder, the step it reached, the best development CCC, and whether it was interrupted.

    rank: which of the processes that trained together this is; the first (0) writes the run, and it alone knows best_ccc.
    """

    run: Path
    step: int
    best_ccc: float
    interrupted: bool
    seconds: float
    rank: int = 0


class _Regression(pl.LightningModule):
    """A network with its loss and its optimiser, as Lightning wants them."""

    def __init__(self, network: nn.Module, plan: TrainingConfig, ramp: tuple[float, float] = RAMP):
        super().__init__()
        self.network = network
        self.plan = plan
        self.ramp = ramp
        self.loss = LOSSES[plan.loss]
        self.products = [module for module in network.modules() if isinstance(module, AttentionProduct)]
        self.sharpened = plan.sharpness > 0 and any(isinstance(module, SpatialSoftmax) for module in network.modules())

    def training_step(self, batch, batch_idx) -> torch.Tensor:
        # the noise of a step (dropout) is a function of the step, so that a resumed run goes on as if never stopped
        torch.manual_seed(self.plan.seed * 1_000_003 + self.global_step + 7_919 * self.trainer.global_rank)
        frames = batch.frames.float() / 255
        for product in self.products:
            product.noise = self.plan.noise * noise_part(self.global_step / self.plan.steps, self.ramp)
        if not self.sharpened:
            return self._loss(self.network(frames), batch)
        with record_attention(self.network, keep_graph=True) as recorder:
            predicted = self.network(frames)
        weight = self.plan.sharpness * part_of(self.global_step, self.ramp, self.plan.steps)
        return self._loss(predicted, batch) + weight * spread(recorder.weights.float())

    def _loss(self, predicted: torch.Tensor, batch) -> torch.Tensor:
        """The loss of the whole batch, whichever part of it this process has."""
        return self.loss(gathered(predicted.float()), gathered(batch.labels), gathered(batch.mask))

    def configure_optimizers(self):
        plan = self.plan
        decayed = [p for p in self.parameters() if p.ndim > 1]
        plain = [p for p in self.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        optimiser = torch.optim.AdamW(groups, lr=plan.learning_rate)
        rise = min(0.2, 500 / plan.steps)
        total = max(plan.steps + 1, 10)  # the schedule divides by its length less one, a fifth of it rising
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.learning_rate, total_steps=total, pct_start=rise)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def spread(weights: torch.Tensor) -> torch.Tensor:
    """The mean entropy of attention (B,T,h,w), in [0,1]: 0 = one cell, 1 = uniform."""
    flat = weights.flatten(2).clamp(min=1e-9)
    return -(flat * flat.log()).sum(2).mean() / math.log(flat.shape[2])


def part_of(step: float, ramp: tuple[float, float], steps: int) -> float:
    """How far a ramp over parts of the steps has risen at a step, in [0,1]."""
    return min(max((step / steps - ramp[0]) / (ramp[1] - ramp[0]), 0.0), 1.0)


def noise_part(done: float, ramp: tuple[float, float] = RAMP) -> float:
    """How much of the noise behind the attention there is when a part of the steps (in [0,1]) is done: up by half, down at the end."""
    return min(part_of(done, ramp, 1), 1 - 0.75 * part_of(done, (0.75, 1.0), 1))


def fit(
    train: Sequence[Crops],
    dev: Sequence[Crops],
    run: str | Path,
    *,
    system: str = "sta",
    config=None,
    plan: TrainingConfig = TrainingConfig(),
    start: str | Path | None = None,
    device: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    resume: bool = False,
    info: dict | None = None,
    logger=False,
    quiet: bool = False,
) -> Fitted:
    """Train a system on the windows of `train`, choose the best by its CCC on `dev` (concatenated), write everything under `run`.

    start: a checkpoint whose weights training begins with, changes of pixels and noise in full from the first step on.
    resume=True goes on from the run's own resume file as if never stopped, and begins where there is none. Any Lightning logger
    can be passed. `info` goes into the checkpoints' config.json. With several devices or machines (num_nodes) the batch is divided
    among them, by Lightning's DDP: the calling script runs once in each process, and training is as it would be in one.

    Raises StavisError where there is nothing to train on, the run exists already or was begun with another plan, or `start` is a
    network of another kind.
    """
    run = Path(run)
    chosen = system_named(system)
    begun = load_checkpoint(start) if start else None
    config = config or (begun.model.config if begun else chosen.config())
    if not train:
        raise StavisError("there is no labelled recording to train on: give a data set whose train split has labels.")
    if plan.batch % (devices * num_nodes):
        raise StavisError(f"a batch of {plan.batch} cannot be divided among {devices * num_nodes} processes: change batch or devices.")
    where = choose_device(device)
    with torch.random.fork_rng(devices=[]), quiet_loggers(*_TALKATIVE):
        torch.manual_seed(plan.seed)
        network = chosen.network(config)
        if begun:
            begin_from(network, begun, system)
        point = _resume_point(run, resume, plan, config, system, begun, first=rank_of(devices) == 0)
        network = convert_sync_batchnorm(network) if devices * num_nodes > 1 else network
        windows = _windows(train, plan, config.rate, ramp := _FROM_THE_START if begun else RAMP)
        score = (lambda model: concatenated(ccc, [pair_of(model, crops) for crops in dev])) if dev else None
        told = {**(info or {}), **_begun_from(begun), "training": dataclasses.asdict(plan)}
        validation = Validation(run, system, score, min(plan.epoch, plan.steps), plan.patience, told)
        stop = GracefulStop()
        callbacks = [stop, validation, ResumePoint(run / "resume.ckpt", plan.save_every), *([] if quiet else [StepBar(validation)])]
        trainer = _trainer(plan, where, callbacks, logger, run, devices, num_nodes)
        sampler = StepSampler(
            plan.batch, min(plan.epoch, plan.steps), lambda: trainer.global_step, lambda: (trainer.global_rank, trainer.world_size)
        )
        loader = DataLoader(windows, batch_sampler=sampler, num_workers=plan.workers)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric|torch.optim.lr_scheduler")
            warnings.filterwarnings("ignore", message=".*(num_workers|mid-epoch|lr_scheduler).*")
            trainer.fit(_Regression(network, plan, ramp), loader, ckpt_path=point, weights_only=True)
    best = validation.best if math.isfinite(validation.best) else math.nan
    return Fitted(run, trainer.global_step, best, stop.asked, validation.seconds, trainer.global_rank)


def _windows(train: Sequence[Crops], plan: TrainingConfig, rate: float, ramp: tuple[float, float]) -> RandomWindows:
    jitter = scaled(plan.jitter, plan.augment) if plan.augment else None
    samples = plan.steps * plan.batch
    # unchanged pixels first: in trials a network that met full jitter from the start found no cue in 750 steps, else in 200
    grows = (round(ramp[0] * samples), round(ramp[1] * samples))
    length = max(1, round(plan.seconds * rate))
    return RandomWindows(_in_memory(train), length, samples, plan.seed, jitter=jitter, rate=rate, ramp=grows)


def _trainer(
    plan: TrainingConfig, device: torch.device, callbacks: list, logger, run: Path, devices: int = 1, num_nodes: int = 1
) -> pl.Trainer:
    return pl.Trainer(
        accelerator={"cuda": "gpu"}.get(device.type, device.type),
        devices=[device.index] if device.index is not None and devices == 1 else devices,
        num_nodes=num_nodes,
        strategy="ddp" if devices * num_nodes > 1 else "auto",
        precision=choose_precision(device, plan.precision),
        max_steps=plan.steps,
        max_epochs=-1,
        gradient_clip_val=plan.clip_gradient,
        callbacks=callbacks,
        logger=logger,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=run,
    )


def _in_memory(train: Sequence[Crops]) -> list[Crops]:
    """The crops read into memory where they are small beside it: a memory map's pages go away when other programs want the room."""
    size = sum(crops.frames.nbytes for crops in train)
    if size > _physical_memory() / 8:
        return list(train)
    return [dataclasses.replace(crops, frames=np.array(crops.frames), folder=None) for crops in train]


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # not told on this system
        return 4 << 30


def _begun_from(start: Checkpoint | None) -> dict:
    """What plan.json and a checkpoint say of the network that training began with: nothing where it began by chance."""
    return {"start": {"name": start.name, "weights_sha256": start.hash, "only_drawn": start.only_drawn}} if start else {}


def _resume_point(run: Path, resume: bool, plan: TrainingConfig, config, system: str, start: Checkpoint | None, first: bool) -> Path | None:
    """The resume file to go on from, after the check (by the first process) that the run is asked for what it was begun with."""
    if not first:
        return run / "resume.ckpt" if resume and (run / "resume.ckpt").exists() else None
    asked = {"system": system, "plan": dataclasses.asdict(plan), "config": dataclasses.asdict(config), **_begun_from(start)}
    asked = {**asked, "config": {k: list(v) if isinstance(v, tuple) else v for k, v in asked["config"].items()}}
    point = run / "resume.ckpt"
    if not resume or not (run / "plan.json").exists():
        if (run / "plan.json").exists():
            raise StavisError(f"{run} holds a training run already: go on with --resume, or choose another folder.")
        write_json(run / "plan.json", asked)
        return None
    begun = read_json(run / "plan.json")
    planned = _filled(begun.get("plan", {}), dataclasses.asdict(TrainingConfig()))
    changed = [key for key in asked["plan"] if planned[key] != asked["plan"][key]]
    changed += [key for key in ("system", "config", "start") if begun.get(key) != asked.get(key)]
    if changed:
        what = ", ".join(changed)
        raise StavisError(f"{run} was begun with another plan ({what} differ): resume with the same options, or choose another folder.")
    return _readable(point) if point.exists() else None


def _filled(told, defaults):
    """What was told, and the defaults of all else: a setting that came later does by default what was done before it."""
    if not (isinstance(told, dict) and isinstance(defaults, dict)):
        return told
    return {key: _filled(told[key], value) if key in told else value for key, value in defaults.items()}


def _readable(point: Path) -> Path:
    """The resume file, after a look that it is whole and holds nothing but plain values."""
    try:
        torch.load(point, map_location="cpu", weights_only=True)
    except Exception as error:  # what a damaged archive raises depends on where it is damaged
        raise StavisError(f"{point} is damaged ({type(error).__name__}): remove it to train from the start.") from error
    return point
