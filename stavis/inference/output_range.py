"""The range of a network's predictions: cut only where the network declares one, and in either case told."""

import numpy as np
from torch import nn

_SLACK = 1e-6


def declared_range(model: nn.Module) -> tuple[float, float] | None:
    """The (low, high) that a network declares as `output_range`; [-1,1] for the package's own systems; None where it declares none."""
    declared = getattr(model, "output_range", None)
    if declared is None and type(model).__module__.startswith("stavis.models."):
        return (-1.0, 1.0)
    return None if declared is None else (float(declared[0]), float(declared[1]))


def in_range(values: np.ndarray, dimensions: tuple[str, ...], declared: tuple[float, float] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Predictions (T,D), cut to the declared range or (None) as they are, and a note on each dimension that leaves it."""
    low, high = declared or (-1.0, 1.0)
    kept = "they are cut" if declared else "they are kept as they are; for another scale map the network's outputs, or set its output_range"
    notes = []
    for name, column in zip(dimensions, values.T, strict=True):
        outside = (column < low - _SLACK) | (column > high + _SLACK)
        if outside.any():
            share = f"{100 * outside.mean():.3g} % of the predictions of {name} are outside [{low:g},{high:g}]"
            notes.append(f"{share} (they are from {column.min():.3g} to {column.max():.3g}): {kept}.")
    return (values if declared is None else np.clip(values, low, high)), tuple(notes)
