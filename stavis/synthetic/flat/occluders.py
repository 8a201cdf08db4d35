"""Things that hide a part of a face: hands, cups, scarves, masks, sunglasses, visors, fringes, blurred and flat patches."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from stavis.synthetic.flat.canvas import SHIFT, Canvas, paint_over
from stavis.synthetic.flat.identity import Identity
from stavis.synthetic.noise import cloud, smooth_step

MOUTH_COVERS = ("hand", "fingers", "cup", "scarf", "mask", "phone", "blur", "pixels", "flat")
EYE_COVERS = ("hand", "fingers", "sunglasses", "visor", "fringe", "book", "blur", "pixels", "flat")
HANDS = ("hand", "fingers")
LEAST = 0.01
"""How far a region is covered at least where anything is laid over it."""
_STRAYS = {"hand": 0.75, "fingers": 1.0}  # how far each kind may lie off, in parts of the person's own
_PLACES = {"mouth": (0.0, 1.08), "eyes": (0.0, -0.17)}


@dataclass(frozen=True)
class Occluder:
    """A thing painted on a layer of its own; it enters along `way` (eye distances) and lies at `place` with a turn (radians).

    kind 'blur' and 'pixels' change the image beneath instead of hiding it.
    """

    kind: str
    canvas: Canvas
    layer: np.ndarray
    place: np.ndarray
    way: np.ndarray
    turn: float

    def lay(self, image: np.ndarray, amount: float, head: np.ndarray, unit: float, wobble: np.ndarray) -> np.ndarray:
        """`image` (H,W,3) uint8 with the thing over it, `amount` in (0,1] of the way in."""
        x, y = self.place + self.way * (1 - amount) + wobble
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        move = head @ np.array([[cos, -sin, x], [sin, cos, y], [0, 0, 1]]) @ self.canvas.to_unit()
        height, width = image.shape[:2]
        warped = cv2.warpPerspective(self.layer, move, (width, height), flags=cv2.INTER_LINEAR)
        weight = warped[..., 3].astype(np.float32) * (min(1.0, 2.5 * amount) / 255)
        if self.kind == "blur":
            over = cv2.GaussianBlur(image, (0, 0), 0.22 * unit)
        elif self.kind == "pixels":
            side = max(int(0.22 * unit), 2)
            small = cv2.resize(image, (max(width // side, 1), max(height // side, 1)), interpolation=cv2.INTER_AREA)
            over = cv2.resize(small, (width, height), interpolation=cv2.INTER_NEAREST)
        else:
            over = warped[..., :3]
        return cv2.blendLinear(np.ascontiguousarray(over), image, weight, 1 - weight)


def make_occluder(rng: np.random.Generator, person: Identity, region: str, unit: float, kind: str | None = None) -> Occluder:
    """Draw a thing that hides `region` ('mouth' or 'eyes') for the most part, at `unit` px an eye distance.

    The hand of a person who differs widely may leave a part of the mouth free, as a hand at the chin does.
    """
    if kind is None and region == "mouth" and person.hand_odds and rng.random() < person.hand_odds:
        kind = str(rng.choice(HANDS))
    kind = kind or str(rng.choice(MOUTH_COVERS if region == "mouth" else EYE_COVERS))
    canvas = Canvas(unit, -3.0, -1.6, 3.0, 4.6)
    x, y = canvas.grid()
    size = rng.uniform(0.88, 1.12) * (np.array((0.72, 0.42)) if region == "mouth" else np.array((0.98, 0.46)))
    strays = person.hand_strays * _STRAYS.get(kind, 0.0) if region == "mouth" else 0.0
    if strays and kind == "fingers":
        size[0] *= rng.uniform(0.5, 1)  # a fist held to the lips is narrower than they are
    draw: dict[str, Callable] = {
        "hand": _hand,
        "fingers": _fingers,
        "cup": _cup,
        "scarf": _scarf,
        "mask": _mask,
        "phone": _slab,
        "book": _slab,
        "sunglasses": _sunglasses,
        "visor": _visor,
        "fringe": _fringe,
    }
    colour, alpha = draw.get(kind, _patch)(rng, person, canvas, x, y, size)
    layer = np.dstack([np.clip(colour, 0, 255), np.clip(alpha, 0, 1) * 255]).astype(np.uint8)
    side = rng.choice((-1, 1))
    if kind in ("hand", "fingers", "cup", "phone", "book") and side < 0:
        layer = np.ascontiguousarray(layer[:, ::-1])
    ways = {"scarf": (0, 0.9), "mask": (0, 0.8), "visor": (0, -0.5), "fringe": (0, -0.4), "sunglasses": (0, -0.35)}
    way = ways.get(kind, (0.9 * side, 0.5) if kind in ("hand", "fingers", "cup", "phone", "book") else (0, 0))
    jitter = np.array((0.0, 0.0)) if kind in ("sunglasses", "visor", "fringe", "mask") else rng.uniform((-0.1, -0.06), (0.1, 0.06))
    if strays:
        jitter += rng.uniform((-0.5 * strays, 0), (0.5 * strays, strays))
    turn = rng.uniform(-0.2, 0.2) if kind in ("hand", "fingers", "cup", "phone", "book") else rng.normal(0, 0.03)
    return Occluder(kind, canvas, layer, np.array(_PLACES[region]) + jitter, np.array(way, float), float(turn))


def things_over(
    rng: np.random.Generator, person: Identity, region: str, amounts: np.ndarray, unit: float, hands: bool
) -> list[Occluder | None]:
    """What covers `region` in each frame, another thing each time; amounts: (T,) in [0,1], how far it is covered; unit: px an eye
    distance; hands: by hands alone."""
    things: list[Occluder | None] = []
    thing = None
    for amount in amounts:
        if amount <= LEAST:
            thing = None
        elif thing is None:
            thing = make_occluder(rng, person, region, float(np.clip(unit, 20, 120)), str(rng.choice(HANDS)) if hands else None)
        things.append(thing)
    return things


def _skin(rng, person, canvas, x) -> np.ndarray:
    skin = person.skin * rng.uniform(0.86, 1.04)
    return np.ones((*x.shape, 3), np.float32) * skin * (1 + 0.025 * cloud(rng, *x.shape, 0.2 * canvas.unit, 2))[..., None]


def _bars(canvas: Canvas, colour: np.ndarray, alpha: np.ndarray, ends: list[tuple], width: float) -> None:
    """Round-ended bars (fingers, an arm), lit from above: each is drawn dark, then lighter and thinner; in place."""
    for start, end in ends:
        points = canvas.fixed(np.array((start, end)))
        base = colour.reshape(-1, 3).mean(0)
        for part, factor in ((1.0, 0.82), (0.84, 0.96), (0.45, 1.04)):
            thickness = max(int(width * part * canvas.unit), 1)
            cv2.polylines(colour, [points], False, tuple(float(c * factor) for c in base), thickness, cv2.LINE_AA, SHIFT)
        cv2.polylines(alpha, [points], False, 1.0, max(int(width * canvas.unit), 1), cv2.LINE_AA, SHIFT)


def _hand(rng, person, canvas, x, y, size):
    """A flat hand from the side: four fingers across the region, thumb below, wrist and sleeve."""
    colour, alpha = _skin(rng, person, canvas, x), np.zeros_like(x)
    thick, reach = size[1] * 0.5, size[0] * 0.95
    palm = [(reach * 0.9, 0.12), (reach * 1.2, 0.25)]
    _bars(canvas, colour, alpha, [((2.6, 5.0), (1.4, 0.5))], 0.75)
    _bars(canvas, colour, alpha, [tuple(palm)], size[1] * 2.0)
    for k in (3, 0, 2, 1):
        level = (k - 1.5) * thick
        tip = -reach * (0.8, 1.0, 0.95, 0.72)[k] + rng.normal(0, 0.03)
        _bars(canvas, colour, alpha, [((reach * 0.9, level * 1.05), (tip, level))], thick * 1.08)
    sleeve = smooth_step(y - 1.6 + 0.2 * x, 0, 0.05)
    paint_over(colour, person.hat_colour, sleeve)
    return colour, alpha


def _fingers(rng, person, canvas, x, y, size):
    """A fist or finger tips held before the region from below."""
    colour, alpha = _skin(rng, person, canvas, x), np.zeros_like(x)
    thick = size[0] * 0.5
    _bars(canvas, colour, alpha, [((1.5, 5.0), (0.25, 0.6))], 0.8)
    for k in (0, 3, 1, 2):
        level = (k - 1.5) * thick
        top = -size[1] * (0.7, 0.95, 1.0, 0.75)[k] + rng.normal(0, 0.03)
        _bars(canvas, colour, alpha, [((level * 0.9, size[1] * 0.9), (level, top))], thick * 1.05)
    return colour, alpha


def _cup(rng, person, canvas, x, y, size):
    colour = np.ones((*x.shape, 3), np.float32) * rng.uniform(30, 240, 3)
    alpha = smooth_step(size[0] * 0.85 - np.abs(x), 0, 0.04) * smooth_step(0.85 - np.abs(y - 0.42), 0, 0.04)
    colour *= (0.6 + 0.5 * np.sqrt(np.clip(1 - (x / size[0]) ** 2, 0, 1)))[..., None]
    stripe = (np.abs(y - rng.uniform(0.2, 0.8)) < rng.uniform(0.05, 0.25)) * alpha
    paint_over(colour, rng.uniform(20, 240, 3), stripe * 0.8)
    hand, grip = _skin(rng, person, canvas, x), np.zeros_like(x)
    for k in range(4):
        _bars(canvas, hand, grip, [((1.3, 0.35 + 0.2 * k), (0.1, 0.3 + 0.2 * k))], 0.21)
    _bars(canvas, hand, grip, [((2.4, 5.0), (1.2, 0.7))], 0.7)
    paint_over(colour, hand, grip)
    return colour, np.maximum(alpha, grip)


def _scarf(rng, person, canvas, x, y, size):
    top = -size[1] * 1.0 + 0.1 * np.cos(2.2 * x) + 0.18 * x**2
    alpha = smooth_step(y - top, 0, 0.05) * smooth_step(1.5 - np.abs(x), 0, 0.1) * smooth_step(1.6 + 0.1 * np.sin(4 * x) - y, 0, 0.05)
    knit = 0.8 + 0.2 * np.sin(5 * (y - top) + 1.5 * x + rng.uniform(0, 6)) + 0.06 * cloud(rng, *x.shape, 5, 2)
    return rng.uniform(20, 235, 3) * knit[..., None], alpha


def _mask(rng, person, canvas, x, y, size):
    shape = 1 - (np.abs(x / 0.98) ** 2.6 + np.abs((y - 0.02) / 0.68) ** 2.6)
    colours = np.array(((150, 190, 215), (225, 228, 230), (30, 32, 36), (190, 160, 175)))
    fold = 0.92 + 0.07 * np.sin(y * 16) + 0.12 * shape
    return colours[rng.integers(4)] * fold[..., None], smooth_step(shape, 0, 0.1)


def _slab(rng, person, canvas, x, y, size):
    """A phone or a book with the hand that holds it."""
    colour = np.ones((*x.shape, 3), np.float32) * rng.uniform(10, 230, 3)
    alpha = smooth_step(size[0] * 1.05 - np.abs(x), 0, 0.03) * smooth_step(size[1] * 1.1 - np.abs(y), 0, 0.03)
    paint_over(colour, rng.uniform(10, 230, 3), (np.abs(x) < size[0] * 0.7) * (np.abs(y) < size[1] * rng.uniform(0.1, 0.7)) * 1.0)
    hand, grip = _skin(rng, person, canvas, x), np.zeros_like(x)
    _bars(canvas, hand, grip, [((2.4, 5.0), (size[0] + 0.15, 0.3))], 0.55)
    for k in range(3):
        _bars(canvas, hand, grip, [((size[0] + 0.2, 0.2 * (k - 1) + 0.2), (size[0] - 0.2, 0.2 * (k - 1)))], 0.2)
    paint_over(colour, hand, grip)
    return colour, np.maximum(alpha, grip)


def _sunglasses(rng, person, canvas, x, y, size):
    y = y - 0.19
    power = rng.uniform(2, 4)
    lens = [1 - (np.abs((x - side * 0.5) / 0.47) ** power + np.abs(y / rng.uniform(0.32, 0.42)) ** power) for side in (-1, 1)]
    lenses = np.maximum(*lens)
    bar = smooth_step(0.05 - np.abs(y + 0.14), 0, 0.03) * (np.abs(x) < 1.15)
    tint = rng.uniform(5, 60, 3)
    colour = np.ones((*x.shape, 3), np.float32) * tint
    colour += (60 * rng.random() * smooth_step(0.3 * (x % 1) - y, -0.2, 0.4))[..., None]
    return colour, np.maximum(smooth_step(lenses, 0, 0.12) * rng.uniform(0.93, 1.0), bar)


def _visor(rng, person, canvas, x, y, size):
    """The peak of a cap or the brim of a hat pulled over eyes and brows."""
    low = 0.36 + 0.1 * np.cos(x * 1.4) - 0.12 * x**2 + rng.uniform(-0.06, 0.06)
    alpha = smooth_step(low - y, 0, 0.05) * smooth_step(y + 0.95, 0, 0.05) * smooth_step(1.42 - np.abs(x), 0, 0.05)
    shade = 0.7 + 0.35 * smooth_step(low - y, 0.1, 1.0) - 0.3 * (np.abs(low - y - 0.5) < 0.03)
    return rng.uniform(15, 235, 3) * shade[..., None], alpha


def _fringe(rng, person, canvas, x, y, size):
    strands = np.repeat(cloud(rng, 1, x.shape[1], 0.1 * canvas.unit, 3), x.shape[0], 0)
    low = 0.3 + 0.09 * strands - 0.1 * x**2
    skull = 1 - np.sqrt((x / (person.half_width * 1.1)) ** 2 + ((y + 0.13) / 1.5) ** 2)
    alpha = smooth_step(low - y, 0, 0.12) * smooth_step(skull, 0, 0.06)
    return person.hair * (0.85 + 0.2 * strands)[..., None], alpha * np.clip(0.95 + 0.1 * strands, 0.75, 1)


def _patch(rng, person, canvas, x, y, size):
    """A flat patch, or the place of a blurred or pixelated one."""
    power = rng.choice((2.0, 4.0, 12.0))
    inside = 1 - (np.abs(x / (size[0] * 1.12)) ** power + np.abs(y / (size[1] * 1.15)) ** power)
    colour = rng.uniform(0, 255, 3) if rng.random() < 0.6 else person.skin
    return np.ones((*x.shape, 3), np.float32) * colour, smooth_step(inside, 0, rng.choice((0.05, 0.3)))
