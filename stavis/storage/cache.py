"""What was made once from a video (crops, tracks, previews, overlays) and is kept: folders in `cache_folder()/crops/`, named by what
they were made from.

An entry appears in one rename, so that it is whole or not there. While one process makes an entry it holds a lock file (fcntl, on
Windows msvcrt; the system frees it when the process dies), another one that wants the same waits and then finds it made. Where a
file system knows no locks both make it and the last rename wins: the same bytes. Halves left by killed processes are removed by
the next one that holds their lock. Above the limit (STAVIS_CACHE_LIMIT in GB, default 20) the least recently used entries go.
"""

import hashlib
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd

from stavis.errors import StavisError, StavisWarning
from stavis.storage.files import atomic_folder, cache_folder, read_json, write_json, write_text

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

INDEX = "index.json"
KEY_LENGTH = 40  # as many characters as atomic_folder keeps of a name: halves tell whose they are
_COLUMNS = ("key", "video", "source", "frames", "size", "rate", "megabytes", "last_used", "folder")
_shrinking = {"again": 0.0}
_own_folder: list[tempfile.TemporaryDirectory] = []


def entry(key: str, make: Callable[[Path], None], usable: Callable[[Path], bool]) -> Path:
    """The folder of an entry; `make(folder)` fills it where it is not there yet, or `usable(folder)` says that it is damaged.

    Where the cache cannot be written the entry is made in a temporary folder of this process, with a StavisWarning.
    """
    key = key[:KEY_LENGTH]
    home = crops_folder()
    for place in (home, *(Path(folder.name) for folder in _own_folder)):
        if usable(place / key):
            _touch(place / key)
            return place / key
    home = _writable(home)
    with _lock(home / f".{key}.lock"):
        folder = home / key
        if not usable(folder):
            _remove_halves(home, key)
            try:
                with atomic_folder(folder) as half:
                    make(half)
            except StavisError:
                if not usable(folder):  # without locks another process may have been quicker
                    raise
    _shrink_seldom(home, keep=folder)
    return folder


def file_entry(key: str, name: str, make: Callable[[Path], None], about: dict) -> Path:
    """The path of one file that is kept: `make(path)` writes it where it is not there yet; `about` is what `cache_list` tells of it."""

    def fill(folder: Path) -> None:
        make(folder / name)
        write_json(folder / INDEX, about)

    return entry(key, fill, lambda folder: (folder / name).is_file() and (folder / INDEX).is_file()) / name


def crops_folder() -> Path:
    """Where the entries are: `crops` in the cache folder of stavis."""
    return cache_folder() / "crops"


def file_hash(path: Path) -> str:
    """The sha256 (hex) of the bytes of a file; read once, then remembered by path, size, time of change and inode.

    Raises StavisError where it is missing, no regular file, empty or cannot be read.
    """
    path = Path(path)
    try:
        found = path.stat()
        if not path.is_file():
            raise StavisError(f"{path} is no regular file: give the path of a file.")
        if found.st_size == 0:
            raise StavisError(f"{path} is empty: take another copy of it.")
        name = f"{path.resolve()}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ino}"
        memory = cache_folder() / "hashes" / hashlib.sha256(os.fsencode(name)).hexdigest()[:KEY_LENGTH]
        with suppress(OSError):
            if len(known := memory.read_text("ascii", "replace").strip()) == 64:
                return known
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except (FileNotFoundError, ValueError) as error:  # ValueError: a name with a null character
        raise StavisError(f"{path} does not exist: give the path of a file.") from error
    except OSError as error:
        raise StavisError(f"{path} cannot be read ({error.strerror}): check that it may be read.") from error
    with suppress(StavisError):  # a cache that cannot be written is told by `entry`
        write_text(memory, digest)
    return digest


def cache_list() -> pd.DataFrame:
    """What the cache holds, last used first: one row an entry; megabytes of 10^6 bytes, last_used in local time."""
    rows = []
    for folder in _entries(crops_folder()):
        try:
            index, used = read_json(folder / INDEX), _used(folder)
        except (StavisError, OSError):
            index, used = {}, 0.0
        index = index if isinstance(index, dict) else {}
        about = {name: index.get(name) for name in ("video", "source", "frames", "size", "rate")}
        when = pd.Timestamp.fromtimestamp(used)
        rows.append({**about, "key": folder.name, "megabytes": _size(folder) / 1e6, "last_used": when, "folder": str(folder)})
    return pd.DataFrame(rows, columns=list(_COLUMNS)).sort_values("last_used", ascending=False, ignore_index=True)


