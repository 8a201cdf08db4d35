"""Face crops that are alike, and the part of the face that each of their pixels belongs to.

A pixel's integer coordinates are its centre, as OpenCV has it. In the crop a person's eyes are level and on the same place always.
"""

import cv2
import numpy as np

from stavis.errors import StavisError
from stavis.landmarks import LAYOUTS, Layout

EYES_AT = (0.50, 0.40)
"""Where the point between the eyes lies in the crop, as parts of its width and height: met exactly in every frame."""
EYE_DISTANCE = 0.285
"""The distance of the eye centres, seen from the front, as a part of the crop's width: chin, both brows and most of the forehead are
in, and the mouth comes to (.50, .71) for an average face."""
NOSE_DEPTH = 0.29
"""How far the middle of the nose's ring stands out before the eyes, in eye distances: tells how far a head is turned."""


def layout_of(landmarks: np.ndarray) -> Layout:
    """Which layout landmarks (T,L,2) have, told by L. Raises StavisError where stavis knows none with so many points."""
    if landmarks.ndim != 3 or landmarks.shape[2] != 2 or landmarks.shape[1] not in LAYOUTS:
        known = " or ".join(str(count) for count in LAYOUTS)
        raise StavisError(f"landmarks are {landmarks.shape}: give (frames, {known}, 2).")
    return LAYOUTS[landmarks.shape[1]]


def anchors(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The points a crop is aligned by: left eye, right eye and mouth (T,2) each, the middles of their corners.

    Corners hardly move when the eyes blink or the jaw drops, so neither moves the crop.
    """
    layout = layout_of(landmarks)
    corners = (layout.left_eye_corners, layout.right_eye_corners, layout.mouth_corners)
    return tuple(np.asarray(landmarks[:, list(pair)], np.float64).mean(1) for pair in corners)


def crop_affine(landmarks: np.ndarray, size: int = 112) -> np.ndarray:
    """How source pixels become crop pixels so that all faces lie alike: (T,2,3) float64, a similarity a frame.

    The line between the eyes becomes level, its middle comes to EYES_AT exactly (integer coordinates are the middles of pixels) and
    the eyes EYE_DISTANCE apart. A head turned aside, whose eyes come together, is not blown up: how far it is turned is read from
    where the nose is. The mouth has no part in it: its corners rise in a smile, and the whole crop would grow with the valence,
    for every network to see at any place (synthetic faces: r = .9 between the two, before).

    landmarks (T,L,2) px of the source. A frame without a face (NaN) gets the affine of the nearest frame that has one (the
    earlier of two as near): only to have a picture there, the frame stays not valid. All NaN where no frame has a face.
    """
    left, right, _ = anchors(landmarks)
    across, middle = right - left, (left + right) / 2
    eyes = np.hypot(*across.T)
    nose = np.asarray(landmarks[:, list(layout_of(landmarks).nose[0])], np.float64).mean(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        aside = ((nose - middle) * across).sum(1) / eyes**2
        frontal = eyes * np.sqrt(1 + np.clip(aside / NOSE_DEPTH, -1.2, 1.2) ** 2)
        cos, sin = size * EYE_DISTANCE / frontal * across.T / eyes
    linear = np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], 1)
    goal = np.array(EYES_AT) * size - 0.5
    affine = np.concatenate([linear, (goal - np.einsum("tij,tj->ti", linear, middle))[:, :, None]], 2)
    return _fill_from_nearest(affine, np.isfinite(affine).all((1, 2)) & (eyes > 1e-6))


def misaligned(affine: np.ndarray, errors: np.ndarray, size: int) -> np.ndarray:
    """Affines (T,2,3) into crops of `size` px off by errors (T,4): across and down as parts of the width, zoom, turn in radians."""
    across, down, zoom, turn = np.asarray(errors, np.float64).T
    cos, sin = (1 + zoom) * np.cos(turn), (1 + zoom) * np.sin(turn)
    linear = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], 1)
    middle = np.full(2, (size - 1) / 2)
    moved = np.einsum("tij,tj->ti", linear, affine[:, :, 2] - middle) + middle + size * np.stack([across, down], 1)
    return np.concatenate([linear @ affine[:, :, :2], moved[:, :, None]], 2)


def apply_affine(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (T,L,2) carried by a similarity a frame (T,2,3): source pixels to crop pixels, or back with the inverse."""
    return np.einsum("tij,tlj->tli", affine[:, :, :2], points) + affine[:, None, :, 2]


def invert_affine(affine: np.ndarray) -> np.ndarray:
    """The way back, crop pixels to source pixels: (T,2,3)."""
    linear = np.linalg.inv(affine[:, :, :2])
    return np.concatenate([linear, -linear @ affine[:, :, 2:]], 2)


def centre_affine(width: int, height: int, size: int = 112) -> np.ndarray:
    """The crop of the largest centred square of a picture: (2,3) float64, source pixels to crop pixels."""
    side = min(width, height)
    scale = size / side
    x, y = ((width - side) / 2, (height - side) / 2)
    return np.array([[scale, 0, (0.5 - x) * scale - 0.5], [0, scale, (0.5 - y) * scale - 0.5]])


def cut(image: np.ndarray, affine: np.ndarray, size: int = 112) -> np.ndarray:
    """The crop (size,size,3) uint8 of an image (H,W,3) under one affine (2,3); beyond the picture its edge goes on.

    A large face is first reduced by area means: sampled as it is, its fine texture would flicker from frame to frame.
    """
    height, width = image.shape[:2]
    scale = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    if not np.isfinite(affine).all() or scale <= 0:
        return np.zeros((size, size, 3), np.uint8)
    affine = np.asarray(affine, np.float64)
    if scale < 0.6:
        corners = np.array([[[-1, -1], [size, -1], [size, size], [-1, size]]], np.float64)
        around = apply_affine(invert_affine(affine[None]), corners)[0]
        margin = 2 / scale
        x0, y0 = np.clip(np.floor(around.min(0) - margin), 0, (width - 1, height - 1)).astype(int)
        x1, y1 = np.clip(np.ceil(around.max(0) + margin), (x0, y0), (width - 1, height - 1)).astype(int) + 1
        part = image[y0:y1, x0:x1]
        shape = (max(1, round(part.shape[1] * scale * 1.25)), max(1, round(part.shape[0] * scale * 1.25)))
        image = cv2.resize(part, shape, interpolation=cv2.INTER_AREA)
        fx, fy = part.shape[1] / shape[0], part.shape[0] / shape[1]
        back = np.array([[fx, 0, x0 + (fx - 1) / 2], [0, fy, y0 + (fy - 1) / 2], [0, 0, 1]])
        affine = affine @ back
    return cv2.warpAffine(image, affine, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _fill_from_nearest(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    known = np.flatnonzero(there)
    if not len(known):
        return np.full_like(values, np.nan)
    frames = np.arange(len(values))
    after = np.clip(np.searchsorted(known, frames), 0, len(known) - 1)
    before = np.clip(after - 1, 0, None)
    nearer = np.where(np.abs(known[before] - frames) <= np.abs(known[after] - frames), before, after)
    return values[known[nearer]]
