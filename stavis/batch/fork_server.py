"""A process that has imported what notebooks need and forks a fresh kernel from itself when asked: python -m stavis.batch.fork_server.

It speaks JSON lines: {"start": {argv, cwd, env, path}} is answered by {"pid": N}, {"poll": N} by {"code": null or the exit code}. A
kernel is a process of its own, in a session of its own; it dies with this server, and the server with the worker that holds it.
A fork copies one thread alone, so the server starts no thread: where an import did, it says so and is not used.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import random
import signal
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
KERNEL_PARTS = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "IPython.core.completer", "comm", "jedi")


def main(words: list[str]) -> None:
    """Import the named modules ("module" or "module:attribute"), then serve until the worker closes the pipe; in a fork: be a kernel."""
    kernels: set[int] = set()
    _die_with(int(words[0]), kernels)
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # read by ipykernel when it is imported: a kernel's parent is this process
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # OpenBLAS starts its threads when it is imported
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wire = os.dup(1)
    _silence()
    for name in (*KERNEL_PARTS, *words[1:]):
        _import(name)
    ready = sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1
    _say(wire, {"ready": ready})
    if ready:
        gc.collect()
        gc.freeze()  # collections in a kernel leave the shared memory pages alone
        order = _serve(wire, kernels)
        if order is not None:
            os.close(wire)
            _be_kernel(order)


def _serve(wire: int, kernels: set[int]) -> dict | None:
    """Answer orders; returns the order in the forked kernel, None in the server when the pipe closes."""
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            pid = os.fork()
            if pid == 0:
                return order["start"]
            kernels.add(pid)
            _say(wire, {"pid": pid})
        else:
            _say(wire, {"code": _code(order["poll"], kernels)})
    _kill(kernels)
    return None


def _code(pid: int, kernels: set[int]) -> int | None:
    """The exit code of a kernel that has ended (minus the signal's number), None of one that runs."""
    with suppress(ChildProcessError):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found == 0:
            return None
        kernels.discard(pid)
        return os.waitstatus_to_exitcode(status)
    return -signal.SIGKILL


def _be_kernel(order: dict) -> None:
    """Turn this fork into the kernel of one notebook, and end when it is shut down."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    _silence()
    os.environ.clear()
    os.environ.update(order["env"], JPY_PARENT_PID=str(parent))
    os.chdir(order["cwd"])
    sys.path[:0] = order["path"]
    sys.argv = ["ipykernel_launcher", *order["argv"]]
    # a fork has its parent's random numbers; two reports that ask for no seed must not draw the same ones
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    importlib.import_module("ipykernel.kernelapp").launch_new_instance(argv=order["argv"])
    atexit._run_exitfuncs()  # IPython's empties the notebook's names here, which closes its files
    os._exit(0)  # taking down every imported module would copy their memory first: .8 s with torch


def _die_with(parent: int, kernels: set[int]) -> None:
    def end(number, frame) -> None:
        _kill(kernels)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(0)


def _kill(kernels: set[int]) -> None:
    for pid in kernels:
        for kill in (os.killpg, os.kill):
            with suppress(OSError):
                kill(pid, signal.SIGKILL)


def _import(name: str) -> None:
    module, _, attribute = name.partition(":")
    with suppress(Exception):  # the notebook itself will say what cannot be imported
        found = importlib.import_module(module)
        if attribute:
            getattr(found, attribute)


def _silence() -> None:
    """What is printed here goes nowhere: the pipe carries answers alone, and a kernel has no terminal."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)


def _say(wire: int, answer: dict) -> None:
    os.write(wire, (json.dumps(answer) + "\n").encode())


if __name__ == "__main__":
    main(sys.argv[1:])
