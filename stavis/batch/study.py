"""A study from its spec to the finished index: plan, run what is missing, write how it stands."""

import shutil
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from tqdm.auto import tqdm

from stavis.batch.cluster import client_of, outcomes
from stavis.batch.index import write_index
from stavis.batch.parameters import Plain, Scalar
from stavis.batch.plan import StudyPlan, make_plan
from stavis.batch.publishing import check_place, publish_file
from stavis.batch.record import Report
from stavis.batch.shipped import shipped_specs
from stavis.batch.spec import StudyConfig, checked_config, read_config
from stavis.batch.status import Counts, pending, write_tables
from stavis.errors import StavisError
from stavis.printable import ShortRepr
from stavis.progress import StageLine, new_bar
from stavis.storage.files import atomic_file
from stavis.storage.locks import only_runner

WRITE_EVERY = 15.0  # seconds between two states of the index while a study runs, at least
TABLES = ("index.html", "summary.csv", "status.json")


@dataclass(frozen=True, repr=False)
class Study(ShortRepr):
    """A study as it stands: its folder, its index page, how many reports are done, failed, missing, and which failed and why."""

    out: Path
    index: Path
    counts: Counts
    made: int
    seconds: float
    interrupted: bool = False

    def _facts(self) -> Iterator[str]:
        yield str(self.out)
        yield from (f"{count} {name}" for name in ("done", "failed", "missing") if (count := getattr(self.counts, name)))
        yield f"{self.made} made now in {self.seconds:.0f} s"
        yield from ["interrupted"] * self.interrupted


def plan_study(
    source: str | Path,
    *,
    out: str | Path | None = None,
    over: Iterable[str] = (),
    parameters: dict[str, Scalar] | None = None,
    timeout: float | None = None,
    publish: str | None = None,
    quiet: bool = False,
) -> StudyPlan:
    """The checked plan of a spec (.yaml or a shipped name), or of a notebook (.ipynb or a shipped name) over the files that patterns match.

    Parameters
    ----------
    source : str or Path
        The spec, the notebook, or the name of a shipped one (specs: demo, study, bench; notebooks: explore, evaluate, ...).
    out : str or Path, optional
        The folder of the reports; by default out/NAME beside the spec, reports/out/NAME in this folder for what is shipped.
    over : iterable of str, optional
        Patterns of recordings, in place of those of the spec.
    parameters : dict, optional
        Values for the notebook's parameters, in place of those of the spec. The parameter's own annotation or default decides what a
        text is: "010" and "NO" stay text for a parameter that is text.
    timeout : float, optional
        Seconds that a report may take.
    publish : str, optional
        A place for copies of what is done (s3://, gs://, abs:// ...).
    quiet : bool, default False
        No progress bars.

    Returns
    -------
    StudyPlan

    Raises
    ------
    StavisError
        For everything that is wrong before anything runs.

    Examples
    --------
    >>> import tempfile, pathlib, nbformat, stavis
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> cell = nbformat.v4.new_code_cell("subject = 's1'", metadata={"tags": ["parameters"]})
    >>> nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "mine.ipynb")
    >>> stavis.plan_study(folder / "mine.ipynb", parameters={"subject": "010"}, quiet=True).reports[0].parameters
    {'subject': '010'}
    """
    source, shipped = Path(source), shipped_specs().get(str(source))
    own_spec = source.suffix.lower() in (".yaml", ".yml")
    base_dir = source.parent if own_spec else Path()
    spec = read_config(shipped or source) if shipped or own_spec else StudyConfig(notebook=_notebook_name(source))
    others = {"timeout": None if timeout is None else float(timeout), "publish": publish}
    spec = _changed(spec, source, list(over), parameters or {}, others)
    if out is not None and "://" in str(out):
        raise StavisError(f"--out is {out}: give a folder here, and publish copies with --publish {out}.")
    place = Path(out) if out is not None else base_dir / (spec.out or Path("" if own_spec else "reports") / "out" / source.stem)
    if spec.publish:
        check_place(spec.publish)
    return make_plan(spec, base_dir, place, quiet)


def _changed(spec: StudyConfig, source: Path, over: list[str], parameters: dict[str, Scalar], others: dict) -> StudyConfig:
    """A spec with what was given besides it in its place."""
    changes = {"recordings": {"glob": _absolute(over)}} if over else {}
    given = {name: Plain(value) if isinstance(value, str) else value for name, value in parameters.items()}
    changes["parameters"] = {**spec.parameters, **given}
    changes["vary"] = {name: list(values) for name, values in spec.vary.items() if name not in given}
    changes |= {name: value for name, value in others.items() if value is not None}
    if spec.recordings is not None and "recordings" not in changes:
        changes["recordings"] = spec.recordings.model_dump(exclude_none=True)
    return checked_config({**spec.model_dump(exclude={"recordings", "parameters", "vary"}), **changes}, str(source))


