"""Where is computed, and with how many threads."""

import os
import subprocess
import sys

import pytest
import torch
from joblib import cpu_count
from joblib.externals.loky.backend import context

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


def fresh(code: str, **environment: str) -> list[str]:
    """What a fresh process prints, by words."""
    kept = {name: value for name, value in os.environ.items() if name not in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    run = subprocess.run([sys.executable, "-c", code], env=kept | environment, capture_output=True, text=True, check=True)
    return run.stdout.split()


READ = """
import numpy as np, torch
from stavis.inference.devices import choose_device
from stavis.inference.reading import read
from stavis.models.sta import STA, STAConfig
choose_device("cpu")
torch.manual_seed(0)
network = STA(STAConfig(encoder=(4, 6, 8), decoder=(6, 4), stem=(4, 6), regressor=(8, 10), hidden=8, crop_size=33, vision=24))
frames = np.random.default_rng(0).integers(0, 256, (7, 33, 33, 3), np.uint8)
print(torch.get_num_threads(), *read(network, frames, np.arange(7) / 25, mode="stream").values[:, 0].tolist())
"""


def test_one_thread_and_far_too_many_are_the_users_choice_and_read_the_same():
    usual, one, many = fresh(READ), fresh(READ, OMP_NUM_THREADS="1"), fresh(READ, OMP_NUM_THREADS="64")
    assert one[0] == "1" and int(many[0]) >= int(usual[0])  # MKL lets torch have as many as there are cores
    if cpu_count(only_physical_cores=True) > 1:
        assert int(usual[0]) > 1
    for other in (usual, many):
        assert [float(value) for value in other[1:]] == pytest.approx([float(value) for value in one[1:]], abs=1e-5)


def test_without_a_compiler_everything_is_read_the_same():
    one, none = fresh(READ, OMP_NUM_THREADS="1"), fresh(READ, OMP_NUM_THREADS="1", PATH="", CC="/nowhere", CXX="/nowhere")
    assert none == one


def test_a_cpu_without_bf16_trains_in_single_precision(monkeypatch):
    for has, expected in ((False, "32-true"), (True, "bf16-mixed")):
        monkeypatch.setattr(devices, "HALF", has)
        assert devices.choose_precision(torch.device("cpu")) == expected


def test_a_container_with_a_quota_of_one_core_and_a_half_gets_two_threads(threads, tmp_path):
    """The quota is read from cgroup's file, here one of our own, on a machine of 64 cores."""
    quota = tmp_path / "cpu.max"
    quota.write_text("150000 100000\n", encoding="utf-8")
    threads.setattr(context, "open", lambda *_: quota.open(encoding="utf-8"), raising=False)
    threads.setattr(context.os.path, "exists", lambda path: str(path).endswith("cpu.max"))
    threads.setattr(context.os, "cpu_count", lambda: 64)
    threads.setattr(context.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    torch.set_num_threads(4)
    devices.choose_device("cpu")
    assert torch.get_num_threads() == 2


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot keep a process to one core")
def test_a_machine_with_one_core_gets_one_thread():
    kept = "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\nimport torch\ntorch.set_num_threads(4)\n"
    assert fresh(kept + READ)[0] == "1"


class FakeLibrary:
    """A C library that remembers what it was told."""

    def __init__(self, *functions: str):
        self.calls: list[tuple] = []
        for name in functions:
            setattr(self, name, lambda *values, name=name: self.calls.append((name, *values)))


@pytest.fixture
def allocator(monkeypatch):
    """glibc, as far as it is told anything."""
    for name in [*(name for name in os.environ if name.startswith("MALLOC_")), "GLIBC_TUNABLES"]:
        monkeypatch.delenv(name, raising=False)
    library = FakeLibrary("mallopt", "malloc_trim", "gnu_get_libc_version")
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda _: library)
    return library


def test_freed_memory_is_kept_for_as_long_as_the_block_lasts_however_it_ends(allocator):
    with pytest.raises(ZeroDivisionError), devices.memory_kept():
        inside = list(allocator.calls)
        assert {number: value > 1 << 28 for _, number, value in inside} == {-1: True, -3: True}
        raise ZeroDivisionError
    after = allocator.calls[len(inside) :]
    assert {number: value for name, number, *value in after if name == "mallopt"} == {-1: [64 << 20], -3: [32 << 20]}
    assert after[-1][0] == "malloc_trim"


@pytest.mark.parametrize(
    "own", [{"MALLOC_TRIM_THRESHOLD_": "1"}, {"MALLOC_ARENA_MAX": "2"}, {"GLIBC_TUNABLES": "glibc.malloc.top_pad=1"}], ids=str
)
def test_a_users_own_settings_of_the_allocator_hold(allocator, monkeypatch, own):
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    with devices.memory_kept():
        pass
    assert not allocator.calls


@pytest.mark.parametrize("functions", [(), ("mallopt",), ("malloc_trim", "gnu_get_libc_version")])
def test_another_c_library_is_told_nothing(allocator, monkeypatch, functions):
    other = FakeLibrary(*functions)
    monkeypatch.setattr(devices.ctypes, "CDLL", lambda _: other)
    with devices.memory_kept():
        pass
    assert not other.calls
