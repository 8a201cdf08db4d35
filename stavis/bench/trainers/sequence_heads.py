"""Training of heads that read sequences of features or descriptors, computed beforehand: recordings in, the best weights kept."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from stavis.bench.trainers.to_plateau import Fitted, train_to_plateau
from stavis.errors import StavisError
from stavis.metrics import ccc, concatenated
from stavis.models.recurrent import ElmanHead
from stavis.training.losses import LOSSES, one_minus_ccc
from stavis.training.plateau import Plateau, PlateauConfig

_LONGEST = 20.0  # s of a recording that are trained on at a time


@dataclass(frozen=True)
class FeatureSequence:
    """One recording for a head: features (T,F) float32 and labels (T,D) in [-1,1], NaN where a frame does not count; its name."""

    features: np.ndarray
    labels: np.ndarray
    recording: str = ""


@dataclass(frozen=True)
class HeadConfig:
    """How a head is trained: to a plateau within `epochs` passes in batches of `batch` sequences (of windows for an Elman head).

    loss: a name of LOSSES, or 'ccc-each' for 1 − CCC of each sequence by itself; optimiser: adam or rmsprop. augment: noise on the
    features, 1 = of their own deviation in training.
    """

    epochs: int = 60
    batch: int = 16
    loss: str = "mse"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    clip_gradient: float = 1.0
    optimiser: str = "adam"
    augment: float = 0.0
    plateau: PlateauConfig = field(default_factory=PlateauConfig)


def ccc_each(predicted: torch.Tensor, gold: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """1 − CCC of each sequence by itself, mean over those with at least two frames that count."""
    known = [k for k in range(len(mask)) if mask[k].sum() > 1]
    return torch.stack([one_minus_ccc(predicted[k], gold[k], mask[k]) for k in known]).mean()


def fit_head(
    head: nn.Module,
    train: Sequence[FeatureSequence],
    dev: Sequence[FeatureSequence],
    plan: HeadConfig,
    *,
    rate: float,
    seed: int,
    device="cpu",
) -> Fitted:
    """Train a head (B,T,F) -> (B,T,D) and leave it with the weights that were best on `dev` (concatenated CCC).

    Without `dev` the last weights are kept.

    Raises StavisError where no training frame counts.
    """
    if not any(np.isfinite(one.labels).all(1).any() for one in train):
        raise StavisError("no training frame has a descriptor and a label: check the labels and the faces of the train split.")
    batches_of = _window_batches if isinstance(head, ElmanHead) else _sequence_batches
    loss = ccc_each if plan.loss == "ccc-each" else LOSSES[plan.loss]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        rng = np.random.default_rng(seed)
        head.to(device)
        kind = {"adam": torch.optim.AdamW, "rmsprop": torch.optim.RMSprop}[plan.optimiser]
        optimiser = kind(head.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
        prepared = _windows(train, head.steps) if isinstance(head, ElmanHead) else _pieces(train, round(_LONGEST * rate))
        noise = plan.augment * torch.from_numpy(_deviation(train)).to(device) if plan.augment else None
        batches = _endless(batches_of, prepared, plan.batch, rng, device)

        def step(position: int, plateau: Plateau) -> None:
            head.train()
            features, gold, mask = next(batches)
            if mask.sum() < 2:
                return
            if noise is not None:
                features = features + noise * plateau.grown(position) * torch.randn(features.shape, device=features.device)
            predicted = head.of_windows(features)[None] if isinstance(head, ElmanHead) else head(features)
            optimiser.zero_grad()
            loss(predicted, gold, mask).backward()
            nn.utils.clip_grad_norm_(head.parameters(), plan.clip_gradient)
            optimiser.step()

        count = len(prepared[1]) if isinstance(head, ElmanHead) else len(prepared)
        steps = plan.epochs * math.ceil(count / plan.batch)
        fitted = train_to_plateau(head, optimiser, step, (lambda model: score(model, dev, device)) if dev else None, plan.plateau, steps)
    head.eval()
    return fitted


def _endless(batches_of, prepared, batch: int, rng, device) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Batches of features, labels and mask, pass after pass."""
    while True:
        yield from batches_of(prepared, batch, rng, device)


def _deviation(train: Sequence[FeatureSequence]) -> np.ndarray:
    """The deviation of each feature over the training frames that have features."""
    known = np.concatenate([one.features[np.isfinite(one.features).all(1)] for one in train])
    return known.std(0).astype(np.float32)


def predict_head(head: nn.Module, features: np.ndarray, device="cpu") -> np.ndarray:
    """What a head says of a whole recording's features (T,F): (T,D) in [-1,1]; frames whose features are NaN get NaN."""
    known = np.isfinite(features).all(1)
    if not known.any():
        return np.full((len(features), 1), np.nan)
    head.eval()
    with torch.inference_mode():
        inputs = torch.from_numpy(np.where(known[:, None], features, 0).astype(np.float32))[None].to(device)
        values = head(inputs)[0].float().cpu().numpy().astype(np.float64)
    values[~known] = np.nan
    return np.clip(values, -1, 1)


def score(head: nn.Module, sequences: Sequence[FeatureSequence], device="cpu") -> float:
    """The concatenated CCC of a head's first dimension over the frames that count."""
    pairs = []
    for one in sequences:
        values = predict_head(head, one.features, device)[:, 0]
        known = np.isfinite(values) & np.isfinite(one.labels[:, 0])
        pairs.append((values[known], one.labels[known, 0]))
    return concatenated(ccc, pairs)


def _pieces(train: Sequence[FeatureSequence], longest: int) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Recordings cut to pieces of at most so many frames: features, labels (0 where none), mask."""
    pieces = []
    for one in train:
        for part in np.array_split(np.arange(len(one.features)), max(1, math.ceil(len(one.features) / max(longest, 1)))):
            features, labels = one.features[part], one.labels[part]
            mask = np.isfinite(features).all(1) & np.isfinite(labels).all(1)
            if mask.any():
                clean = (np.where(mask[:, None], values, 0).astype(np.float32) for values in (np.nan_to_num(features), labels))
                pieces.append((*map(torch.from_numpy, clean), torch.from_numpy(mask)))
    return pieces


def _sequence_batches(pieces, batch: int, rng, device):
    order = rng.permutation(len(pieces))
    for start in range(0, len(order), batch):
        chosen = [pieces[k] for k in order[start : start + batch]]
        yield tuple(nn.utils.rnn.pad_sequence([one[k] for one in chosen], batch_first=True).to(device) for k in range(3))


def _windows(train: Sequence[FeatureSequence], steps: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """All features in one row, which of them each window holds (N,steps), and the labels of the windows' last frames (N,D)."""
    rows, where, labels, base = [], [], [], 0
    for one in train:
        known = np.isfinite(one.features).all(1)
        rows.append(np.nan_to_num(one.features).astype(np.float32))
        ends = np.flatnonzero(known & np.isfinite(one.labels).all(1))
        where.append(base + np.maximum(ends[:, None] - np.arange(steps)[::-1], 0))
        labels.append(one.labels[ends].astype(np.float32))
        base += len(one.features)
    return torch.from_numpy(np.concatenate(rows)), torch.from_numpy(np.concatenate(where)), torch.from_numpy(np.concatenate(labels))


def _window_batches(prepared, batch: int, rng, device):
    rows, where, labels = prepared
    order = torch.from_numpy(rng.permutation(len(where)))
    for chosen in order.split(batch):
        mask = torch.ones(1, len(chosen), dtype=torch.bool, device=device)
        yield rows[where[chosen]].to(device), labels[chosen][None].to(device), mask
