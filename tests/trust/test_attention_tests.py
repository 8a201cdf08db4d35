"""Replacing attention: what is replaced by itself changes nothing, and the adversary keeps to its bounds."""

import numpy as np
import pytest
import torch

from stavis.attention.modules import SpatialSoftmax
from stavis.trust.agreement import jensen_shannon
from stavis.trust.attention_tests import adversarial, attention_tests, recorded, replaceable, replacements
from stavis.trust.known.five import case, decorative, only_path
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


def test_what_does_not_depend_on_the_attention_runs_once_and_predictions_stay_as_they_are():
    torch.manual_seed(0)
    model, clip = SmallSTA(), make_clip()
    maps = torch.rand(3, *recorded(model, clip, None, None)[0].shape)
    maps = maps / maps.sum((2, 3), keepdim=True)
    before = state_of(model)
    for attention in (None, "softmax"):
        with replaceable(model, clip, None, attention) as at:
            assert at.reuse is not None and at.reuse.outputs
            again = at.trace(maps)
            at.reuse = None
            torch.testing.assert_close(again, at.trace(maps))
        assert not any("forward" in vars(module) for module in model.modules())
    assert same_state(model, before)


def test_nothing_is_reused_where_a_batch_is_not_the_first_axis():
    """A module that puts time first gives one clip's output in a layout that copies of it do not fill; it runs again."""

    class TimeFirst(torch.nn.Module):
        def forward(self, frames):
            return frames.mean((2, 3, 4)).transpose(0, 1).contiguous()  # T,B

    class Odd(torch.nn.Module):
        dimensions = ("valence",)

        def __init__(self):
            super().__init__()
            self.first, self.softmax = TimeFirst(), SpatialSoftmax()

        def forward(self, frames):
            maps = self.softmax(frames.mean(2)[..., ::8, ::8])
            return (self.first(frames).transpose(0, 1) * maps.flatten(2).amax(2)).unsqueeze(-1)

    with replaceable(Odd(), make_clip()) as at:
        one = torch.from_numpy(np.stack([at.weights] * 2)).float()
        np.testing.assert_allclose(at.trace(one)[1].numpy(), at.own, rtol=1e-4)


def test_a_network_that_reads_a_batch_in_other_pieces_than_a_clip_predicts_the_same():
    """The ConvLSTM of STA takes so many images at once, so a batch of clips goes through its convolution in more pieces than one clip."""

    class Pieces(torch.nn.Module):
        dimensions = ("valence",)

        def __init__(self):
            super().__init__()
            self.each, self.softmax = torch.nn.Conv2d(3, 1, 4, stride=8), SpatialSoftmax()

        def forward(self, frames):
            together = max(1, 14 // len(frames))
            parts = [self.each(part.flatten(0, 1)).unflatten(0, part.shape[:2]) for part in frames.split(together, 1)]
            features = torch.cat(parts, 1)[:, :, 0]
            return (features * self.softmax(frames.mean(2)[..., ::8, ::8])).flatten(2).sum(2, keepdim=True)

    torch.manual_seed(0)
    with replaceable(Pieces(), make_clip(frames=6)) as at:
        maps = torch.from_numpy(np.stack([at.weights] * 3)).float()
        np.testing.assert_allclose(at.trace(maps)[2].numpy(), at.own, rtol=1e-4)
