"""What an explorer asks of whoever knows the recordings and the network: it knows neither itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from stavis.data.crops.shown import ShownFrames
from stavis.data.video.sound import Sound
from stavis.show.explorer.worker import Task
from stavis.types import AttentionMaps, Attribution, Clip, Prediction


@dataclass(frozen=True)
class ReadResult:
    """What a network says of the frames of a clip, and where it looked (None for a network without attention)."""

    prediction: Prediction | None
    attention: AttentionMaps | None


@dataclass(frozen=True)
class WindowMedia:
    """What is seen and heard of the frames of a window: images with more pixels than the network is given, an array (T,H,W,3) uint8 or
    what is read from the source while it is iterated over, and the sound; None where there is none. notes: what must be known of them."""

    images: np.ndarray | ShownFrames | None = None
    sound: Sound | None = None
    notes: tuple[str, ...] = ()


class RecordingSource(Protocol):
    """One opened recording. Whatever takes long gets a Task: it tells its progress there and is stopped there.

    name; times (T,) s of all frames; signals: a table with a time column, or None; notes: what must be known of the recording;
    notices: what stands on top of the scrubber; provenance: what is needed to make its results again.
    """

    name: str
    times: np.ndarray
    signals: pd.DataFrame | None
    notes: tuple[str, ...]
    notices: tuple[str, ...]
    provenance: dict

    def cut(self, window: slice) -> Clip:
        """The frames of a window."""
        ...

    def media(self, window: slice, task: Task) -> WindowMedia:
        """The images and the sound of a window as people look at them."""
        ...

    def raters(self, window: slice) -> dict[str, np.ndarray] | None:
        """Each dimension's ratings (T,K) in [-1,1] at the frames of a window; None where there are none."""
        ...

    def read(self, window: slice, task: Task) -> ReadResult:
        """What the network says of the frames of a window."""
        ...

    def windows(self, clip: Clip) -> int:
        """How many times a method is called to explain the clip: once for each window that the network reads."""
        ...

    def attribute(self, method: Callable[..., Attribution], clip: Clip, dimension: str, task: Task) -> Attribution:
        """What moved the prediction of each of the clip's windows."""
        ...

    def attribute_moment(self, method: Callable[..., Attribution], clip: Clip, dimension: str, frame: int, task: Task) -> Attribution:
        """What moved the prediction at exactly this frame of the clip; zero in frames that did not enter."""
        ...


@dataclass(frozen=True)
class Beginning:
    """The first frames of a recording that is still being read, and what the network says of them so far; seconds: of all of it."""

    clip: Clip
    seen: ReadResult
    seconds: float
    notices: tuple[str, ...] = ()


Begin = Callable[[Beginning], None]
Opener = Callable[[int, Task, Begin], RecordingSource]
"""Opens the recording of a number. Where its face has to be found first, that takes long: meanwhile its beginning is handed over."""
