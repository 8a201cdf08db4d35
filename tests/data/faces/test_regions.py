"""The regions of a face cover what an expression moves: by anatomy, on faces made here."""

import numpy as np
import pytest

from stavis.data.faces.alignment import apply_affine, crop_affine
from stavis.data.faces.regions import rasterise, rasterise_index
from stavis.landmarks import DRAWN, MEDIAPIPE
from stavis.regions import FACE, REGIONS, shares
from tests.data.faces.plain_points import plain_face

LAYOUTS = pytest.mark.parametrize("layout", [DRAWN, MEDIAPIPE], ids=["drawn", "mediapipe"])


def region_at(layout, x: float, y: float, angle: float = 0.0, size: int = 112) -> str:
    """The region of the point (x, y), in eye distances from the middle between the eyes of a plain face."""
    points = plain_face(layout, angle=angle)[None]
    turn = np.deg2rad(angle)
    spot = 60 * np.array([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)]) + (200, 150)
    affine = crop_affine(points, size)
    column, row = np.rint(apply_affine(affine, spot[None, None])[0, 0]).astype(int)
    return REGIONS[rasterise_index(apply_affine(affine, points), size)[0, row, column]]


@LAYOUTS
@pytest.mark.parametrize("angle", [0, -20])
def test_each_spot_has_the_region_that_anatomy_gives_it(layout, angle):
    at = lambda x, y: region_at(layout, x, y, angle)  # noqa: E731
    assert {at(0, -0.32), at(0.08, -0.2), at(-0.08, -0.1)} == {"glabella"}
    assert {at(-0.5, -0.32), at(0.5, -0.32)} == {"brows"}
    assert [at(-0.5, 0), at(0.5, 0)] == ["left_eye", "right_eye"]
    assert [at(-0.5, -0.2), at(0.5, -0.2)] == ["left_eye", "right_eye"], "the lid's fold"
    assert at(0, 0.4) == "nose" and at(0, -0.7) == "forehead" and at(0, 1.6) == "chin"
    assert {at(0, 1.05), at(0, 0.84)} == {"mouth"}, "the lip above belongs to it"
    assert {at(-0.7, 0.6), at(0.7, 0.6)} == {"cheeks"}
    assert at(-1.3, 0.4) == "outside"


@LAYOUTS
@pytest.mark.parametrize("side", [-1, 1])
def test_the_corners_of_the_mouth_and_the_nasolabial_folds_belong_to_the_mouth(layout, side):
    assert region_at(layout, side * 0.42, 1.05) == region_at(layout, side * 0.45, 1.07) == "mouth"
    assert region_at(layout, side * 0.36, 0.82) == region_at(layout, side * 0.42, 0.95) == "mouth"


def test_the_folds_landmarks_belong_to_the_mouth():
    points = plain_face(MEDIAPIPE)[None]
    inside = apply_affine(crop_affine(points), points)
    x, y = np.rint(inside[0, [61, 291, 203, 423, 206, 426, 216, 436, 92, 186]]).astype(int).T
    assert (rasterise_index(inside)[0, y, x] == REGIONS.index("mouth")).all()


@LAYOUTS
def test_every_ring_has_its_mirror_image(layout):
    mirror = np.array(layout.mirror)
    assert len(mirror) == layout.count and (mirror[mirror] == np.arange(layout.count)).all()
    for left, right in ((layout.left_eye, layout.right_eye), (layout.left_lids, layout.right_lids), layout.cheeks):
        for one, other in zip(left, right, strict=True) if isinstance(left[0], tuple) else ((left, right),):
            assert {layout.mirror[point] for point in one} == set(other)
    for rings in (layout.brows, layout.glabella, layout.nose, layout.mouth, layout.folds, layout.forehead, layout.chin, layout.face):
        points = {point for ring in rings for point in ring}
        assert {layout.mirror[point] for point in points} == points


@LAYOUTS
def test_shares_move_smoothly_with_the_face(layout):
    """One cell holds all the attention: while a face moves by a cell beneath it, no step of a pixel changes a share by much more than
    the part of a cell that it is."""
    cell = 14
    plain = plain_face(layout)[None]
    start = apply_affine(crop_affine(plain), plain)
    steps = np.concatenate([start + np.array((0, k)) for k in range(-cell, cell + 1)])
    maps = np.zeros((len(steps), 8, 8))
    maps[:, 5, 4] = 1
    soft, hard = (shares(maps, rasterise(steps), edge=edge) for edge in (FACE.edge, 0.0))
    assert np.abs(soft.sum(1) - 1).max() < 1e-12
    assert np.ptp(soft, axis=0).max() > 0.3 and np.abs(np.diff(soft, axis=0)).max() < 1.2 / cell
    assert np.abs(np.diff(soft, 2, axis=0)).max() < np.abs(np.diff(hard, 2, axis=0)).max()
