"""A reported metric measured again holds within the tolerance of its kind, and differences are shown."""

import dataclasses
import importlib
import json
import math

import pytest

from stavis.data.crops.build import NoTracker
from stavis.errors import StavisError
from stavis.jobs.pretrain import describe
from stavis.jobs.verify import (
    DENSITY_TOLERANCE,
    TOLERANCE,
    TRACKED_RECORDINGS,
    TRACKED_TOLERANCE,
    Verification,
    compare,
    machine,
    measure,
    measure_tracked,
    spec_of,
    verify,
)
from stavis.models.card import COUNTED, TRACKED, TRUTH_CCC
from stavis.models.checkpoint import load_checkpoint
from stavis.models.shipped import pretrained_names
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.heads import stage
from tests.synthetic.test_renderers import PlainScene

job = importlib.import_module("stavis.jobs.verify")  # the name in the package is the function
SPEC = SyntheticConfig(recordings=2, seconds=2.0, fps=6.25, size=(64, 64), shares=(0.0, 0.0, 1.0), seed=7).as_dict()


@pytest.mark.parametrize(
    ("metric", "reported", "measured", "same"),
    [
        ("ccc", 0.949, 0.949, True),
        ("ccc", 0.949, 0.951, True),  # another processor's last digit
        ("ccc", 0.949, 0.947, True),
        ("ccc", 0.949, 0.952, False),
        ("rmse low", 0.05, 0.047, False),
        ("cue density", 12.4, 12.5, True),
        ("cue density high", 12.4, 12.6, False),
        ("cue density", 0.1, 0.102, False),
    ],
)
def test_tolerances_go_by_kind(metric, reported, measured, same):
    row = compare({"mouth": {metric: reported}}, {"mouth": {metric: measured}}).iloc[0]
    assert bool(row.same) is same
    assert row.difference == pytest.approx(measured - reported)
    assert row.tolerance == (pytest.approx(DENSITY_TOLERANCE * reported) if "density" in metric else TOLERANCE)


def test_a_metric_that_is_gone_does_not_hold():
    table = compare({"mouth": {"ccc": 0.9}, "eyes": {"ccc": 0.9}}, {"mouth": {"ccc": 0.9}})
    assert table.same.tolist() == [True, False]
    assert math.isnan(table.difference.iloc[1])
    assert not Verification(table).holds


def test_the_summary_names_the_worst_and_both_machines():
    table = compare({"mouth": {"ccc": 0.9, "cc": 0.8}}, {"mouth": {"ccc": 0.905, "cc": 0.8}})
    found = Verification(table, {"processor": "other"}, machine("cpu"))
    assert "1 of 2 metrics within tolerance" in found.summary
    assert "+0.0050 (mouth, ccc)" in found.summary
    assert "reported on: processor other" in found.summary
    assert "measured on: processor " in found.summary and "instructions" in found.summary
    assert "was not recorded" in Verification(table).summary


@pytest.mark.parametrize(
    ("metric", "measured", "same"),
    [
        ("ccc", 0.84, True),  # another backend of the same face networks
        ("ccc", 0.7, False),
        ("cue density", 10.9, True),
        ("cue density", 11.1, False),
        ("frames without a face", 330, True),
        ("frames without a face", 380, False),
        ("frames", 1201, False),
        (TRUTH_CCC, 0.955, False),  # no tracker in it
    ],
)
def test_what_goes_through_the_tracker_has_tolerances_of_its_own(metric, measured, same):
    reported = {"frames": 1200, "frames without a face": 300, "ccc": 0.8, "cue density": 10.0, TRUTH_CCC: 0.95}
    table = compare({"mouth" + TRACKED: reported}, {"mouth" + TRACKED: reported | {metric: measured}})
    assert table[table.metric == metric].same.tolist() == [same]
    assert table[table.metric != metric].same.all()
    assert f"through the tracker {TRACKED_TOLERANCE:g}" in Verification(table).summary


def test_without_the_face_model_the_rest_decides_and_a_sentence_says_so(tmp_path, tiny_run, monkeypatch):
    monkeypatch.setattr(job, "face_model", _missing)
    figures = job.measure(tiny_run, {"faces": SPEC}, device="cpu", quiet=True)
    tracked = {"recordings": 2, "frames": 26, "frames without a face": 3, "ccc": 0.5}
    run = describe(tiny_run, tmp_path / "run", figures={**figures, "faces" + TRACKED: tracked}, evaluated_on={"faces": SPEC})
    done = verify(run, device="cpu", quiet=True)
    assert done.holds and set(done.table.data) == {"faces"}
    assert "were not checked" in done.unchecked and "no face model" in done.unchecked and done.unchecked in done.summary
    with pytest.raises(NoTracker):
        measure_tracked(tiny_run, {"faces": SPEC}, device="cpu", quiet=True)


