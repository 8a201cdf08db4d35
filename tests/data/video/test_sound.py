"""Sound is heard when the frames of the same moment are shown: read, encoded, exported."""

import io
from itertools import pairwise

import av
import numpy as np
import pytest

from stavis.data.video.io import probe, write_video
from stavis.data.video.sound import EXPORT_RATE, Sound, read_sound
from stavis.notes import Notes
from tests.data.video.made_sounds import clapper, onset
from tests.data.video.made_videos import encode


def heard(path, notes: Notes | None = None, **options) -> Sound | None:
    """The sound of a whole video."""
    times = probe(path).times
    return read_sound(path, float(times[0]), float(times[-1]) + 0.04, notes=Notes() if notes is None else notes, whole=True, **options)


def decoded(content) -> tuple[np.ndarray, int]:
    """The samples (N,) of a file's sound on its own clock, and their rate."""
    with av.open(content) as box:
        frames = list(box.decode(audio=0))
    rate = frames[0].sample_rate
    first = round(float(frames[0].pts * frames[0].time_base) * rate)
    mono = np.concatenate([np.atleast_2d(frame.to_ndarray()).mean(0) for frame in frames])
    return np.concatenate([np.zeros(max(first, 0)), mono[max(-first, 0) :]]), rate


def flash(path) -> float:
    """When the image turns white, in s."""
    with av.open(str(path)) as box:
        return next(frame.time for frame in box.decode(video=0) if frame.to_ndarray(format="gray").mean() > 120)


@pytest.mark.parametrize("ending, codec", [("mp4", "aac"), ("mkv", "libopus"), ("mkv", "pcm_s16le"), ("mov", "aac"), ("ts", "aac")])
def test_a_click_is_where_the_flash_is(tmp_path, ending, codec):
    path = clapper(tmp_path / f"a.{ending}", codec=codec)
    sound = heard(path)
    assert onset(sound.samples, sound.rate) == pytest.approx(1.2, abs=0.01)
    assert len(sound.samples) == pytest.approx(2.4 * sound.rate, abs=sound.rate * 0.011)


@pytest.mark.parametrize("sound_start", [0.4, 1.0])
def test_sound_that_begins_later_stays_where_it_was(tmp_path, sound_start):
    notes = Notes()
    sound = heard(clapper(tmp_path / "a.mkv", sound_start=sound_start, codec="pcm_s16le"), notes)
    assert onset(sound.samples, sound.rate) == pytest.approx(1.2, abs=0.01)
    assert [text for text in notes if "begins 1.0 s after" in text] == (list(notes) if sound_start == 1.0 else [])


def test_a_clock_that_starts_elsewhere_is_one_for_both(tmp_path):
    sound = heard(clapper(tmp_path / "a.mkv", video_start=100.0, codec="pcm_s16le"))
    assert onset(sound.samples, sound.rate) == pytest.approx(1.2, abs=0.01) and sound.start == pytest.approx(100, abs=0.01)


