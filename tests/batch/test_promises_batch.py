"""The promises that batches keep: 3 old or new, never half; 8 one bad recording costs one recording; 9 a dead worker or kernel costs
one retry; 10 reports are inert and offline."""

import errno
import http.server
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import nbformat
import psutil
import pytest
from playwright.sync_api import sync_playwright

from stavis.batch import execution
from stavis.batch.record import read_report
from stavis.batch.study import run_study
from stavis.errors import StavisError
from stavis.storage.files import content_hash
from tests.batch.conftest import write_notebook
from tests.batch.test_index_browser import ARGUMENTS
from tests.conftest import ROOT
from tests.failing_disk import failing_call

pytestmark = pytest.mark.timeout(400)
FULL = OSError(errno.ENOSPC, "No space left on device")
WHOLE = {"executed.ipynb", "report.html", "report.json"}


# 3 Old or new, never half


@pytest.fixture
def quick(monkeypatch):
    """Reports whose notebook needs no kernel: a promise about files asks for many of them."""

    def run(job, report, work):
        nbformat.write(nbformat.read(job.notebook, 4), work / "executed.ipynb")
        return ""

    monkeypatch.setattr(execution, "_execute", run)


def contents(folder: Path) -> dict[str, str]:
    return {path.name: content_hash(path) for path in folder.iterdir() if path.name != "report.json"} if folder.exists() else {}


def test_3_whichever_write_fails_a_report_is_absent_or_whole(home, frozen, quick):
    plan = frozen(home.plan())
    report, folder = plan.reports[0], home.out / plan.reports[0].id
    refusals = 0
    for number in range(1, 100):
        with failing_call(number, FULL) as calls:
            outcome = execution.run_report(plan.job, report)
        assert not [path for path in home.out.rglob("*") if ".part" in path.name or ".old" in path.name]
        if outcome.state == "done":
            assert calls.count < number and {path.name for path in folder.iterdir()} == WHOLE
            break
        refusals += 1
        assert "No space left" in outcome.reason and not folder.exists()
    assert refusals > 8 and outcome.state == "done"


def test_3_over_an_older_report_it_is_the_old_or_the_new_one(home, frozen, quick):
    plan = frozen(home.plan())
    folder = home.out / plan.reports[0].id
    execution.run_report(plan.job, plan.reports[0])
    old = contents(folder)
    write_notebook(home.folder / "tiny.ipynb", "print('new words')")
    changed = frozen(home.plan())
    for number in range(1, 100):
        with failing_call(number, FULL):
            outcome = execution.run_report(changed.job, changed.reports[0])
        if outcome.state == "done":
            break
        assert contents(folder) == old and read_report(folder).key == plan.reports[0].key
    assert number > 8 and contents(folder) != old


def test_3_whichever_write_of_the_tables_fails_each_is_old_or_new(home, cluster):
    run_study(home.plan(), scheduler=cluster, quiet=True)
    tables = ("index.html", "summary.csv", "status.json")
    before = {name: (home.out / name).read_bytes() for name in tables}
    plan, failed = home.plan(title="another title"), 0
    for number in range(1, 60):
        try:
            with failing_call(number, FULL) as calls:
                run_study(plan, scheduler=cluster, quiet=True)
        except StavisError as error:
            failed += 1
            assert "No space left" in str(error)
            assert all((home.out / name).read_bytes() == before[name] for name in ("summary.csv", "status.json"))
            assert (home.out / "index.html").read_bytes().endswith(b"</html>")
        else:
            assert b"another title" in (home.out / "index.html").read_bytes()
            if calls.count < number:
                break  # no call was left to fail
            run_study(home.plan(), scheduler=cluster, quiet=True)  # what failed was no table: who runs here is only for others to read
    assert failed > 6


def family(runner: subprocess.Popen) -> dict[str, list[psutil.Process]]:
    """The runner's processes by what they are."""
    found = {"runner": [psutil.Process(runner.pid)], "worker": [], "fork server": [], "kernel": []}
    with suppress(psutil.Error):
        for child in found["runner"][0].children(recursive=True):
            with suppress(psutil.Error):
                words = " ".join(child.cmdline())
                if "stavis.batch.fork_server" in words:
                    found["kernel" if "stavis.batch.fork_server" in " ".join(child.parent().cmdline()) else "fork server"].append(child)
                elif "spawn_main" in words:
                    found["worker"].append(child)
    return found


