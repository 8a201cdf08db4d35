"""One report: its notebook run by papermill in a kernel of its own, within its time, then made into a page; all of it or nothing."""

import logging
import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import papermill
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillException, PapermillExecutionError

from stavis.batch.collect import collected, thumbnail
from stavis.batch.kernels import ReportKernelManager
from stavis.batch.publishing import publish
from stavis.batch.record import NOTEBOOK, PAGE, Job, Report, read_report
from stavis.errors import StavisError
from stavis.logs import quiet_loggers
from stavis.provenance import package_version, provenance
from stavis.show.reports.notebook_page import export_notebook
from stavis.storage.files import atomic_folder

START_SECONDS = 120  # that a kernel may take to answer
_KEPT_OF_A_FLOOD = 20_000  # characters
_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def run_report(job: Job, report: Report) -> Report:
    """Make one report, unless it is there already, and return it with how it ended; never raises for what is wrong with it.

    Its folder appears in one rename, with the executed notebook, the page, what the notebook wrote, and report.json. A report that
    fails has them too, with the traceback, as far as the disk allows.
    """
    started = time.monotonic()
    home = job.out / report.id
    try:
        if job.version != package_version():
            raise StavisError(f"this worker has stavis {package_version()}, the study {job.version}: install the same on every worker.")
        known = read_report(home)
        if known is None or known.key != report.key or known.state != "done":
            known = _make(job, report, home, started)
        if job.publish and known.state == "done" and known.published != job.publish:
            publish(job.publish, home)
        return report.ended(known.state, known.seconds, known.reason)
    except StavisError as error:
        return report.ended("failed", time.monotonic() - started, one_line(str(error)))


def _make(job: Job, report: Report, home: Path, started: float) -> Report:
    if report.video and not Path(report.video).exists():
        raise StavisError(f"{report.video} is not there any more: put it back, or take it out of the spec.")
    with atomic_folder(home) as work:
        reason = _execute(job, report, work)
        facts = {
            "recording": report.video or None,
            "notebook": job.name,
            **{f"parameter {k}": repr(v) for k, v in report.parameters.items()},
        }
        found = collected(replace(report, page=f"{report.id}/{PAGE}"), work)
        begins = {"problem": reason, "finding": found.finding, "notices": found.notices, "index": "../index.html"}
        export_notebook(work / NOTEBOOK, work / PAGE, title=_title(job, report), provenance=provenance(**facts), **begins)
        if report.video:
            thumbnail(report.video, work)
        made = found.ended("failed" if reason else "done", round(time.monotonic() - started, 2), reason)
        made.write(work)
    return made


def _title(job: Job, report: Report) -> str:
    varied = ", ".join(f"{name} {value}" for name, value in report.varied.items())
    return " · ".join(filter(None, (report.recording or Path(job.name).stem, varied)))


def _execute(job: Job, report: Report, work: Path) -> str:
    """Run the notebook; returns why it failed, '' where it did not. A kernel that dies is started once more."""
    for last in (False, True):
        run = _Run(job, work)
        reason, again = _attempt(run, report)
        if last or not again:
            break
    if run.node is not None and (reason and not (work / NOTEBOOK).exists()):
        _keep(run, reason, work)
    return reason


def _attempt(run: "_Run", report: Report) -> tuple[str, bool]:
    """Why the run failed ('' where it did not), and whether another kernel may help."""
    try:
        papermill_engines.register("stavis", _Engine)
        with quiet_loggers("papermill", level=logging.CRITICAL):
            papermill.execute_notebook(
                nbformat.read(run.job.notebook, as_version=4),
                str(run.work / NOTEBOOK).replace("{", "{{").replace("}", "}}"),
                parameters=report.parameters,
                engine_name="stavis",
                request_save_on_cell_execute=False,
                progress_bar=False,
                start_timeout=START_SECONDS,
                autosave_cell_every=0,
                run=run,
            )
    except PapermillExecutionError as error:
        text = _ESCAPES.sub("", str(error.evalue)).strip()
        known = error.ename in ("StavisError", "KeyboardInterrupt") and text
        return one_line(text if known else f"{run.where}: {error.ename}: {text}" if text else f"{run.where}: {error.ename}"), False
    except CellTimeoutError:
        return f"{run.where} was still running after the report's {run.job.timeout:g} s: fix it, or raise `timeout`.", False
    except (DeadKernelError, RuntimeError) as error:
        if run.flooded:
            return f"{run.where} showed more than {run.job.output_mb:g} MB: show less, or raise `output_mb`.", False
        if isinstance(error, DeadKernelError) or "ernel" in str(error):
            return f"the kernel died twice, the second time in {run.where}: it ended itself, crashed, or had too little memory.", True
        return one_line(f"{run.where}: {error}"), False
    except (PapermillException, NoSuchKernel, OSError, ValueError) as error:
        return one_line(f"papermill could not run it ({type(error).__name__}: {error})."), False
    return "", False


