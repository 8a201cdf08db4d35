"""Where to compute, and in which precision."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from joblib import cpu_count

from stavis.errors import StavisError
from stavis.models.convolutions import HALF


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
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else HALF if device.type == "cpu" else False
    return "bf16-mixed" if native else "32-true"


_TRIM, _MAP = -1, -3  # glibc's numbers of the two limits
_KEEP, _USUAL_TRIM, _USUAL_MAP = (1 << 31) - 1, 64 << 20, 32 << 20  # the usual ones are those that glibc arrives at by itself


@contextmanager
def memory_kept() -> Iterator[None]:
    """Inside the block this process keeps the memory that it frees, where the C library can be told so (glibc); then it is given back.

    What one training step frees the next one needs again: to fetch it from the system each time takes a tenth of the step. A user's own
    settings of the allocator hold.
    """
    library = ctypes.CDLL(None) if os.name == "posix" else None
    own = any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if own or not all(hasattr(library, name) for name in ("mallopt", "malloc_trim", "gnu_get_libc_version")):
        yield
        return
    library.mallopt(_MAP, 1 << 30)
    library.mallopt(_TRIM, _KEEP)
    try:
        yield
    finally:
        library.mallopt(_MAP, _USUAL_MAP)
        library.mallopt(_TRIM, _USUAL_TRIM)
        library.malloc_trim(0)
