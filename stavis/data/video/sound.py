"""The sound of a video on the clock of its frames: read, resampled to one channel, and encoded for pages and exported videos."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.logging
import numpy as np

from stavis.data.video.demuxing import BROKEN, open_video
from stavis.errors import StavisError
from stavis.notes import Notes

RATE = 24_000
"""Samples/s of the sound in pages: speech keeps its consonants, and five minutes are 14 MB while they are read."""
EXPORT_RATE = 48_000
"""Samples/s of the sound in exported videos."""
PEAKS_PER_SECOND = 100
_BITS, _EXPORT_BITS = 32_000, 96_000
_LONGEST = 4 * 3600.0
# A stamp that is off by less than this from where the samples before it end is rounding, not a gap.
_SLACK = 0.02
_SILENT = 16  # of 32767: what rounding and dither leave


@dataclass(frozen=True, eq=False)
class Sound:
    """The sound of a segment of a video: samples (N,) int16 of one channel at `rate` samples/s; the first is heard at `start` s on the
    video's clock."""

    samples: np.ndarray
    rate: int
    start: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    def peaks(self, per_second: int = PEAKS_PER_SECOND) -> np.ndarray:
        """The largest size of the samples in each of `per_second` segments a second: (P,) in [0,1]."""
        edges = (np.arange(int(np.ceil(self.seconds * per_second))) * self.rate / per_second).astype(np.int64)
        if not len(edges):
            return np.zeros(0, np.float32)
        return (np.maximum.reduceat(np.abs(self.samples.astype(np.int32)), edges) / 32768).astype(np.float32)

    def webm(self) -> bytes:
        """As Opus in WebM of 32 kbit/s: what every browser plays and a page can hold."""
        file = io.BytesIO()
        with av.open(file, "w", format="webm") as box:
            stream = box.add_stream("libopus", rate=self.rate, layout="mono")
            stream.bit_rate = _BITS
            for frame in self._frames():
                box.mux(stream.encode(frame))
            box.mux(stream.encode(None))
        return file.getvalue()

    def add_to(self, box) -> list:
        """Packets of AAC for a stream that is added to the open mp4 `box`, in order; to be muxed among those of the images."""
        stream = box.add_stream("aac", rate=self.rate, layout="mono")
        stream.bit_rate = _EXPORT_BITS
        return [packet for frame in (*self._frames(), None) for packet in stream.encode(frame)]

    def _frames(self) -> Iterator[av.AudioFrame]:
        for first in range(0, len(self.samples), self.rate):
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(self.samples[None, first : first + self.rate]), "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = self.rate, first, Fraction(1, self.rate)
            yield frame


def read_sound(
    path: str | Path, start: float, stop: float, *, notes: Notes, stream: int | None = None, rate: int = RATE, whole: bool = False
) -> Sound | None:
    """The sound of a video from `start` to `stop` s of its clock, silent where it has none there; None where nothing can be heard.

    Stamps are those of the container, so sound that begins before or after the images stays where it was. Channels are averaged,
    however many there are. stream: the number of the video stream it belongs to. What a user must know goes to `notes`.
    whole: the segment is all there is of the images, so that sound after its end is reported.
    """
    name = Path(path).name
    if not (np.isfinite(start) and np.isfinite(stop) and stop > start):
        return None
    if stop - start > _LONGEST:
        notes.add(f"{name} is longer than {_LONGEST / 3600:g} hours: its sound is left out.")
        return None
    try:
        with open_video(path, stream) as (container, chosen):
            source = _source_of(container, chosen, name, notes)
            return None if source is None else _read(container, source, (start, stop), rate, name, notes, whole)
    except (*BROKEN, StavisError) as error:
        notes.add(f"{name}: its sound cannot be read and is left out ({_cause(error)}).")
        return None


def _source_of(container, video, name: str, notes: Notes):
    """The audio stream that belongs to the video; None where there is none that can be decoded."""
    every = list(container.streams.audio)
    if not every:
        notes.add(f"{name} has no sound.")
        return None
    known = [one for one in every if one.codec_context is not None]
    if not known:
        notes.add(f"{name}: its sound is coded in a way that is not known here and is left out.")
        return None
    best = container.streams.best("audio", related=video)
    return next((one for one in known if best is not None and one.index == best.index), known[0])


