"""Locks on files by `filelock`: the system frees them when the process that holds them dies."""

import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from stavis.errors import StavisError
from stavis.storage.files import write_json

PATIENCE = 5.0
"""Seconds to wait for another process before saying so."""
RUNNER_LOCK = ".runner.lock"
RUNNER = ".runner.json"
"""Who holds an output folder; beside the lock, because Windows lets nobody read a locked file."""

_log = logging.getLogger("stavis")


@contextmanager
def locked(path: Path, *, wait: bool = True, purpose: str = "") -> Iterator[bool]:
    """Holds the lock of a file inside the block (True), or finds it held by another process (False, only where not waiting).

    After PATIENCE seconds of waiting one line says so, with the `purpose`. Where the file system has no locks the block runs unguarded.
    """
    lock = take_lock(path, wait=wait, purpose=purpose)
    try:
        yield lock is not False
    finally:
        if lock:
            lock.release()


def take_lock(path: Path, *, wait: bool = False, purpose: str = "") -> FileLock | bool | None:
    """The lock of a file, held until it is released; False where another process holds it, None where the file system has no locks."""
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=PATIENCE if wait else 0)
    except Timeout:
        if not wait:
            return False
        _log.warning("waiting for another process%s", f" that {purpose}" if purpose else "")
        try:
            lock.acquire()
        except (OSError, NotImplementedError):
            return None
    except (OSError, NotImplementedError):  # no locks here, the folder went away, or no more files may be opened: work without
        return None
    return lock


@contextmanager
def only_runner(out: Path) -> Iterator[None]:
    """Hold an output folder for this process.

    Raises StavisError naming the other runner's process and machine where there is one, or where the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with open(out / RUNNER_LOCK, "ab"):
            pass
    except OSError as error:
        raise StavisError(f"{out} cannot be written ({error.strerror}): choose another folder with --out.") from error
    with locked(out / RUNNER_LOCK, wait=False) as mine:
        if not mine:
            raise StavisError(f"{out} is being written by another runner ({_holder(out)}): wait for it, or give another --out.")
        with suppress(StavisError):
            write_json(out / RUNNER, {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")})
        try:
            yield
        finally:
            with suppress(OSError):
                (out / RUNNER).unlink()


def _holder(out: Path) -> str:
    try:
        text = (out / RUNNER).read_bytes()[:4096]
        holder = json.loads(text)
        return f"process {int(holder['pid'])} on {str(holder['host'])[:80]}, since {str(holder['since'])[:30]}"
    except (OSError, ValueError, KeyError, TypeError):
        return "not known yet"
