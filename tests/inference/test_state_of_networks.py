"""A run leaves a network as it was: its modes by its own train(), and nothing that would end a later run with gradients."""

import pytest
import torch
from torch import nn

import stavis
from stavis.attention.state import evaluating
from stavis.attribution.methods import guided_backprop, saliency
from stavis.errors import StavisError
from stavis.storage.fingerprint import model_hash
from tests.inference.adapters.families import FRAMES, TIMES

OPTIONS = {"size": 32, "rate": 5.0, "device": "cpu", "outputs": ("valence",)}
pytestmark = pytest.mark.usefixtures("quiet")


class Merging(nn.Module):
    """Adds its low-rank part to its weights in eval mode and takes it away in training mode, as networks with LoRA do."""

    def __init__(self):
        super().__init__()
        self.weight, self.added = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
        self.frozen, self.merged = nn.BatchNorm1d(1).eval(), False

    def train(self, mode: bool = True):
        super().train(mode)
        self.frozen.train(False)
        if mode == self.merged:
            self.weight.data += self.added.data * (-1 if mode else 1)
            self.merged = not mode
        return self

    def forward(self, frames):
        weight = self.weight if self.merged else self.weight + self.added
        return (weight * frames.mean((2, 3, 4)))[..., None]


def test_a_network_that_merges_weights_in_eval_mode_comes_back_apart():
    model = Merging().train()
    net = stavis.load(model, **OPTIONS)
    assert net.read(FRAMES, times=TIMES).values[:, 0] == pytest.approx(2 * FRAMES.mean((1, 2, 3)) / 255, abs=1e-6)
    net.explain(FRAMES, methods=("saliency",))
    assert model.training and not model.merged and not model.frozen.training
    assert model.weight.item() == 1.0
    model(torch.rand(1, 2, 3, 4, 4)).sum().backward()
    assert model.added.grad is not None


class Positioned(nn.Module):
    """Multiplies by a table that it makes at its first run for each length, and keeps what it last saw."""

    def __init__(self):
        super().__init__()
        self.scale, self.tables, self.table, self.seen = nn.Parameter(torch.ones(1)), {}, None, None

    def forward(self, frames):
        if self.table is None:
            self.table = torch.linspace(0, 1, frames.shape[-1])
        if frames.shape[1] not in self.tables:
            self.tables[frames.shape[1]] = torch.linspace(0, 1, frames.shape[-1])
        self.seen = frames * self.table * self.tables[frames.shape[1]]
        return self.scale * self.seen.mean((2, 3, 4)).unsqueeze(-1)


def test_what_a_network_keeps_of_a_run_does_not_end_runs_with_gradients():
    model = Positioned()
    net = stavis.load(model, **OPTIONS)
    net.read(FRAMES, times=TIMES)
    known = model_hash(model)
    result = net.explain(FRAMES, methods=("saliency",)).attributions["Saliency"]
    assert result.values.any() and not any("cuts" in note for note in result.notes)
    model(torch.rand(1, 4, 3, 32, 32, requires_grad=True)).sum().backward()  # as the user's training would
    net.read(FRAMES[:3], times=TIMES[:3])
    net.read(FRAMES, times=TIMES)
    assert not any(one.is_inference() for one in (model.table, model.seen, *model.tables.values()))
    assert model_hash(model) == known or len(model.tables) > 1


class Convolved(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.out = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 1)

    def forward(self, frames):
        x = self.first(frames.flatten(0, 1)).relu().mean((2, 3))
        return self.out(x).unflatten(0, (-1, 4))


def test_a_program_of_torch_export_is_read_as_the_network_it_was_made_of():
    torch.manual_seed(0)
    model = Convolved().eval()
    example = (torch.rand(2, 4, 3, 32, 32),)
    program = torch.export.export(model, example, dynamic_shapes=({0: torch.export.Dim("batch")},)).module()
    nets = [stavis.load(one, **OPTIONS, frames=4) for one in (model, program)]
    plain, exported = (net.read(FRAMES, times=TIMES) for net in nets)
    assert exported.values == pytest.approx(plain.values, abs=1e-6)
    clip = exported.crops.clip(0, 4)
    for method in (saliency, guided_backprop):
        one, two = (method(net.differentiable(), clip) for net in nets)
        assert two.values == pytest.approx(one.values, abs=1e-7) and one.notes == two.notes == ()


def test_modes_are_back_after_an_error():
    model = Merging().train()
    with pytest.raises(ZeroDivisionError), evaluating(model):
        assert not model.training and model.merged
        raise ZeroDivisionError
    assert model.training and not model.merged


def test_lazy_layers_are_refused_before_they_are_filled():
    model = nn.Sequential(nn.Flatten(2), nn.LazyLinear(1))
    with pytest.raises(StavisError, match=r"^Sequential has lazy layers without weights: .*\.$"):
        stavis.load(model, **OPTIONS)
    assert nn.parameter.is_lazy(model[1].weight)
