"""Where the tracker's 478 landmarks lie on the head model: the tracker looks at rendered heads, and what it finds is cast back on them."""

from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.data.faces.networks.landmarker import FaceNetworks, region_of_detection, region_of_points
from stavis.errors import StavisError
from stavis.storage.files import atomic_file
from stavis.synthetic.heads.model import HeadModel
from stavis.synthetic.heads.motion import HeadMotion
from stavis.synthetic.heads.people.person import sample_head
from stavis.synthetic.heads.renderer import HeadScene
from stavis.synthetic.heads.scene.kernels import EYE, FACE, compiled
from stavis.synthetic.heads.scene.mesh import head_mesh
from stavis.synthetic.heads.shapes import model_weights

_SIDE = 512
_IRISES = slice(468, 478)
_PARTED = {"jawOpen": 0.25, "eyeWideLeft": 0.5, "eyeWideRight": 0.5}
"""The expression in which the table is made: lips and lids do not touch, so that no landmark falls on the wrong one."""


def fit_landmarks(model: HeadModel, networks: FaceNetworks, heads: int = 40, seed: int = 0) -> dict[str, np.ndarray]:
    """triangles (478,3) and weights (478,3): each landmark as a place on the model, the median over rendered heads.

    Raises StavisError where the tracker finds a face in fewer than half of them.
    """
    mesh = head_mesh(model)
    places = []
    weights = np.zeros((1, len(BLENDSHAPES)), np.float32)
    for name, value in _PARTED.items():
        weights[0, BLENDSHAPES.index(name)] = value
    posed = np.empty_like(mesh.points)
    compiled().blend(mesh.points, *mesh.shapes, model_weights(weights)[0], posed)
    for index in range(heads):
        rng = np.random.default_rng([seed, index])
        scene = _plain_scene(rng, model, weights)
        image = np.full((_SIDE, _SIDE, 3), 128, np.uint8)
        scene.render_over(image, 0)
        found = _landmarks(networks, image)
        if found is not None:
            places.append(_cast_back(scene, posed, found))
    if len(places) < heads / 2:
        raise StavisError(f"the tracker found a face in {len(places)} of {heads} rendered heads: check the face model and the head model.")
    return _nearest(model, model_weights(weights)[0], _symmetric(np.nanmedian(np.stack(places), 0)))


def write_landmarks(path: Path, table: dict[str, np.ndarray]) -> None:
    """The table as a file, as stavis.synthetic.heads.model reads it."""
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, triangles=table["triangles"].astype(np.uint16), weights=table["weights"].astype(np.float32))


def _plain_scene(rng: np.random.Generator, model: HeadModel, weights: np.ndarray) -> HeadScene:
    person = sample_head(rng, model, cut="bald", beard="none", glasses="none", hangs=False)
    none = np.zeros(1)
    motion = HeadMotion(weights, rng.normal(0, 0.2, 1), rng.normal(0, 0.1, 1), none, none, none, none + 1)
    return HeadScene(model, person, motion, rng=rng, size=(_SIDE, _SIDE), fps=25.0, occluder_mouth=none, occluder_eyes=none)


def _landmarks(networks: FaceNetworks, image: np.ndarray) -> np.ndarray | None:
    detections = networks.detect(image)
    if not detections:
        return None
    mesh = networks.mesh(image, region_of_detection(detections[0]))
    for _ in range(2):
        mesh = networks.mesh(image, region_of_points(mesh.points))
    return mesh.points if mesh.presence > 0.5 else None


def _cast_back(scene: HeadScene, posed: np.ndarray, found: np.ndarray) -> np.ndarray:
    """(478,3): the landmarks of one image on the posed neutral head; NaN for those that fall beside the head."""
    person, mesh, loops = scene.person, scene.mesh, compiled()
    points = np.empty_like(person.points)
    loops.blend(person.points, *mesh.shapes, model_weights(scene.motion.weights)[0], points)
    seen, screen = np.empty_like(points), np.empty_like(points)
    loops.place(points, mesh.sway, mesh.setback, *scene.posing.transforms(0), seen, screen)
    out = np.full((478, 3), np.nan)
    for part, chosen in ((FACE, np.arange(468)), (EYE, np.arange(478)[_IRISES])):
        triangles = np.ascontiguousarray(person.triangles[person.parts == part])
        shape = (_SIDE, _SIDE)
        depth, nearest = np.empty(shape, np.float32), np.empty(shape, np.int32)
        first, second = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        loops.rasterise(screen, triangles, np.zeros(len(triangles), np.uint8), len(triangles), depth, nearest, first, second)
        missed = (nearest < 0).astype(np.uint8)
        away, labels = cv2.distanceTransformWithLabels(missed, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
        where = np.zeros((labels.max() + 1, 2), int)
        where[labels[nearest >= 0]] = np.argwhere(nearest >= 0)
        x, y = np.clip(np.rint(found[chosen]), 0, _SIDE - 1).astype(int).T
        row, column = where[labels[y, x]].T
        weights = np.stack([first[row, column], second[row, column], 1 - first[row, column] - second[row, column]], 1)
        placed = (posed[triangles[nearest[row, column]]] * weights[..., None]).sum(1)
        out[chosen] = np.where((away[y, x] < 0.06 * _SIDE)[:, None], placed, np.nan)
    return out


def _symmetric(places: np.ndarray) -> np.ndarray:
    """The landmarks (478,3) with what sets left and right apart averaged out."""
    mirrored = places * (-1, 1, 1)
    out = places.copy()
    for group in (slice(0, 468), _IRISES):
        mine, other = linear_sum_assignment(np.linalg.norm(places[group, None] - mirrored[None, group], axis=2))
        out[group][mine] = (places[group][mine] + mirrored[group][other]) / 2
    return out


def _nearest(model: HeadModel, weights: np.ndarray, places: np.ndarray) -> dict[str, np.ndarray]:
    """The triangles and weights of the places (478,3) on the posed neutral head that lie nearest to those given."""
    posed = model.neutral.astype(np.float64)
    ends = np.cumsum(model.shape_count)
    for weight, start, end in zip(weights, ends - model.shape_count, ends, strict=True):
        if weight:
            posed[model.shape_index[start:end]] += weight * model.shape_values[start:end]
    part = np.array(model.parts)[model.triangle_part]
    triangles, out = np.zeros((478, 3), int), np.zeros((478, 3))
    for chosen, names in ((np.arange(468), ("face",)), (np.arange(478)[_IRISES], ("sclera_l", "sclera_r"))):
        corners = model.triangles[np.isin(part, names)]
        centres = posed[corners].mean(1)
        for k in chosen:
            near = np.argsort(((centres - places[k]) ** 2).sum(1))[:40]
            inside = [_weights_in(posed[corners[t]], places[k]) for t in near]
            distances = [np.linalg.norm(w @ posed[corners[t]] - places[k]) for w, t in zip(inside, near, strict=True)]
            best = int(np.argmin(distances))
            triangles[k], out[k] = corners[near[best]], inside[best]
    return {"triangles": triangles, "weights": out}


def _weights_in(corners: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The weights (3,) of the corners (3,3) at which their triangle is about nearest to a point."""
    edges = (corners[1:] - corners[0]).T
    second, third = np.linalg.lstsq(edges, point - corners[0], rcond=None)[0]
    weights = np.clip([1 - second - third, second, third], 0, None)
    return weights / weights.sum()
