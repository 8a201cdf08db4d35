"""What is drawn lies where the landmarks say, to less than a pixel; cues look like what they are called."""

import dataclasses

import cv2
import numpy as np
import pytest

from stavis.attention.cue_scores import CUES, EYES
from stavis.data.faces.regions import rasterise_index
from stavis.landmarks import DRAWN
from stavis.regions import REGIONS
from stavis.synthetic.flat.canvas import Canvas
from stavis.synthetic.flat.expression import Expression
from stavis.synthetic.flat.features import FacePainter
from stavis.synthetic.flat.geometry import Pose, Shapes, pose_of, shapes_of
from stavis.synthetic.flat.head import build_head
from stavis.synthetic.flat.identity import Identity, sample_identity
from stavis.synthetic.flat.occluders import make_occluder

SIZE = 256
PLAIN = {"haircut": "bald", "hat": "none", "beard": "none", "glasses": "none", "eyeliner": 0.0, "eyeshadow": None, "earrings": False}


def person(seed: int, **changes) -> Identity:
    return dataclasses.replace(sample_identity(np.random.default_rng(seed)), **{**PLAIN, **changes})


def expression(count: int = 1, **courses) -> Expression:
    still = {field.name: np.zeros(count) for field in dataclasses.fields(Expression)}
    still |= {"gaze": np.zeros((count, 2)), "scale": np.ones(count)}
    return Expression(**{**still, **{name: np.asarray(course, float) for name, course in courses.items()}})


def drawn(who: Identity, face: Expression, unit: float = 72.0) -> tuple[np.ndarray, Shapes, Pose]:
    """Frame 0 in an image of SIZE px, without light or camera."""
    shapes, pose = shapes_of(who, face), pose_of(face, unit, (SIZE / 2, SIZE * 0.4))
    canvas = Canvas(1.5 * unit)
    head = build_head(np.random.default_rng(0), who, canvas)
    light = np.ones((canvas.height, canvas.width, 3), np.float32)
    colour, _ = FacePainter(who, face, shapes, head, light).paint(0)
    move = pose.head[0] @ canvas.to_unit()
    return cv2.warpPerspective(colour, move, (SIZE, SIZE)), shapes, pose


def part_hidden(rng: np.random.Generator, who: Identity, region: str, kind: str, rings: tuple[str, ...]) -> float:
    """Which part of the resting `rings` lies under a thing laid over `region`."""
    unit, size = 36.0, 160
    head = np.array([[unit, 0, size / 2], [0, unit, size * 0.35], [0, 0, 1.0]])
    image = np.random.default_rng(1).integers(0, 255, (size, size, 3)).astype(np.uint8)
    changed = (make_occluder(rng, who, region, unit, kind).lay(image, 1.0, head, unit, np.zeros(2)) != image).any(2)
    shapes = shapes_of(who, expression())
    inside = np.zeros((size, size), np.uint8)
    cv2.fillPoly(inside, [np.round(getattr(shapes, ring)[0] * unit + head[:2, 2]).astype(np.int32) for ring in rings], 1)
    return float(changed[inside > 0].mean())


