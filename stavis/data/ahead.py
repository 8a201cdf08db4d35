"""Stages that overlap: one thread makes what the next stage uses (frames, batches), a few items ahead of it."""

from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

from joblib import cpu_count

T = TypeVar("T")

MOST = 4
"""Items that wait at most: enough that neither side stands still for long, few enough that their images take little memory."""
_LOOK_AGAIN = 0.1  # s


def ahead(items: Iterable[T], most: int = MOST) -> Iterator[T]:
    """The items in their order, made by a thread of their own that is at most `most` of them ahead; on one core as they are.

    What the items raise is raised here, in its turn. The thread ends, and the items are closed, when this iterator is closed or left
    by an error, Ctrl-C included. Worth it where both sides do their work outside Python's lock, as decoders and networks do.
    """
    if cpu_count() < 2:
        yield from items
        return
    waiting: Queue = Queue(most)
    stopped = Event()
    maker = Thread(target=_make, args=(items, waiting, stopped), name="stavis ahead", daemon=True)
    maker.start()
    try:
        while True:
            item, error, ended = waiting.get()
            if error is not None:
                raise error
            if ended:
                return
            yield item
    finally:
        stopped.set()
        while maker.is_alive():
            _emptied(waiting)
            maker.join(_LOOK_AGAIN)


def _make(items: Iterable[T], waiting: Queue, stopped: Event) -> None:
    iterator = iter(items)
    try:
        for item in iterator:
            if not _put(waiting, (item, None, False), stopped):
                return
        _put(waiting, (None, None, True), stopped)
    except BaseException as error:  # the side that uses the items must learn of anything that ends them
        _put(waiting, (None, error, False), stopped)
    finally:
        if close := getattr(iterator, "close", None):
            close()


def _put(waiting: Queue, entry: tuple, stopped: Event) -> bool:
    """Hand an entry over; False where nobody waits for it any more."""
    while not stopped.is_set():
        try:
            waiting.put(entry, timeout=_LOOK_AGAIN)
            return True
        except Full:
            continue
    return False


def _emptied(waiting: Queue) -> None:
    """Take out what waits, so that the thread that makes it goes on and sees that it is to stop."""
    try:
        while True:
            waiting.get_nowait()
    except Empty:
        return
