"""A run and recordings in the explorer: what is read and attributed is that of the jobs, kept on disk, and stops soon."""

import shutil
import warnings

import cv2
import numpy as np
import pytest
import torch

from stavis.attribution.methods import ALL_METHODS, saliency
from stavis.attribution.target import attribution_context
from stavis.data.annotations.annotations import Annotations
from stavis.data.crops import beginning
from stavis.data.crops.shown import shown_side
from stavis.data.datasets.registry import read_dataset
from stavis.data.datasets.selection import recordings_of
from stavis.errors import StavisError, StavisWarning
from stavis.inference import predictor as inference
from stavis.inference.attribute import window_around
from stavis.inference.reading import interruptible
from stavis.inference.reading_cache import ReadingCache, content_of
from stavis.jobs.explore import PredictorSource, _names, explore
from stavis.jobs.load import load
from stavis.show.explorer.controller import ExplorerController
from stavis.show.explorer.worker import Stopped, Task
from stavis.storage.cache import ARRAYS, KEY_LENGTH
from stavis.storage.files import cache_folder, file_stem
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset
from stavis.types import Attribution, Recording, Target

begin = ExplorerController._begin


@pytest.fixture
def opened():
    """opened(...) → explore(...) on the CPU, waited for, closed after the test."""
    made = []

    def open_one(*given, **options):
        made.append(explore(*given, **{"device": "cpu", "methods": (), "quiet": True, **options}))
        assert made[-1].wait(120)
        return made[-1]

    yield open_one
    for one in made:
        one.close()


@pytest.fixture
def footage(drawn, tiny_run):
    recording = recordings_of(drawn, "test")[0]
    net = load(tiny_run, device="cpu")
    return PredictorSource(recording.name, recording, net.crops(recording), net)


def work() -> Task:
    return Task("test", lambda task: None)


def names(explorer) -> list[str]:
    return [one["name"] for one in explorer.scrubber.clip["maps"]]


def test_a_split_of_videos_is_refused(drawn):
    with pytest.raises(StavisError, match="leave split out"):
        explore("sta-synthetic", next((drawn / "videos").iterdir()), split="test", device="cpu")


def test_explore_shows_what_explain_says(opened, drawn, tiny_run):
    recording = recordings_of(drawn, "test")[0]
    explorer = opened(tiny_run, [recording], methods=("saliency",))
    explanation = load(tiny_run, device="cpu").explain(recording, methods=("saliency",))
    assert explorer.panel.status.kind == "" and names(explorer) == ["attention", "Saliency"]
    shown = explorer._controller.maps
    assert shown["attention"].weights == pytest.approx(explanation.attention.weights, abs=1e-5)
    assert shown["Saliency"].values == pytest.approx(explanation.attributions["Saliency"].values, abs=1e-6)
    kinds = [trace["kind"] for trace in explorer.scrubber.clip["traces"]]
    assert kinds.count("rater") == 6 and kinds.count("predicted") == 1


def test_without_a_network_videos_are_read_by_the_one_for_videos_and_embedded_faces_by_theirs(tmp_path, monkeypatch):
    def refuse(run, **options):
        raise StavisError(f"asked for {run}.")

    monkeypatch.setattr(inference.VideoReader, "load", refuse)
    for options, name in (({}, "sta-synthetic"), ({"recordings": tmp_path / "a.mp4"}, "sta-heads"), ({"data": tmp_path}, "sta-heads")):
        with pytest.raises(StavisError, match=f"asked for {name}"):
            explore(**options)


def test_a_second_look_computes_nothing(opened, drawn, tiny_run, monkeypatch):
    opened(tiny_run, drawn, methods=("saliency",))

    def never(*given, **options):
        raise AssertionError("it is kept")

    for module, name in ((inference, "read"), (torch.autograd, "grad")):
        monkeypatch.setattr(module, name, never)
    again = opened(tiny_run, drawn, methods=("saliency",))
    assert names(again) == ["attention", "Saliency"] and again.panel.status.said == ""


def test_a_damaged_file_in_the_cache_is_made_again(footage):
    window = slice(0, len(footage.times))
    first = footage.read(window, work())
    key = ReadingCache(footage.crops, content_of(footage.predictor), footage.predictor.network).key(window)
    file = cache_folder() / "readings" / key[:KEY_LENGTH] / ARRAYS
    file.write_bytes(file.read_bytes()[:100])
    again = footage.read(window, work())
    assert again.attention.weights == pytest.approx(first.attention.weights) and file.stat().st_size > 100


def test_images_have_the_pixels_of_the_source_where_the_crops_are(tiny_run, tmp_path):
    config = SyntheticConfig(recordings=1, seconds=1.0, fps=12.5, size=(192, 192), shares=(0, 0, 1), seed=3)
    recording = read_dataset(write_dataset(tmp_path / "large", config))[0]
    net = load(tiny_run, device="cpu")
    footage = PredictorSource(recording.name, recording, net.crops(recording), net)
    crops, window = footage.crops, slice(3, 9)
    images = footage.media(window, work()).images
    assert images.shape == (6, shown_side(crops), shown_side(crops), 3) and images.side > crops.size
    small = np.stack([cv2.resize(image, crops.frames.shape[2:0:-1], interpolation=cv2.INTER_AREA) for image in images])
    assert np.abs(small.astype(float) - crops.frames[window]).mean() < 8
    stopped = work()
    stopped.stop()
    with pytest.raises(Stopped):
        list(footage.media(window, stopped).images)


