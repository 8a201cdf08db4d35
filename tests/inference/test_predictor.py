"""One object that reads videos: what it takes, what it refuses, what it keeps; for checkpoints and for modules of any kind."""

import json
import shutil
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import stavis
from stavis.attention.modules import SpatialSoftmax
from stavis.data.datasets.selection import recordings_of
from stavis.errors import StavisError, StavisWarning
from stavis.inference import predictor as inference
from stavis.inference.predictor import VideoReader
from stavis.inference.reading_cache import ReadingCache, content_of
from stavis.models.card import SYNTHETIC_ONLY
from stavis.storage.cache import ARRAYS, KEY_LENGTH
from stavis.storage.files import cache_folder

SETTINGS = {"size": 16, "rate": 12.5, "seconds": 0.8, "outputs": ("valence",)}
FRAMES = np.random.default_rng(0).integers(0, 255, (12, 20, 24, 3), dtype=np.uint8)
TIMES = np.arange(12) / 12.5


class Plain(nn.Module):
    """Brightness of each frame, `outputs` times; no attention."""

    def __init__(self, outputs: int = 1):
        super().__init__()
        self.head = nn.Linear(1, outputs)

    def forward(self, frames):
        return self.head(frames.mean((2, 3, 4)).unsqueeze(2))


class Looking(nn.Module):
    """Brightness where its own softmax over cells looks."""

    def __init__(self):
        super().__init__()
        self.inner = nn.ModuleDict({"look": nn.Softmax(dim=2), "other": nn.Identity()})

    def forward(self, frames):
        cells = nn.functional.avg_pool3d(frames.mean(2), (1, 4, 4)).flatten(2)
        weights = self.inner["look"](4 * cells)
        return self.inner["other"]((weights * cells).sum(2, keepdim=True) * 2 - 1)


class Attending(Plain):
    """With the package's own softmax, twice where asked."""

    def __init__(self, softmaxes: int = 1):
        super().__init__()
        self.attend = nn.ModuleList(SpatialSoftmax() for _ in range(softmaxes))

    def forward(self, frames):
        for attend in self.attend:
            weights = attend(frames.mean(2))
        return super().forward(frames) + 0 * weights.sum((2, 3)).unsqueeze(2)


def quietly(source, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StavisWarning)
        return stavis.load(source, **options)


@pytest.fixture
def recording(drawn):
    return recordings_of(drawn, "test")[0]


def test_a_checkpoint_by_name_folder_or_run_is_one_network(tiny_run):
    shipped = stavis.load("sta-synthetic", device="cpu")
    assert (shipped.system, shipped.dimensions, shipped.attention) == ("sta", ("valence",), "decoder.attend")
    assert shipped.caution.startswith(SYNTHETIC_ONLY) and len(shipped.hash) == 64 and shipped.notes == ()
    assert stavis.load(tiny_run, device="cpu").hash == stavis.load(str(tiny_run), device="cpu").hash != shipped.hash
    assert stavis.load(shipped) is shipped and repr(shipped).startswith("Predictor(sta-synthetic: sta")
    below = VideoReader.load(tiny_run)
    assert type(below) is VideoReader and stavis.load(below).network is below.network


