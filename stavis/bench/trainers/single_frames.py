"""Training of a network of single frames: batches of random frames, to a plateau, the best weights on development kept.

The published way (Khorrami et al. 2016) is `FrameConfig(optimiser="sgd", learning_rate=.01, ...)`; the default reaches more in few steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from stavis.bench.trainers.to_plateau import Fitted, train_to_plateau
from stavis.data.crops.crops import Crops
from stavis.errors import StavisError
from stavis.tensors import as_input
from stavis.training.augment import Jitter, jittered, scaled
from stavis.training.losses import LOSSES
from stavis.training.plateau import Plateau, PlateauConfig

_TOGETHER = 16  # frames of a batch that one random change of pixels is for


@dataclass(frozen=True)
class FrameConfig:
    """How single frames are trained on: at most `steps` of `batch` frames, half of them mirrored, to a plateau; optimiser sgd or adamw.

    augment: the fraction in [0,1] of `Jitter()` by which their pixels change.
    """

    steps: int = 300
    batch: int = 128
    loss: str = "mse"
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    augment: float = 0.0
    plateau: PlateauConfig = field(default_factory=PlateauConfig)


PUBLISHED = FrameConfig(steps=20000, optimiser="sgd", learning_rate=0.01)
"""Euclidean loss, SGD .01, momentum .9, weight decay 5e-4, batch 128."""


def fit_frames(
    network: nn.Module,
    train: Sequence[Crops],
    score: Callable[[nn.Module], float] | None,
    plan: FrameConfig,
    *,
    seed: int,
    device: str | torch.device = "cpu",
    precision: str = "32-true",
) -> Fitted:
    """Train on frames that have a face and a label; leaves the network with its best weights by `score`.

    Raises StavisError where there is no such frame.
    """
    frames, labels = _usable(train)
    loss = LOSSES[plan.loss]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        network.to(device, memory_format=torch.channels_last)  # a third faster on the CPU
        optimiser = _optimiser(network, plan)

        def step(position: int, plateau: Plateau) -> None:
            network.train()
            chosen = rng.integers(len(frames), size=plan.batch)
            images = frames[chosen]
            mirrored = rng.random(plan.batch) < 0.5
            images[mirrored] = images[mirrored, :, ::-1]
            if plan.augment:
                jitter = scaled(Jitter(), plan.augment * plateau.grown(position))
                images = np.concatenate([jittered(images[k : k + _TOGETHER], jitter, rng) for k in range(0, len(images), _TOGETHER)])
            kind = torch.device(device).type
            with torch.autocast(kind, torch.bfloat16, enabled=precision.startswith("bf16")):
                predicted = network(as_input(images[:, None], device))  # one window a frame
            gold = torch.from_numpy(labels[chosen])[:, None].to(device)
            optimiser.zero_grad()
            loss(predicted.float(), gold, torch.ones(gold.shape[:2], dtype=torch.bool, device=device)).backward()
            optimiser.step()

        def scored(model: nn.Module) -> float:
            model.eval()
            return score(model)

        fitted = train_to_plateau(network, optimiser, step, scored if score else None, plan.plateau, plan.steps)
    network.eval().to(memory_format=torch.contiguous_format)
    return fitted


def _usable(train: Sequence[Crops]) -> tuple[np.ndarray, np.ndarray]:
    """The frames that have a face and a label, and their labels."""
    usable = [np.flatnonzero(one.valid & np.isfinite(one.labels).all(1)) for one in train]
    frames = np.concatenate([one.frames[where] for one, where in zip(train, usable, strict=True)] or [np.zeros((0, 8, 8, 3), np.uint8)])
    if not len(frames):
        raise StavisError("no training frame has a face and a label: check the labels and the faces of the train split.")
    return frames, np.concatenate([one.labels[where] for one, where in zip(train, usable, strict=True)]).astype(np.float32)


def _optimiser(network: nn.Module, plan: FrameConfig) -> torch.optim.Optimizer:
    if plan.optimiser == "sgd":
        options = {"lr": plan.learning_rate, "momentum": plan.momentum, "weight_decay": plan.weight_decay}
        return torch.optim.SGD(network.parameters(), **options)
    return torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
