"""Files that are old or new, never half: everything stavis writes goes through here."""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stavis.errors import StavisError
from stavis.printable import printable, printable_json


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; on leaving it becomes `path` in one rename, on an exception it is removed.

    The temporary name keeps the suffix, because encoders choose the format by it.

    Raises StavisError where the folder cannot be made or written, or the disk is full.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}.", suffix=f".part{path.suffix}", dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _sync(temporary)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """A temporary folder beside `path` to fill; on leaving it becomes `path` in one rename, replacing an older one.

    An older folder is moved aside first and removed last, so that a reader never finds half of it.

    Raises StavisError where the folder cannot be made or written, or the disk is full.
    """
    path = Path(path)
    temporary = aside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name[:40]}.", suffix=".part", dir=path.parent))
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        os.chmod(temporary, 0o777 & ~_umask())
        if os.path.lexists(path):
            if not path.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "it is a file", str(path))
            aside = Path(tempfile.mkdtemp(prefix=f".{path.name[:40]}.", suffix=".old", dir=path.parent))
            os.replace(path, aside / "folder")
        os.replace(temporary, path)
    except StavisError as error:
        raise _by_its_name(path, temporary, error) from error.__cause__
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        if aside is not None and not os.path.lexists(path) and (aside / "folder").exists():
            with suppress(OSError):  # then the older folder stays where it was moved to: better aside than lost
                os.replace(aside / "folder", path)
        for leftover in (temporary, aside if os.path.lexists(path) else None):
            if leftover is not None:
                shutil.rmtree(leftover, ignore_errors=True)


@contextmanager
def atomic_contents(folder: str | Path) -> Iterator[Path]:
    """A temporary folder to fill; on leaving, its files appear in `folder`, all together where that is not there yet.

    Where `folder` is there already its other files stay, and those of the same names are replaced, each in one rename.

    Raises StavisError where the folder cannot be made or written, or the disk is full.
    """
    folder = Path(folder)
    if not folder.is_dir():
        with atomic_folder(folder) as temporary:
            yield temporary
        return
    temporary = None
    try:
        temporary = Path(tempfile.mkdtemp(prefix=".", suffix=".part", dir=folder))
        yield temporary
        written = sorted(temporary.iterdir())
        for file in written:
            _sync(file)
        for file in written:
            os.replace(file, folder / file.name)
    except StavisError as error:
        raise _by_its_name(folder, temporary, error) from error.__cause__
    except OSError as error:
        raise _cannot_write(folder, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: str | Path, text: str) -> Path:
    """Write `text` as UTF-8, whole or not at all; returns the path. Names in it that are no UTF-8 are escaped."""
    text = printable(text)
    with atomic_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
    return Path(path)


def write_json(path: str | Path, value) -> Path:
    """Write `value` as indented JSON without NaN (which JSON does not have), whole or not at all; returns the path."""
    return write_text(path, printable_json(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)) + "\n")


def read_json(path: str | Path, limit: int = 64 << 20):
    """The value in a JSON file of at most `limit` bytes.

    Raises StavisError where the file is missing, larger, or not JSON.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise StavisError(f"{path} is missing: give the path of a JSON file that exists.")
        if path.stat().st_size > limit:
            raise StavisError(f"{path} is larger than {limit >> 20} MB: it is not a file of stavis.")
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        reason = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "not UTF-8 text or nested too deep"
        raise StavisError(f"{path} is not JSON ({reason}): write it again or take another copy.") from error
    except OSError as error:
        raise StavisError(f"{path} cannot be read ({error.strerror}): check that it is a file and may be read.") from error


def content_hash(*parts: str | bytes | Path) -> str:
    """The sha256 (hex) of the parts one after another; a Path stands for its file's bytes."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            digest.update(hashlib.file_digest(part.open("rb"), "sha256").digest())
        else:
            part = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where stavis keeps what it can make again: $STAVIS_CACHE, else $XDG_CACHE_HOME/stavis, else ~/.cache/stavis."""
    if own := os.environ.get("STAVIS_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stavis"


def _sync(path: Path) -> None:
    with open(path, "rb+") as stream:
        os.fsync(stream.fileno())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _cannot_write(path: Path, error: OSError) -> StavisError:
    return StavisError(f"{path} cannot be written ({error.strerror or error}): choose another folder or free some space.")


def _by_its_name(path: Path, temporary: Path | None, error: StavisError) -> StavisError:
    """The same error; where it tells of a file in the temporary folder, under the name that the reader knows."""
    error.args = tuple(str(text).replace(str(temporary), str(path)) for text in error.args) if temporary else error.args
    return error


def file_stem(name: str) -> str:
    """A recording's name as that of a file, the same on every system; names that had to be changed end in a hash of their own."""
    safe = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:80]
    return safe if safe == name else f"{safe or 'recording'}-{content_hash(name)[:8]}"
