"""What is around a head and between it and the file: background, shoulders, light, camera."""

from dataclasses import dataclass

import cv2
import numpy as np

from stavis.synthetic.flat.canvas import Canvas, spot
from stavis.synthetic.flat.identity import COLLARS, Identity
from stavis.synthetic.noise import cloud, smooth_course, smooth_step


class Background:
    """A wall, pattern or blurred room that drifts slowly, with soft things moving before it and, if there is one, a background object."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int], count: int, fps: float, background_object: np.ndarray | None):
        width, height = self.size = size
        self.margin = max(width // 8, 8)
        self.image = _wall(rng, height + 2 * self.margin, width + 2 * self.margin)
        reach = self.margin * 0.9 * rng.choice((0.1, 0.5, 1.0))
        self.drift = self.margin + reach * np.tanh(np.stack([smooth_course(rng, count, 2.5 * fps) for _ in range(2)], 1))
        self.things = []
        for _ in range(rng.integers(0, 4)):
            path = np.stack([smooth_course(rng, count, rng.uniform(1, 4) * fps) for _ in range(2)], 1) * 0.4 + rng.uniform(0, 1, 2)
            radius = int(rng.uniform(0.04, 0.2) * height)
            self.things.append((path * size, radius, tuple(_paint(rng).tolist())))
        self.background_object = background_object
        self.prop_place = (rng.choice((0.12, 0.88)) * width, rng.uniform(0.14, 0.3) * height)
        self.prop_radius = 0.09 * height
        self.prop_colour = rng.uniform(120, 255, 3)

    def draw(self, frame: int) -> np.ndarray:
        """The background of a frame: (H,W,3) uint8."""
        x, y = self.drift[frame]
        move = np.array([[1, 0, -x], [0, 1, -y]])
        image = cv2.warpAffine(self.image, move, self.size, flags=cv2.INTER_LINEAR)
        for path, radius, colour in self.things:
            centre = tuple(int(v * 16) for v in path[frame])
            cv2.circle(image, centre, radius * 16, colour, -1, cv2.LINE_AA, 4)
        return image

    def render_background_object(self, image: np.ndarray, frame: int) -> None:
        """Draw the background_object, in place: a lamp on the wall whose glow and height follow its course."""
        if self.background_object is None:
            return
        value = (float(self.background_object[frame]) + 1) / 2
        x, y = self.prop_place
        centre = (int(x * 16), int((y + (1 - value) * 3 * self.prop_radius) * 16))
        colour = tuple((self.prop_colour * (0.25 + 0.75 * value)).tolist())
        cv2.circle(image, centre, int(self.prop_radius * 17.5), (20.0, 20.0, 20.0), -1, cv2.LINE_AA, 4)
        cv2.circle(image, centre, int(self.prop_radius * 16), colour, -1, cv2.LINE_AA, 4)


def _paint(rng: np.random.Generator) -> np.ndarray:
    """A colour of walls and things: mostly greys, browns and whites, now and then any colour."""
    if rng.random() < 0.35:
        return rng.uniform(0, 255, 3)
    return np.clip(rng.uniform(8, 245) * (1 + rng.normal(0, 0.09, 3)), 0, 255)


def _wall(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float32) / height
    base, other = _paint(rng), _paint(rng)
    if rng.random() < 0.5:
        other = base * rng.uniform(0.5, 1.4)
    kind = rng.integers(6)
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    if kind == 0:
        mix = np.clip(along - along.min(), 0, 1)
    elif kind == 1:
        mix = smooth_step(np.sin(along * rng.uniform(15, 70)), -0.3, 0.3)
    elif kind == 2:
        mix = smooth_step(cloud(rng, height, width, rng.uniform(0.08, 0.5) * height), -1, 1)
    elif kind == 3:
        mix = np.zeros_like(x)
        for _ in range(rng.integers(4, 12)):
            left, top = rng.uniform(-0.2, 1, 2)
            wide, high = rng.uniform(0.1, 0.6, 2)
            mix[(x > left) & (x < left + wide) & (y > top) & (y < top + high)] = rng.random()
        mix = cv2.GaussianBlur(mix, (0, 0), max(rng.uniform(0.003, 0.03) * height, 0.5))
    elif kind == 4:
        mix = 0.5 + 0.25 * cloud(rng, height, width, 4, 1)
    else:
        mix = np.full_like(x, 0.1)
    wall = base + (other - base) * mix[..., None]
    wall = wall * (1 + 0.04 * cloud(rng, height, width, height / 3))[..., None]
    return np.clip(wall, 0, 255).astype(np.uint8)


def render_body(rng: np.random.Generator, person: Identity, canvas: Canvas) -> np.ndarray:
    """Neck, clothes and the hair behind the head: (H,W,4) uint8, the fourth channel is alpha."""
    x, y = canvas.grid()
    chin, half = person.chin, person.half_width
    image, alpha = np.zeros((*x.shape, 3), np.float32), np.zeros_like(x)

    def lay(colour: np.ndarray, where: np.ndarray) -> None:
        nonlocal image, alpha
        image = image + (colour - image) * where[..., None]
        alpha = np.maximum(alpha, where)

    if person.haircut in ("long", "curly", "afro"):
        fall = {"long": chin + rng.uniform(0.2, 1.6), "curly": chin - rng.uniform(0, 0.9), "afro": 0.9}[person.haircut]
        wide = half * (1.24 if person.haircut == "long" else 1.38)
        edge = (0.03 if person.haircut == "long" else 0.07) * cloud(rng, *x.shape, 0.4 * canvas.unit, 2)
        dome = 1 - np.sqrt((x / wide) ** 2 + ((y + 0.3) / 1.55) ** 2)
        hanging = 1 - np.abs(x) / (wide + 0.08 * np.sin(1.3 * y + 1)) - 0.5 * np.clip(y - fall + 0.5, 0, 9) ** 2
        behind = smooth_step(np.where(y < -0.3, dome, hanging) + edge, 0, 0.07) * smooth_step(fall + edge - y, 0, 0.3)
        grain = 1 + 0.14 * np.repeat(cloud(rng, 1, x.shape[1], 0.12 * canvas.unit), x.shape[0], 0)
        lay(person.hair * (0.7 * grain - 0.15 * smooth_step(wide - np.abs(x), 0.1, 0.5))[..., None], behind)
    neck = half * rng.uniform(0.55, 0.72)
    width = neck + 0.12 * smooth_step(y, chin + 0.2, chin + 1.0)
    shadow = 0.55 + 0.35 * smooth_step(y - 0.2 * x**2, chin - 0.1, chin + 0.55)
    rounding = 1 - 0.25 * (x / width) ** 2
    lay(person.skin * (shadow * rounding)[..., None], smooth_step(width - np.abs(x), -0.03, 0.03) * smooth_step(y, 0.6, 0.9))
    slope = chin + 0.42 + rng.uniform(-0.1, 0.25)
    shoulder = slope + 0.4 * np.clip(np.abs(x) - neck, 0, 9) ** 0.85 + 0.9 * np.clip(np.abs(x) - rng.uniform(2.2, 2.9), 0, 9) ** 2
    cloth = rng.uniform(8, 245, 3) if rng.random() < 0.7 else np.array((170, 25, 35)) * rng.uniform(0.6, 1.3)
    folds = 1 + 0.045 * cloud(rng, *x.shape, 1.2 * canvas.unit, 2) - 0.06 * np.abs(x)
    fabric = np.ones((*x.shape, 3)) * cloth
    if rng.random() < 0.35:
        lines = np.sin((x if rng.random() < 0.4 else y) * rng.uniform(5, 20)) > rng.uniform(-0.5, 0.7)
        fabric = np.where(lines[..., None], fabric, rng.uniform(8, 245, 3))
    collar = str(rng.choice(COLLARS))
    opening = {
        "round": slope + 0.42 - 0.7 * (x / neck) ** 4 * 0.4,
        "v": slope + 1.3 - 1.5 * np.abs(x),
        "shirt": slope + 0.75 - 1.3 * np.abs(x),
        "turtleneck": np.full_like(x, chin + 0.22) + 0.12 * x**2,
        "hood": slope + 0.5 - 0.3 * x**2,
    }[collar]
    top = np.where(
        np.abs(x) < neck + 0.1, np.maximum(opening, shoulder * 0) if collar == "turtleneck" else np.maximum(opening, shoulder), shoulder
    )
    lay(fabric * folds[..., None], smooth_step(y - top, -0.03, 0.05))
    if collar in ("shirt", "hood"):
        trim = fabric * (rng.uniform(0.75, 1.2) if rng.random() < 0.6 else 0) + (0 if rng.random() < 0.5 else 25)
        band = np.abs(y - np.maximum(opening, slope - 0.4) - 0.1) < (0.16 if collar == "shirt" else 0.26)
        lay(trim * folds[..., None] * 0.92, (band * (np.abs(x) < neck + 0.35)).astype(np.float32))
    return np.dstack([np.clip(image, 0, 255), np.clip(alpha, 0, 1) * 255]).astype(np.uint8)


@dataclass(frozen=True)
class Light:
    """Where the light comes from and its colour: direction (3,), ambient and lamp (3,) factors of RGB."""

    direction: np.ndarray
    ambient: np.ndarray
    lamp: np.ndarray


def sample_light(rng: np.random.Generator, person: Identity) -> Light:
    """Light from above the viewer, more or less from one side, white to coloured, soft to hard; in part exposed for the face."""
    side, height = rng.normal(0, 0.55), -rng.uniform(0.0, 0.7)
    direction = np.array((side, height, 1.0))
    hardness = rng.uniform(0.25, 0.95)
    tints = [1 + rng.normal(0, 0.025 if rng.random() < 0.75 else 0.09, 3) for _ in range(2)]
    gain = rng.uniform(0.8, 1.06) * (130 / float(person.skin.mean())) ** 0.3
    return Light(direction / np.linalg.norm(direction), (1 - 0.85 * hardness) * gain * tints[0], 1.15 * hardness * gain * tints[1])


class Camera:
    """What a camera does to every frame: exposure, tone, colour, shadow across the image, blur, grain; some are grey."""

    def __init__(self, rng: np.random.Generator, size: tuple[int, int], count: int, fps: float, unit: float):
        width, height = size
        self.gain = np.exp(rng.normal(0, 0.08) + rng.choice((0.0, 0.03, 0.09)) * smooth_course(rng, count, 1.5 * fps))
        gamma = np.exp(rng.normal(0, 0.13))
        self.curve = (np.arange(256) / 255.0) ** gamma * 255 * (1 + rng.normal(0, 0.03, 3))[:, None] + rng.uniform(0, 14)
        self.grey = rng.random() < 0.1
        self.blur = float(rng.choice((0, 0, 0.5, 0.7, 1.0))) * max(unit / 38, 0.6)
        grain = float(rng.choice((0.0, 1.0, 2.5, 4.0, 6.0)))
        self.grain = [np.clip(128 + grain * rng.standard_normal((height, width, 3)), 0, 255).astype(np.uint8) for _ in range(4)]
        self.order = rng.integers(0, 4, count)
        self.offset = rng.integers(0, min(width, height), (count,))
        y, x = np.mgrid[:height, :width].astype(np.float32)
        angle = rng.uniform(0, 2 * np.pi)
        along = (x / width - 0.5) * np.cos(angle) + (y / height - 0.5) * np.sin(angle)
        fall = 1 + rng.choice((0.0, 0.25, 0.5)) * along
        if rng.random() < 0.25:
            fall *= 1 - rng.uniform(0.15, 0.4) * smooth_step(np.sin(along * rng.uniform(4, 12) + rng.uniform(0, 6)), -0.15, 0.15)
        fall *= 1 - 0.12 * rng.random() * (1 - spot(x, y, (width / 2, height / 2), width * 0.8, height * 0.8))
        self.fall = cv2.merge([np.clip(fall * 128, 0, 255).astype(np.uint8)] * 3)

    def take(self, image: np.ndarray, frame: int) -> np.ndarray:
        """The image (H,W,3) uint8 as the camera sees it."""
        image = cv2.multiply(image, self.fall, scale=1 / 128)
        table = np.clip(self.curve * self.gain[frame], 0, 255).astype(np.uint8).T[None]
        image = cv2.LUT(image, np.ascontiguousarray(table))
        if self.blur:
            image = cv2.GaussianBlur(image, (0, 0), self.blur)
        if self.grey:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        grain = np.roll(self.grain[self.order[frame]], int(self.offset[frame]), 1)
        return cv2.addWeighted(image, 1, grain, 1, -128)
