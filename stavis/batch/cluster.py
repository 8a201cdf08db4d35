"""Where reports run: processes of this machine, as many as cores and memory carry, or a Dask cluster that is there already."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import dask
from distributed import Client, LocalCluster
from distributed.system import MEMORY_LIMIT
from joblib import cpu_count

from stavis.errors import StavisError
from stavis.logs import quiet_loggers

CONNECT_SECONDS = 10
DEATHS = 2
"""How many workers a report may take with it; with one more it is given up and named."""
_SETTINGS = {
    "distributed.scheduler.allowed-failures": DEATHS,
    "distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s",
    "distributed.admin.system-monitor.log-length": 60,  # histories that only a dashboard would show
    "distributed.worker.profile.enabled": False,
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
        preload=["stavis.batch.worker"],
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
