"""Interlaced H.264 whose frames are coded as two fields: a frame is one row, whatever packets its fields came in."""

import av
import numpy as np
import pytest

from stavis.data.video.fields import Fields
from stavis.data.video.io import probe
from tests.data.video.made_fields import field_coded, fields
from tests.data.video.made_videos import encode, number_of, picture, read

IMAGES = [picture(k) for k in range(12)]


@pytest.mark.parametrize("each", [True, False])
@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "a.mp4"])
def test_two_fields_are_one_frame(tmp_path, name, each):
    path = field_coded(tmp_path / name, IMAGES, each)
    frames, said = read(path)
    assert [number_of(f.image) for f in frames] == list(range(12)) and not any(f.damaged or f.note for f in frames)
    assert np.allclose([f.time for f in frames], 1 + np.arange(12) / 25)
    assert len(said) == 1 and "interlaced" in said[0] and probe(path).stamped
    part, _ = read(path, info=probe(path), start=7, stop=10)
    assert [number_of(f.image) for f in part] == [7, 8, 9]


def test_two_fields_without_any_stamp_are_one_frame(tmp_path):
    frames, said = read(field_coded(tmp_path / "a.ts", IMAGES, True).with_suffix(".h264"))
    assert [number_of(f.image) for f in frames] == list(range(12)) and "no time stamps" in said[0]
    assert [f.time for f in frames] == pytest.approx(list(np.arange(12) / 25))


@pytest.mark.parametrize("each", [True, False])
def test_damage_of_a_second_field_is_told_of_its_frame(tmp_path, each):
    path = field_coded(tmp_path / "a.mp4", IMAGES, each)
    data = bytearray(path.read_bytes())
    place = data.index(fields(IMAGES)[5][1][-400:])
    data[place - 3000 : place] = b"\xff" * 3000
    path.write_bytes(data)
    frames, said = read(path)
    assert len(frames) == 12 and [f.index for f in frames if f.damaged] == [5]
    assert any("1 of 12 frames are damaged" in sentence for sentence in said)


def test_a_cut_file_of_fields_promises_frames(tmp_path):
    front = field_coded(tmp_path / "front.mp4", IMAGES, True, movflags="faststart")
    front.write_bytes(front.read_bytes()[: int(front.stat().st_size * 0.7)])
    frames, said = read(front)
    assert any(f"promises 12 frames and {len(frames)} can be decoded" in sentence for sentence in said) and 6 <= len(frames) < 12


def test_frames_that_interlace_their_lines_within_blocks_are_no_fields(tmp_path):
    for name, options in (("a.ts", "interlaced=1:tff=1"), ("a.mp4", "interlaced=1:cqm=jvt"), ("b.mp4", "bframes=3")):
        path = encode(tmp_path / name, **{"x264-params": options}, pix_fmt="yuv444p" if "cqm" in options else "yuv420p")
        frames, said = read(path)
        assert [number_of(f.image) for f in frames] == list(range(40)) and not any(f.damaged for f in frames)
        assert len(said) == ("interlaced" in options)


def test_settings_that_are_cut_short_tell_of_no_field():
    first, second = fields(IMAGES[:1])[0]
    settings, slices = first[first.index(b"\x67") - 4 : first.index(b"\x68") - 4], first[first.index(b"\x65") - 4 :]
    for length in range(len(settings)):
        told = Fields(settings[:length], 0)
        told.second(av.Packet(slices))
        assert not told.second(av.Packet(second)) or length > 10, "the rate at their end is not needed"
    whole = Fields(b"", 0)
    assert [whole.second(av.Packet(data)) for data in (first, second, second)] == [False, True, False]
