"""A face is painted in the skin's plane: melanin and blood, pores, spots, lips, make-up, brows, beard and the hair's edge."""

from dataclasses import dataclass

import cv2
import numpy as np

from stavis.synthetic.heads.people.hair import beard_amount, hair_amount
from stavis.synthetic.heads.people.look import Look, linear, skin_colours
from stavis.synthetic.heads.people.plane import SIDE, SkinPlane
from stavis.synthetic.noise import smooth_step
from stavis.synthetic.streams import stream

LIPS, BEARD = 1, 2
"""What the texture says of a texel's gloss beside plain skin (0)."""
_BLOOD = np.array((0.1, 0.75, 0.6), np.float32)


@dataclass(frozen=True, eq=False)
class PaintedSkin:
    """texture (SIDE,SIDE,3) float32 linear; material (SIDE,SIDE) uint8 (see LIPS, BEARD);
    rise (SIDE,SIDE) cm, how far a beard stands out.
    """

    texture: np.ndarray
    material: np.ndarray
    rise: np.ndarray


class _Paint:
    def __init__(self, rng: np.random.Generator, plane: SkinPlane):
        self.rng, self.plane = rng, plane

    def noise(self, name: str) -> np.ndarray:
        """A field of this kind, shifted at random."""
        fields = self.plane.noise[name]
        across, down = self.rng.integers(0, SIDE, 2)
        return np.roll(fields[self.rng.integers(len(fields))], (across, down), (0, 1))


def paint_skin(rng: np.random.Generator, plane: SkinPlane, look: Look) -> PaintedSkin:
    """The skin of one person."""
    paint = _Paint(rng, plane)
    texture = _bare_skin(paint, look)
    lips = _lip_mask(paint, look)
    _lay(texture, linear(look.lip_colour) * (1 + 0.08 * paint.noise("strands"))[..., None], look.lips[3] * lips)
    material = np.where(lips > 0.5, LIPS, 0).astype(np.uint8)
    _make_up(paint, look, texture)
    _lay(texture, linear(look.brow_colour), _brow_amount(paint, look))
    rise = np.zeros((SIDE, SIDE), np.float32)
    beard = beard_amount(rng, plane, look, lips)
    if beard is not None:
        colour = linear(np.clip(look.hair * rng.uniform(0.6, 1.1), 8, 230))
        strength = rng.uniform(0.15, 0.5) if look.beard == "stubble" else rng.uniform(0.6, 0.97)
        strands = paint.noise("strands")
        amount = np.clip(beard * strength * (1 + 0.35 * strands + 0.2 * paint.noise("fine")), 0, 1)
        _lay(texture, colour * (1 + 0.25 * strands)[..., None], amount)
        material[amount > 0.4] = BEARD
        if look.beard != "stubble":
            rise = beard * np.float32(rng.uniform(0.05, 0.5 if look.beard == "full" else 0.25))
    _hair(paint, look, texture, material)
    _lay(texture, linear(look.cloth), 1 - smooth_step(plane.y, look.collar - 0.6, look.collar - 0.2))
    return PaintedSkin(np.clip(texture, 0.002, 1).astype(np.float32), material, rise)


def _lay(texture: np.ndarray, colour: np.ndarray, amount: np.ndarray) -> None:
    texture += (colour - texture) * amount[..., None].astype(np.float32)


def _bare_skin(paint: _Paint, look: Look) -> np.ndarray:
    """Absorbance by melanin along the tones of skin, and by blood where a face is flushed; then as light."""
    rng, plane = paint.rng, paint.plane
    anchors = skin_colours()
    low = min(int(look.tone), len(anchors) - 2)
    slope = anchors[low + 1] - anchors[low]
    coarse, middle, fine = look.rough
    melanin = 3 * coarse * paint.noise("coarse") + 1.6 * middle * paint.noise("middle")
    melanin += rng.uniform(0, 0.3) * plane.spot(2.9, 1.9, 1.3, 0.55) + rng.uniform(0, 0.3) * plane.spot(3.1, 4.6, 1.6, 0.55)
    melanin += rng.uniform(0, 0.2) * plane.spot(1.5, 3.6, 0.5, 0.8) + rng.uniform(-0.05, 0.12) * smooth_step(plane.y, 5.5, 9)
    if look.freckles:
        melanin += 2 * look.freckles * smooth_step(paint.noise("fine"), 1.2, 2.0) * plane.spot(2.5, 0.8, 4.5, 2.5)
    for _ in range(rng.poisson(1.5)):
        melanin += 1.2 * np.exp(-((plane.x - rng.uniform(-6, 6)) ** 2 + (plane.y - rng.uniform(-7, 9)) ** 2) / rng.uniform(0.01, 0.04))
    blood = 0.1 * coarse / 0.03 * paint.noise("coarse") + look.blood * (
        rng.uniform(0.1, 0.5) * plane.spot(3.9, -0.2, 2.2, 1.6)
        + rng.uniform(0.1, 0.5) * plane.spot(0, 0.2, 1.3, 1.3)
        + rng.uniform(0, 0.2) * plane.spot(0, -6.5, 1.5, 1.5)
    )
    pores = fine * 2 * paint.noise("fine")
    base = -np.log(linear(look.skin))
    absorbed = np.empty((SIDE, SIDE, 3), np.float32)
    for k in range(3):
        absorbed[..., k] = base[k] + slope[k] * np.clip(melanin, -0.6, 2) + _BLOOD[k] * blood + pores
    return np.exp(-np.maximum(absorbed, 0.02))


