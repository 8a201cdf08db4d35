"""How coded frames are turned, mirrored and widened to stand upright with square pixels, as the container's display matrix says."""

from dataclasses import dataclass
from fractions import Fraction

import av
import cv2
import numpy as np

WIDEST_PIXEL = 8
"""A sample aspect ratio beyond this (or below its inverse) is taken for a mistake, and pixels as square."""

_MATRIX = "DISPLAYMATRIX"
_UNIT = 1 << 16
# A quarter turn anticlockwise and a flip left to right as they act on (x right, y down).
_TURN, _FLIP = np.array([[0, 1], [-1, 0]]), np.array([[-1, 0], [0, 1]])


@dataclass(frozen=True)
class Orientation:
    """How a coded frame is made upright: mirrored left to right first (if at all), then turned by degrees anticlockwise.

    exact: the display matrix is one of these eight; else (a few degrees, a shear) it is the nearest of them.
    """

    rotation: int = 0
    mirrored: bool = False
    exact: bool = True

    @property
    def turned(self) -> bool:
        """Width and height change places."""
        return self.rotation in (90, 270)

    def apply(self, image: np.ndarray) -> np.ndarray:
        """The image (H,W,...) as it stands upright, contiguous."""
        if self.mirrored:
            image = image[:, ::-1]
        return np.ascontiguousarray(np.rot90(image, k=self.rotation // 90)) if self.rotation or self.mirrored else image

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """A (width, height) after turning; turning back is the same."""
        return size[::-1] if self.turned else size


UPRIGHT = Orientation()


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """What the display matrix of a decoded frame says; upright where there is none."""
    for data in frame.side_data:
        if data.type.name == _MATRIX:
            return orientation_of_matrix(np.frombuffer(bytes(data)[:36], np.int32))
    return UPRIGHT


def orientation_of_matrix(matrix: np.ndarray) -> Orientation:
    """The orientation that a display matrix (9 numbers: a b u c d v x y w, 16.16) comes nearest to; a matrix of zeros says nothing."""
    a, b, _, c, d = (float(value) / _UNIT for value in np.asarray(matrix).ravel()[:5])
    linear = np.array([[a, c], [b, d]])
    length = np.linalg.norm(linear)
    if not length:
        return UPRIGHT
    fits = {}
    for mirrored in (False, True):
        for turns in range(4):
            candidate = np.linalg.matrix_power(_TURN, turns) @ (_FLIP if mirrored else np.eye(2))
            fits[turns, mirrored] = float((candidate * linear).sum() / (length * np.sqrt(2)))
    (turns, mirrored), fit = max(fits.items(), key=lambda item: item[1])
    return Orientation(90 * turns, mirrored, exact=fit > 0.999)


def square_pixel_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """The size of a coded frame with square pixels: its width follows the sample aspect ratio (width of a pixel over its height)."""
    if not aspect or not Fraction(1, WIDEST_PIXEL) <= aspect <= WIDEST_PIXEL:
        return width, height
    return max(1, round(width * aspect)), height


def fitted_size(size: tuple[int, int], into: tuple[int, int]) -> tuple[int, int]:
    """The (width, height) of an image scaled evenly, as large as it fits into another size: faces keep their shape."""
    scale = min(room / side for room, side in zip(into, size, strict=True))
    return tuple(min(room, max(1, round(side * scale))) for room, side in zip(into, size, strict=True))


def padded(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image in the middle of a black one of a size (width, height) that it fits into."""
    width, height = size[0] - image.shape[1], size[1] - image.shape[0]
    if not width and not height:
        return image
    return cv2.copyMakeBorder(image, height // 2, height - height // 2, width // 2, width - width // 2, cv2.BORDER_CONSTANT)
