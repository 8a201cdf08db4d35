"""The head model's file on this machine: given, kept, or fetched from where it is published and converted."""

import os
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from stavis.data.faces.networks.known_file import Unavailable, download
from stavis.errors import StavisError
from stavis.printable import ShortRepr
from stavis.storage.cache import lease_file
from stavis.storage.files import atomic_file, write_text
from stavis.synthetic.heads.model import HeadModel, read_arrays, read_model
from stavis.synthetic.heads.source.convert import convert_archive

NAME = "ict_facekit.npz"
VARIABLE = "STAVIS_HEADS"
"""The environment variable that may name a copy of the file, or its folder."""
ADDRESS_VARIABLE = "STAVIS_HEADS_ADDRESS"
"""The environment variable that may name another address: of a converted file (.npz) or of the archive (.zip)."""
ADDRESS = "https://github.com/ICT-VGL/ICT-FaceKit/archive/da5f95a607f5e6b37755b38d3385d7f2853732e5.zip"
_SECONDS = 60
LICENSE = """ICT-FaceKit's head model (https://github.com/ICT-VGL/ICT-FaceKit), converted; its licence:

MIT License

Copyright (c) 2020 USC Institute for Creative Technologies

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR
ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH
THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


@dataclass(frozen=True, repr=False)
class HeadModelFile(ShortRepr):
    """The head model's file on this machine, its arrays checked: `path`, and `source` in words (where it came from)."""

    path: Path
    source: str


def find_head_model(path: str | Path | None = None) -> HeadModelFile:
    """A checked copy on this machine: the file or folder given, else that of $STAVIS_HEADS, the cache's, or the published model, which
    is downloaded (130 MB), converted and kept in the cache with its licence.

    Raises StavisError where the file is missing, damaged or another version, or can be fetched from nowhere.
    """
    given = path if path is not None else os.environ.get(VARIABLE) or None
    if given is not None:
        given = Path(given).expanduser()
        given = given / NAME if given.is_dir() else given
        read_once(given)
        return HeadModelFile(given, "the path that was given" if path is not None else f"${VARIABLE}")
    cached = lease_file("models", NAME)
    if cached.is_file():
        try:
            read_once(cached)
            return HeadModelFile(cached, "the cache")
        except StavisError:
            pass  # a damaged cache is filled again
    address = os.environ.get(ADDRESS_VARIABLE) or ADDRESS
    try:
        return HeadModelFile(_fetch(address, cached), address)
    except Unavailable as error:
        raise StavisError(
            f"the head model {NAME} is not on this machine and could not be fetched ({error}): set ${VARIABLE} to a copy of it, put one at "
            f"{cached}, or run `stavis fetch-models --heads` where the network can be reached."
        ) from error


def head_model(path: str | Path | None = None) -> HeadModel:
    """The head model, found as by `find_head_model`; raises StavisError as it does."""
    return read_once(find_head_model(path).path)


def read_once(path: Path) -> HeadModel:
    """The model of a file, read again only where another file took its place (the cache touches its files when they are used)."""
    stat = path.stat() if path.is_file() else None
    return _read(path.absolute(), (stat.st_ino, stat.st_size) if stat else None)


@lru_cache(maxsize=1)
def _read(path: Path, stamp: tuple[int, int] | None) -> HeadModel:
    return read_model(path)


def _fetch(address: str, cached: Path) -> Path:
    """Where the model was put: the cache, or a temporary file of this user's where the cache cannot be written."""
    with tempfile.TemporaryDirectory() as folder:
        arrived = download(address, Path(folder), address.split("/")[-1] or NAME, seconds=_SECONDS)
        try:
            arrays = read_arrays(arrived) if arrived.suffix == ".npz" else convert_archive(arrived)
        except StavisError as error:
            raise Unavailable("what came is no head model") from error
        try:
            return _keep(cached, arrays)
        except StavisError:
            return _keep(Path(tempfile.mkdtemp(prefix="stavis-")) / NAME, arrays)


def _keep(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    write_text(path.with_suffix(".license.txt"), LICENSE)
    try:
        read_once(path)
    except StavisError as error:
        path.unlink()
        raise Unavailable("what came is another version") from error
    return path
