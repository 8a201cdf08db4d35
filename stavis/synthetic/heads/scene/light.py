"""The light of a recording: a sky, one to three lamps, and how bright the camera takes it."""

from dataclasses import dataclass

import numpy as np

from stavis.synthetic.heads.people.look import Look, linear
from stavis.synthetic.streams import stream

SHADOW_SIDE = 96
_REACH = 15.0  # cm from the middle of the head that casts shadows


@dataclass(frozen=True, eq=False)
class HeadLight:
    """sky (2,3) linear RGB from above and below; lamps (K,6) directions and RGB; wrap (K,) softness; shadow in [0,1], how dark the first
    lamp's are; axes (3,3) across, up and towards that lamp; gain (3,) of the camera; window (3,): half
    the width and the height, as slopes, of what eyes reflect of that lamp, and how bright it is there."""

    sky: np.ndarray
    lamps: np.ndarray
    wrap: np.ndarray
    shadow: float
    axes: np.ndarray
    gain: np.ndarray
    window: np.ndarray

    @property
    def corner(self) -> np.ndarray:
        """Where the first lamp's depth map begins: (2,) cm."""
        return np.full(2, -_REACH, np.float32)

    @property
    def scale(self) -> np.float32:
        """Its px a cm."""
        return np.float32(SHADOW_SIDE / (2 * _REACH))


def sample_head_light(rng: np.random.Generator, look: Look) -> HeadLight:
    """Light from a window, a lamp or the sky, more or less from one side, exposed for the face."""
    level = rng.uniform(0.15, 0.75)
    sky = np.stack([_tint(rng, 0.06) * rng.uniform(0.6, 1.2), _tint(rng, 0.08) * rng.uniform(0.15, 0.7)]) * level
    lamps = [[*_direction(rng.normal(0, 0.8), rng.uniform(-0.1, 1.2)), *(_tint(rng, 0.06) * rng.uniform(0.3, 1.3))]]
    for _ in range(rng.integers(1, 3)):
        lamps.append([*_direction(rng.uniform(-2.2, 2.2), rng.uniform(-0.3, 1)), *(_tint(rng, 0.09) * rng.uniform(0.05, 0.6))])
    lamps = np.array(lamps, np.float32)
    wrap = rng.uniform(0.1, 0.6)
    normals = np.array([(0, 0, 1), (0.7, 0, 0.7), (-0.7, 0, 0.7), (0, 0.7, 0.7)], np.float32)
    facing = np.clip((normals @ lamps[:, :3].T + wrap) / (1 + wrap), 0, None)
    bright = np.sort((facing @ lamps[:, 3:] + sky.mean(0)).mean(1))[-2]
    skin = float(linear(look.skin).mean())
    key = rng.uniform(0.24, 0.52) * (0.55 + 0.45 * float(look.skin.mean()) / 210)
    gain = min(key / max(bright * skin, 1e-3), 6.0) * np.clip(rng.normal(1, 0.04, 3), 0.88, 1.12)
    towards = lamps[0, :3]
    across = np.cross((0, 1, 0), towards)
    across /= np.linalg.norm(across) + 1e-6
    return HeadLight(
        sky=sky.astype(np.float32),
        lamps=lamps,
        wrap=np.full(len(lamps), wrap, np.float32),
        shadow=float(rng.uniform(0.4, 1)) if rng.random() < 0.6 else 0.0,
        axes=np.stack([across, np.cross(towards, across), towards]).astype(np.float32),
        gain=gain.astype(np.float32),
        window=_window(stream(rng, "window")),
    )


def _window(rng: np.random.Generator) -> np.ndarray:
    """A window, a lamp's shade or a small lamp: the smaller, the brighter."""
    wide, high = np.exp(rng.uniform(np.log(0.06), np.log(0.45), 2))
    return np.array((wide, high, rng.uniform(0.3, 1.2) * (0.2 / np.sqrt(wide * high)) ** 0.7), np.float32)


def _direction(azimuth: float, height: float) -> tuple[float, float, float]:
    return float(np.sin(azimuth) * np.cos(height)), float(np.sin(height)), float(np.cos(azimuth) * np.cos(height))


def _tint(rng: np.random.Generator, spread: float) -> np.ndarray:
    return np.clip(rng.normal(1, spread, 3), 0.6, 1.4)