@dataclass
class _Run:
    """One execution of a notebook: where it stands, and what its client must know of it."""

    job: Job
    work: Path
    node: nbformat.NotebookNode | None = None
    cell: int = 0
    shown: int = 0
    flooded: bool = False
    deadline: float = 0.0

    where: str = "its start"

    def at(self, number: int, source: str) -> None:
        """Note the cell that runs now, in words for a sentence."""
        lines = [line.strip() for line in source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        self.cell, self.where = number, f"cell `{(lines or ['empty'])[0][:60]}`"


class _Client(PapermillNotebookClient):
    """Papermill's client that keeps to a report's time and to how much it may show."""

    def __init__(self, nb_man, run: _Run, **options):
        super().__init__(nb_man, **options)
        self.run = run

    def execute_cell(self, cell, cell_index, *rest, **options):
        self.run.at(cell_index, cell.source)
        return super().execute_cell(cell, cell_index, *rest, **options)

    def process_message(self, msg, cell, cell_index):
        self.run.shown += _size(msg["content"])
        if self.run.shown > self.run.job.output_mb * 1e6:
            if not self.run.flooded:
                self.run.flooded, self.shutdown_kernel = True, "immediate"
                self.task_poll_for_reply.cancel()
            return None
        return super().process_message(msg, cell, cell_index)

    async def _async_handle_timeout(self, timeout, cell=None):
        self.shutdown_kernel = "immediate"
        return await super()._async_handle_timeout(timeout, cell)


class _Engine(NBClientEngine):
    """Papermill's engine with the kernels and bounds of a report; the kernel works in the report's folder."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, run: _Run, start_timeout=START_SECONDS, **options):
        run.node = nb_man.nb
        run.deadline = time.monotonic() + run.job.timeout
        manager = type("Manager", (ReportKernelManager,), {"preload": run.job.preload, "path": (run.job.base_dir,)})
        client = _Client(
            nb_man,
            run,
            kernel_name=kernel_name,
            kernel_manager_class=manager,
            startup_timeout=start_timeout,
            timeout_func=lambda cell: max(1, round(run.deadline - time.monotonic())),
            iopub_timeout=60,
            coalesce_streams=True,
            store_widget_state=False,
        )
        return client.execute(cwd=str(run.work))


def _size(content: dict) -> int:
    """About how many bytes a message will take in the notebook."""
    data = content.get("data")
    parts = data.values() if isinstance(data, dict) else ()
    return len(content.get("text") or "") + sum(len(part) if isinstance(part, str) else len(str(part)) for part in parts)


def _keep(run: _Run, reason: str, work: Path) -> None:
    """Write the notebook of a run that was broken off, with the reason in the cell where it stood."""
    cell = run.node.cells[run.cell]
    if cell.cell_type == "code":
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and len(output.text) > _KEPT_OF_A_FLOOD:
                output.text = f"{output.text[:_KEPT_OF_A_FLOOD]}\n... ({len(output.text) - _KEPT_OF_A_FLOOD} more characters)\n"
        kept = cell.setdefault("outputs", [])
        kept[200:] = []
        kept.append(nbformat.v4.new_output("error", ename="Stopped", evalue=reason, traceback=[reason]))
    run.node.metadata.papermill["exception"] = True
    nbformat.write(run.node, work / NOTEBOOK)


def one_line(text: str) -> str:
    """A reason as one line of bounded length."""
    line = " ".join(_ESCAPES.sub("", text).split())
    return line if len(line) <= 400 else f"{line[:397]}..."
