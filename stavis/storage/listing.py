"""What the cache holds, entry by entry; quick to load: no pandas."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stavis.errors import StavisError
from stavis.storage.eviction import INDEX, entries, entry_bytes, last_used
from stavis.storage.files import read_json


@dataclass(frozen=True)
class CacheEntry:
    """An entry of the cache: what it was made from, megabytes (of 10^6 bytes), last used (local time), its key and its path."""

    kind: str
    what: str
    megabytes: float
    last_used: datetime
    key: str
    path: str


def cache_entries(kind: str | None = None) -> list[CacheEntry]:
    """The entries of a kind, or of all kinds, last used first. Raises StavisError for a kind that there is not."""
    return sorted(map(_entry, entries(kind)), key=lambda one: one.last_used, reverse=True)


def _entry(path: Path) -> CacheEntry:
    index = {}
    with suppress(StavisError):
        index = read_json(path / INDEX) if path.is_dir() else {}
    index = index if isinstance(index, dict) else {}
    what = index.get("what")
    if what is None:  # written by an earlier version, or a file that has no index
        known = [Path(str(index["video"])).name] if "video" in index else []
        known += [str(index["source"])] if "source" in index else []
        what = ", ".join(known) or (path.name if path.parent.name == "models" else "kept by an earlier version")
    used = datetime.fromtimestamp(last_used(path))
    return CacheEntry(path.parent.name, str(what), entry_bytes(path) / 1e6, used, path.name, str(path))
