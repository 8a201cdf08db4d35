"""One recording of a head: its landmarks and its frames."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from stavis.errors import StavisError
from stavis.synthetic.flat.scene import Background, Camera
from stavis.synthetic.heads.model import HeadModel
from stavis.synthetic.heads.motion import HeadMotion
from stavis.synthetic.heads.people.person import HeadPerson, landmark_basis, sample_head
from stavis.synthetic.heads.people.plane import skin_plane
from stavis.synthetic.heads.people.worn import draw_worn, sample_worn
from stavis.synthetic.heads.scene.body import Body, body_of
from stavis.synthetic.heads.scene.capture import Capture
from stavis.synthetic.heads.scene.covering import Covering
from stavis.synthetic.heads.scene.fields import Fields
from stavis.synthetic.heads.scene.gaze import gaze_angles, turn_eyes, turn_irises, turns
from stavis.synthetic.heads.scene.kernels import EYE, HAIR, MOUTH, compiled
from stavis.synthetic.heads.scene.lens import Lens
from stavis.synthetic.heads.scene.light import SHADOW_SIDE, sample_head_light
from stavis.synthetic.heads.scene.mesh import head_mesh
from stavis.synthetic.heads.scene.posing import Posing
from stavis.synthetic.heads.scene.solids import Solid
from stavis.synthetic.heads.shapes import MODEL_SHAPES, model_weights
from stavis.synthetic.shadows import shadowed
from stavis.synthetic.streams import stream

__all__ = ["HeadPerson", "HeadScene", "sample_head"]
SMALLEST = 64
"""The least side of an image, px."""
_FINER = 1.25  # rendered so much larger than the image, then reduced by area; a multiple of 4 px becomes one of 5
_TONES = np.round(255 * np.linspace(0, 1, 4096) ** (1 / 2.2)).astype(np.uint8)
_SHUT = 0.16  # cm between the lips below which nothing inside the mouth is rendered


@dataclass(frozen=True, eq=False)
class _Moving:
    """A head in each frame: the pose, the weights (T,57) of the model's shapes and how deep the folds (T,6) are, and how far the eyes
    turn (T,2,3,3)."""

    posing: Posing
    weights: np.ndarray
    folds: np.ndarray
    gaze: np.ndarray


class HeadScene:
    """A person who moves before a background, seen by a camera; the same generator gives the same pixels, in whatever order.

    motion has T frames; size is (width, height) px; occluder_mouth, occluder_eyes (T,) in [0,1]: how far each is covered, by hands alone
    where `occlusion_hands`; background_object (T,) in [-1,1] or None; shadows (T,2) in [0,1]: how deep those on mouth
    and eyes are.
    """

    def __init__(
        self,
        model: HeadModel,
        person: HeadPerson,
        motion: HeadMotion,
        *,
        rng: np.random.Generator,
        size: tuple[int, int],
        fps: float,
        occluder_mouth: np.ndarray,
        occluder_eyes: np.ndarray,
        occlusion_hands: bool = False,
        background_object: np.ndarray | None = None,
        shadows: np.ndarray | None = None,
    ):
        if min(size) < SMALLEST:
            raise StavisError(f"an image of {size[0]} x {size[1]} px is too small for a head: give at least {SMALLEST} px a side.")
        self.model, self.person, self.motion, self.size = model, person, motion, tuple(size)
        self.mesh, self.plane, self._loops = head_mesh(model), skin_plane(model), compiled()
        self.posing = Posing(rng, motion, self.size)
        self._now = self._moving(self.posing)
        self.light = sample_head_light(rng, person.look)
        self.worn = sample_worn(rng, person.look, person.points, self.mesh.landmarks)
        self.background = Background(rng, self.size, len(motion), fps, background_object)
        self.camera = Camera(rng, self.size, len(motion), fps, self.posing.unit)
        self.capture = Capture(rng)
        self.lens, self.fields = Lens(stream(rng, "lens"), self.size), Fields(stream(rng, "fields"))
        self._later = self._moving(self.posing.following(motion.half_later())) if self.fields.combed else None
        self.shadows = shadows if shadows is not None and shadows.any() else None
        amounts = {"mouth": occluder_mouth, "eyes": occluder_eyes}
        panes = np.concatenate([np.zeros((0, 3)), *self.worn.panes])
        self.covering = Covering(rng, person, amounts, self.posing.unit, occlusion_hands, panes)
        self._bodies: dict[tuple[int, ...], Body] = {}

    def _moving(self, posing: Posing) -> _Moving:
        weights = model_weights(posing.motion.weights)
        return _Moving(posing, weights, _fold_weights(self.person, weights), turns(gaze_angles(weights)))

    def landmarks(self) -> np.ndarray:
        """(T,478,2) float32 px, layout MEDIAPIPE, where the lens throws them; nothing is rendered for them."""
        return self.fields.shown(self.lens.bent(self._points))

    @cached_property
    def _points(self) -> np.ndarray:
        """The landmarks before the lens."""
        basis = landmark_basis(self.model)
        points = self.person.landmarks + np.tensordot(self._now.weights, basis.shapes, 1)
        turn_irises(points, self.person.points, self.mesh, self._now.gaze)
        return self.posing.project(points).astype(np.float32)

    def frame(self, t: int) -> np.ndarray:
        """Frame t: (H,W,3) uint8 RGB."""
        if not 0 <= t < len(self.motion):
            raise StavisError(f"a head's recording has no frame {t}: give an index from 0 to {len(self.motion) - 1}.")
        later = self._exposed(t, self._later) if self._later else None
        return self.capture.compress(self.fields.weave(self._exposed(t, self._now), later))

    def _exposed(self, t: int, moving: _Moving) -> np.ndarray:
        """What the camera takes in frame t, before it is compressed."""
        image = self.background.draw(t)
        self.background.render_background_object(image, t)
        self._render(image, t, moving)
        if self.shadows is not None:
            image = shadowed(image, self._points[t], *self.shadows[t])
        image = self.covering.lay(image, t, moving.posing)
        return self.camera.take(self.capture.reduce(self.lens.take(image)), t)

    def render_over(self, image: np.ndarray, t: int) -> None:
        """The head of frame t over an image (H,W,3) uint8 of this size, in place, and what is held before it; no camera, no lens."""
        self._render(image, t, self._now)

    def _render(self, image: np.ndarray, t: int, moving: _Moving) -> None:
        posing = moving.posing
        points = np.empty_like(self.person.points)
        self._loops.blend(self.person.points, *self.mesh.shapes, moving.weights[t], points)
        turn_eyes(points, self.mesh, moving.gaze[t])
        held = self.covering.held(t)
        if held:
            points = np.concatenate([points, *(solid.points + shift for solid, shift in held)]).astype(np.float32)
        body = self._body(tuple(solid for solid, _ in held))
        seen, screen = np.empty_like(points), np.empty_like(points)
        *transforms, view = posing.transforms(t)
        self._loops.place(points, body.sway, body.setback, *transforms, view, seen, screen)
        box = _box(screen[np.unique(body.triangles[: body.inner])] if not posing.fills else None, self.size)
        if box is None:
            return
        left, top, right, bottom = box
        screen[:, 0] = (screen[:, 0] + 0.5 - left) * _FINER - 0.5
        screen[:, 1] = (screen[:, 1] + 0.5 - top) * _FINER - 0.5
        shape = (round((bottom - top) * _FINER), round((right - left) * _FINER))
        light, depth = self._lit(body, seen, screen, points, shape, t, moving)

        def project(rigid: np.ndarray) -> np.ndarray:
            placed = posing.place(rigid, t)
            return np.column_stack([(placed[:, 0] + 0.5 - left) * _FINER - 0.5, (placed[:, 1] + 0.5 - top) * _FINER - 0.5, placed[:, 2]])

        if self.worn.lines or self.worn.rings:
            draw_worn(self.worn, light, depth, posing.px_a_cm(t) * _FINER, project)
        light = cv2.resize(light, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        rows, columns = slice(top, min(bottom, self.size[1])), slice(left, min(right, self.size[0]))
        light = np.ascontiguousarray(light[: rows.stop - top, : columns.stop - left])
        part = np.ascontiguousarray(image[rows, columns])
        self._loops.develop(light, self.light.gain, _TONES, part)
        image[rows, columns] = part

    def _body(self, held: tuple[Solid, ...]) -> Body:
        key = tuple(id(solid) for solid in held)
        if key not in self._bodies:
            self._bodies[key] = body_of(self.person, self.mesh, held)
        return self._bodies[key]

    def _lit(
        self, body: Body, seen: np.ndarray, screen: np.ndarray, points: np.ndarray, shape: tuple[int, int], t: int, moving: _Moving
    ) -> tuple[np.ndarray, np.ndarray]:
        """The light (H,W,4) that leaves a head, and its depth (H,W)."""
        person, mesh, loops = self.person, self.mesh, self._loops
        normals = np.empty_like(seen)
        loops.find_normals(seen, body.triangles, normals)
        lips = points[mesh.landmarks[[62, 66]], 1]
        count = len(body.triangles) if lips[0] - lips[1] > _SHUT else body.inner
        depth, nearest = np.empty(shape, np.float32), np.empty(shape, np.int32)
        first, second = np.empty(shape, np.float32), np.empty(shape, np.float32)
        loops.rasterise(screen, body.triangles, body.both_sides, count, depth, nearest, first, second)
        surface = np.empty((*shape, 6), np.float32)
        loops.find_surface(
            nearest, first, second, body.triangles, body.uv_triangles, self.plane.uv, body.parts, body.colours,
            person.paint.texture, person.paint.material, self.plane.folds, moving.folds[t], body.radius, person.iris, person.gloss, surface,
        )  # fmt: skip
        front = float(screen[mesh.landmarks[[62, 66]], 2].mean())
        open_sky = _open_sky(depth, nearest, body.parts, front if count > body.inner else None, moving.posing.px_a_cm(t) * _FINER)
        out, visible, light = np.empty((*shape, 4), np.float32), self._visible(body, nearest, first, second, seen), self.light
        loops.find_light(
            nearest, first, second, body.triangles, seen, normals, surface, open_sky, light.sky, light.lamps, light.wrap, visible, out,
        )  # fmt: skip
        corneas = np.stack([weights[eye] @ seen[eye] for eye, weights in zip(mesh.eyes, mesh.corneas, strict=True)])
        loops.wet_eyes(
            nearest, first, second, body.triangles, body.parts, body.radius, seen, open_sky, visible, corneas,
            person.iris[3] * np.float32(1.05), light.sky, light.lamps, light.axes, light.window,
            np.float32(1 / (moving.posing.px_a_cm(t) * _FINER)), np.float32(person.tears), out,
        )  # fmt: skip
        return out, depth

    def _visible(self, body: Body, nearest: np.ndarray, first: np.ndarray, second: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """How much of the first lamp reaches each pixel, (H,W) in [0,1]."""
        light, distance = self.light, np.float32(self.posing.distance)
        visible = np.ones(nearest.shape, np.float32)
        if light.shadow:
            depth = np.empty((SHADOW_SIDE, SHADOW_SIDE), np.float32)
            self._loops.rasterise_depth(seen + np.float32((0, 0, distance)), light.axes, light.corner, light.scale, body.solid, depth)
            self._loops.find_shadow(
                nearest, first, second, body.triangles, seen, distance, depth, light.axes, light.corner, light.scale,
                np.float32(light.shadow), visible,
            )  # fmt: skip
        return visible


def _box(screen: np.ndarray | None, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """left, top, right, bottom of what is rendered, px: multiples of four wide and high; None where the head is out of the image."""
    low, high = np.zeros(2), np.array(size, float)
    if screen is not None:
        low = np.clip(np.floor(screen[:, :2].min(0)), 0, size)
        high = np.clip(np.ceil(screen[:, :2].max(0)) + 1, 0, size)
    if np.any(high - low < 1):
        return None
    left, top = low.astype(int)
    wide, tall = (np.ceil((high - low) / 4) * 4).astype(int)
    return int(left), int(top), int(left + wide), int(top + tall)


def _open_sky(depth: np.ndarray, nearest: np.ndarray, parts: np.ndarray, lips: float | None, scale: float) -> np.ndarray:
    """How much of its surroundings lights each pixel, (H,W) in [0,1]: less behind what stands out beside it, and inside the mouth."""
    height, width = depth.shape
    small = (width // 2, height // 2)
    covered = (nearest >= 0).astype(np.float32)
    there = cv2.resize(covered, small, interpolation=cv2.INTER_AREA)
    deep = cv2.resize(np.where(nearest >= 0, depth, 0), small, interpolation=cv2.INTER_AREA)
    own = deep / np.maximum(there, 0.05)
    hidden = np.zeros_like(own)
    for reach, strength, most in ((0.32, 0.9, 1.5), (1.0, 0.38, 3.0)):
        sigma = max(reach * scale / 2, 0.6)
        around = cv2.GaussianBlur(deep, (0, 0), sigma) / np.maximum(cv2.GaussianBlur(there, (0, 0), sigma), 0.05)
        hidden += strength * np.clip(around - own - 0.05, 0, most)
    hidden = cv2.resize(hidden, (width, height), interpolation=cv2.INTER_LINEAR)
    kinds = parts[np.maximum(nearest, 0)]
    hidden[(kinds == EYE) & (nearest >= 0)] *= 2  # the lids' shadow
    if lips is not None:
        inside = (kinds > HAIR) & (kinds <= MOUTH) & (nearest >= 0)
        hidden[inside] = 0.6 * hidden[inside] + 0.42 * np.clip(lips - depth[inside], 0, 6)
    return np.exp(-hidden)


_FOLD_SHAPES = (
    (("mouthSmile", 1.0), ("noseSneer", 0.5)),
    (("browDown", 0.6),),
    (("browInnerUp", 0.6), ("browOuterUp", 0.6)),
    (("cheekSquint", 0.5), ("eyeSquint", 0.4)),
    (("mouthFrown", 0.6), ("mouthShrugLower", 0.3)),
    (("mouthShrugLower", 1.0), ("mouthFrown", 0.2)),
)
"""Which shapes of the model deepen which of plane.FOLDS, and how far at weight 1."""


def _fold_weights(person: HeadPerson, weights: np.ndarray) -> np.ndarray:
    """(T,6): how deep each of plane.FOLDS is in each frame."""
    out = np.zeros((len(weights), len(_FOLD_SHAPES)), np.float32)
    for k, shapes in enumerate(_FOLD_SHAPES):
        for name, part in shapes:
            columns = [i for i, known in enumerate(MODEL_SHAPES) if known.split("_")[0] == name]
            out[:, k] += part * weights[:, columns].mean(1)
    return (person.look.folds + person.look.fold_gains * np.clip(out, 0, 1.2)).astype(np.float32)
