"""Hats and caps: a crown that follows the skull, a rim at the person's height and tilt, a brim, a peak or a cuff."""

from dataclasses import dataclass

import numpy as np

from stavis.synthetic.heads.people.look import Look, linear
from stavis.synthetic.heads.scene.mesh import HAT_AROUND, HAT_LEVELS, HeadMesh
from stavis.synthetic.noise import smooth_step

HATS = ("beanie", "cap", "backwards", "bucket", "brimmed")
HAT_RATE = 0.05
"""The fraction of people of other haircuts who wear one: with those of the cut `hat` about one person in eight, as in street videos."""
_SHARES = (0.3, 0.34, 0.08, 0.12, 0.16)
_FREE = ("afro", "bun")  # haircuts over which no hat goes
_BRIM = 4  # levels of the brim or the cuff, the outermost first; the next is the rim
_AIR = 0.25  # cm from the skin to the cloth
_PRESSED = 0.2  # cm, how far hair stands out under a hat


@dataclass(frozen=True, eq=False)
class Hat:
    """style: one of HATS; gap cm from the brows to the rim in front; tilt (front up), roll and turn in radians; brim cm, slope of the
    brim (above 0: down), curve cm at its sides; crown cm over the skull; colours (3,) RGB in [0,255]; pattern: plain, band or panel."""

    style: str
    gap: float
    tilt: float
    roll: float
    turn: float
    brim: float
    slope: float
    curve: float
    crown: float
    colour: np.ndarray
    second: np.ndarray
    pattern: str


def sample_hat(rng: np.random.Generator, look: Look) -> Hat | None:
    """What a person wears on the head; None for most people, always a hat with the cut `hat`."""
    wears = rng.random() < HAT_RATE and look.cut not in _FREE
    if not (wears or look.cut == "hat"):
        return None
    style = str(rng.choice(HATS, p=_SHARES))
    brim, slope, curve, crown = {
        "beanie": ((2.5, 5.5), (0, 0), (0, 0), (0.2, 3.0)),
        "cap": ((5.5, 7.5), (-0.05, 0.5), (0.4, 2.2), (0.2, 1.2)),
        "backwards": ((5.5, 7.0), (0.0, 0.5), (0.4, 1.8), (0.2, 1.0)),
        "bucket": ((3.5, 5.5), (0.5, 1.1), (0, 0), (0.3, 1.5)),
        "brimmed": ((4.5, 8.5), (-0.15, 0.3), (-1.6, 0.6), (1.0, 3.5)),
    }[style]
    gap, tilt, brim, slope = rng.uniform(0.5, 3.4), rng.uniform(0.05, 0.36), rng.uniform(*brim), rng.uniform(*slope)
    if style in ("cap", "bucket", "brimmed"):  # whoever wears one sees from under it
        gap = max(gap, brim * (slope - 0.8 * tilt) - rng.uniform(0, 1.2))
    colour = rng.uniform(12, 215) * rng.normal(1, 0.07, 3)
    if rng.random() < 0.45:  # few are as bright as they could be
        colour = colour + rng.beta(1.2, 1.6) * (rng.uniform(10, 235, 3) - colour)
    second = rng.uniform(10, 235, 3) if rng.random() < 0.4 else colour * rng.uniform(0.4, 0.8)
    return Hat(
        style=style,
        gap=float(gap),
        tilt=float(tilt),
        roll=float(rng.normal(0, 0.16 if rng.random() < 0.25 else 0.04)),
        turn=float(rng.normal(0, 0.08)) + (np.pi if style == "backwards" else 0.0),
        brim=float(brim),
        slope=float(slope),
        curve=float(rng.uniform(*curve)),
        crown=float(rng.uniform(*crown)),
        colour=np.clip(colour, 6, 245).astype(np.float32),
        second=np.clip(second, 6, 245).astype(np.float32),
        pattern=str(rng.choice(("plain", "band", "panel"), p=(0.45, 0.35, 0.2))),
    )


def wear_hat(rng: np.random.Generator, hat: Hat, mesh: HeadMesh, bare: np.ndarray, rise: np.ndarray) -> tuple[np.ndarray, ...]:
    """The hat on a head: vertices (n,3) cm and their colours (n,3) linear, and how far the hair under it stands out, (m,) cm.

    bare (m,3) cm is the head without hair, rise (m,) cm how far the hair stands out.
    """
    centre, axes = _frame(hat, bare[mesh.landmarks[17:27]])
    skull = np.isin(mesh.kinds, (0, 1))
    local = (bare - centre) @ axes.T
    pressed = np.minimum(rise, _PRESSED + (rise - _PRESSED) * smooth_step(-local[:, 1], 0.0, 2.5))
    near = skull & (local[:, 1] > -1.5)
    head = ((bare + pressed[:, None] * mesh.normals) - centre)[near] @ axes.T
    turn = np.linspace(-np.pi, np.pi, HAT_AROUND)  # the seam lies behind
    crown = _built(hat, head, turn) if hat.style in ("bucket", "brimmed") else _fitted(hat, head, turn)
    outer = _cuff(hat, crown) if hat.style == "beanie" else _brim(hat, crown[0], turn)
    points = np.concatenate([outer, crown]).reshape(-1, 3) @ axes + centre
    return points.astype(np.float32), _colours(rng, hat, turn), pressed.astype(np.float32)


