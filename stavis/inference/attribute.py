"""An attribution for every frame of a recording: the network's own windows, one after another, laid back onto the video's frames."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import nn

from stavis.notes import Notes
from stavis.timeline import streams, window_starts
from stavis.types import COMPLETE, Attribution, Clip, Target

Method = Callable[..., Attribution]
Progress = Callable[[int, int], None]


def attribute(
    methods: Sequence[Method],
    model: nn.Module,
    clip: Clip,
    dimension: str,
    *,
    rate: float,
    seconds: float,
    progress: Progress | None = None,
) -> dict[str, Attribution]:
    """Each method's map of how every frame moved the mean prediction of its window: one Attribution a method, on all frames of the clip.

    Windows follow each other without overlap in each interleaved stream of about `rate` frames/s; one without a face stays 0.
    relative_delta is the median of the windows' (a window whose prediction equals the baseline's has none that means anything);
    `seconds` of the results is the time they took together. `notes` are those of the windows, each once, and one sentence where
    windows are not complete to 1 %.
    """
    pieces = [stream[window] for stream in streams(clip.times, rate) for window in window_starts(clip.times[stream], seconds, 0.0)]
    pieces = [piece for piece in pieces if clip.valid[piece].any()]  # a window without a face has no prediction to explain
    results = {}
    for number, method in enumerate(methods):
        values = np.zeros(clip.frames.shape[:3], np.float32)
        deltas, spent, name, notes = [], 0.0, "", Notes()
        for done, piece in enumerate(pieces, 1):
            part = method(model, clip[piece], Target(dimension))
            values[piece] = part.values
            name = part.method
            spent += part.seconds or 0.0
            notes.add(*part.notes)
            if part.relative_delta is not None:
                deltas.append(part.relative_delta)
            if progress:
                progress(number * len(pieces) + done, len(methods) * len(pieces))
        if pieces:
            typical = float(np.median(deltas)) if deltas else None
            notes.add(*_completeness(name, deltas))
            results[name] = Attribution(name, Target(dimension), values, clip.times, typical, spent, tuple(notes))
    return results


def _completeness(name: str, deltas: list[float]) -> list[str]:
    """One sentence for all windows where some of them miss more than 1 % of what they explain."""
    missed = [delta for delta in deltas if delta > COMPLETE]
    if not missed:
        return []
    return [
        f"{name}: in {len(missed)} of {len(deltas)} windows the map misses more than {COMPLETE:.0%} of the prediction's change from the "
        f"baseline (median of all {np.median(deltas):.1%}, at most {max(missed):.1%})."
    ]
