"""Laws of reading a recording: every frame once, no clock but the video's, the attention a distribution."""

import json
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import stavis
from stavis.data.video.io import write_video
from stavis.errors import StavisError
from stavis.evaluation.evaluate import evaluate
from stavis.inference.adapters.frames import FramesNetwork
from stavis.inference.reading import rate_notes, read
from stavis.models.sta import CNN3D, STA
from stavis.timeline import read_rate, streams
from tests.inference.adapters import families
from tests.training.made_crops import TINY, made_crops


class Brightness(nn.Module):
    """A network without parameters of its own: the mean brightness of each frame, in [-1,1]."""

    dimensions = ("valence",)

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, frames):
        return frames.mean((2, 3, 4)).unsqueeze(2) * 2 - 1


@given(st.integers(1, 400), st.sampled_from([1.0, 5.0, 12.5, 23.976, 25.0, 60.0, 1000.0]))
@settings(deadline=None, max_examples=60)
def test_every_frame_belongs_to_exactly_one_stream(frames, fps):
    dealt = streams(np.arange(frames) / fps, 6.25)
    assert sorted(np.concatenate(dealt).tolist()) == list(range(frames))
    step = 1 / fps if frames > 1 else 0
    for stream in dealt:
        if len(stream) > 1 and fps > 6.25:
            assert np.diff(stream).max() * step == pytest.approx(1 / 6.25, rel=0.35)


@pytest.mark.parametrize("fps", [6.25, 12.5, 30.0])
def test_a_frames_value_is_its_own_whatever_the_rate(fps):
    crops = made_crops(1, frames=90, fps=fps)[0]
    reading = read(Brightness(), crops.frames, crops.times, rate=6.25, seconds=2.0)
    expected = crops.frames.mean((1, 2, 3)) / 255 * 2 - 1
    assert reading.prediction.values[:, 0] == pytest.approx(expected, abs=1e-4)
    assert np.array_equal(reading.prediction.times, crops.times) and reading.attention is None


class Fast(nn.Module):
    """How far a bar moves a frame, in px/s for a network that has learned at 15 frames/s."""

    def __init__(self):
        super().__init__()
        self.rate = nn.Parameter(torch.tensor(15.0))

    def forward(self, frames):
        columns = frames.mean((2, 3))
        places = (columns * torch.arange(columns.shape[2])).sum(2) / columns.sum(2).clamp_min(1e-6)
        return self.rate * places.diff(dim=1).mean(1)[:, None]


