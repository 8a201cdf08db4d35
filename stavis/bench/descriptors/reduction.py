"""Fewer and even numbers: principal components and standard scores, fitted on the training partition and on nothing else."""

from dataclasses import dataclass

import numpy as np

from stavis.errors import StavisError

_COLUMNS = 4096  # of descriptors that are held in double precision at a time


@dataclass(frozen=True)
class Projection:
    """Principal components of training descriptors: mean (F,), components (K,F) of length 1, explained (K,) part of the variance."""

    mean: np.ndarray
    components: np.ndarray
    explained: np.ndarray

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Descriptors (T,F) in the components' coordinates: (T,K) float32."""
        return (features.astype(np.float32) - self.mean) @ self.components.T


def fit_projection(training: np.ndarray, components: int = 84) -> Projection:
    """The principal components of training descriptors (N,F); exact, by way of the N x N products where F is larger than N.

    Raises StavisError where there are fewer than two descriptors.
    """
    if training.ndim != 2 or len(training) < 2:
        raise StavisError(f"principal components need at least two training frames, not {training.shape}.")
    values = training.astype(np.float32)
    mean = values.mean(0, dtype=np.float64).astype(np.float32)
    values -= mean
    count = min(components, len(values) - 1, values.shape[1])
    if values.shape[1] > len(values):
        strength, sides = np.linalg.eigh((values @ values.T).astype(np.float64))
        strength, sides = strength[::-1][:count], sides[:, ::-1][:, :count]
        found = _product(sides.T / np.sqrt(np.maximum(strength, 1e-12))[:, None], values)
    else:
        strength, found = np.linalg.eigh((values.T @ values).astype(np.float64))
        strength, found = strength[::-1][:count], found[:, ::-1][:, :count].T
    total = max(float(np.einsum("nf,nf->", values, values, dtype=np.float64)), 1e-12)  # no copy in double precision
    signs = np.where(found[np.arange(count), np.abs(found).argmax(1)] < 0, -1, 1)  # the sign of a component is free: fixed here
    return Projection(mean, (found * signs[:, None]).astype(np.float32), np.maximum(strength, 0) / total)


def _product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """left (K,N) float64 times right (N,F) float32, in double precision without a copy of all of `right` in it."""
    parts = [left @ right[:, start : start + _COLUMNS] for start in range(0, right.shape[1], _COLUMNS)]
    return np.concatenate(parts, 1)


@dataclass(frozen=True)
class Scaling:
    """Standard scores by the training partition: mean (F,) and deviation (F,), 1 where a value never changes."""

    mean: np.ndarray
    deviation: np.ndarray

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Descriptors (T,F) with the training partition's mean 0 and deviation 1: float32."""
        return ((features - self.mean) / self.deviation).astype(np.float32)


def fit_scaling(training: np.ndarray) -> Scaling:
    """Mean and deviation of training descriptors (N,F); rows with NaN do not count."""
    known = training[np.isfinite(training).all(1)].astype(np.float64)
    if not len(known):
        raise StavisError("no training frame has a descriptor: check that faces were found in the training partition.")
    deviation = known.std(0)
    return Scaling(known.mean(0).astype(np.float32), np.where(deviation > 1e-6, deviation, 1).astype(np.float32))
