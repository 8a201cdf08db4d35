"""What a network can see of the valence: measured on landmarks as crops align them, and on the pixels, not on the courses."""

import dataclasses

import cv2
import numpy as np
import pytest

from stavis.data.faces.alignment import apply_affine, crop_affine
from stavis.landmarks import DRAWN
from stavis.synthetic import recording as recording_module
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.flat import stage as stage_module
from stavis.synthetic.flat.identity import sample_identity
from stavis.synthetic.flat.occluders import EYE_COVERS, MOUTH_COVERS
from stavis.synthetic.flat.scene import Background, Camera
from stavis.synthetic.recording import render
from tests.synthetic.flat.test_rendering import part_hidden

MANY = 60


def seen_of(scenario: str, **options) -> list[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """For each recording: its valence, and what the geometry shows in each frame, as parts of the aligned crop's width."""
    spec = SyntheticConfig(scenarios=scenario, recordings=MANY, seconds=8, fps=12.5, **options)
    return [(truth.valence, geometry(truth.landmarks)) for truth in (render(spec, index).truth for index in range(MANY))]


def geometry(landmarks: np.ndarray) -> dict[str, np.ndarray]:
    points = apply_affine(crop_affine(landmarks, 1), landmarks)
    height = points[..., 1]
    mouth, left, right = (list(ring[0]) for ring in (DRAWN.mouth, DRAWN.left_eye, DRAWN.right_eye))
    corners, middle = height[:, list(DRAWN.mouth_corners)].mean(1), (height[:, mouth[6]] + height[:, mouth[18]]) / 2
    lids = [height[:, eye[12]] - height[:, eye[4]] for eye in (left, right)]
    return {
        "corners": middle - corners,
        "opening": height[:, mouth[18]] - height[:, mouth[6]],
        "brows": -height[:, [point for ring in DRAWN.brows for point in ring]].mean(1),
        "lids": (lids[0] + lids[1]) / 2,
        "head": landmarks[:, list(DRAWN.nose[0]), 1].mean(1) / np.ptp(landmarks[:, :36, 1].mean(0)),
    }


def pooled(seen, name: str, own_mean: bool) -> float:
    """The correlation of a measure with the valence over all frames; own_mean: of what differs from the recording's own mean."""
    measures = [found[name] - (found[name].mean() if own_mean else 0) for _, found in seen]
    return float(np.corrcoef(np.concatenate(measures), np.concatenate([valence for valence, _ in seen]))[0, 1])


def test_in_mouth_only_the_mouth_tells():
    seen = seen_of("mouth")
    assert pooled(seen, "corners", True) > 0.8
    for name in ("brows", "head"):
        assert abs(pooled(seen, name, True)) < 0.15 and abs(pooled(seen, name, False)) < 0.15
    assert abs(pooled(seen, "lids", True)) < 0.3, "cheeks that a smile raises move the lower lid a little"


def test_in_eyes_only_eyes_and_brows_tell():
    seen = seen_of("eyes")
    assert pooled(seen, "brows", True) > 0.7, "brows fall less far than they rise, and some fall at the outer end only"
    for name in ("corners", "opening", "head"):
        assert abs(pooled(seen, name, True)) < 0.15 and abs(pooled(seen, name, False)) < 0.15


def test_in_motion_no_single_frame_tells_but_the_movement_does():
    seen = seen_of("motion")
    for name in ("corners", "brows"):
        assert abs(pooled(seen, name, True)) < 0.4, name
        moving = [np.corrcoef(np.gradient(found[name]), valence)[0, 1] for valence, found in seen]
        assert np.median(moving) > 0.6, name


def test_in_switching_the_decoy_moves_as_far_and_says_nothing():
    spec = SyntheticConfig(scenarios="switching", recordings=MANY, seconds=8, fps=12.5)
    carried, decoyed = {"mouth": [], "eyes": []}, {"mouth": [], "eyes": []}
    for index in range(MANY):
        truth = render(spec, index).truth
        assert ((truth.mouth_cue >= 0) & (truth.mouth_cue <= 1)).all()
        assert np.array_equal(truth.informative, np.where(truth.mouth_cue > 0.5, 0, 1)), "the informative is the larger part"
        assert truth.occluded[(truth.mouth_cue == 0) | (truth.mouth_cue == 1)].all()
        found = geometry(truth.landmarks)
        for region, measure, cue in (("mouth", "corners", truth.mouth_cue), ("eyes", "brows", 1 - truth.mouth_cue)):
            moved = found[measure] - found[measure].mean()
            for pile, where in ((carried, cue == 1), (decoyed, cue == 0)):
                pile[region].append(np.stack([moved[where], truth.valence[where]]))
    for region in ("mouth", "eyes"):
        (cue, valence), (decoy, meanwhile) = (np.concatenate(pile[region], 1) for pile in (carried, decoyed))
        assert np.corrcoef(cue, valence)[0, 1] > 0.75
        assert abs(np.corrcoef(decoy, meanwhile)[0, 1]) < 0.2
        assert 0.8 < decoy.std() / cue.std() < 1.25


def hidden_shares(spec: SyntheticConfig, index: int, frames: list[int], monkeypatch) -> tuple[np.ndarray, np.ndarray]:
    """How much of the rings of mouth and of eyes a occluder changes in each frame: (T,) each."""
    shown = list(render(spec, index).frames(frames))
    landmarks = render(spec, index).truth.landmarks[frames]
    with monkeypatch.context() as patch:
        patch.setattr(stage_module.FlatStage, "_occluders", lambda stage: [])
        bare = list(render(spec, index).frames(frames))
    shares = []
    for with_cover, without, points in zip(shown, bare, landmarks, strict=True):
        changed = np.abs(with_cover.astype(int) - without).max(2) > 6
        for rings in (DRAWN.mouth, DRAWN.left_eye + DRAWN.right_eye):
            mask = np.zeros(changed.shape, np.uint8)
            cv2.fillPoly(mask, [np.round(points[list(ring)]).astype(np.int32) for ring in rings], 1)
            shares.append(changed[mask > 0].mean())
    return np.array(shares[::2]), np.array(shares[1::2])


def test_the_decoy_is_covered_in_the_picture(monkeypatch):
    spec = SyntheticConfig(scenarios="switching", recordings=8, seconds=6, fps=12.5)
    decoys = []
    for index in range(6):
        cue = render(spec, index).truth.mouth_cue
        frames = [int(np.flatnonzero(cue == side)[len(np.flatnonzero(cue == side)) // 2]) for side in (0, 1) if (cue == side).any()]
        mouth, eyes = hidden_shares(spec, index, frames, monkeypatch)
        decoys += [m if cue[frame] == 0 else e for frame, m, e in zip(frames, mouth, eyes, strict=True)]
    assert len(decoys) > 8 and np.mean(decoys) > 0.6 and min(decoys) > 0.2, "covered, some things in part"


def test_a_hand_passes_in_occlusion(monkeypatch):
    spec = SyntheticConfig(scenarios="occlusion", recordings=4, seconds=8, fps=6.25)
    hidden = []
    for index in range(4):
        truth = render(spec, index).truth
        assert truth.occluded.any() and not truth.occluded.all()
        mouth, eyes = hidden_shares(spec, index, list(range(spec.frames)), monkeypatch)
        over = np.where(truth.informative == 0, eyes, mouth)
        hidden.append(over[truth.occluded & (truth.informative >= 0)].mean())
        before_and_after = (truth.mouth_cue == 0.5) & ~truth.occluded
        assert mouth[before_and_after].max() < 0.05 and eyes[before_and_after].max() < 0.05, "gone when it is gone"
    assert np.mean(hidden) > 0.8


BLOCKS = pytest.param(
    "eyes", "fingers", marks=pytest.mark.xfail(strict=True, reason="the arm below a fist over the eyes hides a part of the mouth")
)


@pytest.mark.parametrize(
    ("region", "kind"),
    [*(("mouth", kind) for kind in MOUTH_COVERS), *(("eyes", kind) for kind in EYE_COVERS if kind != "fingers"), BLOCKS],
)
def test_a_cover_leaves_the_informative_region_free(region, kind):
    """What hides the mouth must leave the eyes to be read, and the other way round."""
    rings = ("mouth",) if region == "eyes" else ("left_eye", "right_eye")
    for seed in range(10):
        rng = np.random.default_rng(seed)
        assert part_hidden(rng, sample_identity(rng), region, kind, rings) < 0.1


def test_the_distractor_moves_with_the_valence_in_training_pictures(monkeypatch):
    spec = SyntheticConfig(scenarios="distractor", recordings=4, seconds=6, fps=6.25)
    for index in (0, 3):
        assert spec.split_of(index) == "train"
        shown = list(render(spec, index).frames())
        with monkeypatch.context() as patch:
            patch.setattr(Background, "render_background_object", lambda self, image, frame: None)
            bare = list(render(spec, index).frames())
        truth = render(spec, index).truth
        heights, on_the_face = [], []
        for one, other, points in zip(shown, bare, truth.landmarks, strict=True):
            changed = np.abs(one.astype(int) - other).max(2) > 6
            assert changed.any()
            heights.append(-np.argwhere(changed)[:, 0].mean())
            face = np.zeros(changed.shape, np.uint8)
            cv2.fillPoly(face, [np.round(points[:36]).astype(np.int32)], 1)
            on_the_face.append(changed[face > 0].mean())
        assert np.corrcoef(heights, truth.valence)[0, 1] > 0.8
        assert np.mean(on_the_face) < 0.01, "it is in the background"


@pytest.mark.parametrize("size", [(128, 128), (640, 480)])
def test_lips_of_a_whole_frame_lie_in_the_ring_of_the_mouth(size, monkeypatch):
    """Pose, jaw, head motion and all but the camera's colours: the painted mouth's middle is the ring's, to less than a pixel."""
    plain = {"lips": np.array((0, 255, 0), np.float32), "lip_contrast": 1.0, "beard": "none", "shows_teeth": 0.0, "speaks": 0.0}
    plain |= {"skin": np.array((180, 60, 140), np.float32)}
    real = sample_identity
    monkeypatch.setattr(stage_module, "sample_identity", lambda rng, wide: dataclasses.replace(real(rng, wide), **plain))
    monkeypatch.setattr(stage_module.FlatStage, "_occluders", lambda stage: [])
    monkeypatch.setattr(Camera, "take", lambda self, image, frame: image)
    spec = SyntheticConfig(scenarios="mouth", recordings=4, seconds=3, size=size, seed=2)
    for index in range(3):
        drawn = render(spec, index)
        chosen = [0, 20, 40, 74]
        for frame, image in zip(chosen, drawn.frames(chosen), strict=True):
            ring = np.zeros(image.shape[:2], np.uint8)
            outline = drawn.truth.landmarks[frame, list(DRAWN.mouth[0])]
            cv2.fillPoly(ring, [np.round(outline * 16).astype(np.int32)], 1, cv2.LINE_8, 4)
            near = cv2.dilate(ring, np.ones((9, 9), np.uint8)) > 0
            green = near & (image[..., 1].astype(int) - np.maximum(image[..., 0], image[..., 2]) > 0)
            assert green.any()
            assert np.abs(np.argwhere(green).mean(0) - np.argwhere(ring > 0).mean(0)).max() < 1.0
            assert not green[cv2.dilate(ring, np.ones((3, 3), np.uint8)) == 0].any(), "no lip beyond a pixel of the ring"


def test_a_moustache_hangs_on_the_person_and_not_on_the_valence():
    spec = SyntheticConfig(scenarios=("mouth", "eyes"), recordings=400, seconds=2, fps=6.25)
    people = [sample_identity(spec.generator("identity", index)) for index in range(400)]
    bearded = [index for index, person in enumerate(people) if person.beard in ("moustache", "goatee", "full")]
    valence = np.array([recording_module.sample_courses(spec, index).valence.mean() for index in range(400)])
    droop = np.array([person.moustache_droop for person in people])
    assert len(bearded) > 40 and droop[bearded].std() > 0.05
    assert abs(np.corrcoef(droop[bearded], valence[bearded])[0, 1]) < 0.3
    there = np.isin(np.arange(400), bearded)
    assert abs(valence[there].mean() - valence[~there].mean()) < 0.2
