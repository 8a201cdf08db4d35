"""Where every point of a synthetic face lies: outlines that follow the expression, and the pose that carries them into the image.

Lengths are in eye distances from the middle between the eyes, x right, y down, until `Pose` maps them to pixels. A pixel's
centre has whole coordinates.
"""

from dataclasses import dataclass

import numpy as np

from stavis.landmarks import DRAWN
from stavis.synthetic.flat.expression import Expression
from stavis.synthetic.flat.identity import Identity
from stavis.synthetic.noise import smooth_step

JAW_HINGE = 0.66  # below this height the face stretches when the jaw opens
_DISTANCE = 11.0  # of the camera, in eye distances
_BROW_STATIONS = np.linspace(0, 1, 5)  # from the inner to the outer end
_BROW_WIDTHS = np.array((0.8, 1.0, 0.95, 0.7, 0.25))


@dataclass(frozen=True)
class Shapes:
    """The outlines of a face in each frame, (T,n,2) in eye distances, before the pose.

    Rings as in the layout DRAWN: face 36, left_eye and right_eye 16, left_brow and right_brow 10, nose 12, mouth 24;
    opening 24: the inner edge of the lips; irises (T,2,2) their middles; jaw_stretch (T,) of the face below JAW_HINGE; shift (T,2): how
    far the turned head moves what stands out by one eye distance.
    """

    face: np.ndarray
    left_eye: np.ndarray
    right_eye: np.ndarray
    left_brow: np.ndarray
    right_brow: np.ndarray
    nose: np.ndarray
    mouth: np.ndarray
    opening: np.ndarray
    irises: np.ndarray
    jaw_stretch: np.ndarray
    shift: np.ndarray

    def landmarks(self) -> np.ndarray:
        """(T,124,2) in the order of the layout DRAWN."""
        rings = (self.face, self.left_eye, self.right_eye, self.left_brow, self.right_brow, self.nose, self.mouth)
        points = np.concatenate(rings, 1)
        assert points.shape[1] == DRAWN.count
        return points


def shapes_of(person: Identity, expression: Expression) -> Shapes:
    """The outlines of `person` while making `expression`."""
    turn = np.stack([np.sin(expression.yaw), np.sin(expression.pitch)], 1)  # what stands out by 1 moves by this
    stretch = 1 + 0.42 * expression.jaw * 0.62 / (person.chin - JAW_HINGE)
    mouth, opening = _mouth(person, expression, turn)
    eyes = [_eye(person, expression, turn, side) for side in (-1, 1)]
    brows = [_brow(person, expression, turn, side) for side in (-1, 1)]
    return Shapes(
        face=_face(person, stretch),
        left_eye=eyes[0][0],
        right_eye=eyes[1][0],
        left_brow=brows[0],
        right_brow=brows[1],
        nose=_nose(person, expression, turn),
        mouth=mouth,
        opening=opening,
        irises=np.stack([eyes[0][1], eyes[1][1]], 1),
        jaw_stretch=stretch,
        shift=turn,
    )


def face_outline(person: Identity, count: int = 36) -> np.ndarray:
    """The outline of the resting face, clockwise from the leftmost point: (count,2)."""
    angle = 2 * np.pi * np.arange(count) / count
    cos, sin = np.cos(angle), np.sin(angle)
    middle = 0.12
    x = -person.half_width * np.sign(cos) * np.where(sin >= 0, np.abs(cos) ** 0.9, np.abs(cos) ** person.jaw)
    y = middle - np.where(sin >= 0, (person.forehead + middle) * sin, (person.chin - middle) * sin)
    return np.stack([x, y], 1)


def _face(person: Identity, stretch: np.ndarray) -> np.ndarray:
    ring = np.broadcast_to(face_outline(person), (len(stretch), 36, 2)).copy()
    below = ring[..., 1] - JAW_HINGE
    ring[..., 1] += np.where(below > 0, below * (stretch[:, None] - 1), 0)
    return ring


