"""What a user says of a network of their own: fixed clips, outputs of all shapes, targets, import paths; and what is refused."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import stavis
from stavis.errors import StavisError
from stavis.inference.adapters.clip_module import as_values, in_clips
from stavis.inference.adapters.families import Family, each_frame
from stavis.notes import Notes
from tests.inference.adapters.families import FRAMES, TIMES, OwnMap, Recurrent, Volume

OPTIONS = {"size": 32, "rate": 5.0, "device": "cpu"}


class Shaped(nn.Module):
    """Brightness, in the shape that a test wants it in."""

    def __init__(self, give):
        super().__init__()
        self.give, self.scale = give, nn.Parameter(torch.ones(1))

    def forward(self, frames):
        return self.give(self.scale * frames.mean((2, 3, 4)))


pytestmark = pytest.mark.usefixtures("quiet")


def loaded(give, **options):
    return stavis.load(Shaped(give), **{**OPTIONS, **options})


SHAPES = {
    "(B,T,D)": (lambda x: x[..., None], "each"),
    "(B*T,D)": (lambda x: x.reshape(-1, 1), "each"),
    "(B,D)": (lambda x: x.mean(1, keepdim=True), "clip"),
    "(B,)": (lambda x: x.mean(1), "clip"),
    "(B,t,D)": (lambda x: x.unflatten(1, (-1, 2)).mean(2)[..., None], "pairs"),
    "dictionary": (lambda x: {"valence": x[..., None], "other": x.new_zeros(1, 2, 3, 4)}, "each"),
    "tuple": (lambda x: (x[..., None], x.new_zeros(5)), "each"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_outputs_of_every_shape_become_one_value_a_frame(name):
    give, kind = SHAPES[name]
    net = loaded(give, frames=4, outputs=("valence",))
    means = FRAMES.mean((1, 2, 3)) / 255
    expected = {"each": means, "clip": np.full(4, means.mean()), "pairs": means.reshape(2, 2).mean(1).repeat(2)}[kind]
    assert net.read(FRAMES, times=TIMES).values[:, 0] == pytest.approx(expected, abs=1e-6)
    assert (kind == "each") == (not any("shown for" in note for note in net.notes))


def test_a_short_clip_ends_with_copies_of_its_last_frame_and_a_long_one_is_cut():
    frames = torch.arange(6.0).view(1, 6, 1)
    assert in_clips(frames[:, :3], 5).flatten().tolist() == [0, 1, 2, 2, 2]
    assert in_clips(frames, 4).flatten(1).tolist() == [[0, 1, 2, 3], [4, 5, 5, 5]]
    assert in_clips(frames, None) is frames


def test_a_network_of_fixed_clips_reads_a_video_of_any_length():
    net = loaded(lambda x: x[..., None] if x.shape[1] == 4 else 1 / 0, frames=4, outputs=("valence",))
    frames = np.random.default_rng(1).integers(0, 255, (11, 32, 32, 3), dtype=np.uint8)
    for length in (1, 3, 4, 11):
        values = net.read(frames[:length], times=np.arange(length) / 5.0).values[:, 0]
        assert values == pytest.approx(frames[:length].mean((1, 2, 3)) / 255, abs=1e-6)


def test_classes_are_shown_as_probabilities_and_chosen_by_name_or_number():
    net = stavis.load(Volume(), **OPTIONS, frames=4, outputs=("smile", "frown", "neutral"), classes="softmax")
    reading = net.read(FRAMES, times=TIMES)
    assert reading.values.sum(1) == pytest.approx(np.ones(4), abs=1e-6) and reading.prediction.bounds == (0.0, 1.0)
    found = net.explain(FRAMES, methods=("saliency",), target="frown")
    assert found.dimension == "frown" == found.prediction.dimensions[0]
    assert found.attributions["Saliency"].target.dimension == "frown"
    assert net.explain(FRAMES, methods=(), target=2).dimension == "neutral"
    likely = net.dimensions[int(reading.values.mean(0).argmax())]
    assert net.explain(FRAMES, methods=()).dimension == likely
    with pytest.raises(StavisError, match="no output 'frowm': did you mean frown"):
        net.explain(FRAMES, target="frowm")
    with pytest.raises(StavisError, match="no output 3: choose one of smile, frown, neutral, or a number from 0 to 2"):
        net.explain(FRAMES, target=3)


def test_heads_of_a_dictionary_are_named():
    net = stavis.load(OwnMap(), **OPTIONS)
    assert net.dimensions == ("valence", "expression 0", "expression 1", "expression 2")
    assert stavis.load(OwnMap(), **OPTIONS, outputs=("valence",)).dimensions == ("valence",)


def test_values_of_any_range_are_kept():
    net = loaded(lambda x: 100 + x[..., None], outputs=("pulse",))
    reading = net.read(FRAMES, times=TIMES)
    assert (reading.values > 100).all() and reading.prediction.shown_range is None


def test_an_explanation_says_what_the_reading_found():
    found = loaded(lambda x: 100 + x[..., None], outputs=("pulse",)).explain(FRAMES, methods=())
    assert any("kept as they are" in note for note in found.notes) and len(set(found.notes)) == len(found.notes)


def test_normalisation_is_applied_once():
    net = loaded(lambda x: x[..., None], outputs=("valence",), normalise=(0.5, 0.25))
    assert net.read(FRAMES, times=TIMES).values[:, 0] == pytest.approx((FRAMES.mean((1, 2, 3)) / 255 - 0.5) / 0.25, abs=1e-5)


def test_what_is_taken_for_the_normalisation_is_said():
    def said(**options):
        return [note for note in loaded(lambda x: x[..., None], **options).notes if "normalised" in note]

    assert said() == [
        "Shaped does not say how its frames are normalised: they are RGB from 0 to 1; give normalise= or processor= for another."
    ]
    assert said(normalise=(0, 1)) == []


def test_an_adapter_of_ones_own_is_one_function():
    family = Family(each_frame, size=32, rate=5.0, labels=("a", "b", "c", "d"), classes="softmax")

    class Images(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(3, 4)

        def forward(self, images):
            return self.head(images.mean((2, 3)))

    net = stavis.load(Images(), adapter=lambda model: family, device="cpu", seconds=0.8)
    assert net.dimensions == family.labels and net.network.size == 32
    assert net.read(FRAMES, times=TIMES).values.sum(1) == pytest.approx(np.ones(4), abs=1e-6)


def test_whole_images_are_read_without_a_face():
    net = loaded(lambda x: x[..., None], region="frame")
    assert net.crop_config().source == "centre"
    with pytest.raises(StavisError, match="is shown whole frames: leave source='face' out"):
        net.crop_config("face")


def test_two_functions_have_two_names_in_the_cache():
    first, second = loaded(lambda x: x[..., None], forward=lambda m, x: m(x)), loaded(lambda x: x[..., None], forward=lambda m, x: m(2 * x))
    assert first.hash != second.hash


def test_half_precision_wrappers_and_training_mode_are_read_as_the_network_itself():
    torch.manual_seed(0)
    network = Recurrent().eval()
    expected = stavis.load(network, **OPTIONS, outputs=("v", "a")).read(FRAMES, times=TIMES).values
    for other in (nn.DataParallel(network), torch.compile(network)):
        assert stavis.load(other, **OPTIONS, outputs=("v", "a")).read(FRAMES, times=TIMES).values == pytest.approx(expected, abs=1e-6)
    half = stavis.load(Recurrent().bfloat16(), **OPTIONS, outputs=("v", "a"))
    assert half.read(FRAMES, times=TIMES).values.shape == (4, 2)


class Remembering(nn.Module):
    """A network that adds up what it has seen."""

    def __init__(self):
        super().__init__()
        self.total = 0.0

    def forward(self, frames):
        self.total = self.total + frames.mean((2, 3, 4))[..., None]
        return self.total


class Smoothing(nn.Module):
    """A network that gives the mean of this clip's values and of those before."""

    def __init__(self):
        super().__init__()
        self.mean = None

    def forward(self, frames):
        value = frames.mean((1, 2, 3, 4))[:, None]
        self.mean = value if self.mean is None or len(self.mean) != len(value) else (self.mean + value) / 2
        return self.mean


