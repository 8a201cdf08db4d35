"""What will be read from a video: its upright size, the time of every frame, and what is to be said of it, found before decoding."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from stavis.data.video.clock import filled, joined, restarts, spread, unwrapped
from stavis.data.video.demuxing import BROKEN, Packets, bound, demuxed, open_video, other_streams, regular_file
from stavis.data.video.display import UPRIGHT, Orientation, orientation_of, square_pixel_size
from stavis.data.video.hdr import colour_note
from stavis.data.video.tail import missing_tail, promised_frames, promised_packets
from stavis.errors import StavisError

PIXELS = 3
"""Goes up when the pixels or times that are read from a file become others: part of every key of what is made from them."""

# A damaged end is looked for behind the last key frames, so many at most.
_KEYS_TRIED = 3
AT_A_JOIN = 3
"""The packets before a join of recordings that a transport stream marks as damaged because its counters start again."""


@dataclass(frozen=True)
class VideoInfo:
    """One video file as it will be read: upright size in square pixels and the time of every frame, from the container's own clock.

    codec: libav's name. times (N,) s, rising; they may start below or far above 0. notes: a sentence for each thing that a user must
    know of it: signs of damage, other streams, frames that are not shown as they are coded.
    stamps (N,) int64, the same times in the container's units; key_frames (K,) indices of the frames that decoding can start at.
    coded: width and height of the coded frames; aspect: width of a coded pixel over its height; orientation: how they are turned.
    stream: its number in the file. interlaced: frames are deinterlaced. starts: the packets at which another recording begins, its
    clock set back, and shifts (packets,) what is added to the stamp of each (None: nothing).
    stamped: every frame carries its own stamp; by_stamp: those that carry one are found by it, the others by their order. regular:
    stamped, and nothing above asks for more than decoding, so that either decoder will do.
    images: for a folder of numbered images the file of each frame (None where there is none); None for a video file.
    """

    path: Path
    width: int
    height: int
    codec: str
    times: np.ndarray
    notes: tuple[str, ...] = ()
    stamps: np.ndarray = field(default=None, repr=False)
    key_frames: np.ndarray = field(default=None, repr=False)
    coded: tuple[int, int] = (0, 0)
    aspect: Fraction = Fraction(1)
    orientation: Orientation = UPRIGHT
    stream: int | None = None
    interlaced: bool = False
    colours: str = ""
    starts: tuple[int, ...] = ()
    shifts: np.ndarray | None = field(default=None, repr=False)
    container: str = ""
    stamped: bool = True
    by_stamp: bool = True
    regular: bool = False
    images: tuple[Path | None, ...] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def rotation(self) -> int:
        """Degrees (0, 90, 180, 270) by which the coded frames are turned anticlockwise, after they were mirrored (if at all)."""
        return self.orientation.rotation

    @property
    def warnings(self) -> tuple[str, ...]:
        """The notes, under their older name."""
        return self.notes


def probe(path: str | Path, *, stream: int | None = None) -> VideoInfo:
    """What will be read from a video: its upright size, its codec and the time of every frame it holds.

    The packets are all demuxed and the first frame is decoded; header counts and frame rates are not trusted. stream: the number of
    the video stream in the file; None: the best by libav's rule, never a cover picture.

    Raises StavisError where the file is missing, no regular file, no video, without frames, too large, or cannot be decoded.
    """
    path = regular_file(path)
    with open_video(path, stream) as (container, chosen):
        promised = promised_packets(path, container, chosen)
        packets = demuxed(container, chosen)
        known_ratio = chosen.sample_aspect_ratio
        index = chosen.index
        problems = [other_streams(container, chosen)]
        alone = not problems[0]
        tail = missing_tail(path, container, chosen, packets, promised)
    clock = _clock_of(packets)
    first = _first_frames(path, index, clock)
    stamps, known, complaints = clock.frames(packets, first.stamps, lambda: _decoded_stamps(path, index, clock))
    if _damaged_end(packets, tail) and known and packets.own_stamps:
        stamps, tail = _without_broken_end(path, index, clock, stamps, tail, promised_frames(packets, promised))
    if len(stamps) == 0:
        raise StavisError(f"{path} holds no frame that can be decoded: take another copy of the video.")
    times, shared = spread(stamps.astype(np.float64) * float(packets.unit))
    if shared:
        complaints.append(f"{shared} frames share a time stamp with another and were spread evenly")
    aspect = known_ratio or first.aspect or Fraction(1)
    coded = (first.width, first.height)
    square = square_pixel_size(*coded, aspect)
    width, height = first.orientation.size(square)
    bound(path, width, height)
    by_stamp = bool(len(clock.given)) and packets.own_stamps and not shared
    as_coded = first.orientation == UPRIGHT and square == coded and not first.interlaced and not first.colours
    plain = known and alone and as_coded and not shared and not any(packets.never_shown) and stamps[0] >= 0 and not clock.shifted
    problems += [*_damage(packets, clock), *tail, *complaints, *_not_as_coded(first, aspect, coded, square)]
    return VideoInfo(
        path=path,
        width=width,
        height=height,
        codec=packets.codec,
        times=times,
        notes=tuple(f"{path.name}: {problem}." for problem in problems if problem),
        stamps=stamps,
        key_frames=np.flatnonzero(np.isin(stamps, clock.stamps[clock.keys])),
        coded=coded,
        aspect=Fraction(aspect),
        orientation=first.orientation,
        stream=index,
        interlaced=first.interlaced,
        colours=first.colours,
        starts=clock.starts,
        shifts=clock.shifts if clock.shifted else None,
        container=packets.container,
        stamped=known and by_stamp,
        by_stamp=by_stamp,
        regular=bool(plain and packets.plain_keys and clock.closed_groups()),
    )


@dataclass(frozen=True)
class _Clock:
    """The stamps of the packets that carry one, wraps undone and recordings put in a row; `shifts` for all packets."""

    stamps: np.ndarray  # (given,)
    given: np.ndarray  # (given,) packet numbers
    keys: np.ndarray  # (given,) bool
    starts: tuple[int, ...]
    shifts: np.ndarray  # (packets,)
    step: int
    rate: float

    @property
    def shifted(self) -> bool:
        return bool(self.shifts.any())

    def closed_groups(self) -> bool:
        """Whether nothing before a key frame is shown after it, and nothing after it before it: decoding can start there and be whole."""
        if not self.keys.any() or len(self.given) < 2 or not self.keys[0]:
            return False
        before = np.maximum.accumulate(self.stamps)
        after = np.minimum.accumulate(self.stamps[::-1])[::-1]
        at = np.flatnonzero(self.keys)
        return bool((after[at] == self.stamps[at]).all() and (before[at[1:] - 1] < self.stamps[at[1:]]).all())

    def frames(self, packets: Packets, first: list[int | None], decoded: Callable[[], list]) -> tuple[np.ndarray, bool, list[str]]:
        """Stamps in the order of showing, missing ones filled in; whether all were there; complaints.

        first: the stamp of the first frame that can be decoded in each recording; decoded: gives the stamps of all decoded frames.
        """
        shown = ~np.array(packets.never_shown, bool)
        lacking = sum(packets.shown[n] is None and bool(shown[n]) for n in range(len(packets)))
        stamps = self.stamps[shown[self.given]]
        if not len(stamps):
            return np.arange(lacking, dtype=np.int64) * self.step, False, [_without_stamps(self.rate)] * bool(lacking)
        complaints = []
        if self.starts:
            count = len(self.starts) + 1
            complaints.append(f"its clock starts again: its {count} recordings were joined, each a frame after the one before")
        kept = np.ones(len(stamps), bool)
        for begin, decodable in zip(self._begins(), first, strict=True):
            if decodable is not None:
                kept &= (stamps < begin) | (stamps >= decodable)
        if gone := int((~kept).sum()):
            complaints.append(f"the first {gone} frames come before the first key frame and cannot be decoded")
        stamps = np.sort(stamps[kept])
        if not lacking:
            return stamps, True, complaints
        order = decoded() if packets.own_stamps else []
        if not 0 < order.count(None) <= lacking:
            order = self._in_file_order(packets)
        placed = order.count(None)
        where = f"between their neighbours, or at {self.rate:.6g} frames a second before a pause and at the ends"
        complaints.append(f"{placed} frames carry no time stamp and were placed {where}")
        if lost := lacking - placed:
            complaints.append(f"{lost} more that carry none cannot be decoded and are left out")
        return filled(stamps, order, self.step), False, complaints

    def _in_file_order(self, packets: Packets) -> list[int | None]:
        """The stamps of the packets whose frames are shown, in file order, None where one carries none."""
        stamps = dict(zip(self.given.tolist(), self.stamps.tolist(), strict=True))
        return [stamps.get(n) for n in range(len(packets)) if not packets.never_shown[n]]

    def _begins(self) -> list[int]:
        """The first stamp of each recording."""
        ends = [*self.starts, len(self.shifts)]
        parts = [self.stamps[(self.given >= a) & (self.given < b)] for a, b in itertools.pairwise([0, *ends])]
        return [int(part.min()) if len(part) else 0 for part in parts]


def _clock_of(packets: Packets) -> _Clock:
    given = np.array([n for n, stamp in enumerate(packets.shown) if stamp is not None], np.int64)
    raw = np.array([packets.shown[n] for n in given], np.int64)
    nominal = max(1, round(1 / (packets.rate * float(packets.unit))))
    shifts = np.zeros(len(packets), np.int64)
    starts: list[int] = []
    stamps = raw
    if packets.own_stamps and len(given):
        stamps = unwrapped(raw)
        starts = restarts(packets.shown, packets.decoded, packets.keys)
        starts = [s for s in starts if (given < s).any() and (given >= s).any()]
        if starts:
            gaps = np.diff(np.sort(stamps[given < starts[0]]))
            step = int(np.median(gaps[gaps > 0])) if (gaps > 0).any() else nominal
            stamps = stamps + joined(stamps, np.searchsorted(given, starts).tolist(), step)
        nearest = np.clip(np.searchsorted(given, np.arange(len(packets)), side="right") - 1, 0, None)
        shifts = (stamps - raw)[nearest]
    keys = np.array([packets.keys[n] and not packets.never_shown[n] for n in given], bool)
    return _Clock(stamps, given, keys, tuple(starts), shifts, nominal, packets.rate)


def _damage(packets: Packets, clock: _Clock) -> list[str]:
    # Where recordings were joined the counters of a transport stream start again, which marks the packets before as damaged.
    corrupt = sum(c and not any(0 < s - n <= AT_A_JOIN for s in clock.starts) for n, c in enumerate(packets.corrupt))
    found = []
    if corrupt:
        found.append(f"{corrupt} of {len(packets)} packets are damaged or cut short")
    if packets.stopped:
        found.append(f"reading stopped after {len(packets)} packets ({packets.stopped})")
    elif packets.messages and not corrupt and not clock.starts:
        found.append("the container is damaged or ends early")
    return found


def _not_as_coded(first: "_First", aspect: Fraction, coded: tuple[int, int], square: tuple[int, int]) -> list[str]:
    said = []
    if square != coded:
        said.append(f"its pixels are not square ({aspect.numerator}:{aspect.denominator}): frames were scaled to {square[0]}x{square[1]}")
    if first.interlaced:
        said.append("it is interlaced, and its frames were deinterlaced")
    if not first.orientation.exact:
        said.append("its display matrix is no quarter turn: frames were turned to the nearest one")
    return [*said, first.colours]


def _damaged_end(packets: Packets, tail: list[str]) -> bool:
    return bool(tail or packets.stopped or any(packets.corrupt[-2:]))


@dataclass(frozen=True)
class _First:
    """The first decoded frame; and of each recording in the file the stamp of its first decoded frame (None where it has none)."""

    width: int
    height: int
    aspect: Fraction | None
    orientation: Orientation
    interlaced: bool
    colours: str
    stamps: list[int | None]


def _first_frames(path: Path, index: int, clock: _Clock) -> _First:
    """Decodes the first frame of each recording in a file."""
    first, stamps = None, [None] * (len(clock.starts) + 1)
    with open_video(path, index) as (container, stream):
        for recording, frames in _decoded(container, stream, clock, wanted=stamps):
            for frame in frames:
                bound(path, frame.width, frame.height)
                aspect = stream.codec_context.sample_aspect_ratio
                here = _First(frame.width, frame.height, aspect, orientation_of(frame), frame.interlaced_frame, colour_note(frame), stamps)
                first = first or here
                stamps[recording] = frame.pts
                break
            if stamps[-1] is not None:
                break
    if first is None:
        raise StavisError(f"{path} holds no frame that can be decoded: it is empty or damaged, take another copy of the video.")
    return first


def _decoded(container, stream, clock: _Clock, wanted: list):
    """The frames of each packet with the number of its recording; recordings whose entry in `wanted` is filled are passed over."""
    recording = number = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except BROKEN:
            return
        if packet is None:
            return
        try:
            if packet.size:
                if number in clock.starts:
                    if wanted[recording] is None:
                        yield recording, stream.codec_context.decode(None)
                    recording += 1
                    stream.codec_context.flush_buffers()
                shift(packet, clock.shifts, number)
                number += 1
            if wanted[recording] is not None and recording < len(clock.starts):
                continue
            frames = packet.decode()
        except BROKEN:
            continue
        yield recording, frames


def shift(packet, shifts: np.ndarray | None, number: int) -> None:
    """Set a packet's stamps to the clock of the whole file; number: which one it is of its stream."""
    if shifts is not None and number < len(shifts) and shifts[number]:
        packet.pts = None if packet.pts is None else packet.pts + int(shifts[number])
        packet.dts = None if packet.dts is None else packet.dts + int(shifts[number])


