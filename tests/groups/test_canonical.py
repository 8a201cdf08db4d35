"""Laws of the canonical face: a place of the face keeps its place in any pose, even maps are 1, left stays left."""

import numpy as np
import pytest

from stavis.data.faces.alignment import apply_affine, crop_affine
from stavis.errors import StavisError
from stavis.groups.canonical import GRID, canonical_face, density_on_face
from stavis.landmarks import DRAWN, MEDIAPIPE
from stavis.regions import REGIONS
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.flat.stage import FlatStage
from stavis.synthetic.scenarios import sample_courses
from tests.groups.faces import SIZE, in_crop, painted, poses, turned

ON_SKIN = (1, 10, 152, 61, 291, 33, 263, 133, 362, 50, 280, 9, 164, 199, 107, 336)
"""Nose tip, forehead, chin, corners of mouth and eyes, cheeks, between the brows, upper lip, below the lip, inner brows."""


def peak(density: np.ndarray) -> np.ndarray:
    """The place of the highest mean density, in widths of the crop."""
    return canonical_face().cells[np.nanargmax(np.nanmean(density, 0))]


@pytest.mark.parametrize("landmark", ON_SKIN)
def test_a_painted_landmark_lands_on_its_own_place_in_every_pose(landmark):
    grid, face = 28, canonical_face()
    goal, mesh = face.points[MEDIAPIPE.count][landmark], face.mesh(MEDIAPIPE.count)
    for seed in range(3):
        landmarks = in_crop(turned(**poses(seed, 12)))
        placed = density_on_face(painted(landmarks[:, landmark], grid), landmarks, SIZE)
        places = np.einsum("tpkc,pk->tpc", landmarks[:, mesh.corners], mesh.weights)
        for frame in range(12):
            there = np.isfinite(placed[frame])
            if np.linalg.norm(face.cells[there] - goal, axis=1).min() < 1 / GRID:  # else it is turned away
                reached = places[frame, np.nanargmax(placed[frame])]
                assert np.abs(reached - landmarks[frame, landmark]).max() <= SIZE / grid
        assert np.abs(peak(placed) - goal).max() <= 1 / grid


def test_faces_of_other_proportions_keep_their_parts():
    form = np.zeros((478, 3))
    points = canonical_face().points[MEDIAPIPE.count]
    form[:, 0], form[:, 1] = 0.18 * (points[:, 0] - 0.5), 0.15 * np.clip(points[:, 1] - 0.4, 0, None)
    landmarks = in_crop(turned(**poses(0, 12), form=form))
    for landmark in ON_SKIN:
        placed = density_on_face(painted(landmarks[:, landmark]), landmarks, SIZE)
        assert np.abs(peak(placed) - points[landmark]).max() <= 1 / 28


@pytest.mark.parametrize("grid", [(1, 1), (7, 7), (28, 28), (9, 13), (112, 112)])
def test_an_even_map_has_density_one_wherever_the_face_is_seen(grid):
    landmarks = in_crop(turned(**poses(1, 8)))
    placed = density_on_face(np.full((8, *grid), 0.3), landmarks, SIZE)
    assert np.isfinite(placed).mean() > 0.7
    np.testing.assert_allclose(placed[np.isfinite(placed)], 1, atol=1e-5)


def test_the_unit_of_a_map_and_its_sign_do_not_count():
    landmarks = in_crop(turned(**poses(2, 4)))
    maps = np.random.default_rng(0).normal(size=(4, 14, 14))
    np.testing.assert_allclose(density_on_face(maps, landmarks, SIZE), density_on_face(-7 * maps, landmarks, SIZE), rtol=1e-5)


def test_a_mirrored_image_gives_the_mirrored_face():
    landmarks = in_crop(turned(**poses(3, 6)))
    maps = painted(landmarks[:, 61])
    face = canonical_face()
    other = landmarks[:, face.mirrors[478]] * (-1, 1) + (SIZE - 1, 0)
    there, mirrored = density_on_face(maps, landmarks, SIZE), density_on_face(maps[:, :, ::-1], other, SIZE)
    np.testing.assert_allclose(mirrored[:, face.opposite], there, atol=2e-3, equal_nan=True)
    assert np.array_equal(face.opposite[face.opposite], np.arange(len(face.opposite)))
    assert np.allclose(face.cells[face.opposite], face.cells * (-1, 1) + (1, 0))


def test_left_of_the_image_is_left_of_the_canonical_face():
    landmarks = in_crop(turned(0, 0, 0))
    assert peak(density_on_face(painted(landmarks[:, 33]), landmarks, SIZE))[0] < 0.5
    assert peak(density_on_face(painted(landmarks[:, 263]), landmarks, SIZE))[0] > 0.5