def _read(container, source, segment: tuple[float, float], rate: int, name: str, notes: Notes, whole: bool) -> Sound | None:
    start, stop = segment
    samples = np.zeros(round((stop - start) * rate), np.int16)
    heard = [np.inf, -np.inf]
    backwards = False
    with av.logging.Capture(local=True) as messages:
        for begin, part in _runs(container, source, rate):
            backwards |= begin < heard[1] - 1
            heard = [min(heard[0], begin), max(heard[1], begin + len(part) / rate)]
            at = round((begin - start) * rate)
            first, last = max(at, 0), min(at + len(part), len(samples))
            if last > first:
                samples[first:last] = part[first - at : last - at]
    damaged = len(messages)
    if heard[1] < heard[0]:
        notes.add(f"{name}: its sound cannot be decoded and is left out.")
        return None
    if backwards:
        notes.add(f"{name}: the clock of its sound steps back, so sound and images may part: the sound is left out.")
        return None
    if damaged:
        notes.add(f"{name}: parts of its sound are damaged.")
    missing = [f"begins {heard[0] - start:.1f} s after"] if heard[0] - start > 0.5 else []
    missing += [f"ends {stop - heard[1]:.1f} s before"] if stop - heard[1] > 0.5 else []
    if whole and heard[1] - stop > 0.5:
        notes.add(f"{name}: the sound ends {heard[1] - stop:.1f} s after the images, and is cut there.")
    channels = len(source.codec_context.layout.channels)
    if channels > 2:
        notes.add(f"{name}: the mean of the {channels} channels of its sound is played.")
    if missing:
        notes.add(f"{name}: the sound {' and '.join(missing)} the images, and is silent there.")
    if heard[1] <= start or heard[0] >= stop or np.abs(samples).max(initial=0) < _SILENT:
        notes.add(f"{name} has a sound track in which nothing is heard.")
        return None
    return Sound(samples, rate, start)


def _runs(container, source, rate: int) -> Iterator[tuple[float, np.ndarray]]:
    """Samples (N,) int16 at `rate` with the time in s at which they begin; a new run where the stamps leave a gap or step back."""
    resampler, native, begin, given, expected = None, 0, 0.0, 0, None
    for frame in _decoded(container, source):
        mono = _mono(frame)
        if not len(mono):
            continue
        time = float(frame.pts * frame.time_base) if frame.pts is not None else expected if expected is not None else 0.0
        if resampler is None or abs(time - expected) > _SLACK or frame.sample_rate != native:
            if resampler is not None:
                yield begin + given / rate, _samples(resampler.resample(None))
            resampler, native = av.AudioResampler("s16", "mono", rate), frame.sample_rate
            begin, given, expected = time, 0, time
        whole = av.AudioFrame.from_ndarray(mono[None], "flt", "mono")
        whole.sample_rate, whole.pts, whole.time_base = frame.sample_rate, None, Fraction(1, frame.sample_rate)
        out = _samples(resampler.resample(whole))
        yield begin + given / rate, out
        given += len(out)
        expected += len(mono) / frame.sample_rate
    if resampler is not None:
        yield begin + given / rate, _samples(resampler.resample(None))


def _decoded(container, source) -> Iterator[av.AudioFrame]:
    """The frames of a stream; what is damaged is left out, and where the file breaks they end."""
    packets = container.demux(source)
    while True:
        try:
            packet = next(packets)
            yield from packet.decode()
        except StopIteration:
            return
        except av.error.InvalidDataError:
            continue
        except BROKEN:
            return


def _mono(frame: av.AudioFrame) -> np.ndarray:
    """The mean of a frame's channels: (N,) float32 in about [-1,1]."""
    values = frame.to_ndarray()
    channels = len(frame.layout.channels) or 1
    values = values.reshape(channels, -1) if frame.format.is_planar else values.reshape(-1, channels).T
    if values.dtype == np.uint8:
        whole = (values.astype(np.float32) - 128) / 128
    elif values.dtype.kind == "i":
        whole = values.astype(np.float32) / -float(np.iinfo(values.dtype).min)
    else:
        whole = np.nan_to_num(values.astype(np.float32))
    return np.ascontiguousarray(np.clip(whole.mean(0), -1, 1), np.float32)


def _samples(frames: list) -> np.ndarray:
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames]) if frames else np.zeros(0, np.int16)


def _cause(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).rstrip(".")