BAD = {
    "state between calls": ({}, Remembering, "when it is called again"),
    "a mean over calls": ({}, Smoothing, "when it is called again"),
    "a layout that does not fit": ({"attention": "weights", "layout": "b heads h w t"}, OwnMap, "does not fit"),
    "attention never called": ({"attention": "unused"}, lambda: with_unused(), "no attention was recorded|never called"),
    "no such module": ({"attention": "encoder.*.attn"}, OwnMap, r"no module 'encoder\.\*\.attn'"),
    "features, not weights": ({"attention": "features", "layout": "(b t) heads h w"}, OwnMap, "negative|non-finite"),
    "not finite": ({}, lambda: Shaped(lambda x: x[..., None] / 0 * 0), "not finite"),
    "no labels": ({"outputs": "labels"}, Volume, "names no classes"),
    "an image for a clip": ({}, lambda: Shaped(lambda x: x.new_zeros(1, 2, 3, 4)), "gives .* for 1 clips"),
    "complex numbers": ({}, lambda: Shaped(lambda x: torch.fft.fft(x)[..., None]), "gives complex numbers"),
    "a string": ({}, lambda: Shaped(lambda x: "sad"), "gives a str"),
    "normalised twice": ({"normalise": (0.5, 0.5), "processor": object()}, Volume, "given twice"),
    "normalised for bytes": ({"normalise": (127.5, 127.5)}, Volume, "divide both by 255"),
    "no std": ({"normalise": 0.5}, Volume, r"give \(mean, std\)"),
    "no frames": ({"frames": 0}, Volume, "frames is 0"),
    "a size that is not whole": ({"size": 32.0}, Volume, "size is 32.0: give a whole number of px"),
    "a layer by name": ({"layer": "last"}, Volume, "layer is 'last': give the number"),
    "a head by name": ({"head": "all"}, Volume, "head is 'all': give the number"),
    "a window for no memory": ({"seconds": 1e9}, Volume, "a window of 5000000000 frames of 32 px is too large"),
    "no region": ({"region": "hand"}, Volume, "region is 'hand'"),
    "no kind of map": ({"attention": "weights", "layout": "(b t) 1 (h w)", "maps": "flow"}, OwnMap, "no kind 'flow'"),
    "no layer": ({"attention": "weights", "layout": "(b t) 1 (h w)", "layer": 3}, OwnMap, "layer 3 is none"),
    "rollout without a layout": ({"attention": "weights", "maps": "rollout"}, OwnMap, "need layout="),
    "rollout of maps": ({"attention": "weights", "layout": "(b t) 1 (h w)", "maps": "rollout"}, OwnMap, "gives no weights"),
    "no function": ({"forward": "logits"}, Volume, "is no function"),
    "no such classes": ({"classes": "hard"}, Volume, "classes is 'hard'"),
}


