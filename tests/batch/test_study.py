"""A study from its spec to its index, on a cluster of two workers: what is missing is done, what fails is told, the rest goes on."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import psutil
import pytest

from stavis.batch.study import run_study
from stavis.errors import StavisError
from stavis.storage.locks import only_runner
from tests.conftest import ROOT

FILES = {"index.html", "summary.csv", "status.json", "notebook.ipynb", ".runner.lock"}


def status(home) -> list[dict]:
    return json.loads((home.out / "status.json").read_text())


def stamps(home) -> dict[str, int]:
    """When each report was written; one that is not renamed into place yet is none."""
    return {path.parent.name: path.stat().st_mtime_ns for path in home.out.glob("[!.]*/report.json")}


@pytest.fixture
def run(home, cluster):
    """`run(vary=...)` runs the study with these changes of its spec."""
    return lambda **changes: run_study(home.plan(**changes), scheduler=cluster, quiet=True)


def test_a_study_leaves_its_reports_an_index_and_two_tables(home, run):
    done = run(vary={"count": [1, 2]})
    assert (done.counts.done, done.counts.failed, done.made) == (6, 0, 6)
    rows = status(home)
    assert {path.name for path in home.out.iterdir()} == FILES | {row["id"] for row in rows}
    assert [set(row) for row in rows] == [{"id", "recording", "parameters", "state", "seconds", "page", "reason"}] * 6
    assert all((home.out / row["page"]).is_file() and row["state"] == "done" and row["seconds"] > 0 for row in rows)
    with open(home.out / "summary.csv", newline="") as stream:
        assert next(csv.reader(stream)) == ["id", "recording", "count", "method", "region", "share", "density", "regions_version"]


def test_started_again_it_does_what_is_missing_or_changed(home, run):
    run()
    first = stamps(home)
    assert run().made == 0 and stamps(home) == first
    (home.folder / "videos" / "rec01.mp4").write_bytes(b"another")
    (home.folder / "videos" / "rec09.mp4").write_bytes(b"new")
    done = run()
    after = stamps(home)
    changed = {name[:5] for name in after if after[name] != first.get(name)}
    assert done.made == 2 and changed == {"rec01", "rec09"} and done.counts.done == 4


def test_a_report_that_lost_a_file_is_made_again(home, run):
    run()
    name = status(home)[0]["id"]
    (home.out / name / "report.html").unlink()
    assert run().made == 1 and (home.out / name / "report.html").is_file()
    (home.out / name / "report.json").write_text("{}")
    assert run().made == 1


def test_halves_that_a_killed_runner_left_are_swept(home, run):
    run()
    (home.out / ".rec00.abc.part").mkdir()
    (home.out / ".status.xyz.part.json").write_text("half")
    run()
    assert not [path for path in home.out.iterdir() if ".part" in path.name]


def test_the_shell_makes_a_study_and_tells_what_failed_and_why(home, cluster, shell):
    home.write(vary={"mode": ["well", "raise"]})
    done = shell("report", home.yaml, "--out", home.out, "--scheduler", cluster, "--quiet", "--json")
    assert done.code == 1
    told = json.loads(done.out)
    assert (told["done"], told["failed"], told["made"]) == (3, 3, 6)
    lines = done.err.splitlines()
    assert len(lines) == 3 and all(line.startswith("failed: rec0") and "ValueError: no <b>luck</b>" in line for line in lines)
    again = shell("report", home.yaml, "--out", home.out, "--scheduler", cluster, "--quiet", "--resume")
    assert again.code == 1 and "3 done, 3 failed; 3 made now" in again.out
    forced = shell("report", home.yaml, "--out", home.out, "--scheduler", cluster, "--quiet", "--force", "-p", "mode=well")
    assert forced.code == 0 and "3 done, 0 failed; 3 made now" in forced.out


def test_a_dry_run_prints_the_plan_and_writes_nothing(home, shell):
    home.write(vary={"count": [1, 2]})
    done = shell("report", home.yaml, "--out", home.out, "--dry-run", "--quiet")
    assert done.code == 0 and done.out.count("rec01") == 4 and "6 reports" in done.err and not home.out.exists()
    rows = json.loads(shell("report", home.yaml, "--out", home.out, "--dry-run", "--json", "--quiet").out)
    assert len(rows) == 6 and rows[0]["recording"] == "rec00"


BAD_WORDS = {
    "no spec": ((), "needs a spec or a notebook"),
    "missing spec": (("none.yaml",), "does not exist"),
    "missing notebook": (("none.ipynb",), "does not exist"),
    "a spec of the checkout": (("elsewhere/demo.yaml",), "elsewhere/demo.yaml does not exist: did you mean demo, which comes with stavis?"),
    "a shipped spec misspelt": (("dmeo",), "there is no spec or notebook 'dmeo': did you mean demo?"),
    "no pair": (("{spec}", "-p", "text"), "is no NAME=VALUE"),
    "no such parameter": (("{spec}", "-p", "colour=1"), "has no parameter 'colour'"),
    "nothing over": (("{notebook}", "--over", "nothing*"), "nothing matches"),
    "an address for a folder": (("{spec}", "--out", "s3://bucket/a"), "--publish s3://bucket/a"),
    "no scheduler": (("{spec}", "--out", "{out}", "--scheduler", "tcp://127.0.0.1:1"), "no scheduler answers at tcp://127.0.0.1:1"),
    "no address": (("{spec}", "--out", "{out}", "--scheduler", "nonsense://a"), "no scheduler answers at nonsense://a"),
    "a file in the way": (("{spec}", "--out", "{spec}"), "cannot be written"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_WORDS)
def test_bad_words_are_one_sentence(home, shell, monkeypatch, kind):
    monkeypatch.setattr("stavis.batch.cluster.CONNECT_SECONDS", 1)
    words, said = BAD_WORDS[kind]
    places = {"spec": home.write(), "notebook": home.folder / "tiny.ipynb", "out": home.out}
    done = shell("report", *(word.format(**places) for word in words), "--quiet")
    assert done.code == 2 and done.out == "" and len(done.err.splitlines()) == 1, done
    assert done.err.startswith("stavis: ") and said in done.err and "should not" not in done.err


def test_a_second_runner_says_who_has_the_folder_and_stops(home, cluster, shell):
    home.write()
    script = "import sys, time, pathlib; from stavis.storage.locks import only_runner\n"
    script += "with only_runner(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", script, str(home.out)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert other.stdout.readline() == "held\n"
        before = sorted(home.out.iterdir())
        done = shell("report", home.yaml, "--out", home.out, "--scheduler", cluster, "--quiet")
        assert done.code == 2 and f"another runner (process {other.pid} on " in done.err and sorted(home.out.iterdir()) == before
    finally:
        other.kill()
        other.wait()
    with only_runner(home.out):  # a holder that was killed holds nothing
        pass


def test_tables_on_a_full_disk_are_one_sentence(home, run, cluster):
    from tests.failing_disk import full_disk

    run()
    plan = home.plan()
    with full_disk(50), pytest.raises(StavisError, match="cannot be written"):
        run_study(plan, scheduler=cluster, quiet=True)
    assert len(status(home)) == 3


def test_a_notebook_of_another_kernel_or_language_only_needs_papermill(home):
    node = nbformat.read(home.folder / "tiny.ipynb", 4)
    del node.metadata["kernelspec"]
    nbformat.write(node, home.folder / "bare.ipynb")
    assert home.plan(notebook="bare.ipynb").notebook.kernel == "python3"


def tree(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def alive(processes) -> list[int]:
    return [one.pid for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_stopped_study_ends_in_order_and_leaves_no_process(home, number):
    home.recordings(20)
    home.write(parameters={"pause": 0.5})
    # A shell that starts tests in the background tells them, and so their children, to ignore Ctrl-C.
    heed = "import runpy, signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
    heeding = heed + "runpy.run_module('stavis.cli', run_name='__main__')"
    command = [sys.executable, "-c", heeding, "report", str(home.yaml), "--out", str(home.out), "--workers", "1", "--quiet"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    runner = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True)
    until = time.monotonic() + 200
    while len(stamps(home)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    processes = tree(psutil.Process(runner.pid))
    assert len(processes) >= 4  # a worker, its fork server, a kernel
    os.killpg(runner.pid, number)  # as a terminal does, to the whole group
    _, err = runner.communicate(timeout=60)
    time.sleep(2)
    assert alive(processes) == []
    assert runner.returncode == 130 and err.splitlines()[-1].startswith("stopped: start again") and "Traceback" not in err, err
    rows = status(home)
    done = [row for row in rows if row["state"] == "done"]
    assert 2 <= len(done) < 20 and all((home.out / row["page"]).is_file() for row in done)
    assert {row["state"] for row in rows} == {"done", "missing"} and not list(home.out.glob(".*.part*"))