def _lip_mask(paint: _Paint, look: Look) -> np.ndarray:
    upper, lower, soft, _ = look.lips
    ring = paint.plane.marks[48:60].copy()
    middle = (ring[0] + ring[6]) / 2
    ring[:, 1] = middle[1] + (ring[:, 1] - middle[1]) * np.where(ring[:, 1] < middle[1], upper, lower)
    closed = np.concatenate([ring, ring[:1]]).astype(np.float32)
    outline = cv2.resize(closed[None], (0, 0), fx=8, fy=1, interpolation=cv2.INTER_CUBIC)[0]
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(mask, [np.rint(outline * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask, (0, 0), soft).astype(np.float32) / 255


def _make_up(paint: _Paint, look: Look, texture: np.ndarray) -> None:
    """The line between the lips, the nostrils, the lids (lashes, more where they are painted), eye shadow and rouge, in place."""
    rng, plane = paint.rng, paint.plane
    width, dark = (rng.uniform(0.14, 0.24), rng.uniform(0.5, 0.92)) if look.made_up else (0.15, rng.uniform(0.3, 0.8))
    upper = np.where(plane.y > 3.35, 1.0, 0.55)  # more lashes above
    texture *= (1 - rng.uniform(0.25, 0.65) * np.exp(-((plane.mouth / 0.13) ** 2)) * (plane.side < 2.7))[..., None].astype(np.float32)
    texture *= (1 - rng.uniform(0.5, 0.85) * plane.spot(0.68, -0.95, 0.3, 0.2))[..., None].astype(np.float32)
    texture *= (1 - dark * upper * np.exp(-((plane.eye / width) ** 2)))[..., None].astype(np.float32)
    if not look.made_up:
        return
    if rng.random() < 0.5:
        shadow = np.exp(-(((plane.side - 3.15) / 1.9) ** 4 + ((plane.y - 4.4) / 0.75) ** 2))
        _lay(texture, linear(rng.uniform(30, 160, 3)), rng.uniform(0.2, 0.6) * shadow)
    rouge = rng.uniform(0, 0.3) * plane.spot(4.6, 0.3, 1.7, 1.1)
    texture *= 1 - rouge[..., None].astype(np.float32) * np.array((0, 1, 0.8), np.float32)


def _brow_amount(paint: _Paint, look: Look) -> np.ndarray:
    plane = paint.plane
    drop, thickness, arch, tilt, density, start, reach = look.brows
    along = np.clip((plane.side - start) / reach, -0.2, 1.2)
    inner = np.clip(along, 0, 1)
    centre = 5.75 + drop + arch * np.sin(inner * np.pi) - 0.55 * np.clip(along - 0.55, 0, 1) / 0.45 + tilt * (along - 0.5)
    half = thickness * 0.5 * np.clip(1.15 - 0.75 * inner**1.5, 0.2, 1)
    amount = smooth_step(half + 0.14 - np.abs(plane.y - centre), 0, 0.28) * smooth_step(along, -0.06, 0.05)
    amount *= (1 - smooth_step(along, 0.9, 1.05)) * (plane.z > 2)
    strokes = 1 + paint.rng.uniform(0.15, 0.45) * paint.noise("across") + 0.2 * paint.noise("fine")
    return np.clip(amount * density * strokes, 0, 1)


def _hair(paint: _Paint, look: Look, texture: np.ndarray, material: np.ndarray) -> None:
    """The hair where it lies on the skin's plane, in place."""
    rng, plane = paint.rng, paint.plane
    density = look.hair_line[4]
    if look.cut == "bald" or not density:
        return
    edge = _Paint(stream(rng, "hair under a hat"), plane) if look.cut == "hat" else paint
    y = plane.y + edge.rng.uniform(0.03, 0.25) * edge.noise("strands") + edge.rng.uniform(0, 0.4) * edge.noise("middle")
    amount = hair_amount(plane.x, y, plane.z, plane.ears, look) * density * smooth_step(plane.z + 0.2 * plane.y, -6, -5)
    strands = edge.rng.uniform(0.15, 0.5) * paint.noise("strands") + 0.15 * paint.noise("coarse")
    _lay(texture, linear(look.hair) * np.clip(1 + strands, 0.25, 2.2)[..., None], amount)
    material[amount > 0.5] = BEARD
