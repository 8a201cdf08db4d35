"""Networks with token attention are what their rules say, and the verdict is right on them."""

import numpy as np
import pytest
import torch

from stavis.attention.hooks import inject_attention, record_attention
from stavis.attribution.methods import input_x_gradient
from stavis.tensors import as_input
from stavis.trust.judge import verdict
from stavis.trust.known.tokens import RULES, SHARE, token_answers, token_case

BUILT = [name for name, rule in RULES.items() if rule.built]


@pytest.mark.parametrize("name", BUILT)
def test_a_network_predicts_its_labels_and_attends_as_its_rule_says(name):
    model, clips = token_case(name, 3, clips=6)
    with torch.no_grad():
        predicted = np.concatenate([model(as_input(clip.frames))[0, :, 0].numpy() for clip in clips])
        labels = np.concatenate([clip.labels[:, 0] for clip in clips])
        if model.rule.joint:  # one value a clip
            predicted, labels = (each.reshape(len(clips), -1).mean(1) for each in (predicted, labels))
        assert np.corrcoef(predicted, labels)[0, 1] > 0.98
        with record_attention(model, model.attention) as recorder:
            model(as_input(clips[0].frames))
    highest = recorder.weights[0].flatten(1).sort(1).values[:, -model.rule.cells :].sum(1)
    np.testing.assert_allclose(highest, SHARE, atol=0.01)


@pytest.mark.parametrize("name", ["averaged", "constant", "idle head"])
def test_decorative_means_that_no_map_changes_anything(name):
    model, clips = token_case(name, 3, clips=1)
    frames = as_input(clips[0].frames)
    with torch.no_grad():
        own = model(frames)
        maps = torch.rand(1, 6, 64).softmax(2).unflatten(2, (8, 8))
        with inject_attention(model, maps, model.attention):
            torch.testing.assert_close(model(frames), own, rtol=0, atol=1e-5)


def test_the_only_path_follows_any_map():
    model, clips = token_case("only path", 3, clips=1)
    frames = as_input(clips[0].frames)
    with torch.no_grad(), inject_attention(model, torch.full((1, 6, 8, 8), 1 / 64), model.attention):
        assert np.abs(model(frames)[0, :, 0].numpy() - clips[0].labels[:, 0]).max() > 0.3


@pytest.mark.parametrize("name", ["only path", "averaged"])
def test_the_verdict_is_right_on_some_of_them(name):
    model, clips = token_case(name, 1, clips=12)
    found = verdict(model, clips, attention=model.attention, methods=[input_x_gradient], heads=2, networks=2, draws=100, seed=1)
    for answer in found.answers:
        assert answer.answer == RULES[name].expected[answer.question], answer.sentence


def test_answers_have_the_shape_of_the_five():
    assert token_answers(()) == []
