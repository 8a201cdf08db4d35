"""Training: it learns, it resumes as if never stopped, it ends well when stopped."""

import dataclasses
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pandas as pd
import pytest
import torch

from stavis.errors import StavisError
from stavis.models.checkpoint import load_checkpoint
from stavis.training.augment import Jitter
from stavis.training.config import TrainingConfig
from stavis.training.fit import fit
from stavis.training.sampling import StepSampler
from stavis.training.windows import RandomWindows
from tests.training.made_crops import TINY, made_crops

PLAN = TrainingConfig(steps=12, epoch=5, batch=2, seconds=0.8, save_every=2, augment=True, precision="32-true")


def _weights(run):
    return load_checkpoint(run / "last").model.state_dict()


def _same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_leaves_a_best_and_a_last_checkpoint_and_a_log(tmp_path):
    done = fit(made_crops(3), made_crops(2, seed=9), tmp_path / "run", config=TINY, training=PLAN, quiet=True)
    log = pd.read_csv(tmp_path / "run" / "log.csv")
    assert log.step.tolist() == [5, 10, 12] and log.train_loss.notna().all()
    assert log.data_wait.between(0, 1).all()
    assert done.step == 12 and not done.interrupted
    assert done.best_ccc == pytest.approx(log.dev_ccc.max(), abs=1e-5)
    assert load_checkpoint(tmp_path / "run").info["training"]["dev_ccc"] == pytest.approx(done.best_ccc)
    leftovers = [path.name for path in (tmp_path / "run").iterdir() if ".part" in path.name or ".old" in path.name]
    assert leftovers == []


def _with_arousal(crops, order, lost=0.0):
    """The crops with labels of arousal as well, which say nothing of the brightness and are missing in the first `lost` seconds."""
    made = []
    for one in crops:
        arousal = np.where(one.times < lost, np.nan, np.cos(7 * one.times))
        columns = {"valence": one.label_values[:, 0], "arousal": arousal}
        made.append(dataclasses.replace(one, dimensions=order, label_values=np.stack([columns[name] for name in order], 1)))
    return made


@pytest.mark.parametrize("order", [("arousal", "valence"), ("valence", "arousal")])
def test_a_network_of_valence_is_trained_on_the_labels_of_valence_alone(tmp_path, order):
    plan = dataclasses.replace(PLAN, steps=3)
    train, dev = made_crops(2), made_crops(1, seed=9)
    alone = fit(train, dev, tmp_path / "alone", config=TINY, training=plan, quiet=True)
    beside = fit(_with_arousal(train, order, 2.0), _with_arousal(dev, order), tmp_path / "beside", config=TINY, training=plan, quiet=True)
    assert _same(_weights(tmp_path / "alone"), _weights(tmp_path / "beside"))
    assert beside.best_ccc == alone.best_ccc


def test_the_outputs_of_a_network_have_the_labels_of_their_names(tmp_path):
    plan = dataclasses.replace(PLAN, steps=3)
    config = dataclasses.replace(TINY, dimensions=("valence", "arousal"))
    for order in (("valence", "arousal"), ("arousal", "valence")):
        fit(_with_arousal(made_crops(2), order), [], tmp_path / order[0], config=config, training=plan, quiet=True)
    assert _same(_weights(tmp_path / "valence"), _weights(tmp_path / "arousal"))
    with pytest.raises(StavisError, match="no labels of arousal"):
        fit(made_crops(2), [], tmp_path / "missing", config=config, training=plan, quiet=True)
    assert not (tmp_path / "missing").exists()


def test_training_lowers_the_loss_on_what_can_be_learned(tmp_path):
    plan = dataclasses.replace(PLAN, steps=60, epoch=30, batch=4, augment=False, learning_rate=1e-2)
    done = fit(made_crops(4), made_crops(2, seed=9), tmp_path / "run", config=TINY, training=plan, quiet=True)
    assert done.best_ccc > 0.5  # brightness tells the label; another draw of the same task


def test_consistency_brings_the_two_views_of_a_window_nearer(tmp_path):
    plan = dataclasses.replace(PLAN, steps=60, epoch=60, batch=4, jitter=Jitter(brightness=0.3), learning_rate=1e-2, feature_noise=0.0)
    crops, apart = made_crops(4), {}
    for weight in (0.0, 30.0):
        run = tmp_path / str(weight)
        fit(crops, [], run, config=TINY, training=dataclasses.replace(plan, consistency=weight), quiet=True)
        network = load_checkpoint(run / "last").model.eval()
        pairs = RandomWindows(crops, 5, 8, 5, jitter=plan.jitter, rate=TINY.rate, pairs=True)
        views = [torch.stack([pairs[k].frames for k in range(side, 8, 2)]).float() / 255 for side in (0, 1)]
        with torch.no_grad():
            apart[weight] = (network(views[0]) - network(views[1])).square().mean().item()
    assert apart[30.0] < 0.5 * apart[0.0]


