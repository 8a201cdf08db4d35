"""The loop of the trainers: steps to a plateau, checks on development, the best weights kept."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from stavis.training.plateau import Plateau, PlateauConfig


@dataclass(frozen=True)
class Fitted:
    """How a training ended: the best CCC on development (NaN without one), the steps done, the processor's seconds (all threads), why it
    ended ("plateau" or "cap"), the cap on the steps, and what each check found as (step, CPU seconds, CCC)."""

    dev_ccc: float
    steps: int
    cpu_seconds: float
    stopped: str
    cap: int
    checks: tuple[tuple[int, float, float], ...] = ()


def train_to_plateau(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    step: Callable[[int, Plateau], None],
    score: Callable[[nn.Module], float] | None,
    config: PlateauConfig,
    steps: int,
) -> Fitted:
    """Do steps under the rule of `config`, at most so many, and leave the network with its weights of the highest score.

    step(position, plateau) does one step with the optimiser, whose learning rates are set before. Without a score the last weights stay.
    """
    plateau, started = Plateau(config, steps), time.process_time()
    rates = [group["lr"] for group in optimiser.param_groups]
    best, kept, checks = -math.inf, None, []
    done = 0
    while done < plateau.end:
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * plateau.factor(done)
        step(done, plateau)
        done += 1
        if score is not None and (done % plateau.every == 0 or done >= plateau.end):
            reached = score(network)
            plateau.report(done, reached)
            checks.append((done, round(time.process_time() - started, 2), reached))
            if reached > best or kept is None:
                best, kept = (reached if math.isfinite(reached) else -math.inf), copy.deepcopy(network.state_dict())
    if kept is not None:
        network.load_state_dict(kept)
    spent = time.process_time() - started
    return Fitted(best if math.isfinite(best) else math.nan, done, spent, plateau.reason, plateau.steps, tuple(checks))
