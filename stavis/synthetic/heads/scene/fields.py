"""Interlaced recordings: each frame holds two fields, the upper lines at its own time and the lower ones half a frame later."""

import numpy as np

COMBED_RATE = 0.04
"""The fraction of recordings with both fields, which comb where things move: camcorders and television until about 2010."""
DOUBLED_RATE = 0.04
"""The fraction that were deinterlaced by throwing the lower field away: as many again."""


class Fields:
    """Whether a recording is interlaced; its truth is that of the upper field.

    style: "" (whole frames), "combed" (both fields), "doubled" (each upper line twice) or "averaged" (lower lines are means of upper ones).
    """

    def __init__(self, rng: np.random.Generator):
        chance = rng.random()
        doubled = "doubled" if rng.random() < 0.5 else "averaged"
        self.style = "combed" if chance < COMBED_RATE else doubled if chance < COMBED_RATE + DOUBLED_RATE else ""

    @property
    def combed(self) -> bool:
        """Whether the lower field is half a frame later."""
        return self.style == "combed"

    def shown(self, points: np.ndarray) -> np.ndarray:
        """Where points (...,2) px of the whole frame lie: doubled lines stand half a line lower on average."""
        return points + np.array((0, 0.5), points.dtype) if self.style == "doubled" else points

    def weave(self, upper: np.ndarray, lower: np.ndarray | None = None) -> np.ndarray:
        """The frame of two images (H,W,3) uint8; lower: that of half a frame later, of combed recordings."""
        if not self.style:
            return upper
        image, odd = upper.copy(), upper.shape[0] // 2
        if self.combed:
            image[1::2] = lower[1::2]
        elif self.style == "doubled":
            image[1::2] = upper[0::2][:odd]
        else:
            next_lines = np.concatenate([upper[2::2], upper[0::2][-1:]])[:odd].astype(np.uint16)
            image[1::2] = (upper[0::2][:odd] + next_lines + 1) // 2
        return image
