"""Local binary patterns against scikit-image, and against its rule written out pixel by pixel."""

from math import ceil, cos, floor, pi, sin

import numpy as np
import pytest
import torch

from stavis.bench.descriptors.lbp import BINS, lbp_codes
from stavis.errors import StavisError


def slow_codes(picture: np.ndarray) -> np.ndarray:
    """The codes of `local_binary_pattern(picture, 8, 1, "nri_uniform")`, one pixel at a time: runs of neighbours as bright as the pixel."""
    height, width = picture.shape

    def value(y: int, x: int) -> float:
        return float(picture[y, x]) if 0 <= y < height and 0 <= x < width else 0.0

    def between(y: float, x: float) -> float:
        part, beside = y - floor(y), x - floor(x)
        upper = (1 - beside) * value(floor(y), floor(x)) + beside * value(floor(y), ceil(x))
        lower = (1 - beside) * value(ceil(y), floor(x)) + beside * value(ceil(y), ceil(x))
        return (1 - part) * upper + part * lower

    codes = np.zeros(picture.shape, int)
    for y, x in np.ndindex(height, width):
        circle = [(y + round(-sin(2 * pi * k / 8), 5), x + round(cos(2 * pi * k / 8), 5)) for k in range(8)]
        bits = [int(between(*place) >= picture[y, x]) for place in circle]
        ones = sum(bits)
        if sum(bits[k] != bits[k + 1] for k in range(7)) > 2:
            codes[y, x] = 58
        elif ones in (0, 8):
            codes[y, x] = 57 if ones else 0
        else:
            turns = ones - bits.index(0) if bits[0] else 8 - bits.index(1)
            codes[y, x] = 1 + (ones - 1) * 8 + turns
    return codes


PICTURES = {
    "noise": np.random.default_rng(0).random((24, 31)),
    "few levels": np.random.default_rng(1).integers(0, 3, (24, 31)).astype(float),
    "flat": np.full((9, 9), 0.3),
    "ramp": np.add.outer(np.arange(12.0), np.arange(15.0)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_codes_follow_the_rule_pixel_by_pixel(name):
    assert np.array_equal(lbp_codes(PICTURES[name]).numpy(), slow_codes(PICTURES[name]))


@pytest.mark.parametrize("name", PICTURES)
def test_codes_equal_scikit_images(name):
    feature = pytest.importorskip("skimage.feature")
    expected = feature.local_binary_pattern(PICTURES[name], 8, 1, "nri_uniform")
    assert np.array_equal(lbp_codes(PICTURES[name]).numpy(), expected)


def test_every_one_of_59_codes_comes_and_no_other():
    codes = lbp_codes(np.random.default_rng(2).random((400, 400)))
    assert np.array_equal(np.unique(codes), np.arange(BINS)) and codes.dtype == torch.uint8


def test_pictures_in_a_batch_do_not_touch_each_other():
    pictures = np.random.default_rng(3).random((2, 3, 10, 12))
    codes = lbp_codes(pictures)
    assert codes.shape == pictures.shape
    assert all(torch.equal(codes[k], lbp_codes(pictures[k])) for k in np.ndindex(2, 3))


def test_codes_hang_on_order_alone():
    picture = np.random.default_rng(4).random((20, 20)) + 1
    assert torch.equal(lbp_codes(picture), lbp_codes(3 * picture))
    inner = (slice(1, -1), slice(1, -1))
    assert torch.equal(lbp_codes(picture)[inner], lbp_codes(picture + 7)[inner])


def test_whole_numbers_are_taken_and_a_row_is_refused():
    picture = np.random.default_rng(5).integers(0, 256, (8, 8), dtype=np.uint8)
    assert torch.equal(lbp_codes(picture), lbp_codes(picture.astype(float)))
    with pytest.raises(StavisError, match="pictures"):
        lbp_codes(np.zeros(5))
