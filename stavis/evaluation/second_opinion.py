"""What a network that was trained on real faces makes of the same crops: a second opinion on their valence."""

from dataclasses import dataclass

import numpy as np

from stavis.data.crops.crops import Crops
from stavis.data.faces.alignment import apply_affine
from stavis.data.faces.networks.emotions import EMOTIONS, EmotionNetwork, face_image

UNPLEASANT = ("angry", "disgust", "fear", "sad")
_CHUNK = 256  # frames whose images are in memory at once


@dataclass(frozen=True)
class Opinion:
    """How likely each emotion is in each frame: probabilities (T,7) in [0,1], in the order of EMOTIONS; NaN without a face."""

    probabilities: np.ndarray

    @property
    def valence(self) -> np.ndarray:
        """Happy less angry, disgust, fear and sad: (T,) in [-1,1], NaN without a face."""
        unpleasant = self.probabilities[:, [EMOTIONS.index(name) for name in UNPLEASANT]].sum(1)
        return self.probabilities[:, EMOTIONS.index("happy")] - unpleasant

    @property
    def confidence(self) -> float:
        """The mean over frames with a face of the largest probability, in [1/7,1]: how sure it is. NaN where no frame has a face."""
        known = self.probabilities[np.isfinite(self.probabilities).all(1)]
        return float(known.max(1).mean()) if len(known) else float("nan")


def opinion_on(network: EmotionNetwork, crops: Crops) -> Opinion:
    """The second opinion on every frame with a face, cut out of the crops around the landmarks."""
    probabilities = np.full((len(crops), len(EMOTIONS)), np.nan)
    if crops.track is None:
        return Opinion(probabilities)
    seen = np.flatnonzero(crops.valid)
    for start in range(0, len(seen), _CHUNK):
        frames = seen[start : start + _CHUNK]
        inside = apply_affine(crops.affine[frames], np.asarray(crops.track.landmarks[frames], np.float64))
        images = [face_image(crops.frames[frame], points) for frame, points in zip(frames, inside, strict=True)]
        probabilities[frames] = network.probabilities(np.stack(images))
    return Opinion(probabilities)
