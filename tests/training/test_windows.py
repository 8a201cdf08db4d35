import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from stavis.errors import StavisError
from stavis.timeline import frame_choice, resample, stride_of, window_starts
from stavis.training.augment import Jitter, jittered
from stavis.training.windows import RandomWindows

NONE = Jitter(**dict.fromkeys(Jitter.__dataclass_fields__, 0.0))
RISING = st.lists(st.floats(1e-3, 5), min_size=1, max_size=60).map(lambda steps: np.cumsum(steps) - 3)


@given(times=RISING, slope=st.floats(-0.1, 0.1))
def test_resampling_keeps_lines_and_labels_at_their_own_times(times, slope):
    labels = np.stack([slope * times, np.full(len(times), 0.25)], 1)
    assert np.allclose(resample(times, labels, times), labels)
    between = np.sort(np.random.default_rng(0).uniform(times[0], times[-1], 20))
    line = np.stack([slope * between, np.full(20, 0.25)], 1)
    assert np.allclose(resample(times, labels, between, max_gap=None), line)
    found = resample(times, labels, between)
    assert np.allclose(found[~np.isnan(found)], line[~np.isnan(found)]), "a label is on the line, or there is none"


def test_outside_the_labels_there_is_no_label():
    found = resample(np.array([1.0, 2]), np.array([[0.5], [1]]), np.array([0.9, 0.9995, 1, 1.5, 2, 2.0005, 2.1]))
    assert np.array_equal(found[:, 0], [np.nan, 0.5, 0.5, 0.75, 1, 1, np.nan], equal_nan=True)
    assert np.isnan(resample(np.empty(0), np.empty((0, 1)), np.zeros(3))).all()


def test_an_invalid_label_touches_none_of_its_neighbours():
    labels = np.array([[0.0], [np.nan], [0.2], [0.3]])
    times = np.array([0, 0.4, 0.6, 1, 1.4, 1.6, 2, 2.5, 3])
    found = resample(np.arange(4.0), labels, times)[:, 0]
    assert np.isnan(found[[2, 3, 4]]).all() and np.isnan(found).sum() == 3
    assert found[[0, 6, 7, 8]].tolist() == pytest.approx([0, 0.2, 0.25, 0.3])
    assert np.isnan(resample(np.arange(4.0), np.full((4, 1), np.nan), times)).all()


def test_one_row_more_changes_nothing():
    times = np.arange(75) / 25
    labels = np.random.default_rng(0).uniform(-1, 1, (76, 1))
    assert np.array_equal(resample(np.arange(76) / 25, labels, times), resample(np.arange(75) / 25, labels[:75], times))


@given(times=RISING, rate=st.floats(0.05, 100))
def test_chosen_frames_rise_without_doubles_and_stay_near_the_grid(times, rate):
    found = frame_choice(times, rate)
    assert len(found) and (np.diff(found) > 0).all() and found[0] == 0 and found[-1] < len(times)
    grid = times[0] + np.arange(np.rint((times[-1] - times[0]) * rate) + 1) / rate
    nearest = np.abs(times[found][:, None] - grid).min(1)
    closest_any = np.diff(times).max(initial=0) / 2
    assert nearest.max() <= closest_any + 0.5 / rate + 1e-6
    # every moment of the grid has a chosen frame that is as near as any frame, if frames are near at all
    of_grid = np.abs(times[:, None] - grid).min(0)
    close = of_grid < 0.5 / rate
    assert np.all(np.abs(times[found][:, None] - grid).min(0)[close] <= of_grid[close] + 2e-6)


@pytest.mark.parametrize(
    ("fps", "rate", "step"), [(25, 6.25, 4), (30, 7.5, 4), (50, 25, 2), (25, 25, 1), (24, 25, 1), (10, 25, 1), (1, 6.25, 1)]
)
def test_even_videos_give_even_steps_and_slow_ones_every_frame(fps, rate, step):
    times = 0.85 + np.arange(301) / fps
    rounded = np.round(times, 3)
    for clock in (times, rounded):
        assert np.array_equal(frame_choice(clock, rate), np.arange(0, 301, step))


def test_gaps_and_leaps_of_the_clock_cost_no_memory_and_invent_nothing():
    times = np.concatenate([np.arange(50) / 25, 100 + np.arange(50) / 25, 1e9 + np.arange(50) / 25])
    found = frame_choice(times, 6.25)
    assert 36 <= len(found) <= 44 and (np.diff(found) > 0).all()
    assert np.array_equal(frame_choice(times, None), np.arange(150)) and len(frame_choice(np.empty(0), 5)) == 0
    for rate in (0, -1, np.nan):
        with pytest.raises(StavisError, match="rate"):
            frame_choice(times, rate)


