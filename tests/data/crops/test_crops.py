import errno
import json
import os
import pickle
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stavis.data.crops import build as crop_writer
from stavis.data.crops.crops import CropConfig, Crops, crops_of
from stavis.data.faces.alignment import EYES_AT, anchors, apply_affine
from stavis.data.faces.networks.model_file import fetch_models
from stavis.data.faces.track_cache import LoadedTrack
from stavis.data.faces.tracks import Tracks
from stavis.data.video.io import write_video
from stavis.errors import StavisError, StavisWarning
from stavis.landmarks import DRAWN, MEDIAPIPE
from stavis.regions import REGIONS
from stavis.storage import cache, eviction, locks
from stavis.storage.contents import cache_clear, cache_list
from stavis.storage.eviction import kind_folder
from stavis.types import Recording
from tests.data.faces.plain_points import plain_face

FRAMES, FPS, WIDTH, HEIGHT = 50, 25, 160, 120


def picture(k: int) -> np.ndarray:
    """A grey ramp that tells its frame by its level, with a white square that walks."""
    image = np.full((HEIGHT, WIDTH, 3), 40 + 3 * k, np.uint8)
    image[40:60, 20 + k : 40 + k] = 255
    return image


def face_at(k: int) -> np.ndarray:
    return plain_face(DRAWN, 30, (60 + k / 2, 50), angle=k / 5)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_own_folder", [])
    monkeypatch.setattr(eviction, "_shrinking", {"again": 0.0})
    monkeypatch.setattr(eviction, "_PAUSE", 0)


@pytest.fixture
def video(tmp_path) -> Path:
    return write_video(tmp_path / "a video.mp4", (picture(k) for k in range(FRAMES)), fps=FPS)


@pytest.fixture
def drawn(video, tmp_path) -> Recording:
    """A recording with known truth (no face in frames 10 to 19) and labels."""
    visible = np.ones(FRAMES, bool)
    visible[10:20] = False
    np.savez(
        tmp_path / "truth.npz",
        times=np.arange(FRAMES) / FPS,
        landmarks=np.stack([face_at(k) for k in range(FRAMES)]).astype(np.float32),
        carrier=np.zeros(FRAMES, np.int8),
        mouth_cue=np.ones(FRAMES),
        valence=np.zeros(FRAMES),
        occluded=np.zeros(FRAMES, bool),
        visible=visible,
        regions=np.zeros((FRAMES, 4, 4), np.uint8),
    )
    times = np.arange(FRAMES + 1) / FPS
    labels = (times / 10)[:, None]
    return Recording("drawn", video, "s1", "train", ("valence",), times, labels, truth=tmp_path / "truth.npz")


@pytest.fixture
def counted(monkeypatch) -> dict:
    """How often a video was probed, decoded and tracked."""
    counts = dict.fromkeys(("info_of", "read_frames", "load_or_track"), 0)

    def counting(name, function):
        def call(*args, **options):
            counts[name] += 1
            return function(*args, **options)

        return call

    for name in ("info_of", "read_frames"):
        monkeypatch.setattr(crop_writer, name, counting(name, getattr(crop_writer, name)))
    monkeypatch.setattr(crop_writer, "fetch_models", lambda: None)
    monkeypatch.setattr(crop_writer, "load_or_track", counting("load_or_track", pretended_track))
    return counts


def pretended_track(info, digest, *, choose, progress, model, watch=None, faces=tuple(range(5, FRAMES))) -> LoadedTrack:
    """A tracker that sees a face in some frames, at the drawn face's place."""
    landmarks = np.full((FRAMES, MEDIAPIPE.count, 2), np.nan, np.float32)
    valid = np.zeros(FRAMES, bool)
    valid[list(faces)] = True
    for k in faces:
        landmarks[k] = plain_face(MEDIAPIPE, 30, (60 + k / 2, 50))
    if progress is not None:
        progress(FRAMES, FRAMES)
    tracks = Tracks(
        times=np.arange(FRAMES) / FPS,
        boxes=np.full((FRAMES, 4), np.nan),
        landmarks=landmarks,
        score=valid.astype(float),
        affine=np.full((FRAMES, 2, 3), np.nan),
        valid=valid,
        blendshapes=np.full((FRAMES, 52), 0.5),
        notes=tuple("" if ok else "no face" for ok in valid),
        numbers=np.zeros(len(faces), int),
    )
    return LoadedTrack(tracks, 1.0, Path())


