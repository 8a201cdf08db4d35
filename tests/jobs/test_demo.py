"""The demo says what its crops are aligned by, and what comes of the tracked face in their place; it downloads nothing for that."""

import importlib

import pytest

from stavis.errors import StavisError
from stavis.inference.predictor import VideoReader
from stavis.jobs.demo import TRACKED, Demo, through_tracker
from stavis.jobs.evaluate import evaluate
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset

job = importlib.import_module("stavis.jobs.demo")  # the name in the package is the function


@pytest.fixture
def net(tiny_run):
    return VideoReader.load(tiny_run, device="cpu")


def test_without_the_face_model_nothing_is_downloaded_and_a_sentence_says_so(net, drawn, monkeypatch, tmp_path):
    def refused(*_, **__):
        raise AssertionError("nothing may be fetched")

    monkeypatch.setattr(job, "on_this_machine", lambda: False)
    monkeypatch.setattr(job, "evaluation_of", refused)
    tracked, text = through_tracker(net, drawn)
    assert tracked is None and "nothing was measured" in text and "fetch-models" in text
    monkeypatch.undo()
    done = Demo(tmp_path, evaluate(net, drawn, quiet=True), 1.0, "cpu", tracked, text)
    assert done.summary["tracked"] == {"unavailable": text}
    assert {"seconds", "ccc", "ccc_low", "ccc_high", "device"} <= set(done.summary)


def test_through_the_tracker_frames_are_counted(net, tmp_path, face_model):
    spec = SyntheticConfig(recordings=2, seconds=2.0, fps=6.25, size=(160, 160), shares=(0.0, 0.0, 1.0), seed=4)
    data = write_dataset(tmp_path / "faces", spec)
    tracked, text = through_tracker(net, data)
    done = Demo(tmp_path, evaluate(net, data, quiet=True), 1.0, "cpu", tracked, text).summary["tracked"]
    if tracked is None:
        assert "shows a face" in text and done == {"unavailable": text}
    else:
        assert "truth" not in tracked.provenance["crop"]
        assert done["recordings"] == min(TRACKED, 2) and 0 <= done["frames_without_face"] < done["frames"]
        assert f"{done['frames_without_face']} of {done['frames']} frames without a face" in text


def test_other_errors_are_not_swallowed(net, drawn, monkeypatch):
    def broken(*_, **__):
        raise StavisError("the disk is full: make room.")

    monkeypatch.setattr(job, "on_this_machine", lambda: True)
    monkeypatch.setattr(job, "evaluation_of", broken)
    with pytest.raises(StavisError, match="disk is full"):
        through_tracker(net, drawn)
