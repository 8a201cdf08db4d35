"""The canvas a head is drawn on: an image in eye distances, with soft spots, filled outlines and blending."""

from dataclasses import dataclass

import cv2
import numpy as np

SHIFT = 4  # bits of sub-pixel precision in OpenCV's drawing


@dataclass(frozen=True)
class Canvas:
    """A canvas of `unit` pixels an eye distance that reaches from (left, top) to (right, bottom) eye distances."""

    unit: float
    left: float = -2.3
    top: float = -2.6
    right: float = 2.3
    bottom: float = 2.6

    @property
    def width(self) -> int:
        return int(np.ceil((self.right - self.left) * self.unit))

    @property
    def height(self) -> int:
        return int(np.ceil((self.bottom - self.top) * self.unit))

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """x and y of every pixel, (H,W) float32 each."""
        y, x = np.mgrid[: self.height, : self.width].astype(np.float32)
        return x / self.unit + self.left, y / self.unit + self.top

    def fixed(self, points: np.ndarray, corner: tuple[float, float] = (0, 0)) -> np.ndarray:
        """Points (...,2) in the fixed-point pixels of OpenCV's drawing, seen from `corner` (px)."""
        pixels = (np.asarray(points) - (self.left, self.top)) * self.unit - corner
        return np.ascontiguousarray(np.round(pixels * (1 << SHIFT)), np.int32)

    def to_unit(self) -> np.ndarray:
        """(3,3): pixels of the canvas to eye distances."""
        return np.array([[1 / self.unit, 0, self.left], [0, 1 / self.unit, self.top], [0, 0, 1]])

    def box(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        """Rows and columns of a rectangle in eye distances, within the canvas."""
        rows = np.clip(np.round((np.array((top, bottom)) - self.top) * self.unit), 0, self.height).astype(int)
        columns = np.clip(np.round((np.array((left, right)) - self.left) * self.unit), 0, self.width).astype(int)
        return slice(*rows), slice(*columns)

    def mask(self, points: np.ndarray, soft: float = 0.0) -> np.ndarray:
        """How much of each pixel an outline (n,2) occluders: (H,W) float32 in [0,1], its edge softened over `soft` eye distances."""
        alpha = np.zeros((self.height, self.width), np.uint8)
        cv2.fillPoly(alpha, [self.fixed(points)], 255, cv2.LINE_AA, SHIFT)
        if soft:
            alpha = cv2.GaussianBlur(alpha, (0, 0), max(soft * self.unit, 0.3))
        return alpha.astype(np.float32) / 255

    def strokes(self, lines: list[np.ndarray], width: float, soft: float = 0.0) -> np.ndarray:
        """Lines (n,2) of a width in eye distances: (H,W) float32 in [0,1]."""
        alpha = np.zeros((self.height, self.width), np.uint8)
        thickness = max(round(width * self.unit), 1)
        cv2.polylines(alpha, [self.fixed(line) for line in lines], False, 255, thickness, cv2.LINE_AA, SHIFT)
        if soft:
            alpha = cv2.GaussianBlur(alpha, (0, 0), max(soft * self.unit, 0.3))
        return alpha.astype(np.float32) / 255


def spot(x: np.ndarray, y: np.ndarray, centre: tuple[float, float], wide: float, high: float) -> np.ndarray:
    """A soft spot, 1 at its centre: (H,W)."""
    return np.exp(-(((x - centre[0]) / wide) ** 2) - ((y - centre[1]) / high) ** 2)


def paint_over(image: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Lay a colour (3,) or image (H,W,3) over `image` (H,W,3) float32 where `alpha` (H,W) in [0,1] says, in place."""
    image += (colour - image) * alpha[..., None]
