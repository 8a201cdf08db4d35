"""What the cache holds, as a table, and how to remove it."""

import shutil
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import pandas as pd

from stavis.errors import StavisError
from stavis.storage.eviction import KINDS, kind_folder, remove_entry, sweep
from stavis.storage.files import cache_folder
from stavis.storage.listing import CacheEntry, cache_entries

COLUMNS = tuple(one.name for one in fields(CacheEntry))

_LONGEST = 36500  # days


def cache_list(kind: str | None = None) -> pd.DataFrame:
    """What the cache holds, last used first.

    Parameters
    ----------
    kind : str, optional
        Only this kind: crops, tracks, previews, readings, attributions, synthetic, models or runs. All kinds by default.

    Returns
    -------
    pandas.DataFrame
        One row per entry: `kind`, `what` (what it was made from), `megabytes` (of 10^6 bytes), `last_used` (local time), `key` and
        `path` (a folder, or a file).

    Raises
    ------
    StavisError
        For a kind that there is not.

    Examples
    --------
    >>> import stavis
    >>> list(stavis.cache_list("crops").columns)
    ['kind', 'what', 'megabytes', 'last_used', 'key', 'path']
    """
    return pd.DataFrame([vars(one) for one in cache_entries(kind)], columns=list(COLUMNS))


def cache_clear(kind: str | None = None, *, keys: Sequence[str] | None = None, unused_for_days: float = 0) -> pd.DataFrame:
    """Remove what the cache holds; all of it can be made or fetched again.

    A synthetic data set or a model that a running process uses stays, this process included. Crops that are open stay readable.

    Parameters
    ----------
    kind : str, optional
        Only this kind (see `cache_list`). All kinds by default.
    keys : sequence of str, optional
        Only entries whose keys begin with one of these.
    unused_for_days : float, default 0
        Only entries that were not used for so many days.

    Returns
    -------
    pandas.DataFrame
        The rows of `cache_list` that were removed.

    Raises
    ------
    StavisError
        For a kind that there is not, days out of range, or keys that are no list.

    Examples
    --------
    >>> import stavis
    >>> len(stavis.cache_clear("previews", unused_for_days=30))
    0
    """
    if not 0 <= unused_for_days <= _LONGEST:
        raise StavisError(f"unused_for_days is {unused_for_days}: give a number of days from 0 to {_LONGEST:,}.")
    if isinstance(keys, str):
        raise StavisError(f"keys is {keys!r}, expected a list of texts: give keys=[{keys!r}].")
    listed = cache_list(kind)
    chosen = listed.last_used <= pd.Timestamp.now() - pd.Timedelta(days=unused_for_days)
    if keys is not None:
        chosen &= listed.key.str.startswith(tuple(keys))
    removed = [path for path in listed.path[chosen] if remove_entry(Path(path))]
    if keys is None and not unused_for_days:
        for one in [kind] if kind else KINDS:
            sweep(kind_folder(one), locks=True)
        if kind is None:
            shutil.rmtree(cache_folder() / "hashes", ignore_errors=True)
    return listed[listed.path.isin(removed)].reset_index(drop=True)
