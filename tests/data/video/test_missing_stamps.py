"""Frames without a time stamp of their own: those that carry one keep it, the others stand between them."""

from fractions import Fraction

import av
import numpy as np
import pytest

from stavis.data.video.clock import filled
from stavis.data.video.io import probe
from tests.data.video.made_videos import FRAMES, encode, number_of, read


def shared_packets(path, whole, pause=0.0, every=10, together=3):
    """A transport stream in which now and then three frames share a packet, whose stamp is that of the first, as the standard allows.

    pause: so many seconds lie before the second half of the frames.
    """
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        packets = [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in source.demux(video=0) if p.size]
        middle = min(pts for _, pts, _, _ in packets) + FRAMES // 2 * 3600
        k = 0
        while k < len(packets):
            count = together if k % every == 0 else 1
            packet = av.Packet(b"".join(one[0] for one in packets[k : k + count]))
            late = round(pause * 90_000) if packets[k][1] >= middle else 0
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 90_000), packets[k][3]
            packet.pts, packet.dts = packets[k][1] + late, packets[k][2] + late
            out.mux(packet)
            k += count
    return path


@pytest.mark.parametrize(("frames_between", "pause"), [(0, 0), (2, 0), (0, 5)])
def test_frames_that_share_a_packet_stand_between_their_neighbours(tmp_path, frames_between, pause):
    whole = encode(tmp_path / "whole.ts", **{"x264-params": f"bframes={frames_between}:keyint=20:scenecut=0:aud=1"})
    path = shared_packets(tmp_path / "a.ts", whole, pause)
    frames, said = read(path)
    assert [number_of(f.image) for f in frames] == list(range(FRAMES)) and not any(f.damaged for f in frames)
    times = np.array([f.time for f in frames])
    assert np.allclose(times - times[0], np.arange(FRAMES) / 25 + pause * (np.arange(FRAMES) >= FRAMES // 2), atol=1e-4)
    assert len(said) == 1 and "8 frames carry no time stamp and were placed between their neighbours" in said[0]
    for check_damage in (True, False):
        part, _ = read(path, start=21, stop=25, check_damage=check_damage)
        assert [(f.index, number_of(f.image)) for f in part] == [(k, k) for k in range(21, 25)]


def test_frames_with_a_stamp_are_found_by_it_behind_damage(tmp_path):
    whole = encode(tmp_path / "whole.ts", **{"x264-params": "bframes=0:keyint=10:scenecut=0:aud=1"})
    path = shared_packets(tmp_path / "a.ts", whole)
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        place = [p.pos for p in container.demux(video=0) if p.size][16]
    data[place - place % 188 : place - place % 188 + 188 * 6] = bytes(188 * 6)
    path.write_bytes(data)
    frames, _ = read(path)
    behind = [f for f in frames if f.time - frames[0].time > 0.81]
    assert len(behind) >= 18 and all(number_of(f.image) == round((f.time - frames[0].time) * 25) for f in behind)


def test_every_given_stamp_is_kept_and_the_others_rise_between():
    given = np.array([0, 40, 80, 1000])
    assert filled(given, [0, None, 40, 80, None, None, 1000, None], 40).tolist() == [0, 20, 40, 80, 120, 160, 1000, 1040]
    assert filled(given, [None, None, 0, 40, 80, 1000], 40).tolist() == [-80, -40, *given]
    assert filled(given, [0, None, 80, 1000], 40).tolist() == [0, 20, 40, 80, 1000], "a frame that cannot be decoded keeps its place"


def test_no_stamp_at_all_is_said(tmp_path):
    info = probe(encode(tmp_path / "a.h264"))
    assert len(info) == FRAMES and "no time stamps" in info.notes[0] and not info.stamped
