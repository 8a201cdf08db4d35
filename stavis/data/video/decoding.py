"""The frames of a video, in order and in bounded memory, by PyAV, which tells of damage.

Measured on the test clips, one thread, decode to RGB: decord 0.3-1.5 ms a frame, PyAV 1.2-2.9 ms. But decord reads ahead
without bound while its caller works (1.1 GB after 4 s of waiting at 1280x720), says nothing of damage, and is right for some kinds
of files alone. So PyAV reads whole videos and all whose damage must be known; decord (decord_reading) reads short segments of
regular videos that were read before.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import av.logging
import numpy as np
from av.video.reformatter import VideoReformatter

from stavis.data.video.deinterlacing import Deinterlacer
from stavis.data.video.demuxing import BROKEN, MOST_PIXELS, open_video
from stavis.data.video.display import Orientation, fitted_size, orientation_of, padded, square_pixel_size
from stavis.data.video.hdr import colour_note, needs_mapping, sdr_image
from stavis.data.video.probing import AT_A_JOIN, VideoInfo, shift
from stavis.notes import Notes

DAMAGED, LOST, AFTER_DAMAGE, RESIZED, NO_IMAGE = "damaged", "lost", "after damage", "resized", "no image"
"""What the note of a frame can say: its data are damaged; it could not be decoded and repeats the one before; it may rest on a
damaged one (up to the next key frame); it had another size or shape and was fitted into the first one's; a folder of images has no
image of its number."""


@dataclass(frozen=True)
class Frame:
    """One frame of a video: its index among the video's frames, its time in s, image (H,W,3) uint8 RGB upright, pixels square.

    damaged: the decoder reported errors in it, or it could not be decoded at all and repeats the one before (black at the start).
    note: '' or one of DAMAGED, LOST, AFTER_DAMAGE, RESIZED.
    """

    index: int
    time: float
    image: np.ndarray
    damaged: bool = False
    note: str = ""


def frames_by_pyav(info: VideoInfo, start: int, stop: int, size: tuple[int, int], notes: Notes | None = None) -> Iterator[Frame]:
    """Every frame from `start` up to `stop`, each index once and in order, at `size` (width, height, upright).

    Decoding starts at the last key frame before `start`. A frame counts as damaged where libav flags it as corrupt, raises an error
    or logs one for its packet. notes: takes what shows up on the way, such as interlaced frames after others.
    """
    notes = Notes() if notes is None else notes
    # Deinterlacing looks one frame back.
    earlier = info.key_frames[info.key_frames <= start - info.interlaced]
    # Without a stamp of its own a frame is known by its order from the start alone.
    if len(earlier) > 1 and earlier[-1] > 0 and info.stamped and info.shifts is None:
        decoded = _Decoder(info, size, notes, key_frame=int(earlier[-1]))
        first = next(decoded, None)
        if first is not None and first.index <= start:
            yield from _every_index(info, start, stop, size, first, decoded)
            return
        decoded.close()
    decoded = _Decoder(info, size, notes)
    yield from _every_index(info, start, stop, size, next(decoded, None), decoded)


def _every_index(info, start, stop, size, first, decoded) -> Iterator[Frame]:
    """The frames from `start` to `stop`, gaps filled by the frame before (marked as lost)."""
    last, expected, doubtful = np.zeros((size[1], size[0], 3), np.uint8), start, False
    try:
        for one in [] if first is None else _chain(first, decoded):
            while expected < min(one.index, stop):
                yield Frame(expected, float(info.times[expected]), last, True, LOST)
                expected, doubtful = expected + 1, True
            doubtful = one.damaged or (doubtful and not one.key_frame)
            if expected >= stop:
                break
            if one.index == expected:
                last = one.image()
                note = DAMAGED if one.damaged else RESIZED if one.resized else AFTER_DAMAGE if doubtful else ""
                yield Frame(expected, float(info.times[expected]), last, one.damaged, note)
                expected += 1
        while expected < stop:
            yield Frame(expected, float(info.times[expected]), last, True, LOST)
            expected += 1
    finally:
        decoded.close()


def _chain(first, rest) -> Iterator:
    yield first
    yield from rest


@dataclass(frozen=True)
class _Shape:
    """How a coded frame becomes upright: its own upright size in square pixels, and the size that is wanted (both width, height)."""

    orientation: Orientation
    upright: tuple[int, int]
    wanted: tuple[int, int]


@dataclass(frozen=True)
class _Decoded:
    index: int
    frame: av.VideoFrame
    damaged: bool
    key_frame: bool
    resized: bool
    shape: _Shape
    converter: VideoReformatter  # one for all frames of a video: to set one up takes longer than to convert a frame

    def image(self) -> np.ndarray:
        fitted = fitted_size(self.shape.upright, self.shape.wanted) if self.resized else self.shape.wanted
        width, height = self.shape.orientation.size(fitted)
        smaller = width * height < self.frame.width * self.frame.height
        way = "AREA" if smaller else "BILINEAR"
        if needs_mapping(self.frame):
            image = sdr_image(self.frame, width, height, way)
        else:
            image = self.converter.reformat(self.frame, width, height, "rgb24", interpolation=way).to_ndarray()
        return padded(self.shape.orientation.apply(image), self.shape.wanted)


def _decode(packet) -> tuple[list | None, bool]:
    """The frames that come out when a packet goes in (None: it was refused), and whether errors were told or logged."""
    # The capture must not stay open over a yield: captures of two videos that are read at once would be mixed up.
    with av.logging.Capture(local=True) as messages:
        try:
            frames = packet.decode()
        except BROKEN:
            return None, True
    return frames, bool(packet.is_corrupt or messages)


class _Decoder:
    """The decoded frames with their indices, found by their stamps; close() ends it."""

    def __init__(self, info: VideoInfo, size: tuple[int, int], notes: Notes, key_frame: int = 0):
        self.info, self.size, self.notes, self.key_frame = info, size, notes, key_frame
        self.next_index = key_frame
        self.shape = _Shape(info.orientation, (info.width, info.height), size)
        self.coded, self.ratio, self.first_ratio = info.coded, None, None
        self.deinterlacer: Deinterlacer | None = None
        self.converter = VideoReformatter()
        self.frames = self._frames()

    def __iter__(self):
        return self

    def __next__(self) -> _Decoded:
        return next(self.frames)

    def close(self) -> None:
        self.frames.close()

    def _frames(self) -> Iterator[_Decoded]:
        for frame, damaged in self._raw():
            if frame.width * frame.height > MOST_PIXELS:
                return
            if frame.interlaced_frame and self.deinterlacer is None:
                self._say_interlaced(frame)
                self.deinterlacer = Deinterlacer()
            beside = self._placed(frame, damaged)
            if self.deinterlacer is None:
                yield _Decoded(frame=frame, **beside)
            else:
                for done, about in self.deinterlacer.push(frame, beside):
                    yield _Decoded(frame=done, **about)
        if self.deinterlacer is not None:
            for done, about in self.deinterlacer.flush():
                yield _Decoded(frame=done, **about)

    def _say_interlaced(self, frame) -> None:
        if not self.info.interlaced:
            self.notes.add(f"{self.info.path.name}: frames from {self._time(frame)} on are interlaced and were deinterlaced.")

    def _time(self, frame) -> str:
        return f"{self.info.times[min(self.next_index, len(self.info) - 1)]:.2f} s"

    def _raw(self) -> Iterator[tuple[av.VideoFrame, bool]]:
        """The frames as they are decoded, with whether each is damaged."""
        suspicious: set = set()
        with open_video(self.info.path, self.info.stream) as (container, stream):
            if self.key_frame:
                try:
                    container.seek(int(self.info.stamps[self.key_frame]), stream=stream, backward=True)
                except BROKEN:
                    return
            number, packets = 0, container.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                except BROKEN:
                    return
                if packet is None:
                    return
                frames, errors = [], False
                if self.info.shifts is not None and packet.size:
                    if number in self.info.starts:  # the recording before comes out whole, and lends nothing to this one
                        for frame in stream.codec_context.decode(None):
                            yield frame, frame.is_corrupt or frame.pts in suspicious
                        stream.codec_context.flush_buffers()
                    shift(packet, self.info.shifts, number)
                    number += 1
                frames, errors = _decode(packet)
                if frames is None:
                    # Without stamps only the order tells where the hole is.
                    self.next_index += not self.info.by_stamp
                    frames = []
                if errors and packet.pts is not None and not self._at_a_join(packet, number):
                    suspicious.add(packet.pts)
                for frame in frames:
                    self._look(frame, stream)
                    yield frame, frame.is_corrupt or (errors if frame.pts is None else frame.pts in suspicious)

    def _at_a_join(self, packet, number: int) -> bool:
        return packet.is_corrupt and any(0 <= start - number <= AT_A_JOIN for start in self.info.starts)

    def _look(self, frame, stream) -> None:
        """Size, shape and colours can become others at a key frame."""
        if not frame.key_frame and (frame.width, frame.height) == self.coded:
            return
        ratio = stream.codec_context.sample_aspect_ratio
        self.first_ratio = self.first_ratio or ratio
        now = (frame.width, frame.height), ratio, orientation_of(frame)
        if now != (self.coded, self.ratio, self.shape.orientation):
            (self.coded, self.ratio, orientation) = now
            other = ratio / self.first_ratio if ratio and self.first_ratio else Fraction(1)
            upright = orientation.size(square_pixel_size(*self.coded, self.info.aspect * other))
            self.shape = _Shape(orientation, upright, self.size)
        if (colours := colour_note(frame)) != self.info.colours:
            change = colours or "its colours were not mapped"
            self.notes.add(f"{self.info.path.name}: from {self._time(frame)} on {change}.")

    def _placed(self, frame, damaged: bool) -> dict:
        stamps = self.info.stamps
        index = self.next_index
        if self.info.by_stamp and frame.pts is not None:
            index = int(np.searchsorted(stamps, frame.pts))
            exact = index < len(stamps) and stamps[index] == frame.pts
            while exact and index < self.next_index and index + 1 < len(stamps) and stamps[index + 1] == frame.pts:
                index += 1  # frames that share a stamp
            damaged = damaged or not exact
            index = index if exact else max(index, self.next_index)
        self.next_index = max(self.next_index, index + 1)
        resized = self.shape.upright != (self.info.width, self.info.height)
        return {
            "index": index,
            "damaged": bool(damaged),
            "key_frame": frame.key_frame,
            "resized": resized,
            "shape": self.shape,
            "converter": self.converter,
        }
