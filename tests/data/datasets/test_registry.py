"""Data sets are recognised, the wrong level is told with the right one, and nothing that does not fit together is silent."""

import os
import shutil
import warnings
from dataclasses import replace

import pytest

from stavis.data.dataset_names import NAMES, VARIABLE
from stavis.data.datasets import affwild2, avec, recola
from stavis.data.datasets.registry import DATASETS, check_subjects, found_at, locate, read_dataset
from stavis.errors import StavisError, StavisWarning
from stavis.types import Recording
from tests.data.datasets import fakes
from tests.data.datasets.fakes import MAKERS


@pytest.fixture(autouse=True)
def quiet_by_default():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StavisWarning)
        yield


def warned(root, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = read_dataset(root, **options)
    return found, [str(one.message) for one in caught if issubclass(one.category, StavisWarning)]


@pytest.mark.parametrize("kind", MAKERS)
def test_each_format_is_recognised_and_no_other(kind, tmp_path):
    root = MAKERS[kind](tmp_path / "here")
    assert locate(root) == (root, kind) == locate(root, kind)
    assert [name for name, each in DATASETS.items() if name != "folder" and each.fits(root)] == [kind]
    other = "sewa" if kind != "sewa" else "recola"
    with pytest.raises(StavisError, match=f"is not {DATASETS[other].title}".replace("(", r"\(").replace(")", r"\)") + ".*it looks like"):
        read_dataset(root, other)


def test_ones_own_folder_is_a_folder(drawn, tmp_path):
    assert locate(drawn) == (drawn, "folder") and len(read_dataset(drawn)) == 3
    inside = shutil.copytree(drawn, fakes.recola(tmp_path / "RECOLA") / "mine")
    assert locate(inside)[1] == "folder", "a folder of one's own may lie anywhere"
    with pytest.raises(StavisError, match="there is no format 'video': choose one of recola, avec"):
        read_dataset(drawn, "video")


LEVELS = [
    ("recola", "RECOLA-Video-recordings"),
    ("recola", "RECOLA-Annotation"),
    ("recola", "RECOLA-Annotation/emotional_behaviour/valence"),
    ("sewa", "videos"),
    ("sewa", "labels"),
    ("affwild2", "VA_Estimation_Challenge"),
    ("affwild2", "VA_Estimation_Challenge/Train_Set"),
    ("affwild2", "cropped_aligned"),
    ("affwild2", "cropped_aligned/video2"),
    ("afewva", "01"),
    ("afewva", "01/001"),
    ("avec", "recordings_video"),
    ("avec", "ratings_gold_standard/valence"),
    ("recola", ".."),
    ("sewa", ".."),
    ("avec", ".."),
    ("affwild2", ".."),
    ("afewva", ".."),
]


@pytest.mark.parametrize(("kind", "level"), LEVELS, ids=" ".join)
def test_the_wrong_level_is_told_with_the_right_one(kind, level, tmp_path):
    root = MAKERS[kind](tmp_path / "above" / "set")
    chosen = (root / level).resolve()
    with pytest.raises(StavisError, match=f"choose {root}\\.") as said:
        read_dataset(chosen)
    assert DATASETS[kind].title.split(" (")[0] in str(said.value) and "\n" not in str(said.value)


def test_a_missing_set_tells_licence_and_place(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, f"{tmp_path / 'a'}{os.pathsep}{tmp_path / 'b'}")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StavisError) as said:
        read_dataset("recola")
    for part in ("RECOLA is not here", str(tmp_path / "a"), str(tmp_path / "b"), "licence", "https://diuf.unifr.ch", VARIABLE):
        assert part in str(said.value)
    root = fakes.recola(tmp_path / "b" / "RECOLA")
    assert found_at("recola") == root and len(read_dataset("recola")) == 3 and locate("RECOLA") == (root, "recola")


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("recola", "RECOLA-Annotation/emotional_behaviour/*/P21.csv"),
        ("sewa", "labels/Train_02.csv"),
        ("affwild2", "VA_Estimation_Challenge/Train_Set/video2.txt"),
        ("afewva", "01/002/002.json"),
        ("avec", "ratings_gold_standard/*/train_2.arff"),
    ],
)
def test_recordings_without_labels_and_labels_without_recordings_are_listed_not_fatal(kind, labels, tmp_path):
    root = MAKERS[kind](tmp_path / "one")
    for path in list(root.glob(labels)):
        path.unlink()
    found, said = warned(root)
    assert len(found) == 3 and sum(one.labels is None for one in found) == 1
    assert len(said) == 1 and "recordings without labels (1): " in said[0]
    if kind == "afewva":  # labels lie among the images there
        return
    other = MAKERS[kind](tmp_path / "other")
    for path in (p for p in other.rglob("*") if p.stem in ("P21", "Train_02", "video2", "train_2") and not p.match(labels)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    found, said = warned(other)
    assert len(found) == 2 and any("labels without a recording (1): " in sentence for sentence in said)


@pytest.mark.parametrize("kind", MAKERS)
def test_all_labels_or_all_recordings_missing_is_fatal(kind, tmp_path):
    bare, blind = MAKERS[kind](tmp_path / "bare"), MAKERS[kind](tmp_path / "blind")
    labels = {".csv", ".txt", ".json", ".arff"}
    for path in [path for path in bare.rglob("*") if path.suffix in labels]:
        path.unlink() if kind not in ("afewva", "sewa") else path.rename(path.with_suffix(".old"))
    for path in [path for path in blind.rglob("*") if path.suffix in (".mp4", ".jpg", ".png")]:
        path.unlink()
    with pytest.raises(StavisError) as said:
        read_dataset(bare, kind)
    assert "without its labels" in str(said.value) or "there should be" in str(said.value)
    with pytest.raises(StavisError, match="without its videos: 3 label files were found"):
        read_dataset(blind)


def test_names_that_fit_nowhere_are_fatal(tmp_path):
    root = fakes.recola(tmp_path)
    for path in list((root / "RECOLA-Video-recordings").iterdir()):
        path.rename(path.with_name(f"video {path.name}"))
    with pytest.raises(StavisError, match="no label file of RECOLA is called like a video"):
        read_dataset(root)


@pytest.mark.parametrize("kind", MAKERS)
def test_one_person_in_two_splits_is_refused(kind, tmp_path):
    root = MAKERS[kind](tmp_path)
    names = [one.name for one in read_dataset(root)]
    rows = [f"{name},{'ann' if k < 2 else 'bob'},{('train', 'test', 'dev')[k]}" for k, name in enumerate(names)]
    fakes.written(root / "splits.csv", ["recording,subject,split", *rows])
    with pytest.raises(StavisError, match="subject 'ann' is in split 'test' here and in 'train' in line 2"):
        read_dataset(root)
    fakes.written(root / "splits.csv", ["recording,subject,split", f"{names[0]},ann,test", f"{names[1]},ann,test", "gone,x,train"])
    found, said = warned(root)
    assert [(one.subject, one.split) for one in found[:2]] == [("ann", "test")] * 2 and found[2].split == ""
    assert any("in splits.csv without a recording (1): gone" in one and f"in no split (1): {names[2]}" in one for one in said)


def test_two_videos_of_one_name_are_refused(tmp_path):
    root = fakes.sewa(tmp_path)
    fakes.video(root / "more" / "Train_01.mp4", 0)
    with pytest.raises(StavisError, match="two videos are called 'Train_01'"):
        read_dataset(root)


def test_excluded_ranges_come_from_the_folder_and_from_a_file(tmp_path):
    root = fakes.recola(tmp_path / "RECOLA")
    fakes.written(root / "exclude.csv", ["recording,start,stop,reason", "P16,0.2,0.4,hand over the face", "P99,0,1,"])
    own = fakes.written(tmp_path / "own.csv", ["recording;start;stop", "P16;0.8;1"])
    found, said = warned(root, exclude=own)
    assert found[0].exclude == ((0.2, 0.4, "hand over the face"), (0.8, 1.0, "")) and found[1].exclude == ()
    assert any("ranges of recordings that are not there: P99" in one for one in said)


def test_a_folder_that_may_not_be_listed_is_told_in_a_sentence(tmp_path, monkeypatch):
    root = fakes.sewa(tmp_path)
    listing = os.scandir

    def refused(path):
        if str(path) == str(root / "labels"):
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(StavisError, match="cannot be listed"):
        read_dataset(root)


def test_a_clip_in_two_archives_and_one_without_labels(tmp_path):
    root = fakes.afewva(tmp_path)
    fakes.images(root / "02" / "007", 0, first=0, suffix=".png")
    found, said = warned(root)
    assert len(found) == 4 and any("recordings without labels (1): 007" in one for one in said)
    fakes.images(root / "02" / "001", 0, first=0, suffix=".png")
    with pytest.raises(StavisError, match="clip 001 is there twice"):
        read_dataset(root)


def test_images_without_labels_of_their_video_are_test_recordings(tmp_path):
    root = fakes.affwild2(tmp_path)
    fakes.images(root / "cropped_aligned" / "video9", 0, first=1)
    (root / "cropped_aligned" / "read me.txt").write_text("x")
    (root / "cropped_aligned" / "empty" / "deeper").mkdir(parents=True)
    found, _ = warned(root)
    assert [(one.split, one.labels is None) for one in found if one.name == "video9"] == [("test", True)]


def test_a_file_or_nothing_where_a_data_set_should_be(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(StavisError, match="is a file: give the folder"):
        read_dataset(tmp_path / "a.csv")
    with pytest.raises(StavisError, match="does not exist"):
        read_dataset(tmp_path / "none")
    with pytest.raises(StavisError, match="holds no video"):
        read_dataset(tmp_path)


def test_neighbours_that_may_not_be_read_do_not_matter(tmp_path, monkeypatch):
    fakes.video(tmp_path / "mine" / "a.mp4", 0)
    listing = os.scandir

    def refused(path):
        if str(path) == str(tmp_path):
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert [one.name for one in read_dataset(tmp_path / "mine")] == ["a"]


def test_one_person_in_two_splits_is_refused_whatever_the_loader_says(tmp_path):
    one = Recording("a", tmp_path, "ann", "train")
    check_subjects(
        tmp_path, [one, replace(one, name="b"), replace(one, name="c", split=""), replace(one, name="d", subject="", split="dev")]
    )
    with pytest.raises(StavisError, match="subject 'ann' is in split 'train' \\(a\\) and in 'test' \\(b\\)"):
        check_subjects(tmp_path, [one, replace(one, name="b", split="test")])


def test_names_and_readers_are_of_the_same_data_sets():
    assert list(NAMES) == list(DATASETS) and list(NAMES)[-1] == "folder"
    parts = {"recola": (recola.VIDEOS, recola.ANNOTATION), "avec": (avec.GOLD,), "affwild2": (affwild2.CHALLENGE, affwild2.IMAGES)}
    assert [name for name, folders in parts.items() if not all(f"{folder}/" in NAMES[name].holds for folder in folders)] == []
