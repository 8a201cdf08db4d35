"""Training: from crops and labels to a run folder with its best and last checkpoint, a log and a resume point.

RUN/best/        the checkpoint with the highest CCC on the development recordings
RUN/last/        the checkpoint after the last epoch
RUN/log.csv      one row per epoch; data_wait is the fraction of the steps' time in which they waited for data
RUN/resume.ckpt  the run's own resume file (optimiser, step, log), read back with weights_only=True
RUN/plan.json    the settings of the run, and what its data are told from others by
"""

import dataclasses
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytorch_lightning as pl
import torch
from torch import nn

from stavis.attention.hooks import record_attention
from stavis.attention.modules import SpatialSoftmax
from stavis.data.crops.crops import Crops
from stavis.data.crops.dimensions import of_dimensions
from stavis.errors import StavisError
from stavis.evaluation.evaluate import pair_of
from stavis.inference.devices import choose_device, choose_precision, memory_kept
from stavis.logs import quiet_loggers
from stavis.metrics import ccc, concatenated
from stavis.models.checkpoint import load_checkpoint
from stavis.models.systems import system as system_named
from stavis.notes import show
from stavis.printable import ShortRepr
from stavis.training.at_size import as_frames, in_memory
from stavis.training.augment import scaled
from stavis.training.callbacks import GracefulStop, ResumePoint, StepBar, Validation
from stavis.training.config import TrainingConfig
from stavis.training.distributed import convert_sync_batchnorm, gathered, rank_of
from stavis.training.feature_noise import FeatureNoise, feature_noise
from stavis.training.finetune import initialise_from
from stavis.training.loading import TimedLoader
from stavis.training.losses import LOSSES, inconsistency
from stavis.training.plateau import Plateau
from stavis.training.resume import initial_weights, resume_point, trained_on
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
"""The fractions of the steps from and to which jitter, entropy weight and feature noise grow."""
_FULL = (-1.0, 0.0)  # a fine-tuned network meets them in full from its first step


@dataclass(frozen=True, repr=False)
class TrainingResult(ShortRepr):
    """The end of a training run: its folder, the step it reached, the best development CCC, and whether it was interrupted.

    rank: which of the processes that trained together this is; the first (0) writes the run, and it alone knows best_ccc. cpu_seconds:
    of the processor, all threads; stopped: why training to a plateau ended ("plateau" or "cap"), '' of another schedule.
    """

    run: Path
    step: int
    best_ccc: float
    interrupted: bool
    seconds: float
    rank: int = 0
    cpu_seconds: float = 0.0
    stopped: str = ""
    _shown = ("run", "step", "best_ccc", "seconds", "interrupted")


