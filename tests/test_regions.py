"""Laws of laying a map on regions, for any map, partition and size."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stavis import regions
from stavis.errors import StavisError
from stavis.regions import FACE, PARTS, REGIONS, areas, densities, joined, overlap, pooled, shares, spread

seeds = st.integers(0, 10_000)
sizes = st.tuples(st.integers(2, 20), st.integers(2, 20))


def partition(seed: int, frames: int, size: tuple[int, int]) -> np.ndarray:
    """A random partition of each frame into REGIONS: (T,R,H,W) bool."""
    index = np.random.default_rng(seed).integers(len(REGIONS), size=(frames, *size))
    return np.stack([index == region for region in range(len(REGIONS))], 1)


def signed(seed: int, frames: int, size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(seed + 1).normal(size=(frames, *size))


@given(seeds, sizes, sizes)
@settings(deadline=None, max_examples=50)
def test_shares_of_a_partition_sum_to_1_on_any_grid(seed, grid, size):
    found = shares(signed(seed, 3, grid), partition(seed, 3, size))
    assert found.sum(1) == pytest.approx(np.ones(3), abs=1e-5) and (found >= 0).all()


@given(seeds, sizes, sizes)
@settings(deadline=None, max_examples=50)
def test_a_uniform_map_has_density_1_wherever_there_is_a_region(seed, grid, size):
    masks = partition(seed, 2, size)
    found = densities(np.full((2, *grid), 0.3), masks)
    assert found[areas(masks) > 0] == pytest.approx(1, abs=1e-4)
    assert np.isnan(found[areas(masks) == 0]).all()


@given(seeds, sizes, sizes, st.floats(1e-30, 1e30), st.sampled_from([1, -1]))
@settings(deadline=None, max_examples=50)
def test_neither_scale_nor_sign_changes_a_share(seed, grid, size, scale, sign):
    maps, masks = signed(seed, 2, grid), partition(seed, 2, size)
    np.testing.assert_allclose(shares(sign * scale * maps, masks), shares(maps, masks), atol=1e-9)


@given(seeds, sizes, sizes)
@settings(deadline=None, max_examples=50)
def test_a_mirrored_map_on_mirrored_regions_has_the_same_shares(seed, grid, size):
    maps, masks = signed(seed, 2, grid), partition(seed, 2, size)
    np.testing.assert_allclose(shares(maps[..., ::-1], masks[..., ::-1]), shares(maps, masks), atol=1e-5)
    np.testing.assert_allclose(shares(maps[:, ::-1], masks[:, :, ::-1]), shares(maps, masks), atol=1e-5)


@given(seeds, sizes, sizes)
@settings(deadline=None, max_examples=50)
def test_pooling_and_spreading_keep_the_mass(seed, grid, size):
    maps = signed(seed, 2, size)
    np.testing.assert_allclose(pooled(maps, grid).sum((1, 2)), maps.sum((1, 2)), atol=1e-4)
    np.testing.assert_allclose(spread(maps, grid).sum((1, 2)), maps.sum((1, 2)), atol=1e-4)
    np.testing.assert_allclose(overlap(size[0], grid[0]).sum(1), 1, atol=1e-5)


@given(seeds, sizes, st.integers(1, 4))
@settings(deadline=None, max_examples=50)
def test_shares_over_cells_are_those_of_the_map_spread_over_the_pixels(seed, grid, factor):
    size = (factor * grid[0], factor * grid[1])
    maps, masks = np.abs(signed(seed, 2, grid)), partition(seed, 2, size)
    np.testing.assert_allclose(shares(maps, masks), shares(spread(maps, size), masks), atol=1e-5)


@given(seeds, sizes, sizes)
@settings(deadline=None, max_examples=50)
def test_joined_regions_have_the_sum_of_their_shares(seed, grid, size):
    maps, masks = signed(seed, 2, grid), partition(seed, 2, size)
    apart = shares(maps, masks)
    for part, mask in FACE.masks_of(masks).items():
        together = apart[:, [REGIONS.index(name) for name in PARTS[part]]].sum(1)
        np.testing.assert_allclose(shares(maps, mask[:, None])[:, 0], together, atol=1e-5)
    assert joined(masks, REGIONS).all() and set().union(*PARTS.values()) == set(REGIONS)


def test_long_clips_are_the_same_as_their_frames_alone():
    maps, masks = signed(0, 300, (4, 4)), partition(0, 300, (9, 9))
    alone = np.concatenate([shares(maps[t : t + 1], masks[t : t + 1]) for t in range(300)])
    np.testing.assert_allclose(shares(maps, masks), alone, atol=1e-6)
    assert shares(maps[:0], masks[:0]).shape == (0, len(REGIONS))


@pytest.mark.parametrize("grid", [(9, 9), (4, 4)])
def test_an_empty_or_broken_frame_has_no_share_and_touches_no_other(grid):
    maps, masks = signed(0, 4, grid), partition(0, 4, (9, 9))
    whole = shares(maps, masks)
    maps[0], maps[1, 2, 2], maps[2, 0, 0] = 0, np.nan, np.inf
    found = shares(maps, masks)
    assert np.isnan(found[:3]).all() and np.isnan(densities(maps, masks)[:3]).all()
    np.testing.assert_allclose(found[3], whole[3], atol=1e-12)


def test_by_hand():
    masks = np.zeros((1, 2, 2, 4), bool)
    masks[0, 0, :, :1], masks[0, 1, :, 1:] = True, True
    assert shares(np.array([[[2.0, -2.0]]]), masks)[0] == pytest.approx([0.25, 0.75])
    assert densities(np.array([[[4.0, 0.0]]]), masks)[0] == pytest.approx([2, 2 / 3])
    assert doctest.testmod(regions).attempted >= 2 and doctest.testmod(regions).failed == 0


def test_maps_and_regions_of_other_lengths_are_refused():
    with pytest.raises(StavisError, match="a map of 4 frames cannot be shared among regions of 5 frames"):
        shares(np.ones((4, 2, 2)), partition(0, 5, (3, 3)))
