"""How far a crop lies off where the truth would put it, as a tracker's does."""

import numpy as np

from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.noise import smooth_course

LARGEST = (4 / 112, 4 / 112, 0.08, np.deg2rad(3.0))
"""Across and down as parts of the crop's width, zoom, turn in radians: what was measured of the tracker on synthetic faces."""
_REACH = 0.6  # s after which an error has forgotten itself
_LASTING, _PASSING = 0.7, 0.5  # standard deviations of what lies off throughout and of what comes and goes, before they are bounded


def sample_misalignment(spec: SyntheticConfig, index: int) -> np.ndarray | None:
    """Across, down, zoom and turn by which each frame of recording `index` lies off: (T,4) float32; None where the spec wants none."""
    if not spec.misalignment:
        return None
    rng = spec.generator("alignment", index)
    courses = [_PASSING * smooth_course(rng, spec.frames, _REACH * spec.fps) + _LASTING * rng.standard_normal() for _ in LARGEST]
    return (np.tanh(np.stack(courses, 1)) * spec.misalignment * np.array(LARGEST)).astype(np.float32)
