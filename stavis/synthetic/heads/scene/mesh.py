"""The mesh that is rendered: the head model with a third of its vertices, clothes, and hair that hangs."""

import heapq
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from stavis.synthetic.heads.model import HeadModel
from stavis.synthetic.heads.scene.kernels import CLOTH, EYE, FACE, GUMS, HAIR, HEAD, MOUTH, TEETH

_PARTS = {"face": FACE, "head": HEAD, "sclera_l": EYE, "sclera_r": EYE, "teeth": TEETH, "gums": GUMS, "mouth_socket": MOUTH}
CORNEA = 0.85
"""Radius of the cornea's sphere, cm."""
_BOTH_SIDES = (HAIR, MOUTH, CLOTH)
_CURTAIN = (12, 25)
_TORSO = (9, 33)
HAT_LEVELS, HAT_AROUND = 15, 37
"""The vertices of a hat: levels from the brim's edge to the top, and around it, the last of each level on the first."""


@dataclass(frozen=True, eq=False)
class HeadMesh:
    """points (n,3) cm; triangles (m,3), uv_triangles (m,3) into uv (k,2) in [0,1]; parts (m,); both_sides (m,): seen from behind too.

    The triangles come in the order of the parts; those from `inner` on lie inside the mouth, those of `curtain` hang, those of `hat` are
    one's. shapes: values, index, start, sparse offsets of the expressions; identity (100,n*3); radius (n,) cm from the axis of an eye;
    eyes: the vertices of either, the image's left first; corneas and eyeballs (2,n), weights of the vertices in the middles of the
    corneas' spheres and of the eyeballs; setback (n,) cm of depth; sway (n,) in [0,1], how far a vertex stays with the body; landmarks
    (68,) vertices; kinds (n,), the part of each vertex; normals (n,3).
    """

    points: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray
    uv_triangles: np.ndarray
    parts: np.ndarray
    both_sides: np.ndarray
    inner: int
    curtain: slice
    curtain_points: slice
    torso_points: slice
    hat: slice
    hat_points: slice
    shapes: tuple[np.ndarray, np.ndarray, np.ndarray]
    identity: np.ndarray
    radius: np.ndarray
    setback: np.ndarray
    sway: np.ndarray
    eyes: tuple[np.ndarray, np.ndarray]
    corneas: np.ndarray
    eyeballs: np.ndarray
    landmarks: np.ndarray
    kinds: np.ndarray
    normals: np.ndarray


@lru_cache(maxsize=1)
def head_mesh(model: HeadModel) -> HeadMesh:
    """The mesh of a model; made once, about a second."""
    part_of = np.array([_PARTS.get(name, -1) for name in model.parts])
    used = part_of[model.triangle_part] >= 0
    triangles, uv_triangles, parts = model.triangles[used], model.uv_triangles[used], part_of[model.triangle_part[used]]
    kept, triangles, uv_triangles, parts = _thinned(model, triangles, uv_triangles, parts)
    n = len(kept)
    extra = [rows * columns for rows, columns in (_CURTAIN, _TORSO, (HAT_LEVELS, HAT_AROUND))]
    curtain_points, torso_points, hat_points = (slice(n + sum(extra[:k]), n + sum(extra[: k + 1])) for k in range(3))
    curtain, torso = _grid(*_CURTAIN, curtain_points.start), _grid(*_TORSO, torso_points.start)
    hat = _grid(HAT_LEVELS, HAT_AROUND, hat_points.start)
    hanging = np.concatenate([curtain, hat])
    pieces = [(FACE, None), (HEAD, None), (EYE, None), (CLOTH, torso), (HAIR, hanging), (TEETH, None), (GUMS, None), (MOUTH, None)]
    corners, uvs, codes = [], [], []
    for part, added in pieces:
        corners.append(triangles[parts == part] if added is None else added)
        uvs.append(uv_triangles[parts == part] if added is None else np.zeros_like(added))
        codes.append(np.full(len(corners[-1]), part, np.int64))
    codes = np.concatenate(codes)
    points = np.concatenate([model.neutral[kept], np.zeros((sum(extra), 3), np.float32)]).astype(np.float32)
    vertex_kinds = np.concatenate([part_of[model.vertex_part[kept]], np.repeat((HAIR, CLOTH, HAIR), extra)])
    corners = np.ascontiguousarray(np.concatenate(corners), np.int32)
    identity = np.zeros((len(model.identity), n + sum(extra), 3), np.float32)
    identity[:, :n] = model.identity[:, kept]
    first = int(np.argmax(codes == HAIR))
    eyes = tuple(np.flatnonzero((vertex_kinds == EYE) & (points[:, 0] * side > 0)) for side in (-1, 1))
    corneas, eyeballs = _middles_of_eyes(points, eyes)
    return HeadMesh(
        points=points,
        triangles=corners,
        uv=model.uv.astype(np.float32),
        uv_triangles=np.ascontiguousarray(np.concatenate(uvs), np.int32),
        parts=codes,
        both_sides=np.isin(codes, _BOTH_SIDES).astype(np.uint8),
        inner=int(np.argmax(codes >= TEETH)),
        curtain=slice(first, first + len(curtain)),
        curtain_points=curtain_points,
        torso_points=torso_points,
        hat=slice(first + len(curtain), first + len(curtain) + len(hat)),
        hat_points=hat_points,
        shapes=_shapes(model, kept),
        identity=identity.reshape(len(identity), -1),
        radius=_eye_radius(points, vertex_kinds),
        eyes=eyes,
        corneas=corneas,
        eyeballs=eyeballs,
        setback=np.where(vertex_kinds == EYE, 0.2, 0).astype(np.float32),
        sway=_sway(points, vertex_kinds),
        landmarks=np.searchsorted(kept, model.landmarks),
        kinds=vertex_kinds,
        normals=_normals(points, corners),
    )