def level(crops: Crops) -> np.ndarray:
    """Which frame of the source each crop shows, read from its grey."""
    return np.rint((np.median(crops.frames[..., 0], (1, 2)) - 40) / 3)


def test_centred_crops_are_the_right_frames_at_their_own_times(video):
    crops = crops_of(video, CropConfig(size=48, rate=None, source="centre"))
    assert crops.frames.shape == (FRAMES, 48, 48, 3) and crops.frames.dtype == np.uint8
    assert np.abs(level(crops) - np.arange(FRAMES)).max() <= 1
    assert np.allclose(crops.times, np.arange(FRAMES) / FPS, atol=1e-3)
    assert crops.valid.all() and crops.track is None and crops.source == "centre" and set(crops.frame_notes) == {""}
    assert (crops.picture, crops.recording) == ((WIDTH, HEIGHT), "a video")
    clip = crops.clip(5, 9)
    assert len(clip) == 4 and clip.regions is None and clip.labels is None and np.array_equal(clip.frames, crops.frames[5:9])
    # the walking square: where the affine says it is
    at = apply_affine(crops.affine[:1], np.array([[[30.0, 50.0]]]))[0, 0]
    assert np.asarray(crops.frames[0])[round(at[1]), round(at[0])].min() > 240


def test_the_rate_chooses_frames(video):
    crops = crops_of(video, CropConfig(size=32, rate=6.25, source="centre"))
    assert crops.indices.tolist() == list(range(0, FRAMES, 4)) and np.abs(level(crops) - crops.indices).max() <= 1
    assert np.allclose(np.diff(crops.times), 0.16, atol=2e-3)


def test_true_landmarks_align_and_give_regions_and_labels(drawn):
    crops = crops_of(drawn, CropConfig(size=64, rate=None))
    assert crops.source == "truth" and crops.dimensions == ("valence",)
    assert crops.valid.tolist() == [not 10 <= k < 20 for k in range(FRAMES)]
    assert crops.frame_notes[9:11] == ("", "no face")
    seen = crops.valid
    left, right, _ = anchors(apply_affine(crops.affine[seen], crops.track.landmarks[seen].astype(float)))
    assert np.abs((left + right) / 2 + 0.5 - np.array(EYES_AT) * 64).max() < 0.05
    clip = crops.clip()
    assert clip.regions.shape == (FRAMES, len(REGIONS), 64, 64) and (clip.regions.sum(1) == 1).all()
    assert clip.regions[seen, 0].any((1, 2)).all() and clip.regions[~seen, REGIONS.index("outside")].all()
    assert np.allclose(clip.labels[:, 0], clip.times / 10) and clip.recording == "drawn"
    assert np.isnan(crops.track.landmarks[10:20]).all() and np.array_equal(crops.affine[12], crops.affine[9])
    assert crops.clip(3, 5, regions=False).regions is None
    later = crops.clip(20, 25)
    assert np.array_equal(later.regions, clip.regions[20:25]) and np.array_equal(later.labels, clip.labels[20:25])


def test_labels_are_used_only_where_they_are(drawn):
    short = replace(drawn, label_times=drawn.label_times[:20], labels=drawn.labels[:20])
    crops = crops_of(short, CropConfig(size=16, rate=None))
    assert any("end 1.20 s before the video" in one for one in crops.notes)
    assert np.isfinite(crops.labels[:20]).all() and np.isnan(crops.labels[20:]).all()
    with pytest.raises(StavisError, match="no moment in common"):
        crops_of(replace(drawn, label_times=drawn.label_times + 100), CropConfig(size=16))


def test_the_tracker_aligns_and_frames_without_a_face_are_marked(video, counted):
    crops = crops_of(video, CropConfig(size=64, rate=12.5))
    assert crops.source == "face" and crops.faces == 1 and counted == {"info_of": 1, "read_frames": 1, "load_or_track": 1}
    assert crops.valid.tolist() == [k >= 5 for k in range(0, FRAMES, 2)]
    assert crops.frame_notes[:4] == ("no face", "no face", "no face", "")
    assert crops.track.landmarks.shape == (25, 478, 2) and crops.track.blendshapes.shape == (25, 52)
    clip = crops.clip()
    assert clip.regions[:3, REGIONS.index("outside")].all() and clip.regions[3:, 0].any((1, 2)).all()