def test_the_explorer_shows_them_with_the_whole_image_around_them(opened, drawn, tiny_run):
    explorer = opened(tiny_run, drawn)
    clip = explorer.scrubber.clip
    source = explorer._controller.source
    assert (clip["width"], clip["height"]) == 2 * (shown_side(source.crops),)
    assert clip["media"]["context"]["frames"] == list(range(clip["count"]))


@pytest.mark.real_clips
def test_a_video_is_looked_at_while_its_face_is_followed_and_ends_as_explained(tiny_run, real_clips, face_model, monkeypatch, tmp_path):
    monkeypatch.setattr(beginning, "STEPS", (0.3, 0.8))
    monkeypatch.setattr(ExplorerController, "_begin", lambda self, task, first: (seen.append(first), begin(self, task, first)))
    seen, clip = [], tmp_path / "yes.mkv"  # an empty element more than the clip has: other tests may have followed that one's face
    clip.write_bytes((real_clips / "intel_asl_yes.mkv").read_bytes() + b"\xec\x81\x00")
    explorer = explore(tiny_run, clip, methods=(), device="cpu", quiet=True)
    assert explorer.wait(120)
    whole = load(tiny_run, device="cpu").explain(clip, methods=())
    assert [len(one.clip) < len(whole.crops) for one in seen] == [True] * len(seen) != []
    assert all(one.seen.attention.weights.shape[0] == len(one.clip) for one in seen)
    shown = explorer._controller.maps["attention"]
    assert shown.weights == pytest.approx(whole.attention.weights, abs=1e-6) and explorer.scrubber.clip["count"] == len(whole.clip)
    explorer.close()


def test_recordings_come_as_folder_list_or_file(opened, drawn, tiny_run, tmp_path):
    video = next((drawn / "videos").glob("*.mp4"))
    assert len(opened(tiny_run, drawn).names) == 3 and len(opened(tiny_run, data=drawn, split="test").names) == 1
    alone = opened(tiny_run, video, source="centre")
    assert alone.names == (video.stem,) and "extrapolation" in alone.scrubber.clip["notices"][0]
    (tmp_path / "b").mkdir()
    shutil.copy(video, tmp_path / "b")
    alike = opened(tiny_run, [video, tmp_path / "b" / video.name], source="centre", start=1)
    assert alike.names == (f"videos/{video.stem}", f"b/{video.stem}") and alike.recording == f"b/{video.stem}"


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (["1/v/anna.mp4", "2/v/anna.mp4", "2/v/ben.mp4"], ["1/v/anna", "2/v/anna", "ben"]),
        (["1/x/v/anna.mp4", "2/x/v/anna.mp4", "2/w/anna.mp4"], ["1/x/v/anna", "2/x/v/anna", "w/anna"]),
        (["v/anna.mp4", "v/anna.avi", "w/anna.mp4"], ["v/anna (anna.mp4)", "v/anna (anna.avi)", "w/anna"]),
        (["v/Anna.mp4", "w/anna.mp4"], ["v/Anna", "w/anna"]),
        (["v/Anna.mp4", "v/anna.mp4"], ["v/Anna", "v/anna"]),
        (["v/a/b.mp4", "v/a-b.mp4", "w/b.mp4"], ["a/b", "a-b", "w/b"]),
    ],
)
def test_recordings_called_alike_are_told_apart_by_their_folders_also_as_files(tmp_path, places, names):
    found = _names([Recording((tmp_path / place).stem, tmp_path / place) for place in places])
    assert found == names
    assert len({file_stem(name).casefold() for name in found}) == len(found)


def test_a_recording_that_is_given_twice_is_refused(tiny_run, drawn):
    video = next((drawn / "videos").glob("*.mp4"))
    with pytest.raises(StavisError, match="is given twice: give it once, or as Recordings with names of their own"):
        explore(tiny_run, [video, video.parent / ".." / "videos" / video.name], device="cpu")
    assert _names([Recording("before", video), Recording("after", video)]) == ["before", "after"]


def test_annotations_and_files_are_of_one_recording_where_two_are_called_alike(opened, drawn, tiny_run, tmp_path):
    video = next((drawn / "videos").glob("*.mp4"))
    for place in ("1/v", "2/v"):
        (tmp_path / place).mkdir(parents=True)
        shutil.copy(video, tmp_path / place / "anna.mp4")
    given = [tmp_path / "1/v/anna.mp4", tmp_path / "2/v/anna.mp4"]
    explorer = opened(tiny_run, given, source="centre", annotations=tmp_path / "marks", out=tmp_path / "out")
    explorer.annotations = Annotations(exclude=((0.1, 0.3),))
    for number in (0, 1):
        explorer.recording = number
        assert explorer.wait(60) and bool(explorer.annotations.exclude) == (number == 0)
        explorer.export("report")
        assert explorer.wait(60)
    assert len(list((tmp_path / "out").glob("*.html"))) == 2


