"""What tracking leaves on disk: all of it or nothing, in the columns that are promised."""

import csv
import json

import numpy as np
import pytest

from stavis.data.faces import export as track_files
from stavis.data.faces import track_cache
from stavis.data.faces.export import COLUMNS, write_track
from stavis.data.video.io import probe, read_frames, write_video
from stavis.errors import StavisError
from stavis.notes import Notes
from tests.test_map import columns_named

FILES = ["landmarks.npz", "preview.mp4", "track.csv", "track.json"]


@pytest.fixture(scope="module")
def short(real_clips, tmp_path_factory):
    """Four frames without a face, then eight with one."""
    images = [np.zeros((480, 480, 3), np.uint8)] * 4 + [f.image for f in read_frames(real_clips / "lp_d18.mp4", stop=8, notes=Notes())]
    return write_video(tmp_path_factory.mktemp("short") / "it's a <b>clip</b>.mp4", images, fps=30)


@pytest.mark.real_clips
def test_the_files_say_what_was_seen(short, face_model, tmp_path):
    summary = write_track(short, tmp_path / "out", model=face_model.path)
    out = tmp_path / "out"
    assert sorted(p.name for p in out.iterdir()) == FILES
    said = json.loads((out / "track.json").read_text())
    assert (said["frames"], said["frames_with_face"], said["faces"]) == (12, 8, 1) == (summary.frames, summary.frames_with_face, 1)
    assert said["seconds"] > 0 and said["realtime_factor"] == pytest.approx(12 / 30 / said["seconds"], rel=0.01)
    with open(out / "track.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS and [int(r["frame"]) for r in rows] == list(range(12))
    assert [r["face"] for r in rows] == ["-1"] * 4 + ["0"] * 8 and rows[0]["x0"] == ""
    assert np.allclose([float(r["time"]) for r in rows], probe(short).times, atol=1e-6)
    row = {k: float(v) for k, v in rows[-1].items()}
    assert row["x0"] < row["left_eye_x"] < row["mouth_x"] < row["right_eye_x"] < row["x1"]
    assert row["y0"] < row["left_eye_y"] < row["mouth_y"] < row["y1"]
    with np.load(out / "landmarks.npz", allow_pickle=False) as arrays:
        assert arrays["landmarks"].shape == (12, 478, 2) and arrays["valid"].tolist() == [False] * 4 + [True] * 8
        assert np.isnan(arrays["landmarks"][:4]).all() and len(arrays["blendshape_names"]) == 52
        assert columns_named(arrays.files) == [], "the page on output files names every array"
    frames = list(read_frames(out / "preview.mp4", notes=Notes()))
    assert len(frames) == 12 and frames[5].image.std() > 0


@pytest.mark.real_clips
def test_the_preview_runs_on_the_clock_of_the_table(real_clips, face_model, tmp_path):
    images = [frame.image for frame in read_frames(real_clips / "lp_d18.mp4", stop=8, notes=Notes())]
    times = np.array([0, 0.02, 0.06, 0.08, 0.5, 0.52, 1.4, 1.44])
    write_track(write_video(tmp_path / "uneven.mp4", images, fps=25, times=times), tmp_path / "out", model=face_model.path)
    assert probe(tmp_path / "out" / "preview.mp4").times == pytest.approx(times, abs=1e-4)


@pytest.mark.real_clips
def test_other_files_in_the_folder_stay(short, face_model, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    write_track(short, tmp_path, model=face_model.path, preview=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["landmarks.npz", "mine.txt", "track.csv", "track.json"]


@pytest.mark.real_clips
@pytest.mark.parametrize("made", [True, False])
def test_a_failure_on_the_way_leaves_nothing(short, face_model, tmp_path, monkeypatch, made):
    out = tmp_path / "out"
    if made:
        out.mkdir()

    def full(*_):
        raise OSError(28, "No space left on device")

    for part in ("_write_table", "_write_landmarks", "_write_preview", "write_json"):
        with monkeypatch.context() as patch:
            patch.setattr(track_files, part, full)
            with pytest.raises(StavisError, match="No space left"):
                write_track(short, out, model=face_model.path)
        assert list(tmp_path.rglob("*")) == ([out] if made else [])


def test_a_video_without_a_face_is_refused(face_model, tmp_path):
    path = write_video(tmp_path / "grey.mp4", [np.full((90, 160, 3), 90, np.uint8)] * 3, fps=25)
    with pytest.raises(StavisError, match=r"no face in any of its 3 frames"):
        write_track(path, tmp_path / "out", model=face_model.path)
    assert not (tmp_path / "out").exists()


@pytest.mark.real_clips
def test_a_folder_that_cannot_be_written_is_named(short, face_model, tmp_path):
    (tmp_path / "file").write_text("")
    for out in ("/proc/none/out", tmp_path / "file"):
        with pytest.raises(StavisError, match="cannot be written"):
            write_track(short, out, model=face_model.path, preview=False)


@pytest.mark.real_clips
def test_damage_is_said_and_counted(real_clips, face_model, tmp_path):
    whole = real_clips / "intel_asl_eat.mkv"
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.3)])
    summary = write_track(path, tmp_path / "out", model=face_model.path, preview=False)
    said = json.loads((tmp_path / "out" / "track.json").read_text())
    assert any("tail is missing" in sentence for sentence in said["warnings"]) and list(summary.notes) == said["warnings"]


@pytest.mark.real_clips
def test_a_second_run_neither_decodes_nor_tracks(short, face_model, tmp_path, monkeypatch):
    write_track(short, tmp_path / "first", model=face_model.path)
    monkeypatch.setattr(track_files, "read_frames", None)
    monkeypatch.setattr(track_cache, "follow_faces", None)
    write_track(short, tmp_path / "second", model=face_model.path)
    first, second = ({file.name: file.read_bytes() for file in sorted((tmp_path / out).iterdir())} for out in ("first", "second"))
    assert first == second and len(first) == 4
