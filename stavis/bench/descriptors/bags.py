"""Bags of words: how often each of a hundred typical face shapes was seen in the last seconds.

References
----------
Schmitt, Ringeval, Schuller: At the border of acoustics and linguistics: bag-of-audio-words for the recognition of emotions in speech.
Interspeech 2016. Ringeval et al.: AVEC 2017, real-life depression, and affect recognition workshop and challenge. 2017.
"""

from dataclasses import dataclass

import numpy as np

from stavis.bench.descriptors.reduction import Scaling, fit_scaling
from stavis.bench.descriptors.windows import window_sums
from stavis.errors import StavisError

WORDS, WINDOW = 100, 4.0


@dataclass(frozen=True)
class Codebook:
    """The words: training descriptors drawn at random, words (K,F) in standard scores of the training partition."""

    scaling: Scaling
    words: np.ndarray

    def nearest(self, features: np.ndarray) -> np.ndarray:
        """The word nearest to each descriptor (T,F): (T,) int, −1 where the descriptor is not known."""
        known = np.isfinite(features).all(1)
        scores = self.scaling.apply(np.where(known[:, None], features, 0))
        distance = (self.words**2).sum(1) - 2 * scores @ self.words.T  # the descriptor's own square changes no order
        return np.where(known, distance.argmin(1), -1)

    def bags(self, features: np.ndarray, times: np.ndarray, seconds: float = WINDOW) -> np.ndarray:
        """log(1 + count) of each word in a window of `seconds` centred at each frame: (T,K) float32."""
        nearest = self.nearest(features)
        counts = (nearest[:, None] == np.arange(len(self.words))).astype(np.float64)
        return np.log1p(np.maximum(window_sums(counts, times, seconds), 0)).astype(np.float32)


def fit_codebook(training: np.ndarray, seed: int, words: int = WORDS) -> Codebook:
    """A codebook of `words` training descriptors (N,F), drawn at random without replacement; all of them where there are fewer.

    Raises StavisError where no descriptor is known.
    """
    known = training[np.isfinite(training).all(1)]
    if not len(known):
        raise StavisError("no training frame has a face shape: bags of words need tracked faces.")
    scaling = fit_scaling(known)
    chosen = np.random.default_rng(seed).choice(len(known), min(words, len(known)), replace=False)
    return Codebook(scaling, scaling.apply(known[np.sort(chosen)]))