@pytest.mark.parametrize(
    ("source", "options", "reason"),
    [
        ("sta-synthetik", {}, "did you mean sta-synthetic"),
        ("STA-Synthetic", {}, "did you mean sta-synthetic"),
        ("nowhere/at/all", {}, "nowhere/at/all is no checkpoint"),
        ("{tmp}", {}, "is no checkpoint .no config.json"),
        (42, {}, "a int is no network"),
        ("sta-synthetic", {"size": 64}, "settings of its own: leave out size"),
        ("sta-synthetic", {"device": "toaster"}, "toaster"),
        (Looking(), {"attention": "inner.loook"}, "no module 'inner.loook'.*did you mean inner.look"),
        (Looking(), {"attention": "look"}, "did you mean inner.look"),
        (Looking(), {"attention": nn.Identity()}, "no part of this Looking"),
        (Attending(2), {}, "holds 2 SpatialSoftmax modules: choose one"),
        (nn.Conv2d(3, 1, 3), {}, r"gives \(.*, 1, 14, 14\) for 1 clips"),
        (nn.Identity(), {}, r"gives \(1, .*\) for 1 clips of .* frames: give \(B,T,D\)"),
        (Plain(2), {"outputs": ("valence",)}, "gives 2 outputs, named are 1"),
        (Plain(), {"size": 0}, "size is 0"),
        (Plain(), {"rate": float("inf")}, "rate is inf"),
    ],
)
def test_what_cannot_be_loaded_is_one_sentence(source, options, reason, tmp_path):
    source = source.format(tmp=tmp_path) if isinstance(source, str) else source
    settings = {} if isinstance(source, str | int) else SETTINGS
    with pytest.raises(StavisError, match=reason) as error:
        stavis.load(source, **{**settings, **options})
    assert len(str(error.value).splitlines()) == 1


