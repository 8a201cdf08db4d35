"""Threads that run networks do so one after another: hooks, modes and flags of a module are one for all of them."""

import threading


class InTurn:
    """A lock that its thread may take again, and that threads get in turn: one that runs window after window lets others in between."""

    def __init__(self):
        self._turn, self._run, self._mine = threading.Lock(), threading.Lock(), threading.local()

    def __enter__(self) -> None:
        depth = getattr(self._mine, "depth", 0)
        if not depth:
            with self._turn:  # who waits holds it, so that who has just run comes after
                self._run.acquire()
        self._mine.depth = depth + 1

    def __exit__(self, *_) -> None:
        self._mine.depth -= 1
        if not self._mine.depth:
            self._run.release()


IN_TURN = InTurn()
"""What is held while a network runs under hooks of this package, or in a mode or precision other than its user's."""