def bar(fps: float, speed: float = 10.0, seconds: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """A bar that moves by `speed` px/s: frames (T,32,32,3) uint8 and their times."""
    times = np.arange(round(fps * seconds)) / fps
    frames = np.zeros((len(times), 32, 32, 3), np.uint8)
    for frame, time in zip(frames, times, strict=True):
        frame[:, round(speed * time) : round(speed * time) + 4] = 255
    return frames, times


@pytest.mark.parametrize(
    ("fps", "shown", "pace"), [(22, 22, 0.68), (10, 10, 1.5), (5, 5, 3), (25, 12.5, 1.2), (30, 15, None), (16, 16, None)]
)
@pytest.mark.filterwarnings("ignore::stavis.StavisWarning")
def test_frames_at_another_rate_than_the_networks_are_noted_with_what_that_does_to_speed(fps, shown, pace):
    net = stavis.load(Fast(), size=32, rate=15, frames=8, region="frame", framing="resize", outputs=("speed",), device="cpu")
    frames, times = bar(fps)
    reading = net.read(frames, times=times)
    assert np.nanmean(reading.values) == pytest.approx(10 * (15 / shown), rel=0.15)
    found = [note for note in reading.notes if "expects" in note]
    if pace is None:
        assert not found
    else:
        assert found == [
            f"Fast expects 15 frames/s and is shown {shown:g}: movements look {pace:g} times as fast to it; to meet its rate, convert the "
            "video to 15 frames/s or a whole multiple of it."
        ]
        assert read_rate(times, 15) == pytest.approx(shown)


@pytest.mark.filterwarnings("ignore::stavis.StavisWarning")
def test_the_note_of_a_rate_is_shown_once_and_kept_in_explain_json(tmp_path):
    video = write_video(tmp_path / "bar.mp4", bar(22)[0], fps=22)
    net = stavis.load(Fast(), size=32, rate=15, frames=8, region="frame", framing="resize", outputs=("speed",), device="cpu")
    for run in (lambda: net.read(video), lambda: net.read_many([video, video]), lambda: net.explain(video, methods=())):
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("always")
            result = run()
        assert sum("expects 15 frames/s and is shown 22" in str(one.message) for one in shown) == 1
    result.save(tmp_path / "out")
    kept = json.loads((tmp_path / "out" / "explain.json").read_text())["warnings"]
    assert sum("expects 15 frames/s and is shown 22" in note for note in kept) == 1
    assert "movements look 0.68 times as fast to it" in (tmp_path / "out" / "report.html").read_text().replace("\xa0", " ")


def test_no_rate_is_noted_where_there_is_no_speed_or_the_shipped_networks_are_shown_ordinary_video():
    times = lambda fps: np.arange(50) / fps  # noqa: E731
    for name in stavis.pretrained_names():
        net = stavis.load(name, device="cpu")
        for fps in (6.25, 12.5, 23.976, 24, 25, 29.97, 30, 50, 59.94, 60):
            assert rate_notes(net.network, net.name, times(fps)) == ()
        assert len(rate_notes(net.network, net.name, times(10))) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        images = stavis.load(families.own_map(), size=32, rate=15, attention="weights", layout="(b t) 1 (h w)", device="cpu")
        single = stavis.load(Brightness(), size=32, rate=15, frames=1, device="cpu")
    assert not images.network.sees_motion and single.network.sees_motion
    for net in (images, single):
        assert rate_notes(net.network, net.name, times(5)) == ()
    assert rate_notes(FramesNetwork.of(Brightness()), "b", times(5)[:1]) == ()


def test_attention_stays_a_distribution_where_windows_overlap():
    torch.manual_seed(0)
    network = STA(TINY).train()
    crops = made_crops(1, frames=60)[0]
    reading = read(network, crops.frames, crops.times)
    assert reading.attention.weights.shape == (60, TINY.grid, TINY.grid)
    assert reading.attention.weights.sum((1, 2)) == pytest.approx(np.ones(60), abs=1e-4)
    assert network.training  # the mode is as it was
    assert (np.abs(reading.prediction.values) <= 1).all()


@pytest.mark.parametrize("mode", ["window", "stream"])
def test_after_a_pause_a_video_is_read_as_one_of_its_own(mode):
    torch.manual_seed(0)
    network = STA(TINY)
    crops = made_crops(1, frames=90, fps=12.5)[0]
    times = crops.times + np.where(np.arange(90) >= 40, 60.0, 0)
    whole = read(network, crops.frames, times, mode=mode)
    parts = [read(network, crops.frames[part], times[part], mode=mode) for part in (slice(0, 40), slice(40, 90))]
    for field in ("values", "weights"):
        one, two = ([each.prediction.values, each.attention.weights][field == "weights"] for each in parts)
        found = whole.prediction.values if field == "values" else whole.attention.weights
        assert found == pytest.approx(np.concatenate([one, two]), abs=1e-5)


@pytest.mark.parametrize("gap, kept", [(0.7, 1), (1.2, 2)])
def test_a_stream_goes_on_over_dropped_frames_and_ends_at_a_pause(gap, kept):
    times = np.arange(20) / 6.25 + np.where(np.arange(20) >= 8, gap, 0)
    assert len(streams(times, 6.25)) == kept and len(streams(np.arange(20.0) * 3, 6.25)) == 1


class Normed(nn.Module):
    """A batch norm that was frozen, in a network in training mode."""

    def __init__(self, fails=False):
        super().__init__()
        self.norm, self.fails = nn.BatchNorm2d(3).eval(), fails

    def forward(self, frames):
        assert not self.fails, "on purpose"
        return self.norm(frames.flatten(0, 1)).mean((1, 2, 3)).view(frames.shape[:2])[..., None]


def test_each_modules_mode_is_as_before_also_after_an_error():
    crops = made_crops(1, frames=30)[0]
    for network in (Normed(), Normed(fails=True)):
        try:
            read(network, crops.frames, crops.times)
        except AssertionError:
            assert network.fails
        assert network.training and not network.norm.training


def test_a_reading_is_in_single_precision_whatever_autocast_it_is_in():
    torch.manual_seed(0)
    network = CNN3D(TINY)
    crops = made_crops(1, frames=30)[0]
    plain = read(network, crops.frames, crops.times).prediction.values
    with torch.autocast("cpu", torch.bfloat16):
        assert np.array_equal(read(network, crops.frames, crops.times).prediction.values, plain)


def test_the_batch_size_does_not_matter():
    torch.manual_seed(0)
    network = CNN3D(TINY)
    crops = made_crops(1, frames=70)[0]
    one, eight = (read(network, crops.frames, crops.times, batch=size).prediction.values for size in (1, 8))
    assert one == pytest.approx(eight, abs=1e-5)


class SmallDevice(Brightness):
    """A network whose device holds only so many windows at once."""

    def __init__(self, room: int):
        super().__init__()
        self.room, self.seen = room, []

    def forward(self, frames):
        self.seen.append(len(frames))
        if len(frames) > self.room:
            raise torch.OutOfMemoryError("too many")
        return super().forward(frames)


def test_a_device_that_runs_out_of_memory_gets_half_the_batch_once_and_a_note_says_so():
    crops = made_crops(1, frames=90)[0]
    asked = {"rate": 6.25, "seconds": 2.0, "batch": 4}
    small, enough = SmallDevice(2), SmallDevice(4)
    spared, usual = (read(network, crops.frames, crops.times, **asked) for network in (small, enough))
    assert np.array_equal(spared.values, usual.values) and small.seen[0] == 4 and max(small.seen[1:]) == 2
    assert "4 windows at once: they were read 2 at a time" in "".join(spared.notes) and not usual.notes
    for room, batch in ((1, 4), (0, 1)):
        with pytest.raises(StavisError, match="device='cpu'"):
            read(SmallDevice(room), crops.frames, crops.times, **asked | {"batch": batch})


@pytest.mark.parametrize("mode", ["window", "stream"])
@pytest.mark.parametrize("size", [(1, 33, 47), (2, 64, 64), (7, 31, 112)])
def test_clips_of_one_frame_and_of_odd_sizes_are_read(size, mode):
    frames = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    found = read(STA(TINY), frames, np.arange(len(frames)) / 25, mode=mode)
    assert np.isfinite(found.values).all() and found.attention.weights.sum((1, 2)) == pytest.approx(np.ones(len(frames)), abs=1e-4)


def test_one_frame_can_be_read():
    reading = read(STA(TINY), made_crops(1)[0].frames[:1], np.zeros(1))
    assert reading.prediction.values.shape == (1, 1)


def test_an_evaluation_counts_and_fills_frames_without_a_face():
    crops = made_crops(2)
    hidden = crops[0]
    hidden.valid[5:9] = False
    done = evaluate(Brightness(), crops)
    assert done.counts == {
        "recordings": 2,
        "frames": 80,
        "frames_without_face": 4,
        "frames_bridged": 0,
        "frames_without_label": 0,
        "seconds_without_label": 0.0,
        "frames_excluded": 0,
        "recordings_scored": 2,
        "frames_scored": 80,
    }
    mine = done.predictions[done.predictions.recording == hidden.recording].predicted.to_numpy()
    assert mine[4:10] == pytest.approx(np.linspace(mine[4], mine[9], 6))  # interpolated between the neighbours
    score = done.scores["concatenated"]["cc"]["valence"]
    assert score.value > 0.99 and np.isnan([score.low, score.high]).all() and "2 recordings" in score.reason
    assert list(done.predictions.columns) == ["recording", "time", "dimension", "predicted", "gold"]
