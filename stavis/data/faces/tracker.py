"""Faces followed from frame to frame: each is looked for where it was, and the detector looks for others in every frame."""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from stavis.data.faces.identity import appearance, changed, samples_now
from stavis.data.faces.networks.landmarker import Detection, FaceNetworks, Mesh, overlap, region_of_detection, region_of_points
from stavis.data.faces.one_euro import OneEuro
from stavis.data.faces.plausibility import MOST_APART, SURELY_UPRIGHT, angle_of, built_as_a_face, close_look, disagreement, right_way_up
from stavis.data.faces.search import ONE_SCALE, SCALES, close_up, in_tiles

PRESENCE = 0.5
"""The least presence of a face. Below .9, and for faces found small, the detector must see it in two close-ups as well: a letter
that the landmarks clung to had .98 and .65 there, faces of 40 pixels in 480 have .8 to .97."""

MOST_FACES = 25
"""The most faces that are followed at a time, the largest first: each costs about 9 ms a frame."""

SEARCH_EVERY = 0.5
"""Seconds between two searches for small faces, where several faces are possible, all are asked for or nobody is seen."""

_SAME_FACE = 0.3
_CUT, _STIRRED = 22.0, 4.0
_THUMBNAIL = (32, 18)
_SURE, _SURE_SCORE, _CHECK_EVERY = 0.9, 0.75, 5
_COARSE_EVERY, _FAR_APART = 10, 0.8  # the same for a small face, whose key points are coarse: frames, eye distances
_NEARLY = 0.15  # eye distances: landmarks that were further off when they were last looked at are looked at in every frame
_NEAR, _ALIKE = 1.0, 2.0
_MUCH_SURER = 0.1
_BRIEF = 0.5  # s: a face lost for no longer, without a cut, goes on where it was
_SMALL = 0.25  # of the image's short side: the detector's key points are coarse there, and other small faces are likely
_UPRIGHT = 0.6  # radians


@dataclass(frozen=True)
class TrackedFace:
    """One face in one frame: number of its segment; points (478,2) px, smoothed; box (4,) x0 y0 x1 y1 px of these; score in [0,1]
    (presence); blendshapes (52,) in [0,1] of the points before smoothing.

    valid: whether the landmarks fit the face. appearance (580,) uint8 in some frames, else None. continues: the segment that this
    one goes on with after a brief loss, else None.
    """

    number: int
    points: np.ndarray
    box: np.ndarray
    score: float
    blendshapes: np.ndarray
    valid: bool = True
    appearance: np.ndarray | None = None
    continues: int | None = None


@dataclass
class _Face:
    number: int
    mesh: Mesh
    time: float
    continues: int | None = None
    smoother: OneEuro = field(default_factory=OneEuro)
    unseen: int = 0  # frames since the detector last saw it
    unchecked: int = 0  # frames since the landmarks were last compared with the detector's key points
    age: int = 0  # valid frames so far
    valid: bool = True
    apart: float = np.inf  # how far the landmarks were from the detector's key points when it last looked from nearby
    small: bool = False  # found by the search: it must be seen again in the next frame

    @property
    def points(self) -> np.ndarray:
        """Of the last frame, before smoothing."""
        return self.mesh.points

    @property
    def centre(self) -> np.ndarray:
        return _centre(self.points)

    @property
    def size(self) -> float:
        return float((self.points.max(0) - self.points.min(0)).max())