def with_unused():
    network = Shaped(lambda x: x[..., None])
    network.unused = nn.Softmax(2)
    return network


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_read_is_one_sentence(kind):
    options, make, reason = BAD[kind]
    with pytest.raises(StavisError, match=reason) as error:
        stavis.load(make(), **{**OPTIONS, **options})
    assert "\n" not in str(error.value) and str(error.value).endswith(".")


def test_a_fewer_steps_than_frames_are_spread_in_order():
    values = as_values(torch.tensor([[[1.0], [2.0]]]), 1, 5, Notes())
    assert values.flatten().tolist() == [1, 1, 1, 2, 2]


MADE = """
import torch
from torch import nn
class Net(nn.Module):
    dimensions = ("valence",)
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
    def forward(self, frames):
        return self.scale * frames.mean((2, 3, 4)).unsqueeze(2)
def make():
    return Net()
def needs(argument):
    return Net()
number = 3
"""


def test_a_network_is_made_by_the_function_that_an_import_path_names(tmp_path, monkeypatch):
    (tmp_path / "made_here.py").write_text(MADE)
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    net = stavis.load("made_here:make", device="cpu")
    assert net.system == "Net" and net.dimensions == ("valence",) and sys.path == before
    for path, reason in {
        "made_nowhere:make": "cannot be imported",
        "made_here:fake": "has no fake",
        "made_here:needs": "without arguments",
        "made_here:number": "gives a int",
    }.items():
        with pytest.raises(StavisError, match=reason):
            stavis.load(path, device="cpu")


def test_no_library_is_imported_for_a_network_that_is_none_of_its_own():
    code = (
        "import sys, warnings, torch, stavis; warnings.simplefilter('ignore'); from tests.inference.adapters.families import Recurrent; "
        "stavis.load(Recurrent(), size=32, rate=5.0, device='cpu'); "
        "from stavis.inference.adapters import recognised; print([n for n in ('transformers', 'timm', 'torchvision') if n in sys.modules])"
    )
    before = "import sys, captum, torchmetrics; print([n for n in ('transformers', 'timm', 'torchvision') if n in sys.modules])"
    runs = [subprocess.run([sys.executable, "-c", one], capture_output=True, text=True) for one in (code, before)]
    assert runs[0].returncode == 0, runs[0].stderr
    assert eval_list(runs[0].stdout) <= eval_list(runs[1].stdout)  # nothing beyond what the libraries of the package import themselves


def eval_list(text: str) -> set[str]:
    return {name for name in ("transformers", "timm", "torchvision") if name in text}


class WithoutGradient(nn.Module):
    """A backbone that was frozen by no_grad, so that nothing says which pixels moved its value."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, frames):
        with torch.no_grad():
            return self.scale * frames.mean((2, 3, 4))[..., None]


def test_a_network_without_a_gradient_is_explained_but_for_its_attributions():
    net = stavis.load(WithoutGradient(), **OPTIONS, outputs=("valence",))
    found = net.explain(FRAMES)
    assert found.attributions == {} and found.reading.values[:, 0] == pytest.approx(FRAMES.mean((1, 2, 3)) / 255, abs=1e-6)
    assert any(note.startswith("No attribution was computed: no gradient of the prediction reaches the pixels") for note in found.notes)
    with pytest.raises(StavisError, match="no gradient of the prediction reaches the pixels"):
        net.explain(FRAMES, methods=("saliency",))
