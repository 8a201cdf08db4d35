"""The white of the eyes and their tears."""

import numpy as np

RED_RATE = 0.15
"""The fraction of people with red eyes: tired, in smoke or wind, with contact lenses."""
WET_RATE = 0.12
"""The fraction of people whose tears stand along the lower lid."""
_PALE = 0.28  # how much less green and blue the white has far from the iris, of all others


def sample_wet_eyes(rng: np.random.Generator, white: np.ndarray) -> tuple[np.ndarray, float, float]:
    """The white of a person's eyes (3,) linear, its redness towards the corners and how wet the lower lid's rim is, both in [0,1]."""
    redness, tears = _PALE, float(rng.uniform(0.1, 0.45))
    bloodshot, wet = rng.random() < RED_RATE, rng.random() < WET_RATE
    deep, pink = rng.uniform(0.45, 0.75), rng.uniform(0.04, 0.18)
    if bloodshot:
        redness, white = float(deep), white * (1, 1 - pink, 1 - pink)
    if wet:
        tears = float(rng.uniform(0.7, 1.0))
    return white, redness, tears
