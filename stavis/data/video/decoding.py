"""The pictures of a video, in order and in bounded memory, by two decoders: PyAV tells of damage, decord is faster.

Measured on the test clips, one thread, decode to RGB: decord 0.3-1.5 ms a frame, PyAV 1.2-2.9 ms. But decord reads ahead
without bound while its caller works (1.1 GB after 4 s of waiting at 1280x720), says nothing of damage, and fails on some HEVC.
So PyAV reads whole videos and all whose damage must be known; decord reads short stretches of regular videos that were read
before.
"""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import av
import av.logging
import decord
import numpy as np

from stavis.data.video.demuxing import BROKEN, MOST_PIXELS, VideoInfo, open_video

DECORD_MOST_BYTES = 256 << 20
"""The most that decord may hold: it is asked for stretches whose pictures fit in this."""

_DECORD_SECONDS = 20
_DECORD_CODECS = ("h264", "hevc", "av1", "vp9", "mpeg1video")

DAMAGED, LOST, AFTER_DAMAGE, RESIZED, NO_IMAGE = "damaged", "lost", "after damage", "resized", "no image"
"""What the note of a frame can say: its data are damaged; it could not be decoded and repeats the one before; it may rest on a
damaged one (up to the next key frame); its picture had another size and was scaled to the first one's; a folder of images has no
image of its number."""


@dataclass(frozen=True)
class Frame:
    """One picture of a video: its index among the video's frames, its time in s, image (H,W,3) uint8 RGB upright.

    damaged: the decoder reported errors in it, or it could not be decoded at all and repeats the one before (black at the start).
    note: '' or one of DAMAGED, LOST, AFTER_DAMAGE, RESIZED.
    """

    index: int
    time: float
    image: np.ndarray
    damaged: bool = False
    note: str = ""


def frames_by_pyav(info: VideoInfo, start: int, stop: int, size: tuple[int, int]) -> Iterator[Frame]:
    """Every frame from `start` up to `stop`, each index once and in order, at `size` (width, height, upright).

    Decoding starts at the last key frame before `start`. A frame counts as damaged where libav flags it as corrupt, raises an error
    or logs one for its packet.
    """
    earlier = info.key_frames[info.key_frames <= start]
    if len(earlier) and earlier[-1] > 0 and len(earlier) > 1:
        pictures = _Pictures(info, size, key_frame=int(earlier[-1]))
        first = next(pictures, None)
        if first is not None and first.index <= start:
            yield from _every_index(info, start, stop, size, first, pictures)
            return
        pictures.close()
    pictures = _Pictures(info, size)
    yield from _every_index(info, start, stop, size, next(pictures, None), pictures)


def frames_by_decord(info: VideoInfo, start: int, stop: int, size: tuple[int, int]) -> Iterator[Frame]:
    """The frames from `start` up to `stop` as decord gives them; it ends early where decord fails, hangs or gives another shape.

    The reader is made for this stretch and dropped after it. A thread asks it, so that a hang costs 20 s and no more.
    """
    answers: queue.Queue = queue.Queue()
    ended = threading.Event()
    threading.Thread(target=_ask_decord, args=(info, start, stop, size, answers, ended), daemon=True).start()
    try:
        for index in range(start, stop):
            image = answers.get(timeout=_DECORD_SECONDS)
            if image is None or image.shape != (size[1], size[0], 3):
                return
            yield Frame(index, float(info.times[index]), image)
    except queue.Empty:
        return
    finally:
        ended.set()


def decord_is_safe(info: VideoInfo, start: int, stop: int) -> bool:
    """Whether decord is known to give the right frames here: stamps rising from 0 or more, no rotation, no damage, few bytes."""
    # Its reader starts at the key frame before and works ahead of its caller, to the video's end at worst.
    held = (len(info) - start) * info.width * info.height * 3
    return info.regular and not info.warnings and info.codec in _DECORD_CODECS and held <= DECORD_MOST_BYTES and stop > start


def _ask_decord(info, start, stop, size, answers, ended) -> None:
    try:
        decord.logging.set_level(decord.logging.QUIET)  # of decord's own copy of libav; it tells no level that could be restored
        reader = decord.VideoReader(str(info.path), width=size[0], height=size[1], num_threads=1, fault_tol=0.0001)
        # fault_tol: the first frame that it would repeat silently ends the reading.
        if len(reader) == len(info):
            if start:
                reader.seek_accurate(start)
            for _ in range(start, stop):
                if ended.is_set():
                    return
                answers.put(reader.next().asnumpy())
    except (
        decord.DECORDError,
        decord.DECORDLimitReachedError,
        RuntimeError,
        StopIteration,
        AssertionError,
        OSError,
        IndexError,
        UnicodeError,
    ):
        pass
    finally:
        answers.put(None)


