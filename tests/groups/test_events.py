"""Laws of averages around events: a known course comes back, at any frame rate; people count the same; gaps and edges are not filled."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stavis.data.annotations.annotations import Annotations
from stavis.errors import StavisError
from stavis.groups.events import around, event_times, peaks_of
from stavis.groups.members import PREDICTED, SHARE, SIGNAL, Member

EVENTS = {"a": [4.0, 10.0], "b": [5.0], "c": [6.0]}


def course(offset: np.ndarray) -> np.ndarray:
    """What happens around every event."""
    return 0.2 + 0.5 * np.exp(-((offset - 0.5) ** 2) / (2 * 0.4**2))


def member(
    name: str, *, rate: float = 25.0, person: str = "", condition: str = "all", seconds: float = 14.0, level: float = 0.0, gap=()
) -> Member:
    times = np.arange(round(seconds * rate)) / rate
    values = level + sum((course(times - event) - 0.2 for event in EVENTS.get(name[:1], [])), np.full(len(times), 0.2))
    values = np.where((times >= gap[0]) & (times <= gap[1]), np.nan, values) if gap else values
    curves = {(PREDICTED, "valence"): values, (SHARE, "mouth"): values / 2, (SIGNAL, "smile"): values}
    return Member(name, person or name, condition, times, curves, len(times), len(times))


def test_the_course_of_known_events_comes_back():
    found = around([member(name) for name in "abc"], EVENTS, before=1, after=2)
    assert found.rate == 25 and found.offsets[0] == -1 and found.offsets[-1] == 2
    curve = found.curve("all", "valence")
    np.testing.assert_allclose(curve.value, course(found.offsets), atol=0.01)
    np.testing.assert_allclose(found.curve("all", "mouth").value, course(found.offsets) / 2, atol=0.01)
    assert found.counts.iloc[0].tolist() == ["all", 4, 3, 3]


@pytest.mark.parametrize("rates", [(25.0, 10.0, 6.25), (10.0, 29.97, 60.0), (50.0, 50.0, 50.0)])
def test_recordings_of_different_frame_rates_are_averaged_on_the_slowest_clock(rates):
    found = around([member(name, rate=rate) for name, rate in zip("abc", rates, strict=True)], EVENTS, before=1, after=2)
    assert found.rate == pytest.approx(min(25.0, *rates))
    np.testing.assert_allclose(found.curve("all", "valence").value, course(found.offsets), atol=0.03)
    assert any("frames/s" in note for note in found.notes) == (len(set(rates)) > 1)


def test_the_same_recording_at_another_rate_gives_the_same_average():
    slow = around([member("a", rate=10.0)], EVENTS, before=1, after=2)
    both = around([member("a", rate=10.0), member("aa", rate=60.0, person="x")], {"a": EVENTS["a"], "aa": EVENTS["a"]}, before=1, after=2)
    np.testing.assert_allclose(both.curve("all", "valence").value, slow.curve("all", "valence").value, atol=0.02)


def test_people_count_the_same_however_many_events_and_recordings_they_have():
    members = [member("a", level=0.0), *(member(f"b{k}", person="other", level=0.3) for k in range(5))]
    events = {"a": EVENTS["a"], **{f"b{k}": EVENTS["b"] for k in range(5)}}
    found = around(members, events, before=1, after=1)
    np.testing.assert_allclose(found.curve("all", "valence").value, course(found.offsets) + 0.15, atol=0.01)


def test_order_does_not_count_and_conditions_stand_apart():
    members = [member("a", condition="x"), member("b", condition="y", level=0.2), member("c", condition="x")]
    one, two = (around(given, EVENTS, before=1, after=1) for given in (members, members[::-1]))
    for condition in ("x", "y"):
        np.testing.assert_allclose(one.curve(condition, "valence").value, two.curve(condition, "valence").value)
    assert one.counts.set_index("condition").events.to_dict() == {"x": 3, "y": 1}


def test_intervals_are_over_people_and_absent_for_few():
    many = [member(f"a{k}", level=0.02 * k) for k in range(6)]
    found = around(many, {one.name: EVENTS["a"] for one in many}, before=1, after=1).curve("all", "valence")
    assert ((found.low < found.value) & (found.value < found.high)).all() and set(found.people) == {6}
    few = around(many[:1], {"a0": EVENTS["a"]}, before=1, after=1).curve("all", "valence")
    assert few.low.isna().all() and few.value.notna().all()


def test_nothing_is_made_up_in_gaps_and_beyond_the_ends():
    found = around([member("b", gap=(5.5, 6.5))], {"b": [5.0]}, before=1, after=2).curve("all", "valence")
    inside = (found.offset > 0.55) & (found.offset < 1.45)
    assert found.value[inside].isna().all() and found.value[found.offset < 0.4].notna().all()
    edge = around([member("b")], {"b": [13.5]}, before=1, after=2).curve("all", "valence")
    assert edge.value[edge.offset > 0.6].isna().all() and edge.value[edge.offset < 0.3].notna().all()


def test_relative_courses_begin_at_nothing():
    found = around([member("b", level=7.0)], {"b": [5.0]}, before=1, after=1, relative=True).curve("all", "valence")
    assert found.value[found.offset < 0].mean() == pytest.approx(0, abs=1e-9)


def test_peaks_of_a_curve_are_events():
    assert peaks_of(member("a"), "smile") == pytest.approx([4.5, 10.5], abs=0.05)
    assert len(peaks_of(member("z"), "smile")) == 0  # flat
    assert len(peaks_of(member("a"), "no such curve")) == 0
    found = around([member(name) for name in "abc"], "peaks:smile", before=1, after=1)
    assert found.name == "peaks of smile" and found.counts.events.sum() == 4
    curve = found.curve("all", "valence")
    assert curve.offset[curve.value.idxmax()] == pytest.approx(0, abs=0.05)


def test_events_in_tables_annotations_and_files_are_the_same(tmp_path):
    members = [member(name) for name in "abc"]
    table = pd.DataFrame([(name, time, "on") for name, times in EVENTS.items() for time in times], columns=["recording", "time", "label"])
    table.to_csv(tmp_path / "events.csv", index=False)
    table.rename(columns={"time": "start"}).assign(end=99).to_csv(tmp_path / "spans.csv", index=False)
    annotations = {name: Annotations(events=tuple((time, "on") for time in times)) for name, times in EVENTS.items()}
    given = [EVENTS, table, tmp_path / "events.csv", tmp_path / "spans.csv", annotations]
    for one in given:
        _, times, _ = event_times(one, members)
        assert {name: list(found) for name, found in times.items()} == EVENTS
    _, times, _ = event_times(tmp_path / "events.csv", members, "on")
    assert len(times) == 3


def test_recordings_without_events_and_events_without_recordings_are_named():
    _, times, notes = event_times({"a": [4.0], "stranger": [1.0]}, [member("a"), member("b")])
    assert (
        list(times) == ["a"]
        and any("stranger" in note for note in notes)
        and any("1 of 2 recordings have no event" in note for note in notes)
    )


def test_recordings_with_numbers_for_names_have_their_events(tmp_path):
    members = [replace(member("a"), name=name, person=name) for name in ("001", "2", "1e3")]
    (tmp_path / "events.csv").write_text("recording,time,label\n001,4,07\n2,4\n1e3,4,7\n", encoding="utf-8")
    assert around(members, tmp_path / "events.csv").counts.events.sum() == 3
    assert list(event_times(tmp_path / "events.csv", members, "07")[1]) == ["001"]
    (tmp_path / "events.csv").write_text("recording,time\n1,4,5\n2,5,5\n", encoding="utf-8")
    with pytest.raises(StavisError, match="line 2 has 3 values under 2 columns"):
        around(members, tmp_path / "events.csv")


def test_events_without_a_value_around_them_do_not_count_and_are_named():
    """Times in ms, and one in a gap."""
    members = [member("a"), member("b", gap=(3, 9)), member("c")]
    found = around(members, {"a": [4.0, 10.0, 4000.0], "b": [6.0], "c": [6000.0]}, before=1, after=1)
    assert found.counts.iloc[0].tolist() == ["all", 2, 1, 1]
    assert (
        "3 of 5 events do not count: around them their recording has no value (a: 4000 s, the recording from 0 to 13.96 s)." in found.notes
    )
    within = around(members, {"a": [4.0, 10.0]}, before=1, after=1)
    pd.testing.assert_frame_equal(found.table, within.table)
    edge = around([member("a")], {"a": [-0.5, 4.0]}, before=1, after=1)
    assert edge.counts.events.sum() == 2 and not edge.notes
    with pytest.raises(StavisError, match=r"around none of the 1 events .*\(c: 6000 s.*give times in seconds"):
        around(members, {"c": [6000.0]})


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ({"stranger": [1.0]}, "no recording of the group has an event"),
        ("gone.csv", "is no file"),
        ({"a": ["soon"]}, "expected times in seconds"),
        (pd.DataFrame({"recording": ["a"], "time": ["soon"]}), "expected a number of seconds"),
        (pd.DataFrame({"recording": ["a"]}), "no column time"),
        ("peaks:nothing", "there are no peaks of nothing, .* choose one of"),
    ],
)
def test_bad_events_are_refused_in_one_sentence(events, said):
    with pytest.raises(StavisError, match=said):
        around([member("a")], events)
    with pytest.raises(StavisError, match="no length"):
        around([member("a")], EVENTS, before=0, after=0)
