"""Who is who: laws of the measure and of the joining, and people who follow one another in one place."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stavis.data.faces.detections import Detections
from stavis.data.faces.following import track_faces
from stavis.data.faces.identity import APPEARANCE, LIKELY, SURE, Segment, break_in, difference, people_of
from stavis.data.faces.tracker import TrackedFace
from stavis.data.faces.tracks import NOT_FITTING, FrameFaces
from tests.data.faces.scenes import frames, runs


def look(*ingredients: float) -> np.ndarray:
    """An appearance (580,) of so much of each of some basic patterns."""
    rng = np.random.default_rng(0)
    patterns = rng.uniform(0, 1, (len(ingredients), APPEARANCE)) * (rng.uniform(0, 1, (len(ingredients), APPEARANCE)) < 0.1)
    return np.rint(255 * np.clip(np.asarray(ingredients) @ patterns, 0, 1)).astype(np.uint8)


A, B, BETWEEN = look(1, 0), look(0, 1), look(0.8, 0.35)


def several(*looks: np.ndarray, count: int = 3) -> np.ndarray:
    return np.repeat(np.stack(looks), count, axis=0)


# The measure


@given(st.lists(st.integers(0, 2**32 - 1), min_size=2, max_size=5))
def test_the_difference_is_symmetric_and_zero_to_itself(seeds):
    values = np.stack([np.random.default_rng(seed).integers(0, 256, APPEARANCE, np.uint8) for seed in seeds])
    apart = difference(values, values)
    assert (
        np.allclose(apart, apart.T, atol=1e-6) and np.allclose(np.diag(apart), 0, atol=1e-6) and (apart >= 0).all() and (apart <= 2.5).all()
    )


def test_brightness_of_a_descriptor_is_no_difference():
    assert difference(A[None], (A[None] // 2).astype(np.uint8))[0, 0] < 0.05
    assert difference(A[None], B[None])[0, 0] > LIKELY and SURE < difference(A[None], BETWEEN[None])[0, 0] < LIKELY


# Joining


def test_one_who_comes_back_is_the_same_and_another_is_not():
    parts = [Segment(0, 10, several(A)), Segment(20, 30, several(B)), Segment(40, 50, several(A)), Segment(60, 70, several(B))]
    found = people_of(parts)
    assert found.person_of == [0, 1, 0, 1] and found.unsure == []


def test_nobody_is_in_two_segments_at_a_time():
    assert people_of([Segment(0, 10, several(A)), Segment(0, 10, several(A))]).person_of == [0, 1]
    assert people_of([Segment(0, 10, several(A)), Segment(5, 12, several(A))]).person_of == [0, 1]


def test_those_who_begin_together_are_given_out_by_likeness():
    parts = [Segment(0, 10, several(A)), Segment(0, 10, several(B)), Segment(10, 20, several(B)), Segment(10, 20, several(A))]
    assert people_of(parts).person_of == [0, 1, 1, 0]


def test_a_join_that_is_not_sure_is_named_unless_the_face_was_lost_for_a_moment():
    parts = [Segment(0, 10, several(A)), Segment(20, 30, several(BETWEEN))]
    found = people_of(parts)
    assert found.person_of == [0, 0] and found.unsure == [1]
    assert people_of([parts[0], Segment(11, 30, several(BETWEEN), continues=0)]).unsure == []
    assert people_of([parts[0], Segment(11, 30, several(B), continues=0)]).person_of == [0, 1], "not even then"


def test_a_segment_that_turns_into_another_person_is_cut():
    assert break_in(several(A, count=9)) is None and break_in(several(A)) is None
    assert break_in(np.concatenate([several(A, count=6), several(B, count=6)])) in (5, 6, 7)


# From frames to people


def kept(*parts: tuple[int, int, int, np.ndarray], doubts=()) -> Detections:
    """Segments (number, first frame, last + 1, look) as the tracker would have seen them."""
    found = Detections()
    for row in range(max(stop for _, _, stop, _ in parts)):
        faces = []
        for number, start, stop, looks in parts:
            if start <= row < stop:
                box = np.array([100.0 * number, 0, 100 * number + 50, 50])
                points = np.tile(box[:2], (478, 1)) + np.random.default_rng(number).uniform(0, 50, (478, 2))
                faces.append(TrackedFace(number, points, box, 1.0, np.zeros(52, np.float32), (row, number) not in doubts, looks))
        found.add(FrameFaces(row, row / 10, tuple(faces)))
    return found


def test_a_track_follows_the_person_and_says_after_when_it_is_not_sure():
    track = kept((0, 0, 10, A), (1, 10, 20, B), (2, 20, 32, BETWEEN)).tracks(0)
    assert track.count == 2 and runs(track.valid) == [(0, 10), (20, 32)]
    assert any("after 2.0 s another person may be shown" in message for message in track.messages)
    assert not any("another person" in message for message in kept((0, 0, 10, A), (1, 12, 20, A)).tracks(0).messages)


def test_frames_whose_landmarks_do_not_fit_are_not_valid_and_say_so():
    track = kept((0, 0, 10, A), doubts={(4, 0), (5, 0)}).tracks("largest")
    assert runs(track.valid) == [(0, 4), (6, 10)] and [track.notes[k] for k in (3, 4, 5)] == ["", NOT_FITTING, NOT_FITTING]
    assert np.isnan(track.landmarks[4:6]).all() and any(message.startswith("in 2 frames the landmarks") for message in track.messages)


def test_what_is_written_down_gives_the_same_tracks():
    found = kept((0, 0, 10, A), (1, 10, 20, B), (2, 20, 32, BETWEEN), doubts={(3, 0)})
    one, two = found.tracks("largest"), Detections.of(found.arrays()).tracks("largest")
    assert np.array_equal(one.numbers, two.numbers) and one.messages == two.messages and np.array_equal(one.valid, two.valid)
    assert one.notes == two.notes and np.array_equal(one.doubts, two.doubts)


# People of real clips, one after another

LEFT, RIGHT = (100.0, 100.0), (300.0, 100.0)
PAIRS = [("lp_d18.mp4", "pyfeat_single_face.mp4"), ("grid_id2_swwp2s.mpg", "grid_brbk7n.mpg")]
"""The second two were filmed in one studio."""


@pytest.mark.real_clips
@pytest.mark.parametrize("one, two", PAIRS)
@pytest.mark.parametrize("gap", [0, 4])
def test_one_goes_and_another_comes(people, face_model, one, two, gap):
    a, b = people(one, 8), people(two, 8)
    images = a + [np.full_like(a[0], 90)] * gap + b
    track = track_faces(frames(images), model=face_model, choose=LEFT)
    assert track.count == 2 and runs(track.valid) == [(0, 8)]
    assert runs(track.face(1).valid) == [(8 + gap, 16 + gap)]
    assert any(f"face 1 from {(8 + gap) / 25:.1f} s" in message for message in track.messages), "who else is at the point is said"


@pytest.mark.real_clips
def test_a_view_of_who_speaks_goes_to_and_fro(people, face_model):
    a, b = people("lp_d18.mp4", 12), people("lp_d3.mp4", 12)
    track = track_faces(frames(a[:6] + b[:6] + a[6:] + b[6:]), model=face_model, choose=LEFT)
    assert track.count == 2 and runs(track.valid) == [(0, 6), (12, 18)] and runs(track.face(1).valid) == [(6, 12), (18, 24)]


@pytest.mark.real_clips
def test_who_is_asked_for_is_followed_when_the_tiles_are_swapped(people, face_model):
    a, b = people("lp_d18.mp4", 12), people("grid_id2_swwp2s.mpg", 12)
    images = [np.hstack([x, y]) if k < 6 else np.hstack([y, x]) for k, (x, y) in enumerate(zip(a, b, strict=True))]
    for point, places in ((LEFT, (100, 300)), (RIGHT, (300, 100))):
        track = track_faces(frames(images), model=face_model, choose=point)
        x = (track.boxes[:, 0] + track.boxes[:, 2]) / 2
        assert track.count == 2 and track.valid.all()
        assert np.abs(x[:6] - places[0]).max() < 50 and np.abs(x[6:] - places[1]).max() < 50


@pytest.mark.real_clips
def test_two_men_in_one_room_are_one_with_a_word_of_doubt(people, face_model):
    images = people("intel_asl_eat.mkv", 8) + people("intel_asl_yes.mkv", 8)
    track = track_faces(frames(images), model=face_model)
    assert track.count == 2 or any("after 0.3 s another person may be shown" in message for message in track.messages)


@pytest.mark.real_clips
@pytest.mark.parametrize("clip, later", [("lp_d3.mp4", 200), ("lp_d18.mp4", 120)])
def test_the_same_person_is_joined_after_a_gap(people, face_model, clip, later):
    a = people(clip, 6)
    images = a + [np.full_like(a[0], 90)] * 20 + people(clip, 6, start=later)
    track = track_faces(frames(images), model=face_model)
    assert track.count == 1 and runs(track.valid) == [(0, 6), (26, 32)]


@pytest.mark.real_clips
def test_a_dissolve_is_two_people(people, face_model):
    a, b = people("lp_d18.mp4", 24), people("grid_id2_swwp2s.mpg", 24)
    mixed = [cv2.addWeighted(a[-1], 1 - w, b[0], w, 0) for w in np.linspace(0.05, 0.95, 20)]
    track = track_faces(frames(a + mixed + b), model=face_model, choose=LEFT)
    assert track.valid[:20].all() and not track.valid[48:].any()
