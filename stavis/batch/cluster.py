"""Where reports run: processes of this machine, as many as cores and memory carry, or a Dask cluster that is there already.

A bounded number of reports is handed out at a time, each result taken as it comes.
"""

import itertools
import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

import dask
from distributed import Client, Future, LocalCluster, as_completed
from distributed.scheduler import KilledWorker
from distributed.system import MEMORY_LIMIT
from joblib import cpu_count

from stavis.batch.execution import one_line, run_report
from stavis.batch.record import Job, Report
from stavis.errors import StavisError
from stavis.logs import quiet_loggers

CONNECT_SECONDS = 10
AHEAD = 256
"""Reports that the scheduler knows of beyond those that run: enough that no worker waits, few enough that its memory stays flat."""
DEATHS = 2
"""How many workers a report may take with it; with one more it is given up and named."""
_SETTINGS = {
    "distributed.scheduler.allowed-failures": DEATHS,
    "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
    "distributed.admin.system-monitor.log-length": 60,  # histories that only a dashboard would show
    "distributed.worker.profile.enabled": False,
    # Dask would set OMP_NUM_THREADS and MKL_NUM_THREADS to 1 in this process, for all that it starts later: workers have their own `env`.
    "distributed.nanny.pre-spawn-environ": {},
}


def worker_count(memory_gb: float, workers: int | None = None) -> int:
    """How many reports run at a time here: one a core, fewer where the memory does not carry them, at least one."""
    return workers or max(1, min(cpu_count(), int(MEMORY_LIMIT * 0.9 / (memory_gb * 1e9))))


@contextmanager
def client_of(scheduler: str | None, memory_gb: float, workers: int | None) -> Iterator[Client]:
    """A client of a scheduler's address, or of a local cluster that is taken down at the end.

    Raises StavisError where no scheduler answers at the address.
    """
    silent = quiet_loggers("distributed", "tornado.application", "asyncio", level=logging.CRITICAL + 1)
    with silent, dask.config.set(_SETTINGS):
        if scheduler is None:
            with _local(worker_count(memory_gb, workers)) as client:
                yield client
            return
        try:
            client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError, ImportError) as error:
            raise StavisError(
                f"no scheduler answers at {scheduler} within {CONNECT_SECONDS} s: look whether it runs, or leave --scheduler out."
            ) from error
        try:
            yield client
        finally:
            with suppress(Exception):
                client.close(timeout=5)


@contextmanager
def _local(workers: int) -> Iterator[Client]:
    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=0,  # the memory is used in the kernels, which the number of workers allows for
        dashboard_address=None,
        silence_logs=logging.CRITICAL + 1,
        preload=[__name__],
        env={"OMP_NUM_THREADS": str(max(1, cpu_count() // workers))},
    )
    try:
        client = Client(cluster, set_as_default=False)
        try:
            yield client
        finally:
            with suppress(Exception):
                client.close(timeout=2)
    finally:
        with suppress(Exception):
            cluster.close(timeout=5)


def dask_setup(worker) -> None:
    """Called by Dask in each local worker's process when it starts: it leaves Ctrl-C to the runner, which ends it in order."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def outcomes(client: Client, job: Job, reports: Iterable[Report], make: Callable[[Job, Report], Report] = run_report) -> Iterator[Report]:
    """Each report with how it ended, in the order in which they end. A report whose worker dies goes to another one.

    Raises StavisError where the scheduler goes away.
    """
    waiting = iter(reports)
    handed: dict[str, Report] = {}

    def hand_out(count: int) -> list[Future]:
        futures = []
        for report in itertools.islice(waiting, count):
            handed[report.id] = report
            # a pair as the key: the scheduler keeps a statistic for ever of each first part, which is the same here
            futures.append(client.submit(make, job, report, key=("report", report.id), pure=False))
        return futures

    running = as_completed(hand_out(AHEAD + 2 * sum(client.nthreads().values())), loop=client.loop)
    for future in running:
        report = handed.pop(future.key[1])
        yield _outcome(future, report)
        future.release()
        for following in hand_out(1):
            running.add(following)


def _outcome(future: Future, report: Report) -> Report:
    if future.status == "finished":
        return future.result()
    if future.status == "cancelled" or future.status == "lost":
        raise StavisError("the scheduler went away: start again when it is back; what is done stays done.")
    error = future.exception()
    if isinstance(error, KilledWorker):
        message = "each worker that took it died: it needs more memory than there is, or crashes what runs it."
        return report.ended("failed", 0.0, message)
    return report.ended("failed", 0.0, one_line(f"the worker failed ({type(error).__name__}: {error})."))
