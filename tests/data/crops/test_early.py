"""Laws of crops that are cut while faces are followed: to the bit what cutting afterwards gives."""

import numpy as np
import pytest

from stavis.data.crops import build, early
from stavis.data.crops.crops import CropConfig, crops_of
from stavis.data.crops.early import EarlyCrops
from stavis.data.faces.alignment import crop_affine
from stavis.data.faces.tracker import TrackedFace
from stavis.data.faces.tracks import FrameFaces
from stavis.data.video.io import probe, read_frames
from stavis.landmarks import MEDIAPIPE
from stavis.notes import Notes
from tests.data.faces.plain_points import plain_face
from tests.data.video.made_videos import FRAMES, encode

SIZE = 24
CHOSEN = np.arange(0, FRAMES, 2)


@pytest.fixture
def info(tmp_path):
    return probe(encode(tmp_path / "clip.mp4", g="8"))


def points(number: int) -> np.ndarray:
    return plain_face(MEDIAPIPE, 16, (70 + number / 2, 45)).astype(np.float64)


def face(number: int, size: float = 40.0, valid: bool = True) -> TrackedFace:
    """A face at its place in a frame, whose box has a size of its own."""
    return TrackedFace(0, points(number), np.array([60.0, 30.0, 60 + size, 30 + size]), 1.0, np.zeros(52, np.float32), valid)


def watched(info, without=(), most=None) -> EarlyCrops:
    """All frames seen, with a face but for those in `without`."""
    found = EarlyCrops(CHOSEN, SIZE)
    for frame in read_frames(info.path, info=info, notes=Notes()):
        smaller = TrackedFace(1, points(frame.index) + 9, np.array([0.0, 0.0, 9.0, 9.0]), 1.0, np.zeros(52, np.float32))
        faces = () if frame.index in without else (smaller, face(frame.index), face(0, 99, valid=False))
        found.see(frame, FrameFaces(frame.index, frame.time, faces))
    return found


def affine_of() -> np.ndarray:
    return crop_affine(np.stack([points(index) for index in CHOSEN]).astype(np.float32), SIZE)


def same(info, found: EarlyCrops, affine: np.ndarray) -> bool:
    """Whether early crops are those that are cut afterwards."""
    later = list(build._cut(info, CHOSEN, affine, SIZE, "face", Notes(), None))
    now = list(found.crops(info, CHOSEN, affine))
    return len(now) == len(later) and all(np.array_equal(a[0], b[0]) and a[1] == b[1] for a, b in zip(now, later, strict=True))


def test_they_are_what_is_cut_afterwards_and_nothing_is_read_again(info, monkeypatch):
    found = watched(info)
    assert found.fits(affine_of())
    expected = same(info, found, affine_of())
    monkeypatch.setattr(early, "read_frames", None)
    assert expected and len(list(found.crops(info, CHOSEN, affine_of()))) == len(CHOSEN)


@pytest.mark.parametrize("without", [(0, 1, 2), (18, 20), tuple(range(24, FRAMES)), (0, FRAMES - 2)])
def test_frames_without_a_face_are_cut_from_the_video(info, without):
    found = watched(info, without)
    assert found.fits(affine_of()) and same(info, found, affine_of())


def test_another_face_than_was_cut_is_cut_from_the_video(info):
    found, affine = watched(info), affine_of()
    affine[5:9, :, 2] += 3
    assert found.fits(affine) and same(info, found, affine)
    assert not found.fits(affine + 1)


def test_a_damaged_video_is_read_from_its_start(info, monkeypatch):
    found, starts = watched(info, (30,)), []
    found._notes[3] = "damaged"

    def noting(*args, start=0, **options):
        starts.append(start)
        return read_frames(*args, start=start, **options)

    monkeypatch.setattr(early, "read_frames", noting)
    assert [note for _, note in found.crops(info, CHOSEN, affine_of())][3] == "damaged" and starts == [0]


def test_only_so_much_is_cut_early(info, monkeypatch):
    monkeypatch.setattr(early, "MOST_BYTES", 5 * SIZE * SIZE * 3)
    found = watched(info)
    assert found._cut == 5 and same(info, found, affine_of())


def test_frames_that_were_not_all_seen_are_not_used(info):
    assert not EarlyCrops(CHOSEN, SIZE).fits(affine_of())


@pytest.mark.real_clips
@pytest.mark.parametrize("cores", [1, 2])
def test_a_real_clip_in_one_pass_is_the_clip_in_two(real_clips, face_model, monkeypatch, tmp_path, cores):
    monkeypatch.setattr("stavis.data.ahead.cpu_count", lambda: cores)
    config, clip = CropConfig(size=48, rate=None), real_clips / "intel_asl_yes.mkv"
    found = []
    for name, use in (("once", EarlyCrops.fits), ("twice", lambda *_: False)):
        monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / name))
        monkeypatch.setattr(EarlyCrops, "fits", use)
        found.append(crops_of(clip, config))
    one, two = found
    assert np.array_equal(one.frames, two.frames) and np.array_equal(one.track.landmarks, two.track.landmarks, equal_nan=True)
    assert one.frame_notes == two.frame_notes and one.notes == two.notes and np.array_equal(one.affine, two.affine)
