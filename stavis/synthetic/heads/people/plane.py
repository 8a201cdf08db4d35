"""The plane in which the skin is painted: where on the neutral head each of its texels lies, and noise to paint with."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np

from stavis.synthetic.heads.model import HeadModel
from stavis.synthetic.heads.scene.kernels import FACE, compiled
from stavis.synthetic.heads.scene.mesh import head_mesh

SIDE = 256
"""Texels on a side."""


@dataclass(frozen=True, eq=False)
class SkinPlane:
    """x, y, z (SIDE,SIDE) cm of each texel on the neutral head, side = |x|; eye and mouth (SIDE,SIDE) cm from the nearest lid's edge and
    from the line between the lips; ears (SIDE,SIDE) bool; marks (68,2) texels of the landmarks (NaN where they are not on the face);
    folds (SIDE,SIDE,7) uint8, first where any is; noise, by name, fields (SIDE,SIDE) of deviation 1; uv (k,2) of the mesh in texels;
    texel (n,2) of each vertex; ear_points (n,) bool.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    side: np.ndarray
    eye: np.ndarray
    mouth: np.ndarray
    ears: np.ndarray
    marks: np.ndarray
    folds: np.ndarray
    noise: dict[str, tuple[np.ndarray, ...]]
    uv: np.ndarray
    texel: np.ndarray
    ear_points: np.ndarray

    def spot(self, x: float, y: float, wide: float, high: float) -> np.ndarray:
        """A soft spot on either side of the face, 1 at its centre (cm)."""
        return np.exp(-(((self.side - x) / wide) ** 2) - ((self.y - y) / high) ** 2)


@lru_cache(maxsize=1)
def skin_plane(model: HeadModel) -> SkinPlane:
    """The plane of a model; made once."""
    mesh = head_mesh(model)
    uv = np.stack([mesh.uv[:, 0] * SIDE - 0.5, (1 - mesh.uv[:, 1]) * SIDE - 0.5], 1).astype(np.float32)
    face = mesh.parts == FACE
    corners, places = mesh.triangles[face], mesh.uv_triangles[face]
    position = _positions(mesh.points, corners, uv, places)
    texel = np.full((len(mesh.points), 2), np.nan, np.float32)
    texel[corners[::-1].ravel()] = uv[places[::-1].ravel()]
    u, v = texel[:, 0] / SIDE, 1 - texel[:, 1] / SIDE
    columns, rows = np.meshgrid((np.arange(SIDE) + 0.5) / SIDE, 1 - (np.arange(SIDE) + 0.5) / SIDE)
    x, y, z = (np.ascontiguousarray(position[..., k]) for k in range(3))
    marks = mesh.points[mesh.landmarks]
    return SkinPlane(
        x=x,
        y=y,
        z=z,
        side=np.abs(x),
        eye=np.minimum(*(_distance(x, y, np.concatenate([marks[a : a + 6], marks[a : a + 1]])[:, :2]) for a in (36, 42))),
        mouth=_distance(x, y, np.concatenate([marks[60:68], marks[60:61]])[:, :2]),
        ears=_on_ear(columns, rows),
        marks=texel[mesh.landmarks],
        folds=_folds(x, y, z),
        noise=_noise(),
        uv=uv,
        texel=texel,
        ear_points=_on_ear(np.nan_to_num(u, nan=0.5), v),
    )


def _on_ear(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return ((u < 0.095) | (u > 0.905)) & (v > 0.42) & (v < 0.70)


def _positions(points: np.ndarray, corners: np.ndarray, uv: np.ndarray, places: np.ndarray) -> np.ndarray:
    shape = (SIDE, SIDE)
    depth, nearest = np.empty(shape, np.float32), np.empty(shape, np.int32)
    first, second = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    screen = np.ascontiguousarray(np.column_stack([uv, np.zeros(len(uv), np.float32)]))
    compiled().rasterise(screen, places, np.ones(len(places), np.uint8), len(places), depth, nearest, first, second)
    found = nearest >= 0
    vertices = corners[np.maximum(nearest, 0)]
    weights = np.stack([first, second, 1 - first - second], -1)[..., None]
    position = (points[vertices] * weights).sum(2)
    _, labels = cv2.distanceTransformWithLabels((~found).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    nearby = np.zeros((labels.max() + 1, 3), np.float32)
    nearby[labels[found]] = position[found]
    return np.where(found[..., None], position, nearby[labels]).astype(np.float32)


def _distance(x: np.ndarray, y: np.ndarray, line: np.ndarray) -> np.ndarray:
    """How far each texel lies from a line of points (k,2), seen from the front."""
    best = np.full(x.shape, 99, np.float32)
    for a, b in pairwise(line):
        d = b - a
        along = np.clip(((x - a[0]) * d[0] + (y - a[1]) * d[1]) / max(float(d @ d), 1e-9), 0, 1)
        best = np.minimum(best, np.hypot(x - a[0] - along * d[0], y - a[1] - along * d[1]))
    return best


FOLDS = ("beside the mouth", "between the brows", "forehead", "crow's feet", "below the corners", "under the lip")


def _folds(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """(SIDE,SIDE,7) uint8: where any of FOLDS lies, and where each does."""

    def line(points: list, width: float) -> np.ndarray:
        return np.exp(-((_distance(np.abs(x), y, np.array(points, np.float32)) / width) ** 2)) * (z > 2)

    forehead = sum(line([(0, level), (2.5, level + 0.25), (4.5, level - 0.3)], 0.2) for level in (7.6, 8.7, 9.8))
    feet = sum(line([(5.0, 3.4), (6.1, 3.4 + fall)], 0.14) for fall in (-0.9, -0.1, 0.8))
    folds = [
        line([(1.9, -0.2), (2.6, -1.4), (3.3, -2.9), (3.6, -4.0)], 0.22),
        line([(0.55, 4.9), (0.5, 6.6)], 0.16) + 0.6 * line([(0, 4.0), (0.8, 4.2)], 0.2),
        forehead,
        feet + 0.8 * line([(1.9, 2.2), (3.2, 1.7), (4.6, 2.3)], 0.2),
        line([(2.75, -3.7), (3.1, -4.6), (3.2, -5.6)], 0.22),
        line([(0, -5.6), (1.0, -5.5), (1.6, -5.9)], 0.25),
    ]
    folds = np.clip(np.stack(folds, -1) * 255, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.concatenate([folds.max(-1, keepdims=True), folds], -1))


def _noise() -> dict[str, tuple[np.ndarray, ...]]:
    rng = np.random.default_rng(7)
    scale = SIDE / 384

    def fields(count: int, wide: float, high: float) -> tuple[np.ndarray, ...]:
        made = []
        for _ in range(count):
            white = rng.standard_normal((SIDE, SIDE)).astype(np.float32)
            field = cv2.GaussianBlur(np.pad(white, SIDE // 4, "wrap"), (0, 0), wide * scale, sigmaY=high * scale)
            field = field[SIDE // 4 : -(SIDE // 4), SIDE // 4 : -(SIDE // 4)]
            made.append((field / field.std()).astype(np.float32))
        return tuple(made)

    return {
        "fine": fields(4, 0.8, 0.8),
        "middle": fields(4, 4, 4),
        "coarse": fields(6, 22, 22),
        "strands": fields(4, 0.7, 7),
        "across": fields(4, 4, 0.7),
    }
