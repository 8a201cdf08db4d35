"""The soft lines and hollows of a face that move with its expression: nose, folds beside the mouth, cheeks, frown, crow's feet."""

import cv2
import numpy as np

from stavis.synthetic.flat.canvas import SHIFT, Canvas, spot
from stavis.synthetic.flat.expression import Expression
from stavis.synthetic.flat.geometry import Shapes
from stavis.synthetic.flat.identity import Identity

_NEUTRAL = 128.0


class Folds:
    """Soft shading in each frame, drawn at half the canvas's resolution."""

    def __init__(self, person: Identity, expression: Expression, shapes: Shapes, canvas: Canvas):
        self.canvas = Canvas(canvas.unit / 2, canvas.left, canvas.top, canvas.right, canvas.bottom)
        self.size = (canvas.width, canvas.height)
        self.blank = np.full((self.canvas.height, self.canvas.width), int(_NEUTRAL), np.uint8)
        self.lines = [
            (self.canvas.fixed(points), np.broadcast_to(strength, len(expression)), max(round(width * self.canvas.unit), 1))
            for points, strength, width in _lines(person, expression, shapes)
        ]
        self.blur = max(0.026 * self.canvas.unit, 0.5)
        x, y = self.canvas.grid()
        up, down = np.clip(expression.mouth, 0, 1), np.clip(-expression.mouth, 0, 1)
        cheeks = sum(spot(x, y, (side * 0.68, 0.6), 0.27, 0.19) - 0.8 * spot(x, y, (side * 0.8, 0.92), 0.2, 0.2) for side in (-1, 1))
        chin = -spot(x, y, (0, person.mouth_height + 0.3), 0.22, 0.08) + 0.5 * spot(x, y, (0, person.chin - 0.25), 0.2, 0.14)
        knit = -spot(x, y, (0, -0.26), 0.22, 0.2)
        self.spots = [
            (cheeks.astype(np.float32) * 20, up),
            (chin.astype(np.float32) * 26, down),
            (knit.astype(np.float32) * 14, np.clip(-expression.eyes, 0, 1)),
        ]

    def factors(self, frame: int) -> np.ndarray:
        """What to multiply the canvas's colours with in a frame, times 128: (H,W) uint8."""
        field = self.blank.copy()
        for points, strength, width in self.lines:
            value = float(strength[frame])
            if abs(value) > 0.01:
                cv2.polylines(field, [points[frame]], False, _NEUTRAL * (1 - value), width, cv2.LINE_AA, SHIFT)
        field = cv2.GaussianBlur(field, (0, 0), self.blur).astype(np.float32)
        for spots, amount in self.spots:
            if amount[frame] > 0.02:
                field = cv2.scaleAdd(spots, float(amount[frame]), field)
        return cv2.resize(cv2.convertScaleAbs(field), self.size, interpolation=cv2.INTER_LINEAR)


def _lines(person: Identity, e: Expression, shapes: Shapes) -> list[tuple[np.ndarray, np.ndarray | float, float]]:
    """Lines (T,n,2), how dark each is in each frame, and its width in eye distances."""
    up, down = np.clip(e.mouth, 0, 1), np.clip(-e.mouth, 0, 1)
    glad, cross = np.clip(e.eyes, 0, 1), np.clip(-e.eyes, 0, 1)
    age, fold = person.age, person.fold
    beside, below, between, under_lip = person.resting_folds
    lines = _nose_lines(person, shapes)
    for side, corner_index, wing_index in ((-1, 0, 0), (1, 12, 8)):
        corner, wing = shapes.mouth[:, corner_index], shapes.nose[:, wing_index]
        start, end = wing + np.array((side * 0.03, -0.06)), corner + np.array((side * 0.13, 0.03))
        bend = (start + end) / 2 + np.stack([side * (0.04 + 0.08 * up), -0.05 - 0.02 * up], 1)
        low = end + np.stack([side * (0.0 - 0.02 * up), 0.1 + 0 * up], 1)
        lines.append(
            (np.stack([start, bend, end, low], 1), 0.04 + beside + 0.1 * age * fold + 0.26 * (0.4 + 0.6 * fold) * up + 0.07 * down, 0.05)
        )
        droop = np.stack(
            [corner + np.array((side * 0.03, 0.03)), corner + np.array((side * 0.09, 0.14)), corner + np.array((side * 0.1, 0.26))], 1
        )
        lines.append((droop, below + 0.05 * age + 0.2 * down, 0.05))
        lines.append((np.stack([corner + np.array((side * -0.01, 0)), corner + np.array((side * 0.045, 0))], 1), 0.2 + 0.15 * up, 0.05))
        lid = (shapes.left_eye if side < 0 else shapes.right_eye)[:, 9:]
        lines.append((lid + np.array((0, 0.09)), 0.06 + 0.08 * age + 0.16 * glad + 0.05 * up, 0.05))
        outer = (shapes.left_eye[:, 0] if side < 0 else shapes.right_eye[:, 8]) + np.array((side * 0.07, 0))
        for rise in (-0.09, 0.0, 0.09):
            ray = np.stack([outer + np.array((0, 0.3 * rise)), outer + np.array((side * 0.2, rise + 0.02))], 1)
            lines.append((ray, (0.25 * fold + 0.06) * (glad + 0.25 * up) + 0.1 * max(age - 0.5, 0), 0.025))
        brow = shapes.left_brow[:, 4] if side < 0 else shapes.right_brow[:, 0]
        frown = np.stack([brow + np.array((side * -0.07, -0.05)), brow + np.array((side * -0.08, 0.12))], 1)
        lines.append((frown, between + 0.38 * cross * (0.4 + 0.6 * fold), 0.04))
    under = shapes.mouth[:, 16:21] + np.array((0, 0.1))
    lines.append((under, under_lip + 0.12 + 0.16 * down * person.pouts, 0.07))
    along = np.linspace(-0.6, 0.6, 7)
    for level in (-0.74, -0.88):
        rows = np.stack([along, level - 0.03 + 0.06 * along**2], 1)[None] - np.array((0, 0.05)) * glad[:, None, None]
        lines.append((rows, 0.2 * glad * fold, 0.03))
    return lines


def _nose_lines(person: Identity, shapes: Shapes) -> list[tuple[np.ndarray, float, float]]:
    nose, bridge = shapes.nose, person.nose_bridge
    lines: list[tuple[np.ndarray, float, float]] = []
    for side, order in ((-1, (4, 3, 2, 1)), (1, (4, 5, 6, 7))):
        flank = nose[:, order] + np.array((side * 0.02, 0))
        lines.append((flank[:, 1:], 0.07 + 0.08 * bridge, 0.07))
        wing = nose[:, (1, 0, 11) if side < 0 else (7, 8, 9)]
        lines.append((wing, 0.24, 0.05))
    lines.append((nose[:, (11, 10, 9)], 0.22, 0.06))
    tip = nose[:, 10] - np.array((0, 0.16))
    ridge = np.stack([(nose[:, 3] + nose[:, 5]) / 2, (nose[:, 2] + nose[:, 6]) / 2, tip], 1)
    lines.append((ridge, -0.08 - 0.06 * bridge, 0.09))
    lines.append((np.stack([tip, tip + np.array((0, 0.02))], 1), -0.12, 0.14))
    return lines
