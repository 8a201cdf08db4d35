"""Reading and writing video: true counts and times, damage said, inputs untouched, every bad file one sentence."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stavis.data.video.decoding import AFTER_DAMAGE, DAMAGED, LOST, frames_by_pyav
from stavis.data.video.decord_reading import decord_is_safe, frames_by_decord
from stavis.data.video.io import probe, read_frames, write_video
from stavis.errors import StavisError
from stavis.notes import Notes
from tests.data.video.made_videos import FRAMES, encode, flipped, number_of, picture, read


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return encode(tmp_path_factory.mktemp("clips") / "clip.mp4", c_movflags="faststart", g="10")


@pytest.mark.real_clips
def test_real_clips_are_read_whole(real_clips):
    rows = [line.split("\t") for line in (real_clips / "manifest.tsv").read_text().splitlines()]
    names = rows[0]
    for row in (dict(zip(names, r, strict=True)) for r in rows[1:]):
        frames, said = read(real_clips / row["file"])
        info = probe(real_clips / row["file"])
        width, height = map(int, row["WxH"].split("x"))
        upright = (height, width) if info.rotation in (90, 270) else (width, height)
        assert (len(frames), (info.width, info.height), said) == (int(row["frames"]), upright, [])
        assert [f.index for f in frames] == list(range(len(info)))
        assert np.array_equal([f.time for f in frames], info.times) and (np.diff(info.times) > 0).all()
        assert frames[0].image.shape == (info.height, info.width, 3)


@pytest.mark.real_clips
def test_the_clock_of_the_container_is_kept(real_clips):
    assert probe(real_clips / "intel_asl_yes.mkv").times[0] == pytest.approx(0.033)
    assert probe(real_clips / "pyfeat_no_face.mp4").times[0] == 0, "what the edit list cuts away is not shown"
    steps = np.diff(probe(real_clips / "pyfeat_noface_face_hevc_vfr.mov").times)
    assert steps.min() == pytest.approx(0.0137, abs=1e-3) and steps.max() == pytest.approx(0.0417, abs=1e-3)


@pytest.mark.real_clips
def test_rotated_pictures_stand_upright(real_clips):
    upright = next(read_frames(real_clips / "derived_av1.mp4", notes=Notes())).image.astype(int)
    turned = next(read_frames(real_clips / "derived_rotation_tag.mp4", notes=Notes())).image.astype(int)
    assert np.abs(upright - turned).mean() < 6


@pytest.mark.real_clips
def test_decord_gives_the_same_frames_where_it_is_trusted(real_clips):
    trusted = 0
    for path in sorted(real_clips.iterdir()):
        if path.suffix in (".tsv", ".align"):
            continue
        info = probe(path)
        if decord_is_safe(info, len(info) - 40, len(info)):
            mine = list(frames_by_decord(info, len(info) - 40, len(info), (info.width, info.height)))
            truth = list(frames_by_pyav(info, len(info) - 40, len(info), (info.width, info.height)))
            assert [f.index for f in mine] == [f.index for f in truth][: len(mine)]
            assert all(np.abs(a.image.astype(int) - b.image).mean() < 8 for a, b in zip(mine, truth, strict=False)), path
            trusted += len(mine) > 0
    assert trusted >= 6


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {}),
        ("a.mp4", "libx264", {"pix_fmt": "yuv420p10le"}),
        ("a.mp4", "libx265", {"x265-params": "log-level=none"}),
        ("a.mkv", "libx264", {}),
        ("a.avi", "libx264", {}),  # AVI knows no reordering: its stamps are not those of the pictures
        ("a.avi", "mpeg4", {"bf": "2"}),
        ("a.avi", "mjpeg", {"pix_fmt": "yuvj420p"}),
        ("a.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
        ("a.webm", "libvpx-vp9", {"cpu-used": "8", "deadline": "realtime"}),
        ("a.mpg", "mpeg1video", {"q": "2"}),
        ("a.ts", "libx264", {}),
        ("a.mov", "prores_ks", {"pix_fmt": "yuv422p10le"}),
        ("a.h264", "libx264", {}),
    ],
)
def test_every_codec_gives_each_picture_in_its_place(tmp_path, name, codec, options):
    frames, _ = read(encode(tmp_path / name, codec, **options))
    assert [f.index for f in frames] == list(range(FRAMES)) and not any(f.damaged for f in frames)
    assert [number_of(f.image) for f in frames] == list(range(FRAMES))


@pytest.mark.parametrize("offset", [-0.52, 4000.0])
@pytest.mark.parametrize("name", ["a.mov", "a.mkv", "a.ts"])
def test_starts_far_from_zero_are_kept(tmp_path, name, offset):
    if offset < 0 and name != "a.mkv":
        pytest.skip("MOV cuts away what comes before 0, TS shifts it")
    first = round(offset * 25)
    path = encode(tmp_path / name, stamps=range(first, first + FRAMES), c_avoid_negative_ts="disabled", bf="0")
    frames, _ = read(path)
    assert len(frames) == FRAMES
    assert frames[0].time == pytest.approx(offset, abs=0.006) and frames[-1].time == pytest.approx(offset + 39 / 25, abs=0.006)


def test_what_an_edit_list_cuts_away_is_not_counted(tmp_path):
    frames, _ = read(encode(tmp_path / "a.mp4", stamps=range(-10, FRAMES - 10)))
    assert [number_of(f.image) for f in frames] == list(range(10, FRAMES)) and frames[0].time == 0


@pytest.mark.parametrize("name", ["a.ts", "a.mpg"])
def test_a_clock_that_wraps_goes_on(tmp_path, name):
    codec = "libx264" if name == "a.ts" else "mpeg1video"
    path = encode(tmp_path / name, codec, c_output_ts_offset=str((1 << 33) / 90000 - 1))
    frames, _ = read(path)
    times = np.array([f.time for f in frames])
    assert len(frames) == FRAMES and times[-1] - times[0] == pytest.approx(39 / 25, abs=0.006) and (np.diff(times) > 0).all()


@pytest.mark.parametrize("rate", [Fraction(1, 60), Fraction(1000)])
def test_very_slow_and_very_fast_videos_keep_their_time(tmp_path, rate):
    path = encode(tmp_path / "a.mkv", unit=Fraction(1, 1000), stamps=[round(i * 1000 / rate) for i in range(FRAMES)], bf="0")
    frames, said = read(path)
    assert frames[-1].time == pytest.approx(39 / float(rate), abs=0.006) and len(frames) == FRAMES
    assert [s for s in said if "damaged" in s] == []


def test_variable_rate_and_a_gap_keep_their_times(tmp_path):
    stamps = np.cumsum([0, 14, 42, 33, 100_000] + [40] * (FRAMES - 5)).tolist()
    frames, _ = read(encode(tmp_path / "a.mp4", unit=Fraction(1, 1000), stamps=stamps))
    assert np.allclose([f.time for f in frames], np.array(stamps) / 1000, atol=0.002)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, FRAMES), st.integers(0, FRAMES))
def test_a_stretch_is_the_same_as_that_part_of_the_whole(clip, start, stop):
    start, stop = sorted((start, stop))
    for marks in (True, False):
        part = list(read_frames(clip, start=start, stop=stop, check_damage=marks, notes=Notes()))
        assert [(f.index, number_of(f.image)) for f in part] == [(i, i) for i in range(start, stop)]


def test_two_videos_are_read_at_once(clip, tmp_path):
    bad = flipped(clip, tmp_path / "bad.mp4", 40)
    pairs = list(zip(read_frames(clip, notes=Notes()), read_frames(bad, notes=Notes()), strict=True))
    assert not any(a.damaged for a, _ in pairs) and any(b.damaged for _, b in pairs)


def test_the_longest_side_bounds_the_picture(clip):
    frames, _ = read(clip, longest_side=80)
    assert frames[0].image.shape == (48, 80, 3) and len(frames) == FRAMES
    assert next(read_frames(clip, longest_side=4000, notes=Notes())).image.shape == (96, 160, 3)


def test_a_picture_size_that_changes_is_said(tmp_path):
    small = encode(tmp_path / "a.webm", "libvpx", images=[picture(i) for i in range(20)])
    big = encode(tmp_path / "b.webm", "libvpx", images=[picture(i, 320, 192) for i in range(20)], stamps=range(20, 40))
    path = tmp_path / "both.webm"
    path.write_bytes(small.read_bytes() + big.read_bytes())
    frames, said = read(path)
    assert {f.image.shape for f in frames} == {(96, 160, 3)}
    assert len(frames) == FRAMES and any("20 of 40 frames have another size" in s for s in said)


# Damage


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.ts", "mpeg2video"), ("a.avi", "mpeg4"), ("a.mov", "png")],
)
def test_flipped_bits_are_told_frame_by_frame(tmp_path, name, codec):
    options = {"c_movflags": "faststart"} if name in ("a.mp4", "a.mov") else {}
    path = encode(tmp_path / name, codec, pix_fmt="rgb24" if codec == "png" else "yuv420p", **options)
    frames, said = read(flipped(path, tmp_path / f"bad{name}", 30))
    damaged = [f for f in frames if f.damaged]
    assert damaged and {f.note for f in damaged} <= {DAMAGED, LOST}
    assert any(f"{len(damaged)} of {len(frames)} frames are damaged" in s for s in said)
    assert all(f.note == "" for f in frames[: damaged[0].index]), "nothing before the damage is blamed"


def test_what_rests_on_damage_is_marked_until_the_next_key_frame(clip, tmp_path):
    data = bytearray(clip.read_bytes())
    with av.open(str(clip)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        place = packets[12]
        data[place.pos + place.size // 2 : place.pos + place.size] = bytes(place.size - place.size // 2)
        bad_time = float(place.pts * place.time_base)
    (tmp_path / "bad.mp4").write_bytes(data)
    frames, _ = read(tmp_path / "bad.mp4")
    notes = [f.note for f in frames]
    assert notes[round(bad_time * 25)] in (DAMAGED, LOST) and AFTER_DAMAGE in notes[10:20]
    assert set(notes[:10]) == set(notes[20:]) == {""}


@pytest.mark.parametrize("part", [0.3, 0.5, 0.9])
@pytest.mark.parametrize("name", ["a.mp4", "front.mp4", "frag.mp4", "a.mkv", "a.webm", "a.avi", "a.ts", "a.flv", "a.mpg", "a.gif"])
def test_a_missing_tail_is_refused_or_said(tmp_path, name, part):
    codec = {"webm": "libvpx", "avi": "mpeg4", "mpg": "mpeg1video", "gif": "gif"}.get(name.split(".")[1], "libx264")
    flags = {"front.mp4": "faststart", "frag.mp4": "frag_keyframe+empty_moov"}.get(name)
    options = {"c_movflags": flags} if flags else {}
    path = encode(tmp_path / name, codec, pix_fmt="rgb8" if codec == "gif" else "yuv420p", g="5", **options)
    cut = tmp_path / f"cut{path.suffix}"
    cut.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    try:
        frames, said = read(cut)
    except StavisError as error:
        assert str(cut) in str(error)
    else:
        assert said and 0 < len(frames) < FRAMES


def test_sound_longer_than_the_pictures_is_no_damage(tmp_path):
    for name in ("a.mkv", "a.mp4"):
        frames, said = read(encode(tmp_path / name, sound=4.0))
        assert len(frames) == FRAMES and said == []


# Bad input


def bad_files(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    paths = {name: folder / name for name in ("missing.mp4", "empty.mp4", "text.mp4", "list.mp4", "play.mp4", "noise.mp4", "head.mp4")}
    paths["empty.mp4"].write_bytes(b"")
    paths["text.mp4"].write_text("time,valence\n0,0\n" * 50)
    victim = write_video(folder / "victim.mp4", [picture(i) for i in range(3)], fps=25)
    paths["list.mp4"].write_text(f"ffconcat version 1.0\nfile '{victim.name}'\n")
    paths["play.mp4"].write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{victim.name}\n#EXT-X-ENDLIST\n")
    paths["noise.mp4"].write_bytes(np.random.default_rng(0).bytes(20_000))
    paths["head.mp4"].write_bytes(victim.read_bytes()[:40])
    paths["folder.mp4"] = folder / "folder.mp4"
    paths["folder.mp4"].mkdir()
    os.mkfifo(folder / "pipe.mp4")
    paths |= {"pipe.mp4": folder / "pipe.mp4", "device": Path("/dev/zero"), "url": Path("http://example.com/a.mp4")}
    paths["concat"] = Path(f"concat:{victim}|{victim}")
    paths["null"] = Path("a\0.mp4")
    sound = folder / "sound.mp4"
    with av.open(str(sound), "w") as container:
        track = container.add_stream("aac", rate=16000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        silence.rate = 16000
        container.mux(track.encode(silence))
        container.mux(track.encode())
    return paths | {"sound.mp4": sound}


def test_every_bad_file_gives_one_sentence(tmp_path, capfd):
    for name, path in bad_files(tmp_path / "bad").items():
        for function in (probe, lambda p: list(read_frames(p, notes=Notes()))):
            with pytest.raises(StavisError) as error:
                function(path)
            sentence = str(error.value)
            assert sentence.endswith(".") and "\n" not in sentence and sentence.count(": ") >= 1, name
    out, err = capfd.readouterr()
    assert out == err == ""


def test_sound_alone_is_named(tmp_path):
    with pytest.raises(StavisError, match="only sound"):
        probe(bad_files(tmp_path / "bad")["sound.mp4"])


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path):
    path = encode(tmp_path / "a.mov", "png", images=[np.zeros((6000, 8192, 3), np.uint8)], pix_fmt="rgb24")
    with pytest.raises(StavisError, match="more than 8192x4352"):
        probe(path)


def test_a_packet_stream_without_one_picture_is_refused(tmp_path):
    path = encode(tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    with pytest.raises(StavisError, match=r"no frame that can be decoded|not a video"):
        probe(path)


@pytest.mark.parametrize("name", ["a b.mp4", 'it\'s "q".mp4', "<script>.mp4", "Größe 表情.mp4", "100%25.mp4", "-rf.mp4", "a:b|c.mp4"])
def test_any_name_is_taken(tmp_path, clip, name):
    path = tmp_path / name
    path.write_bytes(clip.read_bytes())
    assert len(list(read_frames(path, notes=Notes()))) == len(list(read_frames(path, check_damage=False, notes=Notes()))) == FRAMES


def test_a_name_that_is_not_utf8_is_taken(tmp_path, clip):
    path = Path(os.fsdecode(os.fsencode(str(tmp_path)) + b"/caf\xe9.mp4"))
    path.write_bytes(clip.read_bytes())
    assert len(list(read_frames(path, notes=Notes()))) == len(list(read_frames(path, check_damage=False, notes=Notes()))) == FRAMES


def test_relative_names_are_files_and_nothing_else(tmp_path, clip, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file:x").write_bytes(clip.read_bytes())
    assert len(probe("file:x")) == FRAMES


def test_one_frame_is_a_video(tmp_path):
    path = write_video(tmp_path / "one.mp4", [picture(7)], fps=25)
    frames, said = read(path)
    assert [f.time for f in frames] == [0.0] and said == [] and number_of(frames[0].image) == 7


def test_the_input_is_left_as_it_was(clip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = clip.stat(), sorted(clip.parent.iterdir())
    read(clip)
    read(clip, check_damage=False)
    after = clip.stat()
    assert (before[0].st_mtime_ns, before[0].st_size, before[1]) == (
        after.st_mtime_ns,
        after.st_size,
        sorted(clip.parent.iterdir()),
    )
    assert list(tmp_path.iterdir()) == []


def test_frames_outside_the_video_are_refused(clip):
    for start, stop in ((-1, 3), (3, FRAMES + 1), (5, 3)):
        with pytest.raises(StavisError, match="has the frames 0 to 39"):
            read_frames(clip, start=start, stop=stop, notes=Notes())
    with pytest.raises(StavisError, match="longest side"):
        read_frames(clip, longest_side=0, notes=Notes())


# Writing


@pytest.mark.parametrize("size", [(96, 160), (97, 161), (1, 1), (2, 3)])
def test_what_is_written_is_read_again(tmp_path, size):
    images = [np.full((*size, 3), 20 * i + 20, np.uint8) for i in range(10)]
    path = write_video(tmp_path / "new" / "a.mp4", iter(images), fps=29.97)
    frames, said = read(path)
    assert len(frames) == 10 and said == [] and probe(path).codec == "h264"
    assert frames[0].image.shape[:2] == tuple(s + s % 2 for s in size)
    assert frames[9].time == pytest.approx(9 / 29.97, abs=1e-4)
    assert all(abs(int(f.image.mean()) - 20 * i - 20) < 6 for i, f in enumerate(frames))


@pytest.mark.parametrize("jumps", [(9,), (5,), (3, 6)])
@pytest.mark.parametrize("hours", [0.1, 6, 11, 200])
def test_a_clock_that_jumps_far_is_written(tmp_path, hours, jumps):
    """An mp4 cannot show a frame for more than 2^31 ticks: there are fewer ticks in a second then."""
    times = np.arange(10) / 25 + 3600 * hours * np.isin(np.arange(10), jumps).cumsum()
    path = write_video(tmp_path / "a.mp4", [picture(k) for k in range(10)], fps=25, times=times)
    frames, said = read(path)
    assert [number_of(f.image) for f in frames] == list(range(10)) and said == []
    assert np.allclose([f.time for f in frames], times, atol=0.002 if hours > 1 else 1e-5)


def test_writing_fails_whole(tmp_path):
    for images, fps, words in (
        ([], 25, "no images"),
        ([picture(0), picture(1, 80)], 25, "of one size"),
        ([picture(0)[..., 0]], 25, "uint8"),
        ([picture(0).astype(float)], 25, "uint8"),
        ([picture(0)], 0, "above 0"),
        ([picture(0)], float("nan"), "above 0"),
    ):
        with pytest.raises(StavisError, match=words):
            write_video(tmp_path / "a.mp4", images, fps=fps)
    with pytest.raises(StavisError, match="cannot be written"):
        write_video("/proc/none/a.mp4", [picture(0)], fps=25)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_writing_leaves_the_old_file(tmp_path):
    path = write_video(tmp_path / "a.mp4", [picture(0)], fps=25)
    before = path.read_bytes()

    def breaks():
        yield picture(1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(path, breaks(), fps=25)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("width, height", [(200, 150), (96, 96), (128, 128)])
def test_the_same_images_give_the_same_file_every_time(tmp_path, width, height):
    y, x = np.mgrid[0:height, 0:width] / 200
    waves = [np.stack([127 + 120 * np.sin(9 * x + k / 3), 127 + 120 * np.cos(7 * y), 60 + 0 * x], -1) for k in range(12)]
    images = np.array(waves).astype(np.uint8)
    assert len({write_video(tmp_path / "waves.mp4", images, fps=10).read_bytes() for _ in range(20)}) == 1
