"""Excluded ranges: read, told where they are wrong, and left out of labels."""

from dataclasses import replace

import numpy as np
import pytest

from stavis.data.crops.counts import count
from stavis.data.datasets.exclusion import read_exclusions
from stavis.data.datasets.registry import read_dataset
from stavis.data.video.io import probe
from stavis.errors import StavisError, StavisWarning
from tests.data.datasets import fakes
from tests.data.datasets.fakes import written
from tests.training.made_crops import made_crops


def test_ranges_are_read_by_recording(tmp_path):
    found = read_exclusions(
        written(tmp_path / "a.csv", ["Recording; Start ;stop;reason", "one;1;2.5;hand, over the face", "two;0;1;", "one;4;4;blink"])
    )
    assert found == {"one": [(1.0, 2.5, "hand, over the face"), (4.0, 4.0, "blink")], "two": [(0.0, 1.0, "")]}


def test_a_range_may_name_the_file_of_its_recording(tmp_path):
    for name in "ab":
        fakes.video(tmp_path / f"{name}.mp4", 0)
        written(tmp_path / f"{name}.csv", ["time,valence", "0,0", "1,0.5"])
    written(tmp_path / "exclude.csv", ["recording,start,stop", "a.mp4,0,0.5", "a,0.8,1", "b.csv,0,1"])
    with pytest.warns(StavisWarning, match="ranges of recordings that are not there: b.csv"):
        found = read_dataset(tmp_path)
    assert [one.exclude for one in found] == [((0.0, 0.5, ""), (0.8, 1.0, "")), ()]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["recording,start", "a,1"], "line 2: the column 'stop' is missing"),
        (["recording,start,stop", ",1,2"], "line 2: the recording's name is empty"),
        (["recording,start,stop", "a,1,2", "a,x,2"], "line 3: start is 'x', not seconds"),
        (["recording,start,stop", "a,1,nan"], "line 2: stop is 'nan', not seconds"),
        (["recording,start,stop", "a,2,1"], "line 2: the range ends at 1 s before it starts at 2 s"),
    ],
)
def test_bad_ranges_are_told_in_a_sentence(lines, said, tmp_path):
    with pytest.raises(StavisError, match=said):
        read_exclusions(written(tmp_path / "a.csv", lines))


def test_ranges_that_meet_no_frame_are_named(tmp_path):
    """Times in ms; and a folder whose files lie side by side, where exclude.csv is no label file."""
    for name in "ab":
        fakes.video(tmp_path / f"{name}.mp4", 0)
        written(tmp_path / f"{name}.csv", ["time,valence", "0,0", "1,0.5"])
    end = float(probe(tmp_path / "b.mp4").times[-1])
    rows = ["recording,start,stop,reason", f"a,0,{end:.3f},hand", "a,1000,2000,ms", f"b,{end + 0.1:.3f},60,", "c,0,1,"]
    written(tmp_path / "exclude.csv", rows)
    with pytest.warns(StavisWarning) as shown:
        found = read_dataset(tmp_path)
    said = " ".join(str(one.message) for one in shown)
    assert f"leave out no frame, start and stop are seconds: a from 1000 to 2000 (its frames are from 0 to {end:.4g} s), b from" in said
    assert "ranges of recordings that are not there: c." in said and "without a recording" not in said and "a from 0 " not in said
    assert len(found[0].exclude) == 2


def test_excluded_frames_have_no_label_and_every_frame_is_counted_once():
    (crops,) = made_crops(1)  # 40 frames at 12.5 a second
    valid = np.ones(40, bool)
    valid[[3, 30]] = False
    labels = crops.label_values.copy()
    labels[[4, 31]] = np.nan
    crops = replace(crops, exclude=((0.2, 0.4, "hand"), (0.32, 0.5, "again")), valid=valid, label_values=labels)
    assert np.flatnonzero(~crops.kept).tolist() == [3, 4, 5, 6]
    assert np.isnan(crops.labels[[3, 4, 5, 6, 31]]).all() and np.isfinite(crops.labels[[2, 7, 30, 32]]).all()
    counts = count([crops], found=2)
    assert counts.as_json() == {
        "recordings": 2,
        "recordings_used": 1,
        "frames": 40,
        "frames_excluded": 4,
        "frames_without_label": 1,
        "frames_without_face": 1,
        "frames_used": 34,
        "seconds_without_label": 0.08,
    }
    assert (
        counts.sentence("train") == "train: 1 of 2 recordings, 34 of 40 frames (4 excluded, 1 without a label (0.08 s), 1 without a face)"
    )


def test_crops_without_labels_count_as_unused():
    (crops,) = made_crops(1)
    counts = count([replace(crops, label_times=None, label_values=None, dimensions=())])
    assert (counts.recordings_used, counts.frames_used, counts.frames_without_label) == (0, 0, 40)
