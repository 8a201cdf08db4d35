"""Where hair grows: the scalp, the beard, and the hair that hangs behind and beside a head."""

import cv2
import numpy as np

from stavis.synthetic.heads.people.look import Look, linear
from stavis.synthetic.heads.people.plane import SkinPlane
from stavis.synthetic.heads.scene.mesh import HeadMesh, curtain_grid, torso_grid
from stavis.synthetic.noise import smooth_step


def hair_amount(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, ears: np.ndarray, look: Look, raised: float = 0.0, wider: float = 0.0
) -> np.ndarray:
    """How much scalp hair there is at places of the neutral head (cm), in [0,1]; raised, wider: the hair line moved so far (cm)."""
    height, half, power = look.hair_line[:3]
    over = np.maximum(y - 1.0, 0) / (height + raised - 1.0)
    line = (np.abs(x) / (half + wider)) ** power + over**power
    front = smooth_step(line, 0.93, 1.07) * smooth_step(y, -0.5, 1.6) * (z > -3)
    back = (1 - smooth_step(z, 0.8, 2.2)) * smooth_step(y, -7.5, -5.5)
    return np.where(ears, 0, np.maximum(front, back)).astype(np.float32)


def beard_amount(rng: np.random.Generator, plane: SkinPlane, look: Look, lips: np.ndarray) -> np.ndarray | None:
    """Where the beard of a person grows, in [0,1]; None without one."""
    if look.beard == "none":
        return None
    side, y, z = plane.side, plane.y, plane.z
    low = 1.2 * (y + 2) / 8
    cheeks = smooth_step(side - low, 4.2, 5.2)
    jaw = np.maximum(1 - smooth_step(y, -4.9, -4.1), cheeks * (1 - smooth_step(y, -0.5, 1.2))) * smooth_step(y, -13, -10.5) * (z > -1)
    width, droop = rng.uniform(2.2, 3.4), rng.uniform(-0.5, 0.9)
    fall = droop * (side / 2.6) ** 2 * 0.5
    lip = (
        (1 - smooth_step(side, width - 0.1, width + 0.3)) * (1 - smooth_step(y, -1.25, -0.9)) * smooth_step(y + fall, -3.1, -2.6) * (z > 5)
    )
    corner = np.exp(-(((side - 3.1) / 0.7) ** 2)) * smooth_step(y, -5.2, -4.6) * (1 - smooth_step(y, -2.4, -1.7))
    chin = (1 - smooth_step(side, 2.0, 2.5)) * (1 - smooth_step(y, -5.5, -5.0)) * (y > -9)
    whole = np.maximum(np.maximum(jaw, lip), corner)
    grown = {
        "stubble": whole,
        "full": whole,
        "moustache": lip,
        "goatee": np.maximum(np.maximum(lip * (rng.random() < 0.8), chin), corner * (rng.random() < 0.7)),
    }[look.beard]
    return cv2.GaussianBlur((grown * (1 - np.clip(lips * 1.5, 0, 1))).astype(np.float32), (0, 0), 1.2)


def raise_hair(rng: np.random.Generator, mesh: HeadMesh, plane: SkinPlane, look: Look) -> tuple[np.ndarray, np.ndarray]:
    """How far the hair stands out at each vertex (n,) cm, and how much hair there is (n,) in [0,1]."""
    points, volume = mesh.points, look.hair_line[3]
    amount = hair_amount(points[:, 0], points[:, 1], points[:, 2], plane.ear_points, look, 0.55, 0.35) * (look.hair_line[4] > 0)
    amount[np.isin(mesh.kinds, (0, 1), invert=True)] = 0
    waves = np.sin(points @ rng.normal(0, 0.8, (3, 6)).astype(np.float32) + rng.uniform(0, 6, 6)).mean(1)
    uneven = 0.5 if look.cut in ("curly", "afro", "parted", "fringe") else 0.15
    return (volume * amount * (1 + uneven * waves)).astype(np.float32), amount


def place_curtain(rng: np.random.Generator, look: Look) -> np.ndarray:
    """The vertices (n,3) cm of the hair that hangs."""
    grid, volume = curtain_grid(), look.hair_line[3]
    radius, length, back = rng.uniform(8.4, 10.5) + 0.6 * volume, rng.uniform(8, 20), rng.uniform(0, 1)
    x, level, z = grid.T
    waves = 1 + 0.06 * np.sin(x * rng.uniform(3, 9) + level * rng.uniform(2, 6) + rng.uniform(0, 6))
    across = x * (radius - 1.0 - 0.8 * (1 - level)) * waves * rng.uniform(0.82, 0.95)
    return np.stack([across, 8 - level * length, 0.5 + z * radius * 0.8 - back + level * rng.uniform(-1, 2)], 1).astype(np.float32)


def place_torso(rng: np.random.Generator, collar: float) -> np.ndarray:
    """The vertices (n,3) cm of clothed shoulders below a collar (cm)."""
    x, level, z = torso_grid().T
    slope, shoulders = rng.uniform(4.5, 8), rng.uniform(17, 22)
    out = np.clip(level / 0.5, 0, 1)
    wide = 6.6 + (shoulders - 6.6) * np.sin(out * np.pi / 2) ** 0.9
    deep = 6.4 + 5.0 * out**0.7
    front = 1.8 * np.clip(z, 0, 1) * (1 - level) ** 4  # a collar lies lower in front
    fall = collar - 0.6 - slope * out**2.5 - 180 * np.clip(level - 0.5, 0, 1) - front
    return np.stack([x * wide, fall, -1.2 + z * deep + 0.8 * out], 1).astype(np.float32)


def colour_points(rng: np.random.Generator, mesh: HeadMesh, look: Look, hair: np.ndarray) -> np.ndarray:
    """(n,3) float32 linear: what the vertices outside the skin's plane are coloured."""
    colours = np.zeros((len(mesh.points), 3), np.float32)
    kinds = mesh.kinds
    amount = (hair * look.hair_line[4])[:, None]
    colours[:] = linear(look.skin * 0.95) * (1 - amount) + linear(look.hair) * amount
    colours[mesh.points[:, 1] < look.collar] = linear(look.cloth)
    for kind, colour in (
        (5, look.teeth),
        (6, np.array((186, 96, 96)) * rng.uniform(0.7, 1.1)),
        (7, np.array((150, 62, 60)) * rng.uniform(0.6, 1.1)),
    ):
        colours[kinds == kind] = linear(colour)
    curtain, torso = mesh.curtain_points, mesh.torso_points
    colours[curtain] = linear(look.hair) * np.clip(rng.normal(1, 0.3, (curtain.stop - curtain.start, 1)), 0.2, 2)
    grid = torso_grid()
    stripes = np.sin(grid[:, rng.integers(2)] * rng.uniform(6, 40)) > rng.uniform(0, 2.2)
    colours[torso] = linear(np.where(stripes[:, None], look.second_cloth, look.cloth))
    return colours
