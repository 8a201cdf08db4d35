"""Files are old or new, never half: whatever call fails, for every call, and whenever the process is killed."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stavis.errors import StavisError
from stavis.storage import files as storage
from stavis.storage.files import atomic_contents, atomic_file, atomic_folder, content_hash, read_json, write_json, write_text
from tests.failing_disk import Killed, failing_call, full_disk

OLD, NEW = {"a.txt": "old a", "b.txt": "old b"}, {"a.txt": "new a", "b.txt": "new b" * 5000}

FULL = OSError(errno.ENOSPC, "No space left on device")


def contents(folder: Path) -> dict[str, str] | None:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())} if folder.is_dir() else None


def fill(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        write_text(folder / name, text)


def put_folder(target: Path) -> None:
    with atomic_folder(target) as temporary:
        fill(temporary, NEW)


def put_contents(target: Path) -> None:
    with atomic_contents(target) as temporary:
        fill(temporary, NEW)


def old_folder(target: Path) -> None:
    target.mkdir()
    for name, text in OLD.items():
        (target / name).write_text(text)


# Laws


@given(st.text())
def test_what_is_written_is_read_again(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "text" / "a.txt"
    text = text.encode("utf-8", "replace").decode()
    assert write_text(path, text) == path and path.read_bytes() == text.encode()
    assert read_json(write_json(path.with_name("a.json"), {"text": text})) == {"text": text}


def test_the_temporary_name_keeps_the_suffix_and_is_hidden_beside_its_file(tmp_path):
    with atomic_file(tmp_path / "made" / "clip.mp4") as temporary:
        assert temporary.suffix == ".mp4" and temporary.name.startswith(".") and temporary.parent == tmp_path / "made"
        temporary.write_text("x")
        assert not (tmp_path / "made" / "clip.mp4").exists()
    assert contents(tmp_path / "made") == {"clip.mp4": "x"}


def test_files_get_the_rights_that_the_user_asked_for(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "x")
        put_folder(tmp_path / "folder")
        assert os.umask(0o027) == 0o027  # and the mask is as it was
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o750


def test_a_new_folder_replaces_the_whole_old_one_and_new_contents_only_what_they_name(tmp_path):
    for put, left in ((put_folder, {}), (put_contents, {"mine.txt": "kept"})):
        target = tmp_path / put.__name__
        old_folder(target)
        (target / "mine.txt").write_text("kept")
        put(target)
        assert contents(target) == NEW | left
    assert sorted(path.name for path in tmp_path.iterdir()) == ["put_contents", "put_folder"]


def test_a_file_in_the_way_is_never_replaced_by_a_folder(tmp_path):
    (tmp_path / "taken").write_text("mine")
    for put in (put_folder, put_contents):
        with pytest.raises(StavisError, match=r"taken cannot be written \(it is a file\)"):
            put(tmp_path / "taken")
    with pytest.raises(StavisError, match="cannot be written"):
        write_text(tmp_path / "taken" / "a.txt", "x")
    assert contents(tmp_path) == {"taken": "mine"}


def test_an_error_inside_is_told_under_the_name_that_the_reader_knows(tmp_path):
    class Special(StavisError):
        pass

    with pytest.raises(Special, match=f"^{tmp_path / 'out' / 'x.csv'} is wrong"), atomic_folder(tmp_path / "out") as temporary:
        raise Special(f"{temporary / 'x.csv'} is wrong: mend it.")
    assert list(tmp_path.iterdir()) == []


# Failure


@pytest.mark.parametrize(
    ("error", "ever_after"), [(FULL, False), (FULL, True), (Killed(), False)], ids=["full once", "full from then on", "Ctrl-C"]
)
@pytest.mark.parametrize("before", [None, OLD], ids=["nothing", "old"])
@pytest.mark.parametrize("put", [put_folder, put_contents])
def test_whichever_call_fails_the_folder_is_old_or_new(tmp_path, put, before, error, ever_after):
    """Every fsync, rename, chmod, opening and making of a temporary in turn."""
    outcomes = set()
    for number in range(1, 200):
        home = tmp_path / str(number)
        home.mkdir()
        if before:
            old_folder(home / "out")
        failed = False
        try:
            with failing_call(number, error, ever_after) as calls:
                put(home / "out")
        except (StavisError, Killed) as said:
            failed = True
            assert isinstance(said, Killed) or ("out" in str(said) and "No space left" in str(said) and ".part" not in str(said))
        found = contents(home / "out")
        if put is put_contents and before and found is not None:  # file by file: the folder is in use
            assert all(found[name] in (OLD[name], NEW[name]) for name in OLD) and set(found) == set(OLD)
        elif ever_after and found is None:  # nothing can be renamed any more: then the old one lies aside, whole
            assert before is None or [contents(path / "folder") for path in home.glob(".*.old")] == [before]
        else:
            assert found in (before, NEW)
        assert list(home.rglob("*.part*")) == []
        outcomes.add(failed)
        if calls.count < number:
            assert found == NEW and not failed
            break
    assert outcomes == {True, False}


@pytest.mark.parametrize("limit", [0, 10, 4096, 20_000])
def test_a_disk_that_fills_up_in_mid_write(tmp_path, limit):
    old_folder(tmp_path / "out")
    with full_disk(limit), pytest.raises(StavisError, match=r"[ab]\.txt cannot be written"):
        put_folder(tmp_path / "out")
    assert contents(tmp_path / "out") == OLD and [path.name for path in tmp_path.iterdir()] == ["out"]


WRITER = """
import itertools, sys
from pathlib import Path
from stavis.storage.files import atomic_contents, write_text
for number in itertools.count():
    write_text(Path("file.txt"), str(number % 10) * 200_000)
    if not Path("folder").exists():
        with atomic_contents("folder") as temporary:
            for name in "abc":
                write_text(temporary / name, str(number % 10) * 100_000)
    if number == 3:
        print("going", flush=True)
