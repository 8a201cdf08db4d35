"""What is written: the folder format, the same bytes again, whole or not at all, and never over anything else."""

import csv
import dataclasses
import json

import av
import numpy as np
import pytest
from joblib import Parallel

from stavis.data.datasets.folder import read_folder
from stavis.errors import StavisError
from stavis.jobs.synth import synth
from stavis.synthetic import writer
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.recording import render
from stavis.synthetic.writer import read_spec, write_dataset

SPEC = SyntheticConfig(scenarios=("switching", "mouth", "eyes"), recordings=4, seconds=0.8, seed=5, rater_lag=0.6, crf=(10, 14))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("drawn") / "set", SPEC)


def decoded(path) -> np.ndarray:
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def test_videos_show_the_frames(folder):
    for index in range(SPEC.recordings):
        recording = render(SPEC, index)
        frames, video = np.stack(list(recording.frames())), decoded(folder / "videos" / f"{recording.name}.mp4")
        assert video.shape == frames.shape
        assert np.abs(video.astype(int) - frames).mean() < 8
        assert recording.split == SPEC.split_of(index)


def test_truth_is_complete_and_holds_nothing_to_unpickle(folder):
    for index in range(SPEC.recordings):
        recording = render(SPEC, index)
        with np.load(folder / "truth" / f"{recording.name}.npz", allow_pickle=False) as truth:
            assert set(truth) == {"times", "landmarks", "regions", "carrier", "mouth_cue", "valence", "occluded", "visible"}
            assert truth["regions"].shape == (20, 128, 128) and truth["regions"].dtype == np.uint8
            assert np.array_equal(truth["regions"], recording.truth.regions())
            assert truth["landmarks"].dtype == np.float32 and truth["landmarks"].shape == (20, 124, 2)
            assert truth["carrier"].dtype == np.int8 and truth["occluded"].dtype == truth["visible"].dtype == bool
            assert np.array_equal(truth["valence"], recording.truth.valence)


def test_raters_are_written_as_recola_writes_them(folder):
    name = render(SPEC, 0).name
    lines = (folder / "raters" / "valence" / f"{name}.csv").read_text().splitlines()
    assert lines[0] == "time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3"
    assert len(lines) == 1 + SPEC.frames + 1
    assert lines[1].startswith("0.00;") and lines[2].startswith("0.04;")
    assert all(len(line.split(";")) == 7 for line in lines)


def test_the_data_layer_reads_what_is_written(folder):
    recordings = {recording.name: recording for recording in read_folder(folder)}
    assert len(recordings) == SPEC.recordings
    for index in range(SPEC.recordings):
        drawn = render(SPEC, index)
        read = recordings[drawn.name]
        assert (read.subject, read.split, read.dimensions) == (drawn.subject, drawn.split, ("valence",))
        assert np.allclose(read.labels[:, 0], drawn.ratings.gold, atol=1e-4)
        assert np.allclose(read.raters["valence"], drawn.ratings.values, atol=1e-6)
        assert read.truth is not None


def test_splits_and_description(folder):
    rows = list(csv.DictReader((folder / "splits.csv").open()))
    assert [row["split"] for row in rows] == [SPEC.split_of(index) for index in range(SPEC.recordings)]
    described = json.loads((folder / "dataset.json").read_text())
    assert described["hash"] == SPEC.hash() and read_spec(folder) == SPEC
    assert described["labels"] == "mean of the raters, their lag undone"
    assert set(described["rater_lags"]) == {row["recording"] for row in rows}


def test_the_same_spec_writes_the_same_bytes(folder, tmp_path):
    again = write_dataset(tmp_path / "again", SPEC)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert len(files) == 4 * SPEC.recordings + 2
    for path in files:
        assert (folder / path).read_bytes() == (again / path).read_bytes(), path


