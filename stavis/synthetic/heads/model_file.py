"""Where the head model's file is found on this machine."""

import os
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
        return read_model(given / NAME if given.is_dir() else given)
    cached = lease_file("models", NAME)
    if cached.is_file():
        return read_model(cached)
    raise StavisError(f"the head model {NAME} is not on this machine: set ${VARIABLE} to a copy of it or to its folder.")
