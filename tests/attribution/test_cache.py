"""Results are found again by content alone, whole or not at all."""

import os
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stavis.attribution.cache import cached, key_of
from stavis.attribution.deeplift import exact_deeplift
from stavis.attribution.methods import integrated_gradients, raw_attention, saliency
from stavis.attribution.regions import region_shapley
from stavis.errors import StavisWarning
from stavis.models.sta import STA, STAConfig
from stavis.storage.files import cache_folder
from stavis.types import Target
from tests.attribution.networks import SmallSTA, make_clip


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SmallSTA()


@pytest.mark.parametrize("method", [saliency, exact_deeplift, region_shapley, raw_attention, integrated_gradients])
def test_what_comes_back_is_what_went_in(method, model, tmp_path):
    clip, target = make_clip(), Target(frame=2)
    first = cached(method, model, clip, target, folder=tmp_path)
    (file,) = tmp_path.glob("*.npz")
    stamp = file.stat().st_mtime_ns
    second = cached(method, model, clip, target, folder=tmp_path)
    assert file.stat().st_mtime_ns == stamp
    assert type(first) is type(second)
    for field in fields(first):
        a, b = getattr(first, field.name), getattr(second, field.name)
        np.testing.assert_array_equal(a, b) if isinstance(a, np.ndarray) else None
        assert isinstance(a, np.ndarray) or a == b


def test_a_kept_result_runs_no_network(model, tmp_path, monkeypatch):
    clip = make_clip()
    first = cached(saliency, model, clip, folder=tmp_path)
    monkeypatch.setattr(SmallSTA, "forward", lambda *_: pytest.fail("the network ran"))
    np.testing.assert_array_equal(cached(saliency, model, clip, folder=tmp_path).values, first.values)


def test_everything_that_matters_is_in_the_key(model):
    clip = make_clip()
    keys = [key_of(saliency, model, clip, Target())]
    keys.append(key_of(raw_attention, model, clip, Target()))
    keys.append(key_of(saliency, model, clip, Target(frame=1)))
    keys.append(key_of(saliency, model, clip, Target("arousal")))
    keys.append(key_of(saliency, model, make_clip(1), Target()))
    keys.append(key_of(saliency, model, replace(clip, valid=np.arange(6) > 1), Target()))
    keys.append(key_of(saliency, model, replace(clip, regions=np.roll(clip.regions, 1, 3)), Target()))
    keys.append(key_of(integrated_gradients, model, clip, Target()))
    keys.append(key_of(integrated_gradients, model, clip, Target(), steps=8))
    keys.append(key_of(integrated_gradients, model, clip, Target(), baseline=clip.frames))
    keys.append(key_of(integrated_gradients, model, clip, Target(), baseline=make_clip(2).frames))
    keys.append(key_of(raw_attention, model, clip, Target(), attention=model.softmax))
    model.softmax.gain = 1.0
    keys.append(key_of(saliency, model, clip, Target()))
    model.head[0].bias.data[0] += 1e-6
    keys.append(key_of(saliency, model, clip, Target()))
    keys.append(key_of(saliency, STA(STAConfig(residual=True)), clip, Target()))
    assert len(set(keys)) == len(keys)


def test_the_key_does_not_hang_on_the_mode_or_the_object(model):
    clip = make_clip()
    torch.manual_seed(0)
    twin = SmallSTA().eval()
    assert key_of(saliency, model, clip, Target()) == key_of(saliency, twin, make_clip(), Target())


def test_damaged_files_are_made_again(model, tmp_path):
    clip = make_clip()
    first = cached(saliency, model, clip, folder=tmp_path)
    (file,) = tmp_path.glob("*.npz")
    whole = file.read_bytes()
    for damage in (whole[: len(whole) // 2], b"", b"no archive", whole[:200] + b"\0" * 50 + whole[250:]):
        file.write_bytes(damage)
        np.testing.assert_array_equal(cached(saliency, model, clip, folder=tmp_path).values, first.values)


def test_a_pickle_in_the_place_of_an_array_is_not_run(model, tmp_path):
    clip = make_clip()
    cached(saliency, model, clip, folder=tmp_path)
    (file,) = tmp_path.glob("*.npz")
    np.savez(file, about=np.array([{"kind": "Attribution"}], dtype=object), values=np.array([object()]))
    assert cached(saliency, model, clip, folder=tmp_path).values.any()


def test_the_default_place_is_the_cache(model):
    cached(saliency, model, make_clip(77))
    assert list((cache_folder() / "attributions").glob("*.npz"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_place_that_cannot_be_written_costs_a_warning(model, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.warns(StavisWarning, match="not kept"):
        assert cached(saliency, model, make_clip(), folder=tmp_path).values.any()


def test_a_file_in_the_place_of_the_folder_costs_a_warning(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(StavisWarning, match="not kept"):
        assert cached(saliency, model, make_clip(), folder=tmp_path / "file").values.any()


SAME_WORK = """
import sys, torch
from pathlib import Path
from stavis.attribution.cache import cached
from stavis.attribution.methods import saliency
from tests.attribution.networks import SmallSTA, make_clip
torch.manual_seed(0)
model, folder, sums = SmallSTA(), Path(sys.argv[1]), set()
for turn in range(25):
    for file in folder.glob("*.npz"):
        if turn % 2 and file.name[0] != ".":  # not what another one is writing
            file.unlink(missing_ok=True)
    sums.add(float(cached(saliency, model, make_clip(), folder=folder).values.sum()))
print(len(sums), sums.pop())
"""


def test_processes_that_write_read_and_remove_the_same_file_all_get_the_same(tmp_path):
    root = Path(__file__).resolve().parents[2]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": root}
    running = [subprocess.Popen([sys.executable, "-W", "error", "-c", SAME_WORK, str(tmp_path)], **options) for _ in range(3)]
    said = [process.communicate(timeout=120) for process in running]
    assert all(process.returncode == 0 for process in running), said
    assert len({out for out, _ in said}) == 1 and said[0][0].startswith("1 ")
    assert {path.suffix for path in tmp_path.iterdir()} <= {".npz"}  # no half is left
