"""How the attention divides over the regions of the face, as a table with one row a frame."""

import numpy as np
import pandas as pd

from stavis.regions import REGIONS
from stavis.types import AttentionMaps, Clip


def share_table(maps: AttentionMaps | None, clip: Clip, *, first: int = 0) -> pd.DataFrame:
    """One row a frame: frame (counted from `first`), time (s), valid, the share of each region (their sum is 1), entropy in [0,1], note.

    Shares are empty where no face was there or no regions are known, and all of them where there is no attention.
    """
    table = pd.DataFrame({"frame": first + np.arange(len(clip)), "time": clip.times, "valid": clip.valid})
    known = maps is not None and clip.regions is not None
    shares = maps.share(clip.regions) if known else np.full((len(clip), len(REGIONS)), np.nan)
    shares = np.where(clip.valid[:, None], shares, np.nan)
    for column, name in enumerate(REGIONS):
        table[name] = shares[:, column]
    table["entropy"] = np.where(clip.valid, maps.entropy(), np.nan) if maps is not None else np.nan
    table["note"] = clip.notes
    return table
