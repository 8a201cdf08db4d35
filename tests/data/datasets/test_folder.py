"""A folder of one's own recordings: what is found by name, what does not fit together, and what is refused in a sentence."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from stavis.data.datasets.folder import read_folder, recording_at
from stavis.data.datasets.gold import gold_standard
from stavis.data.datasets.labels import read_labels
from stavis.data.datasets.time_units import span_note
from stavis.errors import StavisError, StavisWarning
from tests.data.datasets.test_labels import AROUSAL, WAYS


def span(labels, video):
    return span_note("P1", np.array(labels, float), np.array(video, float))


def test_labels_and_video_of_other_lengths():
    assert span([0, 300], [0, 299.96]) == ""
    assert "end 20.00 s before the video" in span([0, 280], [0, 300])
    assert "end 5.00 s after the video" in span([0, 305], [0, 300])
    said = span([2, 290], [0, 300])
    assert "begin 2.00 s after" in said and "end 10.00 s before" in said
    assert "begin 4.00 s before" in span([0, 300], [4, 300])
    with pytest.raises(StavisError, match=r"P1.*no moment in common"):
        span([400, 500], [0, 300])
    with pytest.raises(StavisError, match="milliseconds"):
        span([0, 300000], [0, 300])


@pytest.fixture
def dataset(tmp_path):
    """Three recordings with labels, raters and splits; the videos are names only."""
    root = tmp_path / "data"
    for part in ("videos", "labels", "raters/valence", "truth"):
        (root / part).mkdir(parents=True)
    for name in ("a", "b", "c"):
        (root / "videos" / f"{name}.mp4").write_bytes(b"x")
        (root / "labels" / f"{name}.csv").write_text(WAYS["plain"])
        (root / "raters/valence" / f"{name}.csv").write_text("time;R1 ;R2 \n0;0;.2\n4;1;1\n")
    (root / "truth" / "b.npz").write_bytes(b"x")
    (root / "splits.csv").write_text("recording,subject,split\na,s1,train\nb,s2,Dev\nc,s3,test\n")
    return root


def test_a_whole_data_set(dataset):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_folder(dataset)
    assert [(one.name, one.subject, one.split) for one in found] == [("a", "s1", "train"), ("b", "s2", "dev"), ("c", "s3", "test")]
    assert found[0].dimensions == ("valence", "arousal") and found[0].labels.shape == (76, 2)
    assert found[0].raters["valence"].shape == (76, 2) and found[0].raters["valence"][25, 0] == pytest.approx(0.25)
    assert found[0].truth is None and found[1].truth == dataset / "truth" / "b.npz"
    assert read_folder(dataset, ("arousal",))[0].labels[:, 0].tolist() == AROUSAL.tolist()


def test_a_video_brings_what_lies_beside_it(dataset, tmp_path):
    (dataset / "labels" / "c.csv").unlink()
    for one in read_folder(dataset):
        alone = recording_at(one.video)
        assert (alone.name, alone.video, alone.truth, alone.label_source) == (one.name, one.video, one.truth, one.label_source)
        assert alone.dimensions == one.dimensions
        assert np.array_equal(alone.labels, one.labels) and np.array_equal(alone.label_times, one.label_times)
        assert alone.raters.keys() == one.raters.keys() and np.array_equal(alone.raters["valence"], one.raters["valence"])
    (dataset / "labels" / "b.csv").rename(dataset / "labels" / "b.CSV")
    (dataset / "videos" / "e\u0301mile.mp4").write_bytes(b"x")
    (dataset / "labels" / "\u00e9mile.csv").write_text(WAYS["plain"])
    (dataset / "raters/valence" / "c.csv").write_text("time;R1;R2\n0;.5;0\n4;.5;1\n")  # one of them is constant
    assert recording_at(dataset / "videos" / "c.mp4").rater_names == {"valence": ("R1", "R2")}
    assert all(recording_at(dataset / "videos" / name).labels is not None for name in ("b.mp4", "e\u0301mile.mp4"))
    (dataset / "labels" / "a.csv").write_text("broken")
    with pytest.warns(StavisWarning, match="a.mp4 is shown without its labels: .*a.csv"):
        assert recording_at(dataset / "videos" / "a.mp4").labels is None
    elsewhere = tmp_path / "a.mp4"
    assert recording_at(elsewhere).labels is None and recording_at(elsewhere).truth is None


def test_gold_is_made_where_only_raters_are(dataset):
    for path in (dataset / "labels").iterdir():
        path.unlink()
    found = read_folder(dataset)[0]
    assert found.dimensions == ("valence",) and found.label_times.tolist() == [0, 4]
    assert np.allclose(found.labels[:, 0], np.clip(gold_standard(np.array([[0, 0.2], [1, 1]])), -1, 1))
    with pytest.raises(StavisError, match="no labels of 'arousal'"):
        read_folder(dataset, ("arousal",))


def test_videos_and_labels_side_by_side_and_videos_alone(tmp_path):
    for name in ("x.MP4", "y.webm", "._x.MP4", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert [(one.name, one.labels) for one in read_folder(tmp_path)] == [("x", None), ("y", None)]
    (tmp_path / "x.CSV").write_text(WAYS["semicolon"])
    with pytest.warns(StavisWarning, match="recordings without labels: y"):
        found = read_folder(tmp_path)
    assert found[0].labels is not None and found[1].labels is None


def test_names_of_a_mac_fit_those_of_the_rest(tmp_path):
    (tmp_path / "e\u0301mile.mp4").write_bytes(b"x")
    (tmp_path / "\u00e9mile.csv").write_text(WAYS["plain"])
    assert read_folder(tmp_path)[0].labels is not None


def test_loners_are_listed_in_one_warning(dataset):
    (dataset / "labels" / "c.csv").unlink()
    (dataset / "raters/valence" / "c.csv").unlink()
    (dataset / "labels" / "old.csv").write_text("broken, and never read")
    (dataset / "videos" / "d.mp4").write_bytes(b"x")
    with (dataset / "splits.csv").open("a") as stream:
        stream.write("gone,s9,train\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = read_folder(dataset)
    assert len(found) == 4 and len(caught) == 1 and caught[0].category is StavisWarning
    said = str(caught[0].message)
    for part in ("without labels: c, d", "labels without a recording: old", "without a recording: gone", "does not name: d"):
        assert part in said


def bad_folder(root: Path, kind: str) -> tuple[Path, str]:
    splits = root / "splits.csv"
    if kind == "two splits":
        splits.write_text("recording,subject,split\na,s1,train\nb,s1,test\nc,s3,test\n")
        return root, "splits.csv, line 3: subject 's1' is in split 'test' here and in 'train' in line 2"
    if kind == "named twice":
        splits.write_text("recording;subject;split\na;s1;train\na;s1;train\n")
        return root, "line 3: recording 'a' is there already in line 2"
    if kind == "no split":
        splits.write_text("recording,subject\na,s1\n")
        return root, "column 'split' is missing"
    if kind == "no name":
        splits.write_text("recording,subject,split\n,s1,train\n")
        return root, "line 2: the recording's name is empty"
    if kind == "doubled column":
        splits.write_text("recording,subject,split,Split\na,s1,train,test\n")
        return root, "splits.csv, line 1: the column 'split' is there twice"
    if kind == "two columns of people":
        splits.write_text("recording,speaker,split,subject\na,s1,train,s1\n")
        return root, "the columns 'speaker' and 'subject' both name people"
    if kind == "same stem":
        (root / "videos" / "a.avi").write_bytes(b"x")
        return root, "two videos are called 'a'"
    if kind == "none fits":
        for part in ("labels", "raters/valence"):
            for path in list((root / part).iterdir()):
                path.rename(path.with_name("other_" + path.name))
        return root, "no label file is called like a video"
    if kind == "bad label":
        (root / "labels" / "b.csv").write_text("time,valence\n0,x\n")
        return root, "b.csv, line 2"
    if kind == "bad rater":
        (root / "raters/valence" / "b.csv").write_text("time;R1\n0;7\n")
        return root, "b.csv, line 2: r1 is 7"
    if kind == "videos chosen":
        return root / "videos", f"choose {root}\\."
    if kind == "labels chosen":
        return root / "labels", f"choose {root}\\."
    if kind == "raters below chosen":
        return root / "raters" / "valence", f"choose {root}\\."
    if kind == "parent chosen":
        return root.parent, f"choose {root}\\."
    if kind == "file chosen":
        return splits, f"is a file: give the folder of the recordings, {root}"
    if kind == "nothing there":
        return root / "none", "does not exist"
    (root.parent / "empty").mkdir()
    return root.parent / "empty", "holds no video"


@pytest.mark.parametrize(
    "kind",
    [
        "two splits", "named twice", "no split", "no name", "doubled column", "two columns of people",
        "same stem", "none fits", "bad label", "bad rater",
        "videos chosen", "labels chosen", "raters below chosen", "parent chosen", "file chosen", "nothing there", "empty",
    ],
)  # fmt: skip
def test_bad_folders_are_told_in_a_sentence(dataset, kind):
    root, said = bad_folder(dataset, kind)
    with pytest.raises(StavisError, match=said) as caught, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read_folder(root)
    assert "\n" not in str(caught.value)


def test_splits_may_name_the_file_and_leave_out_subjects(dataset):
    (dataset / "splits.csv").write_text("\ufeffsplit;recording\r\ntrain;a.mp4\r\ntest;b\r\ntrain;c\r\n")
    assert [(one.subject, one.split) for one in read_folder(dataset)] == [("a", "train"), ("b", "test"), ("c", "train")]


@pytest.mark.parametrize("column", ["person", "Speaker", "participant"])
def test_the_column_of_people_may_have_other_names(dataset, column):
    (dataset / "splits.csv").write_text(f"recording,{column},split\na,s1,train\nb,s2,test\nc,s3,train\n")
    assert [one.subject for one in read_folder(dataset)] == ["s1", "s2", "s3"]
    (dataset / "splits.csv").write_text(f"recording,{column},split\na,s1,train\nb,s1,test\n")
    with pytest.raises(StavisError, match="subject 's1' is in split 'test' here and in 'train' in line 2"):
        read_folder(dataset)


@pytest.mark.parametrize(("first", "other"), [("Anna", "anna"), ("Jos\u00e9", "Jose\u0301"), ("STRASSE", "stra\u00dfe")])
def test_a_person_is_one_however_the_name_is_written(dataset, first, other):
    (dataset / "splits.csv").write_text(f"recording,subject,split\na,{first},train\nb,{other},test\n", encoding="utf-8")
    with pytest.raises(StavisError, match=r"line 3: subject .* is in split 'test' here and in 'train' in line 2"):
        read_folder(dataset)
    text = f"recording,subject,split\na,{first},train\nb,{other},train\nc,s3,test\n"
    (dataset / "splits.csv").write_text(text, encoding="utf-8")
    assert [one.subject for one in read_folder(dataset)] == [first, first, "s3"]


def test_missing_values_in_the_column_of_people_are_not_one_person(dataset):
    (dataset / "splits.csv").write_text("recording,subject,split\na,NA,train\nb.mp4,NA,test\nc,nan,dev\n", encoding="utf-8")
    assert [(one.subject, one.split) for one in read_folder(dataset)] == [("a", "train"), ("b", "test"), ("c", "dev")]


def test_recordings_without_a_subject_are_told_apart_by_case(dataset):
    (dataset / "videos" / "A.mp4").write_bytes(b"x")
    (dataset / "splits.csv").write_text("recording,subject,split\na,,train\nA,,test\nb,s2,dev\nc,s3,dev\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert {one.name: one.split for one in read_folder(dataset)} == {"A": "test", "a": "train", "b": "dev", "c": "dev"}


def test_reading_leaves_the_folder_as_it_is(dataset):
    def listing():
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in dataset.rglob("*")}

    before = listing()
    read_folder(dataset)
    assert listing() == before


def test_what_may_not_be_read_is_told_in_a_sentence(dataset, monkeypatch):
    def refused(self):
        raise PermissionError(13, "Permission denied")

    (dataset / "raters" / "arousal").mkdir()  # a dimension that nobody rated yet
    assert list(read_folder(dataset)[0].raters) == ["valence"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refused)
        with pytest.raises(StavisError, match=r"a\.csv cannot be read \(Permission denied\)"):
            read_labels(dataset / "labels" / "a.csv")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", refused)
        with pytest.raises(StavisError, match=r"cannot be listed \(Permission denied\)"):
            read_folder(dataset)


def test_labels_say_where_they_are_from_and_constant_raters_are_named(dataset):
    assert read_folder(dataset)[0].label_source == "label files"
    for path in (dataset / "labels").iterdir():
        path.unlink()
    assert read_folder(dataset)[0].label_source == "gold standard of 2 raters (CCC centring)"
    (dataset / "raters/valence" / "b.csv").write_text("time;FM1 ;FF1 \n0;.5;0\n4;.5;1\n")
    with pytest.warns(StavisWarning, match=r"raters with constant ratings: FM1 \(valence of b\)"):
        found = read_folder(dataset)[1]
    assert np.isfinite(found.labels).all() and found.rater_names == {"valence": ("FM1", "FF1")}


def test_a_video_whose_labels_are_in_another_unit_is_shown_without_them(drawn, tmp_path):
    video = tmp_path / "videos" / "a.mp4"
    for path in (video, tmp_path / "labels" / "a.csv"):
        path.parent.mkdir()
    shutil.copy(next((drawn / "videos").iterdir()), video)
    rows = "".join(f"{80 * k},0.{k % 10}\n" for k in range(25))
    (tmp_path / "labels" / "a.csv").write_text("time,valence\n" + rows)
    with pytest.warns(StavisWarning, match=r"a.mp4 is shown without its labels: .* are milliseconds.*of read_dataset, which has them"):
        assert recording_at(video).labels is None
    assert read_folder(tmp_path, time_unit="ms")[0].labels is not None
