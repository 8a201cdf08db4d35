"""What a batch of reports costs: scheduling, start-up of kernels, the runner's own share, and the speed-up by a second process."""

import dataclasses
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import papermill
import psutil
from nbconvert import HTMLExporter

from stavis.batch.cluster import client_of, outcomes
from stavis.batch.execution import run_report
from stavis.batch.record import Report
from stavis.batch.study import plan_study, run_study
from stavis.synthetic.embedded import EMBEDDED, embedded_data

TASKS, FEW, RECORDINGS = 20_000, 8, 60
TINY = ("import json", "json.dump({'a': 1}, open('figures.json', 'w'))\nprint(video)")
STACK = "import stavis\n_ = (stavis.load, stavis.Scrubber)"

BARE = """
import sys, time, warnings
warnings.simplefilter("ignore")
import stavis
first, *others = sys.argv[1:]
net = stavis.load("sta-synthetic")
net.explain(first, methods=())
print("ready", flush=True)
sys.stdin.read()
started = time.perf_counter()
for video in others:
    found = net.explain(video, methods=())
    for kind in ("shares", "values", "moments"):
        found.figure(kind)
print(time.perf_counter() - started, flush=True)
"""
"""What the explore notebook does, without notebook, kernel and page."""


def nothing(job, report) -> Report:
    """A report that does nothing."""
    return report.ended("done", 0.0)


def notebook(folder: Path, cells: tuple[str, ...]) -> Path:
    """A notebook of these cells with the parameter `video`, and FEW files to run it over."""
    node = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    node.cells = [
        nbformat.v4.new_code_cell('video = ""  # a file', metadata={"tags": ["parameters"]}),
        *map(nbformat.v4.new_code_cell, cells),
    ]
    nbformat.write(node, folder / "tiny.ipynb")
    for number in range(FEW):
        (folder / f"{number}.mp4").write_bytes(b"x")
    return folder / "tiny.ipynb"


def scheduling(folder: Path) -> None:
    """TASKS reports that do nothing: tasks a second, and how the runner's memory grows after the first tenth."""
    plan = plan_study(notebook(folder, TINY), over=[f"{folder}/*.mp4"], out=folder / "out", quiet=True)
    reports = (dataclasses.replace(plan.reports[0], id=f"r{number}") for number in range(TASKS))
    memory = []
    with client_of(None, 1, 2) as client:
        started = time.perf_counter()
        for number, _ in enumerate(outcomes(client, plan.job, reports, nothing), 1):
            if number % (TASKS // 10) == 0:
                memory.append(psutil.Process().memory_info().rss / 1e6)
        seconds = time.perf_counter() - started
    print(f"scheduling: {TASKS} tasks in {seconds:.0f} s, {TASKS / seconds:.0f} a second (at least 50)")
    print(f"memory of the runner after each tenth, MB: {' '.join(f'{one:.0f}' for one in memory)}")


def plain(path: Path, folder: Path) -> list[float]:
    """Seconds a report with papermill and nbconvert alone, one after another."""
    taken = []
    for number in range(FEW):
        started = time.perf_counter()
        out = folder / f"plain{number}.ipynb"
        papermill.execute_notebook(str(path), str(out), {"video": str(folder / f"{number}.mp4")}, progress_bar=False, cwd=str(folder))
        (folder / f"plain{number}.html").write_text(HTMLExporter().from_filename(str(out))[0])
        taken.append(time.perf_counter() - started)
    return taken


def cost(folder: Path, name: str, cells: tuple[str, ...]) -> None:
    """The same reports by papermill and nbconvert alone and by our execution, both in this process, taken in turn."""
    path = notebook(folder, cells)
    plan = plan_study(path, over=[f"{folder}/*.mp4"], out=folder / "out", quiet=True)
    plan.job.out.mkdir()
    nbformat.write(plan.notebook.node, plan.job.notebook)
    run_report(plan.job, plan.reports[0])  # starts the fork server
    alone = plain(path, folder)
    ours = []
    for report in plan.reports[1:]:
        started = time.perf_counter()
        run_report(plan.job, report)
        ours.append(time.perf_counter() - started)
    print(
        f"{name:24}{sorted(alone)[FEW // 2]:8.2f} s papermill + nbconvert{sorted(ours)[len(ours) // 2]:8.2f} s here   (medians, a report)"
    )


def speed_up(folder: Path, recordings: int) -> None:
    """The explore notebook over drawn recordings with one process and with two, beside what two bare processes gain on this machine."""
    data = embedded_data(dataclasses.replace(EMBEDDED, recordings=max(recordings, 8)))
    videos = sorted((data / "videos").glob("*.mp4"))[:recordings]
    ideal = bare_speed_up(folder, videos[: max(recordings // 4, 2)])
    taken = {}
    for workers in (1, 2):
        os.environ["STAVIS_CACHE"] = str(folder / f"cache{workers}")  # each from an empty cache
        source = folder / f"{workers}.csv"
        source.write_text("recording\n" + "".join(f"{video}\n" for video in videos))
        spec = folder / f"{workers}.yaml"
        spec.write_text(f"notebook: explore\nrecordings: {{csv: {source}}}\nparameters: {{device: cpu}}\n")
        started = time.perf_counter()
        done = run_study(spec, out=folder / f"out{workers}", workers=workers, quiet=True)
        taken[workers] = time.perf_counter() - started
        print(f"{recordings} recordings, {workers} process(es): {taken[workers]:.0f} s, {done.counts.done} done")
    gain = taken[1] / taken[2]
    print(f"speed-up {gain:.2f}; of two bare processes {ideal:.2f}: {gain / ideal:.2f} of the ideal (at least .9 on two quiet cores)")


def bare_speed_up(folder: Path, videos: list[Path]) -> float:
    """What a second process gains where nothing but the work itself runs: the same videos explained by one, and by two at once."""
    seconds = []
    for count in (1, 2, 1, 2):
        workers = [
            subprocess.Popen(
                [sys.executable, "-c", BARE, *map(str, videos)],
                env={**os.environ, "OMP_NUM_THREADS": "1", "STAVIS_CACHE": str(folder / f"bare{len(seconds)}{number}")},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(count)
        ]
        for worker in workers:
            worker.stdout.readline()
        for worker in workers:
            worker.stdin.close()
        seconds.append(max(float(worker.stdout.readline()) for worker in workers))
    return 2 * (seconds[0] + seconds[2]) / (seconds[1] + seconds[3])


def main(recordings: int = RECORDINGS) -> None:
    """Print a line or two a measurement."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, cells) in enumerate({"a notebook of nothing": TINY, "one that imports stavis": (*TINY, STACK)}.items()):
            place = Path(folder) / str(number)
            place.mkdir()
            cost(place, name, cells)
        scheduling(place)
        speed_up(Path(folder), recordings)
    print(f"largest memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB", file=sys.stderr)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))