def test_what_cannot_be_opened_is_said(opened, drawn, tiny_run, tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    explorer = opened(tiny_run, [tmp_path / "empty.mp4", tmp_path / "none.mp4"])
    for number in (0, 1):
        explorer.recording = number
        assert explorer.wait(60) and explorer.panel.status.kind == "error" and "Traceback" not in explorer.panel.status.said
        assert explorer.panel.status.said.count(".mp4") >= 1 and explorer.scrubber is None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"recordings": []}, "list of recordings is empty"),
        ({"recordings": "x.mp4", "data": "y"}, "give one of them"),
        ({"recordings": "x.mp4", "methods": ("guess",)}, "no attribution method 'guess'"),
        ({"run": "/no/such/run", "recordings": "x.mp4"}, "is no checkpoint"),
    ],
)
def test_what_cannot_be_is_refused_at_once(tiny_run, options, reason):
    with pytest.raises(StavisError, match=reason):
        explore(**{"run": tiny_run, "device": "cpu", **options})


def test_a_split_that_is_not_there_is_refused_with_those_that_are(tiny_run, drawn):
    for given in ({"recordings": drawn}, {"data": drawn}):
        with pytest.raises(StavisError, match=r"no recording in split 'nope' \(there are: .*test.*\): choose one of these"):
            explore(tiny_run, split="nope", device="cpu", quiet=True, **given)


def test_a_moment_is_explained_by_a_methods_name_or_its_label(opened, drawn, tiny_run):
    explorer = opened(tiny_run, drawn, split="test")
    for k, name in enumerate(("saliency", "Saliency", "input_x_gradient", "input-x-gradient")):
        explorer.time = k / 10
        explorer.explain_moment(name)
        assert explorer.wait(60) and explorer.scrubber.map.startswith(("Saliency", "Input × gradient")[k // 2])
    with pytest.raises(StavisError, match="no attribution method 'salency': did you mean saliency"):
        explorer.explain_moment("salency")


def test_a_method_of_ones_own_is_offered_and_ticked(opened, drawn, tiny_run):
    def the_mean(model, clip, target=None):
        with attribution_context(model, clip, target) as asked:
            return asked.to_attribution("the mean", np.ones(clip.frames.shape[:3]))

    explorer = opened(tiny_run, drawn, methods=(the_mean, "grad-cam"))
    assert set(names(explorer)) == {"attention", "the mean", "Grad-CAM"}
    assert len(explorer.panel.ticks) == len(ALL_METHODS)  # all but the attention, and the own one
    assert not hasattr(the_mean, "label")


def test_a_moment_is_explained_through_the_window_around_it(footage):
    clip, network = footage.cut(slice(0, len(footage.times))), footage.predictor.network
    for frame in (0, 7, len(clip) - 1):
        piece, place = window_around(clip.times, frame, network.rate, network.seconds)
        assert piece[place] == frame
        whole = footage.attribute_moment(saliency, clip, "valence", frame, work())
        part = saliency(network.model, clip[piece], Target("valence", place))
        assert whole.values[piece] == pytest.approx(part.values) and whole.target == Target("valence", frame)
        others = np.setdiff1d(np.arange(len(clip)), piece)
        assert not whole.values[others].any()


def test_a_window_without_a_face_has_no_attribution(footage):
    clip = footage.cut(slice(0, len(footage.times)))
    clip.valid[:] = False
    assert not footage.attribute(saliency, clip, "valence", work()).values.any()


def test_a_stop_comes_between_two_layers_and_leaves_no_hook(footage):
    model = footage.predictor.model
    hooks = lambda: sum(len(module._forward_pre_hooks) for module in model.modules())  # noqa: E731
    before, task, passed = hooks(), work(), []

    def check():
        passed.append(1)
        if len(passed) == 5:
            task.stop()
        task.check()

    with pytest.raises(Stopped), interruptible(model, check):
        model(torch.rand(1, 5, 3, 32, 32))
    assert len(passed) == 5 and hooks() == before
    task = work()
    task.stop()
    clip = footage.cut(slice(0, 12))
    shutil.rmtree(cache_folder() / "attributions", ignore_errors=True)
    with pytest.raises(Stopped):
        footage.attribute(saliency, clip, "valence", task)
    assert hooks() == before and isinstance(footage.attribute(saliency, clip, "valence", work()), Attribution)


def test_what_a_worker_warns_of_does_not_reach_the_cell(opened, tiny_run, drawn):
    video = next((drawn / "videos").glob("*.mp4"))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", StavisWarning)
        opened(tiny_run, [Recording("centred", video)], methods=("integrated-gradients",))
    assert [one for one in heard if issubclass(one.category, StavisWarning)] == []
