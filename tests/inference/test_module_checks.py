"""What is wrong with a network that is handed in is one sentence: what, where, what to do. What is only odd is a note."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import stavis
from stavis.errors import StavisError
from stavis.inference.adapters.families import Family
from stavis.inference.module_checks import own_normalisation
from tests.inference.adapters.families import FRAMES, TIMES, OwnMap, Recurrent, Volume, videomae

OPTIONS = {"size": 32, "rate": 5.0, "device": "cpu"}
MAP = {"attention": "weights", "layout": "(b t) 1 (h w)"}


pytestmark = pytest.mark.usefixtures("quiet")


class Brightness(nn.Module):
    """The mean of each frame, after whatever a test does to it."""

    def __init__(self, then=lambda x: x):
        super().__init__()
        self.then, self.scale = then, nn.Parameter(torch.ones(1))

    def forward(self, frames):
        return self.then(self.scale * frames.mean((2, 3, 4)))[..., None]


class Looped(nn.Module):
    """An image network that looks at the first `seen` frames of a clip only, one after another."""

    def __init__(self, seen: int):
        super().__init__()
        self.seen, self.look, self.head = seen, nn.Softmax(1), nn.Linear(3, 1)

    def forward(self, frames):
        for frame in frames.unbind(1)[: self.seen]:
            self.look(frame.mean(1).flatten(1))
        return self.head(frames.mean((3, 4)))


class Remembering(nn.Module):
    """An LSTM whose state is not reset."""

    def __init__(self):
        super().__init__()
        self.lstm, self.state = nn.LSTM(3, 2, batch_first=True), None

    def forward(self, frames):
        out, self.state = self.lstm(frames.mean((3, 4)), self.state)
        return out


class Scaled(nn.Module):
    """A network that normalises frames itself."""

    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("pixel_mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("pixel_std", torch.tensor(std).view(3, 1, 1))
        self.head = nn.Linear(3, 1)

    def forward(self, frames):
        return self.head(((frames - self.pixel_mean) / self.pixel_std).mean((3, 4)))


class Processor:
    """What an image processor of transformers holds."""

    size = None
    image_mean, image_std = [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]


def unused() -> nn.Module:
    network = OwnMap()
    network.spare = nn.Softmax(2)
    return network


def half_on_meta() -> nn.Module:
    network = Recurrent()
    network.head.to("meta")
    return network


def weights_lost() -> nn.Module:
    network = Recurrent()
    with torch.no_grad():
        network.head.weight.fill_(float("nan"))
    return network


BAD = {
    "a layout that does not fit": (OwnMap, {"attention": "weights", "layout": "b heads (t h w) (t h w)"}, "does not fit"),
    "a layout of another grid": (OwnMap, {"attention": "weights", "layout": "(b t) 1 (h w), h=3"}, "does not fit"),
    "a layout that is none": (OwnMap, {"attention": "weights", "layout": "b [h w"}, "layout"),
    "attention never called": (unused, {"attention": "spare", "layout": "(b t) 1 (h w)"}, "spare of OwnMap was never called: name one"),
    "called for too few frames": (lambda: Looped(7), {"attention": "look", "layout": "b (h w)"}, "ran 7 times .* 7 of 20 frames"),
    "a name of attention that is near": (videomae, {"attention": "videomae.encoder.layer.*.attn"}, "did you mean|choose among"),
    "outputs with NaN": (weights_lost, {}, "not finite numbers: check its weights and normalisation"),
    "outputs with infinity": (lambda: Brightness(lambda x: x / (x * 0)), {}, "not finite"),
    "state between calls": (Remembering, {}, "keeps state between calls; reset it in forward="),
    "dropout left on": (lambda: Brightness(lambda x: functional.dropout(x, 0.5)), {}, r"draws at random in eval mode.*self\.training"),
    "noise": (lambda: Brightness(lambda x: x + torch.randn_like(x)), {}, "draws at random"),
    "weights without values": (lambda: Recurrent().to("meta"), {}, "device meta.: load its weights"),
    "half of it without values": (half_on_meta, {}, "device meta"),
    "normalised by itself and by us": (
        lambda: Scaled([0.5, 0.4, 0.3], [0.2, 0.2, 0.2]),
        {"normalise": ((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))},
        r"normalises frames itself \(pixel_mean\) by the values that are given: leave out normalise=",
    ),
    "normalised by itself, from 0 to 255, and by a processor": (
        lambda: Scaled([127.5] * 3, [63.75] * 3),
        {"processor": Processor()},
        "normalises frames itself",
    ),
    "normalised twice by options": (Volume, {"normalise": (0.5, 0.5), "processor": Processor()}, "given twice, by normalise= and by proc"),
    "a head that does not exist": (OwnMap, {"outputs": ("valense",)}, "has no head 'valense'.*did you mean valence"),
    "too few names": (Recurrent, {"outputs": ("valence",)}, "gives 2 outputs, named are 1"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_wrong_is_one_sentence(kind):
    make, options, reason = BAD[kind]
    with pytest.raises(StavisError, match=reason) as error:
        stavis.load(make(), **{**OPTIONS, **options})
    text = str(error.value)
    assert "\n" not in text and text.endswith((".", ")", "?")) and ": " in text and "Traceback" not in text


def test_a_class_that_does_not_exist_has_near_names_offered_wherever_it_is_asked_for(drawn):
    net = stavis.load(videomae(), rate=5.0, device="cpu")
    for ask in (lambda: net.explain(FRAMES, target="smyle"), lambda: net.verdict(drawn, dimension="smyle", quiet=True)):
        with pytest.raises(StavisError, match="has no output 'smyle': did you mean smile"):
            ask()


def test_attention_of_every_second_frame_is_shown_for_two_and_noted():
    class Coarse(Looped):
        def forward(self, frames):
            return super().forward(frames[:, ::2]).repeat_interleave(2, 1)

    net = stavis.load(Coarse(99), attention="look", layout="b (h w)", seconds=0.8, **OPTIONS)
    assert any("each is shown for 2 frames" in note for note in net.notes)


@pytest.mark.parametrize("around", [nn.DataParallel, torch.compile])
def test_what_is_wrapped_is_unwrapped_with_a_note(around):
    network = Recurrent().eval()
    net = stavis.load(around(network), **OPTIONS)
    assert net.model is network and any("is read without the" in note for note in net.notes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_network_is_read_in_its_own_precision(dtype):
    torch.manual_seed(0)
    network = Volume().eval()
    options = {**OPTIONS, "frames": 4, "outputs": ("a", "b", "c")}
    exact = stavis.load(copy.deepcopy(network), **options).read(FRAMES, times=TIMES).values
    net = stavis.load(network.to(dtype), **options)
    assert net.read(FRAMES, times=TIMES).values == pytest.approx(exact, abs=0.02)
    assert next(network.parameters()).dtype is dtype
    assert any("only as exact" in note for note in net.notes) == (dtype is not torch.float64)
    found = net.explain(FRAMES, methods=("saliency",), target="a").attributions["Saliency"]
    assert np.isfinite(found.values).all() and np.abs(found.values).max() > 0


def test_dropout_is_off_while_a_network_is_read_and_on_after():
    network = nn.Sequential(Brightness(), nn.Dropout(0.5)).train()
    net = stavis.load(network, outputs=("v",), **OPTIONS)
    values = net.read(FRAMES, times=TIMES).values[:, 0]
    assert values == pytest.approx(FRAMES.mean((1, 2, 3)) / 255, abs=1e-6)
    assert network[1].training and any("dropout off" in note for note in net.notes)


def test_a_network_with_a_normalisation_of_its_own_is_noted_only_where_there_is_a_second():
    network = Scaled([0.5, 0.4, 0.3], [0.2, 0.2, 0.2])
    mean, std, path = own_normalisation(nn.Sequential(network))
    assert path == "0.pixel_mean" and mean == pytest.approx([0.5, 0.4, 0.3]) and std == pytest.approx([0.2] * 3)
    assert not any("of its own" in note for note in stavis.load(network, **OPTIONS).notes)
    assert any("of its own (pixel_mean)" in note for note in stavis.load(network, normalise=(0.1, 0.9), **OPTIONS).notes)
    assert own_normalisation(videomae()) is None and own_normalisation(nn.Sequential(nn.BatchNorm2d(3))) is None


def test_of_an_adapter_and_an_option_the_option_normalises_once():
    family = Family(normalise=((0.5,) * 3, (0.25,) * 3))
    net = stavis.load(Brightness(), adapter=lambda model: family, normalise=(0.1, 0.9), **OPTIONS)
    assert net.read(FRAMES, times=TIMES).values[:, 0] == pytest.approx((FRAMES.mean((1, 2, 3)) / 255 - 0.1) / 0.9, abs=1e-5)
    assert any("in place of the one that is known of Brightness" in note for note in net.notes)
    same = stavis.load(Brightness(), adapter=lambda model: family, normalise=(0.5, 0.25), **OPTIONS)
    assert not any("in place of" in note for note in same.notes)


def test_a_video_that_makes_a_network_give_nan_is_one_sentence():
    net = stavis.load(Brightness(lambda x: x / (x > 0.3)), **OPTIONS)
    with pytest.raises(StavisError, match="not finite"):
        net.read(np.zeros_like(FRAMES), times=TIMES)
