"""The noise of training is no part of a network: it comes by a hook, in train mode alone, and goes with it."""

import pytest
import torch

from stavis.attention.modules import AttentionProduct
from stavis.training.feature_noise import feature_noise
from tests.models.test_sta import TINY


@pytest.fixture
def product() -> AttentionProduct:
    return AttentionProduct().train()


FEATURES = torch.linspace(-1, 1, 2 * 3 * 4 * 5 * 5).view(2, 3, 4, 5, 5)
WEIGHTS = torch.full((2, 4, 5, 5), 1 / 25)


def test_the_noise_is_relative_to_the_features(product):
    with feature_noise(product) as noise:
        noise.amount = 2.0
        torch.manual_seed(0)
        added = product(FEATURES, WEIGHTS) - FEATURES
        torch.manual_seed(0)
        assert torch.allclose(product(10 * FEATURES, WEIGHTS) - 10 * FEATURES, 10 * added, atol=1e-5)
    assert float(added.std()) == pytest.approx(2 * float(FEATURES.square().mean().sqrt()), rel=0.08)


def test_the_noise_is_the_same_in_whatever_order_the_features_lie_in_memory(product):
    found = []
    with feature_noise(product) as noise:
        noise.amount = 2.0
        for features in (FEATURES, FEATURES.contiguous(memory_format=torch.channels_last_3d)):
            torch.manual_seed(0)
            found.append(product(features, WEIGHTS))
    assert torch.allclose(*found, rtol=0, atol=1e-6) and not torch.equal(found[0], FEATURES)


@pytest.mark.parametrize(("training", "amount"), [(False, 3.0), (True, 0.0)])
def test_outside_training_and_without_an_amount_nothing_is_added(product, training, amount):
    with feature_noise(product.train(training)) as noise:
        noise.amount = amount
        assert torch.equal(product(FEATURES, WEIGHTS), FEATURES)


def test_no_hook_and_no_state_stay_behind():
    from stavis.models.sta import STA

    network = STA(TINY)
    before = {name: dict(vars(module)) for name, module in network.named_modules() if isinstance(module, AttentionProduct)}
    with pytest.raises(RuntimeError), feature_noise(network) as noise:
        noise.amount = 1.0
        raise RuntimeError
    assert not any(module._forward_hooks for module in network.modules())
    assert before == {name: dict(vars(module)) for name, module in network.named_modules() if isinstance(module, AttentionProduct)}
