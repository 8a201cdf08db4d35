"""A face that is lost for a moment is bridged where it stays at one place in one shot, and nowhere else."""

import numpy as np
import pytest

from stavis.data.crops.build import at_times
from stavis.data.faces import bridging
from stavis.data.faces.bridging import LONGEST, between, taken_by_others
from stavis.data.faces.detections import Detections
from stavis.data.faces.tracker import TrackedFace
from stavis.data.faces.tracks import FrameFaces
from stavis.landmarks import MEDIAPIPE
from tests.data.faces.plain_points import plain_face
from tests.data.faces.test_identity import BETWEEN, A, B

SIZE = 112
NO_CUTS = np.zeros(0, int)


def affines(x: np.ndarray, scale: np.ndarray | float = 1.0) -> np.ndarray:
    """Crops of a face that is `scale` as large in the source as in the crop, `x` px to the right of a place."""
    scale = np.broadcast_to(scale, x.shape)
    made = np.zeros((len(x), 2, 3))
    made[:, 0, 0] = made[:, 1, 1] = 1 / scale
    made[:, 0, 2] = -x / scale
    return made


def bridged(
    times: np.ndarray, valid: np.ndarray, affine: np.ndarray, cuts: np.ndarray, size: int, taken: tuple[int, ...] = ()
) -> np.ndarray:
    """`bridging.bridged` with another face at the place in the frames `taken`."""
    return bridging.bridged(times, valid, affine, cuts, size, np.isin(np.arange(len(times)), taken))


