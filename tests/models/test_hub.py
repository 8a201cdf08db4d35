"""Checkpoints on the hub, through the real library against a small hub of this machine."""

import importlib
import json
import socket
import warnings

import pytest
import yaml

import stavis
from stavis.batch.plan import _Inputs
from stavis.errors import StavisError
from stavis.models.card import hub_card, model_card
from stavis.models.checkpoint import load_checkpoint
from stavis.models.hub import parsed
from tests.models.fake_hub import serving

library = pytest.importorskip("huggingface_hub")
constants, utils = importlib.import_module("huggingface_hub.constants"), importlib.import_module("huggingface_hub.utils")
FILES = ("model.safetensors", "config.json", "README.md")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The small hub, known to the library as the only one; nothing of the user's is read or written."""
    with serving() as made:
        for name in ("ENDPOINT", "_HF_DEFAULT_ENDPOINT"):
            monkeypatch.setattr(constants, name, made.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", made.url + "/{repo_id}/resolve/{revision}/{filename}")
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        utils.disable_progress_bars()
        yield made
        utils.enable_progress_bars()


@pytest.fixture
def files(tiny_run):
    """The files of a checkpoint, by name."""
    return {name: (tiny_run / name).read_bytes() for name in FILES}


def load(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error", stavis.StavisWarning)
        return stavis.load(name, device="cpu")


def test_a_checkpoint_of_the_hub_is_read_at_the_commit_it_had(hub, files, tiny_run):
    first = hub.put("me/net", files)
    net = load("hf:me/net")
    here = load(tiny_run)
    assert net.hash == here.hash and net.name == f"hf:me/net@{first[:12]}" and net.origin == f"hf:me/net@{first}"
    assert net.provenance()["hub"] == net.origin and "hub" not in here.provenance()
    second = hub.put("me/net", {"README.md": b"# later\n"})
    assert load("hf:me/net").origin.endswith(second) and load(f"hf:me/net@{first}").origin == net.origin
    hub.put("me/net", {"README.md": b"# other\n"}, "tried/out")
    hub.branches["me/net"]["tried"] = first
    assert load("hf:me/net@tried").origin == net.origin
    assert "pytorch_model" not in " ".join(hub.requests)


def test_what_is_pushed_is_what_is_loaded(hub, monkeypatch, tiny_run):
    monkeypatch.setenv("HF_TOKEN", "good")
    net = load(tiny_run)
    pinned = net.push_to_hub("me/pushed")
    assert hub.private["me/pushed"] and set(hub.commits[pinned.partition("@")[2]]) >= set(FILES)
    back = load(pinned)
    assert back.hash == net.hash and back.origin == pinned
    header = yaml.safe_load((back.folder / "README.md").read_text().split("---\n")[1])
    assert header["license"] == "mit" and {"stavis", "valence", "sta"} <= set(header["tags"])
    other = back.push_to_hub("me/pushed", revision="second", license="cc-by-4.0", private=False)
    assert load("hf:me/pushed@second").origin == other and hub.branches["me/pushed"]["main"] == pinned.partition("@")[2]
    text = (load(other).folder / "README.md").read_text()
    assert text.count("license:") == 1 and "license: cc-by-4.0" in text and text.count("\n# ") == 1


REFUSED = {
    "no such repository": ("hf:me/none", "no such repository, or it is private"),
    "no such revision": ("hf:me/net@old", "no such revision"),
    "gated": ("hf:me/closed", "is gated"),
    "pickles": ("hf:me/pickled", "as pickle .pytorch_model.bin.*never opened"),
    "of transformers": ("hf:me/other", "holds a VideoMAEForVideoClassification of transformers"),
    "nothing of ours": ("hf:me/plain", "its config.json is another's"),
    "empty": ("hf:me/empty", "no checkpoint of stavis .no model.safetensors"),
    "no owner": ("hf:net", "is no name on the hub: give hf:owner/name"),
    "two dots": ("hf:me/a..b", "no name on the hub"),
    "a path": ("hf:../../etc/passwd", "no name on the hub"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_from_the_hub_is_one_sentence(hub, files, kind):
    name, reason = REFUSED[kind]
    hub.put("me/net", files)
    hub.put("me/closed", files)
    hub.gated.add("me/closed")
    hub.put("me/pickled", {"config.json": files["config.json"], "pytorch_model.bin": b"\x80\x02."})
    hub.put("me/other", {"config.json": json.dumps({"architectures": ["VideoMAEForVideoClassification"]}).encode(), FILES[0]: b"x"})
    hub.put("me/plain", {"config.json": b"[]", FILES[0]: b"x"})
    hub.put("me/empty", {"README.md": b""})
    with pytest.raises(StavisError, match=reason) as error:
        load(name)
    assert "\n" not in str(error.value) and str(error.value).endswith((".", ").")) and ": " in str(error.value)
    assert not any("model.safetensors" in one or "pytorch_model.bin" in one for one in hub.requests)


def test_weights_that_do_not_fit_their_config_are_refused(hub, files):
    hub.put("me/net", {**files, FILES[0]: files[FILES[0]][:-8]})
    with pytest.raises(StavisError, match=r"cut short or no safetensors file|hash differs"):
        load("hf:me/net")


@pytest.mark.parametrize("how", ["offline", "no connection"])
def test_without_the_hub_the_copy_that_was_read_before_is_read(hub, files, monkeypatch, how):
    commit = hub.put("me/net", files)
    load("hf:me/net")
    if how == "offline":
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    else:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{free.getsockname()[1]}")
    with pytest.warns(stavis.StavisWarning, match=f"hub was not reachable: the copy of hf:me/net at commit {commit[:12]}"):
        net = stavis.load("hf:me/net", device="cpu")
    assert net.origin.endswith(commit)
    with pytest.raises(StavisError, match=r"hf:me/unread cannot be read, the hub is not reachable .* no copy") as error:
        load("hf:me/unread")
    assert "\n" not in str(error.value)


WRITING = {"no token": (None, "no valid token: log in"), "a reader's token": ("reader", "take one with write access to me/pushed")}


@pytest.mark.parametrize("kind", WRITING)
def test_who_may_not_write_is_told_so(hub, monkeypatch, tiny_run, kind):
    token, reason = WRITING[kind]
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(StavisError, match=reason) as error:
        load(tiny_run).push_to_hub("me/pushed")
    assert "reader" not in str(error.value) and "me/pushed" not in hub.branches


def test_what_is_no_checkpoint_or_has_no_licence_is_not_pushed(hub, tiny_run, tmp_path):
    net = load(tiny_run)
    with pytest.raises(StavisError, match="is a module and no checkpoint"):
        stavis.load(net.model, device="cpu").push_to_hub("me/net")
    with pytest.raises(StavisError, match="give owner/name, and the branch as revision="):
        net.push_to_hub("me/net@main")
    real = stavis.save_checkpoint(tmp_path / "real", net.model, system="sta", info={"data": {"name": "RECOLA", "synthetic": False}})
    with pytest.raises(StavisError, match="licence of this network is not known"):
        load(real).push_to_hub("me/net")
    opened = load(real)
    stavis.save_checkpoint(real, load("sta-synthetic").model, system="sta")
    with pytest.raises(StavisError, match="holds other weights now"):
        opened.push_to_hub("me/net")
    assert hub.branches == {}


def test_the_header_of_a_card_lists_its_metrics_and_is_yaml():
    checkpoint = load_checkpoint("sta-synthetic")
    text = hub_card(model_card("sta-synthetic", checkpoint.info), checkpoint.info)
    header, body = text.removeprefix("---\n").split("\n---\n", 1)
    values = yaml.safe_load(header)
    found = {one["dataset"]["name"]: {m["name"]: m["value"] for m in one["metrics"]} for one in values["model-index"][0]["results"]}
    assert found["switching"]["ccc"] == checkpoint.info["figures"]["switching"]["ccc"]
    assert not any(key.endswith(("low", "high")) for metrics in found.values() for key in metrics)
    assert body.lstrip().startswith("# sta-synthetic") and values["model-index"][0]["name"] == "sta-synthetic"
    tuned = {**checkpoint.info, "start": {"name": "hf:me/net@0123456789ab", "only_drawn": True}}
    assert yaml.safe_load(hub_card("# x\n", tuned).split("---\n")[1])["base_model"] == "me/net"


def test_the_library_s_own_check_of_a_card_passes():
    checkpoint = load_checkpoint("sta-synthetic")
    card = library.ModelCard(hub_card(model_card("sta-synthetic", checkpoint.info), checkpoint.info))
    assert card.data.license == "mit" and len(card.data.eval_results) > 5


def test_names_on_the_hub():
    assert parsed("hf:me/net") == ("me/net", None) and parsed("hf:me/net@refs/pr/1") == ("me/net", "refs/pr/1")


def test_without_the_library_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(StavisError, match=r"needs huggingface_hub, which is not installed: run pip install 'stavis\[hub\]'"):
        load("hf:me/net")


def test_the_shell_and_studies_take_names_of_the_hub(hub, files, shell, tmp_path):
    hub.put("me/net", files)
    done = shell("verify", "hf:me/net", "--device", "cpu", "--quiet")
    assert done.code == 2 and "reports no" in done.err and "hf:me/net" in done.err
    assert _Inputs(tmp_path).placed("run", "hf:me/net") == "hf:me/net"
    (video := tmp_path / "video.mp4").touch()
    done = shell("explain", "hf:me/none", video, "--quiet")
    assert done.code == 2 and "no such repository" in done.err and len(done.err.splitlines()) == 1


def test_training_goes_on_from_a_network_of_the_hub(hub, files):
    commit = hub.put("me/net", files)
    from stavis.training.resume import initial_weights

    assert initial_weights(load_checkpoint("hf:me/net"))["start"]["name"] == f"hf:me/net@{commit[:12]}"