class _Regression(pl.LightningModule):
    """A network with its loss and its optimiser, as Lightning wants them."""

    def __init__(
        self,
        network: nn.Module,
        training: TrainingConfig,
        noise: FeatureNoise,
        ramp: tuple[float, float] = RAMP,
        plateau: Plateau | None = None,
    ):
        super().__init__()
        self.network = network
        self.plateau = plateau
        self.config = training
        self.noise = noise
        self.ramp = ramp
        self.loss = LOSSES[training.loss]
        self.weighs_entropy = training.entropy_weight > 0 and any(isinstance(module, SpatialSoftmax) for module in network.modules())

    def training_step(self, batch, batch_idx) -> torch.Tensor:
        # the noise of a step (dropout) is a function of the step, so that a resumed run goes on as if never stopped
        torch.manual_seed(self.config.seed * 1_000_003 + self.global_step + 7_919 * self.trainer.global_rank)
        frames = as_frames(batch.frames)
        self.noise.amount = self.config.feature_noise * self._noise()
        if not self.weighs_entropy:
            return self._loss(self.network(frames), batch)
        with record_attention(self.network, keep_graph=True) as recorder:
            predicted = self.network(frames)
        weight = self.config.entropy_weight * self._grown()
        return self._loss(predicted, batch) + weight * attention_entropy(recorder.weights.float())

    def _grown(self) -> float:
        """How far what grows during training has grown, in [0,1]."""
        if self.plateau:
            return self.plateau.grown(self.global_step)
        return ramp_factor(self.global_step, self.ramp, self.config.steps)

    def _noise(self) -> float:
        """How much of the feature noise there is: a quarter is left when training ends."""
        if self.plateau:
            return min(self._grown(), 1 - 0.75 * self.plateau.fallen(self.global_step))
        return noise_factor(self.global_step / self.config.steps, self.ramp)

    def _loss(self, predicted: torch.Tensor, batch) -> torch.Tensor:
        """The loss of the whole batch, whichever part of it this process has."""
        predicted, mask = gathered(predicted.float()), gathered(batch.mask)
        loss = self.loss(predicted, gathered(batch.labels), mask)
        return loss + self.config.consistency * inconsistency(predicted, mask) if self.config.consistency else loss

    def configure_optimizers(self):
        training = self.config
        decayed = [p for p in self.parameters() if p.ndim > 1]
        plain = [p for p in self.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": training.weight_decay}, {"params": plain, "weight_decay": 0.0}]
        optimiser = torch.optim.AdamW(groups, lr=training.learning_rate)
        if self.plateau:
            follows = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: self.plateau.factor(step))
            return {"optimizer": optimiser, "lr_scheduler": {"scheduler": follows, "interval": "step"}}
        rise = min(0.2, 500 / training.steps)
        total = max(training.steps + 1, 10)  # the schedule divides by its length less one, a fifth of it rising
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, training.learning_rate, total_steps=total, pct_start=rise)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def attention_entropy(weights: torch.Tensor) -> torch.Tensor:
    """The mean entropy of attention (B,T,h,w), in [0,1]: 0 = one cell, 1 = uniform."""
    flat = weights.flatten(2).clamp(min=1e-9)
    return -(flat * flat.log()).sum(2).mean() / math.log(flat.shape[2])


def ramp_factor(step: float, ramp: tuple[float, float], steps: int) -> float:
    """How far a ramp over fractions of the steps has risen at a step, in [0,1]."""
    return min(max((step / steps - ramp[0]) / (ramp[1] - ramp[0]), 0.0), 1.0)


def noise_factor(done: float, ramp: tuple[float, float] = RAMP) -> float:
    """How much of the feature noise there is when a fraction of the steps (in [0,1]) is done: full at half, a quarter at the end."""
    return min(ramp_factor(done, ramp, 1), 1 - 0.75 * ramp_factor(done, (0.75, 1.0), 1))


def fit(
    train: Sequence[Crops],
    dev: Sequence[Crops],
    run: str | Path,
    *,
    system: str = "sta",
    config=None,
    training: TrainingConfig = TrainingConfig(),
    init_from: str | Path | None = None,
    device: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    resume: bool = False,
    info: dict | None = None,
    logger=False,
    quiet: bool = False,
) -> TrainingResult:
    """Train a system on the windows of `train`, choose the best by its CCC on `dev` (concatenated), write everything under `run`.

    Labels are taken by the names of the network's dimensions. init_from: a checkpoint that training is initialised from; jitter and
    feature noise are then in full from the first step on. resume=True goes on from the run's own resume file as if never stopped, and
    starts where there is none. Any Lightning logger can be passed. `info` goes into the checkpoints' config.json. Several devices or
    machines (num_nodes) share the batch, by Lightning's DDP: the calling script runs once per process; training is as it is in one.

    Raises StavisError where there is nothing to train on, a recording lacks one of the network's dimensions, the run exists already or
    was started with other settings or data, or `init_from` is a network of another kind.
    """
    run = Path(run)
    chosen = system_named(system)
    source = load_checkpoint(init_from) if init_from else None
    config = config or (source.model.config if source else chosen.config())
    train, dev = of_dimensions(train, config.dimensions), of_dimensions(dev, config.dimensions)
    if not train:
        raise StavisError("there is no labelled recording to train on: give a data set whose train split has labels.")
    _check_divisible(training, devices * num_nodes)
    where = choose_device(device)
    with torch.random.fork_rng(devices=[]), quiet_loggers(*_TALKATIVE):
        torch.manual_seed(training.seed)
        network = chosen.network(config)
        if source:
            initialise_from(network, source, system)
        data = trained_on(train, dev, info or {}) if rank_of(devices) == 0 else {}
        point = resume_point(run, resume, training, config, system, source, first=rank_of(devices) == 0, data=data)
        network = convert_sync_batchnorm(network) if devices * num_nodes > 1 else network
        windows = _windows(train, network, where, training, ramp := _FULL if source else RAMP)
        show(windows.notes)
        info = {**(info or {}), **initial_weights(source), "training": dataclasses.asdict(training)}
        validation = _validation(run, system, dev, training, info)
        training = dataclasses.replace(training, epoch=validation.every)
        stop = GracefulStop()
        keeper = ResumePoint(run / "resume.ckpt", training.save_every, training.epoch)
        callbacks = [stop, validation, keeper, *([] if quiet else [StepBar(validation)])]
        trainer = _trainer(training, where, callbacks, logger, run, devices, num_nodes)
        loader = validation.loader = TimedLoader(windows, batch_sampler=_sampler(training, trainer), num_workers=training.workers)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric|torch.optim.lr_scheduler")
            warnings.filterwarnings("ignore", message=".*(num_workers|mid-epoch|lr_scheduler).*")
            with feature_noise(network) as noise, memory_kept():
                trainer.fit(_Regression(network, training, noise, ramp, validation.plateau), loader, ckpt_path=point, weights_only=True)
    return _result(run, trainer, validation, stop.requested)


