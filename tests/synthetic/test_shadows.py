"""Soft shadows: they darken the region they lie on, leave the rest as it is, and follow the head."""

import numpy as np
import pytest

from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.recording import render
from stavis.synthetic.shadows import DEPTH, shadowed

POINTS = render(SyntheticConfig(recordings=1, seconds=0.2, size=(128, 128)), 0).truth.landmarks[0]
GREY = np.full((128, 128, 3), 200, np.uint8)


def middle_of(image: np.ndarray, points: np.ndarray, pair: tuple[int, ...]) -> float:
    x, y = points[list(pair)].mean(0).round().astype(int)
    return float(image[y, x].mean())


def test_no_shadow_changes_nothing_and_the_input_stays_as_it_is():
    assert shadowed(GREY, POINTS, 0.0, 0.0) is GREY
    shadowed(GREY, POINTS, 1.0, 1.0)
    assert (GREY == 200).all()


@pytest.mark.parametrize("region", ["mouth", "eyes"])
def test_a_shadow_darkens_its_region_by_its_depth_and_no_corner(region):
    image = shadowed(GREY, POINTS, float(region == "mouth"), float(region == "eyes"))
    assert np.isclose(image.min(), 200 * (1 - DEPTH), atol=2)
    assert all((image[y, x] == 200).all() for y in (0, -1) for x in (0, -1))
    rows = np.flatnonzero((image < 190).any((1, 2)))
    eyes, chin = 0.4 * 128, 0.75 * 128
    assert abs(rows.mean() - (chin if region == "mouth" else eyes)) < 20


def test_a_deeper_shadow_is_darker_everywhere():
    weak, strong = (shadowed(GREY, POINTS, amount, amount).astype(int) for amount in (0.3, 0.8))
    assert (strong <= weak).all() and strong.sum() < weak.sum()


def test_a_shadow_beyond_the_image_is_cut_off():
    assert np.array_equal(shadowed(GREY, POINTS + 1000, 1.0, 1.0), GREY)
    assert shadowed(GREY, POINTS - (0, 60), 1.0, 1.0).shape == GREY.shape


def test_in_places_the_region_that_does_not_count_is_rendered_darker():
    spec = SyntheticConfig(scenarios="places", recordings=4, seconds=6, fps=6.25)
    darker = []
    for index in range(4):
        recording = render(spec, index)
        plain = render(SyntheticConfig(scenarios="switching", recordings=4, seconds=6, fps=6.25), index)
        assert np.array_equal(recording.truth.mouth_cue, plain.truth.mouth_cue), "the same turns, told otherwise"
        cue = recording.truth.mouth_cue
        for frame, image in enumerate(recording.frames()):
            if cue[frame] in (0.0, 1.0):
                y, x = recording.truth.landmarks[frame][:, 1], recording.truth.landmarks[frame][:, 0]
                top, bottom = int(y.min()), int(y.max())
                part = image[max(top, 0) : bottom, int(max(x.min(), 0)) : int(x.max())].mean((1, 2))
                upper, lower = part[: len(part) // 2].mean(), part[len(part) // 2 :].mean()
                darker.append((cue[frame], upper - lower))
    cue, difference = np.array(darker).T
    assert difference[cue == 1].mean() < difference[cue == 0].mean() - 10