def cache_clear(keys: list[str] | None = None, *, unused_for_days: float = 0) -> pd.DataFrame:
    """Removes entries and returns their rows of `cache_list`: those of `keys` (or beginnings of keys; None: all) unused so long.

    Halves and remembered hashes go too where everything goes. Entries in use stay readable to those who have them open.
    """
    listed = cache_list()
    chosen = listed.last_used <= pd.Timestamp.now() - pd.Timedelta(days=unused_for_days)
    if keys is not None:
        chosen &= listed.key.str.startswith(tuple(keys))
    for folder in listed.folder[chosen]:
        _remove(Path(folder))
    if keys is None and not unused_for_days:
        home = crops_folder()
        for key in {path.name[1 : 1 + KEY_LENGTH] for path in home.glob(".*") if path.suffix in (".part", ".old", ".lock")}:
            with _lock(home / f".{key}.lock", wait=False) as mine:
                if mine:
                    _remove_halves(home, key)
                    with suppress(OSError):
                        (home / f".{key}.lock").unlink()
        shutil.rmtree(cache_folder() / "hashes", ignore_errors=True)
    return listed[chosen].reset_index(drop=True)


def cache_limit() -> float:
    """How many bytes the entries may have together: STAVIS_CACHE_LIMIT (GB), else 20 GB."""
    text = os.environ.get("STAVIS_CACHE_LIMIT", "").strip() or "20"
    try:
        limit = float(text)
    except ValueError:
        limit = -1.0
    if not limit >= 0:
        raise StavisError(f"the environment's STAVIS_CACHE_LIMIT is {text!r}: give a number of gigabytes, or take it away.")
    return limit * 1e9


def _writable(home: Path) -> Path:
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return home
    except OSError as error:
        if not _own_folder:
            _own_folder.append(tempfile.TemporaryDirectory(prefix="stavis-crops-"))
            warnings.warn(
                f"the cache {home} cannot be written ({error.strerror}): crops are kept in a temporary folder for this run only; "
                "set STAVIS_CACHE to a folder that can be written.",
                StavisWarning,
                stacklevel=4,
            )
        return Path(_own_folder[0].name)


@contextmanager
def _lock(path: Path, wait: bool = True) -> Iterator[bool]:
    """Holds the lock of a file (True), or says that another process has it (False, only where not waiting)."""
    while True:
        try:
            stream = open(path, "a+b")  # noqa: SIM115 (closed below: closing frees the lock)
        except OSError:  # the folder went away, or no more files may be opened: work without
            yield True
            return
        held = _take(stream, wait)
        # One who cleared the cache may have removed the file between opening and locking: then this lock guards nothing.
        if not held or _same_file(stream, path):
            break
        stream.close()
    try:
        yield held
    finally:
        stream.close()  # frees the lock


def _take(stream, wait: bool) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            return True
        while True:  # msvcrt gives up after ten seconds
            try:
                stream.seek(0)
                msvcrt.locking(stream.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
                return True
            except OSError:
                if not wait:
                    return False
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True


def _same_file(stream, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except OSError:
        return False


def _remove_halves(home: Path, key: str) -> None:
    for suffix in ("part", "old"):
        for half in home.glob(f".{key}.*.{suffix}"):
            shutil.rmtree(half, ignore_errors=True)


def _shrink_seldom(home: Path, keep: Path) -> None:
    """Shrinks, but spends at most a twentieth of the time on it: looking at thousands of entries after each new one is slow."""
    if time.monotonic() < _shrinking["again"]:
        return
    began = time.monotonic()
    _shrink(home, keep)
    spent = time.monotonic() - began
    _shrinking["again"] = time.monotonic() + (20 * spent if spent > 0.05 else 0)


def _shrink(home: Path, keep: Path) -> None:
    """Removes what killed processes left, then the least recently used entries until the rest is within the limit."""
    limit = cache_limit()
    for half in home.glob(".*.part"):
        key = half.name[1 : 1 + KEY_LENGTH]
        with _lock(home / f".{key}.lock", wait=False) as mine:
            if mine:
                shutil.rmtree(half, ignore_errors=True)
    sizes = {folder: _size(folder) for folder in _entries(home)}
    total = sum(sizes.values())
    for folder in sorted(sizes, key=_used):
        if total <= limit:
            break
        if folder != keep:
            _remove(folder)
            total -= sizes[folder]


def _remove(folder: Path) -> None:
    """First out of sight in one rename, so that no one finds half of it."""
    with suppress(OSError):
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".old", dir=folder.parent))
        with suppress(OSError):
            os.replace(folder, aside / "folder")
        shutil.rmtree(aside, ignore_errors=True)


def _entries(home: Path) -> list[Path]:
    if not home.is_dir():
        return []
    return [path for path in sorted(home.iterdir()) if not path.name.startswith(".") and path.is_dir()]


def _size(folder: Path) -> int:
    with suppress(OSError):
        return sum(path.stat().st_size for path in folder.iterdir())
    return 0


def _used(folder: Path) -> float:
    with suppress(OSError):
        return (folder / INDEX).stat().st_mtime
    return 0.0


def _touch(folder: Path) -> None:
    with suppress(OSError):
        os.utime(folder / INDEX, (now := time.time(), now))
