"""Label times in any unit, values on any scale, rows that are missing: what is read, refused and noted."""

import numpy as np
import pytest

from stavis.data.datasets.folder import read_folder
from stavis.data.datasets.labels import LabelConfig, read_labels, read_raters
from stavis.data.datasets.registry import read_dataset
from stavis.data.datasets.time_units import TIME_UNITS, checked_unit, in_seconds, likely_units, seconds_without_label, span_note
from stavis.data.video.io import write_video
from stavis.errors import StavisError, StavisWarning
from tests.data.datasets import fakes

VIDEO = np.arange(250) / 25  # 10 s
SECONDS = np.arange(0, 10, 0.1)
GIVEN = {
    "us": SECONDS * 1e6,
    "ms": np.round(SECONDS * 1e3),
    "ns": SECONDS * 1e9,
    "cs": SECONDS * 100,
    "frames": np.arange(250.0),
    "percent": np.linspace(0, 100, 101),
}


@pytest.mark.parametrize("unit", GIVEN)
def test_the_unit_of_label_times_is_named_and_never_taken_for_seconds(unit):
    assert likely_units(GIVEN[unit], VIDEO)[0] == unit
    with pytest.raises(StavisError, match=rf"recording a: .*give time_unit='{unit}' \(--time-unit {unit}\), or 's'"):
        span_note("a", GIVEN[unit], VIDEO)
    assert likely_units(GIVEN[unit], VIDEO[::4], 249)[0] == unit  # the crops of a slower network
    span_note("a", GIVEN[unit], np.concatenate([VIDEO, VIDEO + 10]) * 4, time_unit="s")  # said by the user: no question


@pytest.mark.parametrize("unit", ["us", "ms", "cs", "frames"])
@pytest.mark.parametrize("covered", [0.3, 0.5, 0.8])
def test_also_where_labels_cover_only_part_of_the_video(unit, covered):
    times = GIVEN[unit][: int(len(GIVEN[unit]) * covered)]
    assert unit in likely_units(times, VIDEO)


@pytest.mark.parametrize(
    "times",
    [SECONDS, SECONDS[:50], SECONDS[50:], np.arange(0, 10.5, 0.04), np.arange(0, 25, 0.1), np.arange(0, 300, 0.04), np.arange(11.0), [3.0]],
    ids=["all", "first half", "second half", "a row more", "two and a half times", "cut out of 300 s", "one a second", "one"],
)
def test_seconds_are_seconds(times):
    assert likely_units(np.asarray(times), VIDEO) == ()


def test_more_than_one_unit_explains_it_and_both_are_named():
    video = np.arange(100) / 25  # 4 s, 100 frames: 0 to 100 is either
    with pytest.raises(StavisError, match=r"frame numbers or percent of the video|percent of the video or frame numbers"):
        span_note("a", np.arange(0.0, 101), video)
    minutes = np.arange(0, 60, 0.04)
    with pytest.raises(StavisError, match="minutes"):
        span_note("a", minutes / 60, minutes)
    with pytest.raises(StavisError, match="fractions of the video"):
        span_note("a", np.linspace(0, 1, 100), np.arange(0, 30, 0.04))


@pytest.mark.parametrize("unit", [*TIME_UNITS, "frames", "percent", "fraction", "0.04"])
def test_each_unit_becomes_seconds(tmp_path, unit):
    seconds = VIDEO[::10]
    scale = {"frames": 1 / 25, "percent": float(VIDEO[-1]) / 100, "fraction": float(VIDEO[-1]), "0.04": 0.04}.get(unit) or TIME_UNITS[unit]
    path = tmp_path / "a.csv"
    path.write_text("time,valence\n" + "".join(f"{t / scale!r},0.5\n" for t in seconds.tolist()))
    found = read_labels(path, time_unit=unit, video_times=VIDEO)
    assert np.allclose(found.times, seconds, atol=1e-6)
    raters = tmp_path / "r.csv"
    raters.write_text(path.read_text().replace("valence", "R1"))
    assert np.allclose(read_raters(raters, time_unit=unit, video_times=VIDEO).times, seconds, atol=1e-6)


