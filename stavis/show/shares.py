"""How a map divides itself over the regions of a face, for attention and for attributions alike."""

import numpy as np
import pandas as pd

from stavis.errors import StavisError
from stavis.regions import REGIONS
from stavis.types import AttentionMaps, Attribution, Clip


def region_shares(maps: AttentionMaps | Attribution, regions: np.ndarray) -> np.ndarray:
    """The part of a map's mass on each region: (T,R) in [0,1], NaN in frames where the map is zero or not a number.

    Attention is pooled over its own cells; of an attribution the absolute values count. regions (T,R,H,W) bool.

    Raises StavisError where the two have different numbers of frames.
    """
    values = maps.weights if isinstance(maps, AttentionMaps) else maps.values
    if len(values) != len(regions):
        raise StavisError(f"a map of {len(values)} frames cannot be shared among regions of {len(regions)} frames: cut both alike.")
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        if isinstance(maps, AttentionMaps):
            shares = _grid_shares(values, regions)
        elif values.shape[1:] == regions.shape[2:]:
            shares = np.stack([regions[t].reshape(len(REGIONS), -1) @ np.abs(values[t]).ravel() for t in range(len(values))])
        else:
            shares = _grid_shares(np.abs(values), regions)
        total = shares.sum(1, keepdims=True)
        shares = np.where(total > 0, shares / total, np.nan)
    shares[~np.isfinite(values.reshape(len(values), -1)).all(1)] = np.nan
    return shares


def _grid_shares(mass: np.ndarray, regions: np.ndarray, chunk: int = 128) -> np.ndarray:
    """Shares by pooling the regions to the map's cells, a stretch at a time so that long clips need little memory."""
    parts = []
    for start in range(0, len(mass), chunk):
        cut = slice(start, start + chunk)
        parts.append(AttentionMaps(mass[cut], np.arange(len(mass[cut]))).share(regions[cut]))
    return np.concatenate(parts)


def shares_over_time(clip: Clip, maps: AttentionMaps | Attribution) -> pd.DataFrame:
    """One row a frame: time (s), face (bool), and the share of each region in [0,1], NaN where no face was.

    Raises StavisError where the clip has no regions.
    """
    if clip.regions is None:
        raise StavisError(f"{clip.recording or 'the clip'} has no regions, so no shares: track the face first.")
    shares = region_shares(maps, clip.regions)
    shares[~clip.valid] = np.nan
    return pd.DataFrame({"time": clip.times, "face": clip.valid, **{name: shares[:, r] for r, name in enumerate(REGIONS)}})
