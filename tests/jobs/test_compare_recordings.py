"""Two recordings read by one network: one clock, both predictions, shares by region, and what cannot be compared."""

import warnings

import numpy as np
import pytest
import torch

import stavis
from stavis.data.video.io import write_video
from stavis.errors import StavisError
from stavis.jobs import compare_recordings
from tests.inference.adapters.families import OwnMap

OPTIONS = {"device": "cpu", "attention": "weights", "layout": "(b t) 1 (h w)", "outputs": ("valence",), "size": 32}


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return stavis.load(OwnMap(), rate=None, **OPTIONS)


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Two seconds at 10 frames/s, and three at 5."""
    folder = tmp_path_factory.mktemp("two")
    rng = np.random.default_rng(0)
    made = []
    for name, count, fps in (("fast", 20, 10.0), ("slow", 15, 5.0)):
        frames = rng.integers(0, 255, (count, 32, 32, 3), dtype=np.uint8)
        made.append(write_video(folder / f"{name}.mp4", iter(frames), fps=fps))
    return made


@pytest.fixture(scope="module")
def both(net, videos):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return net.compare_recordings(*videos, source="centre", regions="grid:2x2")


def test_recordings_of_two_frame_rates_share_a_clock(both):
    assert both.names == ("fast", "slow") and both.summary["frames_per_second"] == [10.0, 5.0]
    table = both.table("predictions")
    assert table.columns.tolist() == ["time", "valence, fast", "valence, slow"]
    assert np.diff(table["time"]) == pytest.approx(0.1)
    assert table["time"].iloc[-1] == pytest.approx(2.8) and table["valence, fast"].notna().sum() in (20, 21)
    slow = both.results[1].prediction.values[:, 0]
    assert table["valence, slow"].to_numpy()[::2] == pytest.approx(slow[: len(table["time"][::2])])


def test_the_shares_of_both_add_up_and_their_difference_to_nothing(both):
    table = both.table("regions")
    assert table[["fast", "slow"]].sum().to_numpy() == pytest.approx(np.ones(2), abs=1e-5)
    assert table["difference"].to_numpy() == pytest.approx((table["fast"] - table["slow"]).to_numpy())
    assert both.summary["regions"][0]["region"] == table["region"][0]


def test_the_page_shows_both_side_by_side(both, tmp_path):
    scrubber = both.scrubber()
    assert list(scrubber._maps) == ["attention of both", "attention, fast", "attention, slow"]
    assert scrubber._clip.frames.shape[2] == 2 * scrubber._clip.frames.shape[1]
    assert any("slow: 5 frames/s" in text for text in scrubber.clip["messages"])
    assert "attention, slow" in both.save(tmp_path / "page.html").read_text(encoding="utf-8")


def test_an_offset_moves_the_second_and_only_what_both_have_begun_is_compared(net, videos, both):
    moved = compare_recordings(net, videos, offset=1.0, seconds=0.5, source="centre", regions="grid:2x2")
    times = moved.clock.curves["time"]
    assert times.iloc[0] == pytest.approx(1.0) and times.iloc[-1] <= 1.5 + 0.2
    assert moved.results[1].clip.frames[0].tolist() == both.results[1].clip.frames[0].tolist()
    assert moved.results[0].clip.times[0] == pytest.approx(1.0)


def test_means_shares_and_differences_are_over_what_both_have(net, videos, both):
    assert both.summary["seconds"] == [1.9, 2.8] and both.summary["shared_seconds"] == pytest.approx(1.9)
    slow, last = both.results[1], 10  # the frames from 0 to 1.8 s
    assert both.summary["mean_predictions"]["slow"]["valence"] == pytest.approx(float(slow.prediction.values[:last].mean()), abs=1e-6)
    shares = slow.clip.share(slow.attention)[:last].mean(0)
    assert sorted(both.table("regions")["slow"]) == pytest.approx(sorted(shares), abs=1e-6)
    sentence = "slow goes on for 0.9 s after fast has ended: means and shares are over the 1.9 s that both have."
    assert both.notes.count(sentence) == 1 and sentence in both.summary["notes"]


@pytest.mark.parametrize(
    ("offset", "begin", "end"), [(0.0, 0.0, 1.9), (0.5, 0.5, 1.9), (-0.5, 0.0, 1.9), (-3.0, 0.0, 1.9), (-4.5, 0.0, 1.4)]
)
def test_the_two_change_places_and_the_numbers_stay(net, tmp_path, offset, begin, end):
    frames = np.random.default_rng(2).integers(0, 255, (60, 32, 32, 3), dtype=np.uint8)
    short, long = write_video(tmp_path / "short.mp4", iter(frames[:20]), fps=10), write_video(tmp_path / "long.mp4", iter(frames), fps=10)
    options = {"source": "centre", "regions": "grid:2x2", "quiet": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = net.compare_recordings(short, long, offset=offset, **options)
        turned = net.compare_recordings(long, short, offset=-offset, **options)
        whole = {"short": net.read(short, source="centre"), "long": net.read(long, source="centre")}
    for name, moved in (("short", 0.0), ("long", offset)):
        times = whole[name].times + moved
        inside = (times > begin - 1e-3) & (times < end + 1e-3)
        expected = pytest.approx(float(whole[name].values[inside].mean()), abs=1e-5)
        assert found.summary["mean_predictions"][name]["valence"] == expected == turned.summary["mean_predictions"][name]["valence"]
    assert found.summary["shared_seconds"] == pytest.approx(end - begin, abs=1e-3)
    columns = ["short", "long"]
    assert found.table("regions")[columns].to_numpy() == pytest.approx(turned.table("regions")[columns].to_numpy())


def test_what_cannot_be_compared_is_one_sentence(net, videos, both, tmp_path):
    with pytest.raises(StavisError, match=r"fast \(0.0 to 1.9 s\) and slow \(40.0 to 42.8 s\) share no moment: choose an offset"):
        compare_recordings(net, videos, offset=40.0, source="centre")
    for offset in (np.nan, np.inf):
        with pytest.raises(StavisError, match=f"an offset of {offset} s cannot be"):
            compare_recordings(net, videos, offset=offset, source="centre")
    with pytest.raises(StavisError, match="1 recording is given, expected two"):
        compare_recordings(net, videos[0])
    with pytest.raises(StavisError, match="3 names are given"):
        compare_recordings(net, videos, names=("a", "b", "c"), source="centre")
    one = write_video(tmp_path / "one.mp4", iter(np.zeros((1, 32, 32, 3), np.uint8)), fps=10)
    with pytest.raises(StavisError, match="one has one frame, so it has no frame rate"):
        compare_recordings(net, [videos[0], one], source="centre")
    with pytest.raises(StavisError, match=r"slow has 1 frame in the 0\.1 s"):
        compare_recordings(net, videos, seconds=0.1, source="centre")
    with warnings.catch_warnings(), pytest.raises(StavisError, match="fast and slow have no segment with frames of both"):
        warnings.simplefilter("ignore")
        slow = write_video(tmp_path / "slow.mp4", iter(np.zeros((4, 32, 32, 3), np.uint8)), fps=0.5)
        compare_recordings(net, [videos[0], slow], offset=-0.05, source="centre")
    with pytest.raises(StavisError, match="no table 'x'"):
        both.table("x")


def test_both_recordings_say_how_far_they_are_one_line_a_stage_where_there_is_no_terminal(net, tmp_path, capsys):
    random = np.random.default_rng(1)  # videos that no test has read before
    frames = [random.integers(0, 255, (count, 32, 32, 3), dtype=np.uint8) for count in (12, 9)]
    read = [write_video(tmp_path / f"{k}.mp4", iter(one), fps=10) for k, one in enumerate(frames)]
    compare_recordings(net, read, source="centre")
    err = capsys.readouterr().err
    assert [line.partition(":")[0] for line in err.splitlines() if line.startswith("attention")] == [
        "attention, first recording",
        "attention, second recording",
    ]
    assert "\r" not in err
    compare_recordings(net, read, names=("before", "after"), source="centre", quiet=True)
    assert capsys.readouterr().err == ""
