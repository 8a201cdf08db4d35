"""Training to a plateau: one rule for when a network of any kind has learned what it can, and how its learning rate follows.

The learning rate rises, stays, and falls to nothing. It begins to fall when the development CCC has not gained for some checks, or early
enough to reach nothing at the cap on the steps; so every run ends in a fall, and none depends on a length chosen for its network.
"""

import math
from dataclasses import dataclass
from typing import Any

from stavis.errors import StavisError


@dataclass(frozen=True)
class PlateauConfig:
    """When training ends, in fractions of the cap on its steps, so that one rule holds for networks of any cost.

    checks: how often the development CCC is taken within the cap; patience: the checks without a gain after which the learning rate
    falls; gain: the least gain of CCC that counts; rise, least, fall: fractions of the cap in which the learning rate rises, before
    which no plateau is seen, and the fall's length as a fraction of the steps before it.
    """

    checks: int = 24
    patience: int = 4
    gain: float = 0.005
    rise: float = 0.05
    least: float = 0.35
    fall: float = 0.3

    def __post_init__(self):
        if self.checks < 1 or self.patience < 1:
            raise StavisError(f"{self.checks} checks with a patience of {self.patience} are no rule: give at least 1 of each.")
        for name in ("rise", "least", "fall"):
            if not 0 <= getattr(self, name) <= 1:
                raise StavisError(f"{name} is {getattr(self, name)}: give a fraction from 0 to 1.")

    def every(self, steps: int) -> int:
        """How many steps lie between two checks where at most so many are done."""
        return max(1, round(steps / self.checks))


class Plateau:
    """The state of one run under the rule: what the checks found, and from which step on the learning rate falls."""

    def __init__(self, config: PlateauConfig, steps: int):
        self.config, self.steps = config, max(1, int(steps))
        self.every = config.every(self.steps)
        self.best, self.waited = -math.inf, 0
        self._falls_from: int | None = None

    @property
    def falls_from(self) -> int:
        """The step from which the learning rate falls: where a plateau was seen, else the last from which it can within the cap."""
        last = math.floor(self.steps / (1 + self.config.fall))
        return last if self._falls_from is None else min(self._falls_from, last)

    @property
    def end(self) -> int:
        """The step with which training ends."""
        return min(self.steps, max(self.falls_from + 1, round(self.falls_from * (1 + self.config.fall))))

    @property
    def reason(self) -> str:
        """Why training ends: "plateau", or "cap" where none was seen before the cap."""
        return "cap" if self._falls_from is None else "plateau"

    def report(self, step: int, score: float) -> None:
        """What a check after `step` steps found on development (NaN counts as no gain); checks may come at any step."""
        if self._falls_from is not None or step >= self.falls_from:
            return
        if score > self.best + self.config.gain:
            self.best, self.waited = score, 0
        elif step > self.config.least * self.steps:
            self.waited += 1
        if self.waited >= self.config.patience:
            self._falls_from = step

    def factor(self, step: int) -> float:
        """What the learning rate of a step (from 0) is multiplied by, in (0,1]."""
        rise = max(1, round(self.config.rise * self.steps))
        up = min(1.0, (step + 1) / rise)
        return up if step < self.falls_from else min(up, max(1 - self.fallen(step), 1e-3))

    def fallen(self, step: int) -> float:
        """How much of the fall lies behind at a step, in [0,1]."""
        return min(max((step - self.falls_from) / max(self.end - self.falls_from, 1), 0.0), 1.0)

    def grown(self, step: int) -> float:
        """What grows during training (noise, jitter) at a step, in [0,1]: in full when a plateau can first be seen."""
        least = self.config.least * self.steps
        return min(max((step / least - 0.3) / 0.7, 0.0), 1.0) if least else 1.0

    def state_dict(self) -> dict[str, Any]:
        """The state as plain values, for a resume point."""
        return {"best": self.best, "waited": self.waited, "falls_from": self._falls_from}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that was kept."""
        self.best, self.waited, self._falls_from = state["best"], state["waited"], state["falls_from"]
