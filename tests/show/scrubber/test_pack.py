"""What goes to the browser says the same as what was given."""

import io

import av
import cv2
import numpy as np
import pytest

from stavis.errors import StavisError
from stavis.regions import REGIONS
from stavis.show.scrubber.pack import MAP_BYTES, grid_limit, pack_frames, pack_map, pack_outlines
from stavis.types import AttentionMaps, Attribution, Target
from tests.show.samples import CODE_BITS, clip_of, maps_of, regions_of


def codes(packed) -> np.ndarray:
    raw = np.frombuffer(packed.buffer, np.uint8).reshape(len(packed.scale), *packed.grid).astype(float)
    part = (raw - 128) / 127 if packed.signed else raw / 255
    return part * packed.scale[:, None, None]


def test_attention_comes_back_as_times_chance():
    clip = clip_of(20, 48)
    attention = maps_of(clip, 16)["attention"]
    packed = pack_map("attention", attention, longest_grid=56)
    wanted = attention.weights * 256
    assert packed.unit == "density" and not packed.signed
    assert np.abs(codes(packed) - wanted).max() <= wanted.max() / 255
    assert codes(packed).mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("size", [1.0, 1e-9, 1e9])
def test_signed_maps_of_any_range_keep_sign_and_zero(size):
    values = np.random.default_rng(0).normal(0, size, (4, 10, 10)).astype(np.float32)
    values[0, 0, 0] = 0
    packed = pack_map("a", Attribution("m", Target(), values, np.arange(4)), longest_grid=56)
    assert packed.signed and packed.messages == ()
    assert np.abs(codes(packed) - values).max() <= np.abs(values).max() / 127
    assert codes(packed)[0, 0, 0] == 0


def test_pooling_keeps_the_mean():
    values = np.random.default_rng(0).random((3, 112, 112)).astype(np.float32)
    packed = pack_map("a", Attribution("m", Target(), values, np.arange(3)), longest_grid=56)
    assert packed.grid == (56, 56)
    assert codes(packed).mean() == pytest.approx(values.mean(), rel=0.01)


def test_maps_that_are_not_numbers_or_zero_are_said():
    clip = clip_of(6, 48)
    weights = maps_of(clip, 8)["attention"].weights.copy()
    weights[2, 3, 3] = np.nan
    packed = pack_map("attention", AttentionMaps(weights, clip.times), longest_grid=56)
    assert packed.scale[2] == 0 and (packed.scale[[0, 1, 3, 4, 5]] > 0).all()
    assert "1 of 6 frames" in packed.messages[0]
    zero = pack_map("saliency", Attribution("m", Target(), np.zeros((6, 8, 8), np.float32), clip.times), longest_grid=56)
    assert "zero everywhere" in zero.messages[0] and (zero.scale == 0).all()


@pytest.mark.parametrize("frames, count", [(1, 1), (250, 3), (3000, 5), (100_000, 9)])
def test_maps_stay_within_their_room(frames, count):
    side = grid_limit(frames, count)
    assert 16 <= side <= 56
    assert side == 16 or frames * count * side * side <= MAP_BYTES


def test_a_strip_holds_one_picture_a_frame():
    clip = clip_of(5, 64)
    packed = pack_frames(clip.frames, clip.times, longest_side=320)
    assert packed.kind == "strip" and (packed.width, packed.height) == (64, 64) and len(packed.offsets) == 6
    for t in range(5):
        part = np.frombuffer(packed.buffer[packed.offsets[t] : packed.offsets[t + 1]], np.uint8)
        image = cv2.imdecode(part, cv2.IMREAD_COLOR)[..., ::-1]
        assert np.abs(image.astype(float) - clip.frames[t]).mean() < 5


def test_a_video_keeps_the_clips_own_times_and_every_frame():
    clip = clip_of(40, 96, numbered=True)
    times = np.cumsum(np.random.default_rng(0).choice([0.02, 0.04, 0.5], 40))
    packed = pack_frames(clip.frames, times - times[0], longest_side=320, kind="video")
    with av.open(io.BytesIO(packed.buffer)) as box:
        frames = list(box.decode(video=0))
    assert [f.time for f in frames] == pytest.approx(list(times - times[0]), abs=1e-4)
    square = 96 // CODE_BITS
    for number, frame in enumerate(frames):
        image = frame.to_ndarray(format="rgb24")
        bits = [image[square // 2, int((bit + 0.5) * square), 0] > 127 for bit in range(CODE_BITS)]
        assert sum(1 << bit for bit, on in enumerate(bits) if on) == number


def test_a_video_keeps_times_that_are_hours_apart():
    times = np.append(np.arange(39) / 25, 40_000.56)
    packed = pack_frames(clip_of(40, 96).frames, times, longest_side=320, kind="video")
    with av.open(io.BytesIO(packed.buffer)) as box:
        assert [f.time for f in box.decode(video=0)] == pytest.approx(list(times), abs=1e-3)


def test_pictures_are_made_smaller_never_larger_and_odd_sizes_work():
    frames = np.random.default_rng(0).integers(0, 255, (3, 181, 321, 3), dtype=np.uint8)
    assert pack_frames(frames, np.arange(3.0), longest_side=160).width == 160
    packed = pack_frames(frames, np.arange(3.0), longest_side=640, kind="video")
    assert (packed.width, packed.height) == (321, 181)
    with av.open(io.BytesIO(packed.buffer)) as box:
        assert (box.streams.video[0].width, box.streams.video[0].height) == (322, 182)
    with pytest.raises(StavisError, match="strip or video"):
        pack_frames(frames, np.arange(3.0), longest_side=64, kind="gif")


def test_outlines_lie_around_their_regions():
    regions = regions_of(3, 64)
    buffer = pack_outlines(regions)
    offsets = np.frombuffer(buffer[: 4 * 4], np.uint32)
    words = np.frombuffer(buffer, np.uint16)
    for t in range(3):
        at, picture = int(offsets[t]), np.full((64, 64), REGIONS.index("outside"))
        while at < offsets[t + 1]:
            region, length = int(words[at]), int(words[at + 1])
            ring = words[at + 2 : at + 2 + 2 * length].reshape(-1, 2).astype(float) / 8192 * 64
            cv2.fillPoly(mask := np.zeros((64, 64), np.uint8), [np.rint(ring - 0.5).astype(np.int32)], 1)
            picture[mask > 0] = region
            at += 2 + 2 * length
        assert (picture == regions[t].argmax(0)).mean() > 0.95


def test_no_region_at_all_gives_no_ring():
    regions = np.zeros((2, len(REGIONS), 16, 16), bool)
    regions[:, REGIONS.index("outside")] = True
    assert len(pack_outlines(regions)) == 4 * 3
