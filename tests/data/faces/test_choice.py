"""The face that is asked for is the one at that point: in galleries of small faces too, or it is refused."""

import numpy as np
import pytest

from stavis.data.faces import tracker
from stavis.data.faces.choice import times_text
from stavis.data.faces.detections import Detections
from stavis.data.faces.following import follow_faces, track_faces
from stavis.data.faces.plausibility import angle_of
from stavis.errors import StavisError
from tests.data.faces.scenes import astronaut, frames

CENTRE = (228.0, 120.0)
"""A point in the astronaut's face."""


def seen(images, model, thorough=True) -> Detections:
    found = Detections()
    for frame in follow_faces(frames(images), model=model, thorough=thorough):
        found.add(frame)
    return found


@pytest.mark.real_clips
@pytest.mark.parametrize("across, side", [(3, 160), (4, 120)])
def test_each_tile_of_a_gallery_gives_its_own_face(people, face_model, across, side):
    images = people.gallery(across, side, 2)
    found = seen(images, face_model)
    assert found.tracks("largest").count == across * across
    numbers = set()
    for row in range(across):
        for column in range(across):
            track = found.tracks(((column + 0.5) * side, (row + 0.5) * side))
            assert track.valid.all()
            x, y = ((track.boxes[0, :2] + track.boxes[0, 2:]) / 2).tolist()
            assert column * side < x < (column + 1) * side and row * side < y < (row + 1) * side
            numbers.add(track.number)
    assert len(numbers) == across * across


@pytest.mark.real_clips
def test_a_gallery_is_found_whole_without_a_point_too(people, face_model):
    assert track_faces(frames(people.gallery(4, 120, 2)), model=face_model).count == 16


@pytest.mark.real_clips
def test_the_limit_of_faces_is_said_when_it_is_reached(people, face_model, monkeypatch):
    monkeypatch.setattr(tracker, "MOST_FACES", 5)
    track = track_faces(frames(people.gallery(3, 160, 2)), model=face_model)
    assert track.count == 5 and any(message.startswith("at 0.0 s more than") for message in track.messages)
    monkeypatch.setattr(tracker, "MOST_FACES", 9)
    track = track_faces(frames(people.gallery(3, 160, 2)), model=face_model)
    assert track.count == 9 and not any("more than" in message for message in track.messages)


def test_a_point_outside_every_face_is_refused_with_where_they_are(face_model):
    images = [astronaut()] * 2
    x, y = CENTRE
    track = track_faces(frames(images), model=face_model, choose=CENTRE)
    assert track.valid.all() and (track.boxes[:, :2] < CENTRE).all() and (track.boxes[:, 2:] > CENTRE).all()
    for point in ((500.0, 500.0), (-1000.0, y), (x, 0.0)):
        with pytest.raises(StavisError, match=r"no face is at \(.*face 0 is about \(\d+, \d+\) from 0.0 to 0.0 s; give a point") as error:
            track_faces(frames(images), model=face_model, choose=point)
        assert str(error.value).count(".") >= 1 and str(error.value).endswith(".")


def test_hair_and_ears_are_a_face_too(face_model):
    track = track_faces(frames([astronaut()] * 2), model=face_model)
    x0, y0, x1, y1 = track.boxes[0].tolist()
    assert angle_of(track.landmarks[0]) < 0.2
    again = track_faces(frames([astronaut()] * 2), model=face_model, choose=((x0 + x1) / 2, y0 - 0.2 * (y1 - y0)))
    assert again.number == 0 and np.array_equal(again.boxes, track.boxes)


def test_times_are_said_shortly():
    assert times_text([1.25]) == "1.2 s" and times_text([1, 2, 3, 4]) == "1.0, 2.0, 3.0, 4.0 s"
    assert times_text(range(9)) == "0.0, 1.0, 2.0, 3.0 s and 5 more times"
