"""Faces followed from frame to frame: each is looked for where it was, and the detector looks for others in every frame."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from stavis.data.faces.landmarker import (
    DETECTOR_SIDE,
    Detection,
    FaceNetworks,
    Mesh,
    overlap,
    region_of_detection,
    region_of_points,
)
from stavis.data.faces.one_euro import OneEuro

PRESENCE = 0.5
"""The least presence of a face. Below .9, and for faces found small, the detector must see it in two close-ups as well: a letter
that the landmarks clung to had .98 and .65 there, faces of 40 pixels in 480 have .8 to .97."""

MOST_FACES = 6
"""The most faces that are followed at a time, the largest first: each costs about 9 ms a frame."""

_SAME_FACE = 0.3
_CUT = 22.0
_THUMBNAIL = (32, 18)
_SURE, _SURE_SCORE, _SEEN_CLOSE, _CHECK_EVERY = 0.9, 0.75, 0.7, 5
_CLOSE_UPS = (2.5, 4.0)  # sides of the pictures of a close look, in sizes of the face
_NEAR, _ALIKE = 1.0, 2.0


@dataclass(frozen=True)
class TrackedFace:
    """One face in one frame: number (who, as far as places tell); points (478,2) px, smoothed; box (4,) x0 y0 x1 y1 px of these;
    score in [0,1] (presence); blendshapes (52,) in [0,1] of the points before smoothing."""

    number: int
    points: np.ndarray
    box: np.ndarray
    score: float
    blendshapes: np.ndarray


@dataclass
class _Face:
    number: int
    points: np.ndarray
    smoother: OneEuro = field(default_factory=OneEuro)
    alive: bool = True
    unseen: int = 0  # frames since the detector last saw it

    @property
    def centre(self) -> np.ndarray:
        return (self.points.min(0) + self.points.max(0)) / 2

    @property
    def size(self) -> float:
        return float(np.ptp(self.points, axis=0).max())


class FaceTracker:
    """Follows all faces through pictures that are given in order; holds one frame's state, whatever the video's length.

    A face keeps its number while it is followed. After a loss or a cut the number goes to the face that lies where it was, or, where
    one face alone was seen and one face alone comes, to that one: places tell faces apart here, not who they are.
    """

    def __init__(self, networks: FaceNetworks):
        self._networks = networks
        self._faces: list[_Face] = []
        self._thumbnail: np.ndarray | None = None

    def step(self, image: np.ndarray, time: float) -> list[TrackedFace]:
        """The faces in the next picture (H,W,3) uint8 RGB, shown at `time` s, in the order of their numbers."""
        cut = self._is_cut(image)
        detections = self._networks.detect(image)
        followed = [] if cut else self._follow(image, detections)
        if cut:
            for face in self._faces:
                face.alive = False
        new = [m for m in self._meshes(image, detections) if not any(_same(m.points, known.points) for _, known in followed)]
        new = _distinct(new)
        if not new and not followed:
            new = self._small(image)
        room = MOST_FACES - len(followed)
        met = followed + self._numbered(sorted(new, key=lambda m: -np.ptp(m.points, axis=0).prod())[: max(0, room)])
        return [self._seen(face, mesh, time) for face, mesh in sorted(met, key=lambda pair: pair[0].number)]

    def _is_cut(self, image: np.ndarray) -> bool:
        small = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._thumbnail = self._thumbnail, small
        return before is not None and float(np.abs(small - before).mean()) > _CUT

    def _follow(self, image: np.ndarray, detections: list[Detection]) -> list[tuple[_Face, Mesh]]:
        kept: list[tuple[_Face, Mesh]] = []
        for face in self._faces:
            if not face.alive:
                continue
            mesh = self._networks.mesh(image, region_of_points(face.points))
            face.unseen = 0 if any(_inside(d, mesh.points) for d in detections) else face.unseen + 1
            face.alive = mesh.presence >= PRESENCE and not any(_same(mesh.points, other.points) for _, other in kept)
            doubtful = face.unseen and (mesh.presence < _SURE or face.unseen % _CHECK_EVERY == 0)
            if face.alive and doubtful:
                face.alive = self._close_up(image, _box(mesh.points)) is not None
            if face.alive:
                kept.append((face, mesh))
        return kept

    def _meshes(self, image: np.ndarray, detections: list[Detection]) -> list[Mesh]:
        alive = [f for f in self._faces if f.alive]
        free = [d for d in detections if not any(_inside(d, f.points) for f in alive)][:MOST_FACES]
        meshes = []
        for found in free:
            mesh = self._networks.mesh(image, region_of_detection(found))
            sure = mesh.presence >= _SURE and found.score >= _SURE_SCORE
            if sure or (mesh.presence >= PRESENCE and self._close_up(image, found.box) is not None):
                meshes.append(mesh)
        return meshes

    def _small(self, image: np.ndarray) -> list[Mesh]:
        """A face that is too small for the detector in the whole picture (down to a twelfth of the short side), or none."""
        for candidate in self._in_tiles(image):
            closer = self._close_up(image, candidate.box)
            mesh = closer and self._networks.mesh(image, region_of_detection(closer))
            if mesh and mesh.presence >= _SURE:
                return [mesh]
        return []

    def _in_tiles(self, image: np.ndarray) -> list[Detection]:
        """What the detector finds in overlapping tiles of the picture at twice its resolution, the surest first."""
        scale = 2 * DETECTOR_SIDE / max(image.shape[:2])
        size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        found = []
        for y in _starts(size[1]):
            for x in _starts(size[0]):
                tile = small[y : y + DETECTOR_SIDE, x : x + DETECTOR_SIDE]
                found += [_moved(one, x, y, 1 / scale) for one in self._networks.detect(tile)]
        return sorted(found, key=lambda d: -d.score)[:4]

    def _close_up(self, image: np.ndarray, box: np.ndarray) -> Detection | None:
        """The face in a box as the detector sees it from nearby; None where it is not sure of it at both sizes."""
        size, centre = float((box[2:] - box[:2]).max()), (box[:2] + box[2:]) / 2
        seen = None
        for sides in _CLOSE_UPS:
            x0, y0 = (max(0, round(c - sides * size / 2)) for c in centre)
            x1, y1 = (round(c + sides * size / 2) for c in centre)
            part = image[y0 : max(y1, 0), x0 : max(x1, 0)]
            here = [_moved(d, x0, y0) for d in self._networks.detect(part, _SEEN_CLOSE)] if part.size else []
            here = [d for d in here if overlap(box, d.box[None])[0] > _SAME_FACE]
            if not here:
                return None
            seen = seen or here[0]
        return seen

    def _numbered(self, new: list[Mesh]) -> list[tuple[_Face, Mesh]]:
        """New meshes with a face each: a lost one that lay there, the only lost one, or a new number."""
        lost = [f for f in self._faces if not f.alive]
        alone = len(new) == 1 and len(self._faces) == 1
        given = []
        for mesh in sorted(new, key=lambda m: m.points[:, 0].mean()):
            probe = _Face(-1, mesh.points)
            near = [f for f in lost if alone or _near(f, probe)]
            if near:
                face = min(near, key=lambda f: np.linalg.norm(f.centre - probe.centre))
                lost.remove(face)
                face.alive, face.unseen, face.smoother = True, 0, OneEuro()
            else:
                face = _Face(len(self._faces), mesh.points)
                self._faces.append(face)
            given.append((face, mesh))
        return given

    def _seen(self, face: _Face, mesh: Mesh, time: float) -> TrackedFace:
        face.points = mesh.points
        smooth = face.smoother(mesh.points, time, face.size)
        box = np.concatenate([smooth.min(0), smooth.max(0)])
        return TrackedFace(face.number, smooth, box, mesh.presence, self._networks.blendshapes(mesh.points))


def _box(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points.min(0), points.max(0)])


def _same(points: np.ndarray, others: np.ndarray) -> bool:
    """Whether two sets of landmarks are of one face: their boxes overlap or they lie within a fifth of its size of each other."""
    size = float(np.ptp(points, axis=0).max())
    near = float(np.linalg.norm(points - others, axis=1).mean()) < size / 5
    return near or bool(overlap(_box(points), _box(others)[None])[0] > _SAME_FACE)


def _moved(found: Detection, x: int, y: int, scale: float = 1.0) -> Detection:
    """A detection in a part of the picture that begins at (x, y), in pixels of the picture."""
    shift = np.array([x, y], np.float64)
    return Detection((found.box + np.tile(shift, 2)) * scale, (found.keypoints + shift) * scale, found.score)


def _starts(side: int) -> list[int]:
    """Where tiles of the detector's size begin along a side, each half a tile after the one before."""
    last = max(0, side - DETECTOR_SIDE)
    return sorted({min(k * DETECTOR_SIDE // 2, last) for k in range(3)})


def _inside(detection: Detection, points: np.ndarray) -> bool:
    x0, y0, x1, y1 = _box(points)
    x, y = (detection.box[:2] + detection.box[2:]) / 2
    return bool(x0 < x < x1 and y0 < y < y1)


def _near(lost: _Face, new: _Face) -> bool:
    apart = float(np.linalg.norm(lost.centre - new.centre))
    ratio = max(lost.size, new.size) / max(min(lost.size, new.size), 1e-6)
    return apart < _NEAR * max(lost.size, new.size) and ratio < _ALIKE


def _distinct(meshes: list[Mesh]) -> list[Mesh]:
    kept: list[Mesh] = []
    for mesh in sorted(meshes, key=lambda m: -m.presence):
        if not any(_same(mesh.points, other.points) for other in kept):
            kept.append(mesh)
    return kept
