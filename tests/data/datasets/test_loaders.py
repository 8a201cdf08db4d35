"""Every loader: its traps are read right, what is bad is told in a sentence, and three recordings go from disk to a trained epoch."""

import json
import warnings

import numpy as np
import pytest

from stavis.data.crops.crops import CropConfig, crops_of
from stavis.data.datasets.afewva import balanced_folds, read_clip_labels
from stavis.data.datasets.affwild2 import read_frame_labels
from stavis.data.datasets.avec import read_features, read_gold
from stavis.data.datasets.gold import gold_standard
from stavis.data.datasets.registry import read_dataset
from stavis.data.datasets.selection import recordings_of
from stavis.data.datasets.sewa import read_sewa_labels
from stavis.errors import StavisError, StavisWarning
from stavis.jobs.evaluate import evaluate
from stavis.jobs.train import train
from stavis.training.config import TrainingConfig
from tests.data.datasets import fakes
from tests.data.datasets.fakes import FPS, FRAMES, MAKERS, course
from tests.training.made_crops import TINY

NETWORK = {name: getattr(TINY, name) for name in ("encoder", "decoder", "stem", "regressor", "hidden", "crop_size", "vision")}


@pytest.fixture(autouse=True)
def quiet_by_default():
    with warnings.catch_warnings():
        warnings.simplefilter("error", StavisWarning)
        yield


def centred(recording):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StavisWarning)
        return crops_of(recording, CropConfig(size=32, rate=None, source="centre"))


@pytest.mark.parametrize("kind", MAKERS)
def test_three_recordings_go_from_disk_to_a_trained_epoch(kind, tmp_path):
    root = MAKERS[kind](tmp_path / kind)
    said = []
    plan = TrainingConfig(steps=3, batch=2, seconds=0.64, epoch=3, loss="mse", feature_noise=0, entropy_weight=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StavisWarning)
        done = train(tmp_path / "run", root, training=plan, source="centre", device="cpu", quiet=True, report=said.append, **NETWORK)
        scored = evaluate(tmp_path / "run" / "best", root, split="dev", source="centre", device="cpu", quiet=True)
    assert done.step == 3 and np.isfinite(done.best_ccc)
    assert [sentence.split(" of ")[0] for sentence in said] == [f"train: {1 if kind == 'afewva' else 2}", "dev: 1"]
    assert np.isfinite(scored.score().value) and scored.provenance["labels"] == scored.recordings[0].label_source != ""


@pytest.mark.parametrize("kind", MAKERS)
def test_labels_lie_on_the_frames_they_are_of(kind, tmp_path):
    """The brightness of a crop is its valence, wherever an image is missing and however many rows there are."""
    for recording in read_dataset(MAKERS[kind](tmp_path / kind)):
        crops = centred(recording)
        column = recording.dimensions.index("valence")
        seen = crops.valid & np.isfinite(crops.labels[:, column])
        light = crops.frames[seen].mean((1, 2, 3)) / 255
        assert seen.sum() > 20 and len(crops) == FRAMES
        assert np.corrcoef(light, crops.labels[seen, column])[0, 1] > 0.97


def test_recola_gives_the_gold_standard_of_its_six_raters(tmp_path):
    p16, p19, p21 = read_dataset(fakes.recola(tmp_path))
    assert [(one.name, one.subject, one.split) for one in (p16, p19, p21)] == [
        ("P16", "P16", "train"), ("P19", "P19", "dev"), ("P21", "P21", "train"),
    ]  # fmt: skip
    assert p16.dimensions == ("valence", "arousal") and p16.labels.shape == (FRAMES + 1, 2)
    assert p16.raters["valence"].shape == (FRAMES + 1, 6) and p16.rater_names["valence"] == tuple(fakes.RATERS)
    assert np.allclose(p16.labels[:, 0], gold_standard(p16.raters["valence"]))
    assert p16.label_source == "gold standard of 6 raters (CCC centring)"


