"""Crops averaged once are what the network makes of them in every step, and are made only where that holds and there is room."""

import dataclasses

import numpy as np
import pytest
import torch

from stavis.models.sta import STA
from stavis.training import at_size
from stavis.training.at_size import as_frames, in_memory
from stavis.training.config import TrainingConfig
from stavis.training.fit import fit
from stavis.training.windows import RandomWindows
from tests.training.made_crops import TINY, made_crops

SMALLER = dataclasses.replace(TINY, vision=16)


def network(config=SMALLER) -> STA:
    torch.manual_seed(0)
    return STA(config)


@pytest.mark.parametrize("size", [16, 21, 28, 32])
def test_windows_of_averaged_crops_are_the_averages_of_the_windows(size):
    crops, model = made_crops(3, size=size), network()
    plain, small = (
        RandomWindows(each, 12, 16, seed=5, jitter=None, rate=6.25)
        for each in (in_memory(crops, model, changed=True), in_memory(crops, model, changed=False))
    )
    for one, other in zip((plain[k] for k in range(16)), (small[k] for k in range(16)), strict=True):
        seen = model.vision.at_size(as_frames(one.frames)[None])[0]
        assert torch.allclose(as_frames(other.frames), seen, rtol=0, atol=1e-6)
        assert torch.equal(one.labels, other.labels) and torch.equal(one.mask, other.mask)
        assert model.vision.at_size(other.frames) is other.frames


def test_pixels_that_are_to_be_changed_stay_as_they_are():
    crops = made_crops(2)
    for one, other in zip(crops, in_memory(crops, network(), changed=True), strict=True):
        assert other.frames.dtype == np.uint8 and np.array_equal(one.frames, other.frames)


@pytest.mark.parametrize("model", [network(dataclasses.replace(TINY, vision=None)), torch.nn.Identity()], ids=["own size", "no vision"])
def test_a_network_that_averages_nothing_gets_the_crops_themselves(model):
    assert all(one.frames.dtype == np.uint8 for one in in_memory(made_crops(2), model, changed=False))


def test_without_room_the_crops_stay_where_they_are(monkeypatch):
    crops = made_crops(2)
    whole, small = sum(one.frames.nbytes for one in crops), 2 * 40 * 16 * 16 * 3 * 4
    assert small > whole / 2  # floats at half the side: as many bytes as the crops
    monkeypatch.setattr(at_size, "_physical_memory", lambda: 8 * (small - 1))
    assert all(one is other for one, other in zip(crops, in_memory(crops, network(), changed=False), strict=True))
    monkeypatch.setattr(at_size, "_physical_memory", lambda: 8 * small)
    assert all(one.frames.dtype == np.float32 for one in in_memory(crops, network(), changed=False))


@pytest.mark.parametrize("augment", [0.0, 0.5])
def test_training_is_the_same_as_with_crops_averaged_in_every_step(augment, monkeypatch, tmp_path):
    plan = TrainingConfig(steps=3, batch=4, seconds=1.0, epoch=3, augment=augment, precision="32-true")
    weights = []
    for name in ("once", "each"):
        if name == "each":
            monkeypatch.setattr(at_size, "_averaging", lambda _: None)
        fit(made_crops(2), [], tmp_path / name, config=SMALLER, training=plan, device="cpu", quiet=True)
        found = torch.load(tmp_path / name / "resume.ckpt", weights_only=True)["state_dict"]
        del found["network.decoder.score.bias"]  # a softmax takes no notice of it: what moves it is rounding
        weights.append({key: value.double() for key, value in found.items()})
    for key, value in weights[0].items():
        assert torch.allclose(value, weights[1][key], rtol=1e-3, atol=1e-4), key
