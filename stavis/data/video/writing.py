"""H.264 files that are written image by image."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from stavis.data.video.demuxing import BROKEN
from stavis.data.video.sound import Sound
from stavis.errors import StavisError
from stavis.storage.files import atomic_file

TICKS = 90_000
"""Parts of a second in which the times of written frames are given, but where a clock jumps too far for that (`ticks_for`)."""

# An mp4 says for how long each frame is shown, and how much later than it is decoded: at most so many ticks, over so many frames.
_MOST_TICKS, _REORDERED = 2**31 - 1, 8

QUICK = "subme=1"
"""A setting of x264 that saves a seventh to a quarter of the preset's time for a tenth more bytes, at the same signal-to-noise ratio."""

_AVX512 = 13  # what OpenCV calls it (CPU_AVX_512F)


def ticks_for(times: np.ndarray) -> int:
    """Parts of a second in which an mp4 can give the times (T,) s of its frames: TICKS, or fewer where one is shown for hours."""
    times = np.asarray(times, float)
    apart = min(_REORDERED, len(times) - 1)
    longest = float((times[apart:] - times[:-apart]).max()) if apart > 0 else 0.0
    return min(TICKS, max(1, int(_MOST_TICKS / longest))) if longest > 0 else TICKS


def mp4_ticks(ticks: int) -> dict[str, str]:
    """The options of an mp4 in which so many ticks are kept, where they are not TICKS: libav makes few ticks more."""
    return {} if ticks == TICKS else {"video_track_timescale": str(ticks)}


class VideoFile:
    """What takes the images of an H.264 file, one after another; `written_video` opens it and ends the file."""

    def __init__(self, path: Path, container, rate: Fraction, crf: int, times: np.ndarray | None, sound: Sound | None):
        self._path, self._container, self._rate, self._crf = path, container, rate, crf
        self._times, self._sound = times, sound
        self._ticks = None if times is None else ticks_for(times)
        self._unit = 1 / rate if self._ticks is None else Fraction(1, self._ticks)
        self._stream = self._shape = None
        self._audio: list = []
        self._delay, self._count, self._last = 0.0, 0, -1

    def add(self, image: np.ndarray) -> None:
        """The next image (H,W,3) uint8 RGB.

        Raises StavisError where it is none, or of another size than the first one.
        """
        image, number = np.asarray(image), self._count
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise StavisError(f"{self._path}: image {number} is {image.shape} {image.dtype}, expected (H,W,3) uint8.")
        if self._stream is None:
            with _told(self._path):
                self._begin(image.shape)
        if image.shape != self._shape:
            sizes = f"{image.shape[:2]}, the first one was {self._shape[:2]}"
            raise StavisError(f"{self._path}: image {number} is {sizes}: make them of one size.")
        if image.shape[0] % 2 or image.shape[1] % 2:
            image = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), mode="edge")
        with _told(self._path):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = self._stamp(number), self._unit
            self._container.mux(self._stream.encode(frame))
            self._mux_sound(float(frame.pts * self._unit))
        self._count += 1

    def finish(self) -> None:
        """Write what the encoder still holds. Raises StavisError where there was no image."""
        if self._stream is None:
            raise StavisError(f"{self._path}: there are no images to write.")
        with _told(self._path):
            self._container.mux(self._stream.encode())
            self._mux_sound(np.inf)

    def _stamp(self, number: int) -> int:
        if self._times is None:
            return number
        ticks = round((float(self._times[number]) - float(self._times[0])) * self._ticks)
        self._last = max(ticks, self._last + 1)
        return self._last

    def _begin(self, shape: tuple[int, ...]) -> None:
        more = QUICK
        if cv2.checkHardwareSupport(_AVX512):
            # With AVX-512, x264 reads beyond the end of a row where that is no multiple of 128 pixels wide: the same images gave up to
            # eleven files in 120 runs, most of them not that of a CPU without it. With AVX2 there is one, and it is that.
            more += ":asm=avx2"
        options = {"crf": str(self._crf), "preset": "veryfast", "x264-params": more}
        stream = self._container.add_stream("libx264", rate=self._rate, options=options)
        stream.width, stream.height = shape[1] + shape[1] % 2, shape[0] + shape[0] % 2
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        if self._unit != 1 / self._rate:
            stream.codec_context.time_base = stream.time_base = self._unit
        self._shape, self._stream = shape, stream
        self._audio = [] if self._sound is None else self._sound.add_to(self._container)
        if self._sound is not None and self._times is not None:
            self._delay = self._sound.start - float(self._times[0])

    def _mux_sound(self, until: float) -> None:
        """Mux the packets that are heard up to `until` s, later than they are stamped by the delay, and take them from the list."""
        while self._audio and float(self._audio[0].pts * self._audio[0].time_base) + self._delay <= until:
            packet = self._audio.pop(0)
            ticks = round(self._delay / packet.time_base)
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
            self._container.mux(packet)


@contextmanager
def written_video(
    path: str | Path, *, fps: float, crf: int = 18, times: np.ndarray | None = None, sound: Sound | None = None
) -> Iterator[VideoFile]:
    """An H.264 file (yuv420p, mp4) whose images are added in a `with` block; at its end it is there, whole, after an error there is none.

    H.264 in 4:2:0 has even sizes: a row and a column at odd sizes are repeated. fps in frames a second; crf: the quality, 0 (lossless) to
    51 (worst). times (T,) s: when each image is shown, instead of fps; sound is added as AAC, in step with them.

    Raises StavisError where there are no images, their shape changes, or the file cannot be written.
    """
    path = Path(path)
    if not (np.isfinite(fps) and fps > 0):
        raise StavisError(f"{path} cannot be written at {fps} frames a second: give a rate above 0.")
    rate = Fraction(fps).limit_denominator(60_000) or Fraction(fps).limit_denominator(10**9)
    with atomic_file(path) as temporary:
        with _told(path):
            options = {"movflags": "faststart", **mp4_ticks(TICKS if times is None else ticks_for(times))}
            container = av.open(os.fspath(temporary), "w", format="mp4", options=options)
        try:
            file = VideoFile(path, container, rate, crf, times, sound)
            yield file
            file.finish()
        except BaseException:
            with suppress(Exception):  # what went wrong first is what is told
                container.close()
            raise
        with _told(path):
            container.close()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Errors of the encoder in one sentence; those of the disk as they are."""
    try:
        yield
    except (*BROKEN, OverflowError) as error:
        if isinstance(error, OSError) and not isinstance(error, av.error.InvalidDataError):
            raise
        raise StavisError(f"{path} cannot be encoded ({error}): check the images and the rate.") from error