def test_the_second_run_decodes_and_tracks_nothing(video, drawn, counted, tmp_path):
    for recording in (video, drawn):
        for spec in (CropConfig(size=32), CropConfig(size=32, source="centre")):
            first = crops_of(recording, spec)
            counted.update(dict.fromkeys(counted, 0))
            again = crops_of(recording, spec)
            assert sum(counted.values()) == 0
            assert np.array_equal(first.frames, again.frames) and first.frame_notes == again.frame_notes and first.notes == again.notes
    copy = tmp_path / "elsewhere.mp4"
    copy.write_bytes(video.read_bytes())
    assert crops_of(copy, CropConfig(size=32)).recording == "elsewhere" and sum(counted.values()) == 0


def test_what_the_crops_depend_on_makes_them_anew(video, drawn, counted, tmp_path):
    spec = CropConfig(size=32)
    crops_of(drawn, spec)
    for other in (CropConfig(size=40), CropConfig(size=32, rate=5), CropConfig(size=32, rate=None), CropConfig(size=32, source="centre")):
        crops_of(drawn, other)
    assert counted["read_frames"] == 5
    crops_of(video, CropConfig(size=32, face=1))
    crops_of(video, CropConfig(size=32, face=2))
    assert counted["load_or_track"] == 2
    with np.load(drawn.truth) as file:
        arrays = dict(file)
    arrays["visible"][:] = True
    np.savez(drawn.truth, **arrays)
    assert crops_of(drawn, spec).valid.all()
    write_video(video, (picture(FRAMES - k) for k in range(FRAMES)), fps=FPS)
    assert level(crops_of(video, CropConfig(size=32, source="centre")))[0] > FRAMES - 3


def test_no_face_in_the_whole_video(video, monkeypatch):
    monkeypatch.setattr(crop_writer, "fetch_models", lambda: None)
    monkeypatch.setattr(crop_writer, "load_or_track", lambda *video, **options: pretended_track(*video, **options, faces=()))
    for _ in range(2):  # from the cache as well
        crops = crops_of(video, CropConfig(size=32))
        assert any("no face was found in any frame" in one for one in crops.notes)
        assert crops.source == "centre" and not crops.valid.any() and set(crops.frame_notes) == {"no face"}
        with pytest.raises(StavisError, match="no face was found"):
            crops_of(video, CropConfig(size=32, source="face"))


def test_without_a_tracker(video, monkeypatch):
    def offline():
        raise StavisError("the face model is not on this machine: fetch it.")

    monkeypatch.delenv("STAVIS_FACE_MODEL", raising=False)
    monkeypatch.setattr(crop_writer, "fetch_models", offline)
    with pytest.raises(StavisError, match="face model is not on this machine"):
        crops_of(video, CropConfig(size=32, source="face"))
    crops = crops_of(video, CropConfig(size=32))
    assert crops.source == "centre" and "centred square is taken, because the face model" in crops.notes[0]
    monkeypatch.setenv("STAVIS_FACE_MODEL", "/wrong.task")  # given by the user: not passed over
    with pytest.raises(StavisError, match="face model"):
        crops_of(video, CropConfig(size=32))


def test_damage_is_said_and_marked_every_time(tmp_path):
    path = write_video(
        tmp_path / "a.mp4",
        (np.random.default_rng(k).integers(0, 256, (96, 128, 3), np.uint8) for k in range(40)),
        fps=25,
        crf=30,
    )
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = os.urandom(3000)
    path.write_bytes(content)
    for _ in range(2):
        crops = crops_of(path, CropConfig(size=32, rate=None, source="centre"))
        assert "damaged" in crops.frame_notes and any("damaged" in one for one in crops.notes)
    assert len(crops) == 40


@pytest.mark.parametrize("kind", ["missing", "empty", "folder", "text", "fifo", "null"])
def test_what_is_no_video_is_told_in_a_sentence(tmp_path, kind):
    path = tmp_path / "x.mp4"
    if kind == "empty":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("time,valence\n" * 100)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "null":
        path = tmp_path / "x\0.mp4"
    with pytest.raises(StavisError) as caught:
        crops_of(path, CropConfig(source="centre"))
    assert "\n" not in str(caught.value)
    assert not list(kind_folder("crops").glob(".*.part"))


