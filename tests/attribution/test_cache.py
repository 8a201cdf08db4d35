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
from stavis.storage import cache
from stavis.storage.contents import cache_list
from stavis.storage.eviction import kind_folder
from stavis.storage.files import cache_folder
from stavis.storage.fingerprint import model_hash
from stavis.types import Target
from tests.attribution.networks import SmallSTA, make_clip


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "_own_folder", [])


def entries() -> list[Path]:
    """The files of the attributions that are kept."""
    return list((cache_folder() / "attributions").glob("*/arrays.npz"))


def key(method, model, *asked, **options) -> str:
    return key_of(method, model, *asked, digest=model_hash(model), **options)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SmallSTA()


@pytest.mark.parametrize("method", [saliency, exact_deeplift, region_shapley, raw_attention, integrated_gradients])
def test_what_comes_back_is_what_went_in(method, model):
    clip, target = make_clip(), Target(frame=2)
    first = cached(method, model, clip, target)
    (file,) = entries()
    stamp = file.stat().st_mtime_ns
    second = cached(method, model, clip, target)
    assert file.stat().st_mtime_ns == stamp
    assert type(first) is type(second)
    for field in fields(first):
        a, b = getattr(first, field.name), getattr(second, field.name)
        np.testing.assert_array_equal(a, b) if isinstance(a, np.ndarray) else None
        assert isinstance(a, np.ndarray) or a == b


def test_a_kept_result_runs_no_network(model, monkeypatch):
    clip = make_clip()
    first = cached(saliency, model, clip)
    monkeypatch.setattr(torch.nn.Module, "__call__", lambda *_: pytest.fail("the network ran"))
    np.testing.assert_array_equal(cached(saliency, model, clip).values, first.values)


def test_everything_that_matters_is_in_the_key(model):
    clip = make_clip()
    keys = [key(saliency, model, clip, Target())]
    keys.append(key(raw_attention, model, clip, Target()))
    keys.append(key(saliency, model, clip, Target(frame=1)))
    keys.append(key(saliency, model, clip, Target("arousal")))
    keys.append(key(saliency, model, make_clip(1), Target()))
    keys.append(key(saliency, model, replace(clip, valid=np.arange(6) > 1), Target()))
    keys.append(key(saliency, model, replace(clip, regions=np.roll(clip.regions, 1, 3)), Target()))
    keys.append(key(integrated_gradients, model, clip, Target()))
    keys.append(key(integrated_gradients, model, clip, Target(), steps=8))
    keys.append(key(integrated_gradients, model, clip, Target(), baseline=clip.frames))
    keys.append(key(integrated_gradients, model, clip, Target(), baseline=make_clip(2).frames))
    keys.append(key(raw_attention, model, clip, Target(), attention=model.softmax))
    model.softmax.gain = 1.0
    keys.append(key(saliency, model, clip, Target()))
    model.head[0].bias.data[0] += 1e-6
    keys.append(key(saliency, model, clip, Target()))
    keys.append(key(saliency, STA(STAConfig(residual=True)), clip, Target()))
    assert len(set(keys)) == len(keys)


def test_the_key_does_not_depend_on_the_mode_or_the_object(model):
    clip = make_clip()
    torch.manual_seed(0)
    twin = SmallSTA().eval()
    assert key(saliency, model, clip, Target()) == key(saliency, twin, make_clip(), Target())


def test_damaged_files_are_made_again(model):
    clip = make_clip()
    first = cached(saliency, model, clip)
    (file,) = entries()
    whole = file.read_bytes()
    for damage in (whole[: len(whole) // 2], b"", b"no archive", whole[:200] + b"\0" * 50 + whole[250:]):
        file.write_bytes(damage)
        np.testing.assert_array_equal(cached(saliency, model, clip).values, first.values)


def test_a_pickle_in_the_place_of_an_array_is_not_run(model):
    clip = make_clip()
    cached(saliency, model, clip)
    (file,) = entries()
    np.savez(file, about=np.array([{"kind": "Attribution"}], dtype=object), values=np.array([object()]))
    assert cached(saliency, model, clip).values.any()


def test_an_attribution_of_an_earlier_version_is_listed_and_computed_again(model):
    clip = make_clip()
    old = cache_folder() / "attributions" / f"{key(saliency, model, clip, Target())}.npz"
    old.parent.mkdir()
    np.savez(old, about=np.zeros(3, np.uint8))
    assert cached(saliency, model, clip).values.any() and len(entries()) == 1
    assert sorted(cache_list("attributions").what) == ["Saliency, valence", "kept by an earlier version"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_cache_that_cannot_be_written_costs_a_warning(model, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.warns(StavisWarning, match="cannot be written"):
        assert cached(saliency, model, make_clip()).values.any()


def test_a_file_instead_of_the_cache_costs_a_warning(model, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "file"))
    with pytest.warns(StavisWarning, match="cannot be written"):
        assert cached(saliency, model, make_clip()).values.any()


def test_a_full_disk_costs_a_warning(model, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.np, "savez", full)
    with pytest.warns(StavisWarning, match="not kept.*No space left"):
        assert cached(saliency, model, make_clip()).values.any()
    assert entries() == []


SAME_WORK = """
import shutil, torch
from stavis.storage.eviction import kind_folder
from stavis.attribution.cache import cached
from stavis.attribution.methods import saliency
from tests.attribution.networks import SmallSTA, make_clip
torch.manual_seed(0)
model, folder, sums = SmallSTA(), kind_folder("attributions"), set()
for turn in range(25):
    for entry in folder.glob("*"):
        if turn % 2 and entry.name[0] != ".":  # not what another one is writing
            shutil.rmtree(entry, ignore_errors=True)
    sums.add(float(cached(saliency, model, make_clip()).values.sum()))
print(len(sums), sums.pop())
"""


def test_processes_that_write_read_and_remove_the_same_entry_all_get_the_same():
    root = Path(__file__).resolve().parents[2]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": root}
    running = [subprocess.Popen([sys.executable, "-W", "error", "-c", SAME_WORK], **options) for _ in range(3)]
    said = [process.communicate(timeout=120) for process in running]
    assert all(process.returncode == 0 for process in running), said
    assert len({out for out, _ in said}) == 1 and said[0][0].startswith("1 ")
    assert {path.suffix for path in kind_folder("attributions").iterdir()} <= {"", ".lock"}  # no partial entry is left
