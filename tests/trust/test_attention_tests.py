"""Replacing attention: what is replaced by itself changes nothing, and the adversary keeps to its bounds."""

import numpy as np
import pytest
import torch

from stavis.trust.agreement import jensen_shannon
from stavis.trust.attention_tests import adversarial, attention_tests, leave_one_out, recorded, replaceable, replacements
from stavis.trust.known_answers import case, decorative, only_path
from tests.attribution.networks import SmallSTA, make_clip, same_state, state_of


def test_its_own_attention_changes_nothing():
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip()
    for attention in (None, "softmax"):  # by the argument, by a hook
        with replaceable(model, clip, None, attention) as at:
            assert at.takes == (attention is None)
            np.testing.assert_allclose(at.run(np.stack([at.weights] * 5)), np.stack([at.own] * 5), atol=1e-6)


@pytest.mark.parametrize("tolerance", [0.01, 0.05])
def test_the_adversary_keeps_to_the_tolerance_and_gains_by_more(tolerance):
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip()
    before = state_of(model)
    with replaceable(model, clip) as at:
        other = adversarial(at, tolerance=tolerance, steps=10)
        assert np.abs(at.run(other[None])[0] - at.own).max() <= tolerance + 1e-6
        np.testing.assert_allclose(other.sum((1, 2)), 1)
        assert (other >= 0).all()
        assert 0 < jensen_shannon(at.weights, other).mean() <= 1
    assert same_state(model, before)


def test_the_adversary_finds_all_on_a_decorative_model_and_nothing_where_there_is_nothing():
    for model, name, low, high in ((decorative(), "decorative", 0.9, 1.0), (only_path(), "only path", 0.0, 0.1)):
        _, clips = case(name, 0, clips=1)
        with replaceable(model, clips[0]) as at:
            assert low <= jensen_shannon(at.weights, adversarial(at)).mean() <= high


def test_leaving_out_cells():
    _, clips = case("only path", 0, clips=1)
    with replaceable(only_path(), clips[0]) as at:
        assert leave_one_out(at) > 0.3
    with replaceable(decorative(), clips[0]) as at:
        assert np.isnan(leave_one_out(at))


def test_replacements_are_distributions_and_need_other_clips():
    torch.manual_seed(0)
    maps = [recorded(SmallSTA(), make_clip(seed), None, None)[0] for seed in range(3)]
    for kind, given in replacements(maps, 1).items():
        for one in given:
            np.testing.assert_allclose(one.sum((1, 2)), 1, err_msg=kind)
    assert set(replacements(maps[:1], 0)) == {"uniform", "permuted", "shuffled in time"}


def test_the_table_has_a_row_a_clip_and_test():
    torch.manual_seed(0)
    table = attention_tests(SmallSTA(), [make_clip(0), make_clip(1)])
    assert list(table.columns) == ["clip", "test", "change", "jsd"]
    assert len(table) == 12
    assert table[table.test == "adversarial"].change.max() <= 0.05