@pytest.mark.parametrize(
    "options", [{"size": 4}, {"size": 20000}, {"size": 64.0}, {"rate": 0}, {"rate": np.nan}, {"rate": -1}, {"source": "mouth"}]
)
def test_specs_that_cannot_be(options):
    with pytest.raises(StavisError):
        CropConfig(**options)


def test_truth_that_is_missing_or_broken(video, drawn, tmp_path):
    with pytest.raises(StavisError, match="no truth file"):
        crops_of(video, CropConfig(source="truth"))
    drawn.truth.write_bytes(drawn.truth.read_bytes()[:500])
    with pytest.raises(StavisError, match="truth"):
        crops_of(drawn)


def test_progress_counts_frames(video):
    seen = []
    crops_of(video, CropConfig(size=16, source="centre"), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (FRAMES, FRAMES) and [one[0] for one in seen] == sorted(one[0] for one in seen)


def test_crops_travel_to_a_worker_without_their_pixels(drawn):
    crops = crops_of(drawn, CropConfig(size=64, rate=None))
    packed = pickle.dumps(crops)
    assert len(packed) < crops.frames.nbytes / 20
    there = pickle.loads(packed)  # noqa: S301 (our own)
    assert np.array_equal(there.frames, crops.frames) and np.array_equal(there.labels, crops.labels)
    assert there.spec == crops.spec and there.frame_notes == crops.frame_notes and there.notes == crops.notes


def test_inputs_are_left_as_they_are(drawn, tmp_path):
    inputs = [drawn.video, drawn.truth]
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in inputs]
    names = sorted(tmp_path.iterdir())
    crops_of(drawn)
    assert [(path.stat().st_mtime_ns, path.read_bytes()) for path in inputs] == before
    assert sorted(path for path in tmp_path.iterdir() if path.name != "cache") == names


@pytest.mark.parametrize("damage", ["cut", "no index", "bad index", "other version", "gone"])
def test_a_damaged_entry_is_made_anew(video, counted, damage):
    spec = CropConfig(size=32, source="centre")
    whole = np.array(crops_of(video, spec).frames)
    (folder,) = [path for path in kind_folder("crops").iterdir() if path.is_dir()]
    index = folder / "index.json"
    if damage == "cut":
        os.truncate(folder / "frames.npy", 500)
    elif damage == "no index":
        index.unlink()
    elif damage == "bad index":
        index.write_text("[1, 2")
    elif damage == "other version":
        index.write_text(json.dumps(json.loads(index.read_text()) | {"format": 0}))
    else:
        (folder / "arrays.npz").unlink()
    assert np.array_equal(crops_of(video, spec).frames, whole) and counted["read_frames"] == 2


def test_failing_in_the_middle_leaves_nothing(video, monkeypatch):
    def broken(*args, **options):
        yield from ()
        raise StavisError("a.mp4: the disk was pulled out: put it back.")

    monkeypatch.setattr(crop_writer, "read_frames", broken)
    with pytest.raises(StavisError, match="pulled out"):
        crops_of(video, CropConfig(source="centre"))
    assert [path for path in kind_folder("crops").iterdir() if path.suffix != ".lock"] == []
    monkeypatch.undo()


def test_a_full_disk_is_one_sentence_and_leaves_nothing(video, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(crop_writer, "framed", full)
    with pytest.raises(StavisError, match="No space left"):
        crops_of(video, CropConfig(source="centre"))
    assert [path for path in kind_folder("crops").iterdir() if path.suffix != ".lock"] == []


SCRIPT = """
import sys, time
from stavis.data.crops import build as crop_writer
from stavis.data.crops.crops import CropConfig, crops_of
framed = crop_writer.framed
def slow(*args):
    print("cutting", flush=True)
    time.sleep(float(sys.argv[2]))
    return framed(*args)
crop_writer.framed = slow
crops = crops_of(sys.argv[1], CropConfig(size=16, rate=None, source="centre"))
print("sum", int(crops.frames.sum(dtype="int64")))
"""


def other_process(video, seconds):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(video), str(seconds)], env=environment, stdout=subprocess.PIPE, text=True)


