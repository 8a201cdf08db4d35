"""What the cache holds, as a table, and how to remove it."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd

from stavis.errors import StavisError
from stavis.storage.eviction import INDEX, KINDS, entries, entry_bytes, kind_folder, last_used, remove_entry, sweep
from stavis.storage.files import cache_folder, read_json

COLUMNS = ("kind", "what", "megabytes", "last_used", "key", "path")


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
    rows = [_row(entry) for entry in entries(kind)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("last_used", ascending=False, ignore_index=True)


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
        For a kind that there is not.

    Examples
    --------
    >>> import stavis
    >>> len(stavis.cache_clear("previews", unused_for_days=30))
    0
    """
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


def _row(entry: Path) -> dict:
    index = {}
    with suppress(StavisError):
        index = read_json(entry / INDEX) if entry.is_dir() else {}
    index = index if isinstance(index, dict) else {}
    what = index.get("what")
    if what is None:  # written by an earlier version, or a file that has no index
        known = [Path(str(index["video"])).name] if "video" in index else []
        known += [str(index["source"])] if "source" in index else []
        what = ", ".join(known) or (entry.name if entry.parent.name == "models" else "kept by an earlier version")
    when = pd.Timestamp.fromtimestamp(last_used(entry))
    row = {"kind": entry.parent.name, "what": str(what), "megabytes": entry_bytes(entry) / 1e6, "last_used": when}
    return {**row, "key": entry.name, "path": str(entry)}
