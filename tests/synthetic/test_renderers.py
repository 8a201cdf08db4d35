"""Two storeys: what happens is the same whoever renders it, and a folder may hold the faces of both renderers."""

import dataclasses
import json

import numpy as np
import pytest

from stavis.data.crops.crops import CropConfig, crops_of
from stavis.data.datasets.folder import read_folder
from stavis.data.datasets.truth import POSE, read_truth
from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.data.faces.regions import rasterise_index
from stavis.errors import StavisError
from stavis.landmarks import DRAWN, MEDIAPIPE
from stavis.regions import REGIONS
from stavis.synthetic.behaviour.values import valence_of
from stavis.synthetic.config import SCENARIOS, SyntheticConfig
from stavis.synthetic.heads import stage
from stavis.synthetic.recording import render
from stavis.synthetic.scenarios import sample_courses
from stavis.synthetic.writer import read_spec, write_dataset

SPEC = SyntheticConfig(scenarios=("switching", "mouth"), recordings=4, seconds=0.8, fps=12.5, size=(96, 96), seed=5, rater_lag=0.6)


def face_points(size: tuple[int, int]) -> np.ndarray:
    """478 points (478,2) px in about the places of a face: each ring an ellipse."""
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (478, 2)) + np.array((0, 0.4))
    rings = ((MEDIAPIPE.face, (0, 0.4), (1.1, 1.5)), (MEDIAPIPE.nose, (0, 0.4), (0.25, 0.4)), (MEDIAPIPE.mouth, (0, 1.1), (0.4, 0.18)))
    rings = (*rings, (MEDIAPIPE.left_eye, (-0.5, 0), (0.24, 0.09)), (MEDIAPIPE.right_eye, (0.5, 0), (0.24, 0.09)))
    rings += ((MEDIAPIPE.brows[:1], (-0.5, -0.4), (0.35, 0.07)), (MEDIAPIPE.brows[1:], (0.5, -0.4), (0.35, 0.07)))
    for found, middle, reach in rings:
        angles = np.pi + np.linspace(0, 2 * np.pi, len(found[0]), endpoint=False)
        points[list(found[0])] = np.stack([np.cos(angles), np.sin(angles)], 1) * reach + middle
    return points * 0.27 * min(size) + (size[0] / 2, 0.4 * size[1])


class PlainScene:
    """Stands in for the renderer of heads: a face of 478 points that moves by the pose, on a grey image."""

    def __init__(self, model, person, motion, *, rng, size, fps, **courses):
        self.motion, self.size, self.grey = motion, size, int(rng.integers(40, 200))

    def landmarks(self) -> np.ndarray:
        unit = 0.27 * min(self.size)
        shift = np.stack([self.motion.x, self.motion.y], 1)[:, None] * unit
        return (face_points(self.size)[None] + shift).astype(np.float32)

    def frame(self, t: int) -> np.ndarray:
        return np.full((self.size[1], self.size[0], 3), self.grey + t, np.uint8)


@pytest.fixture
def plain_heads(monkeypatch):
    """Heads without the head model."""
    monkeypatch.setattr(stage, "load_head_model", lambda: None)
    monkeypatch.setattr(stage, "_person", lambda spec, identity: None)
    monkeypatch.setattr(stage, "HeadScene", PlainScene)


@pytest.fixture
def both(plain_heads, tmp_path):
    """A folder with flat faces and heads."""
    return write_dataset(tmp_path / "both", dataclasses.replace(SPEC, renderer="both"))


@pytest.mark.parametrize("index", range(6))
def test_the_same_seed_gives_the_same_valence_cue_and_timing_with_either_renderer(index, plain_heads):
    flat = SyntheticConfig(scenarios=SCENARIOS, recordings=6, seconds=1.0, fps=12.5, size=(64, 64), neutral=0.4)
    first, second = (render(dataclasses.replace(flat, renderer=name), index) for name in ("flat", "heads"))
    for name in ("times", "valence", "mouth_cue", "informative", "occluded"):
        assert np.array_equal(getattr(first.truth, name), getattr(second.truth, name)), name
    assert (first.name, first.split, first.subject) == (second.name, second.split, second.subject)
    assert np.array_equal(first.ratings.gold, second.ratings.gold)
    assert first.truth.landmarks.shape[1] == DRAWN.count and second.truth.landmarks.shape[1] == MEDIAPIPE.count
    assert first.truth.expression is None and second.truth.expression.shape == (12, 52) and second.truth.pose.shape == (12, len(POSE))