@pytest.mark.parametrize("yaw", [-0.8, 0.8])
def test_the_side_that_is_turned_away_does_not_count(yaw):
    landmarks = in_crop(turned(yaw, 0, 0))
    seen = np.isfinite(density_on_face(np.ones((1, 28, 28)), landmarks, SIZE)[0])
    cells = canonical_face().cells
    left, right = seen[cells[:, 0] < 0.5].mean(), seen[cells[:, 0] > 0.5].mean()
    hidden, shown = (left, right) if yaw < 0 else (right, left)
    assert shown > 0.8 and hidden < shown - 0.05


def test_a_head_seen_from_behind_shows_nothing():
    landmarks = turned(0, 0, 0) * (-1, 1) + (640, 0)  # every triangle the wrong way round
    assert np.isnan(density_on_face(np.ones((1, 28, 28)), in_crop(landmarks), SIZE)).mean() > 0.95


def test_what_lies_outside_the_image_does_not_count():
    landmarks = in_crop(turned(0, 0, 0)) + np.array([60, 0])
    seen = np.isfinite(density_on_face(np.ones((1, 28, 28)), landmarks, SIZE)[0])
    right = canonical_face().cells[:, 0] > 0.5
    assert not seen[right].any() and seen[~right].any()


def test_frames_without_a_face_or_with_an_empty_map_say_nothing():
    landmarks = in_crop(turned(np.zeros(4), 0, 0))
    landmarks[1] = np.nan
    maps = np.ones((4, 8, 8))
    maps[2] = 0
    placed = density_on_face(maps, landmarks, SIZE, np.array([True, True, True, False]))
    assert np.isfinite(placed).any(1).tolist() == [True, False, False, False]


@pytest.mark.parametrize("rings", ["mouth", "left_eye", "right_eye", "nose", "brows", "face"])
def test_synthetic_faces_lie_on_the_same_outlines(rings):
    face = canonical_face()
    for mine, goal in zip(getattr(DRAWN, rings), getattr(MEDIAPIPE, rings), strict=True):
        mine, goal = face.points[DRAWN.count][list(mine)], face.points[MEDIAPIPE.count][list(goal)]
        np.testing.assert_allclose(mine.min(0), goal.min(0), atol=0.02)
        np.testing.assert_allclose(mine.max(0), goal.max(0), atol=0.02)


@pytest.mark.parametrize("landmark", ["mouth", "left_eye", "right_eye"])
def test_a_painted_part_of_a_synthetic_face_lands_on_that_part(landmark):
    config = SyntheticConfig(recordings=4, seconds=2.0, fps=6.25, size=(112, 112), seed=2)
    face = canonical_face()
    index = REGIONS.index(landmark)
    for recording in range(4):
        image = FlatStage(config, recording, sample_courses(config, recording)).landmarks()
        landmarks = apply_affine(crop_affine(image, SIZE), np.asarray(image, float))
        middle = landmarks[:, list(getattr(DRAWN, landmark)[0])].mean(1)
        placed = density_on_face(painted(middle), landmarks, SIZE)
        mean = np.nan_to_num(np.nansum(placed, 0) / np.isfinite(placed).sum(0).clip(1))
        assert face.regions[np.nanargmax(mean)] == index
        assert mean[face.regions == index].mean() > 3 * mean[face.regions != index].mean()


def test_the_canonical_face_is_the_same_on_both_sides():
    face = canonical_face()
    assert np.array_equal(face.mask, face.mask[:, ::-1]) and 1500 < face.mask.sum() < 2500
    for count in face.points:
        mirrored = face.points[count][face.mirrors[count]] * (-1, 1) + (1, 0)
        np.testing.assert_allclose(mirrored, face.points[count], atol=1e-6)
        mesh = face.mesh(count)
        np.testing.assert_allclose(mesh.weights.sum(1), 1)
        places = np.einsum("pkc,pk->pc", face.points[count][mesh.corners], mesh.weights)
        np.testing.assert_allclose(places, face.cells, atol=1e-6)


@pytest.mark.parametrize("count", [68, 0])
def test_other_layouts_are_refused(count):
    with pytest.raises(StavisError, match="landmarks"):
        density_on_face(np.ones((1, 4, 4)), np.zeros((1, count, 2)), SIZE)
    with pytest.raises(StavisError, match="frames"):
        density_on_face(np.ones((2, 4, 4)), np.zeros((1, 478, 2)), SIZE)
