"""Branches are told apart by what depends on what; randomising comes undone; sane maps change."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, weight_norm

from stavis.attribution.methods import saliency
from stavis.errors import StavisError
from stavis.models.sta import STA
from stavis.trust.nulls import edges, uniform
from stavis.trust.sanity import branches, cascade, flicker, input_randomisation, randomised
from stavis.types import Attribution
from tests.attribution.networks import SmallSTA, make_clip, same_state, state_of


@pytest.mark.parametrize(("model", "above"), [(SmallSTA(), ("encoder", "cell", "score")), (STA(), ("encoder", "decoder"))])
def test_branches(model, above):
    before = state_of(model)
    found = branches(model, make_clip())
    assert same_state(model, before)
    assert {name.split(".")[0] for name in found["attention"]} == set(above)
    assert not {name.split(".")[0] for name in found["head"]} & set(above)
    owners = {name for name, module in model.named_modules() if list(module.parameters(recurse=False))}
    assert set(found["attention"]) | set(found["head"]) == owners


def test_randomising_comes_undone():
    model = SmallSTA()
    before = state_of(model)
    frames = torch.rand(1, 4, 3, 32, 32)
    own = model.eval()(frames)
    with randomised(model, None, 1):
        assert not torch.allclose(model(frames), own)
    assert torch.equal(model(frames), own)
    model.train()
    with pytest.raises(ZeroDivisionError), randomised(model, ["score"], 1):
        raise ZeroDivisionError
    assert same_state(model, before)
    with pytest.raises(StavisError, match="no module"), randomised(model, ["nowhere"], 1):
        pass


def test_randomising_the_head_leaves_the_attention():
    from stavis.attention.hooks import record_attention

    model, clip = SmallSTA().eval(), make_clip()
    frames = torch.rand(1, 4, 3, 32, 32)
    with record_attention(model) as recorder:
        model(frames)
        own = recorder.weights
        with randomised(model, branches(model, clip)["head"], 1):
            model(frames)
    assert torch.equal(recorder.weights, own)


def test_the_draw_hangs_on_the_seed_alone():
    model = SmallSTA().eval()
    frames = torch.rand(1, 2, 3, 32, 32)
    with torch.no_grad():
        outputs = []
        for seed in (1, 1, 2):
            torch.manual_seed(np.random.default_rng().integers(1000))
            with randomised(model, None, seed):
                outputs.append(model(frames))
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_a_cascade_tells_a_sane_method_from_an_edge_detector():
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip()

    def edge_detector(model, clip, target=None):
        return Attribution("edges", target, edges(clip, (32, 32)).astype(np.float32), clip.times)

    sane, blind = (cascade(method, model, clip) for method in (saliency, edge_detector))
    assert set(sane.branch) == {"attention", "head"}
    assert sane.groupby("branch").depth.max().min() >= 3
    np.testing.assert_allclose(blind.cc, 1)
    assert sane[sane.branch == "head"].cc.iloc[-1] < 0.9


def test_input_randomisation():
    torch.manual_seed(0)
    found = input_randomisation(saliency, SmallSTA(), make_clip())
    assert set(found) == {"cc", "spearman"}
    assert abs(found["cc"]) < 0.6


def test_flicker():
    clip = make_clip()
    moving = clip.frames.mean(3)
    assert flicker(moving, clip) == pytest.approx(1)
    assert flicker(uniform((6, 4, 4)), clip) == 0
    assert np.isnan(flicker(moving[:1], clip[:1]))
    still = type(clip)(np.repeat(clip.frames[:1], 6, 0), clip.times)
    assert np.isnan(flicker(moving, still))


WRAPS = {
    "plain": lambda layer: layer,
    "weight norm": weight_norm,
    "weight norm as a parametrization": parametrizations.weight_norm,
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", amount=0.3),
    "spectral norm": parametrizations.spectral_norm,
}


@pytest.mark.parametrize("kind", WRAPS)
def test_a_weight_that_is_made_of_other_parameters_is_randomised_too(kind):
    torch.manual_seed(0)
    model = nn.Sequential(WRAPS[kind](nn.Linear(6, 5, bias=False)), nn.ReLU()).eval()
    x, before = torch.rand(4, 6), state_of(model)
    plain = model(x)
    with randomised(model, None, 1):
        assert (model(x) - plain).abs().max() > 0.05
    assert torch.equal(model(x), plain) and all(torch.equal(one, before[2][name]) for name, one in model.state_dict().items())


class Whole(nn.Module):
    """Resets what is in it, too, and puts new tensors in place of its own, as modules of many people do; another asks for a range."""

    def __init__(self):
        super().__init__()
        self.place, self.inner = nn.Parameter(torch.arange(4.0)), nn.Linear(4, 4)

    def reset_parameters(self):
        self.place = nn.Parameter(torch.randn(4))
        self.inner.reset_parameters()


class Ranged(nn.Linear):
    def reset_parameters(self, low=None):
        if low is None:
            raise TypeError("reset_parameters() missing 1 required positional argument: 'low'")


def test_a_reset_that_goes_through_what_is_inside_changes_only_its_own_step_and_is_undone():
    model, ranged = Whole(), Ranged.__new__(Ranged)
    before, place, inner = state_of(model), model.place, model.inner.weight.clone()
    with randomised(model, [""], 1):
        assert not torch.equal(model.place, place) and torch.equal(model.inner.weight, inner)
    assert model.place is place and same_state(model, before)
    nn.Module.__init__(ranged)
    ranged.weight = nn.Parameter(torch.arange(12.0).view(3, 4))
    with randomised(ranged, [""], 1):
        assert not torch.equal(ranged.weight, torch.arange(12.0).view(3, 4))