def box(mask: np.ndarray) -> np.ndarray:
    """left, top, right, bottom of a mask's outermost pixels."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array((columns[0], rows[0], columns[-1], rows[-1]), float)


def bounds(points: np.ndarray) -> np.ndarray:
    return np.array((*points.min(0), *points.max(0)))


FACES = [
    {"mouth": [0.0]},
    {"mouth": [1.0], "yaw": [0.3]},
    {"mouth": [-1.0], "roll": [0.25], "pitch": [0.2]},
    {"mouth": [0.4], "jaw": [0.9], "x": [0.2], "y": [-0.1], "scale": [0.85]},
]


@pytest.mark.parametrize("courses", FACES)
@pytest.mark.parametrize("seed", [1, 2])
def test_lips_lie_in_the_ring_of_the_mouth(seed, courses):
    who = person(seed, lips=np.array((0, 255, 0), np.float32), lip_contrast=1.0, skin=np.array((200, 60, 120), np.float32), shows_teeth=0.0)
    face = expression(**courses)
    image, shapes, pose = drawn(who, face)
    ring = pose.project(shapes.mouth)[0]
    green = (image[..., 1].astype(int) - np.maximum(image[..., 0], image[..., 2])) > 0
    assert green.any()
    assert np.abs(box(green) - bounds(ring))[[1, 3]].max() < 1.5, "upper and lower edge"
    wide = np.abs(box(green) - bounds(ring))[[0, 2]]
    assert wide.max() < 4, "the corners are thin, and dark"
    inside = cv2.fillPoly(np.zeros((SIZE, SIZE), np.uint8), [np.round(ring * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
    grown = cv2.dilate(inside, np.ones((3, 3), np.uint8))
    assert green[grown == 0].sum() == 0, "no lip beyond a pixel of the ring"
    middle, centre = np.argwhere(green).mean(0)[::-1], np.argwhere(inside).mean(0)[::-1]
    if "jaw" not in courses:
        assert np.abs(middle - centre).max() < 1.0


@pytest.mark.parametrize("courses", [{}, {"yaw": [-0.3]}, {"roll": [0.2], "pitch": [0.1]}, {"eyes": [1.0]}, {"eyes": [-1.0]}])
def test_irises_lie_in_the_rings_of_the_eyes(courses):
    who = person(3, iris=np.array((0, 0, 255), np.float32), skin=np.array((220, 160, 120), np.float32))
    image, shapes, pose = drawn(who, expression(**courses))
    blue = (image[..., 2].astype(int) - np.maximum(image[..., 0], image[..., 1])) > 40
    assert blue.sum() > 40
    rings = [pose.project(ring)[0] for ring in (shapes.left_eye, shapes.right_eye)]
    inside = cv2.fillPoly(np.zeros((SIZE, SIZE), np.uint8), [np.round(ring * 16).astype(np.int32) for ring in rings], 1, cv2.LINE_8, 4)
    assert blue[cv2.dilate(inside, np.ones((3, 3), np.uint8)) == 0].sum() == 0
    for k, ring in enumerate(rings):
        near = np.zeros_like(blue)
        left, top, right, bottom = bounds(ring).astype(int)
        near[top - 1 : bottom + 2, left - 1 : right + 2] = True
        iris = pose.project(shapes.irises[:, k : k + 1])[0, 0]
        if "eyes" not in courses:  # narrowed lids leave a part of the iris, not its middle
            assert abs(np.argwhere(blue & near).mean(0)[1] - iris[0]) < 1.0


def test_a_gap_between_the_lips_is_dark_and_in_the_mouth():
    who = person(4, skin=np.array((220, 170, 150), np.float32), lips=np.array((210, 120, 120), np.float32), lip_contrast=1.0)
    image, shapes, pose = drawn(who, expression(jaw=[0.9]))
    ring = pose.project(shapes.opening)[0]
    x, y = np.round([ring[6, 0], 0.55 * ring[6, 1] + 0.45 * ring[18, 1]]).astype(int)
    assert image[y, x].mean() < 70
    assert image[round(ring[6, 1] - 5), x].mean() > 90, "the upper lip is above it"


def test_brows_lie_in_their_rings():
    who = person(5, brow=np.array((0, 0, 0), np.float32), brow_density=1.0, brow_thickness=0.12, skin=np.array((230, 190, 170), np.float32))
    image, shapes, pose = drawn(who, expression())
    for ring in (shapes.left_brow, shapes.right_brow):
        points = pose.project(ring)[0]
        x0, y0, x1, y1 = (bounds(points) + np.array((-5, -5, 5, 3))).astype(int)
        inside = np.zeros((SIZE, SIZE), np.uint8)
        cv2.fillPoly(inside, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        dark = np.zeros((SIZE, SIZE), bool)
        dark[y0:y1, x0:x1] = image[y0:y1, x0:x1].mean(2) < 120
        assert np.abs(np.argwhere(dark).mean(0) - np.argwhere(inside > 127).mean(0)).max() < 1.0
        assert dark[cv2.dilate(inside, np.ones((3, 3), np.uint8)) == 0].sum() == 0


def test_rings_go_clockwise_from_the_leftmost_point():
    landmarks = shapes_of(person(6), expression()).landmarks()[0]
    for rings in (DRAWN.face, DRAWN.left_eye, DRAWN.right_eye, DRAWN.brows, DRAWN.nose, DRAWN.mouth):
        for ring in rings:
            x, y = landmarks[list(ring)].T
            assert (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() > 0, "clockwise where y goes down"
            assert x[0] <= x.min() + 1e-9
    for corners in (DRAWN.left_eye_corners, DRAWN.right_eye_corners, DRAWN.mouth_corners):
        assert landmarks[corners[0], 0] < landmarks[corners[1], 0]
    assert landmarks[DRAWN.left_eye_corners[0], 0] < landmarks[DRAWN.right_eye_corners[0], 0]


def test_eye_centres_are_one_unit_apart_in_a_face_seen_from_the_front():
    shapes, pose = shapes_of(person(7), expression()), pose_of(expression(), 50.0, (100.0, 80.0))
    points = pose.project(shapes.landmarks())[0]
    left, right = (points[list(pair)].mean(0) for pair in (DRAWN.left_eye_corners, DRAWN.right_eye_corners))
    assert np.hypot(*(right - left)) == pytest.approx(50.0, abs=0.1)
    assert np.allclose((left + right) / 2, (100, 80), atol=1)


def test_a_smile_raises_and_spreads_the_corners_and_a_negative_mouth_drops_them():
    smile, rest, sad = (shapes_of(person(8), expression(mouth=[v])).mouth[0] for v in (1.0, 0.0, -1.0))
    for corner in (0, 12):
        assert smile[corner, 1] < rest[corner, 1] - 0.1 and sad[corner, 1] > rest[corner, 1] + 0.08
    assert np.ptp(smile[:, 0]) > 1.15 * np.ptp(rest[:, 0])


def test_brows_and_lids_tell_the_cue_of_the_eyes_and_the_mouth_does_not():
    glad, rest, cross = (shapes_of(person(9), expression(eyes=[v])) for v in (1.0, 0.0, -1.0))
    assert glad.left_brow[0, :, 1].mean() < rest.left_brow[0, :, 1].mean() - 0.05
    assert cross.left_brow[0, :, 1].mean() > rest.left_brow[0, :, 1].mean() + 0.02
    assert glad.left_eye[0, 12, 1] < rest.left_eye[0, 12, 1] - 0.02, "lower lid up"
    assert cross.left_eye[0, 4, 1] > rest.left_eye[0, 4, 1] + 0.02, "upper lid down"
    assert np.array_equal(glad.mouth, rest.mouth) and np.array_equal(cross.mouth, rest.mouth)


def test_a_blink_closes_the_eye_and_keeps_its_corners():
    open_, shut = (shapes_of(person(10), expression(blink=[v])).left_eye[0] for v in (0.0, 1.0))
    assert np.ptp(shut[1:8, 1] - shut[:8:-1, 1]) < 1e-9 and np.allclose(shut[1:8, 1], shut[:8:-1, 1])
    assert np.allclose(open_[[0, 8]], shut[[0, 8]])


def test_an_open_jaw_moves_the_chin_and_not_the_brow():
    rest, open_ = (shapes_of(person(11), expression(jaw=[v])) for v in (0.0, 1.0))
    assert open_.face[0, 27, 1] > rest.face[0, 27, 1] + 0.1
    assert np.array_equal(open_.left_brow, rest.left_brow)


@pytest.mark.parametrize("wide", [False, True])
def test_the_parts_of_every_face_lie_one_above_the_other_whatever_it_does(wide):
    """At rest, at both ends of both cues, with an open jaw: brows over eyes, eyes over nose, nose over mouth, mouth over chin."""
    ends = np.array([(0, 0, 0), (1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (1, 1, 0), (-1, -1, 0), (0, 0, 0.7)], float)
    moves = dict(zip(("mouth", "eyes", "jaw"), ends.T, strict=True))
    for seed in range(200):
        who = sample_identity(np.random.default_rng(seed), wide)
        shapes = shapes_of(who, expression(len(ends), **moves))
        for eye, brow in ((shapes.left_eye, shapes.left_brow), (shapes.right_eye, shapes.right_brow)):
            assert (brow[..., 1].mean(1) < eye[..., 1].min(1)).all(), seed
            assert (eye[..., 1].max(1) < shapes.nose[..., 1].max(1)).all(), seed
        assert (shapes.nose[..., 1].max(1) < shapes.mouth[..., 1].max(1)).all(), seed
        assert (shapes.mouth[:, [0, 12], 1] > shapes.nose[:, 10:11, 1] - 0.02).all(), seed
        assert (shapes.mouth[..., 1].max(1) < shapes.face[..., 1].max(1)).all(), seed


def test_what_a_frown_changes_lies_in_the_regions_of_its_cue():
    """Also the folds between the brows: left to the rest of the face, they would be an eighth of the cue that no region of it holds."""
    cue = [REGIONS.index(name) for name in CUES[EYES]]
    outside = []
    for seed in range(12):
        (rest, *before), (frown, *after) = (drawn(person(seed), expression(eyes=[value])) for value in (0.0, -1.0))
        changed = np.abs(rest.astype(int) - frown).sum(2)
        here = [rasterise_index(pose.project(shapes.landmarks()).astype(float), SIZE)[0] for shapes, pose in (before, after)]
        outside.append(changed[~np.isin(here, cue).any(0)].sum() / changed.sum())
    assert np.mean(outside) < 0.09
