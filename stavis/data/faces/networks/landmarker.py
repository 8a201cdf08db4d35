"""Faces in one image: MediaPipe's detector, its 478 landmarks and its 52 blendshapes, run without MediaPipe.

References
----------
Bazarevsky et al., BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs, 2019 (arXiv 1907.05047).
Kartynnik et al., Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs, 2019 (arXiv 1907.06724).
Grishchenko et al., Blendshapes GHUM: Real-time Monocular Facial Blendshape Prediction, 2023 (arXiv 2309.05782).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from stavis.data.faces.blendshapes import BLENDSHAPE_POINTS
from stavis.data.faces.networks.backends import LiteRT, OpenCV, resolved_backend
from stavis.data.faces.networks.model_file import FaceModel

DETECTOR_SIDE, _MESH_SIDE = 128, 256
_REGION_MARGIN = 1.5  # the region given to the mesh is so much larger than the face's box
_MERGE_OVERLAP = 0.3
_LINEAR_UP_TO = 640  # images of twice this side and more are shrunk by area first
EYES = (33, 263)
"""The outer corners of the eyes, left and right in the image, among the 478 landmarks."""


@dataclass(frozen=True)
class Detection:
    """A face found by the detector: box (4,) x0 y0 x1 y1 px; keypoints (6,2) px, the eyes first; score in [0,1]."""

    box: np.ndarray
    keypoints: np.ndarray
    score: float


@dataclass(frozen=True)
class Region:
    """A square of the image, turned with the face: centre (x, y) and side in px, angle in radians (0 = the eyes are level)."""

    x: float
    y: float
    side: float
    angle: float

    def affine(self, side: int) -> np.ndarray:
        """(2,3): image px to px of the square, scaled to `side`."""
        scale = side / self.side
        cos, sin = np.cos(self.angle) * scale, np.sin(self.angle) * scale
        return np.array(
            [[cos, sin, side / 2 - cos * self.x - sin * self.y], [-sin, cos, side / 2 + sin * self.x - cos * self.y]], np.float64
        )


@dataclass(frozen=True)
class Mesh:
    """The landmarks of one face: points (478,2) px of the image, presence in [0,1] (that there is a face in the region).

    crop (256,256,3) uint8 is the region that was looked at, affine (2,3) maps image px to px of it.
    """

    points: np.ndarray
    presence: float
    crop: np.ndarray
    affine: np.ndarray


class FaceDetector:
    """The detector alone, on one backend and one thread; two threads need one each."""

    def __init__(self, model: FaceModel, backend: str = "auto"):
        self._detector = _network(backend)(model.networks()["face_detector"])
        self._anchors = _anchors()

    def detect(self, image: np.ndarray, threshold: float = 0.5) -> list[Detection]:
        """The faces in an image (H,W,3) uint8 RGB, the surest first; ones below about a sixth of its short side are missed."""
        square, offset, scale = _letterbox(image, DETECTOR_SIDE)
        out = self._detector(square.astype(np.float32) / 127.5 - 1)
        scores = _sigmoid(out["classificators"].reshape(-1))
        kept = scores > threshold
        values = out["regressors"].reshape(len(scores), 16)[kept] / DETECTOR_SIDE
        values[:, :2] += self._anchors[kept]
        values[:, 4::2] += self._anchors[kept, :1]
        values[:, 5::2] += self._anchors[kept, 1:]
        found = []
        for value, score in _merged(values, scores[kept]):
            centre, size, keypoints = value[:2], value[2:4], value[4:].reshape(6, 2)
            corners = np.stack([centre - size / 2, centre + size / 2])
            box, points = ((p * DETECTOR_SIDE - offset) / scale for p in (corners, keypoints))
            found.append(Detection(box.reshape(4), points, float(score)))
        return found


class FaceNetworks(FaceDetector):
    """The three networks on one backend ('litert', 'opencv', or 'auto': LiteRT where it is installed), one thread each."""

    def __init__(self, model: FaceModel, backend: str = "auto"):
        super().__init__(model, backend)
        self.backend = resolved_backend(backend)
        parts = model.networks()
        self._mesh = _network(backend)(parts["face_landmarks_detector"])
        self._blendshapes = _network(backend)(parts["face_blendshapes"])

    def mesh(self, image: np.ndarray, region: Region) -> Mesh:
        """The landmarks of the face in a region of the image."""
        affine = region.affine(_MESH_SIDE)
        crop = cut_region(image, region, affine)
        out = self._mesh(crop.astype(np.float32) / 255)
        points = out["Identity"].reshape(478, 3)[:, :2].astype(np.float64)
        inverse = cv2.invertAffineTransform(affine)
        presence = float(_sigmoid(out["Identity_1"].reshape(-1))[0])
        return Mesh(points @ inverse[:, :2].T + inverse[:, 2], presence, crop, affine)

    def blendshapes(self, points: np.ndarray) -> np.ndarray:
        """(52,) in [0,1], named by stavis.data.faces.blendshapes, from landmarks (478,2) px."""
        out = self._blendshapes(points[list(BLENDSHAPE_POINTS)].astype(np.float32))
        return next(iter(out.values())).reshape(-1).astype(np.float32)


def _network(backend: str) -> type[LiteRT] | type[OpenCV]:
    return LiteRT if resolved_backend(backend) == "litert" else OpenCV


def region_of_detection(detection: Detection) -> Region:
    """The square around a detected face, turned by the line through its eyes."""
    (ax, ay), (bx, by) = detection.keypoints[:2]
    x0, y0, x1, y1 = detection.box
    return Region((x0 + x1) / 2, (y0 + y1) / 2, _REGION_MARGIN * max(x1 - x0, y1 - y0), float(np.arctan2(by - ay, bx - ax)))


def region_of_points(points: np.ndarray) -> Region:
    """The square around landmarks (478,2), where the same face is looked for in the next frame."""
    (ax, ay), (bx, by) = points[EYES[0]], points[EYES[1]]
    low, high = points.min(0), points.max(0)
    centre = (low + high) / 2
    return Region(*centre.tolist(), _REGION_MARGIN * float((high - low).max()), float(np.arctan2(by - ay, bx - ax)))


def cut_region(image: np.ndarray, region: Region, affine: np.ndarray) -> np.ndarray:
    """The region at the mesh's size; faces much larger than that are shrunk by area first, so that pores do not alias."""
    shrink = int(region.side // (2 * _MESH_SIDE))
    if shrink >= 2:
        x0, y0 = (max(0, int(c - region.side)) for c in (region.x, region.y))
        part = image[y0 : int(region.y + region.side) + 1, x0 : int(region.x + region.side) + 1]
        if part.size:
            image = cv2.resize(part, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
            there = affine[:, :2] @ np.array([x0, y0], np.float64) + affine[:, 2]
            affine = np.column_stack([affine[:, :2] * shrink, there + affine[:, :2].sum(1) * (shrink - 1) / 2])
    size = (_MESH_SIDE, _MESH_SIDE)
    return cv2.warpAffine(image, affine, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _letterbox(image: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, float]:
    """The whole image in a black square; where its corner lies in it (px of the square); the square's px in an image's px.

    Sampled as MediaPipe does it, linearly: shrunk by area, the same landmarks come out .6 % of the eye distance off.
    """
    shrink = max(image.shape[:2]) // _LINEAR_UP_TO
    if shrink >= 2:
        image = cv2.resize(image, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    height, width = image.shape[:2]
    scale = side / max(height, width)
    offset = np.array([side - width * scale, side - height * scale]) / 2
    affine = np.array([[scale, 0, offset[0]], [0, scale, offset[1]]])
    return cv2.warpAffine(image, affine, (side, side), flags=cv2.INTER_LINEAR), offset, scale / max(shrink, 1)


def _anchors() -> np.ndarray:
    """(896,2): the centres of the detector's cells in [0,1]: 16x16 with 2 each, 8x8 with 6 each."""
    parts = []
    for cells, each in ((16, 2), (8, 6)):
        y, x = np.mgrid[:cells, :cells]
        parts.append(np.repeat((np.stack([x.ravel(), y.ravel()], 1) + 0.5) / cells, each, axis=0))
    return np.concatenate(parts)


def _merged(values: np.ndarray, scores: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Non-maximum suppression that averages what overlaps, weighted by the scores (as in BlazeFace)."""
    boxes = np.concatenate([values[:, :2] - values[:, 2:4] / 2, values[:, :2] + values[:, 2:4] / 2], 1)
    left = np.argsort(-scores)
    merged = []
    while len(left):
        best = left[0]
        same = overlap(boxes[best], boxes[left]) > _MERGE_OVERLAP
        same[0] = True
        group = left[same]
        merged.append((np.average(values[group], axis=0, weights=scores[group]), float(scores[best])))
        left = left[~same]
    return merged


def overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of a box (4,) with boxes (n,4): (n,) in [0,1]."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.clip(high - low, 0, None).prod(1)
    areas = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(1)
    return common / np.maximum(areas + max(0.0, float(np.prod(box[2:] - box[:2]))) - common, 1e-9)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values.astype(np.float64), -80, 80)))
