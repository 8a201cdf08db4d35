"""Maps that know nothing of this clip or this network: what an agreement or a curve has to be better than.

Every map is (T,h,w), non-negative, and sums to 1 in each frame.
"""

import cv2
import numpy as np

from stavis.errors import StavisError
from stavis.regions import FACE, REGIONS, joined, pooled
from stavis.types import Clip


def uniform(shape: tuple[int, int, int]) -> np.ndarray:
    """The same weight everywhere."""
    return np.full(shape, 1 / (shape[1] * shape[2]))


def smooth_random(weights: np.ndarray, seed: int = 0) -> np.ndarray:
    """A random map with the smoothness of `weights` in space and time (its spectrum), and each frame's own weights in other places."""
    spectrum = np.abs(np.fft.fftn(weights - weights.mean((1, 2), keepdims=True)))
    noise = np.fft.fftn(np.random.default_rng(seed).standard_normal(weights.shape))
    noisy = np.fft.ifftn(spectrum * noise / np.maximum(np.abs(noise), 1e-12)).real.reshape(len(weights), -1)
    if not spectrum.max() > 1e-12:
        return _frames(weights)
    ranks = noisy.argsort(1).argsort(1)
    return _frames(np.take_along_axis(np.sort(weights.reshape(len(weights), -1), 1), ranks, 1).reshape(weights.shape))


def permuted(weights: np.ndarray, seed: int = 0) -> np.ndarray:
    """The cells in another order, the same in all frames, so that time is kept."""
    order = np.random.default_rng(seed).permutation(weights.shape[1] * weights.shape[2])
    return weights.reshape(len(weights), -1)[:, order].reshape(weights.shape)


def time_shuffled(weights: np.ndarray, seed: int = 0) -> np.ndarray:
    """The frames in another order."""
    return weights[np.random.default_rng(seed).permutation(len(weights))]


def centre(shape: tuple[int, int, int], width: float = 0.25) -> np.ndarray:
    """A Gaussian in the middle; width is its standard deviation as a part of the frame."""
    rows, columns = ((np.arange(cells) + 0.5) / cells - 0.5 for cells in shape[1:])
    return _frames(np.broadcast_to(np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * width**2)), shape))


def edges(clip: Clip, grid: tuple[int, int]) -> np.ndarray:
    """Where the image has edges (Sobel), which many attributions follow whatever the network."""
    strength = [_edges(frame) for frame in clip.frames]
    return _frames(pooled(np.stack(strength), grid) + 1e-12)


def mean_face(clip: Clip, grid: tuple[int, int]) -> np.ndarray | None:
    """The clip's own face, evenly: where any part of it but the background lies; None without regions of a face."""
    if clip.regions is None or clip.region_set != FACE:
        return None
    face = joined(clip.regions, [name for name in REGIONS if name != "outside"])
    return _frames(np.broadcast_to(pooled(face.mean(0)[None], grid) + 1e-12, (len(clip), *grid)))


def mean_map(maps: list[np.ndarray], without: int) -> np.ndarray | None:
    """The mean of the other clips' maps over clips and time, for every frame of clip `without`; None for a single clip."""
    others = [m.mean(0) for place, m in enumerate(maps) if place != without]
    return _frames(np.broadcast_to(np.mean(others, 0), maps[without].shape)) if others else None


def of_another(maps: list[np.ndarray], of: int) -> np.ndarray | None:
    """The map of the next clip, resampled to the length of clip `of`; None for a single clip."""
    if len(maps) < 2:
        return None
    other = maps[(of + 1) % len(maps)]
    if other.shape[1:] != maps[of].shape[1:]:
        raise StavisError(f"the clips' attention lies on grids of {other.shape[1:]} and {maps[of].shape[1:]}: give clips of one size.")
    return other[np.linspace(0, len(other) - 1, len(maps[of])).round().astype(int)]


def _edges(frame: np.ndarray) -> np.ndarray:
    grey = cv2.transform(frame.astype(np.float32), np.full((1, 3), 1 / 3, np.float32))
    return cv2.magnitude(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))


def _frames(maps: np.ndarray) -> np.ndarray:
    maps = np.asarray(maps, np.float64)
    total = maps.sum((1, 2), keepdims=True)
    return maps / total
