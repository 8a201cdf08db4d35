"""Training in two CPU processes (gloo): the numbers of one process, and a resume after one of the two was killed."""

import itertools
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
import torch
from torch import nn

from stavis.errors import StavisError
from stavis.models.checkpoint import load_checkpoint
from stavis.training.config import TrainingConfig
from stavis.training.distributed import convert_sync_batchnorm, rank_of
from stavis.training.fit import fit
from stavis.training.sampling import StepSampler
from tests.conftest import ROOT
from tests.training.made_crops import TINY, made_crops

SCRIPT = """
    import dataclasses, os, signal, sys
    from pathlib import Path
    import pytorch_lightning as pl
    from stavis.training import fit as module
    from tests.training.made_crops import TINY, made_crops

    class Killer(pl.Callback):
        def on_train_batch_end(self, trainer, *rest):
            if trainer.global_rank == 1 and trainer.global_step == int(sys.argv[3]):
                os.kill(os.getpid(), signal.SIGKILL)

    if __name__ == "__main__":
        usual = module._trainer
        module._trainer = lambda plan, device, callbacks, *rest: usual(plan, device, [*callbacks, Killer()], *rest)
        config = dataclasses.replace(TINY, dropout=0.0)
        plan = module.TrainingConfig(steps=12, epoch=4, batch=4, seconds=0.8, save_every=2, feature_noise=0.0, precision="32-true")
        options = {"config": config, "training": plan, "device": "cpu", "devices": int(sys.argv[2]), "quiet": True}
        options["resume"] = "resume" in sys.argv
        done = module.fit(made_crops(3), made_crops(2, seed=9), Path(sys.argv[1]), **options)
        os.write(1, f"ended {done.rank} {done.step}\\n".encode())  # in one piece: both processes write into one pipe
"""
COLUMNS = ["step", "train_loss", "dev_ccc", "learning_rate"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """`trained(run, devices, kill_at)` trains in a process of its own, as a user's script does."""
    script = tmp_path_factory.mktemp("script") / "train.py"
    script.write_text(textwrap.dedent(SCRIPT))

    def train(run: Path, devices: int, kill_at: int = -1, *words: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(script), str(run), str(devices), str(kill_at), *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240, start_new_session=True)

    return train


def log(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "log.csv")[COLUMNS]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_processes_train_like_one_and_go_on_after_one_was_killed(tmp_path, trained):
    alone = trained(tmp_path / "alone", 1)
    both = trained(tmp_path / "both", 2)
    assert alone.returncode == both.returncode == 0, both.stderr
    assert sorted(line for line in both.stdout.splitlines() if line.startswith("ended")) == ["ended 0 12", "ended 1 12"]
    pd.testing.assert_frame_equal(log(tmp_path / "both"), log(tmp_path / "alone"), rtol=1e-3, atol=1e-5)
    one, two = (load_checkpoint(tmp_path / name / "last").model.eval() for name in ("alone", "both"))
    assert one.state_dict().keys() == two.state_dict().keys()
    frames = torch.rand(2, 10, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(one(frames), two(frames), atol=1e-3)

    killed = trained(tmp_path / "killed", 2, 7)
    assert killed.returncode != 0 and (tmp_path / "killed" / "resume.ckpt").exists()
    until = time.monotonic() + 10
    while time.monotonic() < until and left_over(tmp_path / "killed"):
        time.sleep(0.1)
    assert left_over(tmp_path / "killed") == []  # the other one does not wait for ever
    again = trained(tmp_path / "killed", 2, -1, "resume")
    assert again.returncode == 0, again.stderr
    pd.testing.assert_frame_equal(log(tmp_path / "killed"), log(tmp_path / "both"), rtol=1e-5, atol=1e-7)


def left_over(run: Path) -> list[int]:
    """Processes that still train this run."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if str(run) in (process.info["cmdline"] or []) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


def test_a_batch_is_dealt_out_whole_and_once():
    whole = list(StepSampler(6, 4, lambda: 0))
    for parts in (2, 3, 6):
        dealt = [list(StepSampler(6, 4, lambda: 0, lambda number=number: (number, parts))) for number in range(parts)]  # noqa: B023
        assert [[*itertools.chain(*shares)] for shares in zip(*dealt, strict=True)] == whole


def test_a_batch_that_cannot_be_divided_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(StavisError, match="a batch of 3 cannot be divided among 4 processes"):
        fit(made_crops(2), [], tmp_path / "run", config=TINY, training=TrainingConfig(steps=2, batch=3), devices=2, num_nodes=2, quiet=True)
    assert not (tmp_path / "run").exists()


def test_norms_over_all_processes_are_plain_ones_in_a_single_process():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    changed = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    changed.load_state_dict(plain.state_dict())
    convert_sync_batchnorm(changed)
    x = torch.rand(2, 3, 8, 8)
    assert torch.equal(plain(x), changed(x)) and plain.state_dict().keys() == changed.state_dict().keys()
    assert isinstance(changed[1], nn.BatchNorm2d) and torch.equal(plain.eval()(x), changed.eval()(x))


@pytest.mark.parametrize(
    ("said", "rank"),
    [
        ({}, 0),
        ({"LOCAL_RANK": "1"}, 1),
        ({"LOCAL_RANK": "1", "NODE_RANK": "2"}, 9),
        ({"RANK": "5", "LOCAL_RANK": "1"}, 5),
        ({"SLURM_PROCID": "3"}, 3),
    ],
)
def test_the_rank_is_what_the_launcher_says(monkeypatch, said, rank):
    for name in ("RANK", "SLURM_PROCID", "NODE_RANK", "GROUP_RANK", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    assert rank_of(devices=4) == rank
