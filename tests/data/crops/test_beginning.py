"""Laws of the first frames that are shown while a video is still being followed: crops like all others, and no later one differs."""

from functools import partial

import numpy as np
import pytest

from stavis.data.crops import beginning, build
from stavis.data.crops.beginning import Beginning, FirstFrames
from stavis.data.crops.crops import CropConfig, crops_of
from stavis.data.crops.early import EarlyCrops
from stavis.data.faces.alignment import crop_affine
from stavis.data.faces.tracker import TrackedFace
from stavis.data.faces.tracks import NO_FACE, FrameFaces
from stavis.data.video.io import VideoInfo, probe, read_frames
from stavis.landmarks import MEDIAPIPE
from stavis.notes import Notes
from tests.data.faces.plain_points import plain_face
from tests.data.video.made_videos import FRAMES, encode

SIZE = 24
CHOSEN = np.arange(0, FRAMES, 2)


@pytest.fixture
def info(tmp_path) -> VideoInfo:
    return probe(encode(tmp_path / "clip.mp4", g="8"))


def face(index: int) -> TrackedFace:
    points = plain_face(MEDIAPIPE, 16, (70 + index / 2, 45)).astype(np.float64)
    return TrackedFace(0, points, np.array([60.0, 30.0, 100, 70]), 1.0, np.zeros(52, np.float32))


def watched(info: VideoInfo, steps=(0.3, 0.7), choose="largest", without=(), monkeypatch=None) -> tuple[list[FirstFrames], EarlyCrops]:
    """What is shown after the steps (in parts of the video), and the crops that are cut on the way."""
    length = info.times[-1] - info.times[0]
    monkeypatch.setattr(beginning, "STEPS", tuple(step * length for step in steps))
    shown, early = [], EarlyCrops(CHOSEN, SIZE)
    begun = Beginning(shown.append, choose, SIZE, info, CHOSEN, early)
    for frame in read_frames(info.path, info=info, notes=Notes()):
        begun.see(frame, FrameFaces(frame.index, frame.time, () if frame.index in without else (face(frame.index),)))
    return shown, early


@pytest.mark.parametrize("without", [(), (0, 1), (3, 4, 5)])
def test_the_first_frames_are_crops_like_all_others(info, monkeypatch, without):
    shown, early = watched(info, (0.3, 0.6), without=without, monkeypatch=monkeypatch)
    assert len(shown) == 2 and 2 < len(shown[0].times) < len(shown[1].times) < len(CHOSEN)
    for one in shown:
        count = len(one.times)
        assert one.indices.tolist() == CHOSEN[:count].tolist() and np.array_equal(one.times, info.times[CHOSEN[:count]])
        assert one.valid.tolist() == [index not in without for index in CHOSEN[:count]] and one.faces == 1
        assert [note == NO_FACE for note in one.frame_notes] == (~one.valid).tolist()
        later = [image for image, _ in build._cut(info, CHOSEN[:count], one.affine, SIZE, "face", Notes(), None)]
        assert np.array_equal(one.frames, np.stack(later)) and one.seconds == pytest.approx(info.times[-1] - info.times[0])
    affine = crop_affine(np.stack([face(index).points for index in CHOSEN]).astype(np.float32), SIZE)
    whole = [image for image, _ in build._cut(info, CHOSEN, affine, SIZE, "face", Notes(), None)]
    assert np.array_equal(np.stack([image for image, _ in early.crops(info, CHOSEN, affine)]), np.stack(whole)), "they go on as before"


def test_what_is_nearly_there_is_waited_for(info, monkeypatch):
    assert len(watched(info, (0.3, 0.9), monkeypatch=monkeypatch)[0]) == 1


@pytest.mark.parametrize(("choose", "without"), [(3, ()), ((1.0, 1.0), ()), ("largest", range(FRAMES))])
def test_nothing_is_shown_where_the_face_has_not_been_seen_yet(info, monkeypatch, choose, without):
    assert watched(info, choose=choose, without=without, monkeypatch=monkeypatch)[0] == []


@pytest.mark.real_clips
def test_crops_of_a_real_clip_are_the_same_whether_its_beginning_was_shown_or_not(real_clips, face_model, monkeypatch, tmp_path):
    monkeypatch.setattr(beginning, "STEPS", (0.3, 0.8))
    config, clip, shown = CropConfig(size=48, rate=None), real_clips / "intel_asl_yes.mkv", []
    found = []
    for name, begun in (("without", None), ("with", lambda crops, seconds: shown.append((crops, seconds)))):
        monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / name))
        found.append(crops_of(clip, config, begun=begun))
    one, two = found
    assert np.array_equal(one.frames, two.frames) and np.array_equal(one.track.landmarks, two.track.landmarks, equal_nan=True)
    assert one.notes == two.notes and one.frame_notes == two.frame_notes and np.array_equal(one.affine, two.affine)
    assert shown and all(seconds == pytest.approx(one.times[-1] - one.times[0]) for _, seconds in shown)
    for first, _ in shown:
        count = len(first)
        assert np.array_equal(first.frames, one.frames[:count]) and first.recording == one.recording and first.folder is None
        assert np.array_equal(first.times, one.times[:count]) and np.array_equal(first.valid, one.valid[:count])
    monkeypatch.setattr(beginning, "Beginning", None)
    crops_of(clip, config, begun=partial(pytest.fail, "it was seen before"))
