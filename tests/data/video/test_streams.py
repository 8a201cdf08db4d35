"""Which video of a file is read, and how recordings one after another in one file become one clock."""

import av
import numpy as np
import pytest

from stavis.data.video.clock import restarts
from stavis.data.video.io import probe, read_frames
from stavis.errors import StavisError
from stavis.notes import Notes
from tests.data.video.made_videos import encode, number_of, picture, read, several


@pytest.fixture
def film(tmp_path):
    return encode(tmp_path / "film.mp4", g="10")


@pytest.fixture
def thumbnail(tmp_path):
    return encode(tmp_path / "thumbnail.mp4", "mjpeg", images=[picture(39, 80, 48)], pix_fmt="yuvj420p")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("check_damage", [True, False])
def test_a_cover_picture_is_never_taken(tmp_path, film, thumbnail, first, check_damage):
    order = [thumbnail, film] if first else [film, thumbnail]
    path = several(tmp_path / "a.mp4", order, cover=order.index(thumbnail))
    frames, said = read(path, check_damage=check_damage)
    assert [number_of(f.image) for f in frames] == list(range(40)) and said == []


def test_a_stream_of_one_frame_gives_way_and_both_are_named(tmp_path, film, thumbnail):
    path = several(tmp_path / "a.mp4", [thumbnail, film])
    info = probe(path)
    frames, said = read(path)
    assert info.stream == 1 and [number_of(f.image) for f in frames] == list(range(40))
    assert len(said) == 1 and "2 video streams, 0 (mjpeg, 80x48) and 1 (h264, 160x96), and 1 is read" in said[0] and "--stream" in said[0]


def test_another_stream_can_be_chosen(tmp_path, film):
    later = encode(tmp_path / "later.mp4", images=[picture(k, 320, 192) for k in range(20, 40)])
    path = several(tmp_path / "a.mkv", [film, later], default=1)
    assert probe(path).stream == 1 and len(probe(path)) == 20, "the one marked as default is the best"
    for check_damage in (True, False):
        frames, _ = read(path, stream=0, check_damage=check_damage)
        assert [number_of(f.image) for f in frames] == list(range(40)) and frames[0].image.shape == (96, 160, 3)
        part, _ = read(path, info=probe(path, stream=1), start=5, stop=7, check_damage=check_damage)
        assert [(number_of(f.image) - 20) % 80 for f in part] == [5, 6]


def test_a_stream_that_is_not_there_is_refused_with_those_that_are(tmp_path, film, thumbnail):
    path = several(tmp_path / "a.mp4", [film, thumbnail], cover=1)
    for wrong in (1, 2, -1):
        with pytest.raises(StavisError, match=rf"has no video stream {wrong}: it holds 0 \(h264, 160x96\), choose"):
            read_frames(path, stream=wrong, notes=Notes())


def test_a_sound_track_before_the_video_changes_nothing(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        track, stream = out.add_stream("aac", rate=16000), out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        silence.rate = 16000
        out.mux(track.encode(silence))
        out.mux(track.encode())
        for k in range(10):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture(k), format="rgb24")))
        out.mux(stream.encode())
    frames, said = read(path)
    assert probe(path).stream == 1 and [number_of(f.image) for f in frames] == list(range(10)) and said == []


# One recording after another


def one_after_another(path, *parts):
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        (".ts", "libx264", {}),
        (".ts", "libx264", {"bf": "0"}),
        (".ts", "libx264", {"g": "10", "x264-params": "open-gop=1"}),
        (".ts", "mpeg2video", {"bf": "2"}),
        (".mpg", "mpeg2video", {}),
        (".mpg", "mpeg1video", {"bf": "2", "q": "2"}),
        (".ts", "libx265", {"x265-params": "log-level=none"}),
    ],
)
def test_two_recordings_in_one_stream_are_both_read(tmp_path, suffix, codec, options):
    """100 frames from 0 to 3.96 s: nothing doubled, nothing lost, and no word of damage."""
    halves = [
        encode(tmp_path / f"{part}{suffix}", codec, images=[picture(part * 50 + k, 400) for k in range(50)], **options) for part in (0, 1)
    ]
    path = one_after_another(tmp_path / f"both{suffix}", *halves)
    frames, said = read(path)
    assert [number_of(f.image) for f in frames] == list(range(100))
    assert np.allclose([f.time - frames[0].time for f in frames], np.arange(100) / 25, atol=0.041 if codec == "mpeg1video" else 1e-6)
    clock = [s for s in said if "share a time stamp" not in s]  # mpeg1video: libav guesses the stamp of a key frame
    assert len(clock) == 1 and "its clock starts again: its 2 recordings" in clock[0] and not any(f.damaged or f.note for f in frames)
    part, _ = read(path, info=probe(path), start=48, stop=53)
    assert [number_of(f.image) for f in part] == [48, 49, 50, 51, 52]
    assert [number_of(f.image) for f in read(path, start=70, stop=72, check_damage=False)[0]] == [70, 71]


def test_many_short_recordings(tmp_path):
    parts = [encode(tmp_path / f"{k}.ts", images=[picture(8 * k + i) for i in range(8)]) for k in range(5)]
    frames, said = read(one_after_another(tmp_path / "all.ts", *parts))
    assert [number_of(f.image) for f in frames] == list(range(40)) and "5 recordings" in said[0] and len(said) == 1
    assert np.allclose(np.diff([f.time for f in frames]), 0.04, atol=1e-6)


def test_a_clock_that_steps_back_a_little(tmp_path):
    first = encode(tmp_path / "a.ts", images=[picture(k) for k in range(20)])
    second = encode(tmp_path / "b.ts", images=[picture(20 + k) for k in range(20)], stamps=range(14, 34))
    frames, said = read(one_after_another(tmp_path / "both.ts", first, second))
    assert [number_of(f.image) for f in frames] == list(range(40)) and len(said) == 1
    assert np.allclose(np.diff([f.time for f in frames]), 0.04, atol=1e-6)


def test_a_gap_is_no_restart(tmp_path):
    first = encode(tmp_path / "a.ts", images=[picture(k) for k in range(20)])
    later = encode(tmp_path / "b.ts", images=[picture(20 + k) for k in range(20)], stamps=range(500, 520))
    frames, said = read(one_after_another(tmp_path / "both.ts", first, later))
    assert not any("clock" in s for s in said) and [number_of(f.image) for f in frames] == list(range(40))
    assert frames[20].time - frames[0].time == pytest.approx(20, abs=0.1)


def test_a_single_stamp_that_is_off_is_no_recording():
    rising = list(range(0, 400, 40))
    keys = [True] + [False] * 9
    assert restarts(rising, rising, keys) == []
    for wrong in (-500, 9000):
        off = [*rising[:4], wrong, *rising[5:]]
        assert restarts(off, off, keys) == []
    assert restarts([*rising, *rising], [*rising, *rising], keys * 2) == [10]
    assert restarts([*rising, *rising], [None] * 20, keys * 2) == [10]
    wrapped = [stamp + (1 << 33) - 200 if stamp < 200 else stamp - 200 for stamp in rising]
    assert restarts(wrapped, wrapped, keys) == []
