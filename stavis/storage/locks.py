"""One runner an output folder: a lock that names its holder, and that the system frees when the holder dies."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stavis.errors import StavisError

try:
    import fcntl
except ImportError:  # Windows: no kernel can be forked there either, and nothing here is tested there
    fcntl = None

FILE = ".runner.lock"


@contextmanager
def only_runner(out: Path) -> Iterator[None]:
    """Hold the output folder for this process.

    Raises StavisError naming the other runner's process and machine where there is one, or where the folder cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        stream = open(out / FILE, "a+b", buffering=0)  # noqa: SIM115 (closed below: closing frees the lock)
    except OSError as error:
        raise StavisError(f"{out} cannot be written ({error.strerror}): choose another folder with --out.") from error
    with stream:
        try:
            if fcntl is not None:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StavisError(
                f"{out} is being written by another runner ({_holder(stream)}): wait for it, or give another --out."
            ) from error
        except OSError:
            pass  # a file system without locks: better unguarded than not at all
        with suppress(OSError):
            stream.truncate(0)
            told = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
            stream.write(json.dumps(told).encode())
        yield


def _holder(stream) -> str:
    try:
        stream.seek(0)
        told = json.loads(stream.read(4096))
        return f"process {int(told['pid'])} on {str(told['host'])[:80]}, since {str(told['since'])[:30]}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it has not said its name yet"
