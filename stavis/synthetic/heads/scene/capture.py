"""What happens to an image between a camera's sensor and a file: fewer pixels, weaker colours, JPEG."""

import cv2
import numpy as np


class Capture:
    """Some recordings have fewer pixels than their size, weak or strong colours, or were compressed frame by frame."""

    def __init__(self, rng: np.random.Generator):
        self.part = float(np.exp(rng.uniform(np.log(0.4), 0))) if rng.random() < 0.35 else 1.0
        self.quality = int(rng.uniform(25, 90)) if rng.random() < 0.5 else 0
        saturation = rng.uniform(0.5, 1.2)
        self.colour = saturation * np.eye(3) + (1 - saturation) * np.array((0.299, 0.587, 0.114))

    def reduce(self, image: np.ndarray) -> np.ndarray:
        """The image (H,W,3) uint8 with its colours, as a sensor of fewer pixels sees it."""
        height, width = image.shape[:2]
        image = cv2.transform(image, self.colour)
        if self.part < 1:
            small = (max(round(width * self.part), 8), max(round(height * self.part), 8))
            image = cv2.resize(cv2.resize(image, small, interpolation=cv2.INTER_AREA), (width, height), interpolation=cv2.INTER_LINEAR)
        return image

    def compress(self, image: np.ndarray) -> np.ndarray:
        """The image after a JPEG of this recording's quality."""
        if not self.quality:
            return image
        coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1]
        return cv2.imdecode(coded, cv2.IMREAD_COLOR)
