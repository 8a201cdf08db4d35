"""The straight path from a baseline to a clip, its gradients added up where the prediction bends.

The prediction along the path is known at every node, so each interval's own error is known too: the intervals that miss most are
halved until all of them together, each counted by its size, miss no more than a tolerance, or a limit is reached: two errors of opposite
sign do not make a map right, for they lie in different pixels.
"""

from dataclasses import dataclass

import torch

from stavis.attribution.target import AttributionContext

FIRST = 4
"""How many intervals the path begins with, and how many are halved at a time."""


@dataclass(frozen=True)
class PathIntegral:
    """What each pixel adds along the path: values (T,H,W) double, the prediction's change, the sum of what its intervals miss of it,
    whichever way (so that errors do not cancel), and the gradients it took."""

    values: torch.Tensor
    difference: float
    missed: float
    gradients: int


class _Path:
    """The nodes of a path: the prediction, the map of change × gradient (T,H,W), and the sum of that map at each."""

    def __init__(self, context: AttributionContext, start: torch.Tensor, batch: int):
        self.context, self.start, self.batch = context, start, batch
        self.change = context.frames - start
        self.predictions: dict[float, float] = {}
        self.slopes: dict[float, float] = {}
        self.maps: dict[float, torch.Tensor] = {}

    def visit(self, nodes: list[float]) -> None:
        """Compute what is not known yet."""
        new = [node for node in dict.fromkeys(nodes) if node not in self.maps]
        for first in range(0, len(new), self.batch):
            some = new[first : first + self.batch]
            scale = torch.tensor(some, dtype=self.start.dtype, device=self.start.device).view(-1, 1, 1, 1, 1)
            points = (self.start + scale * self.change).requires_grad_(True)
            values = self.context.value(points)
            (gradients,) = torch.autograd.grad(values.sum(), points, allow_unused=True)
            for index, node in enumerate(some):
                map_ = torch.zeros_like(self.change) if gradients is None else gradients[index : index + 1] * self.change
                self.maps[node] = map_.sum(2)[0]
                self.slopes[node] = float(self.maps[node].double().sum())
                self.predictions[node] = float(values[index].detach().double())

    def error(self, interval: tuple[float, float]) -> float:
        """What the interval's map misses of the prediction's change in it."""
        low, high = interval
        whole = (high - low) * sum(share * self.slopes[node] for node, share in _rule(low, high))
        return whole - (self.predictions[high] - self.predictions[low])


def _rule(low: float, high: float) -> list[tuple[float, float]]:
    """The nodes of an interval with their weights. A finer rule gains nothing where a network bends like a ReLU."""
    return [(low, 1 / 2), (high, 1 / 2)]


def integrate_path(context: AttributionContext, start: torch.Tensor, *, steps: int, tolerance: float, batch: int) -> PathIntegral:
    """The gradients integrated from `start` (1,T,3,H,W) to the clip: complete to `tolerance`, or as far as `steps` gradients reach."""
    path = _Path(context, start, batch)
    count = min(FIRST, steps - 1)
    intervals = [(index / count, (index + 1) / count) for index in range(count)]
    errors: dict[tuple[float, float], float] = {}
    while True:
        path.visit([node for interval in intervals for node, _ in _rule(*interval)])
        errors |= {interval: path.error(interval) for interval in intervals}
        difference = path.predictions[1.0] - path.predictions[0.0]
        room = steps - len(path.maps)  # each interval that is halved takes one more node
        missed = sum(abs(error) for error in errors.values())
        if missed <= tolerance * abs(difference) or room < 1:
            break
        worst = sorted(errors, key=lambda interval: (-abs(errors[interval]), interval))[: min(FIRST, room)]
        intervals = [half for low, high in worst for half in ((low, (low + high) / 2), ((low + high) / 2, high))]
        for interval in worst:
            del errors[interval]
    values = torch.zeros_like(path.maps[0.0], dtype=torch.float64)
    for low, high in errors:
        for node, share in _rule(low, high):
            values += path.maps[node] * ((high - low) * share)
    return PathIntegral(values, difference, missed, len(path.maps))