def runs(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(mask).tolist()


def seen_but(count: int, *gaps: tuple[int, int]) -> np.ndarray:
    valid = np.ones(count, bool)
    for start, stop in gaps:
        valid[start:stop] = False
    return valid


def test_what_lies_beside_sightings_at_one_place_is_bridged():
    times, still = np.arange(60) / 10, affines(np.zeros(60))
    valid = seen_but(60, (0, 4), (10, 20), (30, 31), (50, 60))
    assert runs(bridged(times, valid, still, NO_CUTS, SIZE)) == runs(~valid)
    assert not bridged(times, np.zeros(60, bool), still, NO_CUTS, SIZE).any()
    assert not bridged(times, np.ones(60, bool), still, NO_CUTS, SIZE).any()


@pytest.mark.parametrize("seconds, kept", [(LONGEST, True), (LONGEST + 0.2, False)])
def test_a_face_that_is_lost_for_long_is_not_bridged(seconds, kept):
    frames = round(seconds * 10)
    valid = seen_but(80, (10, 9 + frames))
    assert bridged(np.arange(80) / 10, valid, affines(np.zeros(80)), NO_CUTS, SIZE).any() == kept


@pytest.mark.parametrize("seconds, kept", [(LONGEST, True), (LONGEST + 0.2, False)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_face_at_rest_is_bridged_to_an_end_of_the_video_that_is_near(seconds, kept, turned):
    frames = round(seconds * 10)
    valid = seen_but(80, (0, frames) if turned else (80 - frames, 80))
    assert runs(bridged(np.arange(80) / 10, valid, affines(np.zeros(80)), NO_CUTS, SIZE)) == (runs(~valid) if kept else [])


@pytest.mark.parametrize(
    "eye_distances, zoom, kept", [(0.0, 1.0, True), (0.4, 1.0, True), (0.6, 1.0, False), (0.0, 1.25, True), (0, 1.4, False)]
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_face_that_comes_or_goes_is_not_bridged_to_an_end(eye_distances, zoom, kept, turned):
    """Moved or zoomed within its last half second (frames 14 to 19 of 30) or, turned, its first."""
    course = np.clip((np.arange(30) - 14) / 5, 0, 1)
    size = 1 + course * (zoom - 1)
    made = affines(course * eye_distances * 0.285 * SIZE - (size - 1) * (0.5 * SIZE - 0.5), size)
    made[:, 1, 2] = (1 - 1 / size) * (0.4 * SIZE - 0.5)  # the eyes stay where the zoom is
    valid = seen_but(30, (20, 30))
    if turned:
        made, valid = made[::-1].copy(), valid[::-1]
    assert runs(bridged(np.arange(30) / 10, valid, made, NO_CUTS, SIZE)) == (runs(~valid) if kept else [])


def test_too_short_a_sighting_and_another_shot_say_nothing_of_an_end():
    times, still = np.arange(30) / 10, affines(np.zeros(30))
    assert not bridged(times, seen_but(30, (2, 30)), still, NO_CUTS, SIZE).any()
    assert not bridged(times, seen_but(30, (20, 30)), still, np.array([18]), SIZE).any()  # the face is there for .2 s of this shot
    assert not bridged(times, seen_but(30, (20, 30)), still, np.array([25]), SIZE).any()
    assert runs(bridged(times, seen_but(30, (20, 30)), still, np.array([15]), SIZE)) == [*range(20, 30)]
    assert not bridged(times, seen_but(30, (0, 10)), still, np.array([5]), SIZE).any()
    assert not bridged(times, seen_but(30, (0, 10)), still, np.array([10]), SIZE).any()


@pytest.mark.parametrize("broken, kept", [(9, True), (10, False), (15, False), (20, False), (21, True)])
def test_no_other_shot_begins_within_a_bridge_or_with_its_end(broken, kept):
    valid = seen_but(40, (10, 20))
    assert bridged(np.arange(40) / 10, valid, affines(np.zeros(40)), np.array([broken]), SIZE).any() == kept


@pytest.mark.parametrize("scale", [0.5, 1.0, 7.0])
@pytest.mark.parametrize(
    "eye_distances, zoom, kept", [(0.9, 1.0, True), (1.1, 1.0, False), (0.0, 1.25, True), (0.0, 1.4, False), (0, 0.7, False)]
)
def test_how_far_a_face_may_have_moved_goes_by_its_own_size(scale, eye_distances, zoom, kept):
    after = np.arange(30) >= 20
    x = after * eye_distances * 0.285 * SIZE * scale * min(1, zoom)
    centred = x - np.where(after, (zoom - 1) * scale, 0) * (0.5 * SIZE - 0.5)  # the middle of the eyes stays where the zoom is
    made = affines(centred, scale * np.where(after, zoom, 1.0))
    made[:, 1, 2] = np.where(after, (1 - 1 / zoom) * (0.4 * SIZE - 0.5), 0)
    assert bridged(np.arange(30) / 10, seen_but(30, (10, 20)), made, NO_CUTS, SIZE).any() == kept


def test_the_crop_goes_evenly_from_one_sighting_to_the_next_and_stays_elsewhere():
    x = np.linspace(0, 12, 13)
    valid = seen_but(13, (0, 2), (4, 9), (11, 13))
    held = affines(np.where(np.arange(13) < 4, 3.0, x))
    gap = ~valid
    moved = between(held, valid, gap)
    assert np.allclose(moved[3:10, 0, 2], -np.linspace(3, 9, 7)) and np.array_equal(moved[~gap], held[~gap])
    assert (moved[:2] == held[2]).all() and (moved[11:] == held[10]).all()
    assert np.array_equal(between(held, valid, np.zeros(13, bool)), held)


def test_no_bridge_leads_through_another_face():
    times, still, valid = np.arange(40) / 10, affines(np.zeros(40)), seen_but(40, (10, 20), (35, 40))
    assert runs(bridged(times, valid, still, NO_CUTS, SIZE, taken=(13,))) == [*range(35, 40)]
    assert runs(bridged(times, valid, still, NO_CUTS, SIZE, taken=(39,))) == [*range(10, 20)]


def test_another_face_is_at_the_place_where_its_middle_lies_in_the_box_that_goes_from_one_sighting_to_the_next():
    valid = seen_but(6, (2, 4), (5, 6))
    boxes = np.repeat(np.array([[0.0, 0, 10, 10]]), 6, 0)
    boxes[4:] += 30
    boxes[~valid] = np.nan
    frames = np.array([1, 2, 3, 3, 5])
    others = np.array([[0, 0, 10, 10], [0, 0, 50, 50], [0, 0, 10, 10], [22, 22, 28, 28], [36, 36, 50, 50.0]])
    assert runs(taken_by_others(boxes, valid, frames, others)) == [3]  # frame 2: its middle at 25, the box from 10 to 20; 5: at 43
    assert runs(taken_by_others(boxes, valid, frames, others - [[0], [10], [0], [0], [10]])) == [2, 3, 5]
    assert not taken_by_others(boxes, valid, frames[:0], others[:0]).any()


def sightings(*parts: tuple[int, int, int, np.ndarray], frames: int, cuts=(), rate: float = 10) -> Detections:
    """A face in segments (number, first frame, last + 1, look), at one place, `rate` frames/s."""
    found = Detections()
    for row in range(frames):
        faces = []
        for number, start, stop, look in parts:
            if start <= row < stop:
                points = plain_face(MEDIAPIPE)
                box = np.concatenate([points.min(0), points.max(0)])
                faces.append(TrackedFace(number, points, box, 1.0, np.zeros(52, np.float32), True, look))
        found.add(FrameFaces(row, row / rate, tuple(faces), cut=row in cuts))
    return found


def test_a_person_is_bridged_in_one_shot_and_another_person_is_not():
    def lost(second: np.ndarray, **more) -> list[int]:
        return runs(sightings((0, 0, 10, A), (1, 14, 30, second), frames=30, **more).tracks("largest").bridged)

    assert lost(A) == lost(BETWEEN) == [10, 11, 12, 13]
    assert sightings((0, 0, 10, A), (1, 14, 30, B), frames=30).tracks(0).bridged.tolist() == [False] * 30
    assert runs(sightings((0, 0, 10, A), (1, 14, 18, B), (2, 22, 40, A), frames=40).tracks("largest").bridged) == []
    assert lost(A, cuts=(12,)) == lost(A, cuts=(14,)) == [] and lost(A, cuts=(5, 20)) == [10, 11, 12, 13]


def test_what_is_written_down_bridges_the_same_frames():
    found = sightings((0, 0, 10, A), (1, 14, 20, A), (2, 24, 30, A), frames=30, cuts=(22,))
    one, two = found.tracks("largest"), Detections.of(found.arrays()).tracks("largest")
    assert runs(one.bridged) == runs(two.bridged) == [10, 11, 12, 13] and np.array_equal(one.cuts, two.cuts)


def test_every_second_frame_is_bridged_as_every_frame_is():
    track = sightings((0, 0, 10, A), (1, 14, 30, A), frames=30).tracks("largest")
    assert at_times(track, track.times[::2]).bridged.tolist() == track.bridged[::2].tolist()
    assert not at_times(track, track.times + 60).bridged.any()
