"""Which questions can be asked of a network with token attention, and which of its modules are the head behind it."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import stavis
from stavis.attention.tokens import TokenAttention
from stavis.attribution.methods import saliency
from stavis.attribution.target import attribution_context
from stavis.errors import StavisError
from stavis.trust.attention_tests import own_maps, replaceable, why_fixed
from stavis.trust.judge import verdict
from stavis.trust.sanity import branches, cascade
from stavis.types import Clip, Target
from tests.attention.test_inside import LAYOUT, Block
from tests.inference.adapters.families import FAMILIES, FRAMES, TIMES, OwnMap, frames_transformer, timesformer, videomae

PATHS = tuple(f"encoder.layers.{number}.self_attn" for number in range(2))
CLIP = Clip(FRAMES, TIMES, recording="one")


def clips(count: int) -> list[Clip]:
    rng = np.random.default_rng(1)
    return [Clip(rng.integers(0, 255, FRAMES.shape, dtype=np.uint8), TIMES, recording=f"recording {i}") for i in range(count)]


def reason(model: nn.Module, attention) -> str:
    with attribution_context(model, CLIP) as asked:
        return why_fixed(asked, attention, *own_maps(asked, attention))


@pytest.mark.parametrize(("kind", "words"), [("raw", ""), ("rollout", "put together from 2 layers"), ("relevance", "maps='raw'")])
def test_raw_attention_can_be_replaced_and_what_is_put_together_cannot(kind, words):
    found = reason(Block().eval(), TokenAttention(PATHS, LAYOUT, kind=kind))
    assert words in found and bool(found) == bool(words)


def test_a_map_that_the_network_does_not_take_back_is_no_question():
    class Forgets(nn.Module):
        """Its prediction reads how often its attention ran, so that nothing put back gives the same."""

        def __init__(self):
            super().__init__()
            self.look, self.runs = nn.Softmax(2), 0

        def forward(self, frames):
            self.runs += 1
            return self.look(frames.mean(2).flatten(2)).amax(2, keepdim=True) + self.runs

    assert "moves the prediction by 1" in reason(Forgets(), TokenAttention(("look",), "b t (h w)"))


def test_all_four_questions_are_asked_of_an_own_transformer():
    found = verdict(Block().eval(), clips(5), attention=TokenAttention(PATHS, LAYOUT), methods=[saliency], heads=1, networks=1, draws=50)
    assert all(np.isfinite(one.effect) and "Not askable" not in one.sentence for one in found.answers)
    assert {"uniform", "permuted", "shuffled in time"} <= set(found.tests.test)


def test_two_questions_are_asked_of_a_rollout():
    attention = TokenAttention(PATHS, LAYOUT, kind="rollout")
    found = verdict(Block().eval(), clips(5), attention=attention, methods=[saliency], heads=1, networks=1, draws=50)
    asked = {one.question: "Not askable" not in one.sentence for one in found.answers}
    assert asked == {"needed": False, "sufficient": True, "unique": False, "agrees": True}
    assert not len(found.tests) and found.to_json()["needed"]["effect"] is None


def test_replaced_attention_runs_again_only_what_depends_on_it():
    with replaceable(Block().eval(), CLIP, None, TokenAttention(PATHS, LAYOUT)) as at:
        assert not at.fixed and at.reuse is not None
        np.testing.assert_allclose(at.run(at.weights[None])[0], at.own, rtol=0, atol=1e-6)
        uniform = np.full((2, *at.weights.shape), 1 / at.weights[0].size)
        assert np.abs(at.run(uniform) - at.own).max() > 1e-4


def opened(make, **options):
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stavis.load(make().eval(), device="cpu", rate=5.0, **options)


@pytest.mark.parametrize("make", [videomae, timesformer], ids=["VideoMAE", "TimeSformer"])
def test_the_head_is_what_the_attention_does_not_depend_on(make):
    net = opened(make)
    found = branches(net.differentiable(), CLIP, **net.network.attention_options)
    assert any(name.endswith("classifier") for name in found["head"])
    assert any("embed" in name for name in found["attention"]) and not set(found["head"]) & set(found["attention"])


def test_the_head_can_be_named_and_is_then_what_is_in_it():
    net = opened(videomae, output_head="classifier")
    assert branches(net.differentiable(), CLIP, **net.network.attention_options)["head"] == ["core.model.classifier"]
    network = Block()
    options = {"attention": "encoder.layers.*.self_attn", "layout": LAYOUT, "size": 32}
    named = opened(lambda: network, output_head=network.head, **options)
    assert branches(named.differentiable(), CLIP, **named.network.attention_options)["head"] == ["core.model.head"]
    with pytest.raises(StavisError, match="no module 'nothing'"):
        opened(videomae, output_head="nothing")
    embedding = opened(lambda: network, output_head="embed", **options)
    with pytest.raises(StavisError, match=r"output head 'core.model.embed' holds no weights"):
        branches(embedding.differentiable(), CLIP, **embedding.network.attention_options)


def test_a_network_without_attention_is_all_head():
    model = opened(frames_transformer, size=32).differentiable()
    assert branches(model, CLIP)["attention"] == []
    table = cascade(saliency, model, CLIP)
    assert set(table.branch) == {"head"} and table.cc.iloc[-1] < 0.9


def test_an_own_map_of_an_image_network_can_be_replaced():
    net = opened(OwnMap, **{name: value for name, value in FAMILIES["own map"][1].items() if name != "rate"})
    with replaceable(net.differentiable(), CLIP, Target("valence"), **net.network.attention_options) as at:
        assert not at.fixed
