"""The promises to users, one section each; a later capability adds its rows to the tables.

1 every input gives a result or one sentence; 2 damage is said; 3 old or new, never half; 4 resume gives the same numbers; 5 old
checkpoints load; 6 nothing handed to us is unpickled (the gate itself: test_house.py); 7 a checkpoint is checked, not trusted; 8 one
bad recording costs one recording; 9 a dead worker or kernel costs one retry; 10 reports are inert and offline (8 to 10:
tests/batch/test_promises_batch.py); 11 inputs are never touched; 12 the same labels however written; 13 time is the container's;
14 what goes in is what is seen.
"""

import dataclasses
import errno
import html
import json
import os
import pickle
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
import torch

import stavis
from stavis import jobs
from stavis.data.video.io import probe
from stavis.errors import StavisError
from stavis.models.checkpoint import load_checkpoint, save_checkpoint
from stavis.models.sta import STA
from stavis.printable import unbroken
from stavis.storage.files import content_hash
from stavis.training.callbacks import ResumePoint
from tests.data.video.made_videos import picture
from tests.data.video.test_display import fields, turned
from tests.data.video.test_hdr import CHART, PQ, chart_video, in_hdr
from tests.data.video.test_io import encode, flipped
from tests.data.video.test_streams import several
from tests.failing_disk import Killed, failing_call, full_disk
from tests.groups.explained import explained_folder
from tests.models.test_checkpoint import SPOILED
from tests.models.test_sta import TINY

ROOT = Path(__file__).resolve().parents[1]
PLAIN = ("--quiet", "--source", "centre", "--methods", "")
pytestmark = pytest.mark.timeout(300)  # a promise broken by hanging is broken


@dataclass(frozen=True)
class World:
    """A good network, a good data set and a good video, copied for one test: `inputs` may be spoiled, `outputs` is empty."""

    inputs: Path
    outputs: Path
    run: Path
    data: Path

    @property
    def out(self) -> Path:
        return self.outputs / "out"

    @property
    def video(self) -> Path:
        return next((self.data / "videos").glob("*.mp4"))

    @property
    def labels(self) -> Path:
        """The label file of the recording in the test split."""
        return self.data / "labels" / f"{self.tested}.csv"

    @property
    def tested(self) -> str:
        splits = pd.read_csv(self.data / "splits.csv")
        return splits[splits.split == "test"].recording.iloc[0]

    def listing(self) -> dict[str, tuple]:
        """Every file and folder with size and time of change; of folders that may be written to, the name alone."""
        found = {}
        for root in (self.inputs, self.outputs):
            for path in (root, *root.rglob("*")):
                state = path.lstat()
                fixed = root == self.inputs or not path.is_dir()
                found[str(path.relative_to(root.parent))] = (state.st_size, state.st_mtime_ns) if fixed else ()
        return found


@pytest.fixture
def world(tmp_path, drawn, tiny_run) -> World:
    made = World(tmp_path / "inputs", tmp_path / "outputs", tmp_path / "inputs" / "run", tmp_path / "inputs" / "faces")
    made.outputs.mkdir()
    shutil.copytree(tiny_run, made.run)
    shutil.copytree(drawn, made.data)
    return made


def refused(shell, world: World, *command, said: str = "") -> str:
    """The law of bad input: exit code 2, one sentence on stderr, nothing on stdout, nothing written, nothing touched."""
    before = world.listing()
    done = shell(*command)
    assert done.code == 2, done
    begun, lines = done.err.splitlines()[:-1], done.err.splitlines()[-1:]
    assert len(begun) <= 1 and not any(line.startswith("stavis: ") for line in begun), "at most what the command does, before"
    assert len(lines) == 1 and lines[0].startswith("stavis: ") and lines[0].endswith((".", ")", "?")), done.err
    assert "Traceback" not in done.err and "should not" not in done.err
    assert any(remedy in lines[0].removeprefix("stavis: ") for remedy in (": ", ", expected ", "--help"))
    assert done.out == "" and said.lower() in lines[0].lower()
    assert world.listing() == before
    return lines[0]


# 1 Every input gives a result or one sentence


def sound_alone(path: Path) -> None:
    with av.open(str(path), "w") as container:
        track = container.add_stream("aac", rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        silence.rate = 16000
        container.mux(track.encode(silence))
        container.mux(track.encode())


BAD_VIDEOS: dict[str, tuple[str, Callable[[Path, bytes], object], str]] = {
    # name of the file, how it is made from the bytes of a good one, what is said
    "missing": ("none.mp4", lambda path, good: None, "exist"),
    "missing, odd name": ('it\'s "a" <script>alert(1)</script>\nname.mp4', lambda path, good: None, "exist"),
    "empty": ("a.mp4", lambda path, good: path.touch(), "is empty"),
    "cut short": ("a.mp4", lambda path, good: path.write_bytes(good[:200]), "cut short"),
    "text": ("a b.mp4", lambda path, good: path.write_text("time,valence\n0,0\n" * 99), "not a video"),
    "a picture": ("a.png", lambda path, good: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64)), "not a video"),
    "noise": ("a.mp4", lambda path, good: path.write_bytes(np.random.default_rng(0).bytes(9999)), "not a video"),
    "a folder": ("a.mp4", lambda path, good: path.mkdir(), "file"),
    "a pipe": ("a.mp4", lambda path, good: os.mkfifo(path), "file"),
    "sound alone": ("a.mp4", lambda path, good: sound_alone(path), "only sound"),
    "no frame": ("a.mp4", lambda path, good: path.write_bytes(good[: good.index(b"mdat") + 4] + bytes(len(good))), "video"),
}


