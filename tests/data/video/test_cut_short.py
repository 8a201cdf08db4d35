"""A file that was cut short: as many rows as frames that can be decoded, each the right one, and the missing ones said."""

import av
import pytest

from stavis.data.video.io import probe
from stavis.errors import StavisError
from tests.data.video.made_videos import FRAMES, encode, number_of, read


def decoded(path) -> list[int]:
    """The stamps of all frames that libav gives."""
    stamps = []
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            try:
                stamps += [frame.pts for frame in packet.decode()]
            except av.FFmpegError:
                continue
    return sorted(stamps)


@pytest.mark.parametrize("fraction", [0.5, 0.62, 0.8, 0.93])
@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("front.mp4", "libx264", {"c_movflags": "faststart", "g": "12"}),
        ("whole group.mp4", "libx264", {"c_movflags": "faststart", "sound": 1.6}),
        ("no reordering.mp4", "libx264", {"c_movflags": "faststart", "bf": "0"}),
        ("front.mov", "mjpeg", {"c_movflags": "faststart", "pix_fmt": "yuvj420p"}),
        ("front.mp4", "mpeg4", {"c_movflags": "faststart"}),
        ("pieces.mp4", "libx264", {"c_movflags": "frag_keyframe+empty_moov", "g": "8"}),
        ("a.avi", "mjpeg", {"pix_fmt": "yuvj420p"}),
        ("a.mkv", "libx264", {"g": "12"}),
    ],
)
def test_rows_are_the_frames_that_can_be_decoded(tmp_path, name, codec, options, fraction):
    whole = encode(tmp_path / f"whole {name}", codec, **options)
    cut = tmp_path / name
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * fraction)])
    try:
        frames, said = read(cut)
    except StavisError as error:
        assert str(cut) in str(error)
        assert not decoded(cut)
        return
    info = probe(cut)
    assert [int(stamp) for stamp in info.stamps] == decoded(cut) and len(frames) == len(info) < FRAMES
    assert not any(frame.note == "lost" for frame in frames) and said
    for frame in frames:
        assert frame.damaged or number_of(frame.image) == round((frame.time - frames[0].time) * 25), "each at its own time"
    if "front" in name:
        assert any(f"promises {FRAMES} frames and {len(frames)} can be decoded" in sentence for sentence in said)
