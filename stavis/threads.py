"""How the threads of OpenMP and OpenBLAS wait; set before torch and NumPy are loaded, so nothing here imports them.

Two OpenMP threads that spin at their barriers are two to five times slower beside another busy program, because a thread that spins
holds the core that the other one needs. A short spin keeps what spinning gains and loses little of what it costs.
"""

import os
import sys
from collections.abc import MutableMapping

SPIN = "300"
"""Rounds that a thread spins before it sleeps. A training step of 16 x 6 frames on two cores, alone and beside one busy process: .34 and
.97 s as libgomp comes, .36 and .55 s with 300, .50 and .49 s with one thread."""
SLEEP = "4"
"""The power of two of clock ticks for which a thread of OpenBLAS spins: 26 as it comes, which costs
the page of a clip of 20 s about a third of a second of CPU."""
_USERS_OWN = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME")


def wait_without_spinning(environment: MutableMapping[str, str] | None = None) -> bool:
    """Let OpenMP's threads sleep soon when they wait; a setting of the user's own stays as it is.

    Returns whether it holds in this process: not where torch was loaded before. Processes that are started later inherit it.
    """
    environment = os.environ if environment is None else environment
    environment.setdefault("OPENBLAS_THREAD_TIMEOUT", SLEEP)
    if not any(name in environment for name in _USERS_OWN):
        environment["GOMP_SPINCOUNT"] = SPIN
        environment["KMP_BLOCKTIME"] = "0"  # ms; the same in Intel's and LLVM's runtime
        return "torch" not in sys.modules
    return True
