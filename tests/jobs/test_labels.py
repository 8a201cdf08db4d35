"""`stavis labels` and `stavis datasets`: agreement, lags and gold; what is found and what is not."""

import json

import numpy as np
import pytest

import stavis
from stavis.data.datasets.selection import recordings_of
from stavis.errors import StavisError, StavisWarning
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset
from tests.data.datasets import fakes


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    """Drawn faces of 8 s whose raters lag by 1.2 s."""
    spec = SyntheticConfig(recordings=3, seconds=8, fps=12.5, size=(64, 64), shares=(0.34, 0.33, 0.33), rater_lag=1.2, seed=5)
    return write_dataset(tmp_path_factory.mktemp("rated") / "faces", spec)


def test_raters_agree_and_their_lag_is_found(rated):
    report = stavis.labels(rated)
    assert (report.recordings, report.labelled) == (3, 3) and len(report.raters) == 6 and len(report.pairs) == 15
    assert report.raters.agreement.min() > 0.8 and report.raters.lag.abs().max() < 0.4 and not report.raters.constant.any()
    assert report.lag["valence"] == pytest.approx(1.2, abs=0.2)
    assert report.gold.rate.to_numpy() == pytest.approx(np.full(3, 25.0)) and not report.gold.invalid.any()
    assert len(stavis.labels(rated, "dev").gold) == 1


def test_a_late_rater_and_a_constant_one_are_found(tmp_path):
    root = fakes.recola(tmp_path, constant="FM2")
    with pytest.warns(StavisWarning, match="raters with constant ratings"):
        report = stavis.labels(root)
    raters = report.raters[report.raters.dimension == "valence"].set_index("rater")
    assert raters.constant["FM2"] == 1 and raters.agreement["FM2"] == raters.agreement.min()
    assert set(report.gold.dimension) == {"valence", "arousal"} and report.lag == {}
    marks = "\n".join(report.matrix().splitlines()[:8])
    assert all(name in marks for name in fakes.RATERS)


def test_lags_of_single_raters_are_told_apart(tmp_path):
    fakes.video(tmp_path / "videos" / "a.mp4", 0)
    times = np.arange(0, 20, 0.1)
    lags = {"early": 0.0, "middle": 0.0, "other": 0.0, "late": 1.0}
    rows = [";".join([f"{t:.1f}", *(f"{0.7 * np.sin(0.9 * (t - lag)):.4f}" for lag in lags.values())]) for t in times]
    fakes.written(tmp_path / "raters" / "valence" / "a.csv", [";".join(["time", *lags]), *rows])
    found = stavis.labels(tmp_path).raters.set_index("rater").lag
    assert found["late"] == pytest.approx(1.0, abs=0.1) and found[["early", "middle", "other"]].max() < 0


def rows_of(*columns: np.ndarray) -> list[str]:
    """Ratings every .1 s as lines of a file, NaN as an empty cell."""
    cells = [["" if np.isnan(value) else f"{value:.4f}" for value in row] for row in np.stack(columns, 1)]
    names = [f"R{k + 1}" for k in range(len(columns))]
    return [";".join(["time", *names]), *(";".join([f"{k / 10:.1f}", *row]) for k, row in enumerate(cells))]


def test_raters_without_a_rating_in_some_recording_are_left_out_there(tmp_path):
    """R2 rated a alone; in b the others have no moment in common; c has no rating at all."""
    wave, none = 0.7 * np.sin(0.09 * np.arange(200)), np.full(200, np.nan)
    first, second = np.where(np.arange(200) < 100, wave, np.nan), np.where(np.arange(200) < 100, np.nan, wave)
    for k, (name, columns) in enumerate({"a": (wave, 0.8 * wave, wave), "b": (first, none, second), "c": (none,) * 3}.items()):
        fakes.video(tmp_path / "videos" / f"{name}.mp4", k)
        fakes.written(tmp_path / "raters" / "valence" / f"{name}.csv", rows_of(*columns))
    with pytest.warns(StavisWarning) as shown:
        report = stavis.labels(tmp_path)
    said = " ".join(str(one.message) for one in shown)
    assert "raters without any rating: R1 (valence of c), R2 (valence of b), R2 (valence of c), R3 (valence of c)" in said
    assert "constant" not in said
    raters = report.raters.set_index("rater")
    assert raters.recordings.tolist() == [2, 1, 2] and not raters.constant.any()
    assert report.source == "gold standard of 3 raters (CCC centring); gold standard of 2 raters (CCC centring); raters without any rating"
    pairs = report.pairs.set_index(["rater", "other"]).ccc
    assert pairs["R1", "R3"] == pytest.approx(1) and pairs["R1", "R2"] == pairs["R2", "R3"] == pytest.approx(0.97, abs=0.02)
    gold = report.gold.set_index("recording")
    assert gold.agreement["a"] > 0.95 and gold.agreement[["b", "c"]].isna().all() and gold.invalid.tolist() == [0, 200, 200]
    assert json.dumps(report.as_json(), allow_nan=False) and report.matrix()


