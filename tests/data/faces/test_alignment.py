import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stavis.data.faces.alignment import EYES_AT, anchors, apply_affine, centre_affine, crop_affine, cut, invert_affine
from stavis.data.faces.regions import rasterise, rasterise_index
from stavis.errors import StavisError
from stavis.landmarks import DRAWN, MEDIAPIPE
from stavis.regions import REGIONS
from tests.data.faces.plain_points import plain_face

MIRRORED = [{"left_eye": "right_eye", "right_eye": "left_eye"}.get(name, name) for name in REGIONS]
OUTSIDE = REGIONS.index("outside")
LAYOUTS = pytest.mark.parametrize("layout", [DRAWN, MEDIAPIPE], ids=["drawn", "mediapipe"])


def masks_of(points, size=112):
    affine = crop_affine(points, size)
    return rasterise(apply_affine(affine, points), size)


@LAYOUTS
@settings(max_examples=40, deadline=None)
@given(
    eye_distance=st.floats(8, 900),
    x=st.floats(-500, 3000),
    y=st.floats(-500, 3000),
    angle=st.floats(-179, 179),
    size=st.sampled_from([48, 64, 112, 224]),
)
def test_eyes_come_to_their_place_level(layout, eye_distance, x, y, angle, size):
    points = plain_face(layout, eye_distance, (x, y), angle)[None]
    left, right, mouth = anchors(apply_affine(crop_affine(points, size), points))
    assert np.abs((left + right) / 2 + 0.5 - np.array(EYES_AT) * size).max() < 0.05
    assert abs(left[0, 1] - right[0, 1]) < 0.05 and left[0, 0] < right[0, 0]
    assert np.abs((mouth + 0.5) / size - (0.5, 0.71)).max() < 0.03


@LAYOUTS
def test_a_smile_a_blink_and_speech_do_not_move_the_crop(layout):
    plain = plain_face(layout)
    changed = np.repeat(plain[None], 4, 0)
    mouth = list(layout.mouth[0])
    changed[1, mouth] -= (0, 8)
    changed[2, mouth] = (changed[2, mouth] - changed[2, mouth].mean(0)) * (1.3, 2) + changed[2, mouth].mean(0)
    for ring, corners in ((layout.left_eye[0], layout.left_eye_corners), (layout.right_eye[0], layout.right_eye_corners)):
        lids = [k for k in ring if k not in corners]
        changed[3, lids, 1] = changed[3, list(corners), 1].mean()
    affine = crop_affine(changed)
    assert np.allclose(affine, affine[:1])
    assert np.allclose(crop_affine(changed[2:3]), affine[2:3])  # nor do other frames


@LAYOUTS
def test_a_turned_head_keeps_its_height_in_the_crop(layout):
    """A face in depth, turned about the vertical axis: eyes come together, the way to the mouth stays."""
    flat = plain_face(layout, 60, (0, 0))
    depth = np.zeros(layout.count)
    depth[list(layout.nose[0])] = 0.29 * 60
    turned = []
    for degrees in (0, 15, -30, 40):
        turn = np.deg2rad(degrees)
        turned.append(np.stack([flat[:, 0] * np.cos(turn) + depth * np.sin(turn), flat[:, 1]], 1))
    points = np.stack(turned)
    left, right, mouth = anchors(apply_affine(crop_affine(points), points))
    heights = mouth[:, 1] - (left + right)[:, 1] / 2
    assert np.allclose(heights, heights[0], rtol=0.01)


@LAYOUTS
def test_affine_is_a_similarity_and_its_inverse_leads_back(layout):
    points = np.stack([plain_face(layout, 30 + 10 * k, (k * 50, 80), 12 * k) for k in range(5)])
    affine = crop_affine(points)
    gram = affine[:, :, :2] @ affine[:, :, :2].transpose(0, 2, 1)
    assert np.allclose(gram, gram[:, :1, :1] * np.eye(2), atol=1e-9 * gram.max())
    assert np.allclose(apply_affine(invert_affine(affine), apply_affine(affine, points)), points)


@LAYOUTS
def test_chin_brows_and_forehead_are_in_the_crop(layout):
    points = plain_face(layout)[None]
    inside = apply_affine(crop_affine(points), points)
    assert inside.min() > 0 and inside.max() < 111


@LAYOUTS
def test_masks_are_a_partition_with_every_region(layout):
    masks = masks_of(np.stack([plain_face(layout, angle=angle) for angle in (-30, 0, 10)]))
    assert masks.dtype == bool and masks.shape == (3, len(REGIONS), 112, 112)
    assert (masks.sum(1) == 1).all()
    assert masks.any((2, 3)).all()


@LAYOUTS
def test_a_mirrored_face_has_mirrored_masks(layout):
    points = np.stack([plain_face(layout, angle=angle) for angle in (-25, 0, 8)])
    mirrored = points * (-1, 1) + (639, 0)
    swapped = mirrored[:, list(layout.mirror)]  # points are named by where they are in the image
    plain, other = masks_of(points), masks_of(swapped)
    named = [REGIONS.index(name) for name in MIRRORED]
    differing = (plain[:, named, :, ::-1] != other).any(1).mean((1, 2))
    assert differing.max() < 0.01


@LAYOUTS
def test_masks_grow_with_the_crop(layout):
    points = plain_face(layout)[None]
    small, large = masks_of(points, 56), masks_of(points, 224)
    shrunk = large.reshape(1, len(REGIONS), 56, 4, 56, 4).mean((3, 5)).argmax(1)
    assert (shrunk != small.argmax(1)).mean() < 0.05
    areas = small.mean((0, 2, 3)), large.mean((0, 2, 3))
    assert np.allclose(*areas, atol=0.012)


