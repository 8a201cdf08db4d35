"""Laws of the 3D renderer: what a seed fixes, what each shape moves, where the face lies, what covers it."""

import dataclasses

import numpy as np
import pytest

from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.errors import StavisError
from stavis.landmarks import MEDIAPIPE
from stavis.synthetic.heads.motion import HeadMotion
from stavis.synthetic.heads.renderer import HeadScene, sample_head

pytestmark = pytest.mark.heads
SIZE = (72, 72)


def moved(count: int = 1, **weights) -> HeadMotion:
    """A motion of one expression; names without a side stand for both."""
    values = np.zeros((count, len(BLENDSHAPES)), np.float32)
    for name, value in weights.items():
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in BLENDSHAPES:
                values[:, BLENDSHAPES.index(full)] = value
    none = np.zeros(count)
    return HeadMotion(values, none, none, none, none, none, none + 1)


def scene(model, motion: HeadMotion, seed: int = 0, size=SIZE, person=None, **covers) -> HeadScene:
    person = person or sample_head(np.random.default_rng([seed, 1]), model)
    none = np.zeros(len(motion))
    covers = {"occluder_mouth": none, "occluder_eyes": none} | covers
    return HeadScene(model, person, motion, rng=np.random.default_rng([seed, 2]), size=size, fps=25.0, **covers)


def heights(points: np.ndarray, indices) -> float:
    return float(points[list(indices), 1].mean())


def test_the_same_seed_gives_the_same_pixels_in_any_order(head_model):
    motion = moved(4, mouthSmile=np.linspace(0, 1, 4))
    first, second, other = (scene(head_model, motion, seed) for seed in (3, 3, 4))
    forwards = [first.frame(t) for t in range(4)]
    backwards = [second.frame(t) for t in reversed(range(4))][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert forwards[0].shape == (72, 72, 3) and forwards[0].dtype == np.uint8
    assert np.array_equal(first.landmarks(), second.landmarks())
    assert not np.array_equal(forwards[0], other.frame(0))


def test_a_head_is_an_image_with_a_face_under_its_landmarks(head_model):
    made = scene(head_model, moved())
    grey = np.full((72, 72, 3), 77, np.uint8)
    made.render_over(grey, 0)
    points = np.round(made.landmarks()[0, :468]).astype(int)
    points = points[((points >= 0) & (points < 72)).all(1)]
    assert len(points) > 440
    assert made.landmarks().shape == (1, 478, 2)
    on_head = np.any(grey[points[:, 1], points[:, 0]] != 77, axis=1)
    assert on_head.mean() > 0.97


def test_frames_outside_the_recording_and_small_sizes_are_refused_in_one_sentence(head_model):
    with pytest.raises(StavisError, match="no frame 1: give an index from 0 to 0"):
        scene(head_model, moved()).frame(1)
    with pytest.raises(StavisError, match="too small for a head: give at least 64"):
        scene(head_model, moved(), size=(40, 60))


def test_a_smile_widens_the_mouth_and_lifts_its_corners_and_a_blink_shuts_the_lids(head_model):
    person = sample_head(np.random.default_rng(5), head_model)
    rest, smile, blink, jaw, frown = (
        scene(head_model, moved(**shapes), person=person).landmarks()[0]
        for shapes in ({}, {"mouthSmile": 1.0}, {"eyeBlink": 1.0}, {"jawOpen": 0.7}, {"mouthFrown": 1.0})
    )
    corners = MEDIAPIPE.mouth_corners
    width = [np.ptp(points[list(corners), 0]) for points in (rest, smile)]
    assert width[1] > 1.08 * width[0] and heights(smile, corners) < heights(rest, corners) - 0.5
    assert heights(frown, corners) > heights(rest, corners) + 0.5
    opening = [heights(points, (145, 374)) - heights(points, (159, 386)) for points in (rest, blink)]
    assert opening[0] > 1.0 and opening[1] < 0.35 * opening[0]
    assert heights(jaw, (14,)) - heights(jaw, (13,)) > 3 > heights(rest, (14,)) - heights(rest, (13,))


def test_what_covers_the_mouth_changes_pixels_there_and_little_elsewhere(head_model):
    person = dataclasses.replace(sample_head(np.random.default_rng(5), head_model), hand_strays=0.0)
    motion = moved(2)
    for seed in range(4):
        bare = scene(head_model, motion, seed, person=person, occlusion_hands=True)
        covered = scene(head_model, motion, seed, person=person, occlusion_hands=True, occluder_mouth=np.array([0.0, 1.0]))
        points = bare.landmarks()[1]
        mouth = np.round(points[list(MEDIAPIPE.mouth[0])]).astype(int)
        brows = np.round(points[[i for ring in MEDIAPIPE.brows for i in ring]]).astype(int)
        images = [np.full((2, 72, 72, 3), 90, np.uint8) for _ in range(2)]
        for image, made in zip(images, (bare, covered), strict=True):
            for t in range(2):
                made.render_over(image[t], t)
        change = np.abs(images[0].astype(int) - images[1]).sum(3)
        assert (change[1][mouth[:, 1], mouth[:, 0]] > 6).mean() > 0.6
        assert (change[1][brows[:, 1], brows[:, 0]] > 6).mean() < 0.2
        assert not change[0].any()


def test_the_landmarks_are_those_that_the_lens_throws_on_the_sensor(head_model):
    motion = moved(2, jawOpen=np.array([0, 0.5]))
    made = scene(head_model, motion, person=sample_head(np.random.default_rng(5), head_model))
    made.lens.bend = 0.0
    plain = made.landmarks()
    made.lens.bend = 0.12
    assert np.allclose(made.landmarks(), made.lens.bent(plain), atol=1e-4)
    assert np.abs(made.landmarks() - plain).max() > 1 and made.landmarks().dtype == np.float32


def test_a_combed_frame_holds_lines_of_half_a_frame_later(head_model, monkeypatch):
    monkeypatch.setattr("stavis.synthetic.heads.scene.fields.COMBED_RATE", 1.0)
    motion = dataclasses.replace(moved(2), x=np.array([0.0, 0.6]))
    combed = scene(head_model, motion, seed=3)
    later = scene(head_model, motion.half_later(), seed=3)
    combed.capture.quality = later.capture.quality = 0
    later.fields.style = ""
    whole = scene(head_model, motion, seed=3)
    whole.fields.style, whole.capture.quality = "", 0
    image = combed.frame(0)
    assert np.array_equal(image[::2], whole.frame(0)[::2]) and np.array_equal(image[1::2], later.frame(0)[1::2])
    assert np.array_equal(combed.landmarks(), whole.landmarks())


def test_a_head_that_leaves_the_image_leaves_the_background(head_model):
    away = dataclasses.replace(moved(), x=np.array([40.0]))
    made = scene(head_model, away, size=(128, 96))
    grey = np.full((96, 128, 3), 77, np.uint8)
    made.render_over(grey, 0)
    assert (grey == 77).all()
