"""How a head moves: the weights of the 52 expression shapes and the pose, one row per frame."""

from dataclasses import dataclass

import numpy as np

from stavis.data.faces.blendshapes import BLENDSHAPES
from stavis.errors import StavisError


@dataclass(frozen=True)
class HeadMotion:
    """The movement of a head.

    weights (T,52) float32 in the order of BLENDSHAPES (left and right are the person's; index 0 is not used); yaw, pitch, roll (T,) in
    radians (yaw above 0: the face turns to the image's right); x, y (T,) shift in eye distances; scale (T,).
    """

    weights: np.ndarray
    yaw: np.ndarray
    pitch: np.ndarray
    roll: np.ndarray
    x: np.ndarray
    y: np.ndarray
    scale: np.ndarray

    def __post_init__(self):
        shape = np.shape(self.weights)
        if len(shape) != 2 or shape[1] != len(BLENDSHAPES) or not shape[0]:
            raise StavisError(f"the weights of a head's motion are {shape}: give (frames, {len(BLENDSHAPES)}).")
        for name in ("yaw", "pitch", "roll", "x", "y", "scale"):
            if np.shape(getattr(self, name)) != shape[:1]:
                raise StavisError(
                    f"the {name} of a head's motion is {np.shape(getattr(self, name))}: give {shape[:1]}, one value per frame."
                )

    def __len__(self) -> int:
        return len(self.weights)