def test_the_tracked_set_is_counted_and_verified(tmp_path, tiny_run, face_model):
    figures = measure_tracked(tiny_run, {"faces": SPEC}, recordings=1, device="cpu", quiet=True)
    assert set(figures) == {"faces" + TRACKED}
    values = figures["faces" + TRACKED]
    assert values["recordings"] == 1 and 0 <= values["frames without a face"] <= values["frames"] == 12
    run = describe(tiny_run, tmp_path / "run", figures=figures, evaluated_on={"faces": SPEC}, measured_on=machine("cpu"))
    done = verify(run, device="cpu", quiet=True)
    assert done.holds and not done.unchecked and set(done.table.metric) == set(values)
    assert "aligned by the tracked face" in (run / "README.md").read_text()


def test_metrics_on_other_regions_are_not_compared(tmp_path, tiny_run):
    figures = {"faces": {"ccc": 0.5, "cue density": 4.0, "cue density low": 3.0}}
    run = describe(tiny_run, tmp_path / "run", figures=figures, evaluated_on={"faces": SPEC})  # as before versions were written
    done = verify(run, device="cpu", quiet=True)
    assert set(done.table.metric) == {"ccc"}
    assert done.unchecked == "2 metrics of the attention go by version 1 of the regions of a face, this is version 2: not checked."


@pytest.mark.parametrize("name", pretrained_names())
def test_a_shipped_network_reports_both_alignments(name):
    info = load_checkpoint(name).info
    tracked = {name: values for name, values in info["figures"].items() if name.endswith(TRACKED)}
    assert tracked and set(info["figures"]) - set(tracked) == set(info["evaluated_on"])
    for name, values in tracked.items():
        assert name.removesuffix(TRACKED) in info["evaluated_on"]
        assert set(COUNTED) <= set(values) and values["recordings"] == TRACKED_RECORDINGS
        assert values["ccc low"] < values["ccc"] < values["ccc high"]
        assert values["ccc"] < values[TRUTH_CCC]
    json.dumps(info, allow_nan=False)


def _missing():
    raise NoTracker("there is no face model: set a variable.")


def test_without_the_head_model_the_other_sets_are_checked_and_a_sentence_says_so(monkeypatch):
    def missing():
        raise StavisError("there is no head model: fetch it.")

    heads = dataclasses.replace(SyntheticConfig(), renderer="heads").as_dict()
    reported = {"mouth": {"ccc": 0.9}, "heads": {"ccc": 0.8}, "heads" + TRACKED: {"ccc": 0.7}}
    monkeypatch.setattr(job, "require_heads", missing)
    left, text = job._renderable(reported, {"mouth": SPEC, "heads": heads})
    assert set(left) == {"mouth"} and text == "the metrics of 2 sets of 3D heads were not checked: there is no head model: fetch it."
    assert job._renderable({"mouth": {"ccc": 0.9}}, {"mouth": SPEC}) == ({"mouth": {"ccc": 0.9}}, "")
    monkeypatch.setattr(job, "require_heads", lambda: None)
    assert job._renderable(reported, {"mouth": SPEC, "heads": heads}) == (reported, "")


def test_of_heads_it_is_measured_what_moves_the_prediction_where_the_face_does_not(tmp_path, tiny_run, monkeypatch):
    for name, stand_in in (("load_head_model", lambda: None), ("_person", lambda spec, identity: None), ("HeadScene", PlainScene)):
        monkeypatch.setattr(stage, name, stand_in)
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "cache"))
    heads = dataclasses.replace(spec_of(SPEC), renderer="heads", seconds=1.0)
    sets = {"heads": heads.as_dict(), "speech": dataclasses.replace(heads, neutral=1.0).as_dict(), "flat": SPEC}
    figures = measure(tiny_run, sets, device="cpu", quiet=True)
    moved = {"rms under mirror", "rms under shift", "rms under zoom"}
    assert moved <= set(figures["heads"]) and not moved & set(figures["flat"]) and all(figures["heads"][name] >= 0 for name in moved)
    assert set(figures["speech"]) == {"sd within neutral recordings", "rms of neutral frames"}, "no correlation with labels that are noise"
    assert figures["speech"]["sd within neutral recordings"] <= figures["speech"]["rms of neutral frames"] + 1e-9
