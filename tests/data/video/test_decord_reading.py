"""decord is used where it is proved right: the proof, frame for frame, over container, codec, key frames and start."""

from itertools import product

import numpy as np
import pytest

from stavis.data.video.decord_reading import PROVED, decord_is_safe, frames_by_decord
from stavis.data.video.io import probe, read_frames
from stavis.notes import Notes
from tests.data.video.made_videos import encode, number_of, picture

FRAMES = 30
CODERS = {
    "h264": ("libx264", {}),
    "hevc": ("libx265", {}),
    "av1": ("libsvtav1", {"preset": "12", "svtav1-params": "log-level=0"}),
    "vp9": ("libvpx-vp9", {"cpu-used": "8", "deadline": "realtime"}),
    "mpeg4": ("mpeg4", {"bf": "2"}),
    "mpeg2video": ("mpeg2video", {"bf": "2"}),
}
GROUPS = {
    # key frames every 1, 8, 100 frames, closed; open; refreshed column by column
    "all key": {"g": "1"},
    "8": {"g": "8"},
    "100": {"g": "100"},
    "open": {"g": "8", "open": True},
    "refresh": {"g": "8", "refresh": True},
}
CONTAINERS = (".mp4", ".mov", ".mkv", ".ts", ".avi")


def options_of(codec: str, group: str) -> dict | None:
    """What the coder is given; None where it has no such key frames."""
    wanted = dict(GROUPS[group])
    is_open, refresh = wanted.pop("open", False), wanted.pop("refresh", False)
    if codec == "h264":
        params = f"scenecut=0:open-gop={int(is_open)}" + (":intra-refresh=1" if refresh else "")
        return {**wanted, "x264-params": params}
    if codec == "hevc":
        params = f"log-level=none:scenecut=0:keyint={wanted['g']}:open-gop={int(is_open)}" + (":intra-refresh=1" if refresh else "")
        return {**wanted, "x265-params": params}
    return None if is_open or refresh else wanted


def cases():
    for suffix, codec, group, start in product(CONTAINERS, CODERS, GROUPS, (0, 7)):
        fits = {".ts": ("h264", "hevc", "mpeg2video"), ".avi": ("h264", "mpeg4"), ".mov": ("h264", "hevc", "mpeg4")}.get(suffix, CODERS)
        if codec in fits and options_of(codec, group) is not None and (start == 0 or group in ("8", "open")):
            yield suffix, codec, group, start


@pytest.mark.parametrize(("suffix", "codec", "group", "start"), cases())
def test_where_decord_is_trusted_it_gives_each_frame_in_its_place(tmp_path, capfd, suffix, codec, group, start):
    coder, more = CODERS[codec]
    path = encode(
        tmp_path / f"a{suffix}",
        coder,
        images=[picture(k, 128, 64) for k in range(FRAMES)],
        stamps=range(start, start + FRAMES),
        **more,
        **options_of(codec, group),
    )
    capfd.readouterr()
    info = probe(path)
    assert len(info) == FRAMES
    trusted = decord_is_safe(info, 0, FRAMES)
    for first, stop in ((0, FRAMES), (5, 9), (8, 12), (17, FRAMES)):
        if trusted:
            mine = list(frames_by_decord(info, first, stop, (128, 64)))
            assert [number_of(f.image) for f in mine] == list(range(first, first + len(mine)))
            assert len(mine) == stop - first or codec == "av1", "decord gives up, and PyAV goes on"
        read = list(read_frames(path, start=first, stop=stop, info=info, check_damage=False, notes=Notes()))
        assert [number_of(f.image) for f in read] == [f.index for f in read] == list(range(first, stop))
    closed = group in ("all key", "8", "100")
    assert trusted <= (closed and (info.container, codec) in PROVED)


def test_what_is_plain_is_trusted(tmp_path):
    """The list of what is trusted is not empty by mistake."""
    for suffix, codec in ((".mp4", "h264"), (".mkv", "h264"), (".mp4", "vp9"), (".mkv", "vp9"), (".mp4", "av1")):
        coder, more = CODERS[codec]
        path = encode(tmp_path / f"{codec}{suffix}", coder, images=[picture(k) for k in range(12)], **more, **options_of(codec, "8"))
        assert decord_is_safe(probe(path), 0, 12), (suffix, codec)


def test_numbers_can_be_told_apart():
    assert [number_of(picture(k, 128, 64)) for k in range(FRAMES)] == list(range(FRAMES))
    assert np.ptp(picture(3)) > 100