def curtain_grid() -> np.ndarray:
    """The hanging hair's vertices: (n,3) across in [-1,1], level from 0 (top) to 1 and depth in [-1,1]."""
    levels, around = _CURTAIN
    angles = np.radians(np.linspace(62, 298, around))
    return np.array([[np.sin(a), level, np.cos(a)] for level in np.linspace(0, 1, levels) for a in angles], np.float32)


def torso_grid() -> np.ndarray:
    """The clothes' vertices: (n,3) across in [-1,1], level from 0 (the neck) to 1 and depth in [-1,1]."""
    levels, around = _TORSO
    angles = np.linspace(0, 2 * np.pi, around)
    return np.array([[np.sin(a), level, np.cos(a)] for level in np.linspace(0, 1, levels) for a in angles], np.float32)


def _grid(rows: int, columns: int, first: int) -> np.ndarray:
    i = first + np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)
    quads = np.stack([i, i + columns, i + 1, i + 1, i + columns, i + columns + 1], -1)
    return quads.reshape(-1, 3).astype(np.int32)


def _thinned(model: HeadModel, triangles: np.ndarray, uv_triangles: np.ndarray, parts: np.ndarray) -> tuple[np.ndarray, ...]:
    """Vertices that stay (sorted) and the triangles among them: each other vertex becomes the nearest that stays, along the mesh."""
    points = model.neutral.astype(np.float64)
    count = len(points)
    ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ends = np.unique(np.sort(ends, 1), axis=0)
    lengths = np.linalg.norm(points[ends[:, 0]] - points[ends[:, 1]], axis=1) + 1e-6
    graph = coo_matrix((lengths, (ends[:, 0], ends[:, 1])), (count, count))
    graph = (graph + graph.T).tocsr()
    reach = _reach(model)
    used = np.unique(triangles)
    order = np.concatenate([model.landmarks, np.random.default_rng(5).permutation(used)])
    kept = _spread(graph, order, reach, count)
    owner = dijkstra(graph, indices=kept, min_only=True, return_predecessors=True)[2]
    corners = np.where(owner[triangles] >= 0, owner[triangles], 0)
    whole = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
    _, first = np.unique(np.sort(corners, 1), axis=0, return_index=True)
    chosen = np.intersect1d(first, np.flatnonzero(whole))
    uv = _uv_of(model, triangles, uv_triangles, corners[chosen], uv_triangles[chosen])
    return kept, np.searchsorted(kept, corners[chosen]), uv, parts[chosen]


def _reach(model: HeadModel) -> np.ndarray:
    """How far (cm) a vertex that stays takes in others: least at lids and lips."""
    marks = model.neutral[model.landmarks]
    fine = np.concatenate([marks[36:68], marks[36:48]])
    away = np.min(np.linalg.norm(model.neutral[:, None] - fine[None], axis=2), 1)
    part = np.array(model.parts)[model.vertex_part]
    reach = np.where(part == "face", np.clip(0.1 + 0.16 * away, 0.12, 0.42), 0.6)
    reach = np.where(np.char.startswith(part, "sclera"), 0.22, reach)
    return np.where(part == "teeth", 0.25, np.where((part == "gums") | (part == "mouth_socket"), 0.5, reach))