def _without_broken_end(path: Path, index: int, clock: _Clock, stamps: np.ndarray, tail: list[str], promised: int) -> tuple:
    """The stamps of the frames that can be decoded, in a file whose end is damaged, and what is said of the others."""
    decodable = _decodable(path, index, clock, stamps)
    kept = stamps[decodable]
    if tail and promised > len(kept):
        return kept, [f"its header promises {promised} frames and {len(kept)} can be decoded: its tail is missing"]
    lost = int((~decodable).sum())
    return kept, [*tail, f"the last {lost} frames that it holds a part of cannot be decoded"] if lost else tail


def _decoded_stamps(path: Path, index: int, clock: _Clock) -> list[int | None]:
    """The stamp of every frame of a file as it is decoded, from its first key frame on."""
    with open_video(path, index) as (container, stream):
        return [frame.pts for _, frames in _decoded(container, stream, clock, [None] * len(clock.shifts)) for frame in frames]


def _decodable(path: Path, index: int, clock: _Clock, stamps: np.ndarray) -> np.ndarray:
    """Which frames can be decoded, in a file whose end is damaged: (N,) bool, looked for behind the last key frames alone."""
    keys = np.unique(clock.stamps[clock.keys])[::-1][:_KEYS_TRIED].tolist() if not clock.shifted else []
    for key in [*keys, None]:
        with open_video(path, index) as (container, stream):
            try:
                if key is not None:
                    container.seek(key, stream=stream, backward=True)
                seen = [frame.pts for _, frames in _decoded(container, stream, clock, [None] * len(clock.shifts)) for frame in frames]
            except BROKEN:
                continue
        seen = np.array([pts for pts in seen if pts is not None], np.int64)
        if len(seen):
            return (stamps < seen.min()) | np.isin(stamps, seen)
    return np.ones(len(stamps), bool)


def _without_stamps(rate: float) -> str:
    return f"it carries no time stamps, so its frames are placed at {rate:.6g} a second as its header says"
