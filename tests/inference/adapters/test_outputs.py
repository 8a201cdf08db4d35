"""Outputs of every kind become one value for each frame and name, and classes are shown as probabilities over time."""

import numpy as np
import pytest
import torch
from torch import nn

import stavis
from stavis.inference.adapters.families import IMAGENET, is_classifier
from tests.inference.adapters.families import FRAMES, TIMES, OwnMap, videomae

OPTIONS = {"size": 32, "rate": 5.0, "device": "cpu"}


pytestmark = pytest.mark.usefixtures("quiet")


class Heads(nn.Module):
    """What a network makes of the colours of its frames (B,T,3), in the shape that a test wants."""

    def __init__(self, give):
        super().__init__()
        self.give, self.scale = give, nn.Parameter(torch.ones(1))

    def forward(self, frames):
        return self.give(self.scale * frames.mean((3, 4)))


COLOURS = FRAMES.mean((1, 2)) / 255  # T,3
CASES = {
    # what the network gives of the colours (B,T,3), the options, the names, the values (T,D)
    "several heads": (lambda x: {"a": x[..., :1], "b": x[..., 1:]}, {}, ("a", "b 0", "b 1"), COLOURS),
    "heads by name": (lambda x: {"a": x[..., :1], "b": x[..., 1:]}, {"outputs": ("b",)}, ("b 0", "b 1"), COLOURS[:, 1:]),
    "heads renamed": (lambda x: {"a": x[..., :1], "b": x[..., 1:2]}, {"outputs": ("v", "w")}, ("v", "w"), COLOURS[:, :2]),
    "a tuple": (lambda x: (x[..., :1], x[..., 1:2]), {"outputs": ("v", "w")}, ("v", "w"), COLOURS[:, :2]),
    "the first of a tuple": (lambda x: (x[..., :2], [x]), {"outputs": ("v", "w")}, ("v", "w"), COLOURS[:, :2]),
    "one value a clip (B,D)": (
        lambda x: x.mean(1),
        {"frames": 4},
        ("output 0", "output 1", "output 2"),
        COLOURS.mean(0)[None].repeat(4, 0),
    ),
    "fewer steps": (lambda x: x.unflatten(1, (-1, 2)).mean(2), {"frames": 4}, None, COLOURS.reshape(2, 2, 3).mean(1).repeat(2, 0)),
    "frames folded (B*T,D)": (lambda x: x.flatten(0, 1), {}, None, COLOURS),
    "heads of clip and frame": (
        lambda x: {"frame": x[..., :1], "clip": x.mean(1)[:, 1:2]},
        {"frames": 4},
        ("frame", "clip"),
        np.stack([COLOURS[:, 0], np.full(4, COLOURS[:, 1].mean())], 1),
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_outputs_become_one_value_for_each_frame_and_name(kind):
    give, options, names, expected = CASES[kind]
    net = stavis.load(Heads(give), **OPTIONS, **options)
    reading = net.read(FRAMES, times=TIMES)
    assert reading.values == pytest.approx(expected, abs=1e-6)
    assert names is None or net.dimensions == names == reading.dimensions
    table = reading.table()
    assert len(table) == reading.values.size and set(table.dimension) == set(net.dimensions)


def softmax(values: np.ndarray) -> np.ndarray:
    raised = np.exp(values - values.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def test_each_head_of_classes_is_a_distribution_and_a_value_stays_a_value():
    give = lambda x: {"valence": x[..., :1], "expression": 5 * x, "action": 3 * x[..., :2]}  # noqa: E731
    net = stavis.load(Heads(give), classes="softmax", **OPTIONS)
    values = net.read(FRAMES, times=TIMES).values
    assert values[:, 0] == pytest.approx(COLOURS[:, 0], abs=1e-6)
    assert values[:, 1:4] == pytest.approx(softmax(5 * COLOURS), abs=1e-5)
    assert values[:, 4:] == pytest.approx(softmax(3 * COLOURS[:, :2]), abs=1e-5)
    assert net.network.bounds is None and net.explain(FRAMES, methods=()).dimension == "valence"
    yes = stavis.load(Heads(lambda x: x[..., :1]), classes="sigmoid", outputs=("smiles",), **OPTIONS)
    assert yes.read(FRAMES, times=TIMES).values[:, 0] == pytest.approx(1 / (1 + np.exp(-COLOURS[:, 0])), abs=1e-6)
    assert yes.network.bounds == (0.0, 1.0)


def test_what_is_shown_of_a_head_is_not_what_its_attribution_explains():
    torch.manual_seed(0)
    net = stavis.load(OwnMap(), classes="softmax", attention="weights", layout="(b t) 1 (h w)", **OPTIONS)
    frames = torch.rand(1, 2, 3, 32, 32)
    with torch.no_grad():
        logits = net.differentiable()(frames)
    assert net.network.forward(frames)[0][..., 1:].sum(2) == pytest.approx(np.ones((1, 2)), abs=1e-5)
    assert (logits[..., 1:].sum(2) - 1).abs().min() > 1e-3


def test_the_scrubber_shows_class_probabilities_over_time():
    torch.manual_seed(0)
    net = stavis.load(videomae(), rate=5.0, device="cpu")
    found = net.explain(FRAMES, methods=(), target="frown")
    scrubber = found.scrubber()
    numbers = np.frombuffer(scrubber.numbers, np.float32).reshape(-1, len(FRAMES))
    lines = {one["name"]: numbers[one["row"]] for one in scrubber.clip["traces"]}
    probabilities = net.read(FRAMES, times=TIMES).values
    for i, name in enumerate(("smile", "frown", "neutral")):
        assert lines[f"{name}, predicted"] == pytest.approx(probabilities[:, i], abs=1e-6)
    assert [one["title"] for one in scrubber.clip["panels"][:3]] == ["Frown (0 to 1)", "Smile (0 to 1)", "Neutral (0 to 1)"]
    assert found.prediction.dimensions == ("frown", "smile", "neutral") and found.prediction.bounds == (0.0, 1.0)


def test_a_class_is_chosen_by_name_number_or_number_from_the_end():
    net = stavis.load(videomae(), rate=5.0, device="cpu")
    assert [net.dimension_of(one) for one in ("neutral", 2, -1)] == ["neutral"] * 3


@pytest.mark.parametrize("name", ["ForImageClassification", "ForImageClassificationWithTeacher"])
def test_the_classes_of_a_deit_are_shown_as_probabilities_with_and_without_a_teacher(name):
    transformers = pytest.importorskip("transformers")
    shape = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "image_size": 32,
        "patch_size": 8,
    }
    torch.manual_seed(0)
    network = getattr(transformers, f"DeiT{name}")(transformers.DeiTConfig(**shape, num_labels=3)).eval()
    net = stavis.load(network, rate=5.0, device="cpu")
    frames = torch.from_numpy(FRAMES).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(one).view(3, 1, 1) for one in IMAGENET)  # as the published distilled weights
    with torch.no_grad():
        expected = network(pixel_values=(frames - mean) / std).logits.softmax(1)
    assert net.read(FRAMES, times=TIMES).values == pytest.approx(expected.numpy(), abs=1e-6)
    assert net.dimensions == ("LABEL_0", "LABEL_1", "LABEL_2") and net.network.bounds == (0.0, 1.0)


def test_a_classifier_is_one_by_its_class_or_one_that_it_is_made_from():
    classifier = type("DeiTForImageClassificationWithTeacher", (nn.Module,), {})
    assert is_classifier(classifier()) and is_classifier(type("Mine", (classifier,), {})())
    assert not is_classifier(type("DeiTModel", (nn.Module,), {})())