def test_several_processes_write_the_bytes_of_one(folder, tmp_path, monkeypatch):
    used = []
    monkeypatch.setattr(writer, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(writer, "cpu_count", lambda: 2)
    monkeypatch.setattr(writer, "Parallel", lambda **options: used.append(options["n_jobs"]) or Parallel(**options))
    together = write_dataset(tmp_path / "together", SPEC)
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert used == [2] and all((folder / path).read_bytes() == (together / path).read_bytes() for path in files)


def test_progress_is_told_from_the_start(tmp_path):
    told = []
    spec = SyntheticConfig(recordings=2, seconds=0.2)
    write_dataset(tmp_path / "set", spec, lambda done, total: told.append((done, total)))
    assert told == [(0, 2), (1, 2), (2, 2)]


def test_an_older_drawn_set_is_replaced_and_an_empty_folder_filled(tmp_path):
    root = tmp_path / "set"
    root.mkdir()
    small = SyntheticConfig(recordings=1, seconds=0.2)
    write_dataset(root, small)
    write_dataset(root, SyntheticConfig(recordings=2, seconds=0.2))
    assert len(list((root / "videos").iterdir())) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["set"], "nothing is left beside it"


def test_a_set_of_other_settings_is_not_replaced_by_synth(tmp_path):
    spec = SyntheticConfig(recordings=1, seconds=0.2)
    root = synth(tmp_path / "set", spec, quiet=True)
    before = (root / "videos" / f"{spec.name_of(0)}.mp4").read_bytes()
    with pytest.raises(StavisError, match=r"set holds a synthetic data set of other settings \(seed is 0, not 1\): give the path of a new"):
        synth(root, dataclasses.replace(spec, seed=1), quiet=True)
    assert (synth(root, spec, quiet=True) / "videos" / f"{spec.name_of(0)}.mp4").read_bytes() == before


@pytest.mark.parametrize("kind", ["file in it", "a file", "a link", "another dataset.json", "a list", "broken"])
def test_nothing_else_is_ever_overwritten(tmp_path, kind):
    root = tmp_path / "place"
    content = {"another dataset.json": '{"name": "mine"}', "a list": "[1]", "broken": "{"}
    if kind == "a file":
        root.write_text("mine")
    elif kind == "a link":
        (tmp_path / "elsewhere").mkdir()
        root.symlink_to(tmp_path / "elsewhere")
    else:
        root.mkdir()
        (root / ("dataset.json" if kind in content else "thesis.txt")).write_text(content.get(kind, "mine"))
    before = sorted((path.name, path.is_file() and path.read_bytes()) for path in tmp_path.rglob("*"))
    with pytest.raises(StavisError, match="place"):
        write_dataset(root, SyntheticConfig(recordings=1, seconds=0.2))
    assert before == sorted((path.name, path.is_file() and path.read_bytes()) for path in tmp_path.rglob("*"))


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StavisError, match="cannot be"):
        write_dataset(tmp_path / "file" / "set", SyntheticConfig(recordings=1, seconds=0.2))


def test_a_failure_half_way_leaves_the_old_set_and_nothing_else(tmp_path, monkeypatch):
    root = write_dataset(tmp_path / "set", SyntheticConfig(recordings=1, seconds=0.2))
    before = (root / "dataset.json").read_bytes()
    real = writer._write_truth

    def full(path, recording):
        if recording.index == 1:
            raise OSError(28, "No space left on device")
        real(path, recording)

    monkeypatch.setattr(writer, "_write_truth", full)
    with pytest.raises(StavisError, match="No space left"):
        write_dataset(root, SyntheticConfig(recordings=3, seconds=0.2))
    assert (root / "dataset.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize("content", [None, "{}", "[]", '{"format": "stavis synthetic data set", "spec": {"colour": 1}}'])
def test_a_folder_that_is_not_a_drawn_set_has_no_spec(tmp_path, content):
    if content is not None:
        (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(StavisError, match=r"dataset\.json"):
        read_spec(tmp_path)
