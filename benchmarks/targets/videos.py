"""Whole videos: how time and memory grow with the length, and how a file's time compares with its own."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.targets.measure import Result, at_most, unknown
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset

MINUTES = (1, 5, 15, 60)
FPS, SIDE = 25, 112
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
PROFILE = """
import json, sys
from stavis.jobs.profile import profile
found = profile("sta-synthetic", sys.argv[1])
print(json.dumps([found.cpu, found.seconds]))
"""


def child(code: str, *arguments: str) -> list[float]:
    """What a fresh process prints last, as JSON. Raises RuntimeError with its last line where it fails."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or "the process failed").splitlines()[-1])
    return json.loads(done.stdout.strip().splitlines()[-1])


def lengths(minutes: tuple[int, ...] = MINUTES, mode: str = "stream") -> list[tuple[int, float, float]]:
    """(minutes, CPU s, peak memory in MB) of reading the cached crops of a video, each in a fresh process."""
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
    return rows


def _text(rows: list[tuple[int, float, float]]) -> str:
    return "crops to values and maps in one pass; " + ", ".join(f"{m} min {s:.1f} s {mb:.0f} MB" for m, s, mb in rows)


def video_length_slope(minutes: tuple[int, ...] = MINUTES) -> Result:
    """The growth exponent of CPU time over the length."""
    rows = lengths(minutes)
    slope = float(np.polyfit(np.log([row[0] for row in rows]), np.log([row[1] for row in rows]), 1)[0])
    return Result("video_length_slope", round(slope, 3), "log-log", ".95 to 1.05", 0.95 <= slope <= 1.05, _text(rows))


def video_memory_slope(minutes: tuple[int, ...] = MINUTES[1:]) -> Result:
    """Peak memory of the longest by that of the shortest, from five minutes on."""
    rows = lengths(minutes)
    return at_most("video_memory_slope", rows[-1][2] / rows[0][2], 1.05, "x", _text(rows))


def _clip(folder: str, size: tuple[int, int], seconds: float = 20.0) -> Path:
    spec = SyntheticConfig(scenarios=("switching",), recordings=1, seconds=seconds, size=size)
    write_dataset(Path(folder) / "set", spec)
    return next((Path(folder) / "set").rglob("*.mp4"))


def mp4_realtime() -> Result:
    """Wall time from a file of 640x480 at 25 frames/s to values and attention, tracking included, by its length."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            wall, length = child(FILE, str(_clip(folder, (640, 480))), folder)
        except RuntimeError as error:
            return unknown("mp4_realtime", "x real time", "<= 0.5", str(error))
    return at_most("mp4_realtime", wall / length, 0.5, "x real time", f"{wall:.1f} s for {length:.1f} s of video")


def explain_realtime() -> Result:
    """CPU seconds of explaining a clip of 20 s, 480x270, with the default methods and the page, by its length."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            cpu, length = child(PROFILE, str(_clip(folder, (480, 270))))
        except RuntimeError as error:
            return unknown("explain_realtime", "x real time", "<= 1", str(error))
    return at_most("explain_realtime", cpu / length, 1.0, "x real time", f"{cpu:.1f} s of CPU for {length:.1f} s of video")