def test_a_killed_half_is_cleaned_up_and_the_work_done(video, counted):
    killed = other_process(video, 30)
    assert killed.stdout.readline() == "cutting\n"
    killed.kill()
    killed.wait()
    assert len(list(kind_folder("crops").glob(".*.part"))) == 1
    crops = crops_of(video, CropConfig(size=16, rate=None, source="centre"))
    assert len(crops) == FRAMES and counted["read_frames"] == 1
    assert not list(kind_folder("crops").glob(".*.part"))


@pytest.mark.slow
def test_another_entrys_half_is_cleaned_up_too_but_not_one_at_work(video, tmp_path):
    at_work = other_process(video, 0.06)
    assert at_work.stdout.readline() == "cutting\n"
    dead = kind_folder("crops") / f".{'d' * 40}.xyz.part"
    dead.mkdir()
    crops_of(video, CropConfig(size=24, source="centre"))
    assert not dead.exists() and len(list(kind_folder("crops").glob(".*.part"))) == 1
    assert at_work.communicate(timeout=60)[0].splitlines()[-1].startswith("sum")
    assert at_work.returncode == 0


@pytest.mark.slow
def test_two_processes_want_the_same_and_one_makes_it(video):
    both = [other_process(video, 0.02) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0][-1] == said[1][-1] and said[0][-1].startswith("sum")
    assert sorted(lines.count("cutting") for lines in said) == [0, FRAMES]


def no_locks(*args, **options):
    raise OSError(errno.ENOLCK, "no locks available")


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    """Two make the same: the other one is done while we are at work, and both are served."""
    monkeypatch.setattr(locks.FileLock, "acquire", no_locks)
    calls = []

    def make(folder):
        calls.append(folder)
        if len(calls) == 1:
            cache.get_or_create("crops", "k" * 40, make, whole)
        (folder / "index.json").write_text("{}")

    def whole(folder):
        return (folder / "index.json").is_file()

    assert whole(cache.get_or_create("crops", "k" * 40, make, whole)) and len(calls) == 2
    assert [path.name for path in kind_folder("crops").iterdir() if path.suffix != ".lock"] == ["k" * 40]


def test_crops_whose_entry_went_away_say_so(video):
    crops = crops_of(video, CropConfig(size=16, source="centre"))
    packed = pickle.dumps(crops)
    cache_clear()
    with pytest.raises(StavisError, match="went away"):
        pickle.loads(packed)  # noqa: S301 (our own)


def test_listing_and_clearing(video, drawn):
    assert cache_list().empty and list(cache_list().columns) == ["kind", "what", "megabytes", "last_used", "key", "path"]
    crops_of(video, CropConfig(size=32, source="centre"))
    crops = crops_of(drawn, CropConfig(size=16, rate=None))
    listed = cache_list()
    assert listed.kind.tolist() == ["crops", "crops"]
    assert listed.what.tolist() == ["a video.mp4, 16 px, every frame, truth", "a video.mp4, 32 px, 6.25 frames/s, centre"]
    assert listed.megabytes[0] >= FRAMES * 16 * 16 * 3 / 1e6
    assert cache_clear(unused_for_days=1).empty
    gone = cache_clear(keys=[listed.key[1][:8]])
    assert gone.key.tolist() == [listed.key[1]] and cache_list().key.tolist() == [listed.key[0]]
    assert len(cache_clear()) == 1 and cache_list().empty
    assert list(kind_folder("crops").iterdir()) == []
    assert crops.frames.shape == (FRAMES, 16, 16, 3) and crops.frames[3].any()  # who has them open still reads them


def rates() -> list[str]:
    return sorted(what.split(", ")[2] for what in cache_list().what)


