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


def trimmed(path, whole, start):
    """The packets of a file under an edit list that begins `start` seconds later, the header in front."""
    with av.open(str(whole)) as source, av.open(str(path), "w", options={"movflags": "faststart", "avoid_negative_ts": "disabled"}) as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                ticks = round(start / packet.time_base)
                packet.stream, packet.pts, packet.dts = stream, packet.pts - ticks, packet.dts - ticks
                out.mux(packet)
    return path


@pytest.mark.parametrize("start", [0.2, 0.8, 1.04])
def test_what_an_edit_list_leaves_out_is_not_missing(tmp_path, start):
    whole = encode(tmp_path / "whole.mp4", g="10", **{"x264-params": "scenecut=0"})
    path = trimmed(tmp_path / "a.mp4", whole, start)
    frames, said = read(path)
    first = round(start * 25)
    assert [number_of(f.image) for f in frames] == list(range(first, FRAMES)) and said == []
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.9)])
    cut, said = read(path)
    assert len(cut) < len(frames)
    assert any(f"promises {len(frames)} frames and {len(cut)} can be decoded" in sentence for sentence in said)


@pytest.mark.parametrize(("codec", "options"), [("libx264", {"bf": "0"}), ("mpeg4", {}), ("mjpeg", {"pix_fmt": "yuvj420p"})])
def test_empty_chunks_of_an_avi_are_not_missing(tmp_path, codec, options):
    """A screen recording has an empty chunk where nothing changed."""
    stamps = [k for k in range(60) if not (12 <= k < 20 or k == 30 or 40 <= k < 51)]
    path = encode(tmp_path / "a.avi", codec, stamps=stamps[:FRAMES], **options)
    frames, said = read(path)
    assert len(frames) == FRAMES and said == []
    if codec != "libx264":  # of H.264 in AVI libav takes the next frame's stamp
        assert [round((f.time - frames[0].time) * 25) for f in frames] == stamps[:FRAMES]
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.7)])
    cut, said = read(path)
    assert len(cut) < FRAMES and any("its tail is missing" in sentence for sentence in said)
