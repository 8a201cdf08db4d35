"""Where the head model's file is found on this machine."""

import os
from functools import lru_cache
from pathlib import Path

from stavis.errors import StavisError
from stavis.storage.cache import lease_file
from stavis.synthetic.heads.model import HeadModel, read_model

NAME = "ict_facekit.npz"
VARIABLE = "STAVIS_HEADS"


def head_model(path: str | Path | None = None) -> HeadModel:
    """The head model: of the file or folder given, else of $STAVIS_HEADS, else of the cache.

    Raises StavisError where there is none, or another file.
    """
    given = path if path is not None else os.environ.get(VARIABLE) or None
    if given is not None:
        given = Path(given).expanduser()
        return _read(given / NAME if given.is_dir() else given)
    cached = lease_file("models", NAME)
    if cached.is_file():
        return _read(cached)
    raise StavisError(f"the head model {NAME} is not on this machine: set ${VARIABLE} to a copy of it or to its folder.")


def _read(path: Path) -> HeadModel:
    stamp = path.stat().st_mtime_ns if path.is_file() else 0
    return _read_once(path.absolute(), stamp)


@lru_cache(maxsize=1)
def _read_once(path: Path, stamp: int) -> HeadModel:
    return read_model(path)
