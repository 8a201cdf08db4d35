"""Two readings on one clock: nearest frames by time, gaps stated, curves of both in one chart, the views of the same frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stavis.errors import StavisError
from stavis.show.figures.colours import GOLD
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.clock import MODES, common_times, nearest_frames, on_one_clock
from tests.show.samples import clip_of, maps_of, prediction_of


class Result:
    """What of an explained video is shown."""

    def __init__(self, name: str, count: int, size: int, fps: float):
        self.clip = clip_of(count, size, fps=fps, name=name)
        self.attention = maps_of(self.clip, 8)["attention"]
        self.prediction = prediction_of(self.clip)
        self.crops = self.clip


@pytest.fixture(scope="module")
def two():
    return [Result("anna", 50, 48, 25.0), Result("ben", 20, 32, 12.5)]


@given(fast=st.integers(2, 40), slow=st.integers(2, 20), shift=st.floats(-2, 2))
def test_a_common_clock_reaches_over_both_and_shows_the_nearest_frame(fast, slow, shift):
    first, second = np.arange(fast) / 25, np.arange(slow) / 10 + shift
    clock = common_times(first, second)
    assert (np.diff(clock) > 0).all() and np.diff(clock) == pytest.approx(0.04)
    assert clock[0] <= max(first[0], second[0] + 0.04) and clock[0] - 0.04 < min(first[0], second[0]) + 1e-6
    for times in (first, second):
        rows = nearest_frames(times, clock)
        known = rows >= 0
        distance = np.abs(times[None] - clock[:, None])
        assert np.abs(times[rows[known]] - clock[known]) == pytest.approx(distance.min(1)[known])
        assert (distance.min(1)[~known] > np.median(np.diff(times))).all()


def test_the_clock_goes_on_through_a_pause_in_which_the_other_has_frames():
    fast = np.concatenate([np.arange(25), 275 + np.arange(25)]) / 25  # no frame from 1 to 11 s
    slow = np.arange(100) / 10
    for pair in ((fast, slow), (slow, fast)):
        clock = common_times(*pair)
        steps = np.diff(clock)
        assert (steps > 0).all() and (steps[clock[1:] < 10] < 0.06).all()  # from 10 to 11 s neither has one
        assert np.isin(fast, clock).all() and set(nearest_frames(slow, clock)) >= set(range(100))
    apart = common_times(fast, np.arange(9) / 10)  # the other has none there either
    assert np.array_equal(apart, fast)
    with pytest.raises(StavisError, match="too far apart"):
        common_times(np.array([0, 0.04, 0.08, 40000.0]), np.arange(0.0, 40000.0, 10))


def test_frames_lie_beside_each_other_and_gaps_are_stated(two):
    both = on_one_clock(two)
    assert both.clip.frames.shape == (50, 48, 96, 3) and list(both.maps) == ["attention of both", "attention, anna", "attention, ben"]
    assert both.clip.frames[10, :, :48].tolist() == two[0].clip.frames[10].tolist()
    assert (both.clip.frames[-1, :, 48:] == 118).all()
    assert any("ben has no frame at" in text for text in both.messages) and any("12.5 frames/s" in text for text in both.messages)
    assert any("no wipe between their maps and no difference" in text for text in both.messages)
    last = both.curves.iloc[-1]
    assert np.isnan(last["valence, ben"]) and np.isfinite(last["valence, anna"])
    assert both.maps["attention, ben"].weights[5, :, :48].max() == 0


def test_the_scrubber_has_the_curves_of_both_in_one_chart(two, tmp_path):
    scrubber = Scrubber.from_results(two, offset=0.4)
    panels = {panel["key"]: panel["title"] for panel in scrubber.clip["panels"]}
    assert "valence" in panels and "share on mouth" in panels
    names = [trace["name"] for trace in scrubber.clip["traces"] if trace["panel"] == "valence"]
    assert names == ["valence, anna", "valence, ben"]
    assert all(trace["panel"] in panels for trace in scrubber.clip["traces"])
    held = {panel["key"]: panel for panel in scrubber.clip["panels"]}
    assert (held["valence"]["low"], held["valence"]["high"]) == (-1, 1) and held["valence"]["title"] == "Valence (−1 to 1)"
    values = np.frombuffer(scrubber.numbers, np.float32).reshape(-1, scrubber.clip["count"])
    for key, panel in held.items():
        if key.startswith("share on "):
            most = max(np.nanmax(values[trace["row"]]) for trace in scrubber.clip["traces"] if trace["panel"] == key)
            assert (panel["low"], panel["high"], panel["unit"]) == (0, 1, "%") and panel["flat"] == (most < 0.05)
    assert scrubber.save(tmp_path / "page.html").stat().st_size > 10000


@pytest.mark.parametrize("view, mode", MODES.items())
def test_two_readings_of_the_same_frames_are_shown_over_them(two, view, mode):
    other = Result("anna", 50, 48, 25.0)
    scrubber = Scrubber.from_results([two[0], other], view=view, notices=("Look.",))
    assert scrubber._clip.frames.shape == two[0].clip.frames.shape and scrubber.clip["notices"] == ["Look."]
    assert list(scrubber._maps) == ["attention, anna (1)", "attention, anna (2)"] and scrubber.map == "attention, anna (1)"
    assert scrubber.view == {"mode": mode, "second": "attention, anna (2)"}
    names = [trace["name"] for trace in scrubber.clip["traces"] if trace["panel"] == "valence"]
    assert names == ["valence, anna (1)", "valence, anna (2)"]
    colours = {trace["name"]: trace["colour"] for trace in scrubber.clip["traces"]}
    assert colours["valence, label"] == GOLD and colours["valence, anna (1)"] != colours["valence, anna (2)"]


@pytest.mark.parametrize("view", ["wipe", "difference"])
def test_what_needs_the_same_frames_is_refused_for_two_recordings(two, view):
    with pytest.raises(StavisError, match=f"anna and ben do not have the same frames, so there is no {view}: choose side by side"):
        Scrubber.from_results(two, view=view)
    with pytest.raises(StavisError, match="no view 'film'"):
        Scrubber.from_results(two, view="film")


def test_a_clock_of_more_frames_than_can_be_shown_is_refused():
    with pytest.raises(StavisError, match="21000 frames, more than 20000: compare fewer seconds"):
        common_times(np.arange(21000) / 1000, np.arange(20) / 25)


def test_one_result_or_two_that_lie_far_apart_are_refused(two):
    with pytest.raises(StavisError, match="an offset of nan s"):
        Scrubber.from_results(two, offset=float("nan"))
    with pytest.raises(StavisError, match="1 results are given"):
        Scrubber.from_results(two[:1])
    with pytest.raises(StavisError, match="too far apart"):
        Scrubber.from_results(two, offset=9000.0)
    with pytest.raises(StavisError, match="1 names"):
        Scrubber.from_results(two, names=["a"])
