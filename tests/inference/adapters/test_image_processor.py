"""What an image processor of transformers says: frames are given as its own steps make them, and what is not followed is named."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import stavis
from stavis.errors import StavisError
from stavis.inference.adapters.families import Family
from stavis.inference.adapters.image_processor import read_processor
from stavis.inference.module_options import ModuleOptions

FRAMES = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
SQUARE, CROP = {"height": 32, "width": 32}, {"height": 224, "width": 224}


class Processor(SimpleNamespace):
    """An image processor with the steps of transformers' own, for frames that have their size already."""

    def __init__(self, **given):
        held = {"size": SQUARE, "do_rescale": True, "rescale_factor": 1 / 255, "offset": False, "do_normalize": True}
        super().__init__(**(held | {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4]} | given))

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        pixels = frames.astype(np.float64)
        if self.do_rescale:
            pixels = pixels * self.rescale_factor - float(self.offset)
        return (pixels - self.image_mean) / self.image_std if self.do_normalize else pixels


class Colours(nn.Module):
    """The mean of each colour in each frame: what the network was given."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, frames):
        return self.scale * frames.mean((3, 4))


pytestmark = pytest.mark.usefixtures("quiet")


def loaded(processor, **options):
    given = {"rate": 5.0, "outputs": ("r", "g", "b"), "device": "cpu", "region": "frame", **options}
    return stavis.load(Colours(), processor=processor, **given)


def seen(processor) -> np.ndarray:
    return loaded(processor).read(FRAMES).values


@pytest.mark.parametrize(("factor", "offset", "normalised"), product([1 / 255, 1 / 127.5, 0.01], [False, True], [False, True]))
def test_a_network_is_given_the_pixels_of_its_processor(factor, offset, normalised):
    processor = Processor(rescale_factor=factor, offset=offset, do_normalize=normalised)
    assert seen(processor) == pytest.approx(processor(FRAMES).mean((1, 2)), rel=1e-5, abs=1e-5)


def test_frames_that_are_not_rescaled_stay_bytes():
    for bytes_ in (
        Processor(do_rescale=False, do_normalize=False),
        Processor(do_rescale=False, image_mean=[123.0, 116, 103], image_std=[58.0, 57, 57]),
        Processor(do_rescale=False, image_mean=128.0, image_std=64.0),
    ):
        assert seen(bytes_) == pytest.approx(bytes_(FRAMES).mean((1, 2)), rel=1e-5)


def test_a_processor_that_does_not_normalise_keeps_a_familys_own_normalisation_out():
    adapter = lambda model: Family(size=32, normalise=((0.5,) * 3, (0.25,) * 3))  # noqa: E731
    values = loaded(Processor(do_normalize=False), adapter=adapter).read(FRAMES).values
    assert values == pytest.approx(FRAMES.mean((1, 2)) / 255, abs=1e-6)
    assert "normalise" not in read_processor(SimpleNamespace(size=SQUARE))  # says nothing of it


@pytest.mark.parametrize("name", ["VideoMAE", "Vivit"])
def test_the_processors_of_transformers_give_the_same_pixels(name):
    transformers = pytest.importorskip("transformers")
    made = getattr(transformers, f"{name}ImageProcessor", None)
    given = {"size": SQUARE, "crop_size": SQUARE, "do_center_crop": False}
    for more in ({}, {"do_normalize": False}, {"rescale_factor": 1 / 127.5}):
        try:
            processor = made(**given, **more)
            pixels = processor(list(FRAMES), return_tensors="np")["pixel_values"]
        except (ImportError, TypeError):
            pytest.skip("its processors need torchvision or pillow")
        assert seen(processor) == pytest.approx(np.asarray(pixels).reshape(4, 3, -1).mean(2), abs=1e-5)


SIDES = {
    "crop_size without cropping": ({"size": {"height": 64, "width": 64}, "crop_size": CROP, "do_center_crop": False}, 64, "resize"),
    "a crop of the shortest edge": ({"size": {"shortest_edge": 256}, "crop_size": CROP, "do_center_crop": True}, 224, "center_crop:0.875"),
    "all of the shortest edge": ({"size": {"shortest_edge": 224}, "crop_size": CROP, "do_center_crop": True}, 224, "center_crop"),
    "numbers": ({"size": 256, "crop_size": 224, "do_center_crop": True}, 224, "center_crop:0.875"),
    "one number": ({"size": 96, "do_center_crop": False}, 96, "resize"),
    "a crop of squeezed frames": (
        {"size": {"height": 256, "width": 256}, "crop_size": CROP, "do_center_crop": True},
        224,
        "resize:0.875",
    ),
    "a crop of oblong frames": (
        {"size": {"height": 256, "width": 448}, "crop_size": CROP, "do_center_crop": True},
        224,
        "resize:0.5x0.875",
    ),
    "bars": ({"size": {"longest_edge": 128}, "do_pad": True}, 128, "letterbox"),
    "an object": ({"size": SimpleNamespace(height=64, width=64, shortest_edge=None)}, 64, "resize"),
}


@pytest.mark.parametrize("name", SIDES)
def test_side_and_framing_are_those_of_its_images(name):
    given, side, framing = SIDES[name]
    found = read_processor(SimpleNamespace(**given))
    assert (found["size"], found["framing"]) == (side, framing) and "notes" not in found
    inside = read_processor(SimpleNamespace(image_processor=SimpleNamespace(**given)))  # as in a processor of images and texts
    assert inside == found


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"do_resize": False}, "do_resize=False"),
        ({"do_grayscale": True}, "do_grayscale"),
        ({"crop_pct": 0.9}, "crop_pct"),
        ({"size": {"shortest_edge": 224}, "do_center_crop": False}, "shortest_edge without do_center_crop"),
        ({"size": {"shortest_edge": 112}, "crop_size": CROP, "do_center_crop": True}, "crop_size beyond size"),
    ],
)
def test_what_is_not_followed_is_named_in_a_note(given, named):
    net = loaded(Processor(**given), **({"size": 32} if "size" not in given else {}))
    assert any(named in note and "is not followed" in note for note in net.notes)
    assert not any("is not followed" in note for note in loaded(Processor(do_convert_rgb=True)).notes)


@pytest.mark.parametrize(
    ("processor", "said"),
    [
        ("imagenet", "is a str: give an image processor"),
        (Processor(do_flip_channel_order=True), "puts blue first"),
        (Processor(size={"height": 32, "width": 64}), "images of 64x32 px"),
        (Processor(rescale_factor=0), "rescale_factor=0"),
        (Processor(image_mean="imagenet"), "image_mean='imagenet'"),
        (Processor(image_std=[0.0, 0, 0]), "the normalisation of processor= is .* std must be above 0"),
        (Processor(image_mean=[123.0, 116, 103]), "for frames from 0 to 255"),
    ],
)
def test_a_processor_that_cannot_be_followed_is_one_sentence(processor, said):
    with pytest.raises(StavisError, match=said) as error:
        ModuleOptions(processor=processor).from_processor()
    assert "\n" not in str(error.value) and str(error.value).endswith(".")
