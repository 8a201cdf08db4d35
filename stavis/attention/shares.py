"""How a map divides over the regions of a clip, as tables with one row per frame; for attention and for attributions."""

import numpy as np
import pandas as pd

from stavis.errors import StavisError
from stavis.types import AttentionMaps, Attribution, Clip


def share_table(maps: AttentionMaps | None, clip: Clip, *, first: int = 0) -> pd.DataFrame:
    """One row per frame: frame (counted from `first`), time (s), valid, the share of each region (their sum is 1), entropy in [0,1], note.

    Shares are empty in frames that are not valid or where no regions are known, and all of them where there is no attention.
    """
    table = pd.DataFrame({"frame": first + np.arange(len(clip)), "time": clip.times, "valid": clip.valid})
    known = maps is not None and clip.regions is not None
    table = table.assign(**(_columns(maps, clip) if known else dict.fromkeys(clip.region_set.names, np.nan)))
    table["entropy"] = np.where(clip.valid, maps.entropy(), np.nan) if maps is not None else np.nan
    table["note"] = clip.notes
    return table


def shares_over_time(clip: Clip, maps: AttentionMaps | Attribution) -> pd.DataFrame:
    """One row per frame: time (s), face (of whole frames valid; bool), and the share of each region in [0,1], NaN where that is False.

    Raises StavisError where the clip has no regions.
    """
    if clip.regions is None:
        remedy = "track the face first" if clip.subject == "face" else "give regions="
        raise StavisError(f"{clip.recording or 'the clip'} has no regions, so no shares: {remedy}.")
    return pd.DataFrame({"time": clip.times, "face" if clip.subject == "face" else "valid": clip.valid, **_columns(maps, clip)})


def _columns(maps: AttentionMaps | Attribution, clip: Clip) -> dict[str, np.ndarray]:
    shares = np.where(clip.valid[:, None], clip.share(maps), np.nan)
    return {name: shares[:, column] for column, name in enumerate(clip.region_set.names)}