def _spread(graph, order: np.ndarray, reach: np.ndarray, count: int) -> np.ndarray:
    """Vertices (sorted), none within reach of an earlier one along the edges."""
    near = np.full(count, np.inf)
    pointers, columns, lengths = graph.indptr, graph.indices, graph.data
    kept = []
    for seed in order.tolist():
        if near[seed] < reach[seed]:
            continue
        kept.append(seed)
        queue = [(0.0, seed)]
        near[seed] = 0.0
        while queue:
            length, vertex = heapq.heappop(queue)
            if length > near[vertex]:
                continue
            for at in range(pointers[vertex], pointers[vertex + 1]):
                other, further = columns[at], length + lengths[at]
                if further < near[other] and further < reach[seed]:
                    near[other] = further
                    heapq.heappush(queue, (further, other))
    return np.unique(kept)


def _uv_of(model: HeadModel, triangles, uv_triangles, corners, former) -> np.ndarray:
    """For each corner the place in the texture of the vertex that stays, on the side of the seam where the corner was."""
    pairs = np.unique(np.stack([triangles.ravel(), uv_triangles.ravel()], 1), axis=0)
    starts = np.searchsorted(pairs[:, 0], np.arange(len(model.neutral) + 1))
    out = pairs[starts[corners], 1]
    several = (starts[corners + 1] - starts[corners]) > 1
    uv = model.uv.astype(np.float32)
    for row, column in np.argwhere(several):
        vertex = corners[row, column]
        choices = pairs[starts[vertex] : starts[vertex + 1], 1]
        out[row, column] = choices[np.argmin(((uv[choices] - uv[former[row, column]]) ** 2).sum(1))]
    return out


def _shapes(model: HeadModel, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    where = np.full(len(model.neutral), -1)
    where[kept] = np.arange(len(kept))
    stays = where[model.shape_index] >= 0
    ends = np.cumsum(model.shape_count)
    counts = np.concatenate([[0], np.cumsum(stays)])
    start = counts[np.concatenate([[0], ends])].astype(np.int64)
    return model.shape_values[stays].astype(np.float32), where[model.shape_index[stays]].astype(np.int32), start


def _eye_radius(points: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    radius = np.full(len(points), 9, np.float32)
    for side in (-1, 1):
        eye = (kinds == EYE) & (points[:, 0] * side > 0)
        ball = points[eye]
        centre = ball[ball[:, 2] > ball[:, 2].max() - 0.05].mean(0)
        away = np.hypot(ball[:, 0] - centre[0], ball[:, 1] - centre[1])
        away[ball[:, 2] < np.median(ball[:, 2])] = 9
        radius[eye] = away
    return radius


def _middles_of_eyes(points: np.ndarray, eyes: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(2,n) each: weights, 1 in sum, by which the vertices of an eye give the middles of its cornea's sphere and of its ball, wherever
    the eye is turned."""
    corneas, balls = (np.zeros((2, len(points)), np.float32) for _ in range(2))
    for k, eye in enumerate(eyes):
        ball = points[eye].astype(np.float64)
        *centre, _ = np.linalg.lstsq(np.column_stack([2 * ball, np.ones(len(ball))]), (ball**2).sum(1), rcond=None)[0]
        cornea = (*centre[:2], ball[:, 2].max() - CORNEA)
        homogeneous = np.column_stack([ball, np.ones(len(ball))]).T
        for out, middle in ((corneas, cornea), (balls, centre)):
            out[k, eye] = np.linalg.lstsq(homogeneous, np.append(middle, 1), rcond=None)[0]  # the smallest weights that do
    return corneas, balls


def _sway(points: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    low = np.clip((-7.5 - points[:, 1]) / 8.0, 0, 1)
    low = np.where(np.isin(kinds, (FACE, HEAD)), low * low * (3 - 2 * low), 0)
    return np.where(kinds == CLOTH, 1, low).astype(np.float32)


def _normals(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    out = np.zeros_like(points)
    for k in range(3):
        np.add.at(out, triangles[:, k], normal)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