def test_longer_sound_is_cut_and_said_and_shorter_sound_is_said(tmp_path):
    notes = Notes()
    longer = heard(clapper(tmp_path / "long.mkv", sound_seconds=9, codec="pcm_s16le"), notes)
    assert longer.seconds == pytest.approx(2.4, abs=0.02)
    assert list(notes) == ["long.mkv: the sound ends 6.6 s after the images, and is cut there."]
    shorter = heard(clapper(tmp_path / "short.mkv", sound_seconds=1.5, codec="pcm_s16le"), notes)
    assert shorter.seconds == pytest.approx(2.4, abs=0.02) and not shorter.samples[-shorter.rate // 2 :].any()
    assert list(notes)[1:] == ["short.mkv: the sound ends 0.9 s before the images, and is silent there."]


def test_a_window_has_the_sound_of_its_own_frames(tmp_path):
    path = clapper(tmp_path / "a.mkv", codec="pcm_s16le")
    sound = read_sound(path, 1.0, 1.6, notes=Notes())
    assert onset(sound.samples, sound.rate) == pytest.approx(0.2, abs=0.01) and sound.seconds == pytest.approx(0.6)


@pytest.mark.parametrize("layout", ["stereo", "5.1", "10 channels"])
def test_any_number_of_channels_becomes_one(tmp_path, layout):
    notes = Notes()
    sound = heard(clapper(tmp_path / "a.mkv", codec="pcm_s16le", layout=layout), notes)
    count = {"stereo": 2, "5.1": 6}.get(layout, 10)
    assert list(notes) == ([f"a.mkv: the mean of the {count} channels of its sound is played."] if count > 2 else [])
    assert onset(sound.samples, sound.rate) == pytest.approx(1.2, abs=0.01)
    assert sound.peaks().max() == pytest.approx(0.9 * 32000 / 32768, abs=0.3)


def test_without_sound_there_is_none_and_silence_is_said(tmp_path):
    notes = Notes()
    assert heard(encode(tmp_path / "mute.mp4"), notes) is None and list(notes) == ["mute.mp4 has no sound."]
    assert heard(encode(tmp_path / "silent.mp4", sound=1.6), notes) is None
    assert list(notes)[1:] == ["silent.mp4 has a sound track in which nothing is heard."]


def test_an_unknown_codec_is_said(tmp_path):
    path = clapper(tmp_path / "a.mkv", codec="pcm_s16le")
    content = path.read_bytes()
    assert content.count(b"A_PCM/INT/LIT") == 1
    path.write_bytes(content.replace(b"A_PCM/INT/LIT", b"A_XYZ/INT/LIT"))
    notes = Notes()
    assert heard(path, notes) is None
    assert list(notes) == ["a.mkv: its sound is coded in a way that is not known here and is left out."]


def test_a_file_that_breaks_keeps_the_sound_before(tmp_path):
    path = clapper(tmp_path / "a.mkv", codec="pcm_s16le")
    content = bytearray(path.read_bytes())
    whole = read_sound(path, 0, 2.4, notes=Notes())
    path.write_bytes(content[: len(content) * 3 // 4])
    notes = Notes()
    part = read_sound(path, 0, 2.4, notes=notes)
    assert np.array_equal(part.samples[: part.rate], whole.samples[: part.rate]) and "before the images" in " ".join(notes)


def test_peaks_bound_every_sample():
    samples = np.random.default_rng(0).integers(-32768, 32767, 5000).astype(np.int16)
    sound = Sound(samples, 1000, 0.0)
    peaks = sound.peaks(30)
    assert len(peaks) == 150 and peaks.max() <= 1
    edges = np.append((np.arange(150) * 1000 / 30).astype(int), 5000)
    wanted = [np.abs(samples[a:b].astype(int)).max() / 32768 for a, b in pairwise(edges)]
    assert peaks == pytest.approx(np.array(wanted))


def test_what_a_page_plays_is_small_and_in_time(tmp_path):
    sound = heard(clapper(tmp_path / "a.mkv", frames=250, codec="pcm_s16le"))
    content = sound.webm()
    samples, rate = decoded(io.BytesIO(content))
    assert onset(samples, rate) == pytest.approx(1.2, abs=0.01) and len(content) < 10 * 5000


def test_an_exported_video_keeps_sound_and_uneven_times(tmp_path):
    stamps = np.cumsum(np.random.default_rng(0).choice([0.02, 0.04, 0.08], 60))
    path = clapper(tmp_path / "a.mkv", stamps=stamps, moments=(float(stamps[30]),), codec="pcm_s16le")
    info = probe(path)
    with av.open(str(path)) as box:
        images = [frame.to_ndarray(format="rgb24") for frame in box.decode(video=0)]
    sound = heard(path, rate=EXPORT_RATE)
    written = write_video(tmp_path / "b.mp4", images, fps=25, times=info.times, sound=sound)
    samples, rate = decoded(str(written))
    assert onset(samples, rate) == pytest.approx(flash(written), abs=0.012)
    with av.open(str(written)) as box:
        assert [s.codec_context.name for s in box.streams] == ["h264", "aac"]
        assert [frame.time for frame in box.decode(video=0)] == pytest.approx(list(info.times - info.times[0]), abs=1e-3)
