"""What a synthetic recording promises: the same again from seed and index alone, and truth that fits its frames."""

import dataclasses
import itertools

import numpy as np
import pytest

from stavis.data.faces.regions import rasterise_index
from stavis.errors import StavisError
from stavis.landmarks import DRAWN
from stavis.regions import REGIONS
from stavis.synthetic.config import SCENARIOS, SyntheticConfig
from stavis.synthetic.flat.canvas import Canvas
from stavis.synthetic.flat.head import build_head
from stavis.synthetic.flat.identity import BEARDS, COLLARS, GLASSES, HAIRCUTS, HATS, sample_identity
from stavis.synthetic.flat.occluders import EYE_COVERS, MOUTH_COVERS, make_occluder
from stavis.synthetic.flat.scene import render_body
from stavis.synthetic.recording import render

SPEC = SyntheticConfig(scenarios=SCENARIOS, recordings=18, seconds=2)


def frames_of(spec: SyntheticConfig, index: int, count: int | None = None) -> np.ndarray:
    return np.stack(list(itertools.islice(render(spec, index).frames(), count)))


def same(a, b) -> bool:
    pairs = zip(dataclasses.astuple(a), dataclasses.astuple(b), strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("index", range(6))
def test_the_same_seed_draws_the_same_bits(index):
    first, again = render(SPEC, index), render(SPEC, index)
    assert same(first.truth, again.truth) and same(first.ratings, again.ratings)
    frames = frames_of(SPEC, index)
    assert np.array_equal(frames, frames_of(SPEC, index))
    assert frames.shape == (50, 128, 128, 3) and frames.dtype == np.uint8
    assert frames.std() > 10


def test_a_recording_hangs_on_seed_and_index_alone():
    more = dataclasses.replace(SPEC, recordings=500)
    assert np.array_equal(frames_of(SPEC, 4, 5), frames_of(more, 4, 5))
    assert same(render(SPEC, 4).truth, render(more, 4).truth)


def test_another_seed_or_index_draws_something_else():
    first = frames_of(SPEC, 0, 3)
    assert not np.array_equal(first, frames_of(dataclasses.replace(SPEC, seed=1), 0, 3))
    assert not np.array_equal(first, frames_of(SPEC, 1, 3))


def test_two_recordings_of_one_person_show_the_same_person_elsewhere():
    spec = dataclasses.replace(SPEC, recordings_per_identity=2)
    first, second = render(spec, 0), render(spec, 1)
    assert first.subject == second.subject and first.name != second.name
    assert not np.array_equal(first.truth.valence, second.truth.valence)


def test_chosen_frames_are_the_frames_of_the_whole():
    whole = frames_of(SPEC, 2)
    chosen = np.stack(list(render(SPEC, 2).frames([40, 3])))
    assert np.array_equal(chosen, whole[[40, 3]])
    with pytest.raises(StavisError, match="no frame 50"):
        render(SPEC, 2).frames([50])


@pytest.mark.parametrize("index", [-1, 18])
def test_there_is_no_recording_beyond_the_set(index):
    with pytest.raises(StavisError, match=f"no recording {index}"):
        render(SPEC, index)


@pytest.mark.parametrize("size", [(128, 128), (256, 256), (640, 480), (96, 160)])
def test_the_face_is_in_the_picture_whatever_its_size(size):
    spec = dataclasses.replace(SPEC, size=size, seconds=0.4)
    for index in range(6):
        recording = render(spec, index)
        assert recording.truth.visible.all()
        points = recording.truth.landmarks
        assert points.shape == (10, DRAWN.count, 2) and points.dtype == np.float32
        inner = points[:, 36:]
        assert (inner > 0).all() and (inner < size).all(), "eyes, brows, nose and mouth are in the image"
    assert frames_of(spec, 0, 1).shape == (1, size[1], size[0], 3)


def test_in_a_square_the_face_fills_the_picture_and_in_a_wide_one_a_small_head_moves():
    square, wide = SPEC, dataclasses.replace(SPEC, size=(640, 480), seconds=8)
    for index in range(4):
        face = render(square, index).truth.landmarks[:, :36]
        assert np.ptp(face[0, :, 1]) > 0.7 * 128
    moved = []
    for index in range(6):
        face = render(wide, index).truth.landmarks[:, :36]
        assert np.ptp(face[0, :, 1]) < 0.45 * 480
        moved.append(np.ptp(face.mean(1)[:, 0]))
    assert np.mean(moved) > 60


def test_region_masks_are_those_of_the_crops():
    """Drawn in the video's pixels and made by stavis.data from the landmarks, they differ by little more than their rims."""
    for index in range(4):
        truth = render(SPEC, index).truth
        mine, theirs = truth.regions(0, 10), rasterise_index(truth.landmarks[:10].astype(float), 128)
        assert mine.shape == (10, 128, 128) and mine.dtype == np.uint8
        assert (mine == theirs).mean() > 0.97
        for value in range(len(REGIONS)):
            overlap = ((mine == value) & (theirs == value)).sum() / ((mine == value) | (theirs == value)).sum()
            assert overlap > 0.72, REGIONS[value]


def test_what_is_covered_changes_and_keeps_its_landmarks():
    """Without its occluders a switching recording would be another image there, and only there."""
    spec = SyntheticConfig(scenarios="switching", recordings=8, seconds=6, crf=(20, 20))
    shares = []
    for index in range(4):
        recording = render(spec, index)
        truth = recording.truth
        assert np.isfinite(truth.landmarks).all()
        assert truth.occluded.any()
        assert (truth.occluded[(truth.mouth_cue < 0.05) | (truth.mouth_cue > 0.95)]).all()
        shares.append(truth.occluded.mean())
    assert 0.6 < np.mean(shares) < 1


@pytest.mark.parametrize(("region", "kind"), [("mouth", kind) for kind in MOUTH_COVERS] + [("eyes", kind) for kind in EYE_COVERS])
def test_every_cover_hides_its_region_for_the_most_part(region, kind):
    rng = np.random.default_rng(3)
    person = sample_identity(rng)
    unit = 36.0
    head = np.array([[unit, 0, 64.0], [0, unit, 51.0], [0, 0, 1.0]])
    image = np.random.default_rng(1).integers(0, 255, (128, 128, 3)).astype(np.uint8)
    hidden = []
    for _ in range(5):
        thing = make_occluder(rng, person, region, unit, kind)
        covered = thing.lay(image, 1.0, head, unit, np.zeros(2))
        changed = (covered != image).any(2)
        x, y, wide, high = (0, 1.08, 0.4, 0.15) if region == "mouth" else (0, 0.0, 0.7, 0.08)
        left, top, right, bottom = (np.array((x - wide, y - high, x + wide, y + high)) * unit + (64, 51, 64, 51)).astype(int)
        hidden.append(changed[top:bottom, left:right].mean())
        assert changed.mean() < 0.75
    assert np.mean(hidden) > 0.7


def test_every_kind_of_hair_hat_beard_and_glasses_can_be_drawn():
    person, canvas = sample_identity(np.random.default_rng(0)), Canvas(30.0)
    bald = build_head(np.random.default_rng(0), dataclasses.replace(person, haircut="bald", hat="none", beard="none"), canvas)
    kinds = [("haircut", name) for name in HAIRCUTS if name != "bald"] + [("hat", name) for name in HATS if name != "none"]
    kinds += [("beard", name) for name in BEARDS if name != "none"]
    for field, name in kinds:
        other = dataclasses.replace(person, **{"haircut": "bald", "hat": "none", "beard": "none", field: name})
        head = build_head(np.random.default_rng(0), other, canvas)
        assert not np.array_equal(head.colour, bald.colour), name
    assert len(GLASSES) > 2 and len(COLLARS) > 2
    body = render_body(np.random.default_rng(0), person, Canvas(20.0, -5.5, -2.6, 5.5, 5.0))
    assert body.shape[2] == 4 and body[..., 3].max() == 255
