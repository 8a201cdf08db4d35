"""Whole frames as a network expects them: resized, the centre cut out, or fitted in between bars.

Integer coordinates are the middles of pixels, as everywhere.
"""

import cv2
import numpy as np

from stavis.data.faces.alignment import centre_affine, cut
from stavis.errors import StavisError

FRAMINGS = {"center_crop": "centre", "resize": "resize", "letterbox": "letterbox"}
"""How whole frames become square images, and the crops' source that does it."""
WHOLE = ("resize", "letterbox")
"""The sources of crops that show all of a frame, where no part of it is chosen."""


def source_of_framing(framing: str) -> str:
    """The source of crops that a framing means: "center_crop", "resize" or "letterbox"; of the first two a part of the image in its middle,
    as in "center_crop:0.875", "resize:0.875" or "resize:0.655x0.875" (of its width and of its height).

    Raises StavisError for anything else.
    """
    name, colon, _ = str(framing).partition(":")
    if name not in FRAMINGS or (colon and name == "letterbox"):
        raise StavisError(f"framing is {framing!r}: choose resize, letterbox, center_crop, or center_crop:0.875 for a part of it.")
    source = FRAMINGS[name] + str(framing)[len(name) :]
    parts_of(source)
    return source


def is_framing(source: str) -> bool:
    """Whether crops of this source are made of the whole frame or of its middle, whatever it shows."""
    return source.partition(":")[0] in FRAMINGS.values()


def parts_of(source: str) -> tuple[float, float]:
    """What part of the image is kept, of its width and of its height: "centre:0.875" of the centred square, "resize:0.655x0.875" of the
    whole frame; 1 without a number.

    Raises StavisError where one is no number in (0,1], or the source takes no such numbers.
    """
    name, _, text = source.partition(":")
    try:
        parts = [float(one) for one in (text or "1").split("x")]
    except ValueError:
        parts = []
    most = {"centre": 1, "resize": 2}.get(name, 0)
    if (text and len(parts) > most) or not parts or not all(0 < one <= 1 for one in parts):
        sides = "square's side" if name == "centre" else "frame's sides"
        raise StavisError(f"a {name} crop keeps {text!r} of the {sides}: give a number above 0 and at most 1.")
    return parts[0], parts[-1]


def framing_affine(source: str, width: int, height: int, size: int) -> np.ndarray:
    """Source pixels to crop pixels: (2,3) float64."""
    if source.partition(":")[0] == "centre":
        affine = centre_affine(width, height, size)
        zoom, middle = 1 / parts_of(source)[0], (size - 1) / 2
        return affine if zoom == 1 else np.concatenate([zoom * affine[:, :2], zoom * affine[:, 2:] + (1 - zoom) * middle], 1)
    x, y, w, h = _inner(source, width, height, size)
    return np.array([[w / width, 0, x + (w / width - 1) / 2], [0, h / height, y + (h / height - 1) / 2]])


def framed(image: np.ndarray, source: str, affine: np.ndarray, size: int) -> np.ndarray:
    """One frame (H,W,3) uint8 as the network is shown it: (size,size,3); the bars of a letterbox are black."""
    if source.partition(":")[0] not in WHOLE:
        return cut(image, affine, size)
    height, width = image.shape[:2]
    x, y, w, h = _inner(source, width, height, size)
    smaller = w < width or h < height
    inner = cv2.resize(np.ascontiguousarray(image), (w, h), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    inner = inner[max(0, -y) : max(0, -y) + size, max(0, -x) : max(0, -x) + size]
    if inner.shape[:2] == (size, size):
        return np.ascontiguousarray(inner)
    out = np.zeros((size, size, 3), np.uint8)
    out[y : y + h, x : x + w] = inner
    return out


def content_box(source: str, picture: tuple[int, int], size: int) -> tuple[int, int, int, int]:
    """Where a crop shows the video: x0, y0, x1, y1 in its pixels; all of it but for the bars of a letterbox. picture: width, height."""
    x, y, w, h = _inner(source, *picture, size)
    return max(0, x), max(0, y), min(size, x + w), min(size, y + h)


def _inner(source: str, width: int, height: int, size: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of the frame in the crop, in whole pixels; it may reach beyond the crop."""
    if source != "letterbox":
        across, down = parts_of(source) if source.startswith("resize:") else (1, 1)
        w, h = round(size / across), round(size / down)
        return (size - w) // 2, (size - h) // 2, w, h
    scale = size / max(width, height)
    w, h = (max(1, min(size, round(side * scale))) for side in (width, height))
    return (size - w) // 2, (size - h) // 2, w, h
