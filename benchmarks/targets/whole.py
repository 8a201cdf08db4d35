"""What a user waits for: a training step beside a busy program, a clip of the cache, a report, the demo, a verdict."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import batch
from benchmarks.targets.measure import Result, at_most, unknown
from benchmarks.targets.videos import child
from stavis.batch.execution import run_report
from stavis.batch.study import plan_study

STEP = """
import json, os, statistics, sys, time
import stavis
import torch
from stavis.models.sta import STA
torch.set_num_threads(int(sys.argv[1]))
model, clips = STA().train(), torch.rand(16, 6, 3, 112, 112)
taken = []
for _ in range(9):
    started = time.perf_counter()
    model(clips).square().mean().backward()
    taken.append(time.perf_counter() - started)
print(json.dumps([statistics.median(taken[2:])]))
"""
CONVOLUTIONS = """
import json, statistics, sys, time
import stavis
import torch
torch.set_num_threads(int(sys.argv[1]))
images, weight = torch.rand(96, 64, 16, 16), torch.rand(128, 64, 3, 3, requires_grad=True)  # as large as those of the step
taken = []
for _ in range(9):
    started = time.perf_counter()
    for _ in range(4):
        torch.nn.functional.conv2d(images, weight, padding=1).sum().backward()
    taken.append(time.perf_counter() - started)
print(json.dumps([statistics.median(taken[2:])]))
"""
CLIPS = """
import json, statistics, sys, time
import numpy as np
frames = np.load(sys.argv[1], mmap_mode="r")
rng = np.random.default_rng(0)
taken = []
for _ in range(400):
    start = int(rng.integers(0, len(frames) - 16))
    started = time.perf_counter()
    np.array(frames[start : start + 16])
    taken.append(time.perf_counter() - started)
print(json.dumps([statistics.median(taken) * 1e3]))
"""
VERDICT = """
import json, time
import stavis
from stavis.synthetic.embedded import embedded_data
net, data = stavis.load("sta-synthetic", device="cpu"), embedded_data(6, quiet=True)
started = time.perf_counter()
net.verdict(data)
print(json.dumps([time.perf_counter() - started]))
"""


def busy_neighbour() -> Result:
    """A training step of 16 x 6 frames on two threads beside one busy process, by one thread's alone."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if cores < 2:
        return unknown("busy_neighbour", "x", "<= 1.2", "this machine has one core")
    one, two = child(STEP, "1")[0], child(STEP, "2")[0]
    limit = child(CONVOLUTIONS, "2")[0] / child(CONVOLUTIONS, "1")[0]
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        beside = child(STEP, "2")[0]
    finally:
        busy.kill()
        busy.wait()
    alone = f"two alone {two:.3f} s ({two / one:.2f}, <= .72; convolutions of its sizes alone {limit:.2f}, this machine's own bound)"
    detail = f"one thread {one:.3f} s, {alone}, beside {beside:.3f} s; cores must be idle otherwise"
    return at_most("busy_neighbour", beside / one, 1.2, "x", detail, also=two / one <= 0.72)


def crop_cache_ms() -> Result:
    """A random clip of 16 frames from the crop cache."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "frames.npy", np.random.default_rng(0).integers(0, 256, (4000, 112, 112, 3), np.uint8))
        found = child(CLIPS, str(Path(folder) / "frames.npy"))[0]
    return at_most("crop_cache_ms", found, 0.2, "ms", "median of 400")


def report_seconds() -> Result:
    """A warm report of a notebook that does nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = plan_study(batch.notebook(folder, batch.TINY), over=[f"{folder}/*.mp4"], out=folder / "out", quiet=True)
        plan.job.out.mkdir()
        plan.job.notebook.write_text(__import__("nbformat").writes(plan.notebook.node), encoding="utf-8")
        run_report(plan.job, plan.reports[0])  # starts the fork server
        taken = []
        for report in plan.reports[1:]:
            started = time.perf_counter()
            run_report(plan.job, report)
            taken.append(time.perf_counter() - started)
    return at_most("report_seconds", statistics.median(taken), 0.7, "s", f"median of {len(taken)}")


def demo_seconds() -> Result:
    """The whole demo, from an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        environment = {**os.environ, "STAVIS_CACHE": f"{folder}/cache"}
        done = subprocess.run(
            [sys.executable, "-m", "stavis.cli", "demo", "--out", f"{folder}/demo"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
    if done.returncode:
        return unknown("demo_seconds", "s", "<= 240", (done.stderr.strip() or "it failed").splitlines()[-1])
    return at_most("demo_seconds", seconds, 240, "s", "two quiet cores are needed; load before and after is in `machine`")


def verdict_seconds() -> Result:
    """A verdict on six clips whose crops are cached already."""
    return at_most("verdict_seconds", child(VERDICT)[0], 60, "s", "sta-synthetic, six synthetic recordings")
