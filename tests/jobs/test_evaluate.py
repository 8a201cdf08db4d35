"""An evaluation names what its crops were aligned by, and with the tracked face reads synthetic recordings as anyone's video."""

import dataclasses
import html
import importlib
import json
import shutil

import numpy as np
import pytest

from stavis.data.crops.build import NoTracker, alignment_text
from stavis.errors import StavisError
from stavis.evaluation.evaluate import NoFaces
from stavis.evaluation.finding import evaluation_finding
from stavis.jobs.evaluate import evaluate
from stavis.jobs.train import train
from stavis.notes import StavisWarning
from stavis.training.config import TrainingConfig


@pytest.mark.parametrize(("sources", "named"), [(("truth",), "known landmarks"), (("face",), "tracked"), (("centre", "face"), "centred")])
def test_each_alignment_has_its_words(sources, named):
    text = alignment_text(*sources)
    assert text.startswith("crops aligned by ") and named in text


def test_every_result_names_its_alignment(drawn, tiny_run, tmp_path):
    done = evaluate(tiny_run, drawn, out=tmp_path / "out", device="cpu", quiet=True)
    assert "known landmarks" in done.alignment and done.alignment in done.protocol_text
    assert done.alignment.replace("'", "&#39;") in (tmp_path / "out" / "report.html").read_text()
    centred = evaluate(tiny_run, drawn, device="cpu", source="centre", quiet=True)
    assert "centred square" in centred.alignment and "known landmarks" not in centred.protocol_text


def test_the_page_and_the_file_begin_with_two_sentences(drawn, tiny_run, tmp_path):
    done = evaluate(tiny_run, drawn, out=tmp_path / "out", device="cpu", quiet=True)
    first, second = done.finding.sentences
    score = done.score()
    assert first.startswith(f"Predicted {done.evaluation.predictions.dimension.iloc[0]} agrees with the labels at a CCC of ")
    assert f"{abs(score.value):.2f}" in first and f"{abs(done.score('rmse').value):.2f}" in first
    assert "density" in second and second.endswith(".")
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["finding"] == [first, second]
    page = (tmp_path / "out" / "report.html").read_text()
    found = page.index(html.escape(f"{first} {second}"))
    assert found < page.index("<h2>")
    assert [page.index(html.escape(notice)) < found for notice in done.notices] == [True] * len(done.notices)


def test_what_could_not_be_scored_is_part_of_what_was_found(drawn, tiny_run):
    done = evaluate(tiny_run, drawn, device="cpu", quiet=True).evaluation
    lost = dataclasses.replace(done, counts=done.counts | {"recordings": 9, "recordings_scored": 7, "frames_without_face": 30})
    assert "2 of 9 recordings could not be scored and 30 of" in evaluation_finding(lost, {}).sentences[1]


@pytest.mark.filterwarnings("ignore:Values and attention are the mean")
def test_the_mirrored_mean_is_scored_and_said(drawn, tiny_run):
    plain, mean = (evaluate(tiny_run, drawn, device="cpu", mirror=mirror, quiet=True) for mirror in (False, True))
    assert "mirror image" in mean.provenance["mirror"] and "mirror" not in plain.provenance
    assert mean.score("rmse").value != plain.score("rmse").value


def test_only_the_first_recordings_are_scored_where_a_limit_is_set(drawn, tiny_run):
    done = evaluate(tiny_run, drawn, split="test", limit=1, device="cpu", quiet=True)
    assert done.evaluation.counts["recordings"] == len(done.recordings) == 1


@pytest.mark.filterwarnings("ignore::stavis.StavisWarning")
def test_with_the_tracked_face_the_truth_is_not_used(drawn, tiny_run, face_model):
    try:
        done = evaluate(tiny_run, drawn, device="cpu", source="face", quiet=True)
    except NoFaces as error:
        assert "shows a face" in str(error)  # a rendered face of 64 px that the tracker does not find
    else:
        assert "truth" not in done.provenance["crop"]


def test_without_the_face_model_the_tracked_face_is_refused(drawn, tiny_run, monkeypatch):
    def missing():
        raise NoTracker("the face model is not on this machine: set a variable.")

    monkeypatch.setattr(importlib.import_module("stavis.jobs.evaluate"), "face_model", missing)  # the name in the package is the function
    with pytest.raises(StavisError, match="face model"):
        evaluate(tiny_run, drawn, device="cpu", source="face", quiet=True)


def test_the_traces_are_what_is_scored(drawn, tiny_run, tmp_path):
    run, data = shutil.copytree(tiny_run, tmp_path / "run"), shutil.copytree(drawn, tmp_path / "data")
    about = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(about | {"delay": 0.5}))
    name = next(line.split(",")[0] for line in (data / "splits.csv").read_text().splitlines() if line.endswith("test"))
    (data / "exclude.csv").write_text(f"recording,start,stop,reason\n{name},0.2,0.4,hand\n")
    done = evaluate(run, data, device="cpu", quiet=True)
    crops, scored = done.crops[0], done.evaluation.predictions
    gone = np.zeros(len(crops), bool)
    gone[10:14] = True
    lost = dataclasses.replace(done, crops=[dataclasses.replace(crops, valid=~gone)])
    traces = {trace.name: np.array(trace.y, float) for trace in lost.figure("traces").data}
    assert np.array_equal(traces["predicted"], scored.predicted, equal_nan=True), "of frames without a face, too"
    assert np.array_equal(traces["label"], scored.gold, equal_nan=True)
    assert not np.allclose(traces["predicted"], done.evaluation.readings[name].values[:, 0])
    assert scored.time[scored.predicted.isna()].between(0.7, 0.97).all() and scored.predicted.isna().any()
    assert [note.text for note in lost.figure("traces").layout.annotations] == ["no face"]


def test_the_page_says_whether_its_people_were_trained_on(both_splits, tmp_path):
    run, data = both_splits
    test = evaluate(run, data, split="test", device="cpu", quiet=True, source="centre")
    assert "of people who were not trained on" in test.protocol_text and not test.notices
    with pytest.warns(StavisWarning, match="1 of 1 recordings are of people who were trained on"):
        seen = evaluate(run, data, split="train", out=tmp_path / "out", device="cpu", quiet=True, source="centre")
    assert "1 of 1 recordings, 1 of them of people who were trained on" in seen.protocol_text
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["notices"] == list(seen.notices) != []
    assert html.escape(seen.notices[0]) in (tmp_path / "out" / "report.html").read_text()


@pytest.fixture
def both_splits(drawn, tmp_path):
    """A network trained for one step on recordings that are not said to be synthetic, and these."""
    data = shutil.copytree(drawn, tmp_path / "data")
    (data / "dataset.json").unlink()
    short = TrainingConfig(steps=1, batch=1, seconds=0.8, epoch=1)
    return train(tmp_path / "run", data, training=short, device="cpu", source="centre", crop_size=32, quiet=True).run, data
