"""The CCC that an index gives a recording is the one that `evaluate` would give it: with the run's delay, without excluded ranges."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from stavis.batch.collect import collected
from stavis.batch.record import Report
from stavis.inference.summary import ExplanationSummary

TIMES = np.arange(0, 20, 0.08)
SUMMARY = ExplanationSummary("a.mp4", 250, 250, 1, 1.0, 1.0, "face", {}, {}, {}, {}, {}, False, (), {})


@pytest.fixture
def report(tmp_path):
    """A report on a recording whose labels lag by 2 s, and whose prediction is wrong from 6 to 8 s."""
    data, results = tmp_path / "data", tmp_path / "report" / "results"
    for folder in (data / "videos", data / "labels", results):
        folder.mkdir(parents=True)
    (data / "videos" / "a.mp4").touch()
    valence = 0.8 * np.sin(TIMES)
    pd.DataFrame({"time": TIMES, "valence": np.interp(TIMES - 2, TIMES, valence)}).to_csv(data / "labels" / "a.csv", index=False)
    predicted = np.where((TIMES >= 6) & (TIMES <= 8), -0.9, valence)
    pd.DataFrame({"time": TIMES, "dimension": "valence", "predicted": predicted}).to_csv(results / "predictions.csv", index=False)
    labels, video = str(data / "labels" / "a.csv"), str(data / "videos" / "a.mp4")
    return Report(id="a", recording="a", video=video, labels=labels, parameters={}, varied={}, key="")


def test_the_delay_of_the_run_is_given_back_and_excluded_ranges_do_not_count(report, tmp_path):
    def score():
        return collected(report, tmp_path / "report").figures["CCC"]

    SUMMARY.write(tmp_path / "report" / "results")
    assert score() < 0.2
    dataclasses.replace(SUMMARY, provenance={"delay": "2 s"}).write(tmp_path / "report" / "results")
    assert 0.5 < score() < 0.9
    (tmp_path / "data" / "exclude.csv").write_text("recording,start,stop,reason\na,6,8,hand\n")
    assert score() == 1.0
    (tmp_path / "data" / "exclude.csv").unlink()
    (tmp_path / "data" / "marks").mkdir()
    (tmp_path / "data" / "marks" / "a.csv").write_text("kind,start,end,text\nexclude,6,8,\n")
    assert score() == 1.0