def test_the_least_recently_used_go_first(video, monkeypatch):
    specs = [CropConfig(size=64, rate=rate, source="centre") for rate in (None, 12.5, 6.25)]
    for age, spec in enumerate(specs[:2]):
        folder = crops_of(video, spec).folder
        os.utime(folder / "index.json", (1000 + age, 1000 + age))
    crops_of(video, specs[0])  # used now
    monkeypatch.setenv("STAVIS_CACHE_LIMIT", "0.0008")  # GB: the first (.61 MB) and the third (.16 MB) fit, not all three
    crops_of(video, specs[2])
    assert rates() == ["6.25 frames/s", "every frame"]
    monkeypatch.setenv("STAVIS_CACHE_LIMIT", "0")
    crops = crops_of(video, specs[1])
    assert rates() == ["12.5 frames/s"] and len(crops) == FRAMES / 2
    monkeypatch.setenv("STAVIS_CACHE_LIMIT", "lots")
    with pytest.raises(StavisError, match="STAVIS_CACHE_LIMIT"):
        crops_of(video, CropConfig(size=20, source="centre"))


def test_a_cache_that_cannot_be_written(video, tmp_path, monkeypatch, counted):
    spec = CropConfig(size=32, source="centre")
    blocked = tmp_path / "a file"
    blocked.write_text("in the way")
    monkeypatch.setenv("STAVIS_CACHE", str(blocked / "cache"))
    with pytest.warns(StavisWarning, match="cannot be written.*temporary folder"):
        crops = crops_of(video, spec)
    assert len(crops) == 13 and blocked.read_text() == "in the way"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        crops_of(video, spec)
    assert counted["read_frames"] == 1
    cache._own_folder[0].cleanup()


def test_a_filled_cache_that_became_read_only_is_still_read(video, monkeypatch, counted):
    spec = CropConfig(size=32, source="centre")
    crops_of(video, spec)

    def refused(*args, **options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", refused)
    monkeypatch.setattr(cache.tempfile, "TemporaryFile", refused)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(crops_of(video, spec)) == 13
    assert counted["read_frames"] == 1


def test_names_with_odd_characters(tmp_path):
    path = write_video(tmp_path / 'quote" <script>alert(1)<.mp4'.replace("/", ""), (picture(k) for k in range(5)), fps=25)
    odd = path.rename(tmp_path / "ü 顔 '\" <b>.mp4")
    assert crops_of(odd, CropConfig(size=16, source="centre")).recording == "ü 顔 '\" <b>"
    assert cache_list().what[0].startswith("ü 顔 '\" <b>.mp4, ")


@pytest.mark.real_clips
@pytest.mark.parametrize("name", ["derived_rotation_tag.mp4", "derived_vp9.webm", "pyfeat_noface_face_hevc_vfr.mov", "grid_brbk7n.mpg"])
def test_real_clips_of_many_kinds_are_cut(real_clips, name):
    crops = crops_of(real_clips / name, CropConfig(size=64, rate=None, source="centre"))
    assert len(crops) in (72, 75, 169) and (np.diff(crops.times) > 0).all()
    assert np.asarray(crops.frames[len(crops) // 2]).std() > 10


@pytest.mark.real_clips
def test_a_rotated_clip_gives_the_crops_of_the_upright_one(real_clips):
    one, other = (
        crops_of(real_clips / name, CropConfig(size=64, rate=None, source="centre"))
        for name in ("derived_rotation_tag.mp4", "derived_vp9.webm")
    )
    assert one.picture == other.picture == (480, 270)
    assert np.abs(one.frames.astype(int) - other.frames).mean() < 6


@pytest.mark.real_clips
def test_a_real_face_is_aligned_and_read_again_without_work(real_clips, monkeypatch):
    try:
        monkeypatch.setenv("STAVIS_FACE_MODEL", str(fetch_models().path))
    except StavisError as error:
        pytest.skip(str(error))
    spec = CropConfig(size=64, rate=6.25)
    crops = crops_of(real_clips / "pyfeat_single_face.mp4", spec)
    assert crops.source == "face" and crops.valid.mean() >= 0.97 and crops.faces == 1
    left, right, mouth = anchors(apply_affine(crops.affine, crops.track.landmarks.astype(float)))
    assert np.abs((left + right) / 2 + 0.5 - np.array(EYES_AT) * 64).max() < 0.5
    assert ((mouth[:, 1] > 0.62 * 64) & (mouth[:, 1] < 0.8 * 64)).all()
    masks = crops.clip().regions
    assert masks[:, :-1].any((2, 3)).all()
    for name in ("info_of", "read_frames", "load_or_track"):
        monkeypatch.setattr(crop_writer, name, None)
    assert np.array_equal(crops_of(real_clips / "pyfeat_single_face.mp4", spec).frames, crops.frames)
