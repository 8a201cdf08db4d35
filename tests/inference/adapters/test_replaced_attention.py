"""The attention of every family can be replaced by maps: its own changes nothing, another is what is then read, and nothing stays."""

import warnings

import pytest
import torch

import stavis
from stavis.attention.hooks import inject_attention, record_attention
from stavis.tensors import as_input
from tests.attribution.networks import nothing_left
from tests.inference.adapters.families import ATTENDING, FAMILIES, FRAMES


def opened(name: str, **more):
    make, options = FAMILIES[name]
    torch.manual_seed(0)
    network = make().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return network, stavis.load(network, device="cpu", **(options | more))


def other_maps(like: torch.Tensor) -> torch.Tensor:
    scores = 2 * torch.randn(like.shape, generator=torch.Generator().manual_seed(5))
    return scores.flatten(2).softmax(2).view_as(like)


@pytest.mark.parametrize("more", [{}, {"layer": 0}, {"head": 1}], ids=["last layer", "first layer", "one head"])
@pytest.mark.parametrize("name", ATTENDING)
def test_its_own_map_changes_nothing_and_another_is_what_is_read(name, more):
    if name == "own map":
        more = {}
    network, net = opened(name, **more)
    model, options, frames = net.differentiable(), net.network.attention_options, as_input(FRAMES)
    with torch.no_grad():
        own = model(frames)
        with record_attention(model, **options) as recorder:
            model(frames)
        with inject_attention(model, recorder.weights, **options):
            torch.testing.assert_close(model(frames), own, rtol=0, atol=1e-6)
        other = other_maps(recorder.weights)
        if name in ("VideoMAE", "ViViT", "mvit"):  # two frames are one token in time
            other = other.unflatten(1, (2, 2)).mean(2).repeat_interleave(2, 1)
        with inject_attention(model, other, **options), record_attention(model, **options) as read:
            changed = model(frames)
    unread = name == "CLIP" and more != {"layer": 0}  # its classifier reads the patches, so that the last class token changes nothing
    assert torch.allclose(changed, own, rtol=0, atol=1e-6) == unread
    if name != "own map":  # a module whose output is the map: what is recorded is what it gave itself
        torch.testing.assert_close(read.weights, other, rtol=1e-3, atol=1e-5)
    assert nothing_left(network)


@pytest.mark.parametrize("length", [3, 6, 9])
@pytest.mark.parametrize("name", ["VideoMAE", "TimeSformer"])
def test_clips_of_another_length_than_the_networks_are_filled_up_and_cut(name, length):
    network, net = opened(name)
    model, options = net.differentiable(), net.network.attention_options
    frames = torch.rand(2, length, 3, 32, 32, generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        own = model(frames)
        with record_attention(model, **options) as recorder:
            model(frames)
        assert recorder.weights.shape == (2, length, 4, 4)
        with inject_attention(model, recorder.weights, **options):
            torch.testing.assert_close(model(frames), own, rtol=0, atol=1e-5)
        with inject_attention(model, other_maps(recorder.weights)[:1], **options):
            assert not torch.allclose(model(frames), own, rtol=0, atol=1e-6)
    assert nothing_left(network)
