"""Laws of attention that is changed as little as a map asks for."""

import pytest
import torch

from stavis.attention.least_change import with_mean


def rows(*shape, sharp=2.0, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).mul(sharp).softmax(-1)


def map_of(own):
    return own.sum(-2) / own.sum((-2, -1))[..., None]


@pytest.mark.parametrize("sharp", [0.5, 2.0, 6.0])
def test_the_own_map_changes_nothing(sharp):
    own = rows(2, 3, 5, 16, sharp=sharp)
    torch.testing.assert_close(with_mean(own, map_of(own)), own, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("sharp", [0.5, 2.0, 4.0])
def test_the_mean_of_the_rows_is_the_map_and_each_row_keeps_its_sum(sharp):
    own, wanted = rows(2, 3, 5, 16, sharp=sharp) * torch.rand(2, 3, 5, 1), rows(2, 3, 16, seed=1)
    found = with_mean(own, wanted)
    torch.testing.assert_close(map_of(found), wanted, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.sum(-1), own.sum(-1))
    assert (found >= 0).all()


def test_one_row_is_the_map():
    own, wanted = rows(4, 1, 9), rows(4, 9, seed=1)
    torch.testing.assert_close(with_mean(own, wanted), wanted[:, None])


def test_a_cell_that_had_no_weight_can_get_all_of_it():
    own, wanted = torch.zeros(3, 4), torch.zeros(4)
    own[:, 0], wanted[3] = 1, 1
    torch.testing.assert_close(with_mean(own, wanted), wanted.expand(3, 4))


def test_no_other_weights_of_that_map_are_nearer():
    own, wanted = rows(4, 6).double(), rows(6, seed=1).double()
    found = with_mean(own, wanted)
    divergence = lambda one: float((one * (one / own).log()).sum())  # noqa: E731
    move = torch.randn(4, 6, generator=torch.Generator().manual_seed(2)).double()
    move = move - move.mean(0) - move.mean(1, keepdim=True) + move.mean()  # keeps the sums of rows and columns
    for step in (1e-4, -1e-4):
        assert divergence(found + step * move) > divergence(found)


def test_gradients_flow_into_the_map_and_not_into_the_own_weights():
    own, wanted = rows(2, 5, 16).requires_grad_(True), rows(2, 16, seed=1).requires_grad_(True)
    (with_mean(own, wanted) * torch.arange(16)).sum().backward()
    assert wanted.grad.abs().sum() > 0 and own.grad is None
