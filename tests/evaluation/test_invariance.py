"""How far predictions move under changes that are none of the face: laws on networks that read one thing of a crop."""

from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from stavis.errors import StavisError
from stavis.evaluation.invariance import CHANGES, COLUMNS, compressed, invariance, mirrored, moved, with_gamma
from stavis.inference.predictor import VideoReader
from tests.training.made_crops import made_crops

SIZE = 57  # its centre is a pixel, the shift 2.04 px
SETTINGS = {"size": SIZE, "rate": 12.5, "seconds": 0.8, "outputs": ("valence",)}
MIDDLE = SIZE // 2


class Reads(nn.Module):
    """The value of each frame that a function of its crops (B,T,3,S,S) in [0,1] gives."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, frames):
        return self.function(frames).unsqueeze(2)


def reader(function, **settings) -> VideoReader:
    return VideoReader.load(Reads(function), device="cpu", **SETTINGS | settings)


def ramp(frames: int = 12, slope: float = 4.0):
    """Crops that grow brighter to the right by `slope` levels a pixel."""
    image = np.repeat((20 + slope * np.arange(SIZE))[None, :, None], SIZE, 0).repeat(3, 2)
    (crops,) = made_crops(1, frames=frames, size=SIZE)
    return replace(crops, frames=np.repeat(np.rint(image).astype(np.uint8)[None], frames, 0))


@pytest.mark.filterwarnings("ignore::stavis.errors.StavisWarning")
class TestLaws:
    def test_what_does_not_look_at_the_image_never_moves(self):
        found = invariance(reader(lambda frames: frames.mean((2, 3, 4)) * 0 + 0.3), made_crops(1, size=SIZE)[0])
        assert tuple(found) == COLUMNS and set(found.values()) == {0.0}

    def test_a_mirrored_difference_of_sides_turns_its_sign(self):
        crops = ramp()
        sides = reader(lambda frames: frames[..., MIDDLE + 1 :].mean((2, 3, 4)) - frames[..., :MIDDLE].mean((2, 3, 4)))
        value = sides.read_crops(crops).values[0, 0]
        found = invariance(sides, crops)
        assert value > 0.2 and found["rms_mirror"] == pytest.approx(2 * value, rel=1e-6)
        assert invariance(sides.mirrored(), crops)["rms_mirror"] == pytest.approx(0, abs=1e-6), "the mirrored mean has no side"

    def test_one_pixel_of_a_ramp_moves_by_the_shift_and_not_by_the_zoom(self):
        slope = 4.0
        found = invariance(reader(lambda frames: frames[..., MIDDLE, MIDDLE].mean(2)), ramp(slope=slope))
        shift = slope * 4 / 112 * SIZE / 255  # in two of the four directions
        assert found["rms_shift"] == pytest.approx(shift / np.sqrt(2), rel=0.03)
        assert found["rms_zoom"] == pytest.approx(0, abs=1 / 255) and found["rms_mirror"] == pytest.approx(0, abs=1e-6)

    def test_a_pixel_off_the_centre_moves_by_the_zoom(self):
        away, slope = 20, 4.0
        found = invariance(reader(lambda frames: frames[..., MIDDLE, MIDDLE + away].mean(2)), ramp(slope=slope))
        steps = [slope * away * (1 / zoom - 1) / 255 for zoom in (1.08, 0.92)]
        assert found["rms_zoom"] == pytest.approx(np.sqrt(np.mean(np.square(steps))), rel=0.03)

    def test_gamma_moves_brightness_as_the_power_does(self):
        (crops,) = made_crops(1, size=SIZE)
        grey = replace(crops, frames=np.full_like(crops.frames, 128))
        found = invariance(reader(lambda frames: frames.mean((2, 3, 4))), grey)
        steps = [(128 / 255) ** gamma - 128 / 255 for gamma in (0.7, 1.4)]
        assert found["rms_gamma"] == pytest.approx(np.sqrt(np.mean(np.square(steps))), rel=0.02)
        assert max(found[name] for name in ("rms_mirror", "rms_shift", "rms_zoom", "rms_jpeg")) < 2 / 255

    def test_compression_takes_the_noise_of_an_image(self):
        (noisy,) = made_crops(1, size=SIZE)
        detail = reader(lambda frames: (frames[..., 1:] - frames[..., :-1]).abs().mean((2, 3, 4)))
        assert invariance(detail, noisy)["rms_jpeg"] > 0.01

    def test_frames_without_a_face_do_not_count(self):
        crops, mean = ramp(), reader(lambda frames: frames[..., :MIDDLE].mean((2, 3, 4)))
        half = np.arange(len(crops)) < 6
        black = np.where(half[:, None, None, None], crops.frames, 0)
        whole, lost = invariance(mean, crops), invariance(mean, replace(crops, frames=black, valid=half))
        assert lost == pytest.approx(whole)
        assert all(np.isnan(value) for value in invariance(mean, replace(crops, valid=half & False)).values())
        assert all(np.isnan(value) for value in invariance(mean, []).values())

    def test_several_recordings_count_by_their_frames(self):
        mean = reader(lambda frames: frames[..., :MIDDLE].mean((2, 3, 4)))
        one, two = ramp(frames=6, slope=1.0), ramp(frames=18, slope=4.0)
        calls = []
        found = invariance(mean, [one, two], progress=lambda done, total: calls.append((done, total)))
        alone = [invariance(mean, each) for each in (one, two)]
        for name, value in found.items():
            assert value == pytest.approx(np.sqrt((6 * alone[0][name] ** 2 + 18 * alone[1][name] ** 2) / 24))
        assert calls[-1] == (20, 20) and len(calls) == 20

    def test_the_output_is_chosen_by_its_name(self):
        class Two(nn.Module):
            def forward(self, frames):
                side = frames[..., :MIDDLE].mean((2, 3, 4))
                return nn.functional.pad(side.unsqueeze(2), (1, 0))  # arousal is 0 always

        net = VideoReader.load(Two(), device="cpu", **SETTINGS | {"outputs": ("arousal", "valence")})
        crops = ramp()
        assert invariance(net, crops)["rms_mirror"] > 0.1, "valence, where it is not the first"
        assert set(invariance(net, crops, dimension="arousal").values()) == {0.0}
        with pytest.raises(StavisError, match=r"no output 'valenc'.*valence"):
            invariance(net, crops, dimension="valenc")


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_shape_and_type_and_the_crop_as_it_was(name):
    image = np.random.default_rng(0).integers(0, 256, (33, 33, 3), dtype=np.uint8)
    before = image.copy()
    for change in CHANGES[name]:
        out = change(image)
        assert out.shape == image.shape and out.dtype == np.uint8 and not np.array_equal(out, image)
    assert np.array_equal(image, before)


def test_the_changes_are_the_ones_that_are_named():
    image = np.random.default_rng(1).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    assert np.array_equal(mirrored(mirrored(image)), image)
    assert np.array_equal(moved(image, x=1 / 28)[:, 1:], image[:, :-1]), "to the right"
    assert np.array_equal(moved(image, y=-2 / 28)[:-2], image[2:]), "up"
    assert np.array_equal(moved(image, x=1 / 28)[:, 0], image[:, 0]), "the edge goes on"
    assert (
        np.array_equal(with_gamma(image, 1.0), image)
        and (with_gamma(image, 0.7) >= image).all()
        and (with_gamma(image, 1.4) <= image).all()
    )
    red = np.full((16, 16, 3), (200, 30, 30), np.uint8)
    assert np.abs(compressed(red).astype(int) - red).max() < 6, "colours stay in their order"
