"""Any maps over any frames: kept as they are, attention told from other numbers, bad arrays refused in one sentence."""

import numpy as np
import pytest

import stavis
from stavis.errors import StavisError, StavisWarning
from stavis.types import AttentionMaps, Attribution

RNG = np.random.default_rng(0)
FRAMES = RNG.integers(0, 255, (6, 40, 30, 3), dtype=np.uint8)
TIMES = np.arange(6) / 10
WEIGHTS = RNG.random((6, 4, 5))


def test_three_lines_make_a_page_without_network_or_faces(tmp_path):
    scrubber = stavis.Scrubber.from_arrays(FRAMES, {"mine": WEIGHTS, "<b>signed": WEIGHTS - 0.5}, times=TIMES, title="<i>")
    page = scrubber.save(tmp_path / "page.html").read_text()
    assert scrubber.clip["count"] == 6 and [one["name"] for one in scrubber.clip["maps"]] == ["mine", "<b>signed"]
    assert [one["signed"] for one in scrubber.clip["maps"]] == [False, True]
    assert not any("region" in message or "face" in message for message in scrubber.clip["messages"])
    assert "<b>signed" not in page and "<i>" not in page and "http://" not in page.split("<body", 1)[0]
    scrubber.time = 0.31
    assert scrubber.frame == 3
    scrubber.add_map("more", scrubber._maps["mine"])
    assert not any("region" in message for message in scrubber.clip["messages"])


def test_maps_that_sum_to_one_are_attention_and_others_stay_as_they_are():
    attention = WEIGHTS / WEIGHTS.sum((1, 2), keepdims=True)
    maps = stavis.Scrubber.from_arrays(FRAMES, {"attention": attention, "other": 3 * WEIGHTS}, times=TIMES)._maps
    assert isinstance(maps["attention"], AttentionMaps) and maps["attention"].weights == pytest.approx(attention)
    assert isinstance(maps["other"], Attribution) and maps["other"].values == pytest.approx(3 * WEIGHTS)


def test_frames_without_times_are_noted():
    with pytest.warns(StavisWarning, match="25 frames/s are taken"):
        scrubber = stavis.Scrubber.from_arrays(FRAMES, {})
    scrubber.frame = 5
    assert scrubber.time == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"frames": FRAMES / 255}, "float64, expected"),
        ({"frames": FRAMES[..., 0]}, "expected \\(T,H,W,3\\)"),
        ({"frames": FRAMES[:0]}, "expected \\(T,H,W,3\\)"),
        ({"times": TIMES[:5]}, "6 frames need as many times"),
        ({"maps": {"mine": WEIGHTS[:5]}}, "the map 'mine'"),
        ({"maps": {"mine": WEIGHTS[0]}}, "the map 'mine'"),
        ({"maps": {"mine": np.full((6, 2, 2), "a")}}, "the map 'mine'"),
    ],
)
def test_arrays_that_do_not_fit_are_one_sentence(given, reason):
    with pytest.raises(StavisError, match=reason) as error:
        stavis.Scrubber.from_arrays(**{"frames": FRAMES, "maps": {"mine": WEIGHTS}, "times": TIMES, **given})
    assert len(str(error.value).splitlines()) == 1


def test_a_page_is_not_written_over_a_folder(tmp_path):
    with pytest.raises(StavisError, match="cannot be written"):
        stavis.Scrubber.from_arrays(FRAMES, {}, times=TIMES).save(tmp_path)


@pytest.mark.parametrize("times", [TIMES[::-1], np.zeros(6), np.where(np.arange(6) == 2, np.nan, TIMES)])
def test_times_that_do_not_rise_are_refused(times):
    with pytest.raises(StavisError, match="times do not rise"):
        stavis.Scrubber.from_arrays(FRAMES, {"mine": WEIGHTS}, times=times)
