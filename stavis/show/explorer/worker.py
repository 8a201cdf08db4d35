"""Long work beside a view that stays alive: one thread, one piece after another, progress reported, stopped soon on request."""

import atexit
import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from stavis.errors import StavisError

_running: "weakref.WeakSet[Worker]" = weakref.WeakSet()


class Stopped(Exception):
    """The work was stopped; what it had not finished is dropped."""


@dataclass(eq=False)
class Task:
    """One piece of work: what it is called, what does it, how far it is. The work asks `check` often."""

    name: str
    work: Callable[["Task"], None]
    key: str = ""
    progressed: Callable[["Task", str, int, int], None] = lambda *_: None
    _stop: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raises Stopped where the task was stopped."""
        if self._stop.is_set():
            raise Stopped

    def progress(self, stage: str, done: int, total: int) -> None:
        """Tells how far the work is, and asks whether to go on."""
        self.check()
        self.progressed(self, stage, done, total)

    def stop(self) -> None:
        """Asks the work to stop at its next `check`."""
        self._stop.set()


class Worker:
    """Does tasks in the order in which they were given, in a thread that lives as long as there are any.

    begun(task), ended(task, error) with error None, a Stopped or what went wrong, and progressed(task, stage, done, total) are called in
    that thread.
    """

    def __init__(self, *, begun: Callable = lambda *_: None, ended: Callable = lambda *_: None, progressed: Callable = lambda *_: None):
        self._begun, self._ended, self._progressed = begun, ended, progressed
        self._change = threading.Condition()
        self._waiting: deque[Task] = deque()
        self._current: Task | None = None
        self._thread: threading.Thread | None = None

    def submit(self, name: str, work: Callable[[Task], None], key: str = "") -> Task:
        """Puts work at the end of the line; `key` is what `stop` finds it by."""
        task = Task(name, work, key, self._progressed)
        with self._change:
            self._waiting.append(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="stavis-worker", daemon=True)
                _running.add(self)
                self._thread.start()
        return task

    def stop(self, key: str | None = None) -> list[Task]:
        """Stops the tasks of a key, or all of them; returns those that were running or waiting."""
        with self._change:
            found = [task for task in (self._current, *self._waiting) if task is not None and key in (None, task.key)]
            self._waiting = deque(task for task in self._waiting if task not in found)
        for task in found:
            task.stop()
        return found

    @property
    def waiting(self) -> int:
        """How many tasks wait behind the one that runs."""
        return len(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether something runs or waits."""
        return self._thread is not None

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until nothing runs or waits any more; False where that took longer."""
        with self._change:
            return self._change.wait_for(lambda: self._thread is None, seconds)

    def _run(self) -> None:
        while True:
            with self._change:
                if not self._waiting:
                    self._thread = self._current = None
                    self._change.notify_all()
                    return
                task = self._current = self._waiting.popleft()
            error: Exception | None = None
            try:
                self._begun(task)
                task.check()
                task.work(task)
            except Exception as raised:  # whatever fails in here is reported, and the next task goes on
                error = raised
            with self._change:
                self._current = None
            self._ended(task, error)


def sentence(name: str, error: Exception) -> str:
    """An error as one sentence for the person who looks."""
    if isinstance(error, StavisError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"{name} needs more memory than this machine has: choose a shorter segment."
    return f"{name} failed ({type(error).__name__}: {' '.join(str(error).split())[:200]})."


@atexit.register
def _stop_all() -> None:
    """A thread that is in the middle of a network while the interpreter goes away would take it down with a crash."""
    for worker in list(_running):
        worker.stop()
        worker.wait(10)