class FaceTracker:
    """Follows all faces through images that are given in order; holds one frame's state, whatever the video's length.

    A face keeps its number while it is followed without a break. The number ends where the face is lost, at a cut, where the face
    jumps by more than its size, and where it looks like another one from one frame to the next; who is who is told afterwards
    (stavis.data.faces.identity).

    thorough: small faces are looked for twice a second. Otherwise this is done where several people are, where nobody is seen (in every
    frame after a small face was lost), and once a shot whose only face is small.
    """

    def __init__(self, networks: FaceNetworks, thorough: bool = False):
        self._networks, self._thorough = networks, thorough
        self._faces: list[_Face] = []
        self._lost: list[_Face] = []
        self._count = 0
        self._thumbnail: np.ndarray | None = None
        self._search_at = -np.inf
        self._were_small = False  # whether one of the faces that were seen last was small
        self._moved: np.ndarray | None = None
        self._refused: list[tuple[Detection, int]] = []  # detections that were no faces, and how many frames ago
        self.crowded = False
        """Whether a face was left out in the last frame because MOST_FACES are followed."""
        self.cut = False
        """Whether another shot began with the last frame."""

    def step(self, image: np.ndarray, time: float, detections: list[Detection] | None = None) -> list[TrackedFace]:
        """The faces in the next image (H,W,3) uint8 RGB, shown at `time` s, in the order of their numbers.

        detections: what the detector finds in the image, where that is known already.
        """
        self.cut = self._is_cut(image)
        if self.cut:
            self._faces, self._lost, self._refused, self._search_at, self._were_small = [], [], [], -np.inf, False
        self._lost = [face for face in self._lost if 0 <= time - face.time <= _BRIEF]
        detections = self._networks.detect(image) if detections is None else detections
        followed = self._follow(image, detections, time)
        new = _distinct(self._found(image, detections, [mesh.points for _, mesh in followed]))
        small = self._small(image, time, [m.points for m in new] + [m.points for _, m in followed])
        room = MOST_FACES - len(followed)
        self.crowded = len(new) + len(small) > room
        ranked = sorted([(m, False) for m in new] + [(m, True) for m in small], key=lambda pair: -np.ptp(pair[0].points, axis=0).prod())
        met = followed + self._begun(ranked[: max(0, room)], time)
        self._faces = [face for face, _ in met]
        if met:
            self._were_small = any(float(np.ptp(mesh.points, axis=0).max()) < _SMALL * min(image.shape[:2]) for _, mesh in met)
        return [self._seen(face, mesh, time) for face, mesh in sorted(met, key=lambda pair: pair[0].number)]

    def _is_cut(self, image: np.ndarray) -> bool:
        small = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._thumbnail = self._thumbnail, small
        self._moved = None if before is None else np.abs(small - before)
        return before is not None and float(self._moved.mean()) > _CUT

    def _stirred(self, image: np.ndarray, points: np.ndarray) -> bool:
        """Whether the thumbnail changed where the face is: where not, it is the face it was, and need not be compared."""
        if self._moved is None:
            return False
        (width, height), (columns, rows) = image.shape[1::-1], _THUMBNAIL
        (x0, y0), (x1, y1) = points.min(0).tolist(), points.max(0).tolist()
        left, right = int(min(max(x0 / width, 0), 0.99) * columns), math.ceil(min(max(x1 / width, 0.01), 1) * columns)
        top, bottom = int(min(max(y0 / height, 0), 0.99) * rows), math.ceil(min(max(y1 / height, 0.01), 1) * rows)
        moved = self._moved[top : max(bottom, top + 1), left : max(right, left + 1)]
        return float(moved.mean()) > _STIRRED

    # Faces that are known

    def _follow(self, image: np.ndarray, detections: list[Detection], time: float) -> list[tuple[_Face, Mesh]]:
        kept: list[tuple[_Face, Mesh]] = []
        for face in self._faces:
            mesh = self._networks.mesh(image, region_of_points(face.points))
            seen = next((d for d in detections if _inside(d, mesh.points)), None)
            face.unseen = 0 if seen is not None else face.unseen + 1
            alive = mesh.presence >= PRESENCE and not any(_same(mesh.points, other.points) for _, other in kept)
            jumped = float(np.linalg.norm(_centre(mesh.points) - face.centre)) > face.size
            if alive and (jumped or (self._stirred(image, mesh.points) and changed(face.mesh, mesh))):
                self._search_at = -np.inf if len(self._faces) > 1 else self._search_at
                continue  # it begins anew where it is found, without a word on who it is
            if alive:
                mesh = self._checked(image, face, mesh, seen)
                alive = mesh is not None
            if alive:
                kept.append((face, mesh))
            else:
                self._lost.append(face)
        return kept

    def _checked(self, image: np.ndarray, face: _Face, mesh: Mesh, seen: Detection | None) -> Mesh | None:
        """The mesh of a followed face, one that fits better, or None where nobody is there; face.valid says whether it fits."""
        face.unchecked += 1
        doubtful = face.unseen and (mesh.presence < _SURE or face.unseen % _CHECK_EVERY == 0)
        again = face.small and face.age == 1
        if (doubtful or again) and not self._nearby(image, mesh.points):
            return None
        built = built_as_a_face(mesh.points)
        apart = disagreement(mesh.points, seen) if seen is not None else 0.0
        coarse = seen is None or face.size < _SMALL * min(image.shape[:2])
        clear = seen is not None and (seen.score >= _SURE_SCORE or (face.valid and face.unchecked < _CHECK_EVERY))
        every = _CHECK_EVERY if seen is None else _COARSE_EVERY
        if built and clear and apart <= MOST_APART:
            face.valid, face.unchecked = True, 0 if seen.score >= _SURE_SCORE else face.unchecked
        elif not built or not face.valid or not coarse or apart > _FAR_APART or face.apart > _NEARLY or face.unchecked >= every:
            mesh, face.apart = self._looked_at(image, mesh, seen)
            face.valid, face.unchecked = face.apart <= MOST_APART, 0
        return mesh

    def _nearby(self, image: np.ndarray, points: np.ndarray) -> bool:
        angle = angle_of(points)
        if abs(angle) < _UPRIGHT:
            return close_up(self._networks, image, _box(points)) is not None
        return close_look(self._networks, image, _box(points), angle) is not None

    def _looked_at(self, image: np.ndarray, mesh: Mesh, seen: Detection | None) -> tuple[Mesh, float]:
        """The mesh, or a better one, and how far it is from what the detector sees from nearby."""
        close = close_look(self._networks, image, _box(mesh.points), angle_of(mesh.points))
        if close is not None and built_as_a_face(mesh.points) and (apart := disagreement(mesh.points, close)) <= MOST_APART:
            return mesh, apart
        found = close or seen
        again = None if found is None else self._mesh_of(image, found)
        return (mesh, np.inf) if again is None else (again, MOST_APART)

    # Faces that are new

    def _found(self, image: np.ndarray, detections: list[Detection], known: list[np.ndarray]) -> list[Mesh]:
        free = [d for d in detections if not any(_inside(d, points) for points in known)]
        self._refused = [(old, age + 1) for old, age in self._refused if age < _CHECK_EVERY]
        meshes = []
        for found in free:
            if any(found.score < old.score + _MUCH_SURER and overlap(found.box, old.box[None])[0] > _SAME_FACE for old, _ in self._refused):
                continue
            mesh = self._mesh_of(image, found)
            sure = mesh is not None and mesh.presence >= _SURE and found.score >= _SURE_SCORE
            if mesh is not None and (sure or self._nearby(image, mesh.points)):
                meshes.append(mesh)
            else:
                self._refused.append((found, 0))
        return [mesh for mesh in meshes if not any(_same(mesh.points, points) for points in known)]

    def _mesh_of(self, image: np.ndarray, found: Detection) -> Mesh | None:
        """The landmarks of a detected face, the right way up; None where they do not fit it."""
        turned = right_way_up(self._networks, image, found)
        mesh = self._networks.mesh(image, region_of_detection(turned))
        if mesh.presence < PRESENCE or not built_as_a_face(mesh.points):
            return None
        if found.score >= SURELY_UPRIGHT and disagreement(mesh.points, turned) <= MOST_APART:
            return mesh
        close = close_look(self._networks, image, _box(mesh.points), angle_of(mesh.points))
        return mesh if close is not None and disagreement(mesh.points, close) <= MOST_APART else None

    def _small(self, image: np.ndarray, time: float, known: list[np.ndarray]) -> list[Mesh]:
        """Faces that are too small for the detector in the whole image, where they are looked for now."""
        several = len(known) > 1 or self._thorough
        if not known and np.isfinite(self._search_at) and time < self._search_at and not self._were_small:
            return []  # a large face that comes back is found by the detector in the whole image
        if known:
            if time < self._search_at and not (several and np.isinf(self._search_at)):
                return []
            tiny = len(known) == 1 and float(np.ptp(known[0], axis=0).max()) < _SMALL * min(image.shape[:2])
            self._search_at = np.inf
            if not (several or tiny):
                return []
        found = [] if several else self._searched(image, known, ONE_SCALE)
        if several or found:
            found = self._searched(image, known, SCALES)
        if several or len(known) + len(found) > 1 or not (known or found):
            self._search_at = time + SEARCH_EVERY
        return found

    def _searched(self, image: np.ndarray, known: list[np.ndarray], scales: tuple[int, ...]) -> list[Mesh]:
        """The faces in tiles of the image that are not known; of one scale, the surest alone."""
        found: list[Mesh] = []
        for candidate in in_tiles(self._networks, image, scales):
            mesh = self._networks.mesh(image, region_of_detection(candidate))
            fits = mesh.presence >= _SURE and built_as_a_face(mesh.points) and disagreement(mesh.points, candidate) <= MOST_APART
            if fits and not any(_same(mesh.points, points) for points in known + [m.points for m in found]):
                found.append(mesh)
                if scales == ONE_SCALE:
                    break
        return found

    def _begun(self, new: list[tuple[Mesh, bool]], time: float) -> list[tuple[_Face, Mesh]]:
        """New meshes with a face each, numbered from left to right."""
        given = []
        for mesh, small in sorted(new, key=lambda pair: pair[0].points[:, 0].mean()):
            face = _Face(self._count, mesh, time, small=small)
            near = [lost for lost in self._lost if _near(lost, face)]
            if near:
                before = min(near, key=lambda lost: np.linalg.norm(lost.centre - face.centre))
                self._lost.remove(before)
                face.continues = before.number
            self._count += 1
            given.append((face, mesh))
        return given

    def _seen(self, face: _Face, mesh: Mesh, time: float) -> TrackedFace:
        face.mesh, face.time = mesh, time
        smooth = face.smoother(mesh.points, time, face.size)
        box = np.concatenate([smooth.min(0), smooth.max(0)])
        look = appearance(mesh) if face.valid and samples_now(face.age) else None
        face.age += face.valid
        shapes = self._networks.blendshapes(mesh.points)
        return TrackedFace(face.number, smooth, box, mesh.presence, shapes, face.valid, look, face.continues)


def _box(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points.min(0), points.max(0)])


def _centre(points: np.ndarray) -> np.ndarray:
    return (points.min(0) + points.max(0)) / 2


def _same(points: np.ndarray, others: np.ndarray) -> bool:
    """Whether two sets of landmarks are of one face: their boxes overlap or they lie within a fifth of its size of each other."""
    size = float(np.ptp(points, axis=0).max())
    near = float(np.linalg.norm(points - others, axis=1).mean()) < size / 5
    return near or bool(overlap(_box(points), _box(others)[None])[0] > _SAME_FACE)


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
