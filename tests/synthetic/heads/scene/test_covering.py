"""Hands and cups before a face: meshes in the person's skin that touch the face and throw a shadow on it, and come as layers did."""

import dataclasses

import numpy as np
import pytest

from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.synthetic.flat import occluders
from stavis.synthetic.heads.motion import HeadMotion
from stavis.synthetic.heads.people.look import linear
from stavis.synthetic.heads.people.person import HeadPerson, sample_head
from stavis.synthetic.heads.renderer import HeadScene
from stavis.synthetic.heads.scene.body import body_of
from stavis.synthetic.heads.scene.kernels import CUP, HAND
from stavis.synthetic.heads.scene.mesh import head_mesh
from stavis.synthetic.heads.scene.solids import Solid, grid_triangles, joined, revolved, tube

SIDE = 96


def still(count: int) -> HeadMotion:
    none = np.zeros(count)
    return HeadMotion(np.zeros((count, len(BLENDSHAPES)), np.float32), none, none, none, none, none, none + 1)


@pytest.fixture(scope="module")
def person(head_model) -> HeadPerson:
    return dataclasses.replace(sample_head(np.random.default_rng(5), head_model, glasses="none"), hand_strays=0.0)


def covered(head_model, person: HeadPerson, region: str, amounts: list, seed: int = 0, hands: bool = True) -> HeadScene:
    course, none = np.array(amounts, float), np.zeros(len(amounts))
    covers = {"occluder_mouth": none, "occluder_eyes": none} | {f"occluder_{region}": course}
    motion, rng = still(len(amounts)), np.random.default_rng([seed, 2])
    return HeadScene(head_model, person, motion, rng=rng, size=(SIDE, SIDE), fps=25.0, occlusion_hands=hands, **covers)


