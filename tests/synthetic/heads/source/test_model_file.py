"""The head model's file: every way to it, and that another file is never taken."""

import shutil
import zipfile

import numpy as np
import pytest

from stavis.errors import StavisError
from stavis.synthetic.heads.model import ARRAYS, SHA256, arrays_hash, read_arrays, read_model
from stavis.synthetic.heads.source import model_file
from stavis.synthetic.heads.source.convert import convert_archive
from stavis.synthetic.heads.source.fetch_models import fetch_models
from stavis.synthetic.heads.source.model_file import NAME, Unavailable, head_model


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No network; an empty cache. The path of the file in it."""

    def refuse(*_, **__):
        raise Unavailable("no network")

    monkeypatch.setattr(model_file, "download", refuse)
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("STAVIS_HEADS", raising=False)
    monkeypatch.delenv("STAVIS_HEADS_ADDRESS", raising=False)
    return tmp_path / "cache" / "models" / NAME


def small_arrays(**changes) -> dict[str, np.ndarray]:
    """Arrays under the names of a model, of no size worth mentioning."""
    arrays = {name: np.zeros(1, np.float32) for name in ARRAYS} | {"expressions": np.array(["smile"])}
    return {name: value for name, value in (arrays | changes).items() if value is not None}


def test_without_a_file_and_a_network_one_sentence_names_the_three_ways(offline):
    with pytest.raises(StavisError) as error:
        head_model()
    sentence = str(error.value)
    assert all(way in sentence for way in ("$STAVIS_HEADS", str(offline), "stavis fetch-models --heads", "no network"))
    assert sentence.endswith(".") and "\n" not in sentence


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (small_arrays(identity=None), "no head model of this version .identity missing"),
        (small_arrays(), "other expression shapes than those known here"),
        (b"PK\x03\x04 cut off", "damaged or no head model"),
        (b"", "damaged or no head model"),
        (None, "is missing or no file"),
    ],
    ids=["older", "other shapes", "truncated", "empty", "none"],
)
def test_a_wrong_file_is_refused_in_one_sentence(arrays, words, tmp_path):
    path = tmp_path / "model.npz"
    if isinstance(arrays, dict):
        np.savez(path, **arrays)
    elif arrays is not None:
        path.write_bytes(arrays)
    with pytest.raises(StavisError, match=words) as error:
        fetch_models(path, heads=True)
    assert str(error.value).endswith(".") and str(path) in str(error.value)


@pytest.mark.heads
def test_the_file_is_the_known_one_and_a_changed_or_truncated_one_is_not(heads_file, tmp_path):
    arrays = read_arrays(heads_file)
    assert arrays_hash(arrays) == SHA256
    arrays["neutral"] = arrays["neutral"] + np.float32(0.001)
    assert arrays_hash(arrays) != SHA256
    cut = tmp_path / "cut.npz"
    cut.write_bytes(heads_file.read_bytes()[:-5000])
    with pytest.raises(StavisError, match="damaged"):
        read_model(cut)


@pytest.mark.heads
def test_a_path_a_folder_and_a_variable_come_before_the_cache_and_the_cache_before_the_network(heads_file, offline, monkeypatch, tmp_path):
    mine = tmp_path / "mine" / NAME
    mine.parent.mkdir()
    shutil.copy(heads_file, mine)
    assert fetch_models(mine, heads=True).path == fetch_models(mine.parent, heads=True).path == mine
    monkeypatch.setenv("STAVIS_HEADS", str(mine.parent))
    assert fetch_models(heads=True).path == mine and "STAVIS_HEADS" in fetch_models(heads=True).source
    monkeypatch.delenv("STAVIS_HEADS")
    offline.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(heads_file, offline)
    assert fetch_models(heads=True).source == "the cache" and head_model() is head_model()


@pytest.mark.heads
def test_what_is_fetched_is_kept_with_its_licence_and_a_damaged_cache_is_filled_again(heads_file, offline, monkeypatch):
    offline.parent.mkdir(parents=True, exist_ok=True)
    offline.write_bytes(b"half")
    monkeypatch.setattr(model_file, "download", lambda *_, **__: heads_file)
    monkeypatch.setenv("STAVIS_HEADS_ADDRESS", "https://example.org/heads.npz")
    assert fetch_models(heads=True).source == "https://example.org/heads.npz"
    assert "USC Institute for Creative Technologies" in offline.with_suffix(".license.txt").read_text(encoding="utf-8")
    assert fetch_models(heads=True).source == "the cache"


def test_an_archive_without_the_model_is_refused(offline, monkeypatch, tmp_path):
    archive = tmp_path / "other.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("ICT/FaceXModel/readme.txt", "nothing")
    with pytest.raises(StavisError, match=r"lacks generic_neutral_mesh.obj of the head model"):
        convert_archive(archive)
    archive.write_bytes(b"no archive")
    with pytest.raises(StavisError, match="is no archive of the head model"):
        convert_archive(archive)
    monkeypatch.setattr(model_file, "download", lambda *_, **__: archive)
    with pytest.raises(StavisError, match="what came is no head model"):
        head_model()


def test_the_shell_passes_the_option_on(shell, offline):
    result = shell("fetch-models", "--heads")
    assert result.code != 0 and "the head model" in result.err and "Traceback" not in result.err