def test_recola_names_people_of_no_split_and_a_constant_rater(tmp_path):
    root = fakes.recola(tmp_path, constant="FM2")
    fakes.video(root / "RECOLA-Video-recordings" / "P17.mp4", 5)
    fakes.rater_file(root / "RECOLA-Annotation" / "emotional_behaviour" / "valence" / "P17.csv", 5)
    with pytest.warns(StavisWarning) as said:
        found = read_dataset(root)
    assert len(said) == 1 and "in no split of the challenges (1): P17" in str(said[0].message)
    assert "raters with constant ratings (2): FM2 (arousal of P16), FM2 (valence of P16)" in str(said[0].message)
    assert next(one for one in found if one.name == "P17").split == "" and np.isfinite(found[0].labels).all()


@pytest.mark.parametrize("year", [2017, 2018, 2019])
def test_sewa_of_every_year_reads_the_same(year, tmp_path):
    found = read_dataset(fakes.sewa(tmp_path, year))
    assert [one.split for one in found] == ["dev", "train", "train"]
    train = found[1]
    assert train.dimensions == ("valence", "arousal", "liking") and np.allclose(np.diff(train.label_times), 0.1)
    assert np.allclose(train.labels[:, 0], course(0, train.label_times)) and np.allclose(train.labels[:, 1], -train.labels[:, 0])


def test_sewa_test_recordings_without_labels_are_kept_and_listed(tmp_path):
    root = fakes.sewa(tmp_path)
    fakes.video(root / "videos" / "Test_01.mp4", 7)
    with pytest.warns(StavisWarning, match=r"recordings without labels \(1\): Test_01"):
        found = read_dataset(root)
    assert [(one.split, one.labels is None) for one in found if one.name == "Test_01"] == [("test", True)]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["a;0.0;0;2;0", "a;0.1;0;0;0"], "line 1: valence is 2, outside"),
        (["a;0.0;0;0;0", "a;0.1;x;0;0"], "line 2: arousal is 'x', not a number"),
        (["a;0.1;0;0;0", "a;0.1;0;0;0"], "line 2: the time 0.1 s comes twice"),
        (["a;0.1;0;0", "a;0.2;0;0"], "4 columns without a header"),
        (["name;timestamp;arousal;liking", "a;0.2;0;0"], "the column 'valence' is missing"),
    ],
)
def test_bad_sewa_labels_are_told_in_a_sentence(lines, said, tmp_path):
    with pytest.raises(StavisError, match=said):
        read_sewa_labels(fakes.written(tmp_path / "Train_01.csv", lines))


def test_affwild2_never_shifts_for_a_missing_image_and_leaves_invalid_labels_out(tmp_path):
    first, second, left = read_dataset(fakes.affwild2(tmp_path))
    assert [one.split for one in (first, second, left)] == ["train", "train", "dev"]
    assert (first.images.fps, second.images.fps) == (25, 30), "the rate stands in the video's name"
    crops = centred(first)
    assert np.flatnonzero(~crops.valid).tolist() == [2, 3] and crops.frame_notes[2] == "no image"
    assert np.isnan(crops.labels[5]).all() and np.isfinite(crops.labels[[4, 6]]).all()
    assert np.allclose(crops.times, np.arange(FRAMES) / 25)
    assert len(first.labels) == FRAMES + 1 and len(second.labels) == FRAMES - 1
    other = centred(second)
    assert len(other) == FRAMES and not other.valid[0] and np.isnan(other.labels[-1]).all()


def test_affwild2_images_missing_at_the_end_are_frames_without_a_face(tmp_path):
    root = fakes.affwild2(tmp_path)
    for number in range(FRAMES - 5, FRAMES + 1):
        (root / "cropped_aligned" / "video3_left" / f"{number:05d}.jpg").unlink()
    with pytest.warns(StavisWarning, match=r"line k is taken as image k \(1\): video3_left \(30 lines, 24 images\)"):
        crops = centred(read_dataset(root)[2])
    assert len(crops) == FRAMES and (~crops.valid).sum() == 6


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["valence,arousal", "0,0", "0,3"], "value 2 is '0,3', outside"),
        (["valence,arousal", "0"], "value 1 is '0', expected valence,arousal"),
        (["valence,arousal", "0,0", "0,0,0"], "value 2 is '0,0,0', expected valence,arousal"),
        (["valence,arousal", "0,0", "0,x"], "value 2 is '0,x', expected valence,arousal"),
        (["valence,arousal", "0,0", "0,inf"], "value 2 is '0,inf', outside|value 2 is '0,inf', expected valence,arousal"),
        (["valence,arousal"], "value 1 is missing, expected valence,arousal"),
    ],
)
def test_bad_affwild2_labels_are_told_in_a_sentence(lines, said, tmp_path):
    with pytest.raises(StavisError, match=said):
        read_frame_labels(fakes.written(tmp_path / "a.txt", lines))


