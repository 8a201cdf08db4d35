"""Made-up clips for the tests of stavis.show: a made-up face, maps that wander between mouth and eyes, frame numbers in the pixels."""

import cv2
import numpy as np

from stavis.regions import REGIONS
from stavis.types import AttentionMaps, Attribution, Clip, Prediction, Target

CODE_BITS = 12


def regions_of(count: int, size: int) -> np.ndarray:
    """A partition of the picture in the order of REGIONS, the same in each frame but for a small sway."""
    y, x = np.mgrid[0:size, 0:size] / size
    out = np.zeros((count, len(REGIONS), size, size), bool)
    for t in range(count):
        dx = 0.03 * np.sin(t / 9)
        oval = lambda cx, cy, rx, ry: ((x - cx - dx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1  # noqa: B023, E731
        face = oval(0.5, 0.52, 0.34, 0.44)
        parts = {
            "mouth": oval(0.5, 0.76, 0.16, 0.07),
            "left_eye": oval(0.36, 0.44, 0.08, 0.05),
            "right_eye": oval(0.64, 0.44, 0.08, 0.05),
            "brows": oval(0.36, 0.34, 0.1, 0.03) | oval(0.64, 0.34, 0.1, 0.03),
            "nose": oval(0.5, 0.57, 0.06, 0.1),
            "glabella": oval(0.5, 0.34, 0.03, 0.04),
            "cheeks": oval(0.3, 0.62, 0.07, 0.06) | oval(0.7, 0.62, 0.07, 0.06),
            "forehead": oval(0.5, 0.2, 0.18, 0.06),
            "chin": oval(0.5, 0.9, 0.08, 0.035),
        }
        for name, mask in parts.items():
            out[t, REGIONS.index(name)] = mask
        some = np.any(list(parts.values()), 0)
        out[t, REGIONS.index("rest")] = face & ~some
        out[t, REGIONS.index("outside")] = ~face & ~some
    return out


def draw(regions: np.ndarray, numbered: bool = False) -> np.ndarray:
    """The face of those regions as pictures; `numbered` writes the frame's number as black and white squares along the top."""
    skin = {"mouth": (176, 70, 74), "left_eye": (240, 240, 240), "right_eye": (240, 240, 240), "brows": (70, 48, 36)}
    skin |= {"nose": (206, 158, 130), "rest": (222, 178, 150), "outside": (96, 116, 128)}
    count, _, size, _ = regions.shape
    frames = np.zeros((count, size, size, 3), np.uint8)
    for r, name in enumerate(REGIONS):
        frames[regions[:, r]] = skin.get(name, skin["rest"])
    noise = np.random.default_rng(0).normal(0, 4, (size, size, 3))
    frames = np.stack([np.clip(cv2.GaussianBlur(f, (0, 0), size / 90) + noise, 0, 255).astype(np.uint8) for f in frames])
    if numbered:
        square = size // CODE_BITS
        for t in range(count):
            for bit in range(CODE_BITS):
                frames[t, :square, bit * square : (bit + 1) * square] = 255 * (t >> bit & 1)
    return frames


def wandering(count: int, grid: int) -> np.ndarray:
    """Attention (T,h,w) that goes from the mouth to the eyes and back; each frame sums to 1."""
    y, x = (np.mgrid[0:grid, 0:grid] + 0.5) / grid
    part = (0.5 + 0.5 * np.sin(np.arange(count) / 14))[:, None, None]
    spot = lambda cx, cy, s: np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * s * s))  # noqa: E731
    weights = part * spot(0.5, 0.76, 0.08) + (1 - part) * (spot(0.36, 0.44, 0.06) + spot(0.64, 0.44, 0.06)) / 1.6 + 0.01
    return (weights / weights.sum((1, 2), keepdims=True)).astype(np.float32)


def clip_of(
    count: int = 60, size: int = 96, *, numbered: bool = False, gap: slice | None = None, name: str = "anna_03", fps: float = 25.0
) -> Clip:
    regions = regions_of(count, size)
    times = np.arange(count) / fps
    valid = np.ones(count, bool)
    notes = [""] * count
    if gap is not None:
        valid[gap] = False
        notes = ["hand over the face" if not ok else "" for ok in valid]
    labels = np.stack([0.7 * np.sin(times), 0.4 * np.cos(times / 2)], 1)
    return Clip(draw(regions, numbered), times, labels, ("valence", "arousal"), regions, valid, tuple(notes), recording=name)


def maps_of(clip: Clip, grid: int = 28) -> dict[str, AttentionMaps | Attribution]:
    """Attention and two attributions, one of them signed and noisy as gradients are."""
    count, size = clip.frames.shape[:2]
    attention = wandering(count, grid)
    rng = np.random.default_rng(1)
    blobs = np.stack([cv2.resize(a, (size, size)) for a in attention]) / attention.max()
    noise = np.stack([cv2.GaussianBlur(rng.normal(size=(size, size)), (0, 0), 1.5) for _ in range(count)])
    signed = (1e-3 * blobs * (1 + 2 * noise)).astype(np.float32)
    target = Target("valence")
    return {
        "attention": AttentionMaps(attention, clip.times),
        "integrated gradients": Attribution("integrated_gradients", target, signed, clip.times, relative_delta=0.01),
        "saliency": Attribution("saliency", target, np.abs(1e-3 * blobs * noise).astype(np.float32), clip.times),
    }


def prediction_of(clip: Clip) -> Prediction:
    noise = np.random.default_rng(2).normal(0, 0.05, clip.labels.shape)
    return Prediction(clip.times, np.clip(0.8 * clip.labels + noise + 0.05, -1, 1), clip.dimensions)


def raters_of(clip: Clip) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {"valence": np.clip(clip.labels[:, :1] + rng.normal(0, 0.12, (1, 6)) + rng.normal(0, 0.03, (len(clip), 6)), -1, 1)}
