"""Runs the reports of a plan on a cluster: a bounded number handed out at a time, each result taken as it comes."""

import itertools
from collections.abc import Callable, Iterable, Iterator

from distributed import Client, Future, as_completed
from distributed.scheduler import KilledWorker

from stavis.batch.execution import Outcome, one_line, run_report
from stavis.batch.task import Job, Report
from stavis.errors import StavisError

AHEAD = 256
"""Reports that the scheduler knows of beyond those that run: enough that no worker waits, few enough that its memory stays flat."""


def outcomes(client: Client, job: Job, reports: Iterable[Report], make: Callable[[Job, Report], Outcome] = run_report) -> Iterator[Outcome]:
    """The outcome of each report, in the order in which they end. A report whose worker dies goes to another one.

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


def _outcome(future: Future, report: Report) -> Outcome:
    if future.status == "finished":
        return future.result()
    if future.status == "cancelled" or future.status == "lost":
        raise StavisError("the scheduler went away: start again when it is back; what is done stays done.")
    error = future.exception()
    if isinstance(error, KilledWorker):
        said = "each worker that took it died: it needs more memory than there is, or crashes what runs it."
        return Outcome(report.id, "failed", 0.0, said)
    return Outcome(report.id, "failed", 0.0, one_line(f"the worker failed ({type(error).__name__}: {error})."))
