"""Changes of pixels that leave the expression as it is: light, colour, place, sharpness; one change for the whole clip."""

from dataclasses import dataclass, fields, replace

import cv2
import numpy as np

from stavis.printable import ShortRepr


@dataclass(frozen=True, repr=False)
class Jitter(ShortRepr):
    """How strongly the pixels of a clip are changed; each strength is the end of a range or a probability in [0,1].

    brightness is added (1 = from black to white); contrast, saturation and tint (a factor a colour) scale; gamma bends; shade is the
    largest standard deviation, in natural logarithms, of soft shadows and lights that lie still over the picture; shift is a part of
    the width, rotate is in degrees, scale a factor; grey, blur, jpeg and cutout are probabilities of being used on a clip; the
    rectangle of a cutout has sides of up to cutout_size of the crop's.
    """

    brightness: float = 0.15
    contrast: float = 0.25
    saturation: float = 0.4
    tint: float = 0.1
    gamma: float = 0.2
    shade: float = 0.0
    shift: float = 0.04
    rotate: float = 6.0
    scale: float = 0.08
    grey: float = 0.1
    blur: float = 0.15
    jpeg: float = 0.15
    cutout: float = 0.2
    cutout_size: float = 0.3


TRACKER_ERRORS = {"shift": 4 / 112, "rotate": 3.0, "scale": 0.08}
"""How wrong the tracked face aligns a crop, measured on synthetic faces against their truth: up to 4 of 112 px, 3 degrees, 8 % of the zoom.
The shipped network's CCC falls by .03 at 2 px sideways, by .27 at 4 px down and by .07 at 10 % zoom."""


def scaled(jitter: Jitter, part: float) -> Jitter:
    """A jitter whose strengths and probabilities are a part (in [0,1]) of the given one's; the size of a cutout stays."""
    weaker = {field.name: getattr(jitter, field.name) * part for field in fields(jitter) if field.name != "cutout_size"}
    return replace(jitter, **weaker)


def jittered(frames: np.ndarray, jitter: Jitter, rng: np.random.Generator) -> np.ndarray:
    """The clip (T,H,W,3) uint8 RGB after one random change, the same in each frame; a new array, the input is left as it is."""
    frames = _recoloured(frames, jitter, rng)
    frames = _shaded(frames, jitter, rng)
    frames = _moved(frames, jitter, rng)
    if rng.random() < jitter.blur:
        sigma = rng.uniform(0.4, 1.2) * frames.shape[2] / 64
        frames = np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])
    if rng.random() < jitter.cutout:
        frames = _covered(frames, jitter, rng)
    if rng.random() < jitter.jpeg:
        # One tall picture: one call instead of T.
        quality = int(rng.integers(25, 80))
        packed = cv2.imencode(".jpg", frames.reshape(-1, *frames.shape[2:]), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        frames = cv2.imdecode(packed, cv2.IMREAD_COLOR).reshape(frames.shape)
    return frames


def _recoloured(frames: np.ndarray, jitter: Jitter, rng: np.random.Generator) -> np.ndarray:
    contrast = 1 + rng.uniform(-1, 1) * jitter.contrast
    saturation = 0.0 if rng.random() < jitter.grey else 1 + rng.uniform(-1, 1) * jitter.saturation
    tint = 1 + rng.uniform(-1, 1, 3) * jitter.tint * (saturation > 0)
    brightness = rng.uniform(-1, 1) * jitter.brightness * 255
    exponent = np.exp(rng.uniform(-1, 1) * jitter.gamma)
    luma = np.array([0.299, 0.587, 0.114])
    colour = saturation * np.eye(3) + (1 - saturation) * luma
    matrix = np.column_stack([contrast * tint[:, None] * colour, np.full(3, 127.5 * (1 - contrast) + brightness)])
    tall = cv2.transform(frames.reshape(-1, *frames.shape[2:]), matrix)
    curve = np.rint(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
    return cv2.LUT(tall, curve).reshape(frames.shape)


def _shaded(frames: np.ndarray, jitter: Jitter, rng: np.random.Generator) -> np.ndarray:
    """Soft shadows and lights, as large as a brow to a cheek, that lie still: faces differ by them at rest."""
    if not jitter.shade:
        return frames
    height, width = frames.shape[1:3]
    reach = rng.uniform(0.03, 0.1) * width
    field = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), reach * rng.uniform(1, 2.5), sigmaY=reach)
    if rng.random() < 0.5:  # light from above falls on both sides of a face alike
        field = field + field[:, ::-1]
    factor = np.exp(field * (rng.random() * jitter.shade / max(field.std(), 1e-6)))
    factor = cv2.merge([np.clip(factor * 128, 0, 255).astype(np.uint8)] * 3)
    return np.stack([cv2.multiply(frame, factor, scale=1 / 128) for frame in frames])


def _moved(frames: np.ndarray, jitter: Jitter, rng: np.random.Generator) -> np.ndarray:
    if not (jitter.shift or jitter.rotate or jitter.scale):
        return frames
    height, width = frames.shape[1:3]
    centre = ((width - 1) / 2, (height - 1) / 2)
    turn = cv2.getRotationMatrix2D(centre, rng.uniform(-1, 1) * jitter.rotate, 1 + rng.uniform(-1, 1) * jitter.scale)
    turn[:, 2] += rng.uniform(-1, 1, 2) * jitter.shift * width
    out = np.empty_like(frames)
    for frame, moved in zip(frames, out, strict=True):
        cv2.warpAffine(frame, turn, (width, height), dst=moved, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out


def _covered(frames: np.ndarray, jitter: Jitter, rng: np.random.Generator) -> np.ndarray:
    height, width = frames.shape[1:3]
    h, w = (max(1, int(side * rng.uniform(0.1, 1) * jitter.cutout_size)) for side in (height, width))
    y, x = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
    frames = frames.copy()
    frames[:, y : y + h, x : x + w] = rng.integers(0, 256, 3, np.uint8)
    return frames