def outward(solid: Solid, middle: np.ndarray) -> float:
    """The fraction of triangles whose front faces away from a point inside."""
    corners = solid.points[solid.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sized = np.linalg.norm(normals, axis=1) > 1e-6
    return float((((corners.mean(1) - middle) * normals).sum(1)[sized] > 0).mean())


def test_tubes_and_cups_show_their_outside_and_stay_so_when_mirrored():
    line = np.array([(0, y, 0, 1, 0.8) for y in np.linspace(-2, 2, 9)])
    finger, along, round_about = tube(line, HAND, 10, tip=True)
    cup = revolved(np.array([(2.0, -3), (2.5, 0), (2.5, 3)]), CUP, 12)
    for solid in (finger, cup):
        mirrored = solid.moved(np.eye(3), np.zeros(3), mirrored=True)
        assert outward(solid, np.zeros(3)) == outward(mirrored, np.zeros(3)) == 1
    assert along.min() == 0 and along.max() == 1 and round_about.min() < 0.01
    assert finger.points[:, 1].max() == pytest.approx(3.0, abs=0.01), "the tip is a half ball"
    both = joined([finger, cup])
    assert len(both.points) == len(finger.points) + len(cup.points) and both.triangles.max() == len(both.points) - 1
    assert len(grid_triangles(3, 5)) == 20


@pytest.mark.heads
@pytest.mark.parametrize("region", ["mouth", "eyes"])
def test_a_hand_has_the_colour_of_the_skin_and_touches_the_face(region, head_model, person):
    for seed in range(3):
        (solid, shift), *more = covered(head_model, person, region, [1.0], seed).covering.held(0)
        assert not more and np.abs(shift[:2]).max() < 0.3 and shift[2] == 0
        skin = linear(person.skin)
        hand = solid.colours[np.unique(solid.triangles[solid.parts == HAND])]
        assert 0.5 < np.median(hand.mean(1)) / skin.mean() < 1.2
        assert solid.colours.std() > 0.01, "creases, nails and cloth"
        face = person.landmarks[:468]
        low, high = solid.points.min(0), solid.points.max(0)
        under = face[((face[:, :2] > low[:2]) & (face[:, :2] < high[:2])).all(1)]
        away = np.linalg.norm(under[:, None] - solid.points[None], axis=2).min(1)
        assert 0 < away.min() < 1.0


@pytest.mark.heads
def test_a_thing_comes_from_outside_the_face_and_stays_while_it_covers(head_model, person):
    made = covered(head_model, person, "mouth", [0.0, 0.02, 0.5, 1.0, 0.6, 0.0, 0.4])
    held = [made.covering.held(t) for t in range(7)]
    assert not held[0] and not held[5]
    assert held[1][0][0] is held[2][0][0] is held[4][0][0] and held[6][0][0] is not held[1][0][0]
    away = [float(np.hypot(*held[t][0][1][:2])) for t in (1, 2, 3)]
    assert away[0] > 13 and 1.5 < away[1] < 5 and away[2] < 0.3


def lit_from(made: HeadScene, aside: float) -> None:
    """One hard lamp above the viewer, and this far to the image's right."""
    towards = np.array((aside, 0.5, 0.8)) / np.linalg.norm((aside, 0.5, 0.8))
    across = np.cross((0, 1, 0), towards)
    across /= np.linalg.norm(across)
    lamps = np.array([(*towards, 2, 2, 2)], np.float32)
    axes = np.stack([across, np.cross(towards, across), towards]).astype(np.float32)
    made.light = dataclasses.replace(made.light, lamps=lamps, wrap=made.light.wrap[:1], axes=axes, shadow=1.0)


@pytest.mark.heads
def test_a_hand_throws_a_shadow_on_the_face_away_from_the_lamp(head_model, person):
    middles = []
    for aside in (-0.9, 0.9):
        made = covered(head_model, person, "mouth", [1.0], seed=1)
        lit_from(made, aside)
        (solid, shift), *_ = made.covering.held(0)
        images = [np.zeros((SIDE, SIDE, 3), np.uint8) for _ in range(2)]
        made.render_over(images[0], 0)
        thrown = made._bodies[id(solid),]
        made._bodies[id(solid),] = dataclasses.replace(thrown, solid=body_of(person, head_mesh(head_model)).solid)
        made.render_over(images[1], 0)
        change = images[0].astype(int).sum(2) - images[1].astype(int).sum(2)
        assert change.max() <= 0, "a shadow takes light"
        rows, columns = np.nonzero(change < -20)
        hand = made.posing.place(solid.points[np.unique(solid.triangles[solid.parts == HAND])] + shift, 0)[:, :2]
        beside = np.hypot(columns[:, None] - hand[:, 0], rows[:, None] - hand[:, 1]).min(1) > 2
        assert beside.sum() > 25, "on the face, not on the hand alone"
        middles.append(columns[beside].mean())
    assert middles[0] > middles[1] + 4


@pytest.mark.heads
def test_a_body_holds_the_triangles_of_both_in_the_order_of_the_parts(head_model, person):
    mesh = head_mesh(head_model)
    (solid, _), *_ = covered(head_model, person, "mouth", [1.0]).covering.held(0)
    plain, body = body_of(person, mesh), body_of(person, mesh, (solid,))
    assert np.array_equal(plain.triangles, person.triangles) and plain.inner == person.inner
    assert len(body.triangles) == len(plain.triangles) + len(solid.triangles) and body.inner == plain.inner + len(solid.triangles)
    assert np.array_equal(body.triangles[body.inner :], plain.triangles[plain.inner :])
    assert body.triangles.max() == len(person.points) + len(solid.points) - 1 == len(body.colours) - 1
    assert {HAND} <= set(body.parts[plain.inner : body.inner]) and len(body.sway) == len(body.setback) == len(body.colours)


@pytest.mark.heads
@pytest.mark.parametrize("kind", ["hand", "fingers", "cup"])
def test_the_same_seed_holds_the_same_thing_and_the_rest_of_the_scene_is_what_it_was(kind, head_model, person, monkeypatch):
    monkeypatch.setattr(occluders, "MOUTH_COVERS", (kind,))
    monkeypatch.setattr(occluders, "HANDS", (kind,))
    first, again = (covered(head_model, person, "mouth", [1.0, 1.0], seed=4, hands=False) for _ in range(2))
    assert np.array_equal(first.frame(1), again.frame(1))
    (solid, _), *_ = first.covering.held(0)
    assert (CUP in solid.parts) == (kind == "cup")
    bare = covered(head_model, person, "mouth", [0.0, 0.0], seed=4)
    assert np.array_equal(first.landmarks(), bare.landmarks()) and np.array_equal(first.light.lamps, bare.light.lamps)
    assert np.array_equal(first.background.draw(1), bare.background.draw(1))
