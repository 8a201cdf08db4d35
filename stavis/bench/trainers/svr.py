"""Linear support vector regression of descriptors: the labels' delay and the cost of errors chosen together on development."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.svm import LinearSVR

from stavis.errors import StavisError
from stavis.metrics import ccc, concatenated
from stavis.models.svr import SVRConfig, SVRNetwork
from stavis.timeline import MAX_GAP, resample

COSTS = tuple(float(cost) for cost in np.logspace(-4, 0, 9))
"""The values of C that are tried."""


@dataclass(frozen=True)
class Described:
    """One recording for a support vector machine: descriptors (T,F) at times (T,) s, and labels (N,) in [-1,1] at label_times (N,) s.

    max_gap: between labels further apart than this many median steps there is none (None: any gap is bridged).
    """

    features: np.ndarray
    times: np.ndarray
    label_times: np.ndarray
    labels: np.ndarray
    max_gap: float | None = MAX_GAP

    def labels_at(self, delay: float) -> np.ndarray:
        """The label of each frame when raters lag by `delay` s: (T,), NaN where there is none."""
        return resample(self.label_times, self.labels[:, None], self.times + delay, self.max_gap)[:, 0]


@dataclass(frozen=True)
class FittedSVR:
    """A fitted machine as a network, with the delay (s) and the C that were best on development, and the CCC reached there."""

    network: SVRNetwork
    delay: float
    cost: float
    dev_ccc: float


def fit_svr(
    train: Sequence[Described],
    dev: Sequence[Described],
    config: SVRConfig,
    *,
    delays: Sequence[float],
    costs: Sequence[float] = COSTS,
    seed: int = 0,
) -> FittedSVR:
    """The linear machine (L2-regularised, L2 loss, with bias) whose delay and C give the best concatenated CCC on `dev`.

    The delay is found at the middle C, then both its neighbours with every C.

    Raises StavisError where no training frame counts at any delay.
    """
    tried: dict[tuple[float, float], tuple[float, LinearSVR, tuple]] = {}

    def attempt(delay: float, cost: float) -> float:
        if (delay, cost) not in tried:
            tried[delay, cost] = _attempt(train, dev, delay, cost, seed)
        return tried[delay, cost][0]

    delays = sorted(delays)
    middle = costs[len(costs) // 2]
    first = max(delays, key=lambda delay: attempt(delay, middle))
    at = delays.index(first)
    near = delays[max(0, at - 1) : at + 2]
    delay, cost = max(((d, c) for d in near for c in costs), key=lambda pair: attempt(*pair))
    reached, machine, (mean, deviation) = tried[delay, cost]
    network = SVRNetwork(config).eval()
    with torch.no_grad():
        network.mean.copy_(torch.from_numpy(mean))
        network.deviation.copy_(torch.from_numpy(deviation))
        network.value.weight.copy_(torch.from_numpy(machine.coef_.reshape(1, -1)))
        network.value.bias.copy_(torch.from_numpy(np.atleast_1d(machine.intercept_)))
    return FittedSVR(network, float(delay), float(cost), reached)


def _attempt(train, dev, delay: float, cost: float, seed: int):
    features, labels = (np.concatenate(parts) for parts in zip(*(_known(one, delay) for one in train), strict=True))
    if len(labels) < 2:
        raise StavisError("no training frame has a descriptor and a label: check the labels and the faces of the train split.")
    mean, deviation = features.mean(0), features.std(0)
    deviation = np.where(deviation > 1e-6, deviation, 1).astype(np.float32)
    machine = LinearSVR(C=cost, loss="squared_epsilon_insensitive", dual=False, intercept_scaling=10.0, max_iter=200, random_state=seed)
    machine.fit((features - mean) / deviation, labels)
    pairs = []
    for one in dev:
        values, gold = _known(one, delay)
        pairs.append((np.clip(machine.predict((values - mean) / deviation), -1, 1) if len(gold) else gold, gold))
    reached = concatenated(ccc, pairs) if sum(len(gold) for _, gold in pairs) > 1 else float("nan")
    return (reached if np.isfinite(reached) else -1.0), machine, (mean, deviation)


def _known(one: Described, delay: float) -> tuple[np.ndarray, np.ndarray]:
    labels = one.labels_at(delay)
    known = np.isfinite(one.features).all(1) & np.isfinite(labels)
    return one.features[known], labels[known]