@pytest.mark.filterwarnings("ignore:.*labels end")
def test_the_numbers_of_a_dimension_are_those_of_its_own_rows(tmp_path):
    """Beside a dimension with another clock, and after it in the alphabet."""
    wave = 0.7 * np.sin(0.09 * np.arange(200))
    fakes.video(tmp_path / "videos" / "a.mp4", 0)
    fakes.written(tmp_path / "raters" / "valence" / "a.csv", rows_of(wave, 0.8 * wave))
    alone = stavis.labels(tmp_path)
    fakes.written(
        tmp_path / "raters" / "arousal" / "a.csv", ["time;R1;R2", *(f"{t:.2f};{t / 9};{t / 8}" for t in np.arange(0.01, 3, 0.37))]
    )
    both = stavis.labels(tmp_path)
    for table in ("raters", "pairs", "gold"):
        one, other = getattr(alone, table), getattr(both, table)
        other = other[other.dimension == "valence"].reset_index(drop=True)
        assert one.equals(other)


def test_labels_in_the_shell(shell, rated):
    told = shell("labels", rated, "--json", "--quiet")
    assert told.code == 0 and told.err == ""
    report = json.loads(told.out)
    assert {"raters", "pairs", "gold", "gold_lag", "source", "recordings", "labelled"} == set(report) and len(report["pairs"]) == 15
    words = shell("labels", rated)
    assert words.code == 0 and "3 of 3 recordings have labels" in words.out and "FF3" in words.out and "behind the truth" in words.out


def test_labels_without_raters_are_listed_and_none_at_all_is_an_error(shell, tmp_path):
    root = fakes.sewa(tmp_path / "sewa")
    done = shell("labels", root, "--json")
    assert done.code == 0 and json.loads(done.out)["raters"] == [] and len(json.loads(done.out)["gold"]) == 9
    fakes.video(tmp_path / "bare" / "a.mp4", 0)
    with pytest.raises(StavisError, match="1 recordings and no labels"):
        stavis.labels(tmp_path / "bare")


def test_datasets_are_listed_found_or_not(shell, tmp_path, monkeypatch):
    monkeypatch.setenv("STAVIS_DATASETS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = fakes.avec(tmp_path / "AVEC2016")
    told = json.loads(shell("datasets", "--json").out)
    assert [one["name"] for one in told] == ["recola", "avec", "sewa", "affwild2", "afewva", "folder"]
    assert all(one["licence"] and one["apply"] and one["holds"] for one in told)
    found = {one["name"]: one["found"] for one in told}
    assert found["avec"] == str(root) and [name for name, place in found.items() if place] == ["avec"]
    words = shell("datasets")
    assert words.code == 0 and f"found: {root}" in words.out and "not found; looked for: " in words.out
    missing = shell("train", "--data", "recola", "--out", tmp_path / "run")
    assert missing.code == 2 and "RECOLA is not here" in missing.err and missing.err.count("\n") == 1


def test_marks_set_in_the_explorer_are_left_out(tmp_path, rated):
    names = [one.name for one in recordings_of(rated)]
    root = tmp_path / "faces"
    for folder in ("videos", "labels", "truth"):
        (root / folder).mkdir(parents=True)
        for path in (rated / folder).iterdir():
            (root / folder / path.name).write_bytes(path.read_bytes())
    fakes.written(root / "marks" / f"{names[0]}.csv", ["kind,start,end,label", "exclude,1.0,2.0,", "event,3.0,3.0,smile"])
    fakes.written(root / "videos" / f"{names[1]}.csv", ["kind,start,end,label", "exclude,0.5,0.75,"])
    found = {one.name: one.exclude for one in recordings_of(root)}
    assert found == {names[0]: ((1.0, 2.0, "marked"),), names[1]: ((0.5, 0.75, "marked"),), names[2]: ()}
    fakes.written(root / "marks" / f"{names[2]}.csv", ["kind,start,end,label", "exclude,2.0,1.0,"])
    with pytest.raises(StavisError, match="line 2 is no annotation"):
        recordings_of(root)


def test_train_says_what_of_the_data_it_uses(shell, tmp_path):
    root = fakes.recola(tmp_path / "RECOLA")
    fakes.written(root / "exclude.csv", ["recording,start,stop,reason", "P16,0,0.2,hand"])
    words = ("train", "--data", root, "--out", tmp_path / "run", "--delay", "0.4", "--quiet")
    done = shell(*words)
    assert done.code == 2 and "no window of" in done.err  # nobody's face is in these pictures
    assert "raters cannot lag by 11.0 s" in shell(*words, "--delay", "11").err
    drawn = SyntheticConfig(recordings=3, seconds=4, fps=12.5, size=(64, 64), shares=(0.34, 0.33, 0.33), seed=5)
    faces = write_dataset(tmp_path / "faces", drawn)
    name = recordings_of(faces, "train")[0].name
    own = fakes.written(tmp_path / "own.csv", ["recording,start,stop,reason", f"{name},0,0.39,hand"])
    options = ("--steps", "1", "--batch", "1", "--delay", "0.4", "--exclude", own, "--quiet")
    done = shell("train", "--data", faces, "--out", tmp_path / "run2", *options)
    assert done.code == 0 and done.err == ""
    assert "train: 1 of 1 recordings, 41 of 50 frames (5 excluded, 4 without a label (0.32 s))" in done.out
    scored = json.loads(shell("evaluate", tmp_path / "run2", "--data", faces, "--fill", "zero", "--json", "--quiet").out)
    assert scored["delay"] == 0.4 and scored["fill"] == "zero" and scored["counts"]["frames_scored"] == 50