@pytest.mark.parametrize("kind", BAD_VIDEOS)
def test_1_a_bad_video_is_one_sentence(shell, world, kind):
    name, make, said = BAD_VIDEOS[kind]
    good, alone = world.video.read_bytes(), world.inputs / "alone"
    alone.mkdir()
    make(alone / name, good)
    refused(shell, world, "explain", world.run, alone / name, "--out", world.out, *PLAIN, said=said)
    if kind.startswith("missing"):
        return
    (world.data / "videos" / f"{world.tested}.mp4").unlink()
    make(world.data / "videos" / f"{world.tested}.mp4", good)
    if kind == "a folder":
        said = "no recording in split"
    for command in (("evaluate", world.run), ("train", "--steps", "1")):
        if command[0] == "train":
            others = [path.stem for path in (world.data / "labels").iterdir() if path.stem != world.tested]
            rows = [f"{world.tested},a,train", *(f"{name},{name},dev" for name in others)]
            (world.data / "splits.csv").write_text("\n".join(["recording,subject,split", *rows]) + "\n")
        loud = shell(*command, "--data", world.data, "--out", world.out, "--quiet")
        assert loud.code == 2 and said.lower() in loud.err.lower().splitlines()[-1] and "Traceback" not in loud.err
        assert not world.out.exists()


GOOD_NAMES = ("a b.mp4", 'it\'s "q".mp4', "<script>alert(1)</script>.mp4".replace("/", "\\"), "two\nlines.mp4", "-rf.mp4", "Größe 表情.mp4")


NO_UTF8 = os.fsdecode(b"caf\xe9.mp4")  # a name from an old disk


def test_1_a_video_whose_name_is_no_utf8_is_read_and_shown_escaped(shell, world):
    folder = world.inputs / os.fsdecode(b"d\xe9j\xe0")
    folder.mkdir()
    path = folder / NO_UTF8
    shutil.copyfile(world.video, path)
    done = shell("explain", world.run, path, "--out", world.out, *PLAIN)
    assert (done.code, done.err) == (0, "") and "\udce9" not in done.out
    for file in world.out.rglob("*"):
        if file.suffix in (".html", ".json", ".csv"):
            assert "\udce9" not in file.read_text(encoding="utf-8")
    assert r"caf\xe9.mp4" in (world.out / "report.html").read_text()
    assert json.loads((world.out / "explain.json").read_text())["video"] == r"caf\xe9.mp4"
    missing = refused(shell, world, "explain", world.run, folder / os.fsdecode(b"\xff.mp4"), "--out", world.inputs / "none", *PLAIN)
    assert r"d\xe9j\xe0/\xff.mp4" in missing


def test_1_a_video_stream_can_be_chosen(shell, world, tmp_path):
    small = encode(tmp_path / "small.mp4", images=[np.full((48, 64, 3), 200, np.uint8)] * 10)
    path = several(world.inputs / "two.mkv", [world.video, small], default=0)
    lengths = {}
    for choice in ((), ("--stream", "1"), ("--stream", "0")):
        done = shell("explain", world.run, path, "--out", world.out, *PLAIN, *choice)
        assert done.code == 0 and "2 video streams" in done.err and "2 video streams" in (world.out / "report.html").read_text()
        lengths[choice] = len(pd.read_csv(world.out / "shares.csv"))
        shutil.rmtree(world.out)
    assert lengths[()] == lengths["--stream", "0"] == 25 and lengths["--stream", "1"] == 10
    refused(shell, world, "explain", world.run, path, "--stream", "7", "--out", world.out, *PLAIN, said="no video stream 7: it holds 0 (")


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_1_a_good_video_is_read_whatever_its_name(shell, world, name):
    path = world.inputs / name
    shutil.copyfile(world.video, path)
    before = world.listing()
    done = shell("explain", world.run, "--out", world.out, *PLAIN, "--", path)
    assert (done.code, done.err) == (0, "")
    page = (world.out / "report.html").read_text()
    assert "<script>alert" not in page
    assert {k: v for k, v in world.listing().items() if k.startswith("inputs")} == {
        k: v for k, v in before.items() if k.startswith("inputs")
    }


