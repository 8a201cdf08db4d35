"""The clock of a file's packets: wraps undone, recordings one after another put in a row, missing and equal stamps filled in."""

import numpy as np

_WRAP = 1 << 33


def unwrapped(stamps: np.ndarray) -> np.ndarray:
    """Stamps in file order with the wraps of a 33-bit clock undone (libav undoes the first one only)."""
    jumps = np.diff(stamps, prepend=stamps[:1])
    turns = np.cumsum(np.where(jumps < -_WRAP // 2, 1, 0) - np.where(jumps > _WRAP // 2, 1, 0))
    return stamps + turns * _WRAP if turns.any() and stamps.max() < _WRAP else stamps


def restarts(shown: list[int | None], decoded: list[int | None], keys: list[bool]) -> list[int]:
    """The packets, by their number in the file, at which the clock steps back: there another recording begins.

    shown, decoded: when each packet's frame is shown and decoded, None where the file does not say; keys: decoding can start at it.
    Within one recording the times of decoding rise, or where there are none, the times at which key frames are shown. A single
    stamp that is off is no new recording.
    """
    numbers = [number for number, stamp in enumerate(decoded) if stamp is not None]
    by_keys = len(numbers) < len(decoded) / 2
    if by_keys:
        numbers = [number for number, stamp in enumerate(shown) if stamp is not None and keys[number]]
        decoded = shown
    if len(numbers) < 2:
        return []
    clock = unwrapped(np.array([decoded[number] for number in numbers], np.int64))
    steps = np.diff(clock)
    half = np.median(steps[steps > 0]) / 2 if (steps > 0).any() else 0
    at = []
    for k in np.flatnonzero(steps <= 0 if by_keys else steps < -half).tolist():
        alone_above = k > 0 and clock[k - 1] < clock[k + 1]
        alone_below = k + 2 < len(clock) and clock[k + 2] > clock[k] + half and k > 0
        if not (alone_above or alone_below):
            at.append(numbers[k + 1])
    return at


def joined(stamps: np.ndarray, starts: list[int], step: int) -> np.ndarray:
    """What is added to the stamp of each packet, (N,) int64, so that each recording begins one frame after the one before.

    stamps (N,) in file order, those that are never shown included; starts: the packets at which a recording begins, 0 left out.
    """
    added = np.zeros(len(stamps), np.int64)
    end = None
    for first, stop in zip([0, *starts], [*starts, len(stamps)], strict=True):
        part = stamps[first:stop]
        if end is not None:
            added[first:stop] = end + step - part.min()
        end = int((part + added[first:stop]).max())
    return added


def spread(times: np.ndarray) -> tuple[np.ndarray, int]:
    """Times that rise strictly: equal ones are spread up to the next; also how many were moved."""
    if len(times) < 2 or (np.diff(times) > 0).all():
        return times, 0
    unique, start, counts = np.unique(times, return_index=True, return_counts=True)
    step = np.median(np.diff(unique)) if len(unique) > 1 else 0.04
    room = np.diff(unique, append=unique[-1] + step)
    nth = np.arange(len(times)) - np.repeat(start, counts)
    return times + nth * np.repeat(room / counts, counts), int((counts - 1).sum())


def filled(given: np.ndarray, order: list[int | None], step: int) -> np.ndarray:
    """Stamps (N,) with those of the frames that carry none, each between its neighbours: evenly, or a `step` apart before a pause.

    given (G,) rising; order: the stamp of every frame in the order of showing, None where it carries none.
    """
    between = np.zeros(len(given) + 1, np.int64)  # frames without a stamp before the first given one, after it, ...
    last = 0
    for stamp in order:
        if stamp is None:
            between[last] += 1
        else:
            last = max(last, int(np.searchsorted(given, stamp, side="right")))
    added = [given[0] - step * np.arange(1, between[0] + 1)]
    for k in np.flatnonzero(between[1:]).tolist():
        count = int(between[k + 1])
        room = (given[k + 1] - given[k]) / (count + 1) if k + 1 < len(given) else np.inf
        # Of a stream of fields the nominal rate may be twice that of its frames: less than that is no pause.
        added.append(given[k] + np.rint((step if room > 2.5 * step else room) * np.arange(1, count + 1)))
    return np.sort(np.concatenate([given, *added])).astype(np.int64)
