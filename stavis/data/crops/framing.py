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
"""The sources of crops that show all of a frame."""


def source_of_framing(framing: str) -> str:
    """The source of crops that a framing means: "center_crop" (with a fraction of the square's side as in "center_crop:0.875"), "resize"
    or "letterbox".

    Raises StavisError for anything else.
    """
    name, colon, _ = str(framing).partition(":")
    if name not in FRAMINGS or (colon and name != "center_crop"):
        raise StavisError(f"framing is {framing!r}: choose resize, letterbox, center_crop, or center_crop:0.875 for a part of it.")
    source = FRAMINGS[name] + str(framing)[len(name) :]
    fraction_of(source)
    return source


def is_centred(source: str) -> bool:
    """Whether crops of this source are the centred square, or a part of it."""
    return source.partition(":")[0] == "centre"


def fraction_of(source: str) -> float:
    """What part of the centred square's side "centre:0.875" keeps; 1 without a number.

    Raises StavisError where that is no number in (0,1].
    """
    text = source.partition(":")[2] or "1"
    try:
        fraction = float(text)
    except ValueError:
        fraction = 0.0
    if not 0 < fraction <= 1:
        raise StavisError(f"a centre crop keeps {text!r} of the square's side: give a number above 0 and at most 1.")
    return fraction


def framing_affine(source: str, width: int, height: int, size: int) -> np.ndarray:
    """Source pixels to crop pixels: (2,3) float64."""
    if is_centred(source):
        affine = centre_affine(width, height, size)
        zoom, middle = 1 / fraction_of(source), (size - 1) / 2
        return affine if zoom == 1 else np.concatenate([zoom * affine[:, :2], zoom * affine[:, 2:] + (1 - zoom) * middle], 1)
    x, y, w, h = _inner(source, width, height, size)
    return np.array([[w / width, 0, x + (w / width - 1) / 2], [0, h / height, y + (h / height - 1) / 2]])


def framed(image: np.ndarray, source: str, affine: np.ndarray, size: int) -> np.ndarray:
    """One frame (H,W,3) uint8 as the network is shown it: (size,size,3); the bars of a letterbox are black."""
    if source not in WHOLE:
        return cut(image, affine, size)
    height, width = image.shape[:2]
    x, y, w, h = _inner(source, width, height, size)
    smaller = w < width or h < height
    inner = cv2.resize(np.ascontiguousarray(image), (w, h), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    if (w, h) == (size, size):
        return inner
    out = np.zeros((size, size, 3), np.uint8)
    out[y : y + h, x : x + w] = inner
    return out


def content_box(source: str, picture: tuple[int, int], size: int) -> tuple[int, int, int, int]:
    """Where a crop shows the video: x0, y0, x1, y1 in its pixels; all of it but for the bars of a letterbox. picture: width, height."""
    x, y, w, h = _inner(source, *picture, size)
    return x, y, x + w, y + h


def _inner(source: str, width: int, height: int, size: int) -> tuple[int, int, int, int]:
    """Left, top, width and height of the frame inside the crop, in whole pixels."""
    if source != "letterbox":
        return 0, 0, size, size
    scale = size / max(width, height)
    w, h = (max(1, min(size, round(side * scale))) for side in (width, height))
    return (size - w) // 2, (size - h) // 2, w, h
