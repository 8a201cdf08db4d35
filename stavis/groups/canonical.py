"""The canonical face: maps of any recording are put onto one average face, so that they can be averaged over frames and people.

The canonical face lies in the square of an aligned crop, seen from the front. Each of its cells lies in a triangle of landmarks, and what
a map shows at the same place of the same triangle in the image is the cell's value: barycentric weights carry it, whatever the pose.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import Delaunay

from stavis.data.faces.alignment import layout_of
from stavis.data.faces.regions import rasterise_index
from stavis.errors import StavisError
from stavis.landmarks import LAYOUTS, MEDIAPIPE

VERSION = 1
"""Raised when the canonical face changes, so that maps on different ones are never averaged."""

GRID = 64
"""Cells of the canonical square across and down; the face covers about 1,800 of them."""

TURNED_AWAY = 0.1
"""A triangle whose area in the image is below this fraction of what the frame's median triangle would make of it is turned away (or
folded over, where the area is negative), and its cells are not visible in this frame."""

_TABLE = Path(__file__).parent / "canonical.npz"
"""Where the landmarks of both layouts lie: made by stavis.synthetic.heads.source.canonical_points."""
_NAMES = {478: "mediapipe", 124: "synthetic"}
_CHUNK = 256  # frames that are placed at once


@dataclass(frozen=True)
class Mesh:
    """The canonical face in the triangles of one layout of landmarks.

    corners (P,3): the landmarks of the triangle in which each of the P cells lies; weights (P,3): its barycentric weights there, their sum
    is 1; areas (P,): twice the signed area of that triangle on the canonical face.
    """

    corners: np.ndarray
    weights: np.ndarray
    areas: np.ndarray


@dataclass(frozen=True)
class CanonicalFace:
    """The canonical face: its landmarks in each layout, the cells inside its outline, and their mirror images.

    points: by layout, landmarks (L,2) in widths of a crop, y down; depth (478,): how far the tracker's landmarks stand out towards the
    viewer; mirrors: by layout, which landmark is the mirror image of each.
    """

    points: dict[int, np.ndarray]
    depth: np.ndarray
    mirrors: dict[int, np.ndarray]

    @cached_property
    def mask(self) -> np.ndarray:
        """Which cells lie inside the face's outline: (GRID,GRID) bool, the same on both sides."""
        ring = self.points[MEDIAPIPE.count][list(MEDIAPIPE.face[0])].astype(np.float32)
        middles = (np.arange(GRID) + 0.5) / GRID
        inside = [[cv2.pointPolygonTest(ring, (float(x), float(y)), False) > 0 for x in middles] for y in middles]
        mask = np.array(inside)
        return mask & mask[:, ::-1]

    @cached_property
    def cells(self) -> np.ndarray:
        """The middles of the P cells inside the outline: (P,2) in widths of a crop, x to the image's right, y down."""
        return (np.argwhere(self.mask)[:, ::-1] + 0.5) / GRID

    @cached_property
    def opposite(self) -> np.ndarray:
        """Which cell is the mirror image of each: (P,)."""
        number = np.full(self.mask.shape, -1)
        number[self.mask] = np.arange(int(self.mask.sum()))
        return number[:, ::-1][self.mask]

    @cached_property
    def regions(self) -> np.ndarray:
        """The region of the face that each cell belongs to: (P,), an index into stavis.regions.REGIONS."""
        fine = 8 * GRID
        picture = rasterise_index(self.points[MEDIAPIPE.count][None] * fine - 0.5, fine)[0]
        column, row = (self.cells * fine).astype(int).T
        return picture[row, column]

    def mesh(self, landmarks: int) -> Mesh:
        """The cells in the triangles of a layout of so many landmarks. Raises StavisError for an unknown one."""
        if landmarks not in self.points:
            known = " or ".join(map(str, self.points))
            raise StavisError(f"{landmarks} landmarks are no layout that the canonical face has: give {known}.")
        return _mesh(self, landmarks)

    def image(self, values: np.ndarray) -> np.ndarray:
        """Values of the cells (...,P) as images (...,GRID,GRID) float, NaN outside the face."""
        values = np.asarray(values, np.float64)
        out = np.full((*values.shape[:-1], GRID, GRID), np.nan)
        out[..., self.mask] = values
        return out

    def lines(self) -> list[np.ndarray]:
        """Outlines to draw the face by: closed lines (K,2) in widths of a crop: the face, eyes, brows, nose and mouth."""
        points = self.points[MEDIAPIPE.count]
        rings = (*MEDIAPIPE.face, *MEDIAPIPE.left_eye, *MEDIAPIPE.right_eye, *MEDIAPIPE.brows, *MEDIAPIPE.nose, *MEDIAPIPE.mouth)
        return [points[[*ring, ring[0]]] for ring in rings]

    def __hash__(self) -> int:
        return id(self)


@lru_cache(maxsize=1)
def canonical_face() -> CanonicalFace:
    """The canonical face, read once."""
    with np.load(_TABLE, allow_pickle=False) as file:
        points = {count: file[name][:, :2].astype(np.float64) for count, name in _NAMES.items()}
        mirrors = {count: file[f"{name}_mirror"].astype(np.int64) for count, name in _NAMES.items()}
        depth = file["mediapipe"][:, 2].astype(np.float64)
    return CanonicalFace(points, depth, mirrors)


