"""What runs a TFLite network: LiteRT, or OpenCV where there is no wheel of it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np

from stavis.errors import StavisError, offer

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:  # no wheel for this platform: OpenCV runs the same networks
    Interpreter = None

BACKENDS = ("auto", "litert", "opencv")


def resolved_backend(backend: str) -> str:
    """The backend that runs where `backend` is asked for: 'auto' is LiteRT where it is installed, else OpenCV.

    Raises StavisError for one that is not known or not installed.
    """
    if backend not in BACKENDS:
        raise StavisError(f"there is no backend {backend!r} for the face networks: {offer(backend, BACKENDS)}")
    if backend == "litert" and Interpreter is None:
        raise StavisError("ai-edge-litert is not installed here: choose the backend 'opencv' or install it.")
    return backend if backend != "auto" else "opencv" if Interpreter is None else "litert"


class LiteRT:
    """A TFLite network on LiteRT, one thread: one input without its first axis -> outputs by name."""

    def __init__(self, flatbuffer: bytes):
        with _quiet_stderr():  # the runtime tells of its delegate there, past Python
            self._network = Interpreter(model_content=flatbuffer, num_threads=1)
            self._network.allocate_tensors()
        self._input = self._network.get_input_details()[0]["index"]
        self._outputs = self._network.get_output_details()

    def __call__(self, values: np.ndarray) -> dict[str, np.ndarray]:
        self._network.set_tensor(self._input, values[None])
        self._network.invoke()
        return {one["name"]: self._network.get_tensor(one["index"]) for one in self._outputs}


class OpenCV:
    """The same on OpenCV."""

    def __init__(self, flatbuffer: bytes):
        self._network = cv2.dnn.readNetFromTFLite(np.frombuffer(flatbuffer, np.uint8))
        self._names = self._network.getUnconnectedOutLayersNames()

    def __call__(self, values: np.ndarray) -> dict[str, np.ndarray]:
        blob = values.transpose(2, 0, 1) if values.ndim == 3 else values
        self._network.setInput(np.ascontiguousarray(blob[None]))
        return dict(zip(self._names, self._network.forward(self._names), strict=True))


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Nothing that a C library prints to the error stream is seen meanwhile."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
