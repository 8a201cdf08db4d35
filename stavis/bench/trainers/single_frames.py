"""Training of a network of single frames: batches of frames drawn at random, the best weights on development kept.

The published way (Khorrami et al. 2016) is `FrameConfig(optimiser="sgd", learning_rate=.01, ...)`; the default reaches more in few steps.
"""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from stavis.data.crops.crops import Crops
from stavis.errors import StavisError
from stavis.tensors import as_input
from stavis.training.losses import LOSSES


@dataclass(frozen=True)
class FrameConfig:
    """How single frames are trained on: `steps` of `batch` frames, half of them mirrored; optimiser sgd or adamw (one cycle)."""

    steps: int = 300
    batch: int = 128
    loss: str = "mse"
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    validate_every: int = 75


PUBLISHED = FrameConfig(steps=20000, optimiser="sgd", learning_rate=0.01, validate_every=500)
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
) -> float:
    """Train on frames that have a face and a label; leaves the network with its best weights by `score`, and returns that score.

    Raises StavisError where there is no such frame.
    """
    usable = [np.flatnonzero(one.valid & np.isfinite(one.labels).all(1)) for one in train]
    frames = np.concatenate([one.frames[where] for one, where in zip(train, usable, strict=True)] or [np.zeros((0, 8, 8, 3), np.uint8)])
    if not len(frames):
        raise StavisError("no training frame has a face and a label: check the labels and the faces of the train split.")
    labels = np.concatenate([one.labels[where] for one, where in zip(train, usable, strict=True)]).astype(np.float32)
    loss = LOSSES[plan.loss]
    best, kept = -math.inf, None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        network.to(device, memory_format=torch.channels_last)  # a third faster on the CPU
        optimiser, schedule = _optimiser(network, plan)
        for step in range(1, plan.steps + 1):
            network.train()
            chosen = rng.integers(len(frames), size=plan.batch)
            images = frames[chosen]
            mirrored = rng.random(plan.batch) < 0.5
            images[mirrored] = images[mirrored, :, ::-1]
            kind = torch.device(device).type
            with torch.autocast(kind, torch.bfloat16, enabled=precision.startswith("bf16")):
                predicted = network(as_input(images[:, None], device))  # one window a frame
            gold = torch.from_numpy(labels[chosen])[:, None].to(device)
            optimiser.zero_grad()
            loss(predicted.float(), gold, torch.ones(gold.shape[:2], dtype=torch.bool, device=device)).backward()
            optimiser.step()
            if schedule is not None:
                schedule.step()
            if score is not None and (step % plan.validate_every == 0 or step == plan.steps):
                network.eval()
                reached = score(network)
                if reached > best or kept is None:
                    best, kept = (reached if math.isfinite(reached) else -math.inf), copy.deepcopy(network.state_dict())
    if kept is not None:
        network.load_state_dict(kept)
    network.eval().to(memory_format=torch.contiguous_format)
    return best if math.isfinite(best) else math.nan


def _optimiser(network: nn.Module, plan: FrameConfig):
    if plan.optimiser == "sgd":
        options = {"lr": plan.learning_rate, "momentum": plan.momentum, "weight_decay": plan.weight_decay}
        return torch.optim.SGD(network.parameters(), **options), None
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    total = max(plan.steps + 1, 10)
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.learning_rate, total_steps=total, pct_start=0.2)
