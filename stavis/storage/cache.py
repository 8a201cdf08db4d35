"""What was made once and is kept: crops, tracks, previews, readings, attributions, synthetic data sets, models.

An entry is `cache_folder()/KIND/KEY`, named by the content that it was made from, with an `index.json` that says what it is. It appears
in one rename, so that it is whole or not there. While one process makes an entry it holds a lock, another one that wants the same waits
and then finds it made. Where a file system has no locks both make it and the last rename wins: the same bytes. Partial entries left by
killed processes are removed by the next one that holds their lock.

All kinds share one limit (STAVIS_CACHE_LIMIT in GB, default 20) and one order: the least recently used entries go first, whatever their
kind. An open memory map stays readable when its entry goes. A synthetic data set or a model is read by its path again and again, so the
process that uses it holds a lease (a locked file beside it, freed when the process ends), and an entry with a lease stays.
"""

import hashlib
import os
import secrets
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from stavis.errors import StavisError, StavisWarning
from stavis.storage.eviction import INDEX, LEASE, kind_folder, remove_partial, shrink_seldom
from stavis.storage.files import atomic_folder, cache_folder, write_json, write_text
from stavis.storage.locks import locked, take_lock

KEY_LENGTH = 40
"""As many characters as atomic_folder keeps of a name, so that a partial entry tells whose it is."""
ARRAYS = "arrays.npz"
_FORMERLY_AMONG_CROPS = ("tracks", "previews")
_own_folder: list[tempfile.TemporaryDirectory] = []
_leases: dict[tuple[int, Path], object] = {}


def get_or_create(
    kind: str,
    key: str,
    make: Callable[[Path], object],
    usable: Callable[[Path], bool] | None = None,
    about: dict | None = None,
    *,
    lease: bool = False,
) -> Path:
    """The folder of an entry; `make(folder)` fills it where it is not there yet, or `usable(folder)` says that it is damaged.

    kind: one of KINDS. about: what `cache_list` shows of it, as {"what": "clip.mp4, 112 px"}; None where `make` writes INDEX itself.
    usable: where left out, an entry with an index is whole. lease: no process removes the entry while this one lives.

    Where the cache cannot be written the entry is made in a temporary folder of this process, with a StavisWarning.
    """
    key = key[:KEY_LENGTH]
    usable = usable or _has_index
    if not lease and (known := _find(kind, key, usable)):
        return known
    home = _writable(kind)
    with locked(home / f".{key}.lock", purpose=f"makes the same {kind}"):
        _adopt(kind, home / key)
        if lease:
            _take_lease(home / key)
        if usable(home / key):
            touch(home / key)
        else:
            _fill(home / key, make, usable, about)
    shrink_seldom(keep=home / key)
    return home / key


def get_file(kind: str, key: str, name: str, make: Callable[[Path], object], about: dict) -> Path:
    """The path of the only file of an entry: `make(path)` writes it where it is not there yet; the rest as in `get_or_create`."""
    folder = get_or_create(
        kind, key, lambda folder: make(folder / name), lambda folder: (folder / name).is_file() and _has_index(folder), about
    )
    return folder / name


def get_arrays(
    kind: str,
    key: str,
    make: Callable[[], dict[str, np.ndarray]],
    about: dict,
    usable: Callable[[dict[str, np.ndarray]], object] | None = None,
) -> dict[str, np.ndarray]:
    """Named arrays, as they were kept or else as `make()` gives them; nothing in them is ever unpickled.

    They are made again where the file is damaged or `usable(arrays)` is false or finds fault with them; the rest
    as in `get_or_create`. Where they cannot be kept (a full disk) they are returned all the same, with a StavisWarning.
    """
    key = key[:KEY_LENGTH]
    found: dict[str, np.ndarray] = {}

    def kept(folder: Path) -> bool:
        found.clear()
        found.update(_read_arrays(folder / ARRAYS))
        try:
            return bool(found) and (usable is None or bool(usable(found)))
        except (StavisError, KeyError, TypeError, ValueError):
            return False

    if _find(kind, key, kept):
        return found
    home = _writable(kind)
    with locked(home / f".{key}.lock", purpose=f"makes the same {kind}"):
        if kept(home / key):
            return found
        arrays = dict(make())
        try:
            # not compressed: maps hardly shrink, and compressing takes as long as a gradient
            _fill(home / key, lambda folder: np.savez(folder / ARRAYS, **arrays), _has_index, about)
        except StavisError as error:
            warnings.warn(f"a result is not kept: {error}", StavisWarning, stacklevel=3)
    shrink_seldom(keep=home / key)
    return arrays


