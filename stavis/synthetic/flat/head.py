"""The parts of a head that do not move: skin with its shading, ears, hair, beard, hat, and the light that falls on it."""

from dataclasses import dataclass

import cv2
import numpy as np

from stavis.synthetic.flat.canvas import Canvas, paint_over, spot
from stavis.synthetic.flat.geometry import face_outline
from stavis.synthetic.flat.identity import Identity
from stavis.synthetic.noise import cloud, smooth_step


@dataclass(frozen=True)
class Head:
    """A still head: colour (H,W,3) uint8 and alpha (H,W) uint8 of the skin layer; hair (H,W,3) uint8 with hair_cover (H,W) uint8
    lies over brows and eyes; strands (H,W) float32 around 1 is the grain of hair."""

    canvas: Canvas
    colour: np.ndarray
    alpha: np.ndarray
    hair: np.ndarray
    hair_cover: np.ndarray
    strands: np.ndarray


def build_head(rng: np.random.Generator, person: Identity, canvas: Canvas) -> Head:
    """Draw the still parts of a person's head."""
    x, y = canvas.grid()
    colour = np.ones((*x.shape, 3), np.float32) * person.skin
    _texture(rng, person, colour, x, y, canvas.unit)
    _shade(person, colour, x, y)
    _age(rng, person, colour, canvas, x, y)
    strands = _strands(rng, x, y)
    _beard(rng, person, colour, x, y)
    alpha = _ears(person, colour, canvas, x, y)
    skull = smooth_step(1 - np.sqrt((x / (person.half_width * 1.01)) ** 2 + ((y + 0.25) / 1.46) ** 2), 0, 0.03) * (y < 0.2)
    alpha = np.maximum(np.maximum(alpha, skull), canvas.mask(face_outline(person, 96)))
    hair, hair_cover = _hair(rng, person, x, y, strands)
    shadow = np.clip(_below(hair_cover, 0.07 * canvas.unit) - hair_cover, 0, 1)
    colour *= 1 - 0.35 * shadow[..., None]
    hat, hat_cover = _hat(rng, person, x, y)
    colour *= 1 - 0.45 * np.clip(_below(hat_cover, 0.16 * canvas.unit) - hat_cover, 0, 1)[..., None]
    paint_over(hair, hat, hat_cover)
    hair_cover = np.maximum(hair_cover, hat_cover)
    paint_over(colour, hair, hair_cover)
    return Head(
        canvas=canvas,
        colour=np.clip(colour, 0, 255).astype(np.uint8),
        alpha=(np.maximum(alpha, hair_cover) * 255).astype(np.uint8),
        hair=np.clip(hair, 0, 255).astype(np.uint8),
        hair_cover=(hair_cover * 255).astype(np.uint8),
        strands=strands,
    )


def light_on(canvas: Canvas, person: Identity, direction: np.ndarray, ambient: np.ndarray, lamp: np.ndarray) -> np.ndarray:
    """How a lamp lights a rounded head: (H,W,3) float32 factors around 1; direction (3,) towards the lamp, z to the viewer."""
    x, y = canvas.grid()
    across, down = x / (person.half_width * 1.12), (y - 0.1) / 2.1
    out = np.sqrt(np.clip(1 - across**2 - down**2, 0.02, 1))
    length = np.sqrt(across**2 + down**2 + out**2)
    lit = (across * direction[0] + down * direction[1] + out * direction[2]) / length
    lit = smooth_step(lit, -0.5, 1.1)[..., None]
    shade = 1 - person.eye_shade * sum(spot(x, y, (side * 0.48, -0.05), 0.34, 0.17) for side in (-1, 1))
    return ((ambient + lamp * lit) * shade[..., None]).astype(np.float32)