def test_frames_from_one_are_frames_from_one_and_bad_units_are_one_sentence():
    assert np.allclose(in_seconds(np.arange(1.0, 251), "frames", VIDEO, "a"), VIDEO)
    assert np.allclose(in_seconds(np.arange(252.0), "frames", VIDEO, "a"), np.arange(252) / 25)
    assert checked_unit("µs") == "us" and checked_unit("%") == "percent" and checked_unit("Milliseconds") == "ms"
    for wrong in ("fortnight", 0, -1, "nan"):
        with pytest.raises(StavisError, match="the time unit is"):
            checked_unit(wrong)
    with pytest.raises(StavisError, match=r"a\.csv: label times in frame numbers need the video"):
        in_seconds(np.arange(3.0), "frames", None, "a.csv")


ODD = {
    "scientific": ("time,valence\n0e0,5e-1\n1.0E0,-5e-1\n2e+0,.5\n", [0.5, -0.5, 0.5]),
    "clock": ("time,valence\n0:00:00,0.5\n0:00:01.0,-0.5\n00:00:02,0.5\n", [0.5, -0.5, 0.5]),
    "empty cells": ("time,valence\n0,0.5\n1,\n2,0.5\n", [0.5, np.nan, 0.5]),
    "nan in any spelling": ("time,valence\n0,NaN\n1,nan\n2,0.5\n", [np.nan, np.nan, 0.5]),
    "not available": ("time,valence\n0,NA\n1,null\n2,0.5\n", [np.nan, np.nan, 0.5]),
    "short rows": ("time,valence\n0,0.5\n1\n2,0.5\n", [0.5, np.nan, 0.5]),
    "quotes and decimal commas": ('time;valence\n"0,0";"0,5"\n1;""\n2;"nan"\n', [0.5, np.nan, np.nan]),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_cells_are_numbers_or_invalid_labels(tmp_path, kind):
    text, values = ODD[kind]
    path = tmp_path / "a.csv"
    path.write_text(text)
    found = read_labels(path)
    assert found.times.tolist() == [0, 1, 2] and np.array_equal(found.values[:, 0], values, equal_nan=True)


@pytest.mark.parametrize(("low", "high"), [(1, 9), (-10, 10), (0, 1), (0, 100), (1, 5)])
def test_values_on_a_scale_are_mapped_from_end_to_end(tmp_path, low, high):
    path = tmp_path / "a.csv"
    path.write_text(f"time,valence\n0,{low}\n1,{(low + high) / 2}\n2,{high}\n3,\n")
    values = read_labels(path, scale=(low, high)).values[:, 0]
    assert np.allclose(values[:3], [-1, 0, 1]) and np.isnan(values[3])


def test_values_outside_are_never_divided_by_one_end(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,valence\n0,1\n1,9\n2,5\n")
    with pytest.raises(
        StavisError, match=r"a\.csv, line 3: valence is 9, outside \[-1,1\] \(the file's values are from 1 to 9\).*--scale LOW,HIGH"
    ):
        read_labels(path)
    with pytest.raises(StavisError, match=r"line 3: valence is 9, outside the scale 1 to 7"):
        read_labels(path, scale=(1, 7))
    for wrong in ((9, 1), (1, 1), (1,), (0, np.nan)):
        with pytest.raises(StavisError, match="the scale is"):
            LabelConfig(scale=wrong)


def test_seconds_without_a_label_are_counted_and_noted():
    half = np.arange(0, 5.01, 0.1)
    missing, length = seconds_without_label(half, np.zeros((len(half), 1)), VIDEO)
    assert length == pytest.approx(10) and missing == pytest.approx(5, abs=0.05)
    assert "end 4.96 s before the video; 4.96 of 10.00 s have no label" in span_note("a", half, VIDEO)
    gap = np.concatenate([np.arange(0, 3.01, 0.1), np.arange(8, 10, 0.1)])
    assert span_note("a", gap, VIDEO).startswith(
        "recording a: 5.04 of 10.00 s have no label"
    ) and "rows are missing or invalid" in span_note("a", gap, VIDEO)
    assert span_note("a", gap, VIDEO, max_gap=None) == ""
    invalid = np.where((SECONDS > 3) & (SECONDS < 8), np.nan, 0)[:, None]
    assert "of 10.00 s have no label" in span_note("a", SECONDS, VIDEO, invalid)
    assert "no label at all" in span_note("a", np.empty(0), VIDEO)


def test_seconds_with_labels_of_some_dimensions_are_not_said_to_be_unused():
    valence, arousal = np.zeros(len(SECONDS)), np.where(SECONDS < 5, np.nan, 0)
    said = span_note("a", SECONDS, VIDEO, np.stack([valence, arousal], 1))
    assert "s have labels of some of its dimensions only" in said and "not used" not in said
    assert span_note("a", SECONDS, VIDEO, valence[:, None]) == ""


@pytest.fixture
def folder(tmp_path):
    """A video of 10 s at 25 frames/s, and a folder for its labels."""
    (tmp_path / "videos").mkdir()
    (tmp_path / "labels").mkdir()
    write_video(tmp_path / "videos" / "a.mp4", (np.zeros((16, 16, 3), np.uint8) for _ in range(250)), fps=25)
    return tmp_path


@pytest.mark.parametrize(("unit", "scale"), [("frames", 1 / 25), ("percent", 9.96 / 100), ("ms", 1e-3), ("0.04", 0.04)])
def test_a_folder_is_read_in_its_unit_and_scale(folder, unit, scale):
    rows = "".join(f"{t / scale:.6f},{value}\n" for t, value in ((0, 1), (2, 9), (4, 5)))
    (folder / "labels" / "a.csv").write_text("time,valence\n" + rows)
    (one,) = read_dataset(folder, time_unit=unit, scale=(1, 9), max_gap=2)
    assert np.allclose(one.label_times, [0, 2, 4], atol=1e-5) and one.labels[:, 0].tolist() == [-1, 1, 0]
    assert (one.time_unit, one.max_gap) == (unit, 2)
    assert np.array_equal(read_folder(folder, time_unit=unit, scale=(1, 9))[0].labels, one.labels)


def test_raters_with_gaps_and_empty_cells_give_gold_only_where_all_rated(folder):
    (folder / "raters" / "valence").mkdir(parents=True)
    rows = [f"{t / 10};{0.1 + t / 1000};{'' if 20 <= t < 30 else 0.3};\n" for t in range(100) if not 50 <= t < 80]
    (folder / "raters" / "valence" / "a.csv").write_text("time;R1;R2;R3\n" + "".join(rows))
    with pytest.warns(StavisWarning) as shown:
        (one,) = read_folder(folder)
    assert [str(note.message).split(": ", 1)[1] for note in shown] == [
        "raters without any rating: R3 (valence of a).",
        "raters with constant ratings: R2 (valence of a).",
    ]
    gold = one.labels[:, 0]
    times = one.label_times
    assert np.isnan(gold[(times >= 2) & (times < 3)]).all() and np.isfinite(gold[(times < 2) | (times >= 3)]).all()
    assert len(one.notes) == 2 and np.isnan(one.raters["valence"][:, 2]).all()


@pytest.mark.parametrize("name", fakes.MAKERS)
def test_a_licensed_data_set_keeps_its_own_unit_and_scale(tmp_path, name):
    root = fakes.MAKERS[name](tmp_path / name)
    for options in ({"scale": (1, 9)}, {"time_unit": "ms"}):
        with pytest.raises(StavisError, match="of its own: leave the"):
            read_dataset(root, **options)
    assert all(one.max_gap is None for one in read_dataset(root, max_gap=float("inf")))
