"""Laws of the loader: the batches of torch's own in the same order, and what is counted as waiting."""

import time

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from stavis.data import ahead
from stavis.training.loading import TimedLoader


class Squares(Dataset):
    """Numbers, each made in a time of its own."""

    def __init__(self, seconds: float = 0.0):
        self.seconds = seconds

    def __len__(self):
        return 12

    def __getitem__(self, number):
        time.sleep(self.seconds)
        return torch.tensor([number, number**2])


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    monkeypatch.setattr(ahead, "cpu_count", lambda: 2)


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_are_those_of_torch_in_every_epoch(workers):
    ours, theirs = (kind(Squares(), batch_size=5, num_workers=workers) for kind in (TimedLoader, DataLoader))
    for _ in range(2):
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert len(ours) == len(theirs)


def test_a_slow_data_set_is_waited_for_and_a_slow_step_is_not():
    slow, quick = TimedLoader(Squares(0.02), batch_size=2), TimedLoader(Squares(), batch_size=2)
    assert len(list(slow)) == 6 and slow.waited > 0.15
    for _ in quick:
        time.sleep(0.02)
    assert quick.waited < slow.waited


def test_the_random_numbers_of_torch_go_on_as_with_torchs_loader():
    after = []
    for kind in (TimedLoader, DataLoader):
        torch.manual_seed(3)
        list(kind(Squares(), batch_size=4))
        after.append(torch.rand(3))
    assert torch.equal(*after)
