"""Results that are kept are those of the network as it is now."""

import functools

import pytest
import torch
from torch import nn
from torch.nn import functional

import stavis
from stavis.inference.reading_cache import content_of

OPTIONS = {"size": 32, "rate": 12.5, "seconds": 0.8, "device": "cpu", "region": "frame", "outputs": ("valence",)}


pytestmark = pytest.mark.usefixtures("quiet")


class Brightness(nn.Module):
    def __init__(self, act=torch.sigmoid):
        super().__init__()
        self.scale, self.act = nn.Parameter(torch.ones(1)), act

    def forward(self, frames):
        return self.act(self.scale * frames.mean((2, 3, 4)))[..., None]


@pytest.fixture
def video(drawn):
    return sorted(drawn.rglob("*.mp4"))[0]


def first(net, video) -> tuple[float, float]:
    """Its first value as it is read from the file, and as the network gives it for the same crops now."""
    frames = net.crops(video).frames
    return net.read(video).values[0, 0], net.read(frames, times=net.crops(video).times).values[0, 0]


def test_a_network_that_was_trained_on_is_read_anew(video):
    net = stavis.load(Brightness(), **OPTIONS)
    before = first(net, video)
    saliency = net.explain(video, methods=("saliency",)).attributions["Saliency"].values
    was = net.provenance()["weights sha256"]
    with torch.no_grad():
        net.model.scale *= -1
    after = first(net, video)
    assert before[0] == before[1] != after[0] == after[1]
    assert net.provenance()["weights sha256"] != was == net.hash
    assert (net.explain(video, methods=("saliency",)).attributions["Saliency"].values != saliency).any()


def test_a_shipped_network_that_was_changed_is_read_anew(video):
    net = stavis.load("sta-synthetic", device="cpu")
    before = net.read(video).values
    was = net.provenance()["weights sha256"]
    with torch.no_grad():
        next(net.model.parameters()).mul_(0.5)
    assert (net.read(video).values != before).any() and net.provenance()["weights sha256"] != was


def scaled(network, frames, by):
    return network(by * frames)


@pytest.mark.parametrize(
    "one, two",
    [
        (
            {"forward": functools.partial(scaled, by=1)},
            {"forward": functools.partial(scaled, by=2)},
        ),
        ({"forward": lambda m, x: m(x)}, {"forward": lambda m, x: m(2 * x)}),
    ],
    ids=["partial", "lambda"],
)
def test_another_forward_is_another_network(video, one, two):
    one, two = (first(stavis.load(Brightness(), **OPTIONS, **each), video) for each in (one, two))
    assert one[0] == one[1] != two[0] == two[1]


def test_functions_in_a_network_are_of_it(video):
    one, two = (first(stavis.load(Brightness(act), **OPTIONS), video) for act in (functional.relu, torch.tanh))
    assert one[0] == one[1] != two[0] == two[1]


def test_what_cannot_be_told_apart_is_not_kept(video):
    network = Brightness()
    network.draws = torch.Generator()  # no content that could be compared
    net = stavis.load(network, **OPTIONS)
    before = first(net, video)
    with torch.no_grad():
        network.scale *= -1
    after = first(net, video)
    assert content_of(net) is None and before[0] == before[1] != after[0] == after[1]
