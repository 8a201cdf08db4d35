"""How long a user waits for the first line of the shell: wall seconds until it stands there, for each command and for a typo of each.

python -m benchmarks startup [RUNS] measures each of them RUNS times (3) in fresh processes, one after the other; what a command does after
its first line is not waited for. The load of the machine is printed with it: a busy one is slower.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

RUNS = 3
MOST = 1.0
"""Seconds of wall time within which the first line of every command has to be there."""
_VIDEO, _TABLE, _OUT = "clip.mp4", "table.csv", "new"
COMMANDS = {
    # a command with arguments that it takes, and with a mistake in them
    "demo": (["--out", _OUT], ["--out", _VIDEO]),
    "synth": ([_OUT], [_OUT, "--scenario", "muoth"]),
    "train": (["--out", _OUT], ["--out", _OUT, "--system", "stta"]),
    "evaluate": (["sta-synthetic"], ["stta"]),
    "explain": (["sta", _VIDEO], ["sta", "clpi.mp4"]),
    "profile": ([_VIDEO], ["clpi.mp4"]),
    "compare": (["sta-heads", "sta-synthetic", _VIDEO], ["sta", "nothing", _VIDEO]),
    "verdict": (["sta-synthetic"], ["sta-synthetic", "--data", "nothing"]),
    "transfer": (["sta", "."], ["sta", "nothing"]),
    "verify": (["sta-synthetic"], ["stta"]),
    "pretrain": (["sta-synthetic"], [_OUT, "--preset", "sta-sinthetic"]),
    "bench": (["--out", _OUT], ["--out", _OUT, "--systems", "stta"]),
    "labels": (["."], ["nothing"]),
    "track": ([_VIDEO, "--out", _OUT], ["clpi.mp4", "--out", _OUT]),
    "group": ([_TABLE, "--out", _OUT], ["tabel.csv", "--out", _OUT]),
    "report": (["demo", "--dry-run"], ["dmeo"]),
    "cache": (["list"], ["lst"]),
    "datasets": ([], ["--jsno"]),
    "systems": ([], ["--jsno"]),
}
OTHERS = {
    "python alone": ["-c", "print(0)"],
    "import stavis": ["-c", "import stavis; print(0)"],
    "stavis --help": ["-m", "stavis.cli", "--help"],
    "stavis --version": ["-m", "stavis.cli", "--version"],
    "stavis explain --help": ["-m", "stavis.cli", "explain", "--help"],
    "stavis evalute": ["-m", "stavis.cli", "evalute"],
}


@dataclass(frozen=True)
class Start:
    """One start of a process: wall seconds until its first line, and that line."""

    seconds: float
    line: str


def starts() -> dict[str, list[str]]:
    """What is measured: its name and the arguments of the interpreter."""
    found = dict(OTHERS)
    for name, (good, wrong) in COMMANDS.items():
        for arguments in (good, wrong):
            found[" ".join(["stavis", name, *arguments])] = ["-m", "stavis.cli", name, *arguments]
    return found


def first_line(arguments: list[str], folder: Path) -> Start:
    """Start a fresh process in a folder and stop it after its first line, on stdout or stderr."""
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[1])} | dict(os.environ)
    environment["STAVIS_CACHE"] = str(folder / "cache")
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        line = process.stdout.readline()
        seconds = time.perf_counter() - began
        process.kill()
    return Start(seconds, line.strip())


def main(runs: str = str(RUNS)) -> None:
    """Print one line per start: median, best, worst, the line; those whose median is above MOST are marked; exit code 1 where one is."""
    late = 0
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        (folder / _VIDEO).touch()
        (folder / _TABLE).write_text("recording,person\n", encoding="utf-8")
        print(f"{'wall s until the first line':44}{'median':>8}{'best':>7}{'worst':>7}   first line ({runs} processes each)")
        for name, arguments in starts().items():
            first_line(arguments, folder)  # fills the disk cache
            found = [first_line(arguments, folder) for _ in range(int(runs))]
            taken = [one.seconds for one in found]
            median = statistics.median(taken)
            late += median > MOST
            mark = "!" if median > MOST else " "
            print(f"{name[:43]:44}{median:8.2f}{min(taken):7.2f}{max(taken):7.2f} {mark} {found[-1].line[:70]}", flush=True)
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{late} of {len(starts())} take more than {MOST:g} s; load of the last 1, 5, 15 minutes: {load} on {os.cpu_count()} cores")
    sys.exit(1 if late else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
