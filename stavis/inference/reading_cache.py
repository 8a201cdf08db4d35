"""Readings kept on disk, found again by the network, the crops and the frames; a damaged one is made again."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from stavis.attention.calls import unwrapped
from stavis.data.crops.crops import Crops
from stavis.inference.adapters.interface import NetworkAdapter
from stavis.inference.reading import Reading
from stavis.storage.cache import find_arrays, get_arrays
from stavis.storage.files import content_hash
from stavis.storage.fingerprint import model_hash
from stavis.types import AttentionMaps, Prediction

if TYPE_CHECKING:
    from stavis.inference.predictor import VideoReader

FORMAT = "2"
"""Part of the name of every kept reading: to be raised when `read` gives other numbers."""

NOTES = "notes"
"""The name of the array that holds a reading's notes, as JSON."""


def content_of(net: "VideoReader") -> str | None:
    """What names the results that are kept of a network as it is now: it may have been trained on since it was loaded, or its code edited.
    None where that cannot be told."""
    now = model_hash(unwrapped(net.differentiable()))
    return None if now is None else content_hash(net.hash, now)


class ReadingCache:
    """What one network has read of one video's crops. Crops that lie in no cache themselves have no name, and their readings none; nor
    have those of a network whose content cannot be told (`network_hash` None)."""

    def __init__(self, crops: Crops, network_hash: str | None, network: NetworkAdapter, mirror: bool = False, mode: str = "window"):
        self._crops, self._hash, self._network, self._mirror, self._mode = crops, network_hash, network, mirror, mode

    def key(self, frames: slice) -> str:
        """The name of the reading of some frames."""
        window = (self._network.rate, self._network.seconds)
        how = (("mirror",) if self._mirror else ()) + (() if self._mode == "window" else (self._mode,))
        return content_hash(FORMAT, self._hash, self._crops.folder.name, repr((frames.start, frames.stop)), repr(window), *how)

    def get_or_read(self, frames: slice, make: Callable[[slice], Reading]) -> Reading:
        """The reading of some frames: kept, or their part of the whole video's that is kept, or else as `make(frames)` gives it."""
        if self._crops.folder is None or self._hash is None:
            return make(frames)
        whole = slice(0, len(self._crops))
        if frames != whole:
            kept = find_arrays("readings", self.key(whole), lambda arrays: self._fits(arrays, whole))
            if kept is not None:
                return self._reading({name: values if name == NOTES else values[frames] for name, values in kept.items()}, frames)
        about = {"what": f"{self._crops.recording}, {frames.stop - frames.start} frames"}
        arrays = get_arrays("readings", self.key(frames), lambda: _arrays(make(frames)), about, lambda found: self._fits(found, frames))
        return self._reading(arrays, frames)

    def _fits(self, arrays: dict[str, np.ndarray], frames: slice) -> bool:
        attends = self._network.attention is not None
        _notes(arrays)  # a ValueError where they are none
        return len(arrays["values"]) == frames.stop - frames.start and attends == ("weights" in arrays)

    def _reading(self, arrays: dict[str, np.ndarray], frames: slice) -> Reading:
        times, values = self._crops.times[frames], arrays["values"]
        names = self._network.dimensions or tuple(f"output {i}" for i in range(values.shape[1]))
        attention = AttentionMaps(arrays["weights"], times) if "weights" in arrays else None
        return Reading(Prediction(times, values, names, self._network.bounds), attention, notes=_notes(arrays))


def _arrays(reading: Reading) -> dict[str, np.ndarray]:
    weights = {} if reading.attention is None else {"weights": reading.attention.weights}
    notes = np.frombuffer(json.dumps(reading.notes).encode(), np.uint8)
    return {"values": reading.prediction.values, NOTES: notes, **weights}


def _notes(arrays: dict[str, np.ndarray]) -> tuple[str, ...]:
    """The notes that are kept with a reading; none in one that was kept before there were any."""
    return tuple(json.loads(arrays[NOTES].tobytes())) if NOTES in arrays else ()