@lru_cache(maxsize=4)
def _mesh(face: CanonicalFace, landmarks: int) -> Mesh:
    points, cells = face.points[landmarks], face.cells
    used = np.flatnonzero(_on_skin(points, landmarks))
    web = Delaunay(points[used])
    found = web.find_simplex(cells)
    outside = found < 0  # between the outline of this layout and that of the mesh's hull: the nearest triangle stands for them
    if outside.any():
        middles = points[used][web.simplices].mean(1)
        found[outside] = np.linalg.norm(cells[outside, None] - middles[None], axis=2).argmin(1)
    corners = used[web.simplices[found]]
    left = cells[:, 0] > 0.5  # what lies right of the middle takes the triangle of its mirror image: both sides are alike
    corners[left] = face.mirrors[landmarks][corners[face.opposite[left]]]
    a, b, c = np.moveaxis(points[corners], 1, 0)
    areas = _cross(b - a, c - a)
    first, second = _cross(b - cells, c - cells) / areas, _cross(c - cells, a - cells) / areas
    return Mesh(corners, np.stack([first, second, 1 - first - second], 1), areas)


def _on_skin(points: np.ndarray, landmarks: int) -> np.ndarray:
    """Which landmarks make the triangles: not the irises and the inner lips, which fold over when a mouth closes or an eye looks aside."""
    layout = LAYOUTS[landmarks]
    used = np.ones(len(points), bool)
    for ring in (*layout.mouth, *layout.left_eye, *layout.right_eye):
        outline = points[list(ring)].astype(np.float32)
        inside = [cv2.pointPolygonTest(outline, tuple(map(float, point)), True) > 1e-4 for point in points]
        used &= ~np.array(inside) | np.isin(np.arange(len(points)), ring)
    return used


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def density_on_face(maps: np.ndarray, landmarks: np.ndarray, size: int, valid: np.ndarray | None = None) -> np.ndarray:
    """What each cell of the canonical face has of maps over crops, over what an even map would give it.

    Parameters
    ----------
    maps : array (T,h,w)
        Any map that covers the crops: attention, attributions (their sizes count), control maps.
    landmarks : array (T,L,2)
        In pixels of the crops, which are `size` pixels wide and high.
    valid : array (T,) of bool, optional
        Frames that count; by default all.

    Returns
    -------
    array (T,P) of float32
        1 is what an even map has. NaN where the cell is not visible (turned away, or outside the crop), and in frames that do not count,
        have no landmarks or an empty map.
    """
    landmarks = np.asarray(landmarks, np.float64)
    layout_of(landmarks)
    if len(maps) != len(landmarks):
        raise StavisError(f"a map of {len(maps)} frames cannot be put onto {len(landmarks)} faces: cut both alike.")
    counts = np.ones(len(landmarks), bool) if valid is None else np.asarray(valid, bool)
    cells = len(canonical_face().mesh(landmarks.shape[1]).corners)
    parts = [slice(start, start + _CHUNK) for start in range(0, len(maps), _CHUNK)]
    placed = [Placement.of(landmarks[part], size, counts[part]).density(maps[part]) for part in parts]
    return np.concatenate(placed) if placed else np.full((0, cells), np.nan, np.float32)


@dataclass(frozen=True)
class Placement:
    """Where the cells of the canonical face lie in T crops: what every map over the same crops is read at.

    rows (K,): the frames that count; places (K,P,2) in widths of a crop; visible (K,P).
    """

    frames: int
    rows: np.ndarray
    places: np.ndarray
    visible: np.ndarray

    @classmethod
    def of(cls, landmarks: np.ndarray, size: int, valid: np.ndarray) -> "Placement":
        """Of faces with landmarks (T,L,2) in pixels of crops `size` pixels wide and high; frames that are not `valid` do not count."""
        landmarks, size = np.asarray(landmarks, np.float64), float(size)
        rows = np.flatnonzero(valid & np.isfinite(landmarks).all((1, 2)))
        mesh = canonical_face().mesh(landmarks.shape[1])
        corners = landmarks[rows][:, mesh.corners]
        places = np.einsum("tpkc,pk->tpc", corners, mesh.weights)
        area = _cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0]) / mesh.areas
        facing = area > TURNED_AWAY * np.maximum(np.median(area, 1, keepdims=True), 1e-9)
        inside = ((places >= -0.5) & (places <= size - 0.5)).all(2)
        return cls(len(landmarks), rows, (places + 0.5) / size, facing & inside)

    def part(self, frames: slice) -> "Placement":
        """Of some of the frames."""
        first, stop, _ = frames.indices(self.frames)
        kept = (self.rows >= first) & (self.rows < stop)
        return Placement(stop - first, self.rows[kept] - first, self.places[kept], self.visible[kept])

    def density(self, maps: np.ndarray) -> np.ndarray:
        """What each cell has of maps (T,h,w), over what an even map would give it: (T,P) float32, NaN where nothing is visible."""
        out = np.full((self.frames, self.places.shape[1]), np.nan, np.float32)
        mass = np.abs(np.asarray(maps[self.rows], np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            density = mass / mass.mean((1, 2), keepdims=True)
        out[self.rows] = np.where(self.visible, _sampled(density, self.places), np.nan)
        return out


def _sampled(maps: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Maps (T,h,w) at places (T,P,2) in [0,1]: linear between the middles of the cells, (T,P)."""
    height, width = maps.shape[1:]
    x = np.clip(places[..., 0] * width - 0.5, 0, width - 1)
    y = np.clip(places[..., 1] * height - 0.5, 0, height - 1)
    left, top = np.minimum(x.astype(int), max(0, width - 2)), np.minimum(y.astype(int), max(0, height - 2))
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    x, y, frame = x - left, y - top, np.arange(len(maps))[:, None]
    upper = maps[frame, top, left] * (1 - x) + maps[frame, top, right] * x
    lower = maps[frame, bottom, left] * (1 - x) + maps[frame, bottom, right] * x
    return upper * (1 - y) + lower * y
