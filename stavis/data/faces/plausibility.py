"""Whether landmarks belong to the face they were found on: against the detector's key points, and against how a face is built.

The landmark network gives 478 points and a high presence for an upside-down face too, and for half of one. The detector is another
network and tells them apart: seen from nearby and the right way up it scores faces .82 to .97, upside down .47 to .76 (nine frames,
one a person).
"""

import math

import cv2
import numpy as np

from stavis.data.faces.networks.landmarker import DETECTOR_SIDE, Detection, FaceNetworks, Region, cut_region, overlap
from stavis.landmarks import MEDIAPIPE

MOST_APART = 0.3
"""Landmarks further from the detector's eyes, nose or mouth than this, in eye distances, are not valid."""

TURNED_BETTER = 0.1
"""By how much the detector's score must be higher for a face to be taken as turned: upside-down faces gave .14 to .39 more, an
upright one with a mask at most .06 (eight people; all of them were looked at for the choice)."""

SURELY_UPRIGHT = 0.85
"""The detector's score in the whole image from which a face is not looked at again: upside-down faces had .54 to .78 there."""

_KEYPOINTS = np.array([*MEDIAPIPE.left_eye_corners, *MEDIAPIPE.right_eye_corners, 1, 1, 13, 14])  # eyes, nose tip, lips: pairs
_ORDER = np.array([*MEDIAPIPE.left_eye_corners, *MEDIAPIPE.right_eye_corners, 13, 14, 152, 10, *MEDIAPIPE.mouth_corners])
_CLOSE_SIDES, _LOOK_SIDE, _SAME_BOX = 2.5, 2 * DETECTOR_SIDE, 0.2
_SURE_LOOK = 0.8
_EYES_OF_HEIGHT = 0.3  # the eye distance of a frontal face, at the least, in its height: the unit of a face seen from the side


def disagreement(points: np.ndarray, detection: Detection) -> float:
    """The largest distance of eyes, nose tip and mouth (478,2) from the detector's, in eye distances."""
    found = points[_KEYPOINTS].reshape(4, 2, 2).mean(1)
    height = math.dist(points[10], points[152])
    unit = max(math.dist(found[0], found[1]), _EYES_OF_HEIGHT * height, 1e-6)
    return math.sqrt(float(((found - detection.keypoints[:4]) ** 2).sum(1).max())) / unit


def built_as_a_face(points: np.ndarray) -> bool:
    """Whether landmarks are in a face's order: mouth and chin below the eyes, the corners of eyes and mouth from left to right."""
    at = points[_ORDER]
    x, y = ((at[2] + at[3]) - (at[0] + at[1])).tolist()
    if x * x + y * y < 1e-12:
        return False
    along, below = (at @ np.array([[x, -y], [y, x]])).T.tolist()
    eyes, mouth = sum(below[:4]) / 4, (below[4] + below[5]) / 2
    return below[7] < eyes < mouth < below[6] and along[8] < along[9] and along[0] < along[3]


def angle_of(points: np.ndarray) -> float:
    """How far a face is turned in the image, in radians: 0 where the eyes are level and the mouth below them."""
    left, right = (points[list(corners)].mean(0) for corners in (MEDIAPIPE.left_eye_corners, MEDIAPIPE.right_eye_corners))
    return float(np.arctan2(*(right - left)[::-1]))


def close_look(networks: FaceNetworks, image: np.ndarray, box: np.ndarray, angle: float, threshold: float = 0.5) -> Detection | None:
    """The face in a box as the detector sees it from nearby in an image that is turned back by `angle`; None where it sees none."""
    centre, size = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())
    region = Region(*centre.tolist(), _CLOSE_SIDES * max(size, 1.0), angle)
    affine = region.affine(_LOOK_SIDE)
    inverse = cv2.invertAffineTransform(affine)
    scale = region.side / _LOOK_SIDE
    for found in networks.detect(cut_region(image, region, affine), threshold):
        middle = inverse[:, :2] @ ((found.box[:2] + found.box[2:]) / 2) + inverse[:, 2]
        half = (found.box[2:] - found.box[:2]) * scale / 2
        here = Detection(np.concatenate([middle - half, middle + half]), found.keypoints @ inverse[:, :2].T + inverse[:, 2], found.score)
        if overlap(box, here.box[None])[0] > _SAME_BOX:
            return here
    return None


def right_way_up(networks: FaceNetworks, image: np.ndarray, found: Detection) -> Detection:
    """The detection as it is, or the one of the same face turned by 180 degrees (or 90) where the detector is surer of that one."""
    if found.score >= SURELY_UPRIGHT:
        return found
    (ax, ay), (bx, by) = found.keypoints[:2]
    angle = float(np.arctan2(by - ay, bx - ax))
    angle = angle if abs(angle) < np.pi / 4 else 0.0
    upright, turned = (close_look(networks, image, found.box, angle + turn) for turn in (0.0, np.pi))
    best = max((turned, upright), key=_score)
    if _score(best) < _SURE_LOOK:
        sides = [close_look(networks, image, found.box, angle + turn) for turn in (np.pi / 2, -np.pi / 2)]
        best = max((best, *sides), key=_score)
    return best if best is not None and _score(best) > _score(upright) + TURNED_BETTER else found


def _score(found: Detection | None) -> float:
    return 0.0 if found is None else found.score