BAD_LABELS = {
    "column missing": ("time,joy\n0,0\n1,0\n", "line 1"),
    "no time": ("t,valence\n0,0\n1,0\n", "'time' is missing"),
    "text in a number": ("time,valence\n0,0\n1,abc\n", "line 3: valence is 'abc'"),
    "no time in a row": ("time,valence\n0,0\n,1\n", "line 3: time is empty"),
    "infinite": ("time,valence\n0,0\n1,inf\n", "line 3: valence is inf"),
    "backwards": ("time,valence\n0,0\n1,0\n.5,0\n", "line 4"),
    "outside": ("time,valence\n0,0\n1,1.5\n", "outside [-1,1]"),
    "another scale": (
        "time,valence\n0,1\n1,9\n",
        "(the file's values are from 1 to 9): give the ends of the scale, scale=(low, high) or --scale",
    ),
    "minutes and seconds": ("time,valence\n0:00,0\n0:01,0\n", "time is '0:00', not a number: write seconds, or hours:minutes:seconds"),
    "empty": ("", "is empty"),
    "header alone": ("time,valence\n", "no row"),
    "another time": ("time,valence\n1000,0\n1001,0\n", "no moment in common"),
    "milliseconds": ("time,valence\n0,0\n2000,0\n", "milliseconds"),
    "microseconds": ("time,valence\n0,0\n960000,0\n1920000,0\n", "time_unit='us' (--time-unit us)"),
    "centiseconds": ("time,valence\n" + "".join(f"{k * 3.7},0\n" for k in range(52)), "time_unit='cs' (--time-unit cs)"),
    "frame numbers": ("time,valence\n" + "".join(f"{k},0\n" for k in range(25)), "time_unit='frames' (--time-unit frames)"),
    "percent of the video": ("time,valence\n" + "".join(f"{k * 2.5},0\n" for k in range(41)), "percent"),
    "binary": ("PK\x03\x04\0\0", "is not text"),
}


SEEN_WITH_THE_VIDEO = {"another time", "milliseconds", "microseconds", "centiseconds", "frame numbers", "percent of the video"} | {
    "no label is valid"
}


@pytest.mark.parametrize("kind", BAD_LABELS)
def test_1_bad_labels_are_one_sentence(shell, world, kind):
    text, said = BAD_LABELS[kind]
    world.labels.write_text(text)
    told = refused(shell, world, "evaluate", world.run, "--data", world.data, "--out", world.out, "--quiet", said=said)
    assert world.labels.stem in told
    if kind not in SEEN_WITH_THE_VIDEO:  # these show when the video is read, of this split alone
        refused(shell, world, "train", "--data", world.data, "--out", world.out, "--quiet", said=said)


@pytest.mark.parametrize(("seconds", "said"), [(1.0, "end 0.92 s before the video"), (4.0, "end 2.08 s after the video")])
def test_1_labels_shorter_or_longer_than_the_video_are_said_and_used(shell, world, seconds, said):
    times = np.arange(0, seconds + 0.01, 0.04)
    pd.DataFrame({"time": times, "valence": np.sin(times)}).to_csv(world.labels, index=False)
    done = shell("evaluate", world.run, "--data", world.data, "--out", world.out, "--quiet")
    assert done.code == 0 and done.err.startswith("stavis: warning: ") and said in done.err and len(done.err.splitlines()) == 1
    counted = json.loads((world.out / "metrics.json").read_text())["counts"]["frames_without_label"]
    assert counted == (12 if seconds == 1.0 else 0)


def two_splits(world: World) -> None:
    rows = (world.data / "splits.csv").read_text().splitlines()
    _, subject, _ = rows[-1].split(",")
    rows[1:] = [",".join((row.split(",")[0], subject, row.split(",")[2])) for row in rows[1:]]
    (world.data / "splits.csv").write_text("\n".join(rows))


BAD_FOLDERS: dict[str, tuple[Callable[[World], object], str]] = {
    "one identity in two splits": (two_splits, "keep each person in one split"),
    "missing": (lambda world: shutil.rmtree(world.data), "does not exist"),
    "no video": (lambda world: shutil.rmtree(world.data / "videos"), "holds no video"),
    "a file": (lambda world: (shutil.rmtree(world.data), world.data.write_text("x")), "is a file"),
    "splits without a column": (lambda world: (world.data / "splits.csv").write_text("recording\na\n"), "'split' is missing"),
    "truth is damaged": (lambda world: [path.write_bytes(b"PK") for path in (world.data / "truth").iterdir()], "truth file"),
    "truth is pickled": (
        lambda world: [np.savez(path, times=np.array([Bomb(world.outputs)], object)) for path in (world.data / "truth").iterdir()],
        "truth file",
    ),
}


@pytest.mark.parametrize("command", ["evaluate", "train"])
@pytest.mark.parametrize("kind", BAD_FOLDERS)
def test_1_a_bad_data_set_is_one_sentence(shell, world, kind, command):
    spoil, said = BAD_FOLDERS[kind]
    spoil(world)
    run = (world.run,) if command == "evaluate" else ()
    refused(shell, world, command, *run, "--data", world.data, "--out", world.out, "--quiet", said=said)


