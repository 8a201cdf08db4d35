"""Whole videos: how time and memory grow with the length, and how a file's time compares with its own."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.targets.measure import Result, at_most, unknown
from stavis.data.faces.networks.model_file import VARIABLE, fetch_models
from stavis.errors import StavisError
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset

MINUTES, FLAT_FROM = (1, 5, 15, 60), 5
FPS, SIDE = 25, 112
SECONDS = 20.0
READ = """
import json, resource, sys, time
import numpy as np
import stavis
from stavis.inference.reading import read
net = stavis.load("sta-synthetic", device="cpu")
frames = np.load(sys.argv[1], mmap_mode="r")
times = np.arange(len(frames)) / 25
read(net.network, frames[:200], times[:200], mode=sys.argv[2])
started = time.process_time()
read(net.network, frames, times, mode=sys.argv[2])
print(json.dumps([time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""
FILE = """
import json, sys, tempfile, os, time
os.environ["STAVIS_CACHE"] = tempfile.mkdtemp(dir=sys.argv[2])
import stavis
net = stavis.load("sta-synthetic", device="cpu")
started = time.perf_counter()
reading = net.read(sys.argv[1], source="face")
print(json.dumps([time.perf_counter() - started, float(reading.times[-1])]))
"""
EXPLAIN = """
import json, os, resource, subprocess, sys, tempfile, time
environment = {**os.environ, "STAVIS_CACHE": tempfile.mkdtemp(dir=sys.argv[2])}
command = [sys.executable, "-m", "stavis.cli", "explain", "sta", sys.argv[1], "--out", sys.argv[2] + "/out", "--quiet"]
started = time.perf_counter()
subprocess.run(command, env=environment, check=True, capture_output=True)
wall = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[2] + "/out/explain.json", encoding="utf-8") as file:
    crop = json.load(file)["crop"]
print(json.dumps([used.ru_utime + used.ru_stime, wall, crop == "face"]))
"""


def child(code: str, *arguments: str) -> list[float]:
    """What a fresh process prints last, as JSON. Raises RuntimeError with its last line where it fails."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or "the process failed").splitlines()[-1])
    return json.loads(done.stdout.strip().splitlines()[-1])


def _environment() -> dict[str, str]:
    """This process's, with the face networks' file of its cache where there is one, so that an empty cache fetches nothing."""
    try:
        return {**os.environ, VARIABLE: str(fetch_models().path)}
    except StavisError:
        return dict(os.environ)


@cache
def lengths(minutes: tuple[int, ...] = MINUTES, mode: str = "stream") -> list[tuple[int, float, float]]:
    """(minutes, CPU s, peak memory in MB) of reading the cached crops of a video, each in a fresh process; once for both slopes."""
    rows = []
    rng = np.random.default_rng(0)
    block = rng.integers(0, 256, (FPS * 60, SIDE, SIDE, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        for count in minutes:
            path = Path(folder) / "frames.npy"
            with open(path, "wb") as stream:
                shape = (count * len(block), *block.shape[1:])
                np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
                for _ in range(count):
                    stream.write(block.tobytes())
            seconds, memory = child(READ, str(path), mode)
            rows.append((count, seconds, memory / 1024))
            print(f"  {count} min: {seconds:.1f} s of CPU, {memory / 1024:.0f} MB", file=sys.stderr, flush=True)
    return rows


def _text(rows: list[tuple[int, float, float]]) -> str:
    return "crops to values and maps in one pass; " + ", ".join(f"{m} min {s:.1f} s {mb:.0f} MB" for m, s, mb in rows)


def video_length_slope(minutes: tuple[int, ...] = MINUTES) -> Result:
    """The growth exponent of CPU time over the length."""
    rows = lengths(tuple(minutes))
    slope = float(np.polyfit(np.log([row[0] for row in rows]), np.log([row[1] for row in rows]), 1)[0])
    return Result("video_length_slope", round(slope, 3), "log-log", ".95 to 1.05", 0.95 <= slope <= 1.05, _text(rows))


def video_memory_slope(minutes: tuple[int, ...] = MINUTES) -> Result:
    """Peak memory of the longest by that of five minutes, or of the shortest that is longer."""
    rows = [row for row in lengths(tuple(minutes)) if row[0] >= FLAT_FROM]
    if len(rows) < 2:
        return unknown("video_memory_slope", "x", "<= 1.05", f"two lengths of {FLAT_FROM} minutes and more are needed")
    return at_most("video_memory_slope", rows[-1][2] / rows[0][2], 1.05, "x", _text(rows))


def clip_alone(folder: str, size: tuple[int, int], seconds: float = SECONDS, *, recordings: int = 1, alone: bool = True) -> Path:
    """A synthetic clip without its truth beside it, so that its face is tracked; or the data set where it is not `alone`."""
    spec = SyntheticConfig(scenarios=("switching",), recordings=recordings, seconds=seconds, size=size)
    write_dataset(Path(folder) / "set", spec)
    if not alone:
        return Path(folder) / "set"
    return Path(shutil.copy(next((Path(folder) / "set").rglob("*.mp4")), Path(folder) / "clip.mp4"))


def mp4_realtime() -> Result:
    """Wall time from a file of 640x480 at 25 frames/s to values and attention, tracking included, by its length."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            wall, length = child(FILE, str(clip_alone(folder, (640, 480))), folder)
        except RuntimeError as error:
            return unknown("mp4_realtime", "x real time", "<= 0.5", str(error))
    return at_most("mp4_realtime", wall / length, 0.5, "x real time", f"{wall:.1f} s for {length:.1f} s of video")


def explain_realtime() -> Result:
    """CPU seconds of `stavis explain` on a clip of 20 s, 480x270, by its length: the whole command, started and ended, its page and
    overlay included, from an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            cpu, wall, tracked = child(EXPLAIN, str(clip_alone(folder, (480, 270))), folder)
        except RuntimeError as error:
            return unknown("explain_realtime", "x real time", "<= 1", str(error))
    detail = f"{cpu:.1f} s of CPU, {wall:.1f} s by the clock, for {SECONDS:.0f} s of video, {'tracked' if tracked else 'not tracked'}"
    return at_most("explain_realtime", cpu / SECONDS, 1.0, "x real time", detail, also=tracked)