def run_study(
    source: str | Path | StudyPlan, *, scheduler=None, workers: int | None = None, force: bool = False, quiet=False, **options
) -> Study:
    """Make every report of a study that is not done yet, and its index, summary.csv and status.json. Ctrl-C and SIGTERM end it well.

    Parameters
    ----------
    source : str, Path or StudyPlan
        As in `plan_study`, or the plan itself.
    scheduler : str, optional
        The address of a Dask scheduler whose workers see the same files and have the same stavis; by default processes of this machine.
    workers : int, optional
        How many processes; by default as many as cores and memory allow.
    force : bool, default False
        Make every report again.
    quiet : bool, default False
        No progress bars.
    **options
        As in `plan_study`.

    Returns
    -------
    Study
        The folder, the index page and how many reports are done, failed and missing.

    Raises
    ------
    StavisError
        For a bad spec, an output folder that another runner holds or that cannot be written, an unreachable scheduler.

    Examples
    --------
    >>> done = stavis.run_study("explore", over=["videos/*.mp4"], out="explored", workers=2)  # doctest: +SKIP
    >>> done.counts.done, done.counts.failed  # doctest: +SKIP
    (3, 0)
    """
    started = time.monotonic()
    plan = source if isinstance(source, StudyPlan) else plan_study(source, quiet=quiet, **options)
    out = plan.job.out
    with only_runner(out), _ending_well():
        _clean(out)
        with atomic_file(plan.job.notebook) as temporary:
            nbformat.write(plan.notebook.node, temporary)
        progress = _Progress(plan, quiet)
        todo = list(pending(plan, force))
        try:
            if todo:
                with client_of(scheduler, plan.spec.memory_gb, workers) as client, progress.bar(todo):
                    for outcome in outcomes(client, plan.job, _again(todo, out, force)):
                        progress.take(outcome)
        except KeyboardInterrupt:
            signal_main(signal.SIGINT, signal.SIG_IGN)
            progress.interrupted = True
        _clean(out)
        counts = progress.write(finished=True)
        if plan.job.publish and not progress.interrupted:
            for name in TABLES:
                publish_file(plan.job.publish, out / name, name)
    return Study(out, out / "index.html", counts, progress.made, time.monotonic() - started, progress.interrupted)


def _again(todo: list[Report], out: Path, force: bool) -> Iterator[Report]:
    for report in todo:
        if force:
            shutil.rmtree(out / report.id, ignore_errors=True)
        yield report


@dataclass
class _Progress:
    """What has happened in this run, shown as a bar and written down from time to time."""

    plan: StudyPlan
    quiet: bool
    failures: dict[str, str] = field(default_factory=dict)
    made: int = 0
    interrupted: bool = False
    _shown: tqdm | StageLine | None = None
    _next: float = 0.0

    @contextmanager
    def bar(self, todo: list[Report]) -> Iterator[None]:
        total = len(self.plan.reports)
        self.write(finished=False)
        if self.quiet:
            yield
            return
        with new_bar("reports", total, total - len(todo), "report") as self._shown:
            yield

    def take(self, outcome) -> None:
        self.made += 1
        if outcome.state == "failed":
            self.failures[outcome.id] = outcome.reason
            if self._shown is not None:
                self._shown.set_postfix(failed=len(self.failures), refresh=False)
        if self._shown is not None:
            self._shown.update()
        if time.monotonic() > self._next:
            self.write(finished=False)

    def write(self, finished: bool) -> Counts:
        """Write index, summary and status; while the study runs, at most a twentieth of the time goes into it."""
        started = time.monotonic()
        write_index(self.plan, self.failures, self.plan.job.out, finished)
        counts = write_tables(self.plan, self.failures, self.plan.job.out)
        self._next = time.monotonic() + max(WRITE_EVERY, 20 * (time.monotonic() - started))
        return counts


def _clean(out: Path) -> None:
    """Remove the halves that killed runners and workers left; called by the one that holds the folder."""
    for half in (*out.glob(".*.part*"), *out.glob(".*.old")):
        if half.is_dir():
            shutil.rmtree(half, ignore_errors=True)
        else:
            half.unlink(missing_ok=True)


@contextmanager
def _ending_well() -> Iterator[None]:
    """SIGTERM ends a study as Ctrl-C does."""

    def end(number, frame):
        raise KeyboardInterrupt

    before = (signal_main(signal.SIGTERM, end), signal.getsignal(signal.SIGINT))
    try:
        yield
    finally:
        if before[0] is not None:
            signal_main(signal.SIGTERM, before[0])
            signal_main(signal.SIGINT, before[1])


def signal_main(number: int, handler):
    """Set a signal's handler where that can be done (in the main thread); returns the one before."""
    return signal.signal(number, handler) if threading.current_thread() is threading.main_thread() else None


def _notebook_name(source: Path) -> str:
    return str(source.resolve()) if source.suffix == ".ipynb" else str(source)


def _absolute(patterns: list[str]) -> list[str]:
    return [str(Path.cwd() / Path(pattern).expanduser()) for pattern in patterns]
