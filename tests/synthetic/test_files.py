"""The files of a drawn set: videos that any reader takes, the same bytes from many processes as from one, nothing foreign lost."""

import json
import re
import signal
import warnings

import numpy as np
import pytest

from stavis.data.datasets.folder import read_folder
from stavis.data.datasets.truth import read_truth
from stavis.data.video.io import probe
from stavis.errors import StavisError
from stavis.regions import REGIONS
from stavis.synthetic import writer
from stavis.synthetic.config import LONGEST, SCENARIOS, SyntheticConfig
from stavis.synthetic.recording import render
from stavis.synthetic.writer import read_spec, write_dataset
from tests.failing_disk import full_disk

TINY = SyntheticConfig(recordings=1, seconds=0.2, size=(64, 64))


def contents(root) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_many_processes_write_the_bytes_of_one(tmp_path, monkeypatch):
    spec = SyntheticConfig(scenarios=SCENARIOS, recordings=8, seconds=0.4, size=(64, 64), seed=11)
    monkeypatch.setattr(writer, "cpu_count", lambda: 2)
    together = contents(write_dataset(tmp_path / "together", spec))
    monkeypatch.setattr(writer, "cpu_count", lambda: 1)
    monkeypatch.setattr(writer, "Parallel", None)
    alone = contents(write_dataset(tmp_path / "alone", spec))
    assert len(alone) == 4 * spec.recordings + 2
    assert together == alone


@pytest.mark.parametrize("size", [(112, 112), (144, 96)])
def test_a_video_does_not_hang_on_what_lies_in_memory(tmp_path, size):
    spec = SyntheticConfig(scenarios=SCENARIOS, recordings=8, seconds=0.4, size=size, seed=11)
    rng, kept = np.random.default_rng(0), []
    for index in (0, 1):
        frames, found = list(render(spec, index).frames()), set()
        for _ in range(30):
            kept = [rng.integers(0, 255, rng.integers(100, 400_000), np.uint8), *kept[: rng.integers(0, 30)]]
            writer.encode_video(tmp_path / "video.mp4", frames, spec.size, spec.fps, 20)
            found.add((tmp_path / "video.mp4").read_bytes())
        assert len(found) == 1


@pytest.mark.parametrize(("size", "fps"), [((128, 128), 25.0), ((256, 256), 12.5), ((640, 480), 30.0), ((64, 96), 23.976)])
def test_videos_are_h264_with_every_frame_at_its_time(tmp_path, size, fps):
    spec = SyntheticConfig(scenarios=SCENARIOS, recordings=1, seconds=0.4, size=size, fps=fps)
    root = write_dataset(tmp_path / "set", spec)
    (read,) = read_folder(root)
    info, truth = probe(read.video), read_truth(read.truth)
    assert (info.width, info.height, info.codec, info.rotation) == (*size, "h264", 0)
    assert len(info) == spec.frames and not info.warnings
    assert np.abs(info.times - truth.times).max() < 1e-4
    assert np.abs(truth.times - np.arange(spec.frames) / fps).max() < 1e-9
    regions = np.load(read.truth)["regions"]
    assert regions.shape == (spec.frames, size[1], size[0]) and regions.max() < len(REGIONS)
    assert set(np.unique(regions)) == set(range(len(REGIONS))), "each region is somewhere"
    assert np.abs(read.label_times[:-1] - np.arange(len(read.label_times) - 1) * 0.04).max() < 0.006


def test_raters_have_the_form_of_recola_to_the_letter(tmp_path):
    spec = SyntheticConfig(scenarios=("mouth",), recordings=1, seconds=3, size=(64, 64))
    root = write_dataset(tmp_path / "set", spec)
    text = (root / "raters" / "valence" / "mouth_00000.csv").read_bytes().decode("ascii")
    header, *rows, end = text.split("\n")
    assert header == "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3" and end == ""
    assert len(rows) == spec.frames + 1
    for number, row in enumerate(rows):
        assert re.fullmatch(r"\d+\.\d\d(;-?[01]\.\d\d){6}", row), row
        time, *marks = (float(value) for value in row.split(";"))
        assert time == pytest.approx(0.04 * number, abs=1e-9) and max(map(abs, marks)) <= 1


