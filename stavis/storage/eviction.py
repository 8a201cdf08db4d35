"""What lies in the cache, and how it is kept within its limit: the least recently used entries of all kinds go first."""

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from stavis.errors import StavisError, offer
from stavis.storage.files import cache_folder
from stavis.storage.locks import locked, take_lock

KINDS = ("crops", "tracks", "previews", "readings", "attributions", "synthetic", "models", "runs")
"""The kinds of entries, each a folder of the cache: previews are videos with a track or a map painted on them, synthetic are data sets,
runs the stages of a `pretrain` that is not finished."""

INDEX = "index.json"
LEASE = ".lease"
_DAY = 86400.0
_PAUSE = 20  # times what the last look at all entries took
_shrinking = {"again": 0.0}


def kind_folder(kind: str) -> Path:
    """Where the entries of a kind are.

    Raises StavisError for a kind that there is not.
    """
    if kind not in KINDS:
        raise StavisError(f"the cache holds no {kind!r}: {offer(kind, KINDS)}")
    return cache_folder() / kind


def entries(kind: str | None = None) -> list[Path]:
    """The entries of a kind, or of all: folders, and the files of models and of versions before the kinds had one layout."""
    homes = [kind_folder(one) for one in ([kind] if kind else KINDS)]
    return [path for home in homes if home.is_dir() for path in sorted(home.iterdir()) if not path.name.startswith(".")]


def cache_limit() -> float:
    """How many bytes the entries of all kinds may have together: STAVIS_CACHE_LIMIT (GB), else 20 GB."""
    text = os.environ.get("STAVIS_CACHE_LIMIT", "").strip() or "20"
    try:
        limit = float(text)
    except ValueError:
        limit = -1.0
    if not limit >= 0:
        raise StavisError(f"the environment's STAVIS_CACHE_LIMIT is {text!r}: give a number of gigabytes, or take it away.")
    return limit * 1e9


def entry_bytes(entry: Path) -> int:
    """The size of an entry with all its files."""
    with suppress(OSError):
        return sum(path.stat().st_size for path in (entry.rglob("*") if entry.is_dir() else (entry,)) if path.is_file())
    return 0


def last_used(entry: Path) -> float:
    """When an entry was used, in seconds of the system's clock: as noted on its index, else on itself."""
    for path in (entry / INDEX, entry):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0


def remove_entry(entry: Path) -> bool:
    """Removes an entry, out of sight in one rename, so that nobody finds a part of it; not where it is being made or a process holds it."""
    with locked(lock := _lock_of(entry), wait=False) as mine:
        if not mine or _leased(entry):
            return False
        with suppress(OSError):
            if entry.is_dir():
                aside = Path(tempfile.mkdtemp(prefix=f".{entry.name}.", suffix=".old", dir=entry.parent))
                with suppress(OSError):
                    os.replace(entry, aside / "folder")
                shutil.rmtree(aside, ignore_errors=True)
            else:
                entry.unlink()
        with suppress(OSError):
            lock.unlink()
    return not entry.exists()


def remove_partial(home: Path, key: str) -> None:
    """Removes what killed processes left of an entry; to be called by the one who holds its lock."""
    for path in _hidden(home, key):
        if ".part" in path.suffixes or path.suffix == ".old":
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def sweep(home: Path, *, locks: bool = False) -> None:
    """Removes partial entries and leases of processes that died, and (with locks=True) lock files that nobody holds."""
    hidden = _hidden(home)
    for path in hidden:
        if path.suffix == LEASE and (lock := take_lock(path)):
            lock.release()
            path.unlink(missing_ok=True)
    left = {_key_of(path) for path in hidden if ".part" in path.suffixes or path.suffix == ".old" or (locks and path.suffix == ".lock")}
    for key in left:
        with locked(lock := home / f".{key}.lock", wait=False) as mine:
            if mine:
                remove_partial(home, key)
                if locks:
                    with suppress(OSError):
                        lock.unlink()


def shrink_seldom(keep: Path) -> None:
    """Brings the cache within its limit, but spends at most a twentieth of the time on it: looking at thousands of entries is slow."""
    if time.monotonic() < _shrinking["again"]:
        return
    began = time.monotonic()
    ample = _shrink(keep)
    spent = time.monotonic() - began
    _shrinking["again"] = time.monotonic() + (_PAUSE * spent if ample or spent > 0.05 else 0)


def _shrink(keep: Path) -> bool:
    """Removes what is beyond the limit, the oldest first; whether less than half of it was taken, so that a while may pass."""
    limit = cache_limit()
    for kind in KINDS:
        sweep(kind_folder(kind))
    sizes = {entry: entry_bytes(entry) for entry in entries()}
    total = sum(sizes.values())
    ample = total <= limit / 2
    for entry in sorted(sizes, key=last_used):
        if total <= limit:
            break
        if entry != keep and remove_entry(entry):
            total -= sizes[entry]
    return ample


def _leased(entry: Path) -> bool:
    """Whether a process that lives holds the entry; where the file system has no locks, whether one took a lease within a day."""
    for path in _hidden(entry.parent, entry.name):
        if path.suffix == LEASE:
            lock = take_lock(path)
            if lock is None:
                return time.time() - last_used(path) < _DAY
            if lock is False:
                return True
            lock.release()
    return False


def _lock_of(entry: Path) -> Path:
    return entry.parent / f".{entry.name}.lock"


def _key_of(path: Path) -> str:
    return path.name.lstrip(".").split(".")[0]


def _hidden(home: Path, name: str = "") -> list[Path]:
    """The locks, leases and halves in a folder, or those of one of its entries."""
    start = f".{name}." if name else "."
    with suppress(OSError):
        # Paths of what is wanted alone: of all names of a cache of thousands they took seconds for each entry that is removed.
        return [home / one for one in os.listdir(home) if one.startswith(start)]
    return []
