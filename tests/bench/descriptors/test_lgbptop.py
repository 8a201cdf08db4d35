"""LGBP-TOP: counts that add up, frames that stand for themselves, filters that answer to their own detail."""

import numpy as np
import pytest

from stavis.bench.descriptors.gabor import GaborBank, transfer
from stavis.bench.descriptors.lbp import BINS, lbp_codes
from stavis.bench.descriptors.lgbptop import LgbpTop, grey_crops
from stavis.errors import StavisError

SMALL = LgbpTop(size=32)


def film(frames: int, size: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, size, size, 3), np.uint8)


def test_there_are_as_many_values_as_published_and_each_block_counts_its_voxels():
    whole = LgbpTop()
    counts = whole.describe(film(3, 64))
    assert whole.values == 18 * 3 * 16 * 59 == 50_976 and counts.shape == (3, 50_976) and counts.dtype == np.uint16
    assert (counts.reshape(-1, BINS).sum(1) == whole.voxels).all() and whole.voxels == 16 * 16 * 5


def test_a_long_film_in_pieces_is_the_film_as_a_whole():
    frames = film(40)
    whole = SMALL.describe(frames)
    assert np.array_equal(np.concatenate(list(SMALL.chunks(frames))), whole)
    assert np.array_equal(SMALL.describe(frames[10:31])[5:-5], whole[15:26])  # away from the ends a frame sees three neighbours


def test_the_xy_plane_counts_the_patterns_of_the_frames_magnitudes():
    frames = film(5)
    counts = SMALL.describe(frames)[2].reshape(18, 3, 4, 4, BINS)
    codes = lbp_codes(SMALL.bank.magnitude(grey_crops(frames, 32))).numpy()  # T,F,H,W
    block = codes[:, 7, 8:16, 24:32]
    assert np.array_equal(counts[7, 0, 1, 3], np.bincount(block.ravel(), minlength=BINS))


def test_the_planes_of_time_see_movement_and_that_of_space_does_not():
    still = np.repeat(film(1), 9, 0)
    turned = np.stack([np.roll(still[0], 2 * k, 1) for k in range(9)])
    a, b = (SMALL.describe(frames)[4].reshape(18, 3, 16, BINS).sum(2) for frames in (still, turned))
    change = np.abs(a.astype(int) - b).sum((0, 2))
    assert change[1] > 3 * change[0]
    assert np.array_equal(SMALL.describe(still)[0], SMALL.describe(still)[8])


def test_frames_without_a_face_are_zero_and_nothing_comes_of_nothing():
    valid = np.array([True, False, True])
    counts = SMALL.describe(film(3), valid)
    assert counts[1].sum() == 0 and counts[0].sum() > 0
    assert SMALL.describe(film(0)).shape == (0, SMALL.values)


@pytest.mark.parametrize("options", [{"depth": 4}, {"blocks": 5}, {"size": 4}])
def test_what_cannot_be_computed_is_refused(options):
    with pytest.raises(StavisError):
        LgbpTop(**options)


def test_a_filter_answers_most_to_waves_of_its_own_length_and_direction():
    bank, size = GaborBank(), 64
    y, x = np.mgrid[:size, :size]
    for scale, number in [(0, 0), (1, 0), (1, 3), (2, 3)]:
        length, angle = bank.shortest * bank.step**scale, number * np.pi / bank.orientations
        wave = np.cos(2 * np.pi * (x * np.cos(angle) - y * np.sin(angle)) / length)
        strengths = bank.magnitude(wave[None]).mean((0, 2, 3))
        assert strengths.argmax() == scale * bank.orientations + number
    assert transfer(bank, size, size).shape == (18, size, size)


def test_even_light_leaves_no_answer():
    bank = GaborBank()
    assert bank.magnitude(np.full((1, 32, 32), 0.7)).max() < 1e-5
    picture = np.random.default_rng(0).random((1, 32, 32))
    assert bank.magnitude(picture + 3) == pytest.approx(bank.magnitude(picture), abs=1e-4)
    with pytest.raises(StavisError, match="grey frames"):
        bank.magnitude(np.zeros((3, 3)))
