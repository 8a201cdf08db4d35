"""How a head is turned, where it lies in the image, and how its points come to pixels."""

from copy import copy

import numpy as np

from stavis.synthetic.heads.motion import HeadMotion
from stavis.synthetic.heads.people.person import EYE_DISTANCE, EYES

_NECK = np.array((0.0, -5.0, 0.0))
_SHOULDERS = np.array((0.0, -14.0, -1.0))
_HELD = 0.8  # how much of the eyes' shift by a turn the image follows
_MOUTH = np.array((0.0, -3.4, 11.0))


class Posing:
    """The camera and the pose of each frame.

    fills: the face fills the image, else the head moves about in a room; unit: px an eye distance; anchor: px of the eyes' middle at rest;
    distance: cm from the eyes to the camera.
    """

    def __init__(self, rng: np.random.Generator, motion: HeadMotion, size: tuple[int, int]):
        width, height = size
        self.fills = width <= 1.25 * height
        self.unit = min(width, height) * (rng.uniform(0.268, 0.296) if self.fills else rng.uniform(0.06, 0.1))
        self.anchor = (width * 0.5, height * (0.4 if self.fills else 0.36))
        self.distance = float(np.exp(rng.uniform(np.log(38), np.log(170)) if self.fills else rng.uniform(np.log(60), np.log(250))))
        self._follow(motion)

    def following(self, motion: HeadMotion) -> "Posing":
        """The same camera before a head that moves otherwise."""
        other = copy(self)
        other._follow(motion)
        return other

    def _follow(self, motion: HeadMotion) -> None:
        self.motion = motion
        self.head = _rotations(motion.yaw, motion.pitch, motion.roll)
        self.body = _rotations(0.25 * np.asarray(motion.yaw), np.zeros(len(motion)), 0.3 * np.asarray(motion.roll))
        eyes = EYES.astype(np.float64)
        held = -_HELD * (np.einsum("tij,j->ti", self.head, eyes - _NECK) + _NECK - eyes)
        held[:, 2] *= 0.5
        self._head_shift = _NECK - np.einsum("tij,j->ti", self.head, _NECK) - eyes + held
        self._body_shift = _SHOULDERS - np.einsum("tij,j->ti", self.body, _SHOULDERS) - eyes + held

    def px_a_cm(self, t: int) -> float:
        """The scale of frame t at the eyes."""
        return self.unit * float(self.motion.scale[t]) / EYE_DISTANCE

    def transforms(self, t: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """head and body (3,4) and view (4,) of frame t, as kernels.place takes them."""
        head = np.column_stack([self.head[t], self._head_shift[t]]).astype(np.float32)
        body = np.column_stack([self.body[t], self._body_shift[t]]).astype(np.float32)
        return head, body, np.array([self.distance, *self._view(t)], np.float32)

    def _view(self, t: int) -> tuple[float, float, float]:
        x = self.anchor[0] + float(self.motion.x[t]) * self.unit
        y = self.anchor[1] + float(self.motion.y[t]) * self.unit
        return self.px_a_cm(t) * self.distance, x, y

    def place(self, points: np.ndarray, t: int) -> np.ndarray:
        """Points (k,3) cm that move with the head in frame t: (k,3) px, px, depth."""
        seen = points @ self.head[t].T + self._head_shift[t]
        focal, x, y = self._view(t)
        depth = self.distance - seen[:, 2]
        return np.column_stack([x + focal * seen[:, 0] / depth, y - focal * seen[:, 1] / depth, -depth])

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points (T,k,3) cm of the head, one set a frame: (T,k,2) px."""
        return np.stack([self.place(points[t].astype(np.float64), t)[:, :2] for t in range(len(self.motion))])

    def plane(self, t: int) -> np.ndarray:
        """(3,3): the plane of the face in eye distances (the eyes' middle at 0, the mouth's at (0, 1.08)) to px of frame t."""
        across = np.array((EYE_DISTANCE / 2, 0, 0))
        left, right, mouth = self.place(np.stack([EYES - across, EYES + across, _MOUTH]), t)[:, :2]
        middle = (left + right) / 2
        level = (right - left) / np.hypot(*(right - left)) * self.unit * float(self.motion.scale[t])
        down = (mouth - middle) / 1.08
        return np.array([[level[0], down[0], middle[0]], [level[1], down[1], middle[1]], [0, 0, 1]])


def _rotations(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """(T,3,3): yaw turns the face to the image's right, pitch down, roll lowers the image's right side."""
    zero, one = np.zeros(len(yaw)), np.ones(len(yaw))

    def stacked(rows: list) -> np.ndarray:
        return np.stack([np.stack([np.asarray(value, np.float64) for value in row], -1) for row in rows], 1)

    turn = stacked([[np.cos(yaw), zero, np.sin(yaw)], [zero, one, zero], [-np.sin(yaw), zero, np.cos(yaw)]])
    nod = stacked([[one, zero, zero], [zero, np.cos(pitch), -np.sin(pitch)], [zero, np.sin(pitch), np.cos(pitch)]])
    lean = stacked([[np.cos(roll), np.sin(roll), zero], [-np.sin(roll), np.cos(roll), zero], [zero, zero, one]])
    return lean @ nod @ turn
