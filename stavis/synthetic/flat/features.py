"""The parts of a face that move: eyes, brows, nostrils, mouth, moustache and glasses, drawn on the head's canvas frame by frame."""

from functools import partial

import cv2
import numpy as np

from stavis.synthetic.flat.canvas import SHIFT, Canvas
from stavis.synthetic.flat.expression import Expression
from stavis.synthetic.flat.folds import Folds
from stavis.synthetic.flat.geometry import JAW_HINGE, Shapes
from stavis.synthetic.flat.head import Head
from stavis.synthetic.flat.identity import Identity


class FacePainter:
    """Paints the head of a person in every frame of an expression."""

    def __init__(self, person: Identity, expression: Expression, shapes: Shapes, head: Head, light: np.ndarray):
        self.person, self.head, self.canvas = person, head, head.canvas
        self.light = np.clip(light * 128, 0, 255).astype(np.uint8)
        self.folds = Folds(person, expression, shapes, self.canvas)
        self.stretch = shapes.jaw_stretch
        self.hinge = int((JAW_HINGE - self.canvas.top) * self.canvas.unit)
        self.mouth = _Mouth(person, expression, shapes, self.canvas)
        self.eyes = [_Eye(person, shapes, self.canvas, side) for side in (0, 1)]
        self.brows = [_Brow(person, ring, head) for ring in (shapes.left_brow, shapes.right_brow)]
        self.nostrils = _nostrils(person, shapes, self.canvas)
        self.dark = tuple(float(c) for c in person.skin * 0.4)
        self.glasses = _glasses(person, shapes, self.canvas)
        upper = self.canvas.box(-1.0, -0.9, 1.0, 0.3)
        self.overlap = upper if head.hair_cover[upper].max() > 8 else None
        if self.overlap:
            self.hair_weight = head.hair_cover[upper].astype(np.float32) / 255

    def paint(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """The head on its canvas: colour (H,W,3) uint8 and alpha (H,W) uint8."""
        colour, alpha = self._stretched(float(self.stretch[frame]))
        shade = self.folds.factors(frame)
        colour = cv2.multiply(colour, cv2.cvtColor(shade, cv2.COLOR_GRAY2RGB), scale=1 / 128)
        cv2.fillPoly(colour, list(self.nostrils[frame]), self.dark, cv2.LINE_AA, SHIFT)
        self.mouth.paint(colour, frame)
        for part in (*self.eyes, *self.brows):
            part.paint(colour, frame)
        if self.overlap:
            part = colour[self.overlap]
            colour[self.overlap] = cv2.blendLinear(self.head.hair[self.overlap], part, self.hair_weight, 1 - self.hair_weight)
        if self.glasses is not None:
            tint = tuple(float(c) for c in self.person.glasses_colour)
            cv2.polylines(colour, list(self.glasses[frame]), False, tint, max(int(0.04 * self.canvas.unit), 1), cv2.LINE_AA, SHIFT)
        return cv2.multiply(colour, self.light, scale=1 / 128), alpha

    def _stretched(self, factor: float) -> tuple[np.ndarray, np.ndarray]:
        """The still head with everything below the jaw's hinge stretched downwards."""
        colour, alpha, hinge = self.head.colour, self.head.alpha, self.hinge
        if factor < 1.003:
            return colour, alpha
        height, width = alpha.shape[0] - hinge, alpha.shape[1]
        move = np.array([[1, 0, 0], [0, factor, 0]])
        parts = []
        for layer in (colour, alpha):
            part = layer.copy()
            border = cv2.BORDER_CONSTANT if layer is alpha else cv2.BORDER_REPLICATE
            part[hinge:] = cv2.warpAffine(layer[hinge:], move, (width, height), flags=cv2.INTER_LINEAR, borderMode=border)
            parts.append(part)
        return parts[0], parts[1]


class _Mouth:
    def __init__(self, person: Identity, expression: Expression, shapes: Shapes, canvas: Canvas):
        ring, hole = shapes.mouth, shapes.opening
        self.box, corner = _box(canvas, ring, 0.12)
        fixed = partial(canvas.fixed, corner=corner)
        self.ring, self.hole = fixed(ring), fixed(hole)
        self.upper = fixed(np.concatenate([ring[:, :13], hole[:, 12::-1]], 1))
        self.line = self.hole[:, :13]
        top, bottom = hole[:, :13], np.concatenate([hole[:, :1], hole[:, :11:-1]], 1)
        u = -np.cos(np.pi * np.arange(13) / 12)
        edge = top[..., 1] + 0.12 * (1 - 0.45 * u**2) - 0.02
        if person.teeth_drop is not None:  # teeth stand still in the head, and a lip that rises shows them
            still = person.mouth_height + person.teeth_drop * (1 - 0.45 * u**2) + 0.3 * shapes.shift[:, 1:]
            edge = np.maximum(still, top[..., 1])
        teeth = np.stack([top[..., 0], np.minimum(edge, bottom[..., 1])], 2)
        self.teeth = fixed(np.concatenate([top[:, 2:11], teeth[:, 10:1:-1]], 1))
        self.gap = (bottom[..., 1] - top[..., 1])[:, 6]
        tongue = np.stack([bottom[..., 0] * 0.8 + bottom[:, 6:7, 0] * 0.2, np.maximum(bottom[..., 1] - 0.13, top[..., 1])], 2)
        self.tongue = fixed(np.concatenate([tongue[:, 3:10], bottom[:, 9:2:-1]], 1))
        low = np.concatenate([ring[:, :1], ring[:, :11:-1]], 1)
        self.gleam = fixed((0.55 * bottom + 0.45 * low)[:, 4:9])
        mix = person.lip_contrast
        lips = person.lips * mix + person.skin * np.array((0.92, 0.8, 0.78)) * (1 - mix)
        self.lower_colour, self.upper_colour = _tuple(lips), _tuple(lips * 0.84)
        self.line_colour = _tuple(lips * 0.42)
        self.gleam_colour = _tuple(np.minimum(lips * 1.12 + 14, 255))
        self.hole_colour = _tuple(np.array((52, 20, 22)) * (0.6 + 0.4 * person.skin.mean() / 255))
        self.teeth_colour, self.tongue_colour = _tuple(person.teeth * 0.93), (150.0, 70.0, 72.0)
        self.thin = max(round(0.018 * canvas.unit), 1)
        self.blur = max(0.012 * canvas.unit, 0.5)
        self.moustache = _Moustache(person, shapes, canvas) if person.beard in ("moustache", "goatee", "full") else None

    def paint(self, colour: np.ndarray, t: int) -> None:
        part = colour[self.box].copy()
        cv2.fillPoly(part, [self.ring[t]], self.lower_colour, cv2.LINE_AA, SHIFT)
        cv2.polylines(part, [self.gleam[t]], False, self.gleam_colour, 2 * self.thin, cv2.LINE_AA, SHIFT)
        cv2.fillPoly(part, [self.upper[t]], self.upper_colour, cv2.LINE_AA, SHIFT)
        if self.gap[t] > 0.02:
            cv2.fillPoly(part, [self.hole[t]], self.hole_colour, cv2.LINE_AA, SHIFT)
            if self.gap[t] > 0.16:
                cv2.fillPoly(part, [self.tongue[t]], self.tongue_colour, cv2.LINE_AA, SHIFT)
            cv2.fillPoly(part, [self.teeth[t]], self.teeth_colour, cv2.LINE_AA, SHIFT)
        cv2.polylines(part, [self.line[t]], False, self.line_colour, self.thin, cv2.LINE_AA, SHIFT)
        colour[self.box] = cv2.GaussianBlur(part, (0, 0), self.blur)
        if self.moustache:
            self.moustache.paint(colour, t)


class _Moustache:
    """Hair between nose and lip. It hangs on the lip; its own shape rises or droops whatever the mouth does."""

    def __init__(self, person: Identity, shapes: Shapes, canvas: Canvas):
        lip = shapes.mouth[:, 1:12]
        u = np.linspace(-1, 1, 11)
        middle = lip[:, 5:6]
        x = middle[..., 0] + u * person.mouth_width * 0.5 * person.moustache_width
        base = middle[..., 1] + 0.5 * (lip[..., 1] - middle[..., 1])
        bottom = base + person.moustache_droop * np.abs(u) ** 1.7 + 0.02
        top = np.minimum(bottom - 0.03, base - 0.17 * (1 - 0.75 * u**2) + person.moustache_droop * np.abs(u) ** 2.2)
        ring = np.concatenate([np.stack([x, top], 2), np.stack([x, bottom], 2)[:, ::-1]], 1)
        self.box, corner = _box(canvas, ring, 0.08)
        self.ring = canvas.fixed(ring, corner)
        self.colour = person.beard_colour
        self.density = 0.6 + 0.4 * person.beard_density
        self.blur = max(0.02 * canvas.unit, 0.5)

    def paint(self, colour: np.ndarray, t: int) -> None:
        _veil(colour[self.box], self.ring[t], self.colour, self.density, self.blur)


class _Eye:
    def __init__(self, person: Identity, shapes: Shapes, canvas: Canvas, side: int):
        ring = (shapes.left_eye, shapes.right_eye)[side]
        self.box, corner = _box(canvas, ring, 0.16)
        self.ring = canvas.fixed(ring, corner)
        self.top, self.bottom = self.ring[:, :9], np.concatenate([self.ring[:, 8:], self.ring[:, :1]], 1)
        height = person.crease * np.sin(np.linspace(0.15, np.pi - 0.15, 9)) + 0.012
        crease = ring[:, :9] - np.stack([0 * height, height], 1)
        self.crease = canvas.fixed(crease, corner) if person.crease else None
        self.lid = canvas.fixed(np.concatenate([crease, ring[:, 8::-1]], 1), corner)
        self.centre = canvas.fixed(shapes.irises[:, side], corner)
        self.shadow = canvas.fixed(ring[:, :9] + np.array((0, 0.02)), corner)
        unit = canvas.unit * (1 << SHIFT)
        self.radii = [int(r * unit) for r in (0.1, 0.088, 0.042, 0.022)]
        skin, iris = person.skin, person.iris
        self.white = _tuple(np.array((236, 230, 226)) * person.eye_white * (0.85 + 0.15 * skin / 255))
        self.iris = [_tuple(iris * 0.5), _tuple(iris), (12.0, 10.0, 10.0), (245.0, 245.0, 245.0)]
        self.lash = _tuple(skin * 0.22 * (1 - 0.7 * person.eyeliner))
        self.lash_width = max(round((0.022 + 0.026 * person.eyeliner) * canvas.unit), 1)
        self.rim = _tuple(skin * (0.66 - 0.3 * person.eyeliner))
        self.fold = _tuple(skin * 0.66)
        self.lid_colour = _tuple(person.eyeshadow * 0.5 + skin * 0.5 if person.eyeshadow is not None else skin * 0.9)
        self.gleam = np.array((int(-0.03 * unit), int(-0.035 * unit)))
        self.thin = max(round(0.016 * canvas.unit), 1)

    def paint(self, colour: np.ndarray, t: int) -> None:
        skin = colour[self.box].copy()
        cv2.fillPoly(skin, [self.lid[t]], self.lid_colour, cv2.LINE_AA, SHIFT)
        ball = np.full_like(skin, self.white)
        x, y = (int(v) for v in self.centre[t])
        for radius, tint in zip(self.radii[:3], self.iris, strict=False):
            cv2.circle(ball, (x, y), radius, tint, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(ball, (x + int(self.gleam[0]), y + int(self.gleam[1])), self.radii[3], self.iris[3], -1, cv2.LINE_AA, SHIFT)
        cv2.polylines(ball, [self.shadow[t]], False, self.fold, 2 * self.thin, cv2.LINE_AA, SHIFT)
        mask = np.zeros(skin.shape[:2], np.uint8)
        cv2.fillPoly(mask, [self.ring[t]], 255, cv2.LINE_AA, SHIFT)
        weight = mask.astype(np.float32) / 255
        skin = cv2.blendLinear(ball, skin, weight, 1 - weight)
        if self.crease is not None:
            cv2.polylines(skin, [self.crease[t]], False, self.fold, self.thin, cv2.LINE_AA, SHIFT)
        cv2.polylines(skin, [self.bottom[t]], False, self.rim, self.thin, cv2.LINE_AA, SHIFT)
        cv2.polylines(skin, [self.top[t]], False, self.lash, self.lash_width, cv2.LINE_AA, SHIFT)
        colour[self.box] = skin


class _Brow:
    def __init__(self, person: Identity, ring: np.ndarray, head: Head):
        self.box, corner = _box(head.canvas, ring, 0.1)
        self.ring = head.canvas.fixed(ring, corner)
        self.colour, self.density = person.brow, person.brow_density
        self.blur = max(0.02 * head.canvas.unit, 0.5)

    def paint(self, colour: np.ndarray, t: int) -> None:
        _veil(colour[self.box], self.ring[t], self.colour, self.density, self.blur)


def _veil(part: np.ndarray, ring: np.ndarray, tint: np.ndarray, density: float, blur: float) -> None:
    """Lay a soft-edged colour over an outline, in place."""
    mask = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(mask, [ring], 255 * density, cv2.LINE_AA, SHIFT)
    weight = cv2.GaussianBlur(mask, (0, 0), blur).astype(np.float32) / 255
    part[:] = cv2.blendLinear(np.full_like(part, tint.astype(np.uint8)), part, weight, 1 - weight)


def _nostrils(person: Identity, shapes: Shapes, canvas: Canvas) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 9)[:-1]
    rings = []
    for side, wing in ((-1, 11), (1, 9)):
        centre = (shapes.nose[:, wing] * 0.62 + shapes.nose[:, 10] * 0.38) - (0, 0.035)
        rings.append(centre[:, None] + np.stack([0.062 * np.cos(angle), 0.024 * np.sin(angle + 0.35 * side)], 1))
    return canvas.fixed(np.stack(rings, 1))


def _glasses(person: Identity, shapes: Shapes, canvas: Canvas) -> np.ndarray | None:
    """Frames of glasses: (T,5,n,2) fixed-point lines, None without glasses."""
    if person.glasses == "none":
        return None
    angle = np.linspace(0, 2 * np.pi, 25)
    power = {"round": 1.0, "square": 0.45, "half": 0.6}[person.glasses]
    wide, high = (0.36, 0.3) if person.glasses == "round" else (0.4, 0.26)
    rim = np.stack(
        [wide * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** power, high * np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** power], 1
    )
    if person.glasses == "half":
        rim[:, 1] = np.minimum(rim[:, 1], 0.05)
    along = np.linspace(0, 1, 25)
    lines = [rim + np.array((side * 0.5, 0.04)) for side in (-1, 1)]
    lines.append(np.stack([-0.14 + 0.28 * along, 0.02 - 0.05 * np.sin(np.pi * along)], 1))
    lines += [np.stack([side * (0.5 + wide + along * (person.half_width - 0.5 - wide)), -0.02 + 0.03 * along], 1) for side in (-1, 1)]
    depth = np.array((0.26, 0.26, 0.3, 0.1, 0.1))
    return canvas.fixed(np.stack(lines)[None] + depth[None, :, None, None] * shapes.shift[:, None, None, :])


def _box(canvas: Canvas, rings: np.ndarray, margin: float) -> tuple[tuple[slice, slice], tuple[int, int]]:
    """The part of the canvas that rings (T,n,2) ever touch, and its corner in pixels."""
    low, high = rings.min((0, 1)) - margin, rings.max((0, 1)) + margin
    box = canvas.box(low[0], low[1], high[0], high[1])
    return box, (box[1].start, box[0].start)


def _tuple(colour: np.ndarray) -> tuple[float, ...]:
    return tuple(float(c) for c in np.clip(colour, 0, 255))
