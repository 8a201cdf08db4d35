"""Maps against regions equal scikit-learn and the counts made by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from stavis.errors import StavisError
from stavis.regions import FACE, REGIONS
from stavis.trust.localisation import against, image_left, localisation
from stavis.types import AttentionMaps
from tests.attribution.networks import make_clip


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_auc_equals_scikit_learn(seed, ties):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 4, (6, 7)).astype(float) if ties else rng.random((6, 7))
    mask = rng.random((6, 7)) < 0.4
    if mask.any() and not mask.all() and np.ptp(values) > 0:
        assert against(values, mask)["auc"] == pytest.approx(roc_auc_score(mask.ravel(), values.ravel()), abs=1e-9)


def test_by_hand():
    values = np.array([[4.0, 3.0], [2.0, 1.0]])
    mask = np.array([[True, False], [True, False]])
    assert against(values, mask) == {"share": 0.6, "density": 1.2, "rank_accuracy": 0.5, "auc": 0.75, "pointing": 1.0}


def test_chance_is_one():
    found = against(np.ones((4, 4)), np.eye(4, dtype=bool))
    assert found["density"] == pytest.approx(1)
    assert all(np.isnan(found[name]) for name in ("rank_accuracy", "auc", "pointing"))


def test_ties_get_their_expected_hits():
    values = np.array([[1.0, 1.0, 1.0, 0.0]])
    assert against(values, np.array([[True, True, False, False]]))["rank_accuracy"] == pytest.approx(2 / 3)


def test_an_empty_map_or_region_is_undefined():
    for values, mask in ((np.zeros((3, 3)), np.eye(3, dtype=bool)), (np.eye(3), np.zeros((3, 3), bool))):
        assert all(np.isnan(number) for number in against(values, mask).values())


def test_shares_over_the_partition_sum_to_one_and_equal_those_of_the_maps():
    clip = make_clip()
    weights = np.random.default_rng(0).dirichlet(np.ones(64), size=6).reshape(6, 8, 8)
    table = localisation(weights, clip.regions)
    np.testing.assert_allclose(table.groupby("frame").share.sum(), 1, atol=1e-5)
    shares = clip.share(AttentionMaps(weights, clip.times))
    np.testing.assert_allclose(table[table.part == "mouth"].share, shares[:, 0], atol=1e-5)
    for index, side in ((1, "left_eye"), (2, "right_eye")):
        np.testing.assert_allclose(table[table.part == side].share, shares[:, index], atol=1e-5)
    assert tuple(table.part.unique()) == FACE.order


def test_a_map_on_the_mouth_says_mouth():
    clip = make_clip()
    table = localisation(clip.regions[:, 0].astype(float), clip.regions)
    mouth = table[table.part == "mouth"].iloc[0]
    assert (mouth.share, mouth.rank_accuracy, mouth.auc, mouth.pointing) == (1, 1, 1, 1)


def test_other_lengths_are_refused():
    with pytest.raises(StavisError, match="frames"):
        localisation(np.ones((2, 4, 4)), make_clip().regions)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_mirrored_map_changes_sides(seed):
    clip = make_clip(seed)
    weights = np.random.default_rng(seed).dirichlet(np.ones(64), size=6).reshape(6, 8, 8)
    swapped = clip.regions[:, [0, 2, 1, *range(3, len(REGIONS))], :, ::-1]
    own, mirrored = (
        localisation(maps, regions).groupby("part").mean() for maps, regions in ((weights, clip.regions), (weights[:, :, ::-1], swapped))
    )
    left, right = own.loc["left_eye"], mirrored.loc["right_eye"]
    assert right.share == pytest.approx(left.share)
    np.testing.assert_allclose(mirrored.loc["mouth"].image_left, 1 - own.loc["mouth"].image_left, atol=1e-9)


def test_half_a_mouth_is_told_from_a_whole_one():
    clip = make_clip()
    mouth = clip.regions[:, 0].astype(float)
    half = mouth * image_left(clip.regions)
    whole, left = (localisation(maps, clip.regions).groupby("part").mean().loc["mouth"] for maps in (mouth, half))
    assert left.image_left == pytest.approx(1, abs=0.1)
    assert 0.3 < whole.image_left < 0.7
    assert left.share == whole.share == 1