"""


def test_killed_at_twenty_random_times_files_are_old_or_new(tmp_path):
    chance = random.Random(0)
    for _ in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(storage.__file__).parents[2])},
        )
        with process:
            process.stdout.readline()
            time.sleep(chance.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
        text = (tmp_path / "file.txt").read_text()
        assert len(text) == 200_000 and len(set(text)) == 1
        found = contents(tmp_path / "folder")
        assert sorted(found) == ["a", "b", "c"] and {len(each) for each in found.values()} == {100_000}
        for path in (tmp_path / "folder").iterdir():
            path.unlink()
        (tmp_path / "folder").rmdir()


# Reading


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "line 1"),
        (b"", "line 1"),
        (b"\xff\xfe\xfd", "not UTF-8"),
        (b"[" * 200_000, "nested too deep"),
        (b"1" * 5000, "is not JSON"),
        (b" " * 2000 + b"1", "larger than"),
    ],
)
def test_what_is_not_json_is_refused_in_a_sentence(tmp_path, content, said):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(StavisError, match=said) as refusal:
        read_json(path, limit=1000 if said == "larger than" else 1 << 20)
    assert "a.json" in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_missing_file_a_folder_and_nan_are_refused(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(StavisError, match="is missing"):
            read_json(path)
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", float("nan"))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "bom.json").write_bytes(b"\xef\xbb\xbf" + json.dumps({"a": 1}).encode())
    assert read_json(tmp_path / "bom.json") == {"a": 1}


def test_a_hash_tells_parts_apart_and_takes_files_by_their_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"x")
    assert content_hash("ab", "c") != content_hash("a", "bc") != content_hash("abc")
    assert content_hash(b"a") == content_hash("a") and content_hash(tmp_path / "a") == content_hash(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"y")
    assert content_hash(tmp_path / "a") != content_hash(tmp_path / "b")


def test_the_cache_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "own"))
    assert storage.cache_folder() == tmp_path / "own"
    monkeypatch.delenv("STAVIS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert storage.cache_folder() == tmp_path / "stavis"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert storage.cache_folder() == tmp_path / ".cache" / "stavis"
