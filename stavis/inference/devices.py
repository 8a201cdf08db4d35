"""Where to compute, and in which precision."""

import os

import torch
from joblib import cpu_count

from stavis.errors import StavisError


def choose_device(device: str = "auto") -> torch.device:
    """CUDA, Apple's GPU or the CPU, the first there is; or the one asked for.

    Raises StavisError where it is not there.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        raise StavisError(f"device {device!r} is not available here ({str(error).splitlines()[0]}): use auto or cpu.") from error
    if chosen.type == "cpu":
        _limit_threads()
    return chosen


def _limit_threads() -> None:
    """No more threads than there are cores for this process (its affinity, its container's quota); the user's OMP_NUM_THREADS holds."""
    if "OMP_NUM_THREADS" not in os.environ and torch.get_num_threads() > cpu_count():
        torch.set_num_threads(cpu_count())


def choose_precision(device: torch.device, precision: str = "auto") -> str:
    """Lightning's name of the precision to train in: bf16 where the device computes in it natively, fp32 elsewhere."""
    if precision != "auto":
        return precision
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else _cpu_has_bf16() if device.type == "cpu" else False
    return "bf16-mixed" if native else "32-true"


def _cpu_has_bf16() -> bool:
    probes = (getattr(torch.cpu, "_is_avx512_bf16_supported", None), getattr(torch.cpu, "_is_amx_tile_supported", None))
    return any(probe() for probe in probes if probe is not None)
