"""Maps behind random heads are those of the methods themselves, however little runs again."""

import numpy as np
import pytest
import torch
from torch import nn

from stavis.attribution.deeplift import exact_deeplift
from stavis.attribution.methods import input_x_gradient, saliency
from stavis.attribution.target import prepare
from stavis.trust.attention_tests import replaceable
from stavis.trust.faithfulness import InsertionDeletion
from stavis.trust.head_maps import independent_of, maps_behind_heads
from stavis.trust.sanity import branches, randomised
from stavis.types import Target
from tests.attribution.networks import SmallSTA, make_clip, same_state, state_of

METHODS = [saliency, input_x_gradient, exact_deeplift]


class InPlace(nn.Module):
    """A head that writes on what the attention branch gave."""

    dimensions = ("valence",)

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1)
        self.on = nn.ReLU(inplace=True)

    def forward(self, frames):
        features = self.body(frames.flatten(0, 1)) - 0.1
        return self.head(self.on(features)).mean((2, 3)).unflatten(0, frames.shape[:2])


def behind(model, clip, head, seeds, methods=METHODS):
    with prepare(model) as ready:
        fixed = independent_of(ready, head, clip)
        run = lambda method: method(ready, clip)  # noqa: E731 - what the verdict calls other methods by
        return fixed, list(maps_behind_heads(ready, clip, Target(), methods, run, head=head, seeds=seeds, fixed=fixed))


def by_itself(model, clip, head, seeds, methods=METHODS):
    found = []
    for number, seed in enumerate(seeds):
        with randomised(model, head, seed):
            found += [(method.label, number, method(model, clip).values) for method in methods]
    return found


@pytest.mark.parametrize("make", [SmallSTA, InPlace], ids=["attention", "a head that works in place"])
def test_maps_are_those_of_the_methods_and_the_network_stays_as_it_is(make):
    torch.manual_seed(0)
    model, clip = make().eval(), make_clip(1)
    head = branches(model, clip)["head"] if make is SmallSTA else ["head"]
    before = state_of(model)
    fixed, found = behind(model, clip, head, [5, 6])
    assert fixed
    assert same_state(model, before)
    expected = by_itself(model, clip, head, [5, 6])
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    for (label, number, values), (_, _, other) in zip(found, expected, strict=True):
        np.testing.assert_allclose(values, other, atol=2e-4 * np.abs(other).max(), err_msg=f"{label} {number}")
    assert not np.allclose(found[0][2], found[3][2])  # two heads, two maps


def test_a_network_that_somebody_holds_by_its_forward_runs_whole():
    torch.manual_seed(0)
    model, clip = SmallSTA().eval(), make_clip(1)
    head = branches(model, clip)["head"]
    module = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    module.forward = module.forward
    fixed, found = behind(model, clip, head, [5], [saliency])
    assert fixed == []
    np.testing.assert_allclose(found[0][2], by_itself(model, clip, head, [5], [saliency])[0][2], rtol=1e-5)


def test_a_method_of_the_users_own_is_called():
    def mine(model, clip, target=None):
        return saliency(model, clip, target)

    mine.label = "mine"
    torch.manual_seed(0)
    model, clip = SmallSTA().eval(), make_clip(1)
    head = branches(model, clip)["head"]
    _, found = behind(model, clip, head, [5], [mine, saliency])
    assert [row[0] for row in found] == ["mine", saliency.label]
    np.testing.assert_allclose(found[0][2], found[1][2], atol=1e-6 * np.abs(found[1][2]).max())


def test_curves_that_run_together_are_those_of_each():
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip(2)
    rng = np.random.default_rng(0)
    with replaceable(model, clip) as at:
        runner = InsertionDeletion(at.asked, batch=5)
        orders = [rng.random(at.weights.shape) for _ in range(3)]
        together = runner.insertions(orders, 1)
        for curve, order in zip(together, orders, strict=True):
            np.testing.assert_allclose(curve, runner.insertion(order, 1), atol=1e-5)