def alive(processes) -> list[int]:
    found = []
    for one in processes:
        with suppress(psutil.Error):
            found += [one.pid] if one.is_running() and one.status() != psutil.STATUS_ZOMBIE else []
    return found


def started(home, *words) -> subprocess.Popen:
    command = [sys.executable, "-m", "stavis.cli", "report", str(home.yaml), "--out", str(home.out), "--quiet", *words]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)


def complete(home) -> dict[str, tuple]:
    """Each report that is done with its inode and time: a report made again has others."""
    found = {}
    for path in home.out.glob("[!.]*/report.json"):
        if read_report(path.parent) and read_report(path.parent).state == "done":
            state = path.stat()
            found[path.parent.name] = (state.st_ino, state.st_mtime_ns)
    return found


@pytest.mark.slow
def test_3_9_killed_at_ten_random_moments_every_report_is_there_whole_and_made_once(home):
    """SIGKILL, ten times, of the runner, a worker, its fork server or a kernel; the runner is started again whenever it is gone."""
    home.recordings(12)
    home.write(parameters={"pause": 0.7})
    rng = random.Random(7)
    kinds = ["runner", "worker", "kernel", "kernel", "worker", "runner", "kernel", "fork server", "kernel", "runner"]
    runner, done, killed = started(home, "--workers", "2"), {}, []
    deadline = time.monotonic() + 350
    try:
        while kinds and time.monotonic() < deadline:
            if runner.poll() is not None:
                home.write(parameters={"pause": 0.7}, title=str(len(kinds)))
                if len(complete(home)) == 12:  # all done before all were killed: one more recording to do
                    (home.folder / "videos" / f"more{len(kinds)}.mp4").write_bytes(b"more")
                runner = started(home, "--workers", "2")
            time.sleep(rng.uniform(0.1, 0.6))
            everyone = family(runner)
            if not everyone["kernel"]:
                continue  # not under way yet
            victims = everyone[kinds[0]]
            if not victims:
                continue
            with suppress(psutil.Error):
                rng.choice(victims).send_signal(signal.SIGKILL)
                killed.append(kinds.pop(0))
            if killed and killed[-1] == "runner":
                runner.communicate()
                time.sleep(2)
                assert alive(one for group in everyone.values() for one in group) == [], "nothing is left two seconds after"
            now = complete(home)
            assert {name: now.get(name) for name in done} == done, "what was complete was made again"
            done = now
        assert kinds == [], f"only {killed} in time"
    finally:
        with suppress(OSError):
            os.killpg(runner.pid, signal.SIGTERM)
        runner.communicate(timeout=60)
    last = started(home, "--workers", "2", "--json")
    out, err = last.communicate(timeout=200)
    assert last.returncode == 0, err
    assert json.loads(out)["failed"] == json.loads(out)["missing"] == 0
    now = complete(home)
    assert {name: now.get(name) for name in done} == done and len(now) == len(list((home.folder / "videos").iterdir()))
    for name in now:
        nbformat.read(home.out / name / "executed.ipynb", 4)
        assert (home.out / name / "report.html").read_text().rstrip().endswith("</html>")
    assert not list(home.out.glob(".*.part*")) and not list(home.out.glob(".*.old"))


# 8 One bad recording costs one recording

SEVEN = {
    # kind of trouble: what its notebook does
    "raises": "raise ValueError('no face')",
    "hangs": "import time; time.sleep(600)",
    "kills its kernel": "import os; os._exit(9)",
    "prints without end": "while True: print('x' * 100_000)",
    "loses its recording": "open(video + '.gone')",
    "asks a question": "input('?')",
    "is no Python": "import ast; ast.parse('this is no Python')",
}