def test_consistency_below_0_or_with_an_odd_batch_is_refused():
    for changes in ({"consistency": -1.0}, {"consistency": 1.0, "batch": 3}):
        with pytest.raises(StavisError, match="consistency is"):
            TrainingConfig(**changes)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *((name, 0) for name in ("seconds", "learning_rate", "clip_gradient", "patience", "steps")),
        *((name, -1) for name in ("weight_decay", "entropy_weight", "feature_noise", "workers", "seed", "augment")),
        *((name, float("nan")) for name in ("learning_rate", "seconds", "augment", "consistency", "steps")),
        ("learning_rate", float("inf")), ("augment", 2.0), ("precision", "64-true"),
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_refused_before_training(name, value):
    with pytest.raises(StavisError, match=name):
        TrainingConfig(**{name: value})


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        fit(made_crops(2), [], tmp_path / name, config=TINY, training=dataclasses.replace(PLAN, steps=3, seed=seed), quiet=True)
    a, b, c = (_weights(tmp_path / name) for name in "abc")
    assert _same(a, b) and not _same(a, c)


SCRIPT = """
    import sys
    from pathlib import Path
    import tests.training.test_fit as t
    import pytorch_lightning as pl
    import os, signal
    from stavis.training import fit as module

    class Killer(pl.Callback):
        def on_train_batch_end(self, trainer, *rest):
            if trainer.global_step == int(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)

    usual = module._trainer
    module._trainer = lambda plan, device, callbacks, *rest: usual(plan, device, [*callbacks, Killer()], *rest)
    module.fit(t.made_crops(3), t.made_crops(2, seed=9), Path(sys.argv[1]), config=t.TINY, training=t.PLAN, quiet=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 4, 5, 7, 11])
def test_killed_and_resumed_equals_never_stopped(tmp_path, step, uninterrupted):
    """SIGKILL at a step, in the middle of an epoch and at its end; then the same weights, bit for bit, and the same log."""
    run = tmp_path / "run"
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(SCRIPT), str(run), str(step)], env={**os.environ, "PYTHONPATH": "."})
    assert killed.returncode == -signal.SIGKILL
    done = fit(made_crops(3), made_crops(2, seed=9), run, config=TINY, training=PLAN, resume=True, quiet=True)
    assert done.step == 12
    assert _same(_weights(run), _weights(uninterrupted))
    columns = ["step", "train_loss", "dev_ccc", "learning_rate"]
    pd.testing.assert_frame_equal(pd.read_csv(run / "log.csv")[columns], pd.read_csv(uninterrupted / "log.csv")[columns])
    assert _same(load_checkpoint(run).model.state_dict(), load_checkpoint(uninterrupted).model.state_dict())


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    run = tmp_path_factory.mktemp("whole") / "run"
    fit(made_crops(3), made_crops(2, seed=9), run, config=TINY, training=PLAN, quiet=True)
    return run


def test_ctrl_c_ends_after_the_step_with_everything_written(tmp_path, uninterrupted):
    script = """
        import sys
        from pathlib import Path
        import tests.training.test_fit as t
        from stavis.training.fit import fit
        import dataclasses
        plan = dataclasses.replace(t.PLAN, steps=100_000)
        done = fit(t.made_crops(3), [], Path(sys.argv[1]), config=t.TINY, training=plan, quiet=True)
        assert done.interrupted and done.step > 0
        print("STOPPED", done.step)
    """
    run = tmp_path / "run"
    command = [sys.executable, "-c", textwrap.dedent(script), str(run)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": "."}, stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not (run / "resume.ckpt").exists() and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "STOPPED" in out
    assert load_checkpoint(run).model is not None  # a usable checkpoint
    assert torch.load(run / "resume.ckpt", weights_only=True)["global_step"] == int(out.split()[1])


def test_a_taken_folder_and_a_changed_plan_are_refused(tmp_path):
    plan = dataclasses.replace(PLAN, steps=2)
    fit(made_crops(2), [], tmp_path / "run", config=TINY, training=plan, quiet=True)
    with pytest.raises(StavisError, match="holds a training run already"):
        fit(made_crops(2), [], tmp_path / "run", config=TINY, training=plan, quiet=True)
    with pytest.raises(StavisError, match="steps differ"):
        fit(made_crops(2), [], tmp_path / "run", config=TINY, training=dataclasses.replace(plan, steps=3), resume=True, quiet=True)
    with pytest.raises(StavisError, match="no labelled recording"):
        fit([], [], tmp_path / "other", config=TINY, training=plan, quiet=True)
    with pytest.raises(StavisError, match="no loss"):
        TrainingConfig(loss="hinge")


def _changed(crops, **changes):
    return [dataclasses.replace(one, **{name: of(one) for name, of in changes.items()}) for one in crops]


OTHER_DATA = {
    "recordings, labels": lambda crops: made_crops(2, seed=1),
    "recordings": lambda crops: _changed(crops, recording=lambda one: f"{one.recording} b"),
    "labels": lambda crops: _changed(crops, label_times=lambda one: one.label_times - 0.5),
    "excluded ranges": lambda crops: _changed(crops, exclude=lambda one: ((0.5, 1.0, "looks away"),)),
    "alignment": lambda crops: _changed(crops, source=lambda one: "resize"),
}


@pytest.fixture(scope="module")
def short_run(tmp_path_factory):
    """A run of one step that has ended."""
    run = tmp_path_factory.mktemp("short") / "run"
    fit(made_crops(2), [], run, config=TINY, training=SHORT, info=INFO, quiet=True)
    return run


SHORT = dataclasses.replace(PLAN, steps=1)
INFO = {"data": {"name": "mine", "fold": None}, "delay": 0.0}


@pytest.mark.parametrize("what", OTHER_DATA)
def test_a_run_is_not_gone_on_with_on_other_data(short_run, what):
    options = {"config": TINY, "training": SHORT, "quiet": True, "resume": True, "info": INFO}
    with pytest.raises(StavisError, match=rf"\({what} differ\): resume with the same options"):
        fit(OTHER_DATA[what](made_crops(2)), [], short_run, **options)
    other = {"delay": INFO | {"delay": 1.0}, "fold": {"data": {"fold": 3}}}
    for name, info in other.items():
        with pytest.raises(StavisError, match=name):
            fit(made_crops(2), [], short_run, **options | {"info": info})
    moved = INFO | {"data": {"name": "moved", "fold": None}}
    assert fit(made_crops(2), [], short_run, **options | {"info": moved}).step == 1


def test_a_run_begun_before_its_data_were_written_down_goes_on(short_run, tmp_path):
    run = shutil.copytree(short_run, tmp_path / "run")
    plan = json.loads((run / "plan.json").read_text())
    assert plan.pop("data")["name"] == "mine"
    (run / "plan.json").write_text(json.dumps(plan))
    assert fit(made_crops(2, seed=1), [], run, config=TINY, training=SHORT, resume=True, quiet=True).step == 1


@pytest.mark.parametrize("left_out", [("jitter",), ("jitter", "shade")])
def test_a_run_begun_before_a_setting_existed_goes_on_with_its_default_and_no_other(tmp_path, left_out):
    plan = dataclasses.replace(PLAN, steps=2)
    fit(made_crops(2), [], tmp_path / "run", config=TINY, training=plan, quiet=True)
    path = tmp_path / "run" / "plan.json"
    told = json.loads(path.read_text())
    *within, last = ("plan", *left_out)
    del functools.reduce(dict.get, within, told)[last]
    path.write_text(json.dumps(told))
    assert fit(made_crops(2), [], tmp_path / "run", config=TINY, training=plan, resume=True, quiet=True).step == 2
    other = dataclasses.replace(plan, jitter=Jitter(shade=0.2))
    with pytest.raises(StavisError, match="jitter differ"):
        fit(made_crops(2), [], tmp_path / "run", config=TINY, training=other, resume=True, quiet=True)
    path.write_text(json.dumps(told | {"plan": told["plan"] | {"jitter": None}}))
    with pytest.raises(StavisError, match="jitter differ"):
        fit(made_crops(2), [], tmp_path / "run", config=TINY, training=plan, resume=True, quiet=True)


def test_a_damaged_resume_file_is_refused_with_one_sentence(tmp_path):
    plan = dataclasses.replace(PLAN, steps=2)
    fit(made_crops(2), [], tmp_path / "run", config=TINY, training=plan, quiet=True)
    point = tmp_path / "run" / "resume.ckpt"
    point.write_bytes(point.read_bytes()[:500])
    with pytest.raises(StavisError, match="is damaged"):
        fit(made_crops(2), [], tmp_path / "run", config=TINY, training=plan, resume=True, quiet=True)


def test_the_samples_of_a_step_depend_on_the_step_alone():
    whole = [batch for start in (0, 4, 8) for batch in StepSampler(3, 4, lambda start=start: start)]
    assert whole == [list(range(3 * s, 3 * s + 3)) for s in range(12)]
    resumed = list(StepSampler(3, 4, lambda: 6))
    assert resumed == whole[6:8]


def test_the_noise_of_training_leaves_the_callers_random_numbers_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(made_crops(2), [], tmp_path / "run", config=TINY, training=dataclasses.replace(PLAN, steps=2), quiet=True)
    assert torch.equal(torch.rand(3), expected)
    assert np.isfinite(expected.numpy()).all()


def test_a_run_started_under_former_names_of_its_settings_can_be_resumed(tmp_path):
    fit(made_crops(2), [], tmp_path / "run", config=TINY, training=dataclasses.replace(PLAN, steps=2), quiet=True)
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    for former, name in (("sharpness", "entropy_weight"), ("noise", "feature_noise")):
        plan["plan"][former] = plan["plan"].pop(name)
    (tmp_path / "run" / "plan.json").write_text(json.dumps(plan))
    fit(made_crops(2), [], tmp_path / "run", config=TINY, training=dataclasses.replace(PLAN, steps=2), resume=True, quiet=True)
    with pytest.raises(StavisError, match="other settings \\(feature_noise differ"):
        changed = dataclasses.replace(PLAN, steps=2, feature_noise=1.5)
        fit(made_crops(2), [], tmp_path / "run", config=TINY, training=changed, resume=True, quiet=True)