def _texture(rng: np.random.Generator, person: Identity, colour: np.ndarray, x: np.ndarray, y: np.ndarray, unit: float) -> None:
    shape = x.shape
    mottle = 0.018 * cloud(rng, *shape, 0.7 * unit) + 0.012 * cloud(rng, *shape, 0.12 * unit, 2)
    colour *= (1 + mottle)[..., None]
    red = person.blush * 0.1
    for centre in ((-0.66, 0.62), (0.66, 0.62), (0, person.nose_length - 0.08)):
        colour *= 1 - spot(x, y, centre, 0.34, 0.26)[..., None] * red * np.array((-0.25, 0.8, 0.6))
    if person.freckles:
        dots = (rng.random(shape) > 1 - 9 / unit**2).astype(np.float32)
        dots = cv2.GaussianBlur(dots, (0, 0), 0.014 * unit)
        dots *= 0.3 * person.freckles / max(dots.max(), 1e-6)
        where = spot(x, y, (0, 0.45), 0.95, 0.45)
        colour *= 1 - (dots * where)[..., None] * np.array((0.7, 1, 1.1))
    for _ in range(rng.poisson(1.2)):
        place = rng.uniform((-0.9, -0.9), (0.9, 1.6))
        colour *= 1 - 0.45 * spot(x, y, place, *rng.uniform(0.018, 0.035, 2))[..., None]


