"""One report: done, or failed with one sentence, and in either case its folder whole; and what its kernel leaves behind: nothing."""

import json
import os
import time

import nbformat
import psutil
import pytest

from stavis.batch.execution import run_report
from stavis.batch.record import read_report
from stavis.errors import StavisError
from tests.batch.conftest import write_notebook
from tests.failing_disk import full_disk

WHOLE = {"executed.ipynb", "report.html", "report.json"}


@pytest.fixture
def made(home, frozen):
    """`made(text="a")` makes one report with these parameters; returns its outcome and its folder."""

    def make(notebook="tiny.ipynb", timeout=60, output_mb=64, **parameters):
        plan = frozen(home.plan(notebook=notebook, recordings=None, parameters=parameters, timeout=timeout, output_mb=output_mb))
        return run_report(plan.job, plan.reports[0]), home.out / plan.reports[0].id

    return make


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def halves(home) -> list:
    return [path for path in home.out.rglob("*") if ".part" in path.name or ".old" in path.name]


def test_a_report_is_a_folder_with_the_notebook_the_page_and_what_it_wrote(made, home):
    outcome, folder = made(text="hello")
    assert (outcome.state, outcome.reason) == ("done", "")
    assert names(folder) == WHOLE | {"figures.json"} and halves(home) == []
    executed = nbformat.read(folder / "executed.ipynb", 4)
    assert executed.cells[-1].outputs[0].text == "hello\n"
    page = (folder / "report.html").read_text()
    assert "hello" in page and "Content-Security-Policy" in page and "parameter text" in page
    assert read_report(folder).figures == {"letters": 5.0, "size": 0.0}


AWKWARD = 'it\'s "q"\nnew\\line {{ text }} {0} ${HOME} %s 表情 \U0001f600 \t</script><img src=x onerror=alert(1)>\'\'\'"""'


def test_parameters_arrive_as_they_are(made, home):
    outcome, folder = made(text=AWKWARD)
    assert outcome.state == "done" and read_report(folder).figures["letters"] == len(AWKWARD)
    assert nbformat.read(folder / "executed.ipynb", 4).cells[-1].outputs[0].text == AWKWARD + "\n"
    assert "<img src=x" not in (folder / "report.html").read_text()


def test_an_output_folder_may_have_braces_in_its_name(home, frozen):
    home.folder = home.folder.rename(home.folder.with_name("{{home}} {0}"))
    plan = frozen(home.plan(recordings=None))
    assert run_report(plan.job, plan.reports[0]).state == "done"


FAILURES = {
    "raise": ("cell `import json, os, time`: ValueError: no <b>luck</b> today", 60),
    "hang": ("was still running after the report's 2 s", 2),
    "die": ("the kernel died twice", 60),
    "vanish": ("FileNotFoundError", 60),
}


@pytest.mark.parametrize("mode", FAILURES)
def test_a_notebook_that_fails_is_kept_with_the_reason(made, home, mode):
    said, timeout = FAILURES[mode]
    video = {"video": str(home.folder / "videos" / "rec00.mp4")} if mode == "vanish" else {}
    if video:
        write_notebook(home.folder / "thief.ipynb", "import os\nos.unlink(video)\nopen(video)")
    outcome, folder = made("thief.ipynb" if video else "tiny.ipynb", timeout, mode=mode, **video)
    assert outcome.state == "failed" and said in outcome.reason and "\n" not in outcome.reason and "\x1b" not in outcome.reason
    assert names(folder) == WHOLE and halves(home) == []
    assert "Traceback" in (folder / "report.html").read_text() or outcome.reason[:40] in (folder / "report.html").read_text()
    record = read_report(folder)
    assert (record.state, record.reason) == ("failed", outcome.reason)


def test_a_notebook_that_prints_100_mb_is_stopped_and_its_page_stays_small(made, home):
    outcome, folder = made(mode="flood", output_mb=5)
    assert outcome.state == "failed" and "showed more than 5 MB" in outcome.reason
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1e6 and halves(home) == []


def test_a_recording_that_vanishes_before_its_turn_is_one_sentence(home, frozen):
    plan = frozen(home.plan())
    (home.folder / "videos" / "rec00.mp4").unlink()
    outcome = run_report(plan.job, plan.reports[0])
    assert outcome.state == "failed" and "rec00.mp4 is not there any more" in outcome.reason


def test_a_full_disk_is_one_sentence_and_leaves_nothing(home, frozen):
    plan = frozen(home.plan())
    assert run_report(plan.job, plan.reports[0]).state == "done"
    with full_disk(100):
        outcome = run_report(plan.job, plan.reports[1])
    assert outcome.state == "failed" and len(outcome.reason) < 500
    assert halves(home) == [] and read_report(home.out / plan.reports[1].id) is None
    assert run_report(plan.job, plan.reports[1]).state == "done"


