"""The expression shapes of a head as weights that are added up: by name, for both sides of the face at once."""

import numpy as np

from stavis.data.faces.blendshapes import BLENDSHAPES

INDEX = {name: k for k, name in enumerate(BLENDSHAPES)}
"""The column of each shape."""
LOWEST, HIGHEST = -0.4, 1.0
"""The range of a weight; below 0 a shape goes the other way, as resting faces do by a little."""


def columns(name: str) -> tuple[int, ...]:
    """The columns of a shape by its name without a side (left, then right), or of a shape that has no sides."""
    return (INDEX[name],) if name in INDEX else (INDEX[f"{name}Left"], INDEX[f"{name}Right"])


def mean_of(weights: np.ndarray, name: str) -> np.ndarray:
    """A shape's weight, the mean of its two sides: (T,) of weights (T,52)."""
    return weights[:, list(columns(name))].mean(1)


class Weights:
    """Weights (T,52) of a face whose two sides move by unlike amounts: sides = (left, right), the factors of all that is added."""

    def __init__(self, count: int, sides: tuple[float, float] = (1.0, 1.0)):
        self.values = np.zeros((count, len(BLENDSHAPES)))
        self.sides = sides

    def add(self, name: str, amount: np.ndarray | float) -> None:
        """Add an amount (T,) to a shape, on each side by its factor."""
        found = columns(name)
        for column, factor in zip(found, self.sides if len(found) == 2 else (1.0,), strict=True):
            self.values[:, column] += np.asarray(amount) * factor

    def raise_to(self, name: str, amount: np.ndarray) -> None:
        """Make a shape at least an amount (T,), on both sides alike."""
        for column in columns(name):
            self.values[:, column] = np.maximum(self.values[:, column], amount)

    def clipped(self) -> np.ndarray:
        """The weights within their range: (T,52) float32."""
        return np.clip(self.values, LOWEST, HIGHEST).astype(np.float32)