def test_each_default_that_is_taken_is_noted_and_shown_once():
    with pytest.warns(StavisWarning) as shown:
        net = stavis.load(Plain(2))
    assert [str(one.message) for one in shown] == list(net.notes) and len(net.notes) == 6
    assert (net.network.size, net.network.rate, net.network.seconds, net.dimensions) == (112, 6.25, 4.0, ("output 0", "output 1"))
    assert [
        word in note
        for word, note in zip(("without attention", "size", "rate", "seconds", "normalised", "outputs"), net.notes, strict=True)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error", StavisWarning)
        assert stavis.load(Attending(), **SETTINGS, normalise=(0, 1)).notes == ()


def test_a_module_keeps_its_mode_and_its_weights_name_it():
    model = Plain().train()
    net = quietly(model, **SETTINGS)
    assert model.training and quietly(model, **SETTINGS).hash == net.hash
    assert quietly(model, **{**SETTINGS, "rate": 5.0}).hash != net.hash
    with torch.no_grad():
        model.head.weight += 1
    assert quietly(model, **SETTINGS).hash != net.hash


def test_a_module_without_attention_reads_and_is_attributed(recording):
    net = quietly(Plain(), **SETTINGS)
    assert net.attention is None and any("without attention" in note for note in net.notes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StavisWarning)
        x = net.explain(recording, methods=("saliency",))
    assert x.reading.attention is None and x.attention is None and np.isfinite(x.attributions["Saliency"].values).all()
    assert any("without attention" in note for note in x.notes) and x.table("agreement").empty
    assert list(x.scrubber()._maps) == ["Saliency"] and len(x.figure("values").data)
    with pytest.raises(StavisError, match="has no attention"):
        x.figure("shares")
    with pytest.raises(StavisError, match="no attribution method 'attention-x-gradient' for this network"):
        net.explain(recording, methods=("attention-x-gradient",))


def test_attention_by_path_module_or_layout_is_the_same():
    model = Looking()
    readings = [
        quietly(model, attention=attention, layout=layout, **SETTINGS).read(FRAMES, times=TIMES)
        for attention, layout in (("inner.look", "b t (h w)"), (model.inner["look"], "b t (h w)"))
    ]
    assert readings[0].attention.weights.shape == (12, 4, 4)
    assert readings[0].attention.weights.sum((1, 2)) == pytest.approx(np.ones(12), abs=1e-5)
    assert np.array_equal(readings[0].attention.weights, readings[1].attention.weights)


def test_frames_of_ones_own_are_read_as_their_centred_squares():
    torch.manual_seed(0)  # values within [-1,1], so that no note says otherwise
    net = quietly(Plain(), **SETTINGS)
    reading = net.read(FRAMES, times=TIMES)
    assert len(reading) == 12 and reading.values.shape == (12, 1) and np.array_equal(reading.times, TIMES) and reading.notes == net.notes
    square = FRAMES[:, 2:18, 4:20]
    exact = net.read(square, times=TIMES)
    expected = net.model(torch.from_numpy(square).permute(0, 3, 1, 2)[None].float() / 255).detach().numpy()[0]
    assert exact.values == pytest.approx(np.clip(expected, -1, 1), abs=1e-5)
    assumed = net.read(FRAMES)
    assert assumed.times == pytest.approx(TIMES) and any("12.5 frames/s" in note for note in assumed.notes)


@pytest.mark.parametrize(
    ("video", "options", "reason"),
    [
        (["a.mp4", "b.mp4"], {}, "2 videos are given where one is read: .* read_many"),
        (7, {}, "a int is no video"),
        (FRAMES.astype(np.float32) / 255, {}, "float32, expected uint8.*multiplied by 255"),
        (FRAMES.astype(np.int64), {}, "int64, expected uint8"),
        (FRAMES[..., :1], {}, "expected .T,H,W,3."),
        (FRAMES[:0], {}, "expected .T,H,W,3."),
        (FRAMES, {"times": TIMES[:3]}, "12 frames need as many times"),
        (FRAMES, {"times": TIMES[::-1]}, "12 frames need as many times in seconds that rise"),
        ("none.mp4", {}, "does not exist"),
        ("none.mp4", {"times": TIMES}, "times are given for a video file"),
        (FRAMES, {"face": 1}, "an array of frames is cut in one way.*leave face=1 out"),
        (FRAMES, {"source": "face"}, "leave source='face' out"),
        ("none.mp4", {"face": (3, 4), "source": "centre"}, "no face is followed that could be chosen: leave face=.3, 4. "),
    ],
)
def test_what_cannot_be_read_is_one_sentence(tiny_run, video, options, reason):
    with pytest.raises(StavisError, match=reason) as error:
        stavis.load(tiny_run, device="cpu").read(video, **options)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("options", [{"face": 0}, {"source": "centre"}, {"times": TIMES}])
def test_nothing_is_chosen_in_silence_of_what_is_cut_already(tiny_run, recording, options):
    net = stavis.load(tiny_run, device="cpu")
    crops = net.crops(recording)
    with pytest.raises(StavisError, match="leave"):
        net.read(crops, **options)


@pytest.mark.parametrize("source", ["auto", "truth"])
def test_no_face_is_chosen_where_the_truth_aligns(tiny_run, recording, source):
    with pytest.raises(StavisError, match=r"leave face=1 \(--face\) out.*source='face'"):
        stavis.load(tiny_run, device="cpu").read(recording, face=1, source=source)


def test_a_network_that_is_loaded_takes_no_options_of_a_module(tiny_run):
    with pytest.raises(StavisError, match="tiny is loaded already: leave out size, rate"):
        stavis.load(stavis.load(tiny_run, device="cpu"), size=64, rate=3.0)


def test_what_one_command_has_read_all_find(drawn, tiny_run, recording, monkeypatch):
    net = stavis.load(tiny_run, device="cpu")
    first = net.read(recording)
    monkeypatch.setattr(inference, "read", lambda *given, **options: pytest.fail("it is kept"))
    again = stavis.load(tiny_run, device="cpu")
    assert np.array_equal(again.read(recording).values, first.values)
    assert np.array_equal(again.read_many([recording])[0].attention.weights, first.attention.weights)
    window = again.read_crops(again.crops(recording), slice(3, 9))
    assert np.array_equal(window.values, first.values[3:9]) and np.array_equal(window.times, first.times[3:9])
    x = again.explain(recording, methods=())
    assert np.array_equal(x.reading.attention.weights, first.attention.weights)
    evaluation = again.evaluate(drawn, quiet=True)
    assert np.array_equal(evaluation.evaluation.readings[recording.name].values, first.values)


@pytest.mark.parametrize("damage", ["cut", "another length", "no weights", "empty"])
def test_an_old_or_damaged_reading_is_made_again_never_half(tiny_run, recording, damage):
    net = stavis.load(tiny_run, device="cpu")
    crops = net.crops(recording)
    key = ReadingCache(crops, content_of(net), net.network).key(slice(0, len(crops)))
    file = cache_folder() / "readings" / key[:KEY_LENGTH] / ARRAYS
    shutil.rmtree(file.parent, ignore_errors=True)  # what another test kept may have been read in batches of another size
    first = net.read(crops)
    arrays = {"values": first.prediction.values, "weights": first.attention.weights}
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-200])
    elif damage == "empty":
        file.write_bytes(b"")
    else:
        np.savez(file, **({"values": arrays["values"]} if damage == "no weights" else {k: v[:-1] for k, v in arrays.items()}))
    again = net.read(crops)
    assert np.array_equal(again.values, first.values) and np.array_equal(again.attention.weights, first.attention.weights)