def test_affwild2_lines_without_a_value_are_invalid_labels(tmp_path):
    values = read_frame_labels(fakes.written(tmp_path / "a.txt", ["valence,arousal", "0.5,0", "0.5,", "nan,0.25", "0,0.25"]))
    assert values[[0, 3]].tolist() == [[0.5, 0], [0, 0.25]] and np.isnan(values[1:3]).all()


def test_affwild2_headers_in_the_other_order_or_missing(tmp_path):
    swapped = read_frame_labels(fakes.written(tmp_path / "a.txt", ["arousal,valence", "0.5,-0.25"]))
    bare = read_frame_labels(fakes.written(tmp_path / "b.txt", ["-0.25,0.5", "-5,0.5"]))
    assert swapped.tolist() == [[-0.25, 0.5]] and bare[0].tolist() == [-0.25, 0.5] and np.isnan(bare[1]).all()


def test_a_split_without_labels_names_those_that_have_some(tmp_path):
    root = fakes.affwild2(tmp_path)
    fakes.images(root / "cropped_aligned" / "test1", 1, first=1)
    with (
        pytest.warns(StavisWarning),
        pytest.raises(StavisError, match=r"split 'test' has labels: choose a split that has labels \(dev, train\)"),
    ):
        recordings_of(root, "test", labelled=True)


def test_affwild2_a_video_in_two_sets_is_refused(tmp_path):
    root = fakes.affwild2(tmp_path)
    fakes.written(root / "VA_Estimation_Challenge" / "Validation_Set" / "video2.txt", ["valence,arousal", "0,0"])
    with pytest.raises(StavisError, match="video2 is in Train_Set and in Validation_Set: keep each video in one set"):
        read_dataset(root)


def test_afewva_folds_are_by_person_and_each_person_is_tested_once(tmp_path):
    root = fakes.afewva(tmp_path, actors=("anna", "ben", "cleo", "dora", "anna", "emil"))
    tested = []
    for fold in range(1, 6):
        found = read_dataset(root, fold=fold)
        by_split = {split: {one.subject for one in found if one.split == split} for split in ("train", "dev", "test")}
        assert not by_split["train"] & by_split["test"] and not by_split["train"] & by_split["dev"] and by_split["dev"]
        tested += sorted(by_split["test"])
    assert sorted(tested) == ["anna", "ben", "cleo", "dora", "emil"]
    assert len({one.name for one in found}) == 6 and found[0].labels.max() <= 1


def test_afewva_an_actor_is_one_person_in_whatever_case_and_bytes_the_name_is_written(tmp_path):
    found = read_dataset(fakes.afewva(tmp_path, actors=("Zo\u00eb", "ZOE\u0308", "zo\u00eb", "Ben")), fold=1)
    assert [one.subject for one in found] == ["Zo\u00eb", "Zo\u00eb", "Zo\u00eb", "Ben"]
    assert len({one.split for one in found[:3]}) == 1


def test_afewva_with_and_without_the_archives_folders_and_actors(tmp_path):
    assert [one.name for one in read_dataset(fakes.afewva(tmp_path / "flat", parts=False))] == ["001", "002", "003"]
    with pytest.warns(StavisWarning, match=r"name no actor count as a person each \(3\): 001, 002, 003"):
        found = read_dataset(fakes.afewva(tmp_path / "nobody", actors=("", "", "")))
    assert len({one.subject for one in found}) == 3
    with pytest.raises(StavisError, match="folds 1 to 5, not 6"):
        read_dataset(tmp_path / "flat", fold=6)
    with pytest.raises(StavisError, match="RECOLA, which has no folds"):
        read_dataset(fakes.recola(tmp_path / "recola"), fold=1)


