"""What is worn over a head and drawn on its light: glasses and ear rings."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from stavis.synthetic.heads.people.look import Look, linear

_BEFORE = 1.0  # cm before the glasses in which only the nose lies


@dataclass(frozen=True, eq=False)
class Worn:
    """Lines in the space of a head: frames and bars (k,3) cm; panes, their outlines; thickness cm, colour, tint and shine;
    rings at the ears and their metal.
    """

    lines: list[np.ndarray]
    panes: list[np.ndarray]
    thickness: float
    colour: tuple[float, ...]
    tint: float
    shine: float
    rings: list[np.ndarray]
    metal: tuple[float, ...]


def sample_worn(rng: np.random.Generator, look: Look, points: np.ndarray, marks: np.ndarray) -> Worn:
    """The glasses and ear rings of a person: points (n,3) cm at rest, marks (68,) landmark vertices."""
    lines, panes = [], []
    at = points[marks]
    if look.glasses != "none":
        wide, high, power, drop = rng.uniform(2.0, 2.8), rng.uniform(1.5, 2.2), rng.uniform(2, 5), rng.uniform(-0.5, 0.3)
        power = 2.0 if look.glasses == "round" else power
        front = at[27, 2] + 0.9
        turn = np.linspace(0, 2 * np.pi, 40)
        cos, sin = np.cos(turn), np.sin(turn)
        radius = (np.abs(cos) ** power + np.abs(sin) ** power) ** (-1 / power)
        for k, eye in enumerate(((at[36] + at[39]) / 2, (at[42] + at[45]) / 2)):
            x, y = eye[0] + 1.05 * wide * radius * cos, eye[1] + drop + high * radius * sin
            rim = np.stack([x, y, front - 0.04 * x**2], 1)
            panes.append(rim)
            lines.append(rim[:21] if look.glasses == "half" else np.concatenate([rim, rim[:1]]))
            lines.append(np.stack([rim[20 if k == 0 else 0], ((-7.6 if k == 0 else 7.6), 2.6, 0.5)]))
        left, right = panes[0][0], panes[1][20]
        lines.append(np.stack([left, (left + right) / 2 + (0, 0.25, 0.2), right]))
    dark = linear(rng.uniform(5, 60, 3) if rng.random() < 0.7 else rng.uniform(60, 200, 3))
    metal = linear(np.array((230, 200, 120) if rng.random() < 0.5 else (215, 218, 222)))
    size = rng.uniform(0.15, 0.5)
    lobes = [np.array((side * (abs(at[0 if side < 0 else 16, 0]) + 0.7), 0.2 - size, 1.2)) for side in (-1, 1)]
    return Worn(
        lines=lines,
        panes=panes,
        thickness=float(rng.uniform(0.1, 0.4)),
        colour=(*(float(c) for c in dark), 1.0),
        tint=float(rng.uniform(0.75, 1)),
        shine=float(rng.uniform(0, 0.12)) * (rng.random() < 0.5),
        rings=[np.stack([lobe, lobe - (0, size, 0)]) for lobe in lobes] if look.rings else [],
        metal=(*(float(c) for c in metal), 1.0),
    )


def draw_worn(worn: Worn, light: np.ndarray, depth: np.ndarray, scale: float, project: Callable[[np.ndarray], np.ndarray]) -> None:
    """Over the light (H,W,4) of a head, in place; project: (k,3) cm to (k,3) px, px, depth; scale: px a cm."""
    thick = max(round(worn.thickness * scale), 1)
    hidden, behind = _hidden(worn, depth, project), None
    if hidden is not None:
        behind = light[hidden]
    for rim in worn.panes:
        _lay_pane(worn, light, project(rim)[:, :2])
    for line in worn.lines:
        cv2.polylines(light, [_fixed(project(line))], False, worn.colour, thick, cv2.LINE_AA, 4)
    if hidden is not None:
        light[hidden] = behind
    height, width = depth.shape
    for ring in worn.rings:
        placed = project(ring)
        x, y = (round(float(v)) for v in placed[0, :2])
        if 0 <= x < width and 0 <= y < height and placed[0, 2] > depth[y, x] - 0.5:
            cv2.polylines(light, [_fixed(placed)], False, worn.metal, max(round(0.25 * scale), 1), cv2.LINE_AA, 4)


def _lay_pane(worn: Worn, light: np.ndarray, outline: np.ndarray) -> None:
    """A tinted pane with its shine within an outline (k,2) px, in place."""
    left, top = np.clip(np.floor(outline.min(0)).astype(int) - 2, 0, None)
    right, bottom = np.clip(np.ceil(outline.max(0)).astype(int) + 3, 0, None)
    part = light[top:bottom, left:right]
    if part.size:
        mask = np.zeros(part.shape[:2], np.uint8)
        cv2.fillPoly(mask, [_fixed(outline - (left, top))], 255, cv2.LINE_AA, 4)
        alpha = mask[..., None].astype(np.float32) / 255 * part[..., 3:]
        part[..., :3] = part[..., :3] * (1 - alpha * (1 - worn.tint)) + alpha * worn.shine


def _hidden(worn: Worn, depth: np.ndarray, project: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | None:
    """Where a hat's brim or a hand lies before the glasses, (H,W) bool; None where nothing does."""
    if not worn.panes:
        return None
    hidden = depth > project(np.concatenate(worn.panes))[:, 2].max() + _BEFORE
    return hidden if hidden.any() else None


def _fixed(placed: np.ndarray) -> np.ndarray:
    return np.rint(placed[:, :2] * 16).astype(np.int32)
