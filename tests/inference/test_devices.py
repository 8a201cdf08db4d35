"""Where is computed, and with how many threads."""

import pytest
import torch

from stavis.errors import StavisError
from stavis.inference import devices


@pytest.fixture
def threads(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(2)
    yield monkeypatch
    torch.set_num_threads(before)


def test_torch_has_no_more_threads_than_there_are_cores(threads):
    threads.setattr(devices, "cpu_count", lambda: 1)
    devices.choose_device("cpu")
    assert torch.get_num_threads() == 1


def test_a_number_of_threads_of_the_users_own_wins(threads):
    threads.setattr(devices, "cpu_count", lambda: 1)
    threads.setenv("OMP_NUM_THREADS", "2")
    devices.choose_device("cpu")
    assert torch.get_num_threads() == 2


def test_more_cores_than_threads_change_nothing(threads):
    threads.setattr(devices, "cpu_count", lambda: 64)
    devices.choose_device("cpu")
    assert torch.get_num_threads() == 2


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(StavisError, match="device 'cuda:99' is not available"):
        devices.choose_device("cuda:99")
