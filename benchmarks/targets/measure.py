"""How the benchmark measures: candidates taken in turn in one process, medians of CPU time, ratios within one run."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from stavis.inference.devices import choose_precision

ROUNDS = 9


@dataclass(frozen=True)
class Result:
    """One measured number: its target as text, and whether it holds; None where this machine cannot tell, with the reason in detail."""

    name: str
    value: float | None
    unit: str
    target: str
    holds: bool | None
    detail: str = ""


def at_most(name: str, value: float, limit: float, unit: str, detail: str = "", *, also: bool = True) -> Result:
    """A number that holds where it is no larger than its limit, and what else is asked of it holds."""
    return Result(name, round(value, 4), unit, f"<= {limit:g}", value <= limit and also, detail)


def at_least(name: str, value: float, limit: float, unit: str, detail: str = "", *, also: bool = True) -> Result:
    """A number that holds where it is no smaller than its limit, and what else is asked of it holds."""
    return Result(name, round(value, 4), unit, f">= {limit:g}", value >= limit and also, detail)


def unknown(name: str, unit: str, target: str, reason: str) -> Result:
    """A number that this machine cannot tell."""
    return Result(name, None, unit, target, None, reason)


def paired(candidates: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median CPU seconds of each candidate on one thread, all of them taken in turn in every round; the first round does not count."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # what a second thread spins away would count
    try:
        for number in range(rounds + 1):
            for name, run in candidates.items():
                started = time.process_time()
                run()
                if number:
                    taken[name].append(time.process_time() - started)
    finally:
        torch.set_num_threads(threads)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def convolution() -> tuple[Callable[[], object], float]:
    """A large convolution, which runs at the machine's own peak, and its operations in GFLOP."""
    images, weight = torch.rand(8, 128, 28, 28), torch.rand(128, 128, 3, 3)
    return lambda: torch.nn.functional.conv2d(images, weight, padding=1), 2 * 8 * 128 * 128 * 9 * 28 * 28 / 1e9


def has_bf16() -> bool:
    """Whether the CPU computes in bf16."""
    return choose_precision(torch.device("cpu")) == "bf16-mixed"


def machine() -> dict:
    """What the numbers were measured on; the peak in GFLOP/s of one thread."""
    run, work = convolution()
    with torch.inference_mode():
        peak = work / paired({"peak": run}, 5)["peak"]
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": [round(one, 2) for one in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "convolution_gflops": round(peak, 1),
        "bf16": has_bf16(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
