"""The mean of networks' weights is a network, and the mean of one is that one."""

import dataclasses
from pathlib import Path

import pytest
import torch

from stavis.errors import StavisError
from stavis.models.checkpoint import Checkpoint
from stavis.models.systems import SYSTEMS
from stavis.training.averaging import averaged
from tests.training.made_crops import TINY


def _made(seed, config=TINY, system="sta"):
    torch.manual_seed(seed)
    return Checkpoint(SYSTEMS[system].network(config).eval(), system, folder=Path(f"made{seed}"), info={})


def test_weights_and_statistics_are_the_mean_and_the_networks_stay_what_they_were():
    first, second = _made(0), _made(1)
    second.model.stem.layers[0][1].running_mean.fill_(3.0)
    second.model.stem.layers[0][1].num_batches_tracked.fill_(7)
    before = {name: tensor.clone() for name, tensor in second.model.state_dict().items()}
    mean = averaged([first, second])
    for name, tensor in mean.state_dict().items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, (first.model.state_dict()[name] + before[name]) / 2, atol=1e-6), name
        assert torch.equal(second.model.state_dict()[name], before[name]), name
    assert mean.stem.layers[0][1].num_batches_tracked == 7 and not mean.training


def test_the_mean_of_one_and_of_equal_networks_says_what_it_says():
    clip = torch.rand(1, 4, 3, 32, 32)
    with torch.no_grad():
        expected = _made(0).model(clip)
        for copies in (1, 3):
            assert torch.allclose(averaged([_made(0)] * copies)(clip), expected, atol=1e-6)


def test_weights_tell_how_much_each_counts_in_the_average():
    first, second = _made(0), _made(1)
    mean = averaged([first, second], (0.75, 0.25)).state_dict()
    a, b = first.model.state_dict(), second.model.state_dict()
    assert all(torch.allclose(mean[name], 0.75 * a[name] + 0.25 * b[name], atol=1e-6) for name in mean if a[name].is_floating_point())
    for weights in ((0.5,), (0.5, 0.4)):
        with pytest.raises(StavisError, match="give one each"):
            averaged([first, second], weights)


def test_what_has_no_mean_is_refused():
    with pytest.raises(StavisError, match="differ in system or config"):
        averaged([_made(0), _made(1, dataclasses.replace(TINY, hidden=9))])
    with pytest.raises(StavisError, match="differ in system or config"):
        averaged([_made(0), _made(1, system="cnn3d")])
    with pytest.raises(StavisError, match="no network to average"):
        averaged([])