@pytest.mark.slow
def test_8_seven_bad_recordings_of_a_hundred_cost_seven_reports(home, cluster):
    bad = "\n".join(f"if name == 'bad{number}':\n    {work}" for number, work in enumerate(SEVEN.values()))
    write_notebook(home.folder / "tiny.ipynb", f"import pathlib\nname = pathlib.Path(video).read_text()\n{bad}\nprint(name)")
    home.recordings(93)
    for number in range(7):
        (home.folder / "videos" / f"spoiled{number}.mp4").write_text(f"bad{number}")
    changes = {"timeout": 8, "output_mb": 3}
    done = run_study(home.plan(**changes), scheduler=cluster, quiet=True)
    assert (done.counts.done, done.counts.failed, done.counts.missing) == (93, 7, 0)
    reasons = dict(done.counts.failures)
    assert len(reasons) == 7 == len(set(reasons.values())) and all("\n" not in reason for reason in reasons.values())
    said = (
        "no face",
        "still running after the report's 8 s",
        "kernel died twice",
        "more than 3 MB",
        "FileNotFoundError",
        "StdinNotImplementedError",
        "SyntaxError",
    )
    assert all(word in reasons[f"spoiled{number}"] for number, word in enumerate(said)), reasons
    rows = {row["recording"]: row for row in json.loads((home.out / "status.json").read_text())}
    assert all(rows[name]["reason"] == reason and (home.out / rows[name]["page"]).is_file() for name, reason in reasons.items())
    for number in range(7):  # mended: only these seven are made
        (home.folder / "videos" / f"spoiled{number}.mp4").write_text("well")
    before = complete(home)
    again = run_study(home.plan(**changes), scheduler=cluster, quiet=True)
    assert (again.made, again.counts.done, again.counts.failed) == (7, 100, 0)
    assert {name: complete(home)[name] for name in before} == before


# 9 A dead worker or kernel costs one retry


def test_9_a_kernel_that_dies_once_costs_one_retry(home, frozen):
    work = "import os, pathlib\nmark = pathlib.Path(text)\n"
    work += "if not mark.exists():\n    mark.touch()\n    os.kill(os.getpid(), 9)\nprint('alive')"
    mark = home.folder / "mark.txt"
    write_notebook(home.folder / "tiny.ipynb", work.replace("(text)", f"({str(mark)!r})"))
    plan = frozen(home.plan(recordings=None))
    assert execution.run_report(plan.job, plan.reports[0]).state == "done" and mark.exists()


@pytest.mark.slow
def test_9_a_report_that_takes_every_worker_with_it_is_named_and_the_others_are_done(home):
    """Three recordings, one of which kills what runs it: its worker's process."""
    killer = "import psutil, time\nif 'rec01' in video:\n    psutil.Process().parent().parent().kill()\n    time.sleep(60)\nprint('well')"
    write_notebook(home.folder / "tiny.ipynb", killer)
    home.write()
    runner = started(home, "--workers", "2", "--json")
    out, err = runner.communicate(timeout=300)
    assert runner.returncode == 1 and json.loads(out)["done"] == 2, err
    assert err.splitlines() == [
        "failed: rec01: each worker that took it died: it needs more memory than there is, or crashes what runs it."
    ]


def test_9_a_cell_that_hangs_ends_with_its_text(home, frozen):
    write_notebook(home.folder / "tiny.ipynb", "while count:\n    pass")
    plan = frozen(home.plan(recordings=None, timeout=2))
    outcome = execution.run_report(plan.job, plan.reports[0])
    assert outcome.state == "failed" and outcome.reason.startswith("cell `while count:` was still running after the report's 2 s")


# 10 Reports are inert and offline

EVIL = '</script><script>window.bad=1</script><img src="http://127.0.0.1:{port}/x" onerror="window.bad=1">'


@pytest.fixture
def bait():
    """A web server that markup tries to reach: its port, and what was asked of it."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, asked
        server.shutdown()


@pytest.mark.browser
def test_10_names_and_parameters_of_markup_run_nothing_and_fetch_nothing(home, cluster, chromium, bait):
    """With the network there: under the pages' own policy nothing is asked of it, though the notebook shows the markup as HTML."""
    port, asked = bait
    evil = EVIL.format(port=port)
    show = "from IPython.display import HTML, Javascript, display\nprint(text)\n"
    show += "display(HTML(text), Javascript('window.bad=1'))\nraise ValueError(text)"
    write_notebook(home.folder / "tiny.ipynb", show)
    (home.folder / "videos" / "<img src=x onerror=window.bad=1>.mp4").write_bytes(b"x")
    done = run_study(home.plan(parameters={"text": evil}, title=evil, vary={"mode": [evil]}), scheduler=cluster, quiet=True)
    assert done.counts.failed == 4
    rows = json.loads((home.out / "status.json").read_text())
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=ARGUMENTS.split())
        page, wrong = browser.new_page(), []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.set_content(f'<img src="http://127.0.0.1:{port}/control">')  # without a policy it is asked for
        page.wait_for_timeout(500)
        assert asked == ["/control"]
        for path in (done.index, *(home.out / row["page"] for row in rows)):
            page.goto(path.as_uri())
            page.wait_for_timeout(300)
            assert page.evaluate("window.bad") is None and page.locator("h1").count() >= 1
        browser.close()
    assert wrong == [] and asked == ["/control"] and evil not in done.index.read_text()