BAD_WORDS: dict[str, tuple[tuple, str]] = {
    "no command": (("dance",), "dance"),
    "no such option": (("explain", "{run}", "{video}", "--wings"), "--wings"),
    "argument missing": (("explain",), "run"),
    "no such run": (("explain", "nowhere", "{video}"), "nowhere is no checkpoint"),
    "no such run to evaluate": (("evaluate", "nowhere", "--data", "{data}"), "nowhere is no checkpoint"),
    "no such network to compare with": (("compare", "{run}", "nowhere", "{video}", "--out", "{out}"), "nowhere is no checkpoint"),
    "no such video to compare on": (("compare", "{run}", "{run}", "none.mp4", "--out", "{out}"), "none.mp4"),
    "no such view": (("compare", "{run}", "{run}", "{video}", "--source", "truth", "--view", "film", "--out", "{out}"), "'film'"),
    "nothing to verify": (("verify", "{run}"), "reports no metrics"),
    "no such method": (("explain", "{run}", "{video}", "--methods", "magic"), "magic"),
    "no such source": (("explain", "{run}", "{video}", "--source", "magic"), "magic"),
    "no such regions": (("explain", "{run}", "{video}", "--regions", "nowhere.csv"), "nowhere.csv is missing"),
    "a grid of nothing": (("explain", "{run}", "{video}", "--source", "centre", "--regions", "grid:0x3"), "grid of 0x3"),
    "layers of no transformer": (("explain", "{run}", "{video}", "--attention-layers"), "no layers of token attention"),
    "no such device": (("explain", "{run}", "{video}", "--device", "toaster"), "toaster"),
    "no such device to train on": (("train", "--data", "{data}", "--out", "{out}", "--device", "toaster"), "toaster"),
    "no such device for the demo": (("demo", "--out", "{out}", "--device", "toaster", "--recordings", "8"), "toaster"),
    "no such split": (("evaluate", "{run}", "--data", "{data}", "--split", "none"), "'none'"),
    "no such system": (("train", "--data", "{data}", "--out", "{out}", "--system", "none"), "'none'"),
    "no such preset": (("train", "--data", "{data}", "--out", "{out}", "--preset", "none"), "'none'"),
    "no such loss": (("train", "--data", "{data}", "--out", "{out}", "--loss", "hinge"), "'hinge'"),
    "no steps": (("train", "--data", "{data}", "--out", "{out}", "--steps", "0"), "steps"),
    "text for a number": (("train", "--data", "{data}", "--out", "{out}", "--steps", "many"), "--steps"),
    "no such scenario": (("synth", "{out}", "--scenario", "none"), "'none'"),
    "no such size": (("synth", "{out}", "--size", "big"), "--size"),
    "an odd size": (("synth", "{out}", "--size", "65x65"), "even"),
    "no recordings": (("synth", "{out}", "--recordings", "0"), "recordings"),
    "a negative seed": (("synth", "{out}", "--seed", "-1"), "seed"),
    "no seconds": (("synth", "{out}", "--seconds", "nan"), "seconds"),
    "another's folder": (("synth", "{data}/videos",), "not a synthetic data set"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_WORDS)
def test_1_a_bad_option_is_one_sentence(shell, world, kind):
    words, said = BAD_WORDS[kind]
    places = {"run": world.run, "video": world.video, "data": world.data, "out": world.out}
    refused(shell, world, *(word.format(**places) for word in words), said=said)


NEEDS_A_FOLDER = {
    "explain": ("explain", "{run}", "{video}", "--out", "{out}", *PLAIN),
    "evaluate": ("evaluate", "{run}", "--data", "{data}", "--out", "{out}", "--quiet"),
    "train": ("train", "--data", "{data}", "--out", "{out}", "--steps", "1", "--quiet"),
    "synth": ("synth", "{out}", "--recordings", "1", "--seconds", "1", "--size", "64x64", "--quiet"),
    "demo": ("demo", "--out", "{out}", "--recordings", "8", "--steps", "1", "--quiet"),
}


@pytest.mark.parametrize("below", [False, True], ids=["a file in its place", "a file above it"])
@pytest.mark.parametrize("command", NEEDS_A_FOLDER)
def test_1_a_folder_that_cannot_be_written_is_one_sentence(shell, world, command, below):
    world.out.write_text("in the way")
    places = {"run": world.run, "video": world.video, "data": world.data, "out": world.out / "deep" / "er" if below else world.out}
    refused(shell, world, *(word.format(**places) for word in NEEDS_A_FOLDER[command]), said=str(world.out))
    assert world.out.read_text() == "in the way"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--quiet", "explain"), 2, "--quiet"),
        (("explain", "{run}", "nothing.mp4", "--out", "{out}"), 2, "nothing.mp4"),
        (("evaluate", "{run}", "--data", "{data}", "--json"), 0, ""),
    ],
)
def test_1_a_process_of_its_own_says_the_same(world, tmp_path, words, code, said):
    """True processes: what interpreters and libraries print on their way in and out counts too."""
    places = {"run": world.run, "data": world.data, "out": world.out}
    command = [sys.executable, "-m", "stavis.cli", *(word.format(**places) for word in words)]
    before = world.listing()
    done = subprocess.run(
        command, cwd=world.outputs, capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == code and said in done.stderr and "Traceback" not in done.stderr
    if code:
        assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
    else:
        assert set(json.loads(done.stdout)) == {"concatenated", "per_recording", "intervals", "counts", "fill", "delay"}
    assert world.listing() == before


def test_1_debug_shows_where_and_still_ends_with_the_sentence(shell, world):
    for words in (("--debug", "explain", world.run, "none.mp4"), ("explain", world.run, "none.mp4", "--debug")):
        done = shell(*words)
        assert done.code == 2 and "Traceback" in done.err and done.err.splitlines()[-1].startswith("stavis: ")


# 2 Damage is said


def test_2_a_corrupt_frame_is_said_on_stderr_in_the_page_and_in_the_table(shell, world, tmp_path):
    video = flipped(encode(tmp_path / "a.mkv", g="10"), tmp_path / "bad.mkv", 12)
    done = shell("explain", world.run, video, "--out", world.out, *PLAIN)
    assert done.code == 0
    told = json.loads((world.out / "explain.json").read_text())["warnings"]
    damage = next(sentence for sentence in told if "frames are damaged" in sentence)
    assert f"stavis: warning: {damage}" in done.err.splitlines() and len(done.err.splitlines()) == len(told)
    table = pd.read_csv(world.out / "shares.csv")
    marked = table.note.isin(["damaged", "lost"]).sum()
    assert marked > 0 and f"{marked} of {len(table)} frames are damaged" in damage
    assert damage in (world.out / "report.html").read_text()


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.avi"])
def test_2_a_missing_tail_is_said(shell, world, tmp_path, name):
    whole = encode(tmp_path / name, "mpeg4" if name == "a.avi" else "libx264", g="5")
    cut = tmp_path / f"cut {name}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    done = shell("explain", world.run, cut, "--out", world.out, *PLAIN)
    if done.code == 2:
        assert len(done.err.splitlines()) == 1 and str(cut) in done.err
        return
    told = json.loads((world.out / "explain.json").read_text())["warnings"]
    assert told and all(f"stavis: warning: {sentence}" in done.err for sentence in told)
    page = (world.out / "report.html").read_text()
    assert all(unbroken(sentence) in html.unescape(page) for sentence in told)
    assert 0 < len(pd.read_csv(world.out / "shares.csv")) < 40


@pytest.mark.slow
def test_2_damage_in_a_data_set_is_said_once_a_recording_whoever_cuts_the_crops(shell, world, tmp_path):
    """With more than three recordings other processes make the crops: what they warn of is said here, once."""
    data = world.inputs / "many"
    data.mkdir()
    good = encode(tmp_path / "a.mkv", g="10")
    for number in range(4):
        flipped(good, data / f"{number}.mkv", 12, seed=number)
        (data / f"{number}.csv").write_text("time,valence\n0,0\n1,.5\n2,0\n")
        (data / "truth").mkdir(exist_ok=True)
        shutil.copyfile(world.data / "truth" / f"{world.tested}.npz", data / "truth" / f"{number}.npz")
    (data / "splits.csv").write_text("recording,subject,split\n" + "".join(f"{n},s{n},test\n" for n in range(4)))
    done = shell("evaluate", world.run, "--data", data, "--quiet")
    lines = done.err.splitlines()
    assert done.code == 0 and all(line.startswith("stavis: warning: ") for line in lines), done.err
    for number in range(4):
        assert sum(f"{number}.mkv" in line and "frames are damaged" in line for line in lines) == 1


# 3 Old or new, never half


def whole(folder: Path) -> dict[str, str] | None:
    """What a folder holds, by hash; None where there is none. Times of the computation do not count."""
    if not folder.exists():
        return None
    found = {}
    for path in sorted(folder.iterdir()):
        text = path.read_bytes()
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                text = b"".join(file[name].tobytes() for name in sorted(file.files))
        found[path.name] = content_hash(text)
    return found


WRITTEN = {
    "explain": {"attention.npz", "explain.json", "predictions.csv", "report.html", "shares.csv"},
    "group": {"recordings.csv", "regions.csv", "differences.csv", "group_maps.npz", "group.json", "report.html"},
}


@pytest.fixture
def explanation(world):
    return stavis.load(world.run).explain(world.video, methods=(), source="centre")


def group_of(world):
    """A group of two people in one condition."""
    folders = [explained_folder(world.outputs / "explained" / f"p{k}", seed=k) for k in range(2)]
    table = world.outputs / "explained" / "table.csv"
    table.write_text("recording,person\n" + "".join(f"{one.name},{one.name}\n" for one in folders), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that two people are few
        return jobs.group(table)


@pytest.fixture
def writers(world, explanation) -> dict[str, Callable[[Path], object]]:
    """What writes results, by name; a later capability adds its own."""
    network = load_checkpoint(world.run).model
    return {
        "explain": explanation.save,
        "evaluate": lambda out: jobs.evaluate(world.run, world.data, out=out, quiet=True),
        "checkpoint": lambda out: save_checkpoint(out, network, system="sta"),
        "group": group_of(world).save,
    }


FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("name", ["explain", "evaluate", "checkpoint"])
def test_3_whichever_write_fails_the_output_is_absent_or_whole(world, writers, name):
    write = writers[name]
    write(world.outputs / "reference")
    reference = whole(world.outputs / "reference")
    assert name not in WRITTEN or set(reference) == WRITTEN[name]
    refusals = 0
    for number in range(1, 200):
        out = world.outputs / f"out {number}"
        try:
            with failing_call(number, FULL) as calls:
                write(out)
        except StavisError as error:
            refusals += 1
            assert str(out) in str(error) and "No space left" in str(error)
            assert whole(out) is None
        else:
            assert whole(out) == reference
            if calls.count < number:
                break
        assert list(world.outputs.rglob("*.part*")) == list(world.outputs.rglob("*.old*")) == []
    assert refusals > 10 and calls.count < number


@pytest.mark.parametrize("name", ["explain", "evaluate", "checkpoint", "group"])
def test_3_over_older_results_each_file_is_the_old_or_the_new_one(world, writers, name):
    write = writers[name]
    write(world.outputs / "reference")
    reference = whole(world.outputs / "reference")
    assert name not in WRITTEN or set(reference) == WRITTEN[name]
    old = dict.fromkeys(reference, content_hash(b"old"))
    for number in [*range(1, 60, 4)]:
        out = world.outputs / f"out {number}"
        out.mkdir()
        for file in reference:
            (out / file).write_bytes(b"old")
            if file.endswith(".npz"):
                np.savez(out / file, old=np.frombuffer(b"old", np.uint8))
        try:
            with failing_call(number, FULL):
                write(out)
        except StavisError:
            found = whole(out)
            assert found.keys() == old.keys() and all(found[file] in (old[file], reference[file]) for file in found)
        assert list(world.outputs.rglob("*.part*")) == list(world.outputs.rglob("*.old*")) == []


@pytest.mark.parametrize("command", ["explain", "evaluate", "synth"])
@pytest.mark.parametrize("limit", [0, 100, 700])
def test_3_a_disk_that_fills_up_is_one_sentence_and_leaves_nothing(shell, world, command, limit):
    places = {"run": world.run, "video": world.video, "data": world.data, "out": world.out}
    words = [word.format(**places) for word in NEEDS_A_FOLDER[command]]
    if command != "synth":
        assert shell(*words).code == 0  # crops are in the cache now
        shutil.rmtree(world.out)
    with full_disk(limit):
        before = world.listing()
        code, text = quietly(words)
    assert code == 2 and len(text.splitlines()) == 1 and "cannot be written (File too large)" in text and str(world.out) in text
    assert world.listing() == before


def quietly(words: list[str]) -> tuple[int, str]:
    """A command in this process whose words are kept in memory: the files that capture them cannot grow either."""
    import contextlib
    import io

    text = io.StringIO()
    sys.argv = ["stavis", *words]
    with contextlib.redirect_stderr(text), contextlib.redirect_stdout(io.StringIO()), pytest.raises(SystemExit) as end:
        stavis.cli.main()
    return end.value.code, text.getvalue()


def test_3_a_full_disk_while_a_checkpoint_is_saved_keeps_the_old_one(world):
    before = whole(world.run)
    network = STA(dataclasses.replace(TINY, hidden=12))
    for limit in (0, 100, 5000):
        with full_disk(limit), pytest.raises(StavisError, match="cannot be written"):
            save_checkpoint(world.run, network, system="sta")
        assert whole(world.run) == before and load_checkpoint(world.run)


# 4 Resume gives the same numbers (killed processes: tests/training/test_fit.py)


SMALL = {name: getattr(TINY, name) for name in ("encoder", "decoder", "stem", "regressor", "hidden", "vision")} | {"crop_size": 32}


def train(world: World, out: Path, **options) -> stavis.TrainingConfig:
    training = stavis.TrainingConfig(steps=6, epoch=3, batch=2, seconds=0.8, save_every=1, precision="32-true")
    return stavis.train(out, world.data, training=training, device="cpu", quiet=True, **SMALL, **options)


def test_4_whatever_stops_a_training_it_goes_on_as_if_never_stopped(world, monkeypatch):
    train(world, world.outputs / "whole")
    expected = content_hash(world.outputs / "whole" / "last" / "model.safetensors")
    saved = ResumePoint._save
    for step, stop in ((2, Killed()), (4, Killed()), (5, FULL)):
        out = world.outputs / f"stopped at {step}"

        def stopping(self, trainer, step=step, stop=stop):
            if trainer.global_step == step:
                raise stop
            saved(self, trainer)

        monkeypatch.setattr(ResumePoint, "_save", stopping)
        with pytest.raises((Killed, OSError, StavisError)):
            train(world, out)
        monkeypatch.setattr(ResumePoint, "_save", saved)
        assert (out / "resume.ckpt").exists() and list(out.rglob("*.part*")) == []
        train(world, out, resume=True)
        assert content_hash(out / "last" / "model.safetensors") == expected


@pytest.mark.slow
def test_4_a_training_whose_disk_fails_refuses_or_goes_on_to_the_same_weights(world):
    train(world, world.outputs / "whole")
    expected = content_hash(world.outputs / "whole" / "last" / "model.safetensors")
    ended = []
    for number in (1, 4, 9, 13, 17, 24, 37, 51):
        out = world.outputs / f"out {number}"
        try:
            with failing_call(number, FULL):
                train(world, out)
            ended.append(number)
        except StavisError as error:
            assert "No space left" in str(error)
        assert list(out.rglob("*.part*")) == list(out.rglob("*.old*")) == []
        assert not (out / "best").exists() or load_checkpoint(out)
        train(world, out, resume=True)
        assert content_hash(out / "last" / "model.safetensors") == expected
    assert ended == [4], "who holds the folder need not be written, all else does"


# 5 Old checkpoints load


SHIPPED_WITH_0_1 = (-0.06435430075165535, -0.041611784231234204)
"""What sta-synthetic, written when its settings had other names, predicted for the frames below, in double precision."""


def test_5_the_shipped_checkpoint_of_the_first_release_predicts_what_it_predicted():
    model = load_checkpoint("sta-synthetic").model.double()
    frames = 0.5 + 0.5 * torch.sin(0.001 * torch.arange(2 * 3 * 112 * 112, dtype=torch.float64).view(1, 2, 3, 112, 112))
    with torch.inference_mode():
        assert model(frames).flatten().tolist() == pytest.approx(SHIPPED_WITH_0_1, abs=1e-6)


# 6 Nothing handed to us is unpickled


class Bomb:
    """Makes a file where it is unpickled."""

    def __init__(self, folder: Path):
        self.place = folder / "exploded"

    def __reduce__(self):
        return Path.touch, (self.place,)


def test_6_the_bomb_works(world):
    pickle.loads(pickle.dumps(Bomb(world.outputs)))  # noqa: S301 (our own)
    assert (world.outputs / "exploded").exists()


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_6_a_pickled_checkpoint_is_refused_unread(shell, world, file):
    (world.run / file).write_bytes(pickle.dumps(Bomb(world.outputs)))
    refused(shell, world, "explain", world.run, world.video, "--out", world.out, *PLAIN, said=file)


def test_6_a_pickled_resume_file_is_refused_unread(world):
    train(world, world.out)
    (world.out / "resume.ckpt").write_bytes(pickle.dumps(Bomb(world.outputs)))
    with pytest.raises(StavisError, match="is damaged"):
        train(world, world.out, resume=True)
    assert not (world.outputs / "exploded").exists()


# 7 A checkpoint is checked, not trusted


@pytest.mark.parametrize("kind", SPOILED)
def test_7_a_spoiled_checkpoint_is_one_sentence(shell, world, kind):
    spoil, _ = SPOILED[kind]
    spoil(world.run)
    refused(shell, world, "explain", world.run, world.video, "--out", world.out, *PLAIN, said=str(world.run))
    refused(shell, world, "evaluate", world.run, "--data", world.data, "--out", world.out, "--quiet", said=str(world.run))


# 11 Inputs are never touched (bad ones: `refused` above)


@pytest.mark.parametrize("command", ["explain", "evaluate"])
def test_11_reading_leaves_the_inputs_as_they_are(shell, world, command):
    places = {"run": world.run, "video": world.video, "data": world.data, "out": world.out}
    before = world.listing()
    assert shell(*(word.format(**places) for word in NEEDS_A_FOLDER[command])).code == 0
    after = world.listing()
    assert {name: after[name] for name in before} == before
    assert all(name.startswith("outputs/out") for name in after.keys() - before.keys())


def test_11_training_leaves_the_inputs_and_the_working_folder_as_they_are(world, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    before = world.listing()
    train(world, world.out)
    after = world.listing()
    assert {name: after[name] for name in before} == before and list((tmp_path / "empty").iterdir()) == []


# 12 The same labels however written


def rewritten(text: str, way: str) -> bytes:
    table = [line.split(",") for line in text.splitlines()]
    ways = {
        "byte-order mark": lambda: "\ufeff" + text,
        "line ends of Windows": lambda: text.replace("\n", "\r\n"),
        "quotes": lambda: "\n".join(",".join(f'"{cell}"' for cell in row) for row in table),
        "spaces": lambda: "\n".join(" , ".join(row) + "  " for row in table),
        "semicolons and decimal commas": lambda: "\n".join(";".join(row).replace(".", ",") for row in table),
        "further columns": lambda: "\n".join(",".join((row[1], "note" if n == 0 else "a b", row[0])) for n, row in enumerate(table)),
        "one row more": lambda: text + f"{float(table[-1][0]) + 0.04:.2f},0.9\n",
        "empty rows": lambda: text.replace("\n", "\n\n"),
    }
    return ways[way]().encode()


WAYS = (
    "byte-order mark",
    "line ends of Windows",
    "quotes",
    "spaces",
    "semicolons and decimal commas",
    "further columns",
    "one row more",
    "empty rows",
)


def test_12_the_same_labels_give_the_same_scores_however_written(shell, world):
    original = world.labels.read_text()

    def scores() -> dict:
        done = shell("evaluate", world.run, "--data", world.data, "--json", "--quiet")
        assert done.code == 0 and done.err == ""
        told = json.loads(done.out)
        return {
            (protocol, metric): told[protocol][metric]["valence"]["value"]
            for protocol in ("concatenated", "per_recording")
            for metric in ("rmse", "cc", "ccc")
        } | {"unlabelled": told["counts"]["frames_without_label"]}

    expected = scores()
    assert all(value is not None for value in expected.values())
    for way in WAYS:
        world.labels.write_bytes(rewritten(original, way))
        assert scores() == pytest.approx(expected, abs=1e-6), way


# 13 Time is the container's


CLOCKS: dict[str, tuple[str, Fraction, list[int]]] = {
    # file name, unit of the stamps (s), stamps
    "25 a second": ("a.mp4", Fraction(1, 25), list(range(20))),
    "variable rate": ("a.mp4", Fraction(1, 1000), np.cumsum([0, 14, 42, 33, 90] + [40] * 15).tolist()),
    "starts at -0.52 s": ("a.mkv", Fraction(1, 25), list(range(-13, 7))),
    "starts at 4000 s": ("a.mkv", Fraction(1, 1000), list(range(4_000_000, 4_000_800, 40))),
    "a gap of 100 s": ("a.mp4", Fraction(1, 1000), [*range(0, 400, 40), *range(100_400, 100_800, 40)]),
    "1000 a second": ("a.mkv", Fraction(1, 1000), list(range(40))),
    "one a minute": ("a.mkv", Fraction(1, 1000), list(range(0, 60_000 * 6, 60_000))),
}


@pytest.mark.parametrize("clock", CLOCKS)
def test_13_rows_are_decoded_frames_at_the_containers_times(shell, world, tmp_path, clock):
    name, unit, stamps = CLOCKS[clock]
    images = [np.full((64, 64, 3), 40 + 5 * (number % 40), np.uint8) for number in range(len(stamps))]
    video = encode(tmp_path / name, unit=unit, stamps=stamps, images=images, bf="0", c_avoid_negative_ts="disabled")
    done = shell("explain", world.run, video, "--out", world.out, "--quiet", "--source", "centre", "--methods", "saliency")
    assert done.code == 0, done.err
    expected = np.array(stamps) * float(unit)
    for file in ("shares.csv", "predictions.csv"):
        times = pd.read_csv(world.out / file).time.to_numpy()
        assert len(times) == len(stamps) and np.abs(times - expected).max() < 0.006
    with np.load(world.out / "attention.npz", allow_pickle=False) as file:
        assert file["times"] == pytest.approx(expected, abs=0.006)
        assert file["weights"].shape == (len(stamps), TINY.grid, TINY.grid)
        assert file["weights"].sum((1, 2)) == pytest.approx(np.ones(len(stamps)), abs=1e-3)


SEEN: dict[str, tuple[Callable[[Path], Path], str]] = {
    # what is made, what is said of it
    "mirrored": (lambda folder: turned(folder / "a.mp4", (-1, 0, 0, 1)), ""),
    "pixels not square": (lambda folder: turned(folder / "a.mp4", aspect=Fraction(4, 3)), "pixels are not square"),
    "interlaced": (lambda folder: encode(folder / "a.mp4", images=fields(8), **{"x264-params": "tff=1"}), "it is interlaced"),
    "HDR": (lambda folder: hdr_chart(folder / "a.mkv"), "it is HDR (PQ)"),
    "recordings joined": (lambda folder: joined_recordings(folder), "its clock starts again"),
}


def hdr_chart(path: Path) -> Path:
    return chart_video(path, in_hdr(CHART, PQ), "ffv1", "yuv420p10le", transfer=PQ, primaries=9, matrix=9)


def joined_recordings(folder: Path) -> Path:
    parts = [encode(folder / f"{k}.ts", images=[picture(10 * k + i) for i in range(10)]).read_bytes() for k in range(2)]
    (folder / "a.ts").write_bytes(b"".join(parts))
    return folder / "a.ts"


@pytest.mark.parametrize("kind", SEEN)
def test_14_what_goes_in_is_what_is_seen_and_said(shell, world, tmp_path, kind):
    make, said = SEEN[kind]
    video = make(tmp_path)
    done = shell("explain", world.run, video, "--out", world.out, "--quiet", "--source", "centre", "--methods", "")
    assert done.code == 0, done.err
    told = json.loads((world.out / "explain.json").read_text())["warnings"]
    assert (not said or any(said in sentence for sentence in told)) and said in done.err and said in (world.out / "report.html").read_text()
    assert not any("damage" in sentence for sentence in told)
    info = probe(video)
    assert len(pd.read_csv(world.out / "shares.csv")) == len(info)
    shown = probe(world.out / "overlay.mp4")
    assert (shown.width, shown.height) == (info.width + info.width % 2, info.height + info.height % 2)


def test_warnings_of_others_do_not_reach_the_reader(shell, world, monkeypatch):
    """What a library warns of is for its developers; stderr is for what a user can act on."""
    original = jobs.evaluate

    def noisy(*args, **options):
        warnings.warn("numpy will change", FutureWarning, stacklevel=1)
        return original(*args, **options)

    monkeypatch.setattr(jobs, "evaluate", noisy, raising=False)
    done = shell("evaluate", world.run, "--data", world.data, "--json", "--quiet")
    assert (done.code, done.err) == (0, "")


def test_the_promises_are_numbered_without_gaps():
    files = (Path(__file__), Path(__file__).parent / "batch" / "test_promises_batch.py")
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    numbers = {int(number) for number in re.findall(r"^def test_(\d+)_", text, re.MULTILINE)}
    assert numbers == set(range(1, max(numbers) + 1)) and max(numbers) >= 14
