"""One cache for all kinds: one limit, one order, one list; entries whole or not there; what is in use stays; older folders are read."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from stavis.errors import StavisError
from stavis.storage import cache, eviction, locks
from stavis.storage.cache import file_hash, get_arrays, get_file, get_or_create, lease_file
from stavis.storage.contents import cache_clear, cache_list
from stavis.storage.eviction import INDEX, KINDS, kind_folder
from stavis.storage.files import cache_folder
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_own_folder", [])
    monkeypatch.setattr(cache, "_leases", {})
    monkeypatch.setattr(eviction, "_shrinking", {"again": 0.0})
    monkeypatch.setattr(eviction, "_PAUSE", 0)  # a look after every new entry, however slow the machine


def write(content: bytes):
    return lambda folder: (folder / "data").write_bytes(content)


def keep(kind: str, key: str, kilobytes: float = 1, used: float | None = None, **options) -> Path:
    folder = get_or_create(kind, key, write(bytes(int(kilobytes * 1000))), about={"what": f"the {kind} of {key}"}, **options)
    if used is not None:
        os.utime(folder / INDEX, (used, used))
    return folder


def keys() -> set[str]:
    return set(cache_list().key)


@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_is_made_once_and_listed(kind):
    made = []
    for _ in range(2):
        folder = get_or_create(kind, "a" * 64, lambda folder: made.append(write(b"x")(folder)), about={"what": "a clip"})
        assert folder == cache_folder() / kind / ("a" * 40) and (folder / "data").read_bytes() == b"x"
    assert len(made) == 1
    (row,) = cache_list().itertuples()
    assert (row.kind, row.what, row.key, row.path) == (kind, "a clip", "a" * 40, str(folder)) and 0 < row.megabytes < 1e-3


def test_all_kinds_share_one_limit_and_one_order(monkeypatch):
    for age, kind in enumerate(KINDS):
        keep(kind, kind, 10, used=1000 + age)
    monkeypatch.setenv("STAVIS_CACHE_LIMIT", "0.00005")  # 50 kB: four of ten with their indexes
    keep("crops", "new", 10)
    assert keys() == {*KINDS[-3:], "new"}
    keep("previews", "large", 60)  # more than the limit allows: it alone is kept
    assert keys() == {"large"}


def test_all_entries_are_looked_at_seldom_while_there_is_room_and_each_time_where_it_is_short(monkeypatch):
    monkeypatch.setattr(eviction, "_PAUSE", 1e6)
    looked, shrink = [], eviction._shrink
    monkeypatch.setattr(eviction, "_shrink", lambda kept: (looked.append(kept.name), shrink(kept))[1])
    for key in "abc":
        keep("crops", key, 10)
    assert looked == ["a"]
    eviction._shrinking["again"] = 0.0
    monkeypatch.setenv("STAVIS_CACHE_LIMIT", "0.00006")  # room for all, but more than half of it is taken
    keep("crops", "d", 10)
    keep("crops", "e", 10)
    assert looked == ["a", "d", "e"] and keys() == set("abcde")


def test_what_is_read_again_is_kept_longer(monkeypatch):
    for age, kind in enumerate(KINDS):
        keep(kind, kind, 10, used=1000 + age)
    keep("crops", "crops", 10)
    monkeypatch.setenv("STAVIS_CACHE_LIMIT", "0.000025")
    keep("tracks", "new", 10)
    assert keys() == {"crops", "new"}


def test_list_and_clear_by_kind():
    for kind in KINDS:
        keep(kind, f"of {kind}")
    assert set(cache_list("readings").key) == {"of readings"}
    assert cache_clear("readings").kind.tolist() == ["readings"] and len(cache_list()) == len(KINDS) - 1
    assert len(cache_clear(keys=["of c", "of t"])) == 2
    assert len(cache_clear()) == len(KINDS) - 3 and cache_list().empty
    assert [path for kind in KINDS if kind_folder(kind).is_dir() for path in kind_folder(kind).iterdir()] == []
    for function in (cache_list, cache_clear):
        with pytest.raises(StavisError, match="holds no 'pictures': choose one of crops, tracks"):
            function("pictures")


def test_failing_in_the_middle_leaves_nothing():
    def broken(folder):
        (folder / "data").write_bytes(b"half")
        raise StavisError("the disk was pulled out: put it back.")

    with pytest.raises(StavisError, match="pulled out"):
        get_or_create("readings", "a", broken, about={"what": "a"})
    assert [path.name for path in kind_folder("readings").iterdir() if path.suffix != ".lock"] == []
    assert cache_list().empty


def test_a_damaged_entry_is_made_again():
    whole = lambda folder: (folder / "data").is_file() and (folder / "data").stat().st_size == 4  # noqa: E731
    folder = get_or_create("tracks", "a", write(b"1234"), whole, {"what": "a"})
    (folder / "data").write_bytes(b"12")
    assert (get_or_create("tracks", "a", write(b"5678"), whole, {"what": "a"}) / "data").read_bytes() == b"5678"


def test_a_file_and_arrays_are_kept():
    for _ in range(2):
        path = get_file("previews", "p", "preview.mp4", lambda path: path.write_bytes(b"film"), {"what": "p"})
        assert path.read_bytes() == b"film"
    made = []
    arrays = {"values": np.arange(6.0).reshape(2, 3), "names": np.array(["a", "b"])}
    for _ in range(2):
        found = get_arrays("readings", "r", lambda: made.append(1) or arrays, {"what": "r"})
        assert set(found) == set(arrays) and all(np.array_equal(found[name], arrays[name]) for name in arrays)
    assert len(made) == 1
    assert get_arrays("readings", "r", lambda: {"values": np.zeros(1)}, {"what": "r"}, lambda arrays: len(arrays["values"]) == 1)
    file = kind_folder("readings") / "r" / "arrays.npz"
    for damage in (b"", b"no archive", file.read_bytes()[:90]):
        file.write_bytes(damage)
        assert get_arrays("readings", "r", lambda: arrays, {"what": "r"})["values"].shape == (2, 3)
    np.savez(file, values=np.array([object()]))
    assert get_arrays("readings", "r", lambda: arrays, {"what": "r"})["values"].shape == (2, 3)


def test_threads_that_want_the_same_wait_and_one_makes_it():
    made, found = [], []

    def slow(folder):
        made.append(1)
        time.sleep(0.2)
        write(b"x")(folder)

    threads = [
        threading.Thread(target=lambda: found.append(get_or_create("tracks", "a", slow, about={"what": "a"})), daemon=True)
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(made) == 1 and found == [kind_folder("tracks") / "a"] * 3


def test_making_one_entry_may_need_another():
    def crops(folder):
        tracks = keep("tracks", "t")
        (folder / "data").write_bytes((tracks / "data").read_bytes())

    assert (get_or_create("crops", "c", crops, about={"what": "c"}) / "data").stat().st_size == 1000
    assert keys() == {"c", "t"}


HOLDER = """
import sys, time
from stavis.storage.cache import get_or_create
get_or_create("synthetic", "faces", lambda folder: (folder / "data").write_bytes(b"x" * 9000), about={"what": "faces"}, lease=True)
print("held", flush=True)
time.sleep(60)
"""


def test_a_data_set_in_use_stays_until_its_process_ends(monkeypatch):
    other = subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ})
    try:
        assert other.stdout.readline() == "held\n"
        monkeypatch.setenv("STAVIS_CACHE_LIMIT", "0")
        keep("crops", "a")
        keep("crops", "b")
        assert keys() == {"faces", "b"}
        assert cache_clear().key.tolist() == ["b"] and keys() == {"faces"}
    finally:
        other.kill()
        other.wait()
    keep("crops", "c")
    assert keys() == {"c"}
    assert not [path for path in kind_folder("synthetic").iterdir() if path.suffix == ".lease"]


def test_a_model_file_in_use_stays(monkeypatch):
    path = lease_file("models", "face.task")
    assert not path.exists()
    path.write_bytes(b"weights")
    monkeypatch.setenv("STAVIS_CACHE_LIMIT", "0")
    keep("crops", "a")
    assert keys() == {"face.task", "a"}
    assert cache_list("models").what.tolist() == ["face.task"] and cache_clear("models").empty
    for lock in cache._leases.values():
        lock.release()
    keep("crops", "b")
    assert keys() == {"b"} and not path.exists()


def test_where_there_are_no_locks_what_was_leased_within_a_day_stays(monkeypatch):
    def no_locks(*args, **options):
        raise NotImplementedError

    monkeypatch.setattr(locks.FileLock, "acquire", no_locks)
    folder = keep("synthetic", "faces", lease=True)
    lease = folder.parent / ".faces.0123.lease"
    lease.touch()
    assert cache_clear().empty
    os.utime(lease, (0, 0))
    assert cache_clear().key.tolist() == ["faces"]


def test_partial_entries_and_leases_of_killed_processes_go():
    home = kind_folder("readings")
    home.mkdir(parents=True)
    (home / ".dead.abc.part").mkdir()
    (home / ".dead.abc.part" / "data").write_bytes(b"half")
    (home / ".gone.x.part.npz").write_bytes(b"half")
    (home / ".gone.y.old").mkdir()
    (home / ".faces.0.lease").touch()
    keep("readings", "a")
    assert {path.name for path in home.iterdir() if path.suffix != ".lock"} == {"a"}


def former_cache() -> Path:
    """A cache as earlier versions wrote it: tracks and previews among the crops, attributions and readings as single files."""
    root = cache_folder()
    for key, index in {
        "c": {"format": 2, "video": "/clips/one.mp4", "source": "truth", "size": 64},
        "t": {"video": "one.mp4", "source": "track", "frames": 9},
        "p": {"video": "one.mp4", "source": "preview"},
    }.items():
        folder = root / "crops" / (key * 40)
        folder.mkdir(parents=True)
        (folder / "data").write_bytes(key.encode())
        (folder / INDEX).write_text(json.dumps(index))
    for kind in ("attributions", "readings"):
        (root / kind).mkdir()
        np.savez(root / kind / f"{'f' * 64}.npz", values=np.zeros(3))
        (root / kind / f".{'f' * 40}.abcd.part.npz").write_bytes(b"half")
    (root / "synthetic" / "0123456789abcdef").mkdir(parents=True)
    (root / "synthetic" / "0123456789abcdef" / "dataset.json").write_text("{}")
    (root / "models").mkdir()
    (root / "models" / "face_landmarker.task").write_bytes(b"model")
    return root


def test_a_cache_of_an_earlier_version_is_listed_read_or_made_again(monkeypatch):
    root = former_cache()
    listed = {(row.kind, row.what) for row in cache_list().itertuples()}
    assert listed == {
        ("crops", "one.mp4, truth"),
        ("crops", "one.mp4, track"),
        ("crops", "one.mp4, preview"),
        ("attributions", "kept by an earlier version"),
        ("readings", "kept by an earlier version"),
        ("synthetic", "kept by an earlier version"),
        ("models", "face_landmarker.task"),
    }
    refuse = lambda folder: pytest.fail("it was made again")  # noqa: E731
    for kind, key in (("crops", "c"), ("tracks", "t"), ("previews", "p")):
        folder = get_or_create(kind, key * 40, refuse)
        assert folder == root / kind / (key * 40) and (folder / "data").read_bytes() == key.encode()
    data = get_or_create("synthetic", "0123456789abcdef", refuse, lambda folder: (folder / "dataset.json").exists(), lease=True)
    assert (data / "dataset.json").read_text() == "{}"
    for kind in ("attributions", "readings"):
        assert get_arrays(kind, "f" * 64, lambda: {"values": np.ones(3)}, {"what": "new"})["values"].all()
        assert sorted(cache_list(kind).what) == ["kept by an earlier version", "new"]
    assert not list(root.rglob("*.part*"))
    monkeypatch.setenv("STAVIS_CACHE_LIMIT", "0")
    keep("tracks", "new")
    assert keys() == {"new", "0123456789abcdef"}  # the data set is in use here


def test_waiting_is_told(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(locks, "PATIENCE", 0.05)
    taken = threading.Event()

    def holder():
        with locks.locked(tmp_path / "lock"):
            taken.set()
            time.sleep(0.3)

    thread = threading.Thread(target=holder)
    thread.start()
    taken.wait(30)
    with locks.locked(tmp_path / "lock", purpose="makes the same crops") as mine:
        assert mine
    thread.join(30)
    assert caplog.messages == ["waiting for another process that makes the same crops"]
    with locks.locked(tmp_path / "lock"), locks.locked(tmp_path / "lock", wait=False) as mine:
        assert not mine


def test_a_limit_that_is_no_number_is_a_sentence(monkeypatch):
    for text in ("lots", "-1", "nan"):
        monkeypatch.setenv("STAVIS_CACHE_LIMIT", text)
        with pytest.raises(StavisError, match="STAVIS_CACHE_LIMIT"):
            eviction.cache_limit()


def test_a_file_that_was_edited_in_place_with_its_date_put_back_is_read_again(tmp_path):
    file = tmp_path / "video.avi"
    file.write_bytes(b"one")
    before, stat = file_hash(file), file.stat()
    time.sleep(0.02)  # the clock of a file system ticks a hundred times a second
    with file.open("r+b") as stream:
        stream.write(b"two")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert file.stat().st_mtime_ns == stat.st_mtime_ns and file_hash(file) != before


@pytest.mark.parametrize("options", [{"unused_for_days": -1}, {"unused_for_days": float("nan")}, {"keys": "abc"}])
def test_nothing_is_cleared_that_was_not_meant(options):
    with pytest.raises(StavisError, match=next(iter(options))):
        cache_clear("crops", **options)