def _check_divisible(training: TrainingConfig, processes: int) -> None:
    if training.batch % (processes * (2 if training.consistency else 1)):
        what = f"a batch of {training.batch // 2} pairs" if training.consistency else f"a batch of {training.batch}"
        raise StavisError(f"{what} cannot be divided among {processes} processes: change batch or devices.")


def _result(run: Path, trainer: pl.Trainer, validation: Validation, interrupted: bool) -> TrainingResult:
    best = validation.best if math.isfinite(validation.best) else math.nan
    spent = {"seconds": validation.seconds, "cpu_seconds": validation.cpu_seconds}
    stopped = validation.plateau.reason if validation.plateau else ""
    return TrainingResult(run, trainer.global_step, best, interrupted, **spent, rank=trainer.global_rank, stopped=stopped)


def _validation(run: Path, system: str, dev: Sequence[Crops], training: TrainingConfig, info: dict) -> Validation:
    """What scores the network on `dev` and keeps the best; with the state of training to a plateau where that is asked for."""

    def score(network: nn.Module) -> float:
        return concatenated(ccc, [pair_of(network, crops) for crops in dev])

    plateau = Plateau(training.plateau, training.steps) if training.plateau else None
    every = plateau.every if plateau else min(training.epoch, training.steps)
    return Validation(run, system, score if dev else None, every, training.patience, info, plateau)


def _windows(
    train: Sequence[Crops], network: nn.Module, device: torch.device, training: TrainingConfig, ramp: tuple[float, float]
) -> RandomWindows:
    rate = network.config.rate
    jitter = scaled(training.jitter, training.augment) if training.augment else None
    samples = training.steps * training.batch
    # unchanged pixels first: in trials a network that met full jitter from the start found no cue in 750 steps, else in 200
    if training.plateau:
        ramp = (0.3 * training.plateau.least, training.plateau.least)
    grows = (round(ramp[0] * samples), round(ramp[1] * samples))
    length = max(1, round(training.seconds * rate))
    pairs = training.consistency > 0
    train = in_memory(train, network, changed=training.augment > 0 or device.type != "cpu")
    return RandomWindows(train, length, samples, training.seed, jitter=jitter, rate=rate, ramp=grows, pairs=pairs)


def _sampler(training: TrainingConfig, trainer: pl.Trainer) -> StepSampler:
    epoch = min(training.epoch, training.steps)
    return StepSampler(training.batch, epoch, lambda: trainer.global_step, lambda: (trainer.global_rank, trainer.world_size))


def _trainer(
    training: TrainingConfig, device: torch.device, callbacks: list, logger, run: Path, devices: int = 1, num_nodes: int = 1
) -> pl.Trainer:
    return pl.Trainer(
        accelerator={"cuda": "gpu"}.get(device.type, device.type),
        devices=[device.index] if device.index is not None and devices == 1 else devices,
        num_nodes=num_nodes,
        strategy="ddp" if devices * num_nodes > 1 else "auto",
        precision=choose_precision(device, training.precision),
        max_steps=training.steps,
        max_epochs=-1,
        gradient_clip_val=training.clip_gradient,
        callbacks=callbacks,
        logger=logger,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=run,
    )
