"""What a cue moves in the picture lies in the regions that count as its own, for flat faces and for 3D heads alike."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

import stavis.synthetic.flat.stage as flat_stage
from stavis.attention.cue_scores import CUES, EYES, MOUTH
from stavis.data.faces.regions import rasterise_index
from stavis.regions import REGIONS
from stavis.synthetic.behaviour.cues import cue_weights, sample_habits
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.flat.expression import Expression
from stavis.synthetic.flat.scene import Background, Camera
from stavis.synthetic.heads.motion import HeadMotion
from stavis.synthetic.heads.renderer import HeadScene, sample_head
from stavis.synthetic.scenarios import sample_courses

SIDE, PEOPLE = 112, 6
SHOWN = {"smile": (1.0, 0.0), "frown": (-1.0, 0.0), "smiling eyes": (0.0, 1.0), "scowl": (0.0, -1.0)}
"""What mouth and eyes show in frames 1 to 4; in frame 0 they rest."""
MOUTHS, EYE_CUES = np.array([(0.0, 0.0), *SHOWN.values()]).T
LOWER = ("mouth", "cheeks", "chin", "nose")
UPPER = (*CUES[EYES], "forehead")


def flat_faces(seed: int, patch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """Frames (5,H,W,3) and landmarks (5,L,2) of a flat face that shows nothing, then each of SHOWN, and is still otherwise."""
    values = {one.name: np.zeros(len(MOUTHS)) for one in dataclasses.fields(Expression)}
    values |= {"mouth": MOUTHS, "eyes": EYE_CUES, "gaze": np.zeros((len(MOUTHS), 2)), "scale": np.ones(len(MOUTHS))}
    patch.setattr(flat_stage, "sample_expression", lambda *given: Expression(**values))
    patch.setattr(flat_stage.FlatStage, "_occluders", lambda stage: [])
    patch.setattr(Camera, "take", lambda self, image, frame: image)
    patch.setattr(Background, "draw", lambda self, frame: np.full((SIDE, SIDE, 3), 77, np.uint8))
    spec = SyntheticConfig(recordings=PEOPLE, seconds=len(MOUTHS) / 6.25, fps=6.25, size=(SIDE, SIDE), seed=5, diversity=1.0)
    stage = flat_stage.FlatStage(spec, seed, sample_courses(spec, seed))
    return np.stack(list(stage.frames(range(len(MOUTHS))))), stage.landmarks().astype(float)


def heads(seed: int, model) -> tuple[np.ndarray, np.ndarray]:
    """The same of a 3D head, whose shapes come together as in a person."""
    none = np.zeros(len(MOUTHS))
    weights = cue_weights(sample_habits(np.random.default_rng([seed, 3])), SimpleNamespace(mouth=MOUTHS, eyes=EYE_CUES)).clipped()
    motion = HeadMotion(weights, none, none, none, none, none, none + 1)
    person = sample_head(np.random.default_rng([seed, 1]), model)
    options = {"size": (SIDE, SIDE), "fps": 25.0, "occluder_mouth": none, "occluder_eyes": none}
    scene = HeadScene(model, person, motion, rng=np.random.default_rng([seed, 2]), **options)
    frames = np.full((len(MOUTHS), SIDE, SIDE, 3), 77, np.uint8)
    for frame, image in enumerate(frames):
        scene.render_over(image, frame)
    return frames, scene.landmarks().astype(float)


def moved(frames: np.ndarray, points: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By what is shown: the change of each pixel within the face (H,W), all of them 1, and the regions before and then (2,H,W)."""
    index = rasterise_index(points, SIDE)
    found = {}
    for frame, name in enumerate(SHOWN, 1):
        change = np.abs(frames[frame].astype(float) - frames[0]).sum(2)
        change[change < 9] = 0
        regions = index[[0, frame]]
        change[(regions == REGIONS.index("outside")).any(0)] = 0  # the outline before the background, and the hair that goes with it
        found[name] = (change / change.sum(), regions)
    return found


@pytest.fixture(scope="module", params=["flat", pytest.param("heads", marks=pytest.mark.heads)])
def people(request) -> list[dict]:
    """What each cue moves, of some people of a renderer."""
    if request.param == "heads":
        model = request.getfixturevalue("head_model")
        return [moved(*heads(seed, model)) for seed in range(PEOPLE)]
    with pytest.MonkeyPatch.context() as patch:
        return [moved(*flat_faces(seed, patch)) for seed in range(PEOPLE)]


def fraction(person: dict, shown: str, names: tuple[str, ...]) -> float:
    """How much of the change lies where one of these regions was before or is then."""
    change, regions = person[shown]
    return float(change[np.isin(regions, [REGIONS.index(name) for name in names]).any(0)].sum())


def density(person: dict, shown: str, names: tuple[str, ...]) -> float:
    """The same over the area of these regions."""
    area = np.isin(person[shown][1], [REGIONS.index(name) for name in names]).any(0).mean()
    return fraction(person, shown, names) / float(area)


@pytest.mark.parametrize(("shown", "regions"), [("smile", LOWER), ("frown", LOWER), ("scowl", UPPER)])
def test_four_fifths_of_what_a_cue_moves_lie_in_its_half_of_the_face(people, shown, regions):
    each = [fraction(person, shown, regions) for person in people]
    assert np.mean(each) >= 0.8 and min(each) > 0.6, each


def test_smiling_eyes_leave_mouth_and_chin_nearly_alone(people):
    """Nearly: the cheeks that they raise carry the upper lip with them."""
    each = [fraction(person, "smiling eyes", ("mouth", "chin")) for person in people]
    assert np.mean(each) < 0.25 and max(each) < 0.4, each


@pytest.mark.parametrize(("shown", "cue"), [("smile", MOUTH), ("frown", MOUTH), ("smiling eyes", EYES), ("scowl", EYES)])
def test_the_informative_region_moves_most_for_its_size_and_the_other_ones_little(people, shown, cue):
    """What the scores of attention rest on: the informative region's share over its area."""
    own, other = ([density(person, shown, CUES[each]) for person in people] for each in (cue, 1 - cue))
    assert min(own) > 2 and np.mean(own) > 2 * np.mean(other), (own, other)
    assert all(first > second for first, second in zip(own, other, strict=True)), (own, other)
