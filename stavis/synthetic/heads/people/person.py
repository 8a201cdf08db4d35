"""One person of the 3D renderer: a head shaped by identity modes, painted, with hair, and what is in the mouth and the eyes."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from stavis.synthetic.heads.model import HeadModel
from stavis.synthetic.heads.people.eyes import sample_wet_eyes
from stavis.synthetic.heads.people.hair import colour_points, place_curtain, place_torso, raise_hair
from stavis.synthetic.heads.people.hats import Hat, sample_hat, wear_hat
from stavis.synthetic.heads.people.look import Look, linear, sample_look
from stavis.synthetic.heads.people.plane import SIDE, SkinPlane, skin_plane
from stavis.synthetic.heads.people.skin import PaintedSkin, paint_skin
from stavis.synthetic.heads.scene.kernels import FACE, HEAD
from stavis.synthetic.heads.scene.mesh import HeadMesh, head_mesh
from stavis.synthetic.streams import stream

EYES = np.array((0.0, 3.4, 8.9), np.float32)
"""The middle of the eyes of the neutral head, cm."""
EYE_DISTANCE = 6.3
"""cm between the middles of the eyes of the neutral head."""
_SPREAD = 1.2
_NARROWER, _TALLER = (-0.05, 0.15), (0.9, 1.13)


@dataclass(frozen=True, eq=False)
class HeadPerson:
    """A person: look; hat or None; points (n,3) cm of the mesh (without a hat's where none is worn) and landmarks (478,3) cm at rest; the
    painted skin; colours (n,3) of the rest; iris (10,) and gloss (12,3) as kernels.find_surface has them; tears in [0,1]; the triangles
    that are rendered, those from `inner` on inside the mouth.

    skin, hair, hat_colour, half_width (eye distances), hand_odds and hand_strays are what an occluder asks of a person.
    """

    look: Look
    hat: Hat | None
    points: np.ndarray
    landmarks: np.ndarray
    paint: PaintedSkin
    colours: np.ndarray
    iris: np.ndarray
    gloss: np.ndarray
    tears: float
    triangles: np.ndarray
    uv_triangles: np.ndarray
    parts: np.ndarray
    both_sides: np.ndarray
    inner: int
    skin: np.ndarray
    hair: np.ndarray
    hat_colour: np.ndarray
    half_width: float = 1.12
    hand_odds: float = 0.5
    hand_strays: float = 0.6


def sample_head(rng: np.random.Generator, model: HeadModel, **look_values) -> HeadPerson:
    """A person: the shape of the head, its skin, hair, eyes and what is worn; look_values replace what was sampled of the Look.

    Raises StavisError where numba is not installed.
    """
    mesh, plane = head_mesh(model), skin_plane(model)
    look = replace(sample_look(rng), **look_values)
    modes = rng.normal(0, 1, 100).astype(np.float32) * np.linspace(_SPREAD * 1.05, _SPREAD * 0.7, 100, dtype=np.float32)
    narrower, taller = rng.uniform(*_NARROWER), rng.uniform(*_TALLER)
    paint = paint_skin(rng, plane, look)
    rise, hair = raise_hair(rng, mesh, plane, look)
    rise = rise + _beard_rise(mesh, plane, paint)
    bare = _reshaped(mesh.points + (modes @ mesh.identity).reshape(-1, 3), narrower, taller)
    hat = sample_hat(stream(rng, "hat"), look)
    if hat:
        worn, hat_colours, rise = wear_hat(stream(rng, "hat cloth"), hat, mesh, bare, rise)
    points = bare + rise[:, None] * mesh.normals
    if hat:
        points[mesh.hat_points] = worn
    points[mesh.curtain_points] = place_curtain(rng, look)
    points[mesh.torso_points] = place_torso(rng, look.collar)
    basis = landmark_basis(model)
    landmarks = _reshaped(basis.neutral + np.tensordot(modes, basis.identity, 1), narrower, taller)
    shown = np.ones(len(mesh.triangles), bool)
    shown[mesh.curtain] = look.hangs
    shown[mesh.hat] = hat is not None
    shown[_under_clothes(mesh)] = False
    strength, exponent, lips, eyes = look.gloss
    gloss = [(strength, exponent, 1), (0.04, 10, 0.6), (eyes, 180, 0.4), (0.03, 8, 0.3), (0.08, 14, 0.4), (0.25, 60, 0.5), (0.2, 40, 1)]
    gloss += [(0.2, 40, 1), (lips, 40, 1), (0.05, 12, 0.3), (0.6 * strength, exponent, 1), (0.35, 40, 0.2)]
    iris = np.concatenate([linear(look.iris), look.radii, linear(look.white), [rng.uniform(0.2, 0.75), 0]])
    iris[5:8], iris[9], tears = sample_wet_eyes(stream(rng, "wet eyes"), iris[5:8])
    colours = colour_points(rng, mesh, look, hair)
    if hat:
        colours[mesh.hat_points] = hat_colours
    used = slice(mesh.hat_points.start if hat is None else len(points))
    return HeadPerson(
        look=look,
        hat=hat,
        points=np.ascontiguousarray(points[used], np.float32),
        landmarks=landmarks,
        paint=paint,
        colours=colours[used],
        iris=iris.astype(np.float32),
        gloss=np.array(gloss, np.float32),
        tears=tears,
        triangles=np.ascontiguousarray(mesh.triangles[shown]),
        uv_triangles=np.ascontiguousarray(mesh.uv_triangles[shown]),
        parts=mesh.parts[shown],
        both_sides=mesh.both_sides[shown],
        inner=int(shown[: mesh.inner].sum()),
        skin=look.skin,
        hair=look.hair,
        hat_colour=look.hat_colour,
    )


@dataclass(frozen=True, eq=False)
class LandmarkBasis:
    """The tracker's landmarks as the model moves them: neutral (478,3) cm, identity (100,478,3), shapes (57,478,3)."""

    neutral: np.ndarray
    identity: np.ndarray
    shapes: np.ndarray


@lru_cache(maxsize=1)
def landmark_basis(model: HeadModel) -> LandmarkBasis:
    """The landmarks' part of a model."""
    corners, weights = model.landmark_triangles, model.landmark_weights[..., None]

    def at_landmarks(values: np.ndarray) -> np.ndarray:
        return (values[corners] * weights).sum(1).astype(np.float32)

    shapes = []
    ends = np.cumsum(model.shape_count)
    for start, end in zip(ends - model.shape_count, ends, strict=True):
        offsets = np.zeros_like(model.neutral)
        offsets[model.shape_index[start:end]] = model.shape_values[start:end]
        shapes.append(at_landmarks(offsets))
    identity = np.stack([at_landmarks(mode.astype(np.float32)) for mode in model.identity])
    return LandmarkBasis(at_landmarks(model.neutral), identity, np.stack(shapes))


def _reshaped(points: np.ndarray, narrower: float, taller: float) -> np.ndarray:
    """Points (n,3) with a narrower mouth and a taller face: real ones differ more than the modes say."""
    out = points.copy()
    near = np.exp(-(((points[:, 1] + 3.4) / 2.2) ** 2) - (points[:, 0] / 4.0) ** 2) * (points[:, 2] > 3)
    out[:, 0] *= 1 - narrower * near
    out[:, 1] = EYES[1] + (points[:, 1] - EYES[1]) * taller
    return out


def _under_clothes(mesh: HeadMesh) -> np.ndarray:
    """(m,) bool: the triangles of bare shoulders."""
    x, y = np.abs(mesh.points[mesh.triangles, 0]), mesh.points[mesh.triangles, 1]
    return ((x > 7.5) & (y < -9)).all(1) & np.isin(mesh.parts, (FACE, HEAD))


def _beard_rise(mesh: HeadMesh, plane: SkinPlane, paint: PaintedSkin) -> np.ndarray:
    on = np.isfinite(plane.texel[:, 0])
    column, row = np.clip(np.nan_to_num(plane.texel), 0, SIDE - 1).astype(int).T
    return np.where(on, paint.rise[row, column], 0).astype(np.float32)
