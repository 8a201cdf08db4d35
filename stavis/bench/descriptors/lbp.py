"""Local binary patterns: which of the eight neighbours on a circle around a pixel are as bright as it.

References
----------
Ojala, Pietikäinen, Mäenpää: Multiresolution gray-scale and rotation invariant texture classification. PAMI 2002.
"""

import numpy as np
import torch

from stavis.errors import StavisError

BINS = 59
"""Codes of LBP(8,1): 58 patterns with at most two changes round the circle, and one for all others."""

_ROUND = 0.70711  # the diagonal neighbours' distance along an axis; to five places, as in scikit-image
_CIRCLE = ((0.0, 1.0), (-_ROUND, _ROUND), (-1.0, 0.0), (-_ROUND, -_ROUND), (0.0, -1.0), (_ROUND, -_ROUND), (1.0, 0.0), (_ROUND, _ROUND))


def lbp_codes(pictures: np.ndarray | torch.Tensor) -> torch.Tensor:
    """The uniform pattern at each pixel of pictures (...,H,W): uint8 codes in [0,58], the numbers that scikit-image's
    `local_binary_pattern(P=8, R=1, method="nri_uniform")` gives; beyond the edge everything is 0.

    Raises StavisError where there are fewer than two axes.
    """
    pictures = torch.as_tensor(pictures)
    if pictures.ndim < 2:
        raise StavisError(f"patterns are of pictures (...,H,W), not {tuple(pictures.shape)}.")
    if not pictures.is_floating_point():
        pictures = pictures.double()
    padded = torch.nn.functional.pad(pictures, (1, 1, 1, 1))
    pattern = torch.zeros(pictures.shape, dtype=torch.uint8)
    for bit, (down, right) in enumerate(_CIRCLE):
        neighbour = _at(padded, down, right)
        pattern |= (neighbour >= pictures).to(torch.uint8) << bit
    return _CODES[pattern.int()]


def _at(padded: torch.Tensor, down: float, right: float) -> torch.Tensor:
    """The pictures moved by a part of a pixel, bilinear; `padded` has one pixel more on each side."""
    height, width = (side - 2 for side in padded.shape[-2:])
    top, left = int(np.floor(down)), int(np.floor(right))
    # the parts as scikit-image computes them, row by row: rounding decides where neighbour and pixel are equal
    below = torch.from_numpy((np.arange(height) + down) - (np.arange(height) + top)).to(padded.dtype)[:, None]
    beside = torch.from_numpy((np.arange(width) + right) - (np.arange(width) + left)).to(padded.dtype)

    def corner(y: int, x: int) -> torch.Tensor:
        return padded[..., 1 + top + y : 1 + top + y + height, 1 + left + x : 1 + left + x + width]

    if top == down and left == right:
        return corner(0, 0)
    upper = (1 - beside) * corner(0, 0) + beside * corner(0, 1)
    lower = (1 - beside) * corner(1, 0) + beside * corner(1, 1)
    return (1 - below) * upper + below * lower


def _uniform_codes() -> torch.Tensor:
    """The code of each of the 256 patterns, bit k being neighbour k counted from the right against the clock."""
    codes = np.full(256, BINS - 1, np.uint8)
    for pattern in range(256):
        bits = [(pattern >> k) & 1 for k in range(8)]
        if sum(bits[k] != bits[k - 1] for k in range(8)) > 2:
            continue
        ones = sum(bits)
        if ones in (0, 8):
            codes[pattern] = 0 if ones == 0 else BINS - 2
            continue
        start = next(k for k in range(8) if bits[k] and not bits[k - 1])  # where the run of ones begins
        codes[pattern] = 1 + (ones - 1) * 8 + (8 - start) % 8
    return torch.from_numpy(codes)


_CODES = _uniform_codes()
