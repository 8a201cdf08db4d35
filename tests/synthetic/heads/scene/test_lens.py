"""Lens and fields: landmarks go where the image goes, nothing outside the image is needed, the upper field is the frame's own."""

import cv2
import numpy as np
import pytest

from stavis.synthetic.heads.scene.fields import Fields
from stavis.synthetic.heads.scene.lens import Lens

SIZE = (160, 120)


def lens(bend: float = 0.0, split: float = 0.0, fall: float = 0.0, size=SIZE) -> Lens:
    made = Lens(np.random.default_rng(0), size)
    made.bend, made.split, made.fall = bend, split, fall
    return made


def fields(style: str) -> Fields:
    made = Fields(np.random.default_rng(0))
    made.style = style
    return made


def dotted(points: np.ndarray) -> np.ndarray:
    """Soft white spots at points (k,2) px."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    spots = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 8) for a, b in points)
    return cv2.merge([(255 * np.clip(spots, 0, 1)).astype(np.uint8)] * 3)


def middle_near(image: np.ndarray, point: np.ndarray) -> np.ndarray:
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    weight = image[..., 1].astype(float) * (np.hypot(x - point[0], y - point[1]) < 9)
    return np.array(((weight * x).sum(), (weight * y).sum())) / weight.sum()


@pytest.mark.parametrize("bend", [0.14, 0.03, -0.05])
def test_a_landmark_of_the_bent_image_is_the_bent_landmark(bend):
    points = np.array([(25.0, 30.0), (80, 60), (130, 25), (60, 95), (120, 90)])
    made = lens(bend)
    image, bent = made.take(dotted(points)), made.bent(points)
    for point in bent:
        assert np.hypot(*(middle_near(image, point) - point)) < 0.15
    assert np.abs(bent - points).max() > 0.3


@pytest.mark.parametrize("bend", [0.14, -0.05])
def test_no_light_from_outside_the_image_is_needed_and_order_stays(bend):
    made = lens(bend)
    corners = np.array([(0.0, 0.0), (159, 0), (0, 119), (159, 119), (80, 0), (0, 60)])
    moved = made.bent(corners)
    outside = (moved <= 1e-6) | (moved >= np.array(SIZE) - 1 - 1e-6)
    assert outside.any(1).all()
    line = made.bent(np.column_stack([np.linspace(-60, 220, 200), np.full(200, 40.0)]))
    assert np.all(np.diff(line[:, 0]) > 0)
    assert np.allclose(made.bent(np.array([79.5, 59.5])), (79.5, 59.5))


def test_a_plain_lens_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    points = np.random.default_rng(1).uniform(0, 100, (5, 2))
    assert lens().take(image) is image and lens().bent(points) is points


def test_dark_corners_and_split_colours_leave_the_middle():
    image = np.full((120, 160, 3), 200, np.uint8)
    dark = lens(fall=0.6).take(image)
    assert abs(int(dark[60, 80, 0]) - 200) <= 1 and dark[0, 0, 0] < 100
    stripes = np.zeros((120, 160, 3), np.uint8)
    stripes[:, ::8] = 255
    split = lens(split=0.02).take(stripes).astype(int)
    assert np.abs(split[60, 76:84, 0] - split[60, 76:84, 2]).max() < 40 < np.abs(split[60, :10, 0] - split[60, :10, 2]).max()


def test_every_fault_occurs_at_its_rate_and_depends_on_the_seed_alone():
    made = [Lens(np.random.default_rng(k), SIZE) for k in range(600)]
    assert 0.24 < np.mean([one.bend != 0 for one in made]) < 0.36
    assert 0.19 < np.mean([one.fall > 0 for one in made]) < 0.31
    assert 0.1 < np.mean([one.split != 0 for one in made]) < 0.2
    assert min(one.bend for one in made) < 0 < max(one.bend for one in made) <= 0.14
    styles = [Fields(np.random.default_rng(k)).style for k in range(1500)]
    assert all(0.01 < np.mean([one == style for one in styles]) < 0.06 for style in ("combed", "doubled", "averaged"))
    assert np.mean([one == "" for one in styles]) > 0.89
    again = Lens(np.random.default_rng(7), SIZE)
    assert (again.bend, again.fall, again.split) == (made[7].bend, made[7].fall, made[7].split)


@pytest.mark.parametrize("height", [6, 7])
def test_the_upper_lines_are_the_frames_own_and_the_lower_ones_later_or_made_of_them(height):
    rng = np.random.default_rng(0)
    upper, lower = rng.integers(0, 256, (2, height, 5, 3), np.uint8)
    assert fields("").weave(upper) is upper
    for style in ("combed", "doubled", "averaged"):
        assert np.array_equal(fields(style).weave(upper, lower)[::2], upper[::2])
    assert np.array_equal(fields("combed").weave(upper, lower)[1::2], lower[1::2])
    assert np.array_equal(fields("doubled").weave(upper)[1::2], upper[0:-1:2][: height // 2])
    between = fields("averaged").weave(upper)[1].astype(int)
    assert np.abs(2 * between - upper[0].astype(int) - upper[2]).max() <= 1


def test_landmarks_of_doubled_lines_lie_where_the_doubled_image_does():
    points = np.array([(40.0, 40.0), (100.0, 71.0)])
    image = dotted(points)
    for style in ("doubled", "averaged", ""):
        made = fields(style)
        shown, woven = made.shown(points), made.weave(image)
        assert all(np.hypot(*(middle_near(woven, point) - point)) < 0.12 for point in shown)