def _mouth(person: Identity, e: Expression, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    u = -np.cos(np.pi * np.arange(13) / 12)[None]
    up, down = np.clip(e.mouth, 0, 1)[:, None], np.clip(-e.mouth, 0, 1)[:, None]
    jaw, rounding = e.jaw[:, None], e.rounding[:, None]
    widens, lifts = person.smiles
    width = person.mouth_width * (1 + widens * up - 0.06 * down - 0.26 * rounding) * (1 - 0.12 * jaw) * (1 - 0.06 * up * jaw)
    slant = 1 + person.asymmetry * np.sign(u)
    corner = person.mouth_height + person.resting_corner + (-lifts * up + 0.13 * down) * slant + person.jaw_corner * jaw
    centre = person.mouth_height - 0.02 * up - 0.04 * down + person.jaw_middle * jaw
    middle = centre + (corner - centre) * np.abs(u) ** person.curve
    gapes, rises = person.parts_lips
    parted = person.shows_teeth * smooth_step(up, 0.3, 1.0) * gapes
    gap = (1 - u**2) ** 0.75
    top = middle - (rises * parted + person.bares_teeth * jaw) * gap
    bottom = middle + (0.8 * parted + 0.42 * jaw) * gap
    pout, thin = person.pouts, 1 - e.press[:, None]
    upper = person.upper_lip * (1 - 0.3 * up - 0.4 * down * (1 - pout) + 0.3 * rounding) * thin
    lower = person.lower_lip * (1 - 0.2 * up - 0.35 * down * (1 - pout) + 0.25 * down * pout + 0.3 * rounding) * thin
    bow = 1 - 0.2 * np.exp(-((u / 0.14) ** 2)) * (1 - 0.5 * up)
    outer_top = top - upper * (1 - np.abs(u) ** 2.2) ** 0.8 * bow
    outer_bottom = bottom + lower * (1 - np.abs(u) ** 2.4) ** 0.75
    depth = 0.36 - 0.16 * u**2
    x = u * width / 2 + depth * turn[:, :1]
    lift = depth * turn[:, 1:]

    def ring(above: np.ndarray, below: np.ndarray) -> np.ndarray:
        y = np.concatenate([above, below[:, -2:0:-1]], 1)
        return np.stack([np.concatenate([x, x[:, -2:0:-1]], 1), y + np.concatenate([lift, lift[:, -2:0:-1]], 1)], 2)

    return ring(outer_top, outer_bottom), ring(top, bottom)


def _eye(person: Identity, e: Expression, turn: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    v = -np.cos(np.pi * np.arange(9) / 8)[None]  # from the left corner to the right one
    outward = v * side  # 1 at the outer corner
    up, down = np.clip(e.eyes, 0, 1)[:, None], np.clip(-e.eyes, 0, 1)[:, None]
    smile = np.clip(e.mouth, 0, 1)[:, None]
    line = 0.01 - person.eye_tilt * outward
    raises, lowers = person.squint
    above = person.eye_height * 0.68 * (1 - 0.42 * down + 0.06 * up - lowers * smile)
    below = person.eye_height * 0.32 * (1 - 1.25 * up - raises * smile + 0.1 * down)
    top = line - above * (1 - v**2) ** (0.62 + 0.25 * down) * (1 - 0.12 * outward)
    bottom = line + below * (1 - v**2) ** 0.75 * (1 + 0.15 * outward)
    shut = e.blink[:, None]
    closed = line + person.eye_height * 0.2 * (1 - v**2) ** 0.8
    top, bottom = top + (closed - top) * shut, bottom + (closed - bottom) * shut
    depth = 0.12 - 0.18 * (np.abs(side * 0.5 + v * person.eye_width / 2) - 0.5)
    x = side * 0.5 + v * person.eye_width / 2 + depth * turn[:, :1]
    lift = depth * turn[:, 1:]
    ring = np.stack([np.concatenate([x, x[:, -2:0:-1]], 1), np.concatenate([top + lift, (bottom + lift)[:, -2:0:-1]], 1)], 2)
    iris = np.array((side * 0.5, -0.012)) + e.gaze + 0.1 * turn
    return ring, iris


def _brow(person: Identity, e: Expression, turn: np.ndarray, side: int) -> np.ndarray:
    along = _BROW_STATIONS[None]
    up, down = np.clip(e.eyes, 0, 1)[:, None], np.clip(-e.eyes, 0, 1)[:, None]
    sad = smooth_step(np.float64(person.pouts), 0.55, 0.85)  # the others frown angrily
    x = 0.21 + 0.62 * along - 0.06 * down * (1 - along)
    y = -person.brow_height - person.brow_arch * np.sin(np.pi * along**1.3) - person.brow_tilt * (along - 0.5)
    whole, inner = person.frown_reach
    y = y + person.frown * down * ((1 - sad) * (whole + inner * (1 - along)) + sad * (0.10 * along - 0.03 * (1 - along)))
    y = y - person.lifts_brows * up * (0.09 + 0.05 * np.sin(np.pi * along)) - e.brow_lift[:, None]
    half = person.brow_thickness / 2 * _BROW_WIDTHS[None]
    depth = 0.2 - 0.2 * along
    x, y = side * x + depth * turn[:, :1], y + depth * turn[:, 1:]
    top, bottom = np.stack([x, y - half], 2), np.stack([x, y + half], 2)
    if side < 0:
        return np.concatenate([top[:, ::-1], bottom], 1)
    return np.concatenate([top, bottom[:, ::-1]], 1)


def _nose(person: Identity, e: Expression, turn: np.ndarray) -> np.ndarray:
    half, length = person.nose_width / 2, person.nose_length
    points = np.array(
        [
            (-half, length - 0.1), (-0.8 * half, length - 0.22), (-0.15, 0.3), (-0.12, 0.02), (0, -0.08), (0.12, 0.02),
            (0.15, 0.3), (0.8 * half, length - 0.22), (half, length - 0.1), (0.6 * half, length + 0.01), (0, length + 0.05),
            (-0.6 * half, length + 0.01),
        ]
    )  # fmt: skip
    depth = np.array((0.36, 0.46, 0.46, 0.3, 0.3, 0.3, 0.46, 0.46, 0.36, 0.42, 0.6, 0.42))  # mean .29 before the eyes, as in life
    ring = np.repeat(points[None], len(e), 0)
    ring[..., 0] *= 1 + 0.07 * np.clip(e.mouth, 0, 1)[:, None] * (points[:, 1] > length - 0.3)
    return ring + depth[None, :, None] * turn[:, None, :]


@dataclass(frozen=True)
class Pose:
    """How the head stands in the image: head (T,3,3) and body (T,3,3) map eye distances to pixels; unit: pixels an eye distance."""

    head: np.ndarray
    body: np.ndarray
    unit: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """(T,n,2) eye distances of the head to (T,n,2) pixels."""
        mapped = np.einsum("tij,tnj->tni", self.head[:, :, :2], points) + self.head[:, None, :, 2]
        return mapped[..., :2] / mapped[..., 2:]


def pose_of(expression: Expression, unit: float, anchor: tuple[float, float]) -> Pose:
    """The pose whose eyes lie around `anchor` (px) at a distance of `unit` px."""
    e, zero, one = expression, np.zeros(len(expression)), np.ones(len(expression))
    sin_yaw, sin_pitch, cos_pitch = np.sin(e.yaw), np.sin(e.pitch), np.cos(e.pitch)
    turned = [
        [np.cos(e.yaw), zero, zero],
        [-sin_yaw * sin_pitch, cos_pitch, zero],
        [sin_yaw * cos_pitch / _DISTANCE, sin_pitch / _DISTANCE, one],
    ]
    head = _similarity(e.scale * unit, e.roll, anchor[0] + e.x * unit, anchor[1] + e.y * unit)
    x, y = (shift - 0.1 * np.tanh(3 * shift) for shift in (e.x, e.y))  # the shoulders do not follow a small shift all the way
    body = _similarity(e.scale * unit, 0.3 * e.roll, anchor[0] + x * unit, anchor[1] + y * unit)
    return Pose(head=head @ np.stack([np.stack(row, 1) for row in turned], 1), body=body, unit=unit)


def _similarity(scale: np.ndarray, angle: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    cos, sin, zero, one = scale * np.cos(angle), scale * np.sin(angle), np.zeros_like(x), np.ones_like(x)
    return np.stack([np.stack([cos, -sin, x], 1), np.stack([sin, cos, y], 1), np.stack([zero, zero, one], 1)], 1)