def _frame(hat: Hat, brows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the rim's plane lies: its middle (3,) cm and the axes (3,3) across, up and to the front."""
    cos, sin = np.cos(hat.tilt), np.sin(hat.tilt)
    tilt = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    cos, sin = np.cos(hat.roll), np.sin(hat.roll)
    roll = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    axes = roll @ tilt
    front = float(brows[:, 1].max()) + hat.gap
    reach = float(brows[:, 2].max()) + 0.6
    return np.array((0.0, front - np.tan(hat.tilt) * reach, -0.6)), axes


def _reach(head: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """How far the head (k,3) reaches along directions (...,3) from the middle, smoothed over about 20 degrees."""
    length = np.linalg.norm(head, axis=1)
    cosine = np.clip(directions.reshape(-1, 3) @ (head / length[:, None]).T, 0, 1)
    return (length * cosine**10).max(1).reshape(directions.shape[:-1])


def _fitted(hat: Hat, head: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The crown of wool or cloth that lies on the head: (levels, around, 3)."""
    height = np.linspace(0, np.pi / 2, HAT_LEVELS - _BRIM)[:, None]
    directions = np.stack(np.broadcast_arrays(np.cos(height) * np.sin(turn), np.sin(height), np.cos(height) * np.cos(turn)), -1)
    reach = _reach(head, directions) + _AIR
    if hat.style == "beanie":
        reach = reach + hat.crown * smooth_step(height, 0.5, 1.4) * (0.6 - 0.4 * np.cos(turn))
    else:
        reach = reach + hat.crown * np.exp(-(((height - 0.8) / 0.45) ** 2)) * (0.55 + 0.45 * np.cos(turn - hat.turn))
    reach[-1] = reach[-1].mean()
    return reach[..., None] * directions


def _built(hat: Hat, head: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The crown of felt or straw that stands over the head: walls that lean inwards and a top, dented where it is a brimmed hat's."""
    levels = HAT_LEVELS - _BRIM
    flat = np.stack([np.sin(turn), np.zeros_like(turn), np.cos(turn)], -1)
    rim, tall = _reach(head, flat) + _AIR + 0.1, float(head[:, 1].max()) + hat.crown
    walls = levels - 4
    up = np.concatenate([np.linspace(0, 1, walls) ** 0.9, np.full(4, 1.0)])[:, None]
    inwards = np.concatenate([1 - 0.2 * np.linspace(0, 1, walls) ** 2, (0.66, 0.45, 0.2, 0.0)])[:, None]
    dent = 1.6 * (hat.style == "brimmed") * np.concatenate([np.zeros(walls), (0.1, 0.6, 1.0, 1.0)])[:, None]
    height = tall * up + np.where(inwards < 0.7, 0.25, 0) - dent * np.cos(turn / 2) ** 2
    height[-1] = height[-1].mean()
    out = rim * inwards
    return np.stack([out * np.sin(turn), height, out * np.cos(turn)], -1)


def _brim(hat: Hat, rim: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """A brim around the rim (around, 3), or a peak over the eyes or the neck: (levels, around, 3), the outermost level first."""
    width = np.full(HAT_AROUND, hat.brim)
    side = np.sin(turn - hat.turn) ** 2
    if hat.style in ("cap", "backwards"):
        front = np.cos(turn - hat.turn)
        width = hat.brim * np.sqrt(np.clip((front - 0.42) / 0.58, 0, 1))
    outwards = np.stack([np.sin(turn), np.zeros_like(turn), np.cos(turn)], -1)
    if hat.style in ("cap", "backwards"):  # a peak juts forward more than outwards
        outwards = 0.35 * outwards + 0.65 * np.array((np.sin(hat.turn), 0, np.cos(hat.turn)))
    parts = np.array((1.0, 0.66, 0.33, 0.06))[:, None]
    out = rim + (parts * width)[..., None] * outwards
    out[..., 1] -= parts * width * hat.slope + hat.curve * side * parts**1.5 * np.minimum(width / 3, 1)
    return out


def _cuff(hat: Hat, crown: np.ndarray) -> np.ndarray:
    """The turned-up edge of a woollen hat: over the lower part of its crown and back to the rim."""
    rows = np.linspace(0, np.pi / 2, len(crown)) * np.linalg.norm(crown[0], axis=1).mean()
    at = np.clip(np.searchsorted(rows, hat.brim), 1, len(crown) - 2)

    def beyond(level: np.ndarray, by: float) -> np.ndarray:
        return level * (1 + by / np.linalg.norm(level, axis=1, keepdims=True))

    return np.stack([beyond(crown[at], 0.3), beyond(crown[at], 0.65), beyond(crown[0], 0.7), beyond(crown[0], 0.4)])


def _colours(rng: np.random.Generator, hat: Hat, turn: np.ndarray) -> np.ndarray:
    """(n,3) linear: the cloth with its pattern, ribs of wool, a little uneven."""
    shape = (HAT_LEVELS, HAT_AROUND)
    second = np.zeros(shape, bool)
    if hat.pattern == "band":
        second[_BRIM + 1 : _BRIM + 3] = True
    elif hat.pattern == "panel" and hat.style in ("cap", "backwards", "beanie"):
        second[_BRIM + 2 : _BRIM + 6] = np.abs(np.sin(turn / 2)) < 0.2
        second[:_BRIM] = hat.style != "cap" or rng.random() < 0.5
    colour = np.where(second[..., None], linear(hat.second), linear(hat.colour))
    uneven = 1 + 0.06 * rng.standard_normal(shape)
    if hat.style == "beanie":
        uneven *= np.where(np.arange(HAT_AROUND) % 2, 1.12, 0.8)
        uneven[:_BRIM] *= 1.08
    elif hat.style in ("cap", "backwards"):  # seams between the panels
        uneven[_BRIM + 1 :] *= np.where(np.arange(HAT_AROUND) % 6 == 3, 0.8, 1.0)
    uneven[:, -1] = uneven[:, 0]
    return np.clip(colour * uneven[..., None], 0.002, 1).reshape(-1, 3).astype(np.float32)