def test_exact_neutrals_are_neutral_in_everything_that_carries_or_feigns_valence():
    spec = SyntheticConfig(scenarios=SCENARIOS, recordings=240, seconds=6.0, fps=12.5, neutral=0.6)
    zero = {"": [], "episodes": [], "always": []}
    for index in range(240):
        courses = sample_courses(spec, index)
        still = courses.valence == 0
        if spec.scenario_of(index) != "memory" or spec.neutral_of(index) == "always":  # there the face is neutral between two values too
            zero[spec.neutral_of(index)].append(still.mean())
            assert np.all(courses.mouth[still] == 0) and np.all(courses.eyes[still] == 0)
    assert np.all(np.array(zero["always"]) == 1) and np.mean(zero[""]) < 0.01
    assert 0.25 < np.mean(zero["episodes"]) < 0.6


def test_who_is_not_neutral_behaves_as_before():
    plain, some = SyntheticConfig(recordings=60, seconds=2.0), SyntheticConfig(recordings=60, seconds=2.0, neutral=0.4)
    index = next(index for index in range(60) if not some.neutral_of(index))
    first, second = sample_courses(plain, index), sample_courses(some, index)
    assert np.array_equal(first.valence, second.valence) and np.array_equal(first.mouth, second.mouth)


def test_regions_of_478_points_are_those_of_the_crops(plain_heads):
    truth = render(dataclasses.replace(SPEC, renderer="heads"), 0).truth
    mine, theirs = truth.regions(), rasterise_index(truth.landmarks.astype(float), 96)
    assert (mine == theirs).mean() > 0.97 and set(np.unique(mine)) == set(range(len(REGIONS)))


def test_a_folder_of_both_is_read_and_cropped_by_the_layout_of_each(both):
    spec = read_spec(both)
    recordings = {recording.name: recording for recording in read_folder(both)}
    counts = set()
    for index in range(spec.recordings):
        recording = recordings[spec.name_of(index)]
        truth = read_truth(recording.truth)
        heads = spec.renderer_of(index) == "heads"
        assert truth.landmarks.shape[1] == (478 if heads else 124)
        assert (truth.expression is not None) == (truth.pose is not None) == heads
        crops = crops_of(recording, CropConfig(size=64))
        assert crops.source == "truth" and crops.valid.all() and crops.track.landmarks.shape[1] == truth.landmarks.shape[1]
        assert set(np.unique(crops.clip().regions)) >= {0, 1}
        counts.add(truth.landmarks.shape[1])
    assert counts == {124, 478}


def test_the_truth_file_of_a_head_names_its_shapes_and_holds_nothing_to_unpickle(both):
    spec = read_spec(both)
    heads = [index for index in range(spec.recordings) if spec.renderer_of(index) == "heads"]
    for index in heads:
        with np.load(both / "truth" / f"{spec.name_of(index)}.npz", allow_pickle=False) as file:
            assert tuple(file["expression_names"]) == BLENDSHAPES
            assert file["expression"].shape == (10, 52) and file["expression"].dtype == np.float32
            assert np.isfinite(valence_of(file["expression"])).all()
    assert heads


@pytest.mark.parametrize(
    ("renderer", "said"), [("flat", "Synthetic faces. No"), ("heads", "Rendered 3D heads. No"), ("both", "flat ones and rendered 3D")]
)
def test_the_description_says_who_rendered_it(renderer, said, plain_heads, tmp_path):
    spec = dataclasses.replace(SPEC, recordings=1, renderer=renderer)
    described = json.loads((write_dataset(tmp_path / "set", spec) / "dataset.json").read_text())
    assert said in described["note"] and "No person was recorded" in described["note"]
    assert described["spec"]["renderer"] == renderer and read_spec(tmp_path / "set") == spec


def test_without_the_head_model_nothing_is_written(tmp_path, monkeypatch):
    def missing():
        raise StavisError("there is no head model: fetch it.")

    monkeypatch.setattr(stage, "load_head_model", missing)
    with pytest.raises(StavisError, match="no head model"):
        write_dataset(tmp_path / "set", dataclasses.replace(SPEC, recordings=9, renderer="both"))
    assert not (tmp_path / "set").exists()


def test_a_head_is_the_same_bits_again_and_chosen_frames_are_those_of_the_whole(heads_file, monkeypatch):
    monkeypatch.setenv("STAVIS_HEADS", str(heads_file))
    spec = dataclasses.replace(SPEC, renderer="heads", size=(64, 64), seconds=0.4)
    recording = render(spec, 1)
    whole = np.stack(list(recording.frames()))
    assert whole.shape == (5, 64, 64, 3) and whole.dtype == np.uint8 and whole.std() > 10
    assert np.array_equal(np.stack(list(render(spec, 1).frames([3, 1]))), whole[[3, 1]])
    assert recording.truth.visible.all() and np.array_equal(recording.truth.landmarks, render(spec, 1).truth.landmarks)
    assert not np.array_equal(whole, np.stack(list(render(dataclasses.replace(spec, seed=6), 1).frames())))
