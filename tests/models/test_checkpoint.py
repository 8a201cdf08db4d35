"""A checkpoint comes back bit for bit, or is refused with one sentence."""

import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from stavis.errors import StavisError
from stavis.jobs.pretrain import pretrain
from stavis.models.checkpoint import load_checkpoint, save_checkpoint
from stavis.models.shipped import DEFAULT, checkpoint_folder, pretrained_names
from stavis.models.sta import CNN3D, STA
from stavis.storage.files import content_hash
from tests.models.test_sta import TINY


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    return save_checkpoint(tmp_path / "run", STA(TINY), system="sta", info={"data": {"name": "none"}}, card="# card\n")


@pytest.mark.parametrize(("system", "cls"), [("sta", STA), ("cnn3d", CNN3D)])
def test_a_round_trip_is_bit_equal(tmp_path, system, cls):
    torch.manual_seed(3)
    network = cls(TINY).eval()
    folder = save_checkpoint(tmp_path / "run", network, system=system)
    again = load_checkpoint(folder)
    assert again.system == system and again.model.config == TINY and not again.model.training
    assert all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), again.model.state_dict().values(), strict=True))
    clip = torch.rand(1, 4, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(clip), again.model(clip))


def test_saving_again_replaces_the_whole_folder(saved):
    (saved / "stale.txt").write_text("old")
    save_checkpoint(saved, STA(TINY), system="sta")
    assert sorted(path.name for path in saved.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]  # nothing half-written beside it


@pytest.mark.parametrize("content", ["videos/anna.mp4", "thesis.txt", "best/config.json", "config.json"])
def test_a_folder_that_holds_anything_else_is_never_replaced(tmp_path, content):
    file = tmp_path / "mine" / content
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(StavisError, match=f"mine holds {content.split('/')[0]}, .*: give a new or empty folder"):
        save_checkpoint(tmp_path / "mine", STA(TINY), system="sta")
    assert file.read_text() == "mine"
    with pytest.raises(StavisError, match="mine holds"):  # at once, and not after hours of training
        pretrain(tmp_path / "mine", quiet=True)


def test_a_checkpoint_that_holds_a_folder_is_kept(saved):
    (saved / ".git").mkdir()
    with pytest.raises(StavisError, match=r"holds \.git"):
        save_checkpoint(saved, STA(TINY), system="sta")


@pytest.mark.parametrize(
    ("model", "options", "reason"),
    [
        (nn.Linear(2, 2), {"system": "sta"}, "a Linear is no network of the system 'sta'"),
        (STA(TINY), {"system": "cnn3d"}, "a STA is no network of the system 'cnn3d'"),
        (STA(TINY), {"system": "stb"}, "no system 'stb'"),
        (STA(TINY), {"system": "sta", "info": {"seen": object()}}, "info cannot be written as JSON"),
    ],
)
def test_what_cannot_be_loaded_again_is_not_saved(tmp_path, model, options, reason):
    with pytest.raises(StavisError, match=reason):
        save_checkpoint(tmp_path / "new", model, **options)
    assert not list(tmp_path.iterdir())


def test_what_is_known_of_older_weights_does_not_describe_the_new_ones(saved, tmp_path):
    older = load_checkpoint(saved)
    torch.manual_seed(5)
    newer = load_checkpoint(save_checkpoint(tmp_path / "newer", STA(TINY), system="sta", info=older.info))
    assert newer.hash != older.hash and newer.info["data"] == {"name": "none"}


def _edit_config(folder, **changes):
    path = folder / "config.json"
    info = json.loads(path.read_text())
    for key, value in changes.items():
        if value is None:
            info.pop(key)
        else:
            info[key] = value
    path.write_text(json.dumps(info))


def _edit_weights(folder, change, rehash=True):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)
    if rehash:
        _edit_config(folder, weights_sha256=content_hash(path))


def _drop(tensors):
    tensors.pop(next(iter(tensors)))


def _poison(tensors):
    next(t for t in tensors.values() if t.is_floating_point()).view(-1)[0] = float("nan")


def _reshape(tensors):
    name = next(name for name, t in tensors.items() if t.ndim == 4)
    tensors[name] = tensors[name].flatten().clone()


def _recast(tensors):
    name = next(name for name, t in tensors.items() if t.ndim == 4)
    tensors[name] = tensors[name].half()


SPOILED = {
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "model.safetensors is missing"),
    "weights cut short": (lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:999]), "cut short"),
    "weights empty": (lambda f: (f / "model.safetensors").write_bytes(b""), "cut short"),
    "weights pickled": (lambda f: (f / "model.safetensors").write_bytes(pickle.dumps({"a": 1})), "cut short"),
    "one tensor missing": (lambda f: _edit_weights(f, _drop), "do not belong together"),
    "one value not finite": (lambda f: _edit_weights(f, _poison), "not finite"),
    "another shape": (lambda f: _edit_weights(f, _reshape), "another shape"),
    "another type": (lambda f: _edit_weights(f, _recast), "float16"),
    "other weights": (lambda f: _edit_weights(f, lambda t: next(iter(t.values())).add_(1), rehash=False), "hash differs"),
    "another version": (lambda f: _edit_config(f, format=99), "format 99"),
    "not ours": (lambda f: (f / "config.json").write_text('{"model_type": "bert"}'), "not of a stavis checkpoint"),
    "a list": (lambda f: (f / "config.json").write_text("[]"), "not of a stavis checkpoint"),
    "no JSON": (lambda f: (f / "config.json").write_text("{"), "not JSON"),
    "nested JSON": (lambda f: (f / "config.json").write_text("[" * 100_000), "not JSON"),
    "unknown system": (lambda f: _edit_config(f, system="../../evil"), "not a whole checkpoint"),
    "unknown field": (lambda f: _edit_config(f, config={"wings": 2}), "wings"),
    "giant width": (lambda f: _edit_config(f, config={"encoder": [10**9, 8, 8]}), "out of range"),
    "giant crop": (lambda f: _edit_config(f, config={"crop_size": 10**7}), "out of range"),
    "endless layers": (lambda f: _edit_config(f, config={"regressor": [4] * 1000}), "out of range"),
    "text for a number": (lambda f: _edit_config(f, config={"encoder": ["a", 1, 2]}), "no network that can be built"),
    "null for a number": (lambda f: _edit_config(f, config={"hidden": None, "gain": "x"}), "no network that can be built|proportion|shape"),
    "no hash": (lambda f: _edit_config(f, weights_sha256=None), "weights_sha256"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_spoiled_checkpoint_is_refused_with_one_sentence(saved, case):
    spoil, message = SPOILED[case]
    spoil(saved)
    with pytest.raises(StavisError, match=message) as refusal:
        load_checkpoint(saved)
    assert "\n" not in str(refusal.value).strip()


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(StavisError, match="is no checkpoint"):
        load_checkpoint(tmp_path)
    with pytest.raises(StavisError, match="is no checkpoint"):
        load_checkpoint(tmp_path / "nowhere")


def test_every_shipped_checkpoint_loads():
    for name in pretrained_names():
        assert load_checkpoint(name).model is not None


def test_sta_is_short_for_the_default_network_unless_a_folder_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert checkpoint_folder("sta") == checkpoint_folder(DEFAULT) and load_checkpoint("sta").name == DEFAULT
    save_checkpoint("sta", STA(TINY), system="sta")
    assert checkpoint_folder("sta") == Path("sta")