def test_the_spec_comes_back_from_the_folder(tmp_path):
    spec = SyntheticConfig(scenarios=("eyes", "motion"), recordings=1, seconds=0.2, size=(64, 96), shares=(0.5, 0.25, 0.25), crf=(20, 24))
    root = write_dataset(tmp_path / "set", spec)
    again = read_spec(root)
    assert again == spec and hash(again) == hash(spec)
    assert all(isinstance(getattr(again, name), tuple) for name in ("scenarios", "size", "shares", "crf"))
    assert json.loads((root / "dataset.json").read_text())["hash"] == again.hash()


@pytest.mark.parametrize("change", [{"seconds": -1}, {"size": 3}, {"scenarios": ["nose"]}, {"crf": None}, {"colour": "red"}])
def test_a_spec_that_cannot_be_drawn_is_told_with_its_file(tmp_path, change):
    (tmp_path / "dataset.json").write_text(json.dumps({"format": writer.FORMAT, "spec": TINY.as_dict() | change}))
    with pytest.raises(StavisError, match=r"dataset\.json .*: write the data set again\.$"):
        read_spec(tmp_path)


@pytest.mark.parametrize("place", ["notes.txt", "videos/mine.mp4", "runs/weights.bin", ".hidden"])
def test_what_was_put_beside_a_drawn_set_is_never_removed(tmp_path, place):
    root = write_dataset(tmp_path / "set", TINY)
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).write_text("mine")
    before = contents(root)
    with pytest.raises(StavisError, match=re.escape(place)):
        write_dataset(root, TINY)
    assert contents(root) == before


@pytest.mark.parametrize("recordings", [3, 16])
def test_a_reader_that_gives_up_leaves_nothing_behind(tmp_path, recordings, monkeypatch):
    """Ctrl-C while one process or many are writing: no folder, no part of one, no word from joblib."""
    monkeypatch.setattr(writer, "cpu_count", lambda: 2)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    spec = SyntheticConfig(recordings=recordings, seconds=0.4, size=(64, 64))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyboardInterrupt):
            write_dataset(tmp_path / "set", spec, stop)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("largest", [100, 2_000, 20_000])
def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path, largest):
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with full_disk(largest), pytest.raises(StavisError, match="cannot be written"):
            write_dataset(tmp_path / "set", SyntheticConfig(recordings=1, seconds=1))
    finally:
        signal.signal(signal.SIGXFSZ, before)
    assert not list(tmp_path.iterdir())


def test_an_encoder_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(*_):
        raise StavisError("the image cannot be drawn: try again.")

    monkeypatch.setattr(writer, "encode_video", fail)
    with pytest.raises(StavisError, match="cannot be drawn"):
        write_dataset(tmp_path / "set", TINY)
    assert not list(tmp_path.iterdir())


def test_a_recording_is_no_longer_than_memory_holds():
    assert SyntheticConfig(seconds=LONGEST).frames == 90_000
    with pytest.raises(StavisError, match="seconds"):
        SyntheticConfig(seconds=LONGEST + 1)


@pytest.mark.parametrize(
    "wrong", [{"size": (128, 0)}, {"size": (-2, 128)}, {"recordings": 0}, {"scenarios": "nose"}, {"seconds": float("nan")}]
)
def test_bad_values_are_told_in_one_sentence(wrong):
    with pytest.raises(StavisError) as told:
        SyntheticConfig(**wrong)
    assert "\n" not in str(told.value) and str(told.value).endswith(".") and len(str(told.value)) < 200


def test_drawing_in_other_order_changes_nothing():
    spec = SyntheticConfig(scenarios=SCENARIOS, recordings=6, seconds=0.2, size=(64, 64))
    forward = [np.stack(list(render(spec, index).frames())) for index in range(4)]
    backward = [np.stack(list(render(spec, index).frames())) for index in reversed(range(4))][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(forward, backward, strict=True))
