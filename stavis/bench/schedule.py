"""In which order and where the tasks of a bench run: what others are built on first, in processes of this machine or on a Dask cluster, and
one process at a time that writes a folder."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from importlib import import_module
from pathlib import Path

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from stavis.bench.plan import BenchConfig
from stavis.bench.rows import Row, row_named
from stavis.bench.runs import Run, Task, execute
from stavis.bench.search import Search, is_searched
from stavis.errors import StavisError
from stavis.lazy_names import need
from stavis.logs import quiet_loggers
from stavis.storage.files import write_json
from stavis.storage.locks import RUNNER_LOCK, only_runner

_LONGEST_FIRST = ("sta-deep", "sta-long", "sta", "cnn3d", "cnn")

CONNECT_SECONDS = 10

Doing = Callable[[Sequence[Task]], Iterable]
"""Runs tasks that do not depend on each other, and yields as each ends."""


def waves(folder: Path, plan: BenchConfig, rows: Sequence[str]) -> list[list[Task]]:
    """The tasks for some rows of a folder, with the rows that they are built on: each wave needs those before it alone."""
    ranks: dict[str, int] = {}

    def rank(row: Row) -> int:
        if row.name not in ranks:
            ranks[row.name] = 0 if not row.needs else 1 + max(rank(row_named(one)) for one in row.needs)
        return ranks[row.name]

    for name in rows:
        rank(row_named(name))
    found: list[list[Task]] = []
    for level in range(max(ranks.values(), default=-1) + 1):
        names = sorted((name for name, at in ranks.items() if at == level), key=_cheapness)
        trained = [name for name in names if not row_named(name).of and not row_named(name).at]
        found.append([Search(folder, name) for name in trained if is_searched(plan, name)])
        found.append([Run(folder, name, seed) for name in names for seed in range(plan.seeds)])
    return found


def merged(several: Iterable[list[list[Task]]]) -> list[list[Task]]:
    """The waves of several folders, wave by wave together."""
    found: list[list[Task]] = []
    for each in several:
        for number, wave in enumerate(each):
            if number == len(found):
                found.append([])
            found[number] += wave
    return found


def run_all(tasks: Sequence[Sequence[Task]], doing: Doing, progress: Callable[[int, int], None] | None = None) -> None:
    """Do every task that is not done, wave by wave; progress(done, total) after each."""
    total, done = sum(map(len, tasks)), 0
    for wave in tasks:
        waiting = [task for task in wave if not task.done]
        done += len(wave) - len(waiting)
        if progress:
            progress(done, total)
        for _ in doing(waiting):
            done += 1
            if progress:
                progress(done, total)


def doing_of(jobs: int, scheduler: str | None) -> AbstractContextManager[Doing]:
    """Where tasks are done: on the workers of a Dask scheduler where its address is given, else in so many processes of this machine."""
    return on_cluster(scheduler) if scheduler else nullcontext(in_processes(jobs))


def in_processes(jobs: int) -> Doing:
    """Tasks in at most so many processes at a time. One whose process dies is tried once more, alone, then given up."""
    return lambda tasks: _in_processes(tasks, jobs)


@contextmanager
def on_cluster(address: str) -> Iterator[Doing]:
    """Tasks on the workers of a Dask scheduler, which see the bench's folder and the cache under the same paths; one task whose worker
    dies goes to another, up to three times.

    Raises StavisError where no scheduler answers.
    """
    need("distributed", "bench --scheduler")
    distributed = import_module("distributed")  # of the extra `batch`
    with quiet_loggers("distributed", "tornado.application", level=logging.CRITICAL + 1):
        try:
            client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError, ImportError) as error:
            raise StavisError(
                f"no scheduler answers at {address} within {CONNECT_SECONDS} s: look whether it runs, or leave --scheduler out."
            ) from error
        try:
            yield lambda tasks: _on_cluster(client, tasks, distributed.as_completed)
        finally:
            with suppress(Exception):
                client.close(timeout=5)


def _on_cluster(client, tasks: Sequence[Task], as_completed: Callable) -> Iterator:
    futures = {client.submit(execute, task, 1, key=("bench", str(task.home)), pure=False): task for task in tasks}
    for future in as_completed(futures, loop=client.loop):
        task = futures[future]
        if future.status in ("cancelled", "lost"):
            raise StavisError("the scheduler went away: start again when it is back; what is done stays done.")
        if future.status != "finished":
            write_json(task.home / "failure.json", {"reason": f"its worker died or failed ({type(future.exception()).__name__})"})
        yield future.status
        future.release()


def _in_processes(tasks: Sequence[Task], jobs: int) -> Iterator:
    if jobs == 1 or len(tasks) < 2:
        for task in tasks:
            yield execute(task)
        return
    waiting = list(tasks)
    try:
        work = Parallel(n_jobs=min(jobs, len(waiting)), return_as="generator_unordered", pre_dispatch="all", batch_size=1)
        yield from work(delayed(execute)(task, 1) for task in waiting)
        return
    except TerminatedWorkerError:
        waiting = [task for task in tasks if not task.done and task.failure is None]
    for task in waiting:
        try:
            yield from Parallel(n_jobs=2, return_as="generator_unordered", pre_dispatch="all")(delayed(execute)(one, 1) for one in (task,))
        except TerminatedWorkerError:
            write_json(task.home / "failure.json", {"reason": "its process died: killed, or out of memory"})
            yield "died"


def _cheapness(name: str) -> int:
    system = row_named(name).system
    return _LONGEST_FIRST.index(system) if system in _LONGEST_FIRST else len(_LONGEST_FIRST)


def taken(out: Path) -> bool:
    """Whether something else lies where a new bench is to be written; hidden files are no hindrance."""
    return out.exists() and (not out.is_dir() or any(not entry.name.startswith(".") for entry in out.iterdir()))


@contextmanager
def held(out: Path) -> Iterator[None]:
    """Hold the folder of a bench for this process: two that train into one folder delete each other's files. A folder that is made for it
    goes again where nothing is written.

    Raises StavisError naming the other process where there is one, or where the folder cannot be written.
    """
    new = not out.exists()
    try:
        with only_runner(out):
            yield
    finally:
        if new and out.is_dir() and not taken(out):
            with suppress(OSError):
                (out / RUNNER_LOCK).unlink()
                out.rmdir()
