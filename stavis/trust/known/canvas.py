"""What the patches of known networks are painted on: a tiny grey face on a noisy ground, or rendered faces that move."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from stavis.errors import StavisError, offer
from stavis.regions import REGIONS
from stavis.synthetic.aligned import aligned_face
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.recording import render

GRID = 8
"""Cells a side, of every clip and every map."""
EYES = {"left": (3, 2), "right": (3, 5)}
MOUTH = (5, 3)
"""The cells (row, column) of the eyes and of the mouth, in which they lie in aligned crops of rendered faces, too."""
CORNERS = ((0, 0), (0, 7), (7, 0), (7, 7))

PEOPLE = 24
"""How many different rendered faces there are for a seed; clips with higher numbers show them again."""
_FADED = 0.02
_SPEC = {"scenarios": ("switching",), "recordings": PEOPLE, "fps": 6.25, "diversity": 1.0}


@dataclass(frozen=True)
class Canvas:
    """Clips of `size` px, 8 x 8 cells; renderer: whose faces they show ("flat", "heads"), '' for tiny grey ones.

    cue, decoy: the colours (0 red, 1 green, 2 blue) of patches that mean something, and of those that mean nothing. On rendered faces
    they are green and blue, which skin and lips have least of; of all else in these frames these two colours are faded, so that what is
    known of a network that answers to them stays true.
    """

    renderer: str = ""
    size: int = 32
    cue: int = 0
    decoy: int = 1

    @property
    def cell(self) -> int:
        """The side of a cell, px."""
        return self.size // GRID

    def pixels(self, cell: tuple[int, int]) -> tuple[slice, slice]:
        """The rows and columns of a cell."""
        row, column = (index * self.cell for index in cell)
        return slice(row, row + self.cell), slice(column, column + self.cell)

    def ground(self, rng: np.random.Generator, seed: int, number: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """What clip `number` shows before anything is painted: frames (T,S,S,3) in [0,1] and regions (T,R,S,S) bool, T = count.

        rng makes the grey faces; seed and number choose a rendered one.
        """
        if self.renderer:
            frames, regions = _rendered(self, seed, number % PEOPLE, count)
            return frames.copy(), regions
        frames = np.full((count, self.size, self.size, 3), rng.uniform(0.35, 0.5))
        frames = frames + 0.03 * rng.standard_normal((count, self.size, self.size, 1))
        face = self._oval()
        frames[:, face] += 0.12
        regions = np.zeros((count, len(REGIONS), self.size, self.size), bool)
        for part, cell in {"left_eye": EYES["left"], "right_eye": EYES["right"], "mouth": MOUTH}.items():
            regions[:, REGIONS.index(part), *self.pixels(cell)] = True
        regions[:, REGIONS.index("rest")] = face & ~regions.any(1)
        regions[:, REGIONS.index("outside")] = ~regions.any(1)
        return frames, regions

    def paint(self, frames: np.ndarray, cell: tuple[int, int], channel: int, value: np.ndarray | float, base: float) -> None:
        """Paint a cell of frames (T,S,S,3) or (S,S,3): `value`, (T,) or one number, in one colour and `base` in the others."""
        part = frames[..., *self.pixels(cell), :]
        part[...] = base
        part[..., channel] = np.asarray(value)[..., None, None]

    def paint_boards(self, frames: np.ndarray, start: int = 0) -> None:
        """Paint black and white boards into the corners of frames (T,S,S,3), so that a cue is not also the strongest edge."""
        rows, columns = np.mgrid[: self.size, : self.size]
        for corner in CORNERS:
            board = (rows + columns + start)[self.pixels(corner)] // (self.cell // 2) % 2
            frames[:, *self.pixels(corner)] = 0.1 + 0.8 * board[..., None]

    def _oval(self) -> np.ndarray:
        rows, columns = np.mgrid[: self.size, : self.size] + 0.5
        return ((rows - 16) / 13) ** 2 + ((columns - 16) / 10) ** 2 < 1


TOY = Canvas()
"""The tiny grey faces."""


def canvas_of(renderer: str = "") -> Canvas:
    """The canvas of a renderer: crops of 112 px of flat faces or 3D heads, or ('') the tiny grey faces.

    Raises StavisError where there is no such renderer.
    """
    if renderer not in ("", "flat", "heads"):
        raise StavisError(f"networks with known answers are judged on no faces of {renderer!r}: {offer(renderer, ('flat', 'heads'))}")
    return Canvas(renderer, 112, cue=1, decoy=2) if renderer else TOY


@lru_cache(maxsize=48)
def _rendered(canvas: Canvas, seed: int, number: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Frames (T,S,S,3) float32 in [0,1] and regions of a rendered face, the colours of the patches faded."""
    spec = SyntheticConfig(renderer=canvas.renderer, seconds=count / _SPEC["fps"], seed=seed, **_SPEC)
    face = aligned_face(render(spec, number), range(count), canvas.size)
    frames = face.frames.astype(np.float32) / 255
    for channel in (canvas.cue, canvas.decoy):
        frames = faded(frames, channel)
    return frames, face.regions


def faded(frames: np.ndarray, channel: int) -> np.ndarray:
    """Frames (T,H,W,3) in [0,1] greyer where one colour stands out against the mean of the others, as far as it hardly does."""
    others = (frames.sum(3) - frames[..., channel]) / 2
    contrast = np.maximum(frames[..., channel] - others, _FADED)
    grey = frames.mean(3, keepdims=True)
    return grey + (_FADED / contrast)[..., None] * (frames - grey)
