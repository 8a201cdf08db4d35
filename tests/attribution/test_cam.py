"""Grad-CAM reads the last convolution that has places and reaches the target, and says which where others ran after it."""

import numpy as np
import pytest
import torch
from torch import nn

import stavis
from stavis.attribution.methods import grad_cam, guided_grad_cam
from stavis.errors import StavisError
from stavis.types import Target
from tests.attribution.networks import make_clip

CLIP = make_clip(frames=4)
METHODS = pytest.mark.parametrize("method", [grad_cam, guided_grad_cam], ids=lambda method: method.label)


class Base(nn.Module):
    """A convolution, a ReLU and a pooling, and then a head of one of several kinds."""

    dimensions = ("valence",)

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.out = nn.Conv2d(3, 6, 3, padding=1), nn.Linear(6, 1)
        self.head, self.squeeze, self.excite = nn.Conv2d(6, 1, 1), nn.Conv2d(6, 3, 1), nn.Conv2d(3, 6, 1)

    def features(self, frames):
        return self.body(frames.flatten(0, 1)).relu()

    def forward(self, frames):
        return self.out(self.features(frames).mean((2, 3))).unflatten(0, frames.shape[:2])


class Classifier(Base):
    def forward(self, frames):
        return self.head(self.features(frames).mean((2, 3), keepdim=True)).flatten(1).unflatten(0, frames.shape[:2])


class Excited(Base):
    def features(self, frames):
        x = super().features(frames)
        return x * self.excite(self.squeeze(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


class Auxiliary(Base):
    def forward(self, frames):
        x = self.features(frames)
        self.masks = self.head(x)
        return self.out(x.mean((2, 3))).unflatten(0, frames.shape[:2])


class TwoHeads(Base):
    dimensions = ("valence", "arousal")

    def forward(self, frames):
        x = self.features(frames)
        other = self.head(x).mean((2, 3))
        return torch.cat([self.out(x.mean((2, 3))), other], 1).unflatten(0, frames.shape[:2])


@METHODS
@pytest.mark.parametrize("network", [Classifier, Excited, TwoHeads], ids=lambda network: network.__name__)
def test_layers_without_places_or_of_another_output_are_passed_over(network, method):
    found = method(network(), CLIP, Target("valence"))
    np.testing.assert_array_equal(found.values, method(network(), CLIP, Target("valence"), layer="body").values)
    assert (found.values.std((1, 2)) > 1e-3 * np.abs(found.values).max()).all()
    assert found.notes[0].startswith("Grad-CAM reads the layer body: convolutions after it")


@METHODS
def test_an_auxiliary_head_that_no_value_is_made_of_is_passed_over(method):
    found = method(Auxiliary(), CLIP)
    np.testing.assert_array_equal(found.values, method(Base(), CLIP).values)
    assert found.values.any() and len(found.notes) == 1 and method(Base(), CLIP).notes == ()


def test_the_head_of_the_output_that_is_asked_for_is_read():
    found = grad_cam(TwoHeads(), CLIP, Target("arousal"))
    assert found.values.any() and found.notes == ()


def test_a_dictionary_with_masks_beside_its_values_has_the_map_of_its_values(tmp_path, monkeypatch):
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path))

    class Segments(Base):
        def forward(self, frames):
            x = self.features(frames)
            return {"logits": self.out(x.mean((2, 3))).unflatten(0, frames.shape[:2]), "seg": self.head(x)}

    options = {"size": 32, "rate": 10, "seconds": 0.4, "region": "frame", "framing": "resize", "device": "cpu"}
    with pytest.warns(UserWarning):
        found = stavis.load(Segments(), **options).explain(CLIP.frames, methods=("grad-cam",)).attributions["Grad-CAM"]
    assert found.values.any() and found.notes[0].startswith("Grad-CAM reads the layer body:")


@METHODS
def test_where_no_layer_is_left_or_the_one_given_will_not_do_one_sentence_says_so(method):
    class Alone(Base):
        def __init__(self):
            super().__init__()
            self.body = nn.Conv2d(3, 6, 3)

        def features(self, frames):
            return self.body(nn.functional.adaptive_avg_pool2d(frames.flatten(0, 1), 3))

    left = r"^Grad-CAM found no layer whose features are a map of the frames, of more than one cell, and reach the target: give layer=.*\.$"
    for model, options in ((Alone(), {}), (Auxiliary(), {"layer": "head"}), (Classifier(), {"layer": "head"})):
        with pytest.raises(StavisError, match=left):
            method(model, CLIP, **options)


def test_a_gradient_of_0_everywhere_is_said():
    model = Base()
    model.out.weight.data.zero_()
    found = grad_cam(model, CLIP)
    assert not found.values.any() and "gradient is 0" in found.notes[0]


class OfBothSides(nn.Module):
    """The mean over a video and its mirror image, read in steps of two frames: as many steps in all as frames."""

    dimensions = ("valence",)

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.out = nn.Conv3d(3, 6, (2, 3, 3), stride=(2, 1, 1), padding=(0, 1, 1)), nn.Linear(6, 1)

    def forward(self, frames):
        sides = [self.body(one.transpose(1, 2)).relu().mean((3, 4)) for one in (frames, frames.flip(-1))]
        return self.out((sides[0] + sides[1]).transpose(1, 2).repeat_interleave(2, 1))


def test_a_layer_of_a_3d_network_that_runs_twice_is_said():
    assert any("ran 2 times: its maps are taken for parts of the clip" in note for note in grad_cam(OfBothSides(), CLIP).notes)
