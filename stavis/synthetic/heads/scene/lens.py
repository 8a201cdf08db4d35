"""The lens of a camera: it bends the image, darkens its corners and splits its colours; landmarks are bent with the image."""

from functools import cached_property

import cv2
import numpy as np

BENT_RATE = 0.3
"""The fraction of recordings whose lens bends visibly: webcams, action cameras and phones at arm's length; better ones are corrected."""
DARK_RATE = 0.25
"""The fraction with dark corners: open apertures and cheap lenses."""
SPLIT_RATE = 0.15
"""The fraction whose colours part towards the corners, by one or two pixels in 640."""
_BARREL, _PINCUSHION = (0.01, 0.14), (-0.05, -0.01)  # how much further out (+) the light at the corner comes from, as a fraction
_DARKEST = 0.6  # of the light at the corner
_SPLIT = 0.004  # of the distance from the middle, at most


class Lens:
    """The lens of one recording, for images of `size` (width, height) px.

    bend: the light at a point comes from (1 + bend r^2) / (1 + bend edge^2) times as far from the middle, r = 1 at the corners; edge is
    the corner (bend above 0) or the nearest side, so that no light from outside the image is needed.
    """

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]):
        self.size = size
        bends, darkens, splits = rng.random(3) < (BENT_RATE, DARK_RATE, SPLIT_RATE)
        barrel = rng.random() < 0.85
        low, high = _BARREL if barrel else _PINCUSHION
        bend, fall, split = low + (high - low) * rng.random() ** 2, rng.uniform(0.1, _DARKEST), rng.uniform(-_SPLIT, _SPLIT)
        self.bend, self.fall, self.split = float(bend) * bends, float(fall) * darkens, float(split) * splits

    @property
    def _middle(self) -> np.ndarray:
        return (np.array(self.size) - 1) / 2

    @property
    def _corner(self) -> float:
        return float(np.hypot(*self._middle))

    def _widened(self, squared: np.ndarray) -> np.ndarray:
        """How many times as far from the middle the light at r^2 comes from."""
        edge = 1.0 if self.bend > 0 else (float(self._middle.min()) / self._corner) ** 2
        return (1 + self.bend * squared) / (1 + self.bend * edge)

    def bent(self, points: np.ndarray) -> np.ndarray:
        """Where points (...,2) px of the undistorted image lie in the lens's."""
        if not self.bend:
            return points
        away = (np.asarray(points, np.float64) - self._middle) / self._corner
        target = np.hypot(away[..., 0], away[..., 1])
        reach, most = target.copy(), 3.0 if self.bend > 0 else 0.99 / np.sqrt(-3 * self.bend)
        for _ in range(30):  # Newton's steps; the function is monotonic as far as the light of any image goes
            slope = (self._widened(reach**2) + 2 * self.bend * reach**2 * self._widened(0.0)).clip(0.1)
            reach = np.minimum(reach - (reach * self._widened(reach**2) - target) / slope, np.maximum(most, target * (self.bend > 0)))
        ratio = np.where(target > 1e-12, reach / np.maximum(target, 1e-12), 1 / self._widened(0.0))
        return (away * ratio[..., None] * self._corner + self._middle).astype(np.asarray(points).dtype)

    @cached_property
    def _maps(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Where the light of each pixel comes from, of all colours or of red, green and blue."""
        width, height = self.size
        y, x = np.mgrid[:height, :width].astype(np.float32)
        x, y = x - np.float32(self._middle[0]), y - np.float32(self._middle[1])
        times = self._widened((x * x + y * y) / self._corner**2).astype(np.float32)
        made = []
        for factor in (1 - self.split, 1, 1 + self.split) if self.split else (1,):
            by = times * np.float32(factor)
            here = (x * by + np.float32(self._middle[0]), y * by + np.float32(self._middle[1]))
            made.append(cv2.convertMaps(*here, cv2.CV_16SC2))
        return tuple(made)

    @cached_property
    def _shade(self) -> np.ndarray:
        width, height = self.size
        y, x = np.mgrid[:height, :width].astype(np.float32)
        squared = ((x - self._middle[0]) ** 2 + (y - self._middle[1]) ** 2) / self._corner**2
        return cv2.merge([np.clip(255 * (1 - self.fall * squared**1.5), 0, 255).astype(np.uint8)] * 3)

    def take(self, image: np.ndarray) -> np.ndarray:
        """The image (H,W,3) uint8 as the lens throws it on the sensor."""
        if self.bend or self.split:
            channels = cv2.split(image) if self.split else (image,)
            taken = [
                cv2.remap(channel, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                for channel, maps in zip(channels, self._maps, strict=True)
            ]
            image = cv2.merge(taken) if self.split else taken[0]
        return cv2.multiply(image, self._shade, scale=1 / 255) if self.fall else image
