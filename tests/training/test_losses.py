"""Laws of the losses, and their agreement with the scores."""

import numpy as np
import pytest
import torch

from stavis.errors import StavisError
from stavis.metrics import ccc
from stavis.training.losses import LOSSES, epsilon_insensitive, inconsistency, mse, one_minus_ccc


def _batch(seed=0):
    generator = torch.Generator().manual_seed(seed)
    gold = torch.rand(3, 10, 1, generator=generator) * 2 - 1
    predicted = 0.5 * gold + 0.2 * torch.randn(3, 10, 1, generator=generator)
    mask = torch.rand(3, 10, generator=generator) > 0.3
    return predicted, gold, mask


@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_is_left_where_nothing_is_wrong_and_masked_frames_do_not_count(name):
    predicted, gold, mask = _batch()
    assert LOSSES[name](gold, gold, mask).item() == pytest.approx(0, abs=1e-5)
    spoiled = predicted.clone()
    spoiled[~mask] = 100
    assert LOSSES[name](spoiled, gold, mask).item() == pytest.approx(LOSSES[name](predicted, gold, mask).item())
    assert LOSSES[name](predicted, gold, mask).item() > 0


def test_the_losses_are_the_scores():
    predicted, gold, mask = _batch()
    p, g = predicted[mask].numpy()[:, 0], gold[mask].numpy()[:, 0]
    assert one_minus_ccc(predicted, gold, mask).item() == pytest.approx(1 - ccc(p, g), abs=1e-5)
    assert mse(predicted, gold, mask).item() == pytest.approx(np.mean((p - g) ** 2), abs=1e-6)
    assert epsilon_insensitive(predicted, gold, mask).item() == pytest.approx(np.mean(np.clip(np.abs(p - g) - 0.1, 0, None)), abs=1e-6)
    tube = gold + 0.09
    assert epsilon_insensitive(tube, gold, mask).item() == 0


def test_inconsistency_is_the_difference_of_the_views_of_each_pair():
    predicted, _, mask = _batch()
    views, masks = predicted.repeat_interleave(2, 0), mask.repeat_interleave(2, 0)
    assert inconsistency(views, masks).item() == 0
    views[1::2] += 0.5
    assert inconsistency(views, masks).item() == pytest.approx(0.25)
    views[0::2][~mask] = 100
    assert inconsistency(views, masks).item() == pytest.approx(0.25), "masked frames do not count"


@pytest.mark.parametrize("name", LOSSES)
def test_one_dimension_is_not_compared_with_the_labels_of_two(name):
    predicted, gold, mask = _batch()
    with pytest.raises(StavisError, match="differ"):
        LOSSES[name](predicted, torch.cat([gold, gold], 2), mask)