@given(frames=st.integers(1, 300), seconds=st.floats(0.05, 30), overlap=st.floats(0, 0.95), fps=st.sampled_from([1.0, 6.25, 25.0]))
def test_windows_cover_every_frame_with_equal_lengths(frames, seconds, overlap, fps):
    slices = window_starts(np.arange(frames) / fps, seconds, overlap)
    covered = np.zeros(frames, bool)
    for one in slices:
        covered[one] = True
    assert covered.all() and slices[-1].stop == frames and slices[0].start == 0
    assert len({one.stop - one.start for one in slices}) == 1
    assert (np.diff([one.start for one in slices]) > 0).all()


def test_windows_overlap_as_asked_and_bad_ones_are_refused():
    slices = window_starts(np.arange(100) / 25, 1, 0.6)
    assert slices[1].start == 10 and slices[0] == slice(0, 25)
    assert window_starts(np.empty(0), 1) == [] and window_starts(np.zeros(1), 4) == [slice(0, 1)]
    for seconds, overlap in ((0, 0.5), (1, 1), (1, -0.1)):
        with pytest.raises(StavisError, match="overlap"):
            window_starts(np.arange(5), seconds, overlap)


def crops_like(frames, name="a", valid=None, labels=True, size=16, dimensions=("valence",)):
    """Crops whose pixels tell their frame: red = its number, and green = 200 in the left half."""
    pixels = np.zeros((frames, size, size, 3), np.uint8)
    pixels[..., 0] = (np.arange(frames) % 256)[:, None, None]
    pixels[:, :, : size // 2, 1] = 200
    values = np.repeat((np.arange(frames) / 1000)[:, None], len(dimensions), 1) if labels is True else labels
    return SimpleNamespace(
        recording=name,
        frames=pixels,
        times=np.arange(frames) / 25,
        valid=np.ones(frames, bool) if valid is None else valid,
        labels=values,
        dimensions=dimensions,
    )


def test_a_sample_is_a_stretch_with_its_labels_and_some_are_mirrored():
    data = RandomWindows([crops_like(100), crops_like(40, "b")], frames=16, samples_per_epoch=60, seed=3, jitter=None)
    mirrored = 0
    for item in (data[k] for k in range(60)):
        assert item.frames.shape == (16, 3, 16, 16) and item.frames.dtype == torch.uint8
        assert item.labels.shape == (16, 1) and item.labels.dtype == torch.float32 and item.mask.all()
        numbers = item.frames[:, 0, 0, 0].numpy().astype(int)
        assert (np.diff(numbers) == 1).all() and np.allclose(item.labels[:, 0], numbers / 1000)
        left, right = item.frames[0, 1, 0, 0], item.frames[0, 1, 0, -1]
        assert {int(left), int(right)} == {0, 200}
        mirrored += int(right) == 200
    assert 15 < mirrored < 45
    plain = RandomWindows([crops_like(100)], 16, 60, 3, flip=False, jitter=None)
    assert all(plain[k].frames[0, 1, 0, 0] == 200 for k in range(60))


def test_pairs_are_two_views_of_one_window_of_which_one_is_mirrored():
    crops = [crops_like(100), crops_like(60, "b")]
    data = RandomWindows(crops, 8, 40, 3, jitter=None, pairs=True)
    sides = set()
    for k in range(0, 40, 2):
        first, second = data[k], data[k + 1]
        assert torch.equal(first.labels, second.labels) and torch.equal(first.mask, second.mask)
        assert torch.equal(first.frames, second.frames.flip(3)) and not torch.equal(first.frames, second.frames)
        sides.add(int(first.frames[0, 1, 0, 0]))
    assert sides == {0, 200}, "either view is the mirrored one"
    assert len({float(data[k].labels[0, 0]) for k in range(0, 40, 2)}) > 10, "another pair is another window"
    bright = RandomWindows(crops, 8, 40, 3, flip=False, jitter=dataclasses.replace(NONE, brightness=0.5), pairs=True)
    assert not torch.equal(bright[0].frames, bright[1].frames), "each view has a jitter of its own"


def test_a_sample_is_a_function_of_seed_and_position_alone():
    crops = [crops_like(100), crops_like(60, "b")]
    one, other = (RandomWindows(crops, 8, 10, 7) for _ in range(2))
    for k in reversed(range(10)):
        other[k]
    one.set_epoch(2)
    for k in (0, 9):
        for a, b in zip(one[k], other[20 + k], strict=True):
            assert torch.equal(a, b)
    another = RandomWindows(crops, 8, 10, 8)
    assert any(not torch.equal(another[k].frames, other[k].frames) for k in range(10))
    assert any(not torch.equal(other[k].frames, other[10 + k].frames) for k in range(10))


def test_workers_draw_the_same_batches_and_a_start_in_mid_epoch_goes_on():
    data = RandomWindows([crops_like(100)], 8, 12, 1)
    alone = list(DataLoader(data, batch_size=4))
    by_two = list(DataLoader(data, batch_size=4, num_workers=2))
    later = list(DataLoader(data, batch_size=4, sampler=range(4, 12)))
    assert len(alone) == 3 and alone[0].frames.shape == (4, 8, 3, 16, 16)
    for a, b in zip(alone, by_two, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert torch.equal(later[0].frames, alone[1].frames) and torch.equal(later[1].labels, alone[2].labels)


def test_half_of_every_window_is_usable_and_the_rest_masked():
    valid = np.zeros(100, bool)
    valid[30:40] = True
    labels = np.arange(100)[:, None] / 1000.0
    labels[35:] = np.nan
    data = RandomWindows([crops_like(100, valid=valid, labels=labels)], 10, 40, 0, jitter=None)
    for item in (data[k] for k in range(40)):
        numbers = item.frames[:, 0, 0, 0].numpy()
        assert item.mask.sum() >= 5 and torch.isfinite(item.labels).all()
        assert np.array_equal(item.mask.numpy(), (numbers >= 30) & (numbers < 35))
        assert (item.labels[~item.mask] == 0).all()


def test_a_lower_rate_takes_every_so_many_th_frame():
    assert [stride_of(np.arange(50) / 25, rate) for rate in (None, 25, 30, 12.5, 6.25)] == [1, 1, 1, 2, 4]
    assert stride_of(np.zeros(1), 5) == 1
    data = RandomWindows([crops_like(100)], 8, 30, 0, jitter=None, rate=6.25)
    for item in (data[k] for k in range(30)):
        numbers = item.frames[:, 0, 0, 0].numpy().astype(int)
        assert (np.diff(numbers) == 4).all() and np.allclose(item.labels[:, 0], numbers / 1000) and item.mask.all()
    short = RandomWindows([crops_like(24)], 8, 3, 0, jitter=None, rate=6.25)[0]
    assert short.mask.tolist() == [True] * 6 + [False] * 2


def test_short_recordings_are_filled_up_and_masked_or_left_out():
    data = RandomWindows([crops_like(12)], 16, 5, 0, flip=False, jitter=None)
    item = data[0]
    assert item.mask.tolist() == [True] * 12 + [False] * 4 and (item.frames[12:, 0] == 11).all()
    both = RandomWindows([crops_like(100), crops_like(3, "tiny")], 16, 5, 0)
    assert len(both) == 5 and "not trained on: tiny" in both.notes[0] and data.notes == ()
    with pytest.raises(StavisError, match="no window of 16 frames"):
        RandomWindows([crops_like(3)], 16, 5, 0)


@pytest.mark.parametrize(
    ("crops", "said"),
    [
        ([], "no recording"),
        ([crops_like(20, "q", labels=None)], "recording q has no labels"),
        ([crops_like(20), crops_like(20, "q", size=8)], "recording q has size"),
        ([crops_like(20), crops_like(20, "q", dimensions=("arousal",))], "recording q has dimensions"),
    ],
)
def test_crops_that_cannot_be_trained_on(crops, said):
    with pytest.raises(StavisError, match=said):
        RandomWindows(crops, 8, 5, 0)


def test_jitter_is_one_change_for_all_frames_and_leaves_the_input():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (32, 32, 3), np.uint8)
    clip = np.repeat(picture[None], 5, 0)
    before, differing = clip.copy(), 0
    for seed in range(40):
        out = jittered(clip, Jitter(jpeg=0), np.random.default_rng(seed))
        assert out.shape == clip.shape and out.dtype == np.uint8
        assert (out == out[:1]).all() and np.array_equal(clip, before)
        differing += not np.array_equal(out, clip)
        assert np.array_equal(out, jittered(clip, Jitter(jpeg=0), np.random.default_rng(seed)))
    assert differing == 40
    packed = jittered(clip, Jitter(jpeg=1), np.random.default_rng(1))
    assert packed.shape == clip.shape


def test_no_jitter_is_the_identity_and_grey_is_grey():
    clip = np.random.default_rng(0).integers(0, 256, (3, 20, 24, 3), np.uint8)
    assert np.array_equal(jittered(clip, NONE, np.random.default_rng(0)), clip)
    grey = jittered(clip, dataclasses.replace(NONE, grey=1.0), np.random.default_rng(0)).astype(int)
    assert np.abs(grey - grey.mean(-1, keepdims=True)).max() <= 1
    covered = jittered(clip, dataclasses.replace(NONE, cutout=1.0, cutout_size=0.5), np.random.default_rng(0))
    changed = (covered != clip).any(-1)
    assert 0 < changed.mean() <= 0.25


def test_shades_are_soft_lie_still_and_leave_the_colour_of_the_skin():
    clip = np.full((4, 64, 64, 3), (120, 90, 60), np.uint8)
    symmetric = 0
    for seed in range(20):
        out = jittered(clip, dataclasses.replace(NONE, shade=0.3), np.random.default_rng(seed)).astype(float)
        assert (out == out[:1]).all()
        factor = out[0, ..., 0] / 120
        assert np.log(factor).std() <= 0.32
        assert np.abs(np.diff(factor, axis=0)).max() < 0.5 * np.ptp(factor) + 0.02, "no edge that could be taken for a feature"
        assert np.abs(out[0] / (120, 90, 60) - factor[..., None]).max() < 0.02
        symmetric += np.allclose(factor, factor[:, ::-1])
    assert 4 <= symmetric <= 16
