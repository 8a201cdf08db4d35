"""Laws of reading a recording: every frame once, no clock but the video's, the attention a distribution."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from stavis.errors import StavisError
from stavis.evaluation.evaluate import evaluate
from stavis.inference.reading import read
from stavis.models.sta import CNN3D, STA
from stavis.timeline import streams
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


def test_attention_stays_a_distribution_where_windows_overlap():
    torch.manual_seed(0)
    network = STA(TINY).train()
    crops = made_crops(1, frames=60)[0]
    reading = read(network, crops.frames, crops.times)
    assert reading.attention.weights.shape == (60, TINY.grid, TINY.grid)
    assert reading.attention.weights.sum((1, 2)) == pytest.approx(np.ones(60), abs=1e-4)
    assert network.training  # the mode is as it was
    assert (np.abs(reading.prediction.values) <= 1).all()


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
