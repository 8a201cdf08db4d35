"""Crops as people see them: more pixels, the same alignment, the crops themselves where the source is gone."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from stavis.data.crops.crops import CropConfig, crops_of
from stavis.data.crops.shown import ShownFrames, shown_side
from stavis.data.video.io import write_video


@pytest.fixture
def crops(tmp_path):
    """Ten frames of 200 x 200 px in which a smooth pattern moves, as centred crops of 40 px."""
    y, x = np.mgrid[0:200, 0:200] / 200
    frames = [np.stack([127 + 120 * np.sin(9 * x + k / 3), 127 + 120 * np.cos(7 * y), 60 + 0 * x], -1) for k in range(10)]
    path = write_video(tmp_path / "video.mp4", np.array(frames).astype(np.uint8), fps=10)
    return crops_of(path, CropConfig(size=40, rate=None, source="centre"))


def test_no_pixel_is_made_up_beyond_the_source(crops):
    assert shown_side(crops) == 200 and shown_side(crops, 120) == 120 and shown_side(crops, 20) == 40


def test_larger_ones_lie_where_the_crops_lie(crops):
    shown = ShownFrames.of(crops, slice(2, 9), 160)
    assert shown.shape == (7, 160, 160, 3) == shown[:].shape and len(list(shown)) == 7
    for one, crop in zip(shown, crops.frames[2:9], strict=True):
        again = cv2.resize(one, (40, 40), interpolation=cv2.INTER_AREA)
        assert np.abs(again.astype(float) - crop).mean() < 2


def test_a_slice_is_that_of_the_whole(crops):
    shown = ShownFrames.of(crops, slice(1, 8), 100)
    assert (shown[2:5] == shown[:][2:5]).all() and len(shown[3:3]) == 0


@pytest.mark.parametrize("side", [40, 160])
def test_whoever_wants_to_see_the_whole_images_is_shown_each_once(crops, side):
    seen = {}
    shown = replace(ShownFrames.of(crops, slice(3, 8), side), seen=lambda row, image: seen.setdefault(row, image.copy()))
    assert len(list(shown)) == 5 and list(seen) == [0, 1, 2, 3, 4]
    for row, image in seen.items():
        small = cv2.resize(image, (40, 40), interpolation=cv2.INTER_AREA)
        assert image.shape == (200, 200, 3) and np.abs(small.astype(float) - crops.frames[3 + row]).mean() < 2


def test_where_the_video_is_gone_the_crops_are_shown(crops):
    shown = ShownFrames.of(crops, slice(0, 4), 80)
    crops.video.unlink()
    assert (shown[:] == crops.frames[:4].repeat(2, 1).repeat(2, 2)).all()