def _every_index(info, start, stop, size, first, pictures) -> Iterator[Frame]:
    """The pictures from `start` to `stop`, gaps filled by the picture before (marked as lost)."""
    last, expected, doubtful = np.zeros((size[1], size[0], 3), np.uint8), start, False
    try:
        for picture in [] if first is None else _chain(first, pictures):
            while expected < min(picture.index, stop):
                yield Frame(expected, float(info.times[expected]), last, True, LOST)
                expected, doubtful = expected + 1, True
            doubtful = picture.damaged or (doubtful and not picture.key_frame)
            if expected >= stop:
                break
            if picture.index == expected:
                last = picture.image()
                note = DAMAGED if picture.damaged else RESIZED if picture.resized else AFTER_DAMAGE if doubtful else ""
                yield Frame(expected, float(info.times[expected]), last, picture.damaged, note)
                expected += 1
        while expected < stop:
            yield Frame(expected, float(info.times[expected]), last, True, LOST)
            expected += 1
    finally:
        pictures.close()


def _chain(first, rest) -> Iterator:
    yield first
    yield from rest


@dataclass(frozen=True)
class _Picture:
    index: int
    frame: av.VideoFrame
    damaged: bool
    key_frame: bool
    resized: bool
    size: tuple[int, int]
    rotation: int

    def image(self) -> np.ndarray:
        width, height = self.size if self.rotation in (0, 180) else self.size[::-1]
        smaller = width * height < self.frame.width * self.frame.height
        image = self.frame.to_ndarray(format="rgb24", width=width, height=height, interpolation="AREA" if smaller else "BILINEAR")
        return np.ascontiguousarray(np.rot90(image, k=self.rotation // 90)) if self.rotation else image


def _decode(packet) -> tuple[list | None, bool]:
    """The frames that come out when a packet goes in (None: it was refused), and whether errors were told or logged."""
    # The capture must not stay open over a yield: captures of two videos that are read at once would be mixed up.
    with av.logging.Capture(local=True) as messages:
        try:
            frames = packet.decode()
        except BROKEN:
            return None, True
    return frames, bool(packet.is_corrupt or messages)


class _Pictures:
    """The decoded pictures with their indices, found by their stamps; close() ends the decoder."""

    def __init__(self, info: VideoInfo, size: tuple[int, int], key_frame: int = 0):
        self.info, self.size, self.key_frame = info, size, key_frame
        self.next_index = key_frame
        self.coded = (info.width, info.height) if info.rotation in (0, 180) else (info.height, info.width)
        self.frames = self._frames()

    def __iter__(self):
        return self

    def __next__(self) -> _Picture:
        return next(self.frames)

    def close(self) -> None:
        self.frames.close()

    def _frames(self) -> Iterator[_Picture]:
        suspicious: set = set()
        with open_video(self.info.path) as (container, stream):
            if self.key_frame:
                try:
                    container.seek(int(self.info.stamps[self.key_frame]), stream=stream, backward=True)
                except BROKEN:
                    return
            packets = container.demux(stream)
            while True:
                try:
                    packet = next(packets, None)
                except BROKEN:
                    return
                if packet is None:
                    return
                frames, errors = _decode(packet)
                if frames is None:
                    # Without stamps only the order tells where the hole is.
                    self.next_index += not self.info.stamped
                    frames = []
                if errors and packet.pts is not None:
                    suspicious.add(packet.pts)
                for frame in frames:
                    if frame.width * frame.height > MOST_PIXELS:
                        return
                    damaged = errors if frame.pts is None else frame.pts in suspicious
                    yield self._placed(frame, frame.is_corrupt or damaged)

    def _placed(self, frame, damaged: bool) -> _Picture:
        stamps = self.info.stamps
        index = self.next_index
        if self.info.stamped and frame.pts is not None:
            index = int(np.searchsorted(stamps, frame.pts))
            exact = index < len(stamps) and stamps[index] == frame.pts
            while exact and index < self.next_index and index + 1 < len(stamps) and stamps[index + 1] == frame.pts:
                index += 1  # frames that share a stamp
            damaged = damaged or not exact
            index = index if exact else max(index, self.next_index)
        self.next_index = max(self.next_index, index + 1)
        resized = (frame.width, frame.height) != self.coded
        return _Picture(index, frame, bool(damaged), frame.key_frame, resized, self.size, self.info.rotation)
