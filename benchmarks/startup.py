"""How long the shell takes to answer: the median, best and worst of several fresh processes."""

import statistics
import subprocess
import sys
import time

RUNS = 9
STARTS = {
    # what is measured: (arguments of the interpreter, the most that it should take in s)
    "python alone": (["-c", "pass"], None),
    "import stavis": (["-c", "import stavis"], 0.3),
    "stavis --help": (["-m", "stavis.cli", "--help"], 0.6),
    "stavis --version": (["-m", "stavis.cli", "--version"], 0.6),
    "stavis explain --help": (["-m", "stavis.cli", "explain", "--help"], 0.6),
    "stavis labels --help": (["-m", "stavis.cli", "labels", "--help"], 1.0),
    "stavis systems": (["-m", "stavis.cli", "systems"], 1.0),
    "stavis datasets": (["-m", "stavis.cli", "datasets"], 1.0),
    "stavis cache list": (["-m", "stavis.cli", "cache", "list"], 1.0),
}


def seconds(arguments: list[str]) -> float:
    """How long one fresh process takes."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Print a line a start: median, best, worst, and what it should take at most."""
    print(f"{'start':24}{'median':>9}{'best':>9}{'worst':>9}{'at most':>9}   s, {RUNS} processes each")
    for name, (arguments, most) in STARTS.items():
        seconds(arguments)  # the first one fills the disk cache
        taken = [seconds(arguments) for _ in range(RUNS)]
        limit = f"{most:9.2f}" if most else " " * 9
        print(f"{name:24}{statistics.median(taken):9.3f}{min(taken):9.3f}{max(taken):9.3f}{limit}")


if __name__ == "__main__":
    main()
