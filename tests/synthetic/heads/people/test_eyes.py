"""Wet eyes: the light on the cornea moves with the gaze and the head, the lower lid's rim is wet, some eyes are red."""

import dataclasses

import numpy as np
import pytest

from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.landmarks import MEDIAPIPE
from stavis.synthetic.heads.motion import HeadMotion
from stavis.synthetic.heads.people.eyes import RED_RATE, WET_RATE, sample_wet_eyes
from stavis.synthetic.heads.people.person import sample_head
from stavis.synthetic.heads.renderer import HeadScene
from stavis.synthetic.heads.scene.mesh import CORNEA, head_mesh

SIZE = 224


def turned(yaw: list, **weights) -> HeadMotion:
    values, none = np.zeros((len(yaw), len(BLENDSHAPES)), np.float32), np.zeros(len(yaw))
    for name, value in weights.items():
        values[:, BLENDSHAPES.index(name)] = value
    return HeadMotion(values, np.array(yaw), none, none, none, none, none + 1)


def scene(model, motion: HeadMotion, window=(0.2, 0.2, 3.0), tears: float = 0.0) -> HeadScene:
    person = dataclasses.replace(sample_head(np.random.default_rng([5, 1]), model, glasses="none"), tears=tears)
    none = np.zeros(len(motion))
    covers = {"occluder_mouth": none, "occluder_eyes": none}
    made = HeadScene(model, person, motion, rng=np.random.default_rng([0, 2]), size=(SIZE, SIZE), fps=25.0, **covers)
    lamps = np.array([(0.1, 0.25, 0.96, 1, 1, 1)], np.float32)
    towards = lamps[0, :3] / np.linalg.norm(lamps[0, :3])
    across = np.cross((0, 1, 0), towards)
    axes = np.stack([across / np.linalg.norm(across), np.cross(towards, across), towards]).astype(np.float32)
    wrap, window = made.light.wrap[:1], np.array(window, np.float32)
    made.light = dataclasses.replace(made.light, lamps=lamps, axes=axes, shadow=0.0, wrap=wrap, window=window)
    return made


def images(made: HeadScene) -> np.ndarray:
    out = []
    for t in range(len(made.motion)):
        image = np.full((SIZE, SIZE, 3), 90, np.uint8)
        made.render_over(image, t)
        out.append(image.astype(int))
    return np.stack(out)


def highlights(model, motion: HeadMotion) -> np.ndarray:
    """(T,2): where the window's reflection lies from the middle of the left iris, px."""
    bright, dim = scene(model, motion), scene(model, motion, window=(0.2, 0.2, 0.0))
    change = (images(bright) - images(dim)).sum(3)
    assert change.max() > 60
    found = []
    for t, points in enumerate(bright.landmarks()):
        iris = points[468:473].mean(0)
        y, x = np.mgrid[:SIZE, :SIZE]
        weight = change[t] * (np.hypot(x - iris[0], y - iris[1]) < 12)
        found.append(((weight * x).sum() / weight.sum() - iris[0], (weight * y).sum() / weight.sum() - iris[1]))
    return np.array(found)


@pytest.mark.heads
def test_the_window_on_the_cornea_moves_with_head_and_gaze(head_model):
    left, right = highlights(head_model, turned([-0.25, 0.25]))
    assert right[0] < left[0] - 0.4, "the face turns to the image's right, the light stays behind"
    aside = [
        highlights(head_model, turned([0.0], **{first: 0.7, second: 0.7}))[0, 0]
        for first, second in (("eyeLookOutLeft", "eyeLookInRight"), ("eyeLookInLeft", "eyeLookOutRight"))
    ]
    assert abs(aside[0] - aside[1]) > 0.4


@pytest.mark.heads
def test_the_irises_turn_as_the_gaze_does_and_their_landmarks_with_them(head_model):
    rest, *turned_eyes = (
        scene(head_model, turned([0.0], **dict.fromkeys(names, 0.8))).landmarks()[0]
        for names in ((), ("eyeLookOutLeft", "eyeLookInRight"), ("eyeLookOutRight", "eyeLookInLeft"), ("eyeLookUpLeft", "eyeLookUpRight"))
    )
    irises = [points[[468, 473]] - rest[[468, 473]] for points in turned_eyes]
    assert irises[0][:, 0].min() > 2 and irises[1][:, 0].max() < -2 and irises[2][:, 1].max() < -1
    made = scene(head_model, turned([0.0], eyeLookOutLeft=0.8, eyeLookInRight=0.8), window=(0.2, 0.2, 0.0))
    image, still = images(made)[0].sum(2), images(scene(head_model, turned([0.0]), window=(0.2, 0.2, 0.0)))[0].sum(2)
    for iris in (468, 473):
        (x, y), (before, level) = np.round(turned_eyes[0][iris]).astype(int), np.round(rest[iris]).astype(int)
        assert image[y, x] < still[y, x] and still[level, before] < image[level, before], "dark pupils are where the irises are"


@pytest.mark.heads
def test_tears_brighten_the_lower_lids_rim_and_nothing_else(head_model):
    made = scene(head_model, turned([0.0]), tears=1.0)
    change = np.abs(images(made)[0] - images(scene(head_model, turned([0.0])))[0]).sum(2)
    points = made.landmarks()[0]
    rows, columns = np.nonzero(change)
    assert len(rows) > 6
    for x, y in zip(columns, rows, strict=True):
        eye = MEDIAPIPE.left_eye[0] if abs(x - points[468, 0]) < abs(x - points[473, 0]) else MEDIAPIPE.right_eye[0]
        eye = eye if np.abs(points[list(eye), 0] - x).min() < 9 else (set(MEDIAPIPE.left_eye[0]) | set(MEDIAPIPE.right_eye[0])) - set(eye)
        assert np.hypot(*(points[list(eye)] - (x, y)).T).min() < 5


@pytest.mark.heads
def test_the_corneas_middle_turns_with_the_eye(head_model):
    mesh = head_mesh(head_model)
    assert np.allclose(mesh.corneas.sum(1), 1, atol=1e-4)
    cos, sin = np.cos(0.4), np.sin(0.4)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
    middles = mesh.corneas @ mesh.points
    assert np.allclose(mesh.corneas @ (mesh.points @ turn.T + 2), middles @ turn.T + 2, atol=1e-3)
    apex = mesh.points[(mesh.kinds == 2) & (mesh.radius < 0.2)]
    away = np.linalg.norm(apex[:, None] - middles, axis=2).min(1)
    assert np.abs(away - CORNEA).max() < 0.12


def test_eyes_are_red_and_wet_at_their_rates():
    white = np.array((0.7, 0.65, 0.6))
    made = [sample_wet_eyes(np.random.default_rng(seed), white) for seed in range(800)]
    red = np.array([redness > 0.4 for _, redness, _ in made])
    assert abs(red.mean() - RED_RATE) < 0.04
    assert abs(np.mean([tears > 0.6 for *_, tears in made]) - WET_RATE) < 0.04
    assert all((colour[1] < white[1]) == is_red and colour[0] == white[0] for (colour, *_), is_red in zip(made, red, strict=True))