def test_only_real_faces_are_an_extrapolation(tiny_run, recording):
    net = stavis.load(tiny_run, device="cpu")
    assert net.caution not in net.read(recording).notes
    assert net.caution in net.read(recording, source="centre").notes


def test_a_result_is_not_saved_where_a_file_is(tiny_run, recording, drawn, tmp_path):
    net = stavis.load(tiny_run, device="cpu")
    (tmp_path / "taken").write_text("mine")
    for result in (net.explain(recording, methods=()), net.evaluate(drawn, quiet=True)):
        with pytest.raises(StavisError, match="taken") as error:
            result.save(tmp_path / "taken")
        assert len(str(error.value).splitlines()) == 1 and (tmp_path / "taken").read_text() == "mine"


def test_what_is_saved_holds_what_the_object_says(tiny_run, recording, tmp_path):
    x = stavis.load(tiny_run, device="cpu").explain(recording, methods=("saliency",))
    page = x.save(tmp_path / "out")
    assert page == tmp_path / "out" / "report.html" and page.is_file()
    assert json.loads((tmp_path / "out" / "explain.json").read_text()) == json.loads(json.dumps(x.summary.to_json()))


@pytest.mark.parametrize("call", ["figure", "table"])
def test_results_name_the_figures_and_tables_they_have(tiny_run, recording, drawn, call):
    net = stavis.load(tiny_run, device="cpu")
    for result in (net.explain(recording, methods=()), net.evaluate(drawn, quiet=True)):
        with pytest.raises(StavisError, match=f"has no {call} 'magic': choose one of"):
            getattr(result, call)("magic")


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("shares", {"frame": 3}, "of no single frame: leave frame out"),
        ("moments", {"frame": 3, "width": "column"}, "of no single frame"),
        ("values", {"maps": ("Saliency",)}, "leave maps out, or ask for the overlay"),
        ("moments", {"maps": ("Saliency",)}, "moments with a width"),
        ("overlay", {"maps": ()}, "no map is named"),
    ],
)
def test_a_figure_passes_nothing_over_in_silence(tiny_run, recording, kind, options, reason):
    x = stavis.load(tiny_run, device="cpu").explain(recording, methods=("saliency",))
    with pytest.raises(StavisError, match=reason):
        x.figure(kind, **options)
    with pytest.raises(StavisError, match="leave tiers out"):
        x.table(tiers=("smile",))


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_no_seconds_are_no_part_of_a_video(tiny_run, recording, seconds):
    net = stavis.load(tiny_run, device="cpu")
    with pytest.raises(StavisError, match="give seconds above 0"):
        net.explain(recording, methods=(), shown_seconds=seconds)
    with pytest.raises(StavisError, match="give seconds above 0"):
        net.compare(net, recording, seconds=seconds, quiet=True)