def test_what_is_done_is_not_done_again_and_what_failed_is(home, frozen):
    plan = frozen(home.plan())
    report = plan.reports[0]
    run_report(plan.job, report)
    stamp = (home.out / report.id / "report.json").stat().st_mtime_ns
    assert run_report(plan.job, report).state == "done"
    assert (home.out / report.id / "report.json").stat().st_mtime_ns == stamp
    failed = frozen(home.plan(parameters={"mode": "raise"}))
    assert run_report(failed.job, failed.reports[0]).state == run_report(failed.job, failed.reports[0]).state == "failed"
    assert (home.out / report.id / "report.json").stat().st_mtime_ns > stamp


def test_another_version_of_stavis_on_a_worker_is_said(home, frozen, monkeypatch):
    plan = frozen(home.plan())
    monkeypatch.setattr("stavis.batch.execution.package_version", lambda: "99")
    outcome = run_report(plan.job, plan.reports[0])
    assert outcome.state == "failed" and "install the same on every worker" in outcome.reason


def test_modules_beside_the_notebook_can_be_imported(made, home):
    (home.folder / "neighbour.py").write_text("answer = 42\n")
    write_notebook(home.folder / "curious.ipynb", "import neighbour\nprint(neighbour.answer, __import__('os').getcwd())")
    outcome, folder = made("curious.ipynb")
    shown = nbformat.read(folder / "executed.ipynb", 4).cells[-1].outputs[0].text
    assert outcome.state == "done" and shown.startswith("42 ") and ".part" in shown


def test_kernels_do_not_know_of_each_other(made, home):
    write_notebook(home.folder / "a.ipynb", "import os, random\nos.environ['STAIN'] = random.stain = '1'\nprint(random.random())")
    write_notebook(
        home.folder / "b.ipynb",
        "import os, random\nprint(random.random())\nassert 'STAIN' not in os.environ and not hasattr(random, 'stain')",
    )
    shown = []
    for name in ("a.ipynb", "b.ipynb", "b.ipynb"):
        outcome, folder = made(name, count=len(shown))
        assert outcome.state == "done", outcome.reason
        shown.append(nbformat.read(folder / "executed.ipynb", 4).cells[-1].outputs[0].text)
    assert len(set(shown)) == 3  # a fork has its parent's random numbers: each kernel draws its own


def test_what_a_notebook_starts_ends_with_it(made):
    before = {process.pid for process in psutil.process_iter() if process.name() == "sleep"}
    assert made(mode="leave")[0].state == "done"
    until = time.monotonic() + 2
    while time.monotonic() < until and {p.pid for p in psutil.process_iter() if p.name() == "sleep" and p.status() != "zombie"} - before:
        time.sleep(0.05)
    assert not {p.pid for p in psutil.process_iter() if p.name() == "sleep" and p.status() != "zombie"} - before


def test_files_that_a_notebook_leaves_open_are_written_out(made, home):
    write_notebook(home.folder / "open.ipynb", "kept = open('kept.txt', 'w')\nkept.write('all of it')")
    outcome, folder = made("open.ipynb")
    assert outcome.state == "done" and (folder / "kept.txt").read_text() == "all of it"


def test_copies_go_where_papermill_writes(home, frozen):
    from papermill.iorw import papermill_io

    written = {}

    class Store:
        @staticmethod
        def write(text, path):
            if "full" in path:
                raise PermissionError("bucket is closed")
            written[path] = text

    papermill_io.register("store://", Store())
    try:
        plan = frozen(home.plan(publish="store://bucket/study/"))
        report = plan.reports[0]
        assert run_report(plan.job, report).state == "done"
        place = f"store://bucket/study/{report.id}"
        assert set(written) == {f"{place}/executed.ipynb", f"{place}/report.html"}
        written.clear()
        run_report(plan.job, report)
        assert written == {}  # it is there already
        closed = frozen(home.plan(publish="store://full"))
        outcome = run_report(closed.job, report)
        assert outcome.state == "failed" and "bucket is closed" in outcome.reason
        assert read_report(home.out / report.id).state == "done"
    finally:
        papermill_io._handlers = [one for one in papermill_io._handlers if one[0] != "store://"]


def test_an_extra_that_is_not_installed_is_said_before_anything_runs(home):
    pytest.importorskip("papermill")
    try:
        import boto3  # noqa: F401

        pytest.skip("boto3 is installed here")
    except ImportError:
        pass
    with pytest.raises(StavisError, match="needs more of papermill"):
        home.plan(publish="s3://bucket/study")


def test_numbers_of_a_notebook_are_read_with_care(made, home):
    write_notebook(home.folder / "odd.ipynb", 'open(\'figures.json\', \'w\').write(\'{"a": NaN, "b": "<b>", "c": 2, "d": true}\')')
    outcome, folder = made("odd.ipynb")
    assert outcome.state == "done" and json.loads((folder / "report.json").read_text())["figures"] == {"c": 2.0}
    assert os.path.getsize(folder / "report.html") > 0
