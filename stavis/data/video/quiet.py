"""What libav logs while a video is open: kept for those who capture it, never printed past Python; as before when all are closed."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import av
import av.logging

_lock = threading.Lock()
_open = {"count": 0}
_before: list[tuple] = []


@contextmanager
def captured_logs() -> Iterator[None]:
    """Inside, libav's errors reach `av.logging.Capture` and nothing else: they are how several decoders tell of damage.

    The level is one for the whole process, so the first of several open videos sets it and the last one restores it.
    """
    logger = logging.getLogger("libav")
    with _lock:
        if not _open["count"]:
            _before.append((av.logging.get_level(), av.logging.get_skip_repeated(), logger.propagate))
            av.logging.set_level(av.logging.ERROR)
            av.logging.set_skip_repeated(False)  # else "repeated 3 times" of one video is told while the next one is read
            logger.addHandler(_NOWHERE)
            logger.propagate = False
        _open["count"] += 1
    try:
        yield
    finally:
        with _lock:
            _open["count"] -= 1
            if not _open["count"]:
                level, skip, logger.propagate = _before.pop()
                logger.removeHandler(_NOWHERE)
                av.logging.set_skip_repeated(skip)
                av.logging.set_level(level)


_NOWHERE = logging.NullHandler()
