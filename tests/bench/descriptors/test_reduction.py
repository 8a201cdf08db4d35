"""Windows, principal components, scaling and codebooks."""

import numpy as np
import pytest

from stavis.bench.descriptors.bags import fit_codebook
from stavis.bench.descriptors.reduction import fit_projection, fit_scaling
from stavis.bench.descriptors.shape import OUTLINES, face_shape, outlines
from stavis.bench.descriptors.windows import fill_missing, functionals
from stavis.errors import StavisError
from stavis.types import FaceTrack

RNG = np.random.default_rng(0)


def test_frames_without_a_face_by_each_policy():
    features = np.arange(10.0).reshape(5, 2)
    valid = np.array([True, False, True, False, False])
    assert fill_missing(features, valid)[1:].tolist() == [[2, 3], [4, 5], [4, 5], [4, 5]]
    assert fill_missing(features, valid, "zero")[1].tolist() == [0, 0]
    assert np.isnan(fill_missing(features, valid, "drop")).all(1).tolist() == [False, True, False, True, True]
    assert features[1].tolist() == [2, 3]
    assert np.isnan(fill_missing(features, np.zeros(5, bool))).all()
    with pytest.raises(StavisError, match="choose one of interpolate, zero, drop"):
        fill_missing(features, valid, "guess")
    with pytest.raises(StavisError, match="one mark a frame"):
        fill_missing(features, valid[:3])


def test_functionals_are_mean_and_deviation_of_the_window():
    times = np.arange(50) / 6.25
    features = RNG.normal(size=(50, 3))
    found = functionals(features, times, 4.0)
    inside = np.abs(times - times[20]) <= 2.0 + 1e-9
    assert found[20] == pytest.approx(np.r_[features[inside].mean(0), features[inside].std(0)], abs=1e-6)
    features[18] = np.nan
    inside[18] = False
    assert functionals(features, times, 4.0)[20] == pytest.approx(np.r_[features[inside].mean(0), features[inside].std(0)], abs=1e-6)


@pytest.mark.parametrize("shape", [(30, 200), (200, 12)])
def test_components_are_those_of_a_singular_value_decomposition(shape):
    values = RNG.normal(size=shape) @ np.diag(np.linspace(3, 0.1, shape[1]))
    found = fit_projection(values, 5)
    expected = np.linalg.svd(values - values.mean(0), full_matrices=False)
    assert np.abs((found.components * expected[2][:5]).sum(1)) == pytest.approx(np.ones(5), abs=1e-4)
    assert found.explained == pytest.approx((expected[1] ** 2 / (expected[1] ** 2).sum())[:5], abs=1e-5)
    assert found.apply(values).var(0) == pytest.approx(expected[1][:5] ** 2 / len(values), rel=1e-3)
    with pytest.raises(StavisError, match="at least two"):
        fit_projection(values[:1])


def test_scaling_is_that_of_the_training_frames_and_leaves_constants_alone():
    values = np.column_stack([RNG.normal(3, 2, 100), np.full(100, 4.0)])
    values[3] = np.nan
    scores = fit_scaling(values).apply(np.delete(values, 3, 0))
    assert scores.mean(0) == pytest.approx([0, 0], abs=1e-5) and scores.std(0) == pytest.approx([1, 0], abs=1e-5)
    with pytest.raises(StavisError, match="no training frame"):
        fit_scaling(np.full((3, 2), np.nan))


def test_a_codebook_is_drawn_from_its_training_frames_by_its_seed():
    values = RNG.normal(size=(300, 4))
    book = fit_codebook(values, seed=1, words=20)
    scores = book.scaling.apply(values)
    assert all((np.abs(scores - word).max(1) < 1e-6).any() for word in book.words) and len(np.unique(book.words, axis=0)) == 20
    assert np.array_equal(fit_codebook(values, seed=1, words=20).words, book.words)
    assert not np.array_equal(fit_codebook(values, seed=2, words=20).words, book.words)
    expected = ((scores[:, None] - book.words) ** 2).sum(2).argmin(1)
    assert np.array_equal(book.nearest(values), expected)
    with pytest.raises(StavisError, match="no training frame"):
        fit_codebook(np.full((3, 2), np.nan), 0)


def test_a_bag_counts_the_words_of_its_window():
    values, times = RNG.normal(size=(60, 4)), np.arange(60) / 6.25
    values[40] = np.nan
    book = fit_codebook(values, seed=0, words=7)
    bags = np.expm1(book.bags(values, times, 4.0))
    assert bags[30].sum() == pytest.approx(25 - 1, abs=1e-3)  # 25 frames in 4 s, one without a face
    assert bags[10] == pytest.approx(np.bincount(book.nearest(values)[:23], minlength=7), abs=1e-3)


def test_outlines_do_not_hang_on_where_how_large_or_how_turned_a_face_is():
    points = RNG.normal(size=(3, 124, 2)) * 20 + 60
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert outlines(points @ turn.T * 1.7 + 5) == pytest.approx(outlines(points), abs=1e-9)
    assert outlines(points).shape == (3, 24)
    with pytest.raises(StavisError, match="no layout"):
        outlines(points[:, :50])


def test_a_track_without_blendshapes_gives_outlines_and_no_track_is_refused():
    points = RNG.normal(size=(2, 124, 2))
    track = FaceTrack(np.arange(2.0), np.zeros((2, 4)), points, np.ones(2), np.zeros((2, 2, 3)), np.ones(2, bool))
    values, kind = face_shape(track)
    assert kind == OUTLINES and values.shape == (2, 25) and (values[:, -1] == 1).all()
    with pytest.raises(StavisError, match="tracked"):
        face_shape(None)