def test_folds_are_even():
    folds = balanced_folds({str(k): f"person {k % 23}" for k in range(100)})
    sizes = [sum(folds[f"person {k % 23}"] == fold for k in range(100)) for fold in range(1, 6)]
    assert sum(sizes) == 100 and max(sizes) - min(sizes) <= 5


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ([], "holds no labels of frames"),
        ({"frames": {}}, "holds no labels of frames"),
        ({"frames": {"first": {}}}, "holds no labels of frames"),
        ({"frames": {"00000": {"valence": 11, "arousal": 0}}}, "valence of frame 0 is 11, expected a number from -10 to 10"),
        ({"frames": {"00000": {"valence": 1}}}, "arousal of frame 0 is None"),
        ({"frames": {"00000": 3}}, "valence of frame 0 is None"),
        ({"frames": {"0": {"valence": 1, "arousal": 1}, "00": {"valence": 1, "arousal": 1}}}, "labels a frame twice"),
    ],
)
def test_bad_afewva_labels_are_told_in_a_sentence(told, said, tmp_path):
    with pytest.raises(StavisError, match=said):
        read_clip_labels(fakes.written(tmp_path / "001.json", [json.dumps(told)]))


def test_avec_gives_the_organisers_gold_and_the_raters_beside_it(tmp_path):
    dev, first, second = read_dataset(fakes.avec(tmp_path))
    assert [one.split for one in (dev, first, second)] == ["dev", "train", "train"]
    assert np.allclose(first.labels, np.stack([course(0), -course(0)], 1), atol=1e-6) and len(first.labels) == FRAMES + 1
    assert list(first.raters) == ["valence"] and dev.raters == {} and dev.label_source == "gold standard of the challenge"
    features = read_features(tmp_path / "features_video_appearance" / "dev_1.arff")
    assert features.names == ("LGBP TOP 1", "second") and features.values.shape == (FRAMES + 1, 2)
    assert np.allclose(features.times, np.arange(FRAMES + 1) / FPS)


def test_bad_gold_in_arff_is_told_in_a_sentence(tmp_path):
    times = np.arange(3) / 25
    with pytest.raises(StavisError, match="no attribute GoldStandard"):
        read_gold(fakes.arff(tmp_path / "a.arff", "a", times, {"other": times}))
    with pytest.raises(StavisError, match="no numbers from -1 to 1"):
        read_gold(fakes.arff(tmp_path / "b.arff", "b", times, {"GoldStandard": times + 1}))
    with pytest.raises(StavisError, match="not seconds that rise"):
        read_gold(fakes.arff(tmp_path / "c.arff", "c", times[::-1], {"GoldStandard": times}))


@pytest.mark.parametrize("kind", ["recola", "sewa", "avec"])
def test_labels_at_another_rate_than_declared_are_listed_and_used_by_their_own_times(kind, tmp_path):
    root = MAKERS[kind](tmp_path)
    names = {"recola": "P16.csv", "sewa": "Train_01.csv", "avec": "train_1.arff"}
    for path in root.rglob(names[kind]):
        lines = path.read_text().splitlines()
        start = next(k for k, line in enumerate(lines) if any(part in line for part in ("0.00", "0.0;")) and not line.startswith("@"))
        path.write_text("\n".join(lines[:start] + lines[start::2]) + "\n")
    with pytest.warns(StavisWarning, match="not at the declared (25|10) a second, their own times are used"):
        found = next(one for one in read_dataset(root) if one.name in ("P16", "Train_01", "train_1"))
    assert np.allclose(np.diff(found.label_times), 0.2 if kind == "sewa" else 0.08)


def test_affwild2_annotations_may_lie_a_folder_deeper(tmp_path):
    root = fakes.affwild2(tmp_path / "Aff-Wild2")
    (root / "annotations").mkdir()
    (root / "VA_Estimation_Challenge").rename(root / "annotations" / "VA_Estimation_Challenge")
    (root / "cropped_aligned" / "batch1").mkdir()
    (root / "cropped_aligned" / "video2").rename(root / "cropped_aligned" / "batch1" / "video2")
    assert [one.name for one in read_dataset(root)] == ["1-25-640x360", "video2", "video3_left"]
