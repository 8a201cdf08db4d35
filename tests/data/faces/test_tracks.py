"""Faces on real clips: found, followed, told apart, never invented; on both backends; as MediaPipe itself has them."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from stavis.data.faces.alignment import anchors
from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.data.faces.following import follow_faces, track_faces
from stavis.data.faces.networks.landmarker import FaceNetworks, region_of_detection
from stavis.data.faces.one_euro import OneEuro
from stavis.data.faces.tracker import SEARCH_EVERY, FaceTracker
from stavis.data.faces.tracks import NO_FACE
from stavis.data.video.io import Frame, read_frames, write_video
from stavis.errors import StavisError
from stavis.notes import Notes

pytestmark = pytest.mark.real_clips
EYES = (468, 473)
BACKENDS = ("litert", "opencv")


@pytest.fixture(scope="module")
def tracks(real_clips, face_model):
    """The track of a clip, made once for all tests of this file."""
    made = {}

    def of(name):
        if name not in made:
            made[name] = track_faces(real_clips / name, model=face_model)
        return made[name]

    return of


@pytest.fixture(scope="module", params=BACKENDS)
def networks(request, face_model):
    return FaceNetworks(face_model, request.param)


def apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far two sets of landmarks (T,478,2) lie apart, in inter-eye distances of the second."""
    return np.linalg.norm(a - b, axis=-1) / np.linalg.norm(b[:, EYES[0]] - b[:, EYES[1]], axis=-1)[:, None]