def _shade(person: Identity, colour: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Hollows and heights of the face, with no lamp in particular."""
    factor = np.ones_like(x)
    for side in (-1, 1):
        factor -= (0.08 + person.socket[0]) * spot(x, y, (side * 0.4, -0.16), 0.3, 0.13)
        factor -= (0.10 + person.socket[1]) * spot(x, y, (side * 0.19, -0.03), 0.08, 0.16)
        factor -= (0.05 + 0.1 * person.age) * spot(x, y, (side * 0.47, 0.19), 0.24, 0.07)
        factor += 0.06 * spot(x, y, (side * 0.6, 0.5), 0.24, 0.2)
        factor -= 0.12 * spot(x, y, (side * (person.half_width - 0.05), 0.9), 0.3, 0.6)
        factor -= 0.08 * spot(x, y, (side * 1.05, -0.5), 0.2, 0.5)
    mouth = person.mouth_height
    factor += 0.07 * spot(x, y, (0, -0.75), 0.6, 0.28)
    factor -= 0.08 * spot(x, y, (0, (person.nose_length + mouth) / 2 - 0.02), 0.055, 0.13)
    factor += 0.05 * spot(x, y, (0, person.chin - 0.22), 0.2, 0.13)
    factor -= 0.2 * smooth_step(y - (person.chin - 0.12) + 0.25 * x**2, 0, 0.3)
    colour *= factor[..., None] ** np.array((0.85, 1.05, 1.1))


def _age(rng: np.random.Generator, person: Identity, colour: np.ndarray, canvas: Canvas, x: np.ndarray, y: np.ndarray) -> None:
    """Lines of the forehead and under the eyes; those that move are rendered with the expression."""
    if person.age < 0.35:
        return
    along = np.linspace(-1, 1, 9)
    lines = [
        np.stack([along * 0.62, level + 0.03 * along**2 + rng.normal(0, 0.012, 9)], 1)
        for level in np.linspace(-0.98, -0.64, int(rng.integers(2, 5)))
    ]
    for side in (-1, 1):
        lines.append(np.stack([side * (0.5 + along * 0.24), 0.2 - 0.05 * along**2 + 0.02 * side * along], 1))
    depth = canvas.strokes(lines, 0.025, 0.018)
    colour *= (1 - 0.32 * (person.age - 0.25) * depth)[..., None]


def _strands(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The grain of hair that falls from a parting: (H,W) float32 around 1."""
    angle = np.arctan2(x - rng.uniform(-0.5, 0.5), y + 2.4)
    reach = np.hypot(x, y + 2.4)
    noise = cloud(rng, 24, 360, 5, 3)
    u = ((angle / np.pi + 1) * 0.5 * 359 + 6 * np.sin(reach * 2 + rng.uniform(0, 6))).astype(np.float32) % 359
    grain = cv2.remap(noise, u, (reach * 4).astype(np.float32) % 23, cv2.INTER_LINEAR)
    return 1 + 0.2 * np.clip(grain, -2, 2)


def _beard(rng: np.random.Generator, person: Identity, colour: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    if person.beard == "none":
        return
    mouth, grain = person.mouth_height, cloud(rng, *x.shape, 3, 2)
    cheek = smooth_step(y - (mouth - 0.42 + 0.55 * (1 - np.abs(x) / person.half_width) + 0.03 * grain), -0.05, 0.12)
    lip = smooth_step(y - person.nose_length - 0.06, 0, 0.08) * spot(x, y, (0, mouth - 0.16), 0.46, 0.2)
    chin = spot(x, y, (0, person.chin - 0.25), 0.34, 0.36) * smooth_step(y - mouth, 0.1, 0.25)
    alpha = {
        "stubble": 0.4 * np.maximum(cheek, lip),
        "moustache": 0.12 * cheek,
        "goatee": np.maximum(chin, 0.9 * lip),
        "full": np.maximum(cheek, lip),
    }[person.beard]
    alpha = np.clip(alpha * person.beard_density * (1 + 0.25 * grain), 0, 0.96)
    paint_over(colour, person.beard_colour * (1 + 0.16 * grain)[..., None], alpha)


def _ears(person: Identity, colour: np.ndarray, canvas: Canvas, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    alpha = np.zeros_like(x)
    for side in (-1, 1):
        centre = (side * (person.half_width + 0.05), 0.22)
        ear = smooth_step(1.15 - np.hypot((x - centre[0]) / (0.17 * person.ears), (y - centre[1]) / (0.36 * person.ears)), 0, 0.2)
        inner = spot(x, y, (centre[0] + side * 0.02, 0.2), 0.07, 0.16)
        outside = np.abs(x) > person.half_width * 0.97
        colour *= 1 - (ear * (0.1 + 0.35 * inner) * outside)[..., None]
        if person.earrings:
            paint_over(colour, np.array((225, 200, 120)), smooth_step(0.06 - np.hypot(x - centre[0], y - 0.62), 0, 0.03))
            ear = np.maximum(ear, smooth_step(0.06 - np.hypot(x - centre[0], y - 0.62), 0, 0.03))
        alpha = np.maximum(alpha, ear)
    return alpha


def _hair(rng: np.random.Generator, person: Identity, x: np.ndarray, y: np.ndarray, strands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hair in front of the head: colour and alpha."""
    cut, half = person.haircut, person.half_width
    ragged = (strands - 1) * 0.35
    volume = {"curly": 1.22, "afro": 1.45, "long": 1.14, "bun": 1.06, "shaved": 1.02, "receding": 1.05}.get(cut, 1.12)
    blobs = cloud(rng, *x.shape, x.shape[1] / 14, 2) * (0.05 if cut in ("curly", "afro") else 0.008)
    skull = 1 - np.sqrt((x / (half * volume)) ** 2 + ((y + 0.3) / (1.52 * volume**0.6)) ** 2) + blobs
    inside = smooth_step(skull, 0, 0.05)
    line = -person.forehead + 0.18 * (x / half) ** 2
    part = rng.uniform(-0.5, 0.5)
    if cut == "parted":
        line = -person.forehead - 0.15 + np.abs(x - part) * rng.uniform(0.25, 0.6)
    elif cut == "fringe":
        line = -rng.uniform(0.46, 0.75) - 0.08 * np.cos(2.2 * (x - part)) + ragged * 0.4
    elif cut == "receding":
        line = -person.forehead - 0.5 + 0.4 * np.cos(4.5 * x / half) * (np.abs(x) < half * 0.7)
    elif cut in ("long", "bun"):
        line = -person.forehead - 0.05 + 0.45 * (x / half) ** 2
    top = smooth_step(line - y + ragged * 0.25, -0.05, 0.05)
    burns = {"long": 1.9, "curly": 0.9, "afro": 0.4}.get(cut, rng.uniform(-0.15, 0.3))
    edge = half * (0.9 if cut not in ("long", "curly") else rng.uniform(0.84, 0.96))
    sides = smooth_step(np.abs(x) - edge + ragged * 0.06 - 0.04 * (y > 0.2), -0.03, 0.03) * smooth_step(burns - y + ragged, -0.1, 0.1)
    if cut == "long":
        curtain = (y > -0.3) * smooth_step(half * volume - 0.04 * y - np.abs(x), 0, 0.06)
        sides *= curtain + (y <= -0.3)
        inside = np.maximum(inside, curtain)
    alpha = inside * np.maximum(top, sides)
    if cut == "bun":
        alpha = np.maximum(alpha, smooth_step(0.42 - np.hypot(x, y + 1.95), 0, 0.06))
    alpha *= {"bald": 0.0, "shaved": 0.5}.get(cut, 1.0)
    gloss = 0.25 * np.exp(-(((np.hypot(x, (y + 0.3)) - 1.25) / 0.16) ** 2)) * (y < -0.3)
    shade = strands * (0.78 + gloss + 0.2 * smooth_step(skull, 0, 0.35))
    return (person.hair * shade[..., None]).astype(np.float32), alpha.astype(np.float32)


def _hat(rng: np.random.Generator, person: Identity, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A hat: colour and alpha, zero without one."""
    half, alpha = person.half_width, np.zeros_like(x)
    rim = -rng.uniform(0.62, 0.85)
    skull = smooth_step(1 - np.sqrt((x / (half * 1.18)) ** 2 + ((y + 0.3) / 1.75) ** 2), 0, 0.03)
    shade = 0.85 + 0.2 * skull
    if person.hat == "beanie":
        alpha = skull * smooth_step(rim + 0.12 * (x / half) ** 2 - y, -0.02, 0.02)
        shade = 0.8 + 0.25 * np.abs(np.sin(x * 14)) - 0.15 * (np.abs(y - rim + 0.2) < 0.02)
    elif person.hat == "cap":
        peak = smooth_step(0.26 - np.abs(y - rim + 0.1 - 0.25 * (x / half) ** 2), 0, 0.03) * (np.abs(x) < half * 1.1)
        alpha = np.maximum(skull * smooth_step(rim - 0.05 - y, -0.02, 0.02), peak)
        shade = 0.75 + 0.3 * smooth_step(rim - 0.1 - y, 0, 0.6) - 0.25 * peak * smooth_step(y - rim, 0.0, 0.15)
    elif person.hat == "brim":
        plate = smooth_step(1 - np.sqrt((x / 2.1) ** 2 + ((y - rim) / 0.22) ** 2), 0, 0.04)
        alpha = np.maximum(skull * smooth_step(rim - y, -0.02, 0.02), plate)
        shade = 0.9 - 0.35 * (np.abs(y - rim + 0.2) < 0.1)
    elif person.hat == "headscarf":
        opening = np.sqrt((x / (half * 0.93)) ** 2 + ((y - 0.35) / 1.42) ** 2)
        outer = smooth_step(1 - np.sqrt((x / (half * 1.25)) ** 2 + ((y - 0.1) / 2.25) ** 2), 0, 0.03)
        alpha = outer * smooth_step(opening - 1, -0.01, 0.03)
        shade = 0.8 + 0.15 * np.sin(9 * opening + 2 * x)
    elif person.hat == "band":
        alpha = skull * smooth_step(0.11 - np.abs(y + 1.02 - 0.1 * (x / half) ** 2), 0, 0.03)
    fabric = 1 + 0.05 * cloud(rng, *x.shape, 6, 2)
    return (person.hat_colour * (shade * fabric)[..., None]).astype(np.float32), alpha.astype(np.float32)


def _below(alpha: np.ndarray, reach: float) -> np.ndarray:
    """The alpha's shadow, thrown down by about `reach` px."""
    moved = np.roll(alpha, int(reach), 0)
    moved[: int(reach)] = 1
    return cv2.GaussianBlur(moved, (0, 0), max(reach * 0.5, 0.5))
