"""Laws of the mirrored mean: a mirrored video has the mirrored reading, whatever the network makes of the two sides."""

import numpy as np
import pytest
import torch
from torch import nn

from stavis.attention.modules import SpatialSoftmax
from stavis.inference.predictor import MIRRORED, VideoReader
from stavis.inference.reading import read
from stavis.inference.reading_cache import ReadingCache
from stavis.models.sta import STA
from tests.training.made_crops import TINY, made_crops


class OneSided(nn.Module):
    """Brightness of what it attends to: cells towards the right edge of the image, the more the brighter they are."""

    dimensions = ("valence",)

    def __init__(self):
        super().__init__()
        self.attend = SpatialSoftmax()

    def forward(self, frames):
        batch, time = frames.shape[:2]
        cells = nn.functional.avg_pool2d(frames.mean(2), 3)
        side = torch.linspace(0, 4, cells.shape[-1])
        weights = self.attend((cells + side).flatten(0, 1).unsqueeze(1)).reshape(batch, time, *cells.shape[-2:])
        return (weights * cells).sum((2, 3)).unsqueeze(2) * 2 - 1


def sided_frames(size: int, frames: int = 9) -> np.ndarray:
    """Noise that is bright on the left side only."""
    rng = np.random.default_rng(size)
    light = np.linspace(230, 20, size) * rng.uniform(0.6, 1, (frames, 1, 1))
    return np.clip(light[..., None] + rng.normal(0, 12, (frames, size, size, 3)), 0, 255).astype(np.uint8)


def networks():
    torch.manual_seed(0)
    return {"STA": STA(TINY), "one-sided": OneSided()}


@pytest.mark.parametrize("size", [32, 33, 45])
@pytest.mark.parametrize("name", ["STA", "one-sided"])
def test_the_mean_reading_of_a_mirrored_video_is_the_mirrored_reading(name, size):
    network, frames = networks()[name], sided_frames(size)
    times = np.arange(len(frames)) / 6.25
    options = {"rate": 6.25, "seconds": 0.8}
    straight = read(network, frames, times, mirror=True, **options)
    flipped = read(network, frames[:, :, ::-1], times, mirror=True, **options)
    assert flipped.prediction.values == pytest.approx(straight.prediction.values, abs=1e-5)
    assert flipped.attention.weights == pytest.approx(straight.attention.weights[:, :, ::-1], abs=1e-5)
    assert straight.attention.weights.sum((1, 2)) == pytest.approx(np.ones(len(frames)), abs=1e-4)
    plain, other = (read(network, each, times, **options) for each in (frames, np.ascontiguousarray(frames[:, :, ::-1])))
    assert np.abs(plain.attention.weights[:, :, ::-1] - other.attention.weights).max() > 1e-5, "one reading alone has a side"
    mean = (plain.prediction.values + other.prediction.values) / 2
    assert straight.prediction.values == pytest.approx(mean, abs=1e-5)


def test_a_one_sided_network_reads_both_sides_alike_in_the_mean():
    frames = np.random.default_rng(1).integers(0, 255, (5, 33, 33, 3), dtype=np.uint8)
    frames = np.concatenate([frames, frames[:, :, ::-1]])  # on the whole no side differs
    times = np.arange(len(frames)) / 6.25

    def left(mirror: bool) -> float:
        weights = read(OneSided(), frames, times, rate=6.25, seconds=1.6, mirror=mirror).attention.weights
        return float(weights[:, :, : weights.shape[2] // 2].sum((1, 2)).mean())

    def right(mirror: bool) -> float:
        weights = read(OneSided(), frames, times, rate=6.25, seconds=1.6, mirror=mirror).attention.weights
        return float(weights[:, :, -(weights.shape[2] // 2) :].sum((1, 2)).mean())

    assert right(False) > 4 * left(False)
    assert right(True) == pytest.approx(left(True), rel=1e-4)


@pytest.mark.filterwarnings("ignore::stavis.StavisWarning")
def test_the_mirrored_mean_is_off_by_default_noted_and_kept_under_its_own_name(tmp_path):
    net = VideoReader.load(OneSided(), device="cpu", size=32, rate=6.25, seconds=0.8)
    crops = made_crops(1, frames=7)[0]
    mean = net.read(crops, mirror=True)
    plain = net.read(crops)
    assert not net.mirror and MIRRORED in mean.notes and MIRRORED not in plain.notes
    assert np.abs(mean.attention.weights - plain.attention.weights).max() > 1e-3
    loaded = VideoReader.load(net, mirror=True)
    assert loaded.mirror and loaded.read(crops).values == pytest.approx(mean.values)
    assert loaded.read(crops, mirror=False).values == pytest.approx(plain.values)
    assert MIRRORED not in loaded.mirrored(False).notes and loaded.mirrored().notes == loaded.notes
    assert "mirror" not in net.provenance() and "mirror image" in loaded.provenance()["mirror"]
    object.__setattr__(crops, "folder", tmp_path)
    keys = {ReadingCache(crops, net.hash, net.network, mirror).key(slice(0, 7)) for mirror in (False, True)}
    assert len(keys) == 2
    assert ReadingCache(crops, net.hash, net.network).key(slice(0, 7)) in keys
