"""Solid things held before a face, as meshes: tubes along a line and surfaces of revolution, joined to one."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Solid:
    """points (n,3) cm, x to the image's right, y up, z to the viewer; triangles (m,3), parts (m,); colours (n,3) linear."""

    points: np.ndarray
    triangles: np.ndarray
    parts: np.ndarray
    colours: np.ndarray

    def moved(self, rotation: np.ndarray, shift: np.ndarray, mirrored: bool = False) -> "Solid":
        """The same thing mirrored in x first, then rotated by (3,3) and shifted by (3,)."""
        points = self.points * (-1 if mirrored else 1, 1, 1)
        triangles = self.triangles[:, ::-1] if mirrored else self.triangles
        return Solid(points @ rotation.T + shift, triangles, self.parts, self.colours)


def joined(solids: list[Solid]) -> Solid:
    """Several as one."""
    starts = np.cumsum([0, *(len(one.points) for one in solids[:-1])])
    return Solid(
        points=np.concatenate([one.points for one in solids]),
        triangles=np.concatenate([one.triangles + start for one, start in zip(solids, starts, strict=True)]),
        parts=np.concatenate([one.parts for one in solids]),
        colours=np.concatenate([one.colours for one in solids]),
    )


def grid_triangles(rows: int, around: int) -> np.ndarray:
    """(m,3): triangles of rings of vertices, one ring per row, closed around."""
    row, column = np.mgrid[: rows - 1, :around]
    a, b = row * around + column, row * around + (column + 1) % around
    return np.stack([a, b, a + around, b, b + around, a + around], -1).reshape(-1, 3)


def through(joints: np.ndarray, count: int) -> np.ndarray:
    """(count,k): a smooth line through joints (j,k), evenly along them."""
    joints = np.asarray(joints, float)
    steps = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(joints[:, :3], axis=0), axis=1))])
    at = np.linspace(0, steps[-1], count)
    straight = np.stack([np.interp(at, steps, joints[:, k]) for k in range(joints.shape[1])], 1)
    inner = straight.copy()
    for _ in range(max(count // 8, 1)):
        inner[1:-1] = (inner[:-2] + 2 * inner[1:-1] + inner[2:]) / 4
    return inner


def tube(line: np.ndarray, part: int, around: int, *, tip: bool = False) -> tuple[Solid, np.ndarray, np.ndarray]:
    """A tube along a line (k,5): x, y, z, half its width and half its height (towards the viewer), in cm; tip: its end is rounded.

    Returns it without colour, and of each vertex how far along it lies and how far round from the side that faces the viewer, in radians.
    """
    line = np.asarray(line, float)
    if tip:
        ahead = line[-1, :3] - line[-2, :3]
        ahead /= np.linalg.norm(ahead)
        bends = np.radians((35, 60, 78, 89))
        end = np.column_stack([line[-1, :3] + ahead * (line[-1, 3] * np.sin(bends))[:, None], np.cos(bends)[:, None] * line[-1, 3:]])
        line = np.concatenate([line, end])
    ahead = np.gradient(line[:, :3], axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    across = np.cross(ahead, (0, 0, 1.0))
    across /= np.linalg.norm(across, axis=1, keepdims=True) + 1e-9
    out = np.cross(across, ahead)
    turn = np.linspace(-np.pi, np.pi, around, endpoint=False)
    wide, high = line[:, 3, None, None], line[:, 4, None, None]
    ring = across[:, None] * np.sin(turn)[:, None] * wide + out[:, None] * np.cos(turn)[:, None] * high
    points = (line[:, None, :3] + ring).reshape(-1, 3)
    triangles = grid_triangles(len(line), around)
    along = np.repeat(np.linspace(0, 1, len(line)), around)
    solid = Solid(points, triangles, np.full(len(triangles), part), np.zeros_like(points))
    return solid, along, np.tile(np.abs(turn), len(line))


def revolved(profile: np.ndarray, part: int, around: int) -> Solid:
    """A surface around the y axis: profile (k,2) radius and height, cm, from the bottom up the outside."""
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    profile = np.asarray(profile, float)
    radius, height = profile[:, 0, None], np.repeat(profile[:, 1, None], around, 1)
    points = np.stack([radius * np.sin(turn), height, radius * np.cos(turn)], -1).reshape(-1, 3)
    triangles = grid_triangles(len(profile), around)
    return Solid(points, triangles, np.full(len(triangles), part), np.zeros_like(points))