def find_arrays(kind: str, key: str, usable: Callable[[dict[str, np.ndarray]], object] | None = None) -> dict[str, np.ndarray] | None:
    """Named arrays that were kept under `get_arrays`; None where there are none that are sound."""
    found: dict[str, np.ndarray] = {}

    def kept(folder: Path) -> bool:
        found.clear()
        found.update(_read_arrays(folder / ARRAYS))
        with suppress(StavisError, KeyError, TypeError, ValueError):
            return bool(found) and (usable is None or bool(usable(found)))
        return False

    return found if _find(kind, key[:KEY_LENGTH], kept) else None


def lease_file(kind: str, name: str) -> Path:
    """The path of a file of the cache, there or not; used just now, and no process removes it while this one lives."""
    path = kind_folder(kind) / name
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent / f".{name}.lock", purpose=f"fetches {name}"):
            _take_lease(path)
            touch(path)
    return path


def touch(entry: Path) -> None:
    """Notes that an entry is used now."""
    now = time.time()
    with suppress(OSError):
        os.utime(entry / INDEX if (entry / INDEX).exists() else entry, (now, now))


def file_hash(path: Path) -> str:
    """The sha256 (hex) of the bytes of a file; read once, then remembered by path, size, inode, and the times at which
    its content and it itself were changed: an edit may put the first of these back.

    Raises StavisError where it is missing, no regular file, empty or cannot be read.
    """
    path = Path(path)
    try:
        found = path.stat()
        if not path.is_file():
            raise StavisError(f"{path} is no regular file: give the path of a file.")
        if found.st_size == 0:
            raise StavisError(f"{path} is empty: take another copy of it.")
        name = f"{path.resolve()}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ctime_ns}\0{found.st_ino}"
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
    with suppress(StavisError):  # `get_or_create` warns of a cache that cannot be written
        write_text(memory, digest)
    return digest


def _find(kind: str, key: str, usable: Callable[[Path], bool]) -> Path | None:
    for home in (kind_folder(kind), *(Path(folder.name) / kind for folder in _own_folder)):
        if usable(home / key):
            touch(home / key)
            return home / key
    return None


def _fill(folder: Path, make, usable, about: dict | None) -> None:
    remove_partial(folder.parent, folder.name)
    try:
        with atomic_folder(folder) as partial:
            make(partial)
            if about is not None:
                write_json(partial / INDEX, about)
    except StavisError:
        if not usable(folder):  # without locks another process may have been quicker
            raise


def _adopt(kind: str, folder: Path) -> None:
    """Tracks and previews lay among the crops before each kind had its folder."""
    former = kind_folder("crops") / folder.name
    if kind in _FORMERLY_AMONG_CROPS and not folder.exists() and former.is_dir():
        with suppress(OSError):
            os.replace(former, folder)


def _take_lease(entry: Path) -> None:
    mine = (os.getpid(), entry)  # a forked process needs its own
    if mine not in _leases and (lock := take_lock(entry.parent / f".{entry.name}.{secrets.token_hex(8)}{LEASE}")):
        _leases[mine] = lock


def _has_index(folder: Path) -> bool:
    return (folder / INDEX).is_file()


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):
        return {}


def _writable(kind: str) -> Path:
    home = kind_folder(kind)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            return home
    except OSError as error:
        if not _own_folder:
            _own_folder.append(tempfile.TemporaryDirectory(prefix="stavis-cache-"))
            warnings.warn(
                f"the cache {home} cannot be written ({error.strerror}): results are kept in a temporary folder for this run only; "
                "set STAVIS_CACHE to a folder that can be written.",
                StavisWarning,
                stacklevel=4,
            )
        home = Path(_own_folder[0].name) / kind
        home.mkdir(exist_ok=True)
        return home
