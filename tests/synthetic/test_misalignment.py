"""Crops that lie off as a tracker's do: by how much, that the truth goes with the face, and that nothing changes without it."""

import dataclasses

import numpy as np

from stavis.data.crops.crops import CropConfig, crops_of
from stavis.data.datasets.folder import read_folder
from stavis.data.faces.alignment import apply_affine, misaligned
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.misalignment import LARGEST, sample_misalignment
from stavis.synthetic.writer import write_dataset

SPEC = SyntheticConfig(recordings=2, seconds=1.6, fps=12.5, misalignment=1.0)


def test_errors_stay_within_the_trackers_and_differ_between_recordings_and_frames():
    many = dataclasses.replace(SPEC, recordings=60, seconds=8.0)
    errors = np.stack([sample_misalignment(many, index) for index in range(60)])
    assert (np.abs(errors).max((0, 1)) <= LARGEST).all() and (errors.std((0, 1)) > 0.4 * np.array(LARGEST)).all()
    assert errors.mean(1).std() > errors.std(1).mean() * 0.5, "most of an error lasts"
    assert np.array_equal(sample_misalignment(many, 3), errors[3])
    half = sample_misalignment(dataclasses.replace(many, misalignment=0.5), 3)
    np.testing.assert_allclose(half, errors[3] / 2, rtol=1e-5)
    assert sample_misalignment(dataclasses.replace(many, misalignment=0.0), 3) is None


def test_no_error_leaves_an_affine_as_it_is_and_a_shift_moves_points_by_it():
    affine = np.array([[[0.9, 0.1, 4.0], [-0.1, 0.9, -3.0]]])
    np.testing.assert_allclose(misaligned(affine, np.zeros((1, 4)), 112), affine, atol=1e-12)
    point = np.array([[[20.0, 30.0]]])
    moved = apply_affine(misaligned(affine, np.array([[0.25, -0.5, 0, 0]]), 112), point)
    np.testing.assert_allclose(moved - apply_affine(affine, point), [[[28.0, -56.0]]], atol=1e-9)


def test_zoom_and_turn_hold_the_middle_of_the_crop():
    affine = np.array([[[1.0, 0, 0], [0, 1.0, 0]]])
    changed = misaligned(affine, np.array([[0, 0, 0.08, 0.05]]), 112)
    middle = np.full((1, 1, 2), 55.5)
    np.testing.assert_allclose(apply_affine(changed, middle), middle, atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(changed[0, :, :2]), 1.08**2)


def test_the_crops_of_a_misaligned_set_lie_off_and_their_landmarks_go_with_them(tmp_path):
    off, plain = (
        write_dataset(tmp_path / name, dataclasses.replace(SPEC, misalignment=part)) for name, part in (("off", 1.0), ("plain", 0.0))
    )
    for moved, still in zip(read_folder(off), read_folder(plain), strict=True):
        first, second = (crops_of(one, CropConfig(rate=None)) for one in (moved, still))
        assert np.array_equal(first.times, second.times) and not np.array_equal(first.frames, second.frames)
        assert np.array_equal(first.track.landmarks, second.track.landmarks), "the face is where it is"
        shift = np.abs(np.asarray(first.affine) - np.asarray(second.affine))[:, :, 2]
        assert 0.2 < shift.max() < 20
