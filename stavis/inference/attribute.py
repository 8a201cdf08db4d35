"""An attribution for every frame of a recording: the network's own windows, one after another, laid back onto the video's frames."""

from collections.abc import Callable, Sequence
from functools import wraps

import numpy as np
from torch import nn

from stavis.attention.tokens import TokenAttention
from stavis.attribution.attention_maps import raw_attention
from stavis.attribution.methods import ALL_METHODS, TOKEN_METHODS
from stavis.attribution.target import described
from stavis.attribution.windows import MOST, together
from stavis.errors import StavisError, offer
from stavis.notes import Notes
from stavis.printable import percent
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
    frames: int | None = None,
    batch: int = MOST,
    call: Callable[..., Attribution] = lambda method, model, clip, target: method(model, clip, target),
    progress: Progress | None = None,
) -> dict[str, Attribution]:
    """Each method's map of how every frame moved the mean prediction of its window: one Attribution a method, on all frames of the clip.

    Windows follow each other in each interleaved stream of about `rate` frames/s; the last ends with it, and frames that it shares with
    the one before bear the mean of both. A window without a face stays 0.
    relative_delta is the median of the windows' (a window whose prediction equals the baseline's has none that means anything);
    `seconds` of the results is the time they took together. `notes` are those of the windows, each once, and one sentence where
    windows are not complete to 1 %. batch: how many windows may be computed at once. call: how a method is called with a model, a clip
    and a target.
    """
    pieces = [
        piece for piece in windows_of(clip.times, rate, seconds, frames) if clip.valid[piece].any()
    ]  # a window without a face has no prediction to explain
    results = {}
    clips = [clip[piece] for piece in pieces]
    shared = np.zeros(len(clip))  # by how many windows
    for piece in pieces:
        shared[piece] += 1
    share = np.reciprocal(np.maximum(shared, 1), dtype=np.float32)[:, None, None]
    for number, method in enumerate(methods):
        run = together(method, clips, min(batch, MOST))
        values = np.zeros(clip.frames.shape[:3], np.float32)
        deltas, spent, name, notes = [], 0.0, "", Notes()
        for done, (piece, window) in enumerate(zip(pieces, clips, strict=True), 1):
            part = call(run, model, window, Target(dimension))
            values[piece] += part.values * share[piece]
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


def windows_of(times: np.ndarray, rate: float, seconds: float, length: int | None = None) -> list[np.ndarray]:
    """The frames of each window that is attributed, one after another; the last ends with its stream."""
    return [stream[window] for stream in streams(times, rate) for window in window_starts(times[stream], seconds, 0.0, length)]


def window_around(times: np.ndarray, frame: int, rate: float, seconds: float, length: int | None = None) -> tuple[np.ndarray, int]:
    """The frames of the network's window with `frame` in its middle, and its index among them."""
    stream = next(one for one in streams(times, rate) if frame in one)
    first = window_starts(times[stream], seconds, 0.0, length)[0]
    length, index = first.stop - first.start, int(np.searchsorted(stream, frame))
    start = int(np.clip(index - length // 2, 0, len(stream) - length))
    return stream[start : start + length], index - start


def offered_methods(options: dict | None) -> list[Method]:
    """The methods that a network with these attention options (None without attention) can be asked for; the attention itself is always
    there, so it is no choice."""
    offered = [method for method in ALL_METHODS if method is not raw_attention and (options is not None or not method.needs_attention)]
    return [*offered, *(TOKEN_METHODS if has_tokens(options) else ())]


def has_tokens(options: dict | None) -> bool:
    """Whether attention options name the layers of a transformer."""
    attention = (options or {}).get("attention")
    return isinstance(attention, TokenAttention) and attention.has_heads


def chosen_methods(options: dict | None, wanted: Sequence[str | Method]) -> list[Method]:
    """The methods that are named (saliency, integrated-gradients ...) or given as functions, in their order.

    Raises StavisError where a name is none of those that the network can be asked for.
    """
    known = {method.__name__.replace("_", "-"): method for method in offered_methods(options)}
    chosen = []
    for one in wanted:
        if callable(one):
            chosen.append(_with_label(one))
        elif (name := one.strip().replace("_", "-")) in known:
            chosen.append(known[name])
        else:
            raise StavisError(f"there is no attribution method {one!r} for this network: {offer(one, known)}")
    return chosen


def label_of(method: Method) -> str:
    """What a method that `chosen_methods` gave is called."""
    return method.label


def _with_label(method: Method) -> Method:
    """A method of the user's own, with what a user needs to choose it."""
    if hasattr(method, "label"):
        return method
    name = getattr(method, "__name__", type(method).__name__).replace("_", " ")
    return described(name, "cost not known")(wraps(method)(lambda *args, **options: method(*args, **options)))


def _completeness(name: str, deltas: list[float]) -> list[str]:
    """One sentence for all windows where some of them miss more than 1 % of what they explain."""
    missed = [delta for delta in deltas if delta > COMPLETE]
    if not missed:
        return []
    return [
        f"{name}: in {len(missed)} of {len(deltas)} windows the map misses more than {percent(COMPLETE)} of the prediction's change from "
        f"the baseline (median of all {percent(np.median(deltas), 1)}, at most {percent(max(missed), 1)})."
    ]