@LAYOUTS
def test_regions_hold_their_landmarks_and_lids_belong_to_eyes(layout):
    points = plain_face(layout)[None]
    inside = apply_affine(crop_affine(points), points)
    index = rasterise_index(inside)[0]
    for name in ("mouth", "left_eye", "right_eye", "brows"):
        for ring in getattr(layout, name):
            x, y = np.rint(inside[0, list(ring)]).astype(int).T
            assert (index[y, x] == REGIONS.index(name)).all(), name
    eye = inside[0, list(layout.left_eye[0])]
    above = np.rint(eye.min(0)[1] - 2).astype(int)
    assert index[above, round(eye[:, 0].mean())] == REGIONS.index("left_eye")


@LAYOUTS
def test_the_skin_between_the_brows_is_the_glabella_from_the_forehead_to_the_nose(layout):
    points = plain_face(layout)
    inside = apply_affine(crop_affine(points[None]), points[None])
    index = rasterise_index(inside)[0]
    (lx, y), (rx, _) = (inside[0, list(ring)].mean(0) for ring in layout.brows)
    middle = round((lx + rx) / 2)
    assert index[round(y), middle] == REGIONS.index("glabella")
    below = [REGIONS[value] for value in index[round(y) - 9 :, middle] if value != REGIONS.index("brows")]
    assert list(dict.fromkeys(below)) == ["forehead", "glabella", "nose", "mouth", "chin", "outside"], "nothing of the midline is left"


def test_the_first_region_has_the_pixel_where_two_meet():
    points = plain_face(DRAWN)[None]
    inside = apply_affine(crop_affine(points), points)
    inside[:, list(DRAWN.nose[0])] = inside[:, list(DRAWN.mouth[0])].mean(1, keepdims=True) + np.random.default_rng(0).normal(0, 4, (12, 2))
    lips = np.zeros((112, 112), np.uint8)
    cv2.fillPoly(lips, [np.rint(inside[0, list(DRAWN.mouth[0])]).astype(np.int32)], 1)
    hidden = rasterise(inside)[0, 0]
    assert hidden[lips > 0].all() and not hidden[rasterise(apply_affine(crop_affine(points), points))[0, 0]].all(), "the nose has the rest"


@LAYOUTS
def test_frames_without_a_face_borrow_the_nearest_crop_and_are_outside(layout):
    points = np.stack([plain_face(layout, middle=(100 + 10 * k, 100)) for k in range(6)])
    gone = points.copy()
    gone[[0, 2, 3, 5]] = np.nan
    affine, whole = crop_affine(gone), crop_affine(points)
    assert np.array_equal(affine, whole[[1, 1, 1, 4, 4, 4]])
    masks = rasterise(apply_affine(affine, gone))
    assert masks[[0, 2, 3, 5], OUTSIDE].all() and masks[[1, 4], 0].any((1, 2)).all()
    marked = rasterise(apply_affine(whole, points), valid=np.array([1, 0, 1, 1, 1, 1], bool))
    assert marked[1, OUTSIDE].all() and (marked.sum(1) == 1).all()


def test_no_face_at_all_and_a_face_of_one_point_give_no_affine():
    assert np.isnan(crop_affine(np.full((3, 124, 2), np.nan))).all()
    assert np.isnan(crop_affine(np.full((3, 124, 2), 7.0))).all()


def test_far_points_do_not_overflow():
    points = plain_face(DRAWN)[None] * 1e7
    masks = rasterise(points)
    assert (masks.sum(1) == 1).all()


def test_other_layouts_are_refused_in_a_sentence():
    with pytest.raises(StavisError, match="124 or 478"):
        crop_affine(np.zeros((2, 68, 2)))


@pytest.mark.parametrize("size", [40, 112])
@pytest.mark.parametrize("eye_distance", [12, 60, 400])
def test_cut_puts_the_picture_where_the_affine_says(size, eye_distance):
    points = plain_face(DRAWN, eye_distance, (700, 500), 20)[None]
    affine = crop_affine(points, size)
    y, x = np.mgrid[0:1000, 0:1400].astype(np.float32)
    image = np.stack([x / 8, y / 8, x * 0 + 9], 2).astype(np.uint8)
    crop = cut(image, affine[0], size).astype(float)
    goal = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).reshape(1, -1, 2).astype(float)
    source = apply_affine(invert_affine(affine), goal)[0].reshape(size, size, 2)
    well_inside = ((source > 3) & (source < (1396, 996))).all(-1)
    assert well_inside.mean() > 0.3
    assert np.abs(crop[..., :2] - source / 8)[well_inside].max() < 1.6
    assert (crop[..., 2] == 9).all()


def test_a_large_face_is_averaged_not_sampled():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (1080, 1080, 3), np.uint8)
    crop = cut(noise, centre_affine(1080, 1080, 64), 64)
    assert crop.std() < 12  # sampled, the noise would keep its 74


def test_centre_affine_takes_the_largest_centred_square():
    image = np.zeros((90, 160, 3), np.uint8)
    image[:, 35:125] = 255
    crop = cut(image, centre_affine(160, 90, 45), 45)
    assert (crop[:, 1:-1] == 255).all() and (crop[:, [0, -1]] > 200).all()
    assert (cut(image, centre_affine(160, 90, 90), 90) == 255).all()
