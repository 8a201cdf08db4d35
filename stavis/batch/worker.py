"""What a local worker does when it starts: it leaves Ctrl-C to the runner, which ends it in order."""

import signal
import threading


def dask_setup(worker) -> None:
    """Called by Dask in each worker's process."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
