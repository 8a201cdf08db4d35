"""Predicted valence beside another measure of the same face, without any label: correlation, level, slope and lag."""

import numpy as np
import pandas as pd

from stavis.metrics import cc
from stavis.timeline import resample

VARIES = 0.08
"""A measure varies where its standard deviation over the clip is at least this: below, a correlation says nothing."""
NEUTRAL = {"smile": 0.12, "frown": 0.12, "mouth_open": 0.12, "brow_down": 0.12, "brow_up": 0.25, "blink": 0.5}
"""A frame is neutral where the tracker's signals are all below these, and no hand is reported to cover the mouth. The brows' rise has
a higher limit, because it is not 0 at rest."""
FEWEST = 10
"""Frames below which neither a correlation nor a mean is reported: one frame is no resting face."""
LAG_WITHIN = 2.0
"""How far (s) a lag is looked for, forwards and backwards."""


def smile_less_frown(signals: pd.DataFrame) -> np.ndarray:
    """The tracker's smile minus its frown: (T,) in [-1,1], NaN without a face."""
    return (signals.smile - signals.frown).to_numpy()


def correlation(valence: np.ndarray, reference: np.ndarray) -> float:
    """Pearson's correlation over the frames (T,) in which both are known; NaN where they are fewer than 10 or the reference hardly
    varies."""
    known = np.isfinite(valence) & np.isfinite(reference)
    if known.sum() < FEWEST or reference[known].std() < VARIES:
        return float("nan")
    return cc(valence[known], reference[known])


def agreement(times: np.ndarray, valence: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """How valence (T,) follows a reference (T,) at times (T,) s: r; level, the mean of valence minus reference; slope, of the least
    squares line of valence over reference; lag (s), by which valence comes later. NaN as in `correlation`, level where fewer than 10
    frames have both."""
    known = np.isfinite(valence) & np.isfinite(reference)
    found = dict.fromkeys(("r", "level", "slope", "lag"), float("nan"))
    if known.sum() < FEWEST:
        return found
    ours, theirs = valence[known], reference[known]
    found["level"] = float((ours - theirs).mean())
    if theirs.std() >= VARIES:
        about = theirs - theirs.mean()
        found |= {"r": cc(ours, theirs), "slope": float(about @ ours / (about @ about)), "lag": lag_of(times, valence, reference)}
    return found


def lag_of(times: np.ndarray, valence: np.ndarray, reference: np.ndarray, within: float = LAG_WITHIN) -> float:
    """By how many seconds valence (T,) comes later than the reference (T,), to a frame: where their cross-correlation is highest.

    Lags up to `within` seconds at which at least half of the frames still overlap are tried. NaN where the correlation is nowhere
    above 0, or highest at the last lag that could be tried: it may lie beyond.
    """
    needed = max(FEWEST, (np.isfinite(valence) & np.isfinite(reference)).sum() / 2)
    step = float(np.median(np.diff(times)))
    tried = {}
    for steps in sorted(range(-int(within / step), int(within / step) + 1), key=abs):
        later = resample(times, valence[:, None], times + steps * step)[:, 0]
        known = np.isfinite(later) & np.isfinite(reference)
        if known.sum() >= needed:
            tried[steps] = cc(later[known], reference[known])
    best = None
    for steps, r in tried.items():  # of equal ones the nearest to 0
        if r > 0 and (best is None or r > tried[best] + 1e-9):
            best = steps
    if best is None or (best and best in (min(tried), max(tried))):
        return float("nan")
    return best * step


def beside_signals(times: np.ndarray, valence: np.ndarray, signals: pd.DataFrame | None, bare: np.ndarray) -> dict[str, float]:
    """What predicted valence has to do with the tracker's smile minus frown (smile_r, smile_level, smile_slope, smile_lag s), and what it
    is where the face is neutral and `bare`, no hand on it (neutral). NaN where undefined."""
    found = dict.fromkeys(("smile_r", "neutral", "smile_level", "smile_slope", "smile_lag"), float("nan"))
    if signals is None:
        return found
    smile = smile_less_frown(signals)
    found |= {f"smile_{name}": value for name, value in agreement(times, valence, smile).items()}
    known = np.isfinite(smile) & np.isfinite(valence)
    still = (signals[list(NEUTRAL)] < pd.Series(NEUTRAL)).all(axis=1).to_numpy() & known & bare
    if still.sum() >= FEWEST:
        found["neutral"] = float(valence[still].mean())
    return found
