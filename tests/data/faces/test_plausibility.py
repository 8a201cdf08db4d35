"""Landmarks that do not fit the face are not valid: upside down, halves covered, masks."""

import cv2
import numpy as np
import pytest

from stavis.data.faces.following import track_faces
from stavis.data.faces.networks.landmarker import Detection, FaceNetworks, region_of_detection
from stavis.data.faces.plausibility import MOST_APART, angle_of, built_as_a_face, close_look, disagreement
from stavis.data.video.io import read_frames
from stavis.notes import Notes
from tests.data.faces.scenes import CLIPS, astronaut, frames

PHOTO = "astronaut"


@pytest.fixture(scope="module")
def image_of(request, face_model):
    """The photograph, or a clip's first frame."""

    def of(name):
        if name == PHOTO:
            return astronaut()
        return next(read_frames(request.getfixturevalue("real_clips") / name, notes=Notes())).image

    return of


def eye_distance(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[468] - points[473]))


def turned(image: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(image[::-1, ::-1])


NAMES = [PHOTO, *(pytest.param(name, marks=pytest.mark.real_clips) for name in CLIPS)]


@pytest.mark.parametrize("name", NAMES)
def test_an_upside_down_face_is_right_or_not_valid(image_of, face_model, name):
    image = image_of(name)
    upright = track_faces(frames([image] * 2), model=face_model).landmarks[0]
    track = track_faces(frames([turned(image)] * 2), model=face_model)
    expected = np.array(image.shape[1::-1]) - 1 - upright
    if "intel" not in name:  # too small to be found upside down
        assert track.valid.all()
    for points in track.landmarks[track.valid]:
        assert np.linalg.norm(points - expected, axis=1).mean() < 0.1 * eye_distance(expected)


COVERS = {"left": (-1, -1, 0.5, 2), "right": (0.5, -1, 2, 2), "lower": (-1, 0.6, 2, 2), "upper": (-1, -1, 2, 0.5), "mask": (0, 0.6, 1, 1)}


@pytest.mark.parametrize("cover", COVERS)
@pytest.mark.parametrize("name", NAMES[:4])
def test_covered_faces_fit_what_the_detector_sees_or_are_not_valid(image_of, face_model, name, cover):
    image = image_of(name)
    x0, y0, x1, y1 = track_faces(frames([image]), model=face_model).boxes[0].tolist()
    left, top, right, bottom = COVERS[cover]
    covered = image.copy()
    rows = slice(max(0, round(y0 + top * (y1 - y0))), max(0, round(y0 + bottom * (y1 - y0))))
    columns = slice(max(0, round(x0 + left * (x1 - x0))), max(0, round(x0 + right * (x1 - x0))))
    covered[rows, columns] = (200, 205, 210)
    networks = FaceNetworks(face_model)
    for images in ([covered] * 3, [image] * 2 + [covered] * 6):
        found = track_faces(frames(images), model=face_model)
        for number in range(found.count):
            face = found.face(number)
            if face.valid[-1]:
                points = face.landmarks[-1].astype(np.float64)
                box = np.concatenate([points.min(0), points.max(0)])
                views = [close_look(networks, covered, box, angle_of(points)), *networks.detect(covered)]
                assert min(disagreement(points, seen) for seen in views if seen is not None) <= MOST_APART


def test_landmarks_moved_off_the_face_disagree(face_model):
    networks, image = FaceNetworks(face_model), astronaut()
    found = networks.detect(image)[0]
    points = networks.mesh(image, region_of_detection(found)).points
    assert disagreement(points, found) < MOST_APART
    for shift in ((0.5, 0), (0, -0.5), (0.4, 0.4)):
        assert disagreement(points + np.array(shift) * eye_distance(points), found) > MOST_APART


def test_a_face_is_built_in_order_and_may_be_turned(face_model):
    networks, image = FaceNetworks(face_model), astronaut()
    points = networks.mesh(image, region_of_detection(networks.detect(image)[0])).points
    for degrees in range(0, 360, 45):
        turn = cv2.getRotationMatrix2D((100, 100), degrees, 1.0)
        assert built_as_a_face(points @ turn[:, :2].T + turn[:, 2])
    assert not built_as_a_face(points * [-1, 1]) and not built_as_a_face(points * 0)
    crushed = points.copy()
    crushed[[13, 14]] = points[10]
    assert not built_as_a_face(crushed), "the mouth is above the eyes"


def test_the_angle_of_a_face_is_that_of_its_eyes(face_model):
    networks, image = FaceNetworks(face_model), astronaut()
    points = networks.mesh(image, region_of_detection(networks.detect(image)[0])).points
    assert abs(angle_of(points)) < 0.2 and abs(abs(angle_of(-points)) - np.pi) < 0.2


def test_a_detection_far_away_is_not_the_face_in_the_box(face_model):
    networks, image = FaceNetworks(face_model), astronaut()
    box = networks.detect(image)[0].box
    assert isinstance(close_look(networks, image, box, 0.0), Detection)
    assert close_look(networks, image, box + 250, 0.0) is None