def oracle() -> dict[tuple[str, str, int], np.ndarray]:
    with open(Path(__file__).with_name("mediapipe_landmarks.csv"), encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    tables: dict = {}
    for row in rows:
        values = tables.setdefault((row["video"], row["mode"], int(row["frame"])), [])
        values.append((int(row["index"]), float(row["x"]), float(row["y"] or 0)))
    return {key: np.array(values) for key, values in tables.items()}


# One picture


def test_a_single_picture_gives_what_mediapipe_gives(real_clips, networks):
    frames, errors, blendshape_errors = {}, [], []
    for (name, mode, index), table in oracle().items():
        if mode == "video":
            continue
        if (name, index) not in frames:
            frames[name, index] = next(read_frames(real_clips / name, start=index, stop=index + 1, notes=Notes())).image
        image = frames[name, index]
        mesh = networks.mesh(image, region_of_detection(networks.detect(image)[0]))
        if mode == "blendshape":
            blendshape_errors.append(np.abs(networks.blendshapes(mesh.points) - table[:, 1]).max())
        else:
            eyes = np.linalg.norm(mesh.points[EYES[0]] - mesh.points[EYES[1]])
            errors.append(np.median(np.linalg.norm(mesh.points[table[:, 0].astype(int)] - table[:, 1:], axis=1)) / eyes)
    assert len(errors) == 24 and np.median(errors) < 0.002 and max(errors) < 0.01
    assert len(blendshape_errors) == 8 and max(blendshape_errors) < 0.05


def test_a_turned_picture_turns_the_landmarks(real_clips, networks):
    image = next(read_frames(real_clips / "pyfeat_single_face.mp4", notes=Notes())).image
    upright = networks.mesh(image, region_of_detection(networks.detect(image)[0])).points
    turn = cv2.getRotationMatrix2D((320, 180), 25, 1.0)
    turned = cv2.warpAffine(image, turn, (640, 360))
    found = networks.mesh(turned, region_of_detection(networks.detect(turned)[0])).points
    assert np.median(apart(found[None], (upright @ turn[:, :2].T + turn[:, 2])[None])) < 0.03


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (300, 2), (64, 64)])
def test_pictures_of_any_shape_are_looked_at(networks, shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    assert networks.detect(image) == [] and FaceTracker(networks).step(image, 0.0) == []


def test_an_unknown_backend_is_named(face_model):
    with pytest.raises(StavisError, match="litert, opencv"):
        FaceNetworks(face_model, "cuda")


# Whole clips


@pytest.mark.slow
def test_a_face_is_found_in_the_frames_that_show_one(real_clips, tracks):
    for path in sorted(real_clips.iterdir()):
        if path.suffix in (".tsv", ".align") or "no" in path.stem.split("_"):
            continue
        track = tracks(path.name)
        shown = np.ones(len(track.times), bool)
        if "noface" in path.name:
            shown = np.arange(len(track.times)) >= 96
            shown[-1] = False  # black
            assert np.array_equal(track.valid, shown), "the cut is marked to the frame"
        assert track.valid[shown].mean() >= 0.97 and track.count == 1, path.name
        assert all(note == ("" if valid else NO_FACE) for note, valid in zip(track.notes, track.valid, strict=True))
        assert np.isnan(track.landmarks[~track.valid]).all() and np.isfinite(track.landmarks[track.valid]).all()


def test_no_face_is_found_where_there_is_none(tracks):
    track = tracks("pyfeat_no_face.mp4")
    assert track.number is None and track.count == 0 and not track.valid.any() and set(track.notes) == {NO_FACE}


def test_the_skull_print_is_not_a_face(tracks):
    track = tracks("intel_asl_yes.mkv")
    assert track.count == 1 and (track.all_boxes[:, 3] < 240).all(), "the print is in the lower half of the picture"


@pytest.mark.slow
def test_versions_of_one_clip_give_the_same_track(tracks):
    one = tracks("derived_av1.mp4").landmarks
    for name, scale in (("vp9.webm", (1, 1)), ("rotation_tag.mp4", (1, 1)), ("oddsize_321x181.mp4", (480 / 321, 270 / 181))):
        assert np.median(apart(tracks(f"derived_{name}").landmarks * np.array(scale), one)) <= 0.02
    assert np.median(apart(tracks("derived_mjpeg_allintra.avi").landmarks, tracks("intel_asl_yes.mkv").landmarks)) <= 0.02


@pytest.mark.slow
def test_the_track_is_mediapipes_own_track(tracks):
    track = tracks("pexels_woman_emotions.mp4")
    errors = []
    for (name, mode, index), table in oracle().items():
        if mode == "video":
            points = track.landmarks[index]
            eyes = np.linalg.norm(points[EYES[0]] - points[EYES[1]])
            errors += (np.linalg.norm(points[table[:, 0].astype(int)] - table[:, 1:], axis=1) / eyes).tolist()
            assert name == "pexels_woman_emotions.mp4"
    assert np.median(errors) < 0.01


def test_both_backends_give_the_same_track(real_clips, face_model):
    frames = list(read_frames(real_clips / "lp_d18.mp4", stop=12, notes=Notes()))
    one, two = (track_faces(frames, model=face_model, backend=backend) for backend in BACKENDS)
    assert np.median(apart(one.landmarks, two.landmarks)) < 1e-3 and np.abs(one.blendshapes - two.blendshapes).max() < 0.01


def test_the_mouth_moves_inside_the_spoken_words(real_clips, tracks):
    track = tracks("grid_id2_swwp2s.mpg")
    spoken = np.zeros(len(track.times), bool)
    for line in (real_clips / "grid_id2_swwp2s.align").read_text().splitlines():
        start, stop, word = line.split()
        if word != "sil":
            spoken |= (track.times >= int(start) / 25000) & (track.times < int(stop) / 25000)
    gap = np.linalg.norm(track.landmarks[:, 13] - track.landmarks[:, 14], axis=1)
    activity = np.abs(np.gradient(gap))
    inside, outside = activity[spoken], activity[~spoken]
    effect = (inside.mean() - outside.mean()) / np.sqrt((inside.var(ddof=1) + outside.var(ddof=1)) / 2)
    assert effect > 0.6, "Cohen's d of the lips' movement; .97 when written"
    jaw = track.blendshapes[:, BLENDSHAPES.index("jawOpen")]
    assert jaw[spoken].mean() > jaw[~spoken].mean()


@pytest.mark.slow
def test_the_mouth_is_placed_under_a_hand(tracks):
    track = tracks("pexels_woman_emotions.mp4")
    left, right, mouth = anchors(track.landmarks)
    below = np.linalg.norm(mouth - (left + right) / 2, axis=1) / np.linalg.norm(right - left, axis=1)
    hidden = below[70:160]
    assert track.valid[70:160].all() and (np.abs(hidden / np.median(below) - 1) < 0.35).all()


@pytest.mark.slow
def test_a_blink_is_not_late(tracks, real_clips, face_model):
    """The lids of the smoothed track close and open with those of the raw landmarks."""
    networks = FaceNetworks(face_model)
    raw = []
    for frame in read_frames(real_clips / "grid_brbk7n.mpg", notes=Notes()):
        raw.append(networks.mesh(frame.image, region_of_detection(networks.detect(frame.image)[0])).points)
    raw, smooth = np.array(raw), tracks("grid_brbk7n.mpg").landmarks
    opening = [np.linalg.norm(points[:, 159] - points[:, 145], axis=1) for points in (raw, smooth)]
    centred = [values - values.mean() for values in opening]
    lags = {lag: np.mean(centred[0][3:-3] * np.roll(centred[1], -lag)[3:-3]) for lag in range(-2, 3)}
    assert max(lags, key=lags.get) == 0


# Made scenes


def scene(real_clips, count: int, *parts: tuple[str, int, tuple[int, int], float], size=(360, 640)) -> list[Frame]:
    """Frames 25 a second with faces cut from clips: (clip, first frame, where the picture is put, how much it is scaled)."""
    out = [np.full((*size, 3), 90, np.uint8) for _ in range(count)]
    for name, first, (x, y), scale in parts:
        for image, frame in zip(out, read_frames(real_clips / name, start=first, stop=first + count, notes=Notes()), strict=True):
            small = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            room = image[y : y + small.shape[0], x : x + small.shape[1]]
            room[:] = small[: room.shape[0], : room.shape[1]]
    return [Frame(i, i / 25, image) for i, image in enumerate(out)]


def test_several_faces_are_kept_apart_and_chosen(real_clips, face_model):
    frames = scene(real_clips, 10, ("lp_d3.mp4", 0, (0, 20), 0.6), ("lp_d18.mp4", 0, (310, 0), 0.72))
    largest = track_faces(frames, model=face_model)
    assert any("about equally large" in message for message in largest.messages)
    assert largest.count == 2 and largest.valid.all()
    left, right = largest.face(0), largest.face(1)
    assert left.boxes[:, 2].max() < 310 < right.boxes[:, 0].min() and left.valid.all() and right.valid.all()
    for choose, x in ((0, left), (1, right), ((600.0, 200.0), right), ((150.0, 180.0), left)):
        assert np.array_equal(track_faces(frames, choose=choose, model=face_model).boxes, x.boxes)
    with pytest.raises(StavisError, match="no face 2"):
        track_faces(frames, choose=2, model=face_model)


@pytest.mark.parametrize("choose", ["smallest", -1, True, (1.0,), (float("nan"), 0.0), None, 1.5])
def test_a_choice_that_means_nothing_is_refused(choose):
    with pytest.raises(StavisError, match="cannot be chosen"):
        track_faces([], choose=choose)


def test_a_much_larger_face_is_chosen_without_a_word(real_clips, face_model):
    frames = scene(real_clips, 4, ("lp_d3.mp4", 0, (0, 0), 0.3), ("lp_d18.mp4", 0, (280, 0), 0.75))
    track = track_faces(frames, model=face_model)
    assert track.messages == () and track.count == 2 and track.boxes[0, 0] > 280


@pytest.mark.parametrize("side", [60, 40])
def test_small_faces_are_found(real_clips, networks, side):
    """Down to a twelfth of the short side; the picture is plain around them."""
    for name, width in (("lp_d18.mp4", 260), ("grid_brbk7n.mpg", 118)):
        frames = scene(real_clips, 3, (name, 0, (250, 150), side / width), size=(480, 640))
        tracker = FaceTracker(networks)
        assert [len(tracker.step(f.image, f.time)) for f in frames] == [1, 1, 1]


def blank(frames: list[Frame], gone: range) -> list[Frame]:
    return [Frame(f.index, f.time, np.full_like(f.image, 90) if f.index in gone else f.image) for f in frames]


def test_a_small_face_is_found_at_once_when_it_comes_back_and_within_half_a_second_when_it_comes_first(real_clips, networks):
    shown = scene(real_clips, 30, ("lp_d18.mp4", 0, (250, 150), 60 / 260), size=(480, 640))
    for gone, first in ((range(3, 8), 8), (range(8), 8 + round(SEARCH_EVERY * 25))):
        tracker = FaceTracker(networks)
        seen = [len(tracker.step(f.image, f.time)) for f in blank(shown, gone)]
        assert not any(seen[k] for k in gone) and all(seen[first:])


def test_where_a_large_face_is_gone_small_ones_are_looked_for_twice_a_second(real_clips, networks, monkeypatch):
    frames = blank(scene(real_clips, 30, ("lp_d18.mp4", 0, (60, 0), 0.7)), range(4, 30))
    tracker, asked = FaceTracker(networks), []
    monkeypatch.setattr("stavis.data.faces.tracker.in_tiles", lambda networks, image, scales: asked.append(scales) or [])
    for frame in frames:
        tracker.step(frame.image, frame.time)
    assert 1 <= len(asked) <= 1 + 26 / 25 / SEARCH_EVERY


def test_a_face_that_comes_back_keeps_its_number(real_clips, face_model):
    shown = scene(real_clips, 12, ("lp_d18.mp4", 0, (60, 0), 0.7))
    frames = [Frame(f.index, f.time, f.image if not 4 <= f.index < 8 else np.full_like(f.image, 90)) for f in shown]
    track = track_faces(frames, model=face_model)
    assert track.count == 1 and track.valid.tolist() == [True] * 4 + [False] * 4 + [True] * 4


def test_a_face_behind_a_board_is_bridged_and_not_one_that_another_shot_hides(real_clips, face_model):
    shown = scene(real_clips, 12, ("lp_d18.mp4", 0, (60, 0), 0.7))
    covered = [np.array(frame.image) for frame in shown]
    first = track_faces(shown, model=face_model)
    x0, y0, x1, y1 = first.boxes[4].astype(int)
    for image in covered[4:8]:
        image[max(y0 - 10, 0) : y1 + 10, max(x0 - 10, 0) : x1 + 10] = (120, 100, 80)
    for image, bridges in ((None, True), (np.full_like(covered[0], 255), False)):
        hidden = [Frame(f.index, f.time, covered[k] if image is None or not 4 <= k < 8 else image) for k, f in enumerate(shown)]
        track = track_faces(hidden, model=face_model)
        assert track.valid.tolist() == [True] * 4 + [False] * 4 + [True] * 4
        assert track.bridged.tolist() == [bridges and 4 <= k < 8 for k in range(12)]


def test_a_face_for_three_frames_is_a_face_and_for_one_a_slip(real_clips, face_model):
    shown = scene(real_clips, 8, ("lp_d18.mp4", 0, (60, 0), 0.7))
    for count in (3, 1):
        frames = [Frame(f.index, f.time, f.image if f.index < count else np.full_like(f.image, 90)) for f in shown]
        track = track_faces(frames, model=face_model)
        assert track.valid.sum() == (3 if count == 3 else 0)


def test_one_frame_is_enough(real_clips, face_model, tmp_path):
    image = next(read_frames(real_clips / "lp_d18.mp4", notes=Notes())).image
    track = track_faces(write_video(tmp_path / "one.mp4", [image], fps=25), model=face_model)
    assert track.valid.tolist() == [True] and track.count == 1


def test_frames_that_were_lost_hold_no_face(real_clips, face_model):
    frames = [
        Frame(f.index, f.time, f.image, f.index == 2, "lost" if f.index == 2 else "")
        for f in scene(real_clips, 4, ("lp_d18.mp4", 0, (60, 0), 0.7))
    ]
    track = track_faces(frames, model=face_model)
    assert track.valid.tolist() == [True, True, False, True] and track.notes[2] == "damaged"


def test_results_are_in_pixels_of_a_large_source(real_clips, face_model, tmp_path):
    image = next(read_frames(real_clips / "lp_d18.mp4", notes=Notes())).image
    large = cv2.resize(image, (2400, 2400), interpolation=cv2.INTER_CUBIC)
    path = write_video(tmp_path / "large.mp4", [large, large], fps=25, crf=12)
    small = track_faces([Frame(0, 0.0, image)], model=face_model).landmarks
    assert np.median(apart((track_faces(path, model=face_model).landmarks[:1] + 0.5) / 5 - 0.5, small)) < 0.015


def test_progress_and_streaming(real_clips, face_model):
    done = []
    faces = follow_faces(real_clips / "lp_d18.mp4", model=face_model, progress=lambda n, total: done.append((n, total)))
    first = next(faces)
    assert first.index == 0 and len(first.faces) == 1 and first.faces[0].points.shape == (478, 2)
    next(faces)
    assert done == [(1, 216)], "nothing is read ahead"
    faces.close()


def test_the_filter_is_the_one_that_is_stated():
    smoother = OneEuro()
    assert (smoother.min_cutoff, smoother.beta, smoother.speed_cutoff) == (2.0, 40.0, 12.0)
