"""What a video costs: CPU seconds and peak memory of reading and explaining it, the size of its page, and of a verdict.

    python -m benchmarks costs [--minutes 0.333,20] [--rate 25] [--size 640x480] [--no-verdict] [--json FILE]

The videos are generated: one flat synthetic face, its landmarks taken away, so that the face is found and tracked as in
a video of one's own. Each is read and then explained, as `stavis explain` does it, in a process of its own with an empty cache; the
verdict judges six clips of a data set. CPU seconds count all threads, so that a busy machine changes them little. Peak memory is that of
the process with the files it has mapped, which the system takes back where it needs them; `own` is without those, and with the processes
that it started. The table is printed as Markdown, after the machine.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

from benchmarks.targets.measure import machine
from benchmarks.targets.videos import child
from stavis.storage.files import write_json
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset

MINUTES = (1 / 3, 20.0)
SIZE = (640, 480)
RATE = 25.0
CLIPS = 6
START = """
import json, os, resource, sys, threading, time
from pathlib import Path
own = 0.0  # MB of this process and those it started, without mapped files, at its highest
def anonymous(pid):
    try:
        text = Path(f"/proc/{pid}/status").read_text().split("RssAnon:")[1].split()[0]
        below = [one for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]
    except (OSError, IndexError):  # it has ended, or this is no Linux
        return 0.0
    return float(text) / 1024 + sum(anonymous(one) for one in below)
def watch():
    global own
    while True:
        own = max(own, anonymous("self"))
        time.sleep(.2)
threading.Thread(target=watch, daemon=True).start()
def used():
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in both), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, own
os.environ["STAVIS_CACHE"] = sys.argv[2]
import stavis
from stavis import jobs
"""
VIDEO = """
began, clock = used()[0], time.perf_counter()
net = stavis.load("sta-synthetic", device="cpu")
reading = net.read(sys.argv[1], source="face")
read, read_wall = used(), time.perf_counter() - clock
out = Path(sys.argv[2]) / "out"
x = jobs.explain("sta-synthetic", sys.argv[1], out, source="face", device="cpu", quiet=True)
explained, wall = used(), time.perf_counter() - clock
page = sum(path.stat().st_size for path in [out / "report.html", *(out / "report_files").rglob("*")] if path.is_file())
shown = x.summary.to_json()
times = [read[0] - began, *read[1:], read_wall, explained[0] - began, *explained[1:], wall]
print(json.dumps([*times, page / 1e6, shown["frames_with_face"], shown["frames"]]))
"""
VERDICT = """
began, clock = used()[0], time.perf_counter()
jobs.verdict("sta-synthetic", sys.argv[1], clips=int(sys.argv[3]), out=Path(sys.argv[2]) / "judged", device="cpu", quiet=True)
done, wall = used(), time.perf_counter() - clock
page = (Path(sys.argv[2]) / "judged" / "verdict.html").stat().st_size / 1e6
print(json.dumps([done[0] - began, *done[1:], wall, page]))
"""
HEAD = ("what", "CPU s", "wall s", "peak memory, MB", "own, MB", "page, MB", "frames with a face")


def main(*options: str) -> None:
    """Generate, measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks costs", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=lambda text: [float(one) for one in text.split(",")], default=MINUTES, metavar="MIN,...")
    parser.add_argument("--size", type=lambda text: tuple(int(one) for one in text.split("x")), default=SIZE, metavar="WIDTHxHEIGHT")
    parser.add_argument("--rate", type=float, default=RATE, metavar="FRAMES", help="frames per second")
    parser.add_argument("--no-verdict", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    chosen = parser.parse_args(options)
    found = {"machine": machine(), "size": list(chosen.size), "rate": chosen.rate, "rows": []}
    print(json.dumps(found["machine"], indent=1), flush=True)
    print("\n".join(("", line(HEAD), line(["---"] * len(HEAD)))), flush=True)
    for minutes in chosen.minutes:
        _keep(found, video_costs(minutes, chosen.size, chosen.rate), chosen.json)
    if not chosen.no_verdict:
        _keep(found, [verdict_costs()], chosen.json)


def _keep(found: dict, rows: list[dict], path: Path | None) -> None:
    """Print rows, and write all so far: a run that is stopped leaves what it has."""
    for row in rows:
        print(line(row[name] for name in HEAD), flush=True)
    found["rows"] += rows
    if path:
        write_json(path, found)


def line(cells) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def video_costs(minutes: float, size: tuple[int, int], rate: float = RATE) -> list[dict]:
    """Two rows: reading a generated video of so many minutes, and explaining it, which reads it first."""
    with tempfile.TemporaryDirectory() as folder:
        video = generated(Path(folder), minutes, size, rate)
        values = child(START + VIDEO, str(video), str(Path(folder) / "cache"))
    name = f"{minutes:g} min" if minutes >= 1 else f"{60 * minutes:.0f} s"
    name += f", {rate:g} frames/s"
    faces = f"{values[9]:.0f} of {values[10]:.0f}"
    rows = []
    for what, at, page in (("read", 0, ""), ("explain", 4, round(values[8], 1))):
        cpu, memory, own, wall = (round(one) for one in values[at : at + 4])
        rows.append((f"{what} {name}", cpu, wall, memory, own, page, faces))
    return [dict(zip(HEAD, row, strict=True)) for row in rows]


def generated(folder: Path, minutes: float, size: tuple[int, int], rate: float) -> Path:
    """A synthetic video without its landmarks."""
    config = SyntheticConfig(scenarios=("mouth",), recordings=1, seconds=60 * minutes, fps=rate, size=size, seed=3)
    data = write_dataset(folder / "faces", config)
    video = folder / "video.mp4"
    os.replace(next((data / "videos").glob("*.mp4")), video)
    return video


def verdict_costs() -> dict:
    """One row: `stavis verdict` on six clips of four seconds."""
    with tempfile.TemporaryDirectory() as folder:
        shape = {"recordings_per_identity": 1, "shares": (0.0, 0.0, 1.0)}
        config = SyntheticConfig(scenarios=("switching",), recordings=CLIPS, seconds=8.0, fps=25.0, size=(320, 240), seed=5, **shape)
        data = write_dataset(Path(folder) / "faces", config)
        cpu, memory, own, wall, page = child(START + VERDICT, str(data), str(Path(folder) / "cache"), str(CLIPS))
    found = (f"verdict, {CLIPS} clips of 4 s", round(cpu), round(wall), round(memory), round(own), round(page, 1), "")
    return dict(zip(HEAD, found, strict=True))
