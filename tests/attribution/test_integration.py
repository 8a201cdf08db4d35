"""The path of integrated gradients is halved until what its intervals miss, each by its size, is little, and that is what is told."""

import numpy as np
import pytest
import torch
from torch import nn

from stavis.attribution.baselines import baseline_frames
from stavis.attribution.integration import integrate_path
from stavis.attribution.methods import integrated_gradients
from stavis.attribution.target import attribution_context
from stavis.tensors import as_input
from tests.attribution.networks import SmallSTA, make_clip

CLIP = make_clip(1, frames=3)


class Steps(nn.Module):
    """The left half steps up early on the way from black, the right half steps down late, the top row rises steadily."""

    dimensions = ("valence",)

    def __init__(self, early: float, late: float):
        super().__init__()
        frames = as_input(CLIP.frames)
        self.early, self.late = early * float(frames[..., :16].mean()), late * float(frames[..., 16:].mean())

    def forward(self, frames):
        left, right = frames[..., :16].mean((2, 3, 4)), frames[..., 16:].mean((2, 3, 4))
        return (torch.sigmoid(60 * (left - self.early)) - torch.sigmoid(60 * (right - self.late)) + frames[:, :, :, 0].mean((2, 3)))[
            ..., None
        ]


def plain_integral(model: nn.Module, nodes: int = 800) -> np.ndarray:
    """The gradients on the way from black, at equal distances, added up."""
    frames, total = as_input(CLIP.frames), 0.0
    for places in ((torch.arange(nodes) + 0.5) / nodes).split(200):
        points = (places.view(-1, 1, 1, 1, 1) * frames).requires_grad_(True)
        (gradient,) = torch.autograd.grad(model(points).mean((1, 2)).sum(), points)
        total = total + gradient.sum(0)
    return (total * frames[0] / nodes).sum(1).numpy()


@pytest.mark.parametrize(("early", "late"), [(0.12, 0.5), (0.2, 0.7), (0.35, 0.6)])
def test_errors_of_opposite_sign_do_not_cancel(early, late):
    model = Steps(early, late)
    found = integrated_gradients(model, CLIP, baseline="black")
    fine = plain_integral(model)
    for half in (np.s_[:, :, :16], np.s_[:, :, 16:]):
        assert float(found.values[half].sum()) == pytest.approx(float(fine[half].sum()), abs=0.02)
    with attribution_context(model, CLIP) as context:
        change = float(context.value(context.frames) - context.value(torch.zeros_like(context.frames)))
    missed = abs(float(found.values.sum(dtype=np.float64)) - change) / abs(change)
    assert missed <= found.relative_delta + 1e-6
    assert integrated_gradients(model, CLIP, baseline="black", steps=1025).relative_delta <= 0.01


@pytest.mark.parametrize("seed", range(4))
def test_it_stops_at_its_limit_and_tells_at_least_what_its_sum_misses(seed):
    torch.manual_seed(seed)
    with attribution_context(SmallSTA(), make_clip(seed, frames=3)) as context:
        start = baseline_frames(context.clip)
        for steps in (5, 33):
            path = integrate_path(context, start, steps=steps, tolerance=0.01, batch=4)
            assert path.gradients <= steps
            assert abs(float(path.values.sum()) - path.difference) <= path.missed + 1e-6
            assert path.gradients == steps or path.missed <= 0.01 * abs(path.difference)
