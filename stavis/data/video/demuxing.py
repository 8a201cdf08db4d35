"""What a video file says of itself before its pictures are decoded: sizes, codec, the time of every frame, signs of damage."""

import itertools
import os
import stat
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import av.logging
import numpy as np

from stavis.data.video.quiet import captured_logs
from stavis.errors import StavisError

MOST_PIXELS = 8192 * 4352
"""The largest picture that is decoded (8K and a margin); a small file may ask for far more memory than it is worth."""

MOST_FRAMES = 5_000_000
"""The longest video that is read: more than a day at 50 frames a second."""

_SECONDS_TO_ANSWER = 60
# Formats that hold their own pictures: no playlists, no lists of other files, no single pictures, no text drawn as a screen.
_DEMUXERS = "mov,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,gif,apng,h264,hevc,m4v,obu,av1,ivf,nut,mxf,dv,yuv4mpegpipe"
# Errors of PyAV: its own (which derive from these as well), no video stream, an unknown codec, the system's.
BROKEN = (av.FFmpegError, OSError, IndexError, AttributeError, ValueError, EOFError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class VideoInfo:
    """One video file as it will be read: upright sizes in pixels and the time of every frame, from the container's own clock.

    rotation: degrees (0, 90, 180, 270) by which the coded pictures are turned anticlockwise to stand upright; codec: libav's name.
    times (N,) s, rising; they may start below or far above 0. warnings: a sentence for each sign of damage found without decoding.
    stamps (N,) int64, the same times in the container's units; key_frames (K,) indices of the frames that decoding can start at.
    stamped: every frame carries its own stamp. regular: and they rise from 0 or more, no two alike, none cut away, no rotation.
    pictures: for a folder of numbered images the file of each frame (None where there is none); None for a video file.
    """

    path: Path
    width: int
    height: int
    rotation: int
    codec: str
    times: np.ndarray
    warnings: tuple[str, ...] = ()
    stamps: np.ndarray = field(default=None, repr=False)
    key_frames: np.ndarray = field(default=None, repr=False)
    stamped: bool = True
    regular: bool = False
    pictures: tuple[Path | None, ...] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.times)


@contextmanager
def open_video(path: str | Path) -> Iterator[tuple]:
    """The container and the video stream of a regular file, by the `file:` protocol alone, one decoding thread.

    One thread because libav's H.264 decoder marks no frame as corrupt when several threads share a picture.
    No read can hang: pipes, sockets and devices are refused before they are opened, and a stalled file system is given 60 s.

    Raises StavisError where the path is no regular file, cannot be read, is no video, has no pictures or too large ones.
    """
    path = _regular_file(path)
    options = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS, "max_pixels": str(MOST_PIXELS)}
    with _source(path) as source, captured_logs():
        try:
            with av.logging.Capture(local=True) as messages:
                container = av.open(source, options=options, timeout=_SECONDS_TO_ANSWER, metadata_errors="replace")
        except BROKEN as error:
            raise _not_a_video(path) from error
        with container:
            if any("max pixel count" in text for _, _, text in messages):
                raise _too_large(path)
            stream = _picture_stream(path, container)
            stream.thread_type = "NONE"
            stream.codec_context.thread_count = 1
            stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
            yield container, stream


def probe(path: str | Path) -> VideoInfo:
    """What will be read from a video: its upright size, its codec and the time of every frame it holds.

    The packets are all demuxed and the first picture is decoded; header counts and frame rates are not trusted.

    Raises StavisError where the file is missing, no regular file, no video, without pictures, too large, or cannot be decoded.
    """
    path = _regular_file(path)
    with open_video(path) as (container, stream):
        packets = _demux(container, stream)
        tail = _missing_tail(path, container, stream, packets)
    first = _first_picture(path)
    stamps, known, problems = packets.times_known(first.stamp, stream_rate=packets.rate)
    if len(stamps) == 0:
        raise StavisError(f"{path} holds no frame that can be decoded: take another copy of the video.")
    times = stamps.astype(np.float64) * float(packets.unit)
    times, shared = _spread(times)
    if shared:
        problems.append(f"{shared} frames share a time stamp with another and were spread evenly")
    turned = first.rotation in (90, 270)
    known = known and packets.own_stamps
    plain = known and not shared and not packets.discarded and stamps[0] >= 0 and first.rotation == 0
    return VideoInfo(
        path=path,
        width=first.height if turned else first.width,
        height=first.width if turned else first.height,
        rotation=first.rotation,
        codec=packets.codec,
        times=times,
        warnings=tuple(f"{path.name}: {problem}." for problem in [*packets.problems(), *tail, *problems]),
        stamps=stamps,
        key_frames=np.flatnonzero(np.isin(stamps, packets.key_stamps)),
        stamped=known,
        regular=bool(plain),
    )


@dataclass
class _Packets:
    """What demuxing found: the stamps of the packets that will become pictures, and what was wrong on the way."""

    unit: Fraction
    codec: str
    rate: float
    own_stamps: bool = True
    stamps: list = field(default_factory=list)
    key_stamps: list = field(default_factory=list)
    count: int = 0
    discarded: int = 0
    corrupt: int = 0
    ends: dict = field(default_factory=dict)
    stopped: str = ""
    messages: int = 0

    def problems(self) -> list[str]:
        found = []
        if self.corrupt:
            found.append(f"{self.corrupt} of {self.count} packets are damaged or cut short")
        if self.stopped:
            found.append(f"reading stopped after {self.count} packets ({self.stopped})")
        elif self.messages and not self.corrupt:
            found.append("the container is damaged or ends early")
        return found

    def times_known(self, first: int | None, stream_rate: float) -> tuple[np.ndarray, bool, list[str]]:
        """Stamps in the order of showing, missing ones set at the nominal rate; whether all were there; complaints."""
        step = max(1, round(1 / (stream_rate * float(self.unit))))
        given = [(i, s) for i, s in enumerate(self.stamps) if s is not None]
        if not given:
            return np.arange(len(self.stamps), dtype=np.int64) * step, False, [_without_stamps(stream_rate)] * bool(self.stamps)
        complaints = []
        missing = len(self.stamps) - len(given)
        stamps = _unwrapped(np.array([s for _, s in given], np.int64))
        if missing:
            before = sum(1 for i in range(given[0][0]) if self.stamps[i] is None)
            early = stamps.min() - step * np.arange(1, before + 1)
            late = stamps.max() + step * np.arange(1, missing - before + 1)
            stamps = np.concatenate([stamps, early, late]).astype(np.int64)
            complaints.append(f"{missing} frames carry no time stamp and were placed at {stream_rate:.6g} frames a second")
        stamps = np.sort(stamps)
        early = int((stamps < first).sum()) if first is not None and not missing else 0
        if early:
            complaints.append(f"the first {early} frames come before the first key frame and cannot be decoded")
        return stamps[early:], not missing, complaints


def _demux(container, stream) -> _Packets:
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    packets = _Packets(stream.time_base, stream.codec_context.codec.canonical_name, rate)
    # AVI notes the order of decoding alone: where pictures are reordered, a stamp is not that of its own picture.
    packets.own_stamps = container.format.name != "avi" or packets.codec in ("mjpeg", "rawvideo", "ffv1", "huffyuv", "png")
    others = [s for s in container.streams if s is not stream and s.type == "audio"]
    with av.logging.Capture(local=True) as messages:
        try:
            for packet in container.demux([stream, *others]):
                if packet.size:
                    _count(packets, packet, stream)
                if packets.count > MOST_FRAMES:
                    raise StavisError(f"{container.name} holds more than {MOST_FRAMES} frames: cut it into parts.")
        except BROKEN as error:
            packets.stopped = _short(error)
        packets.messages = len(messages)
    return packets


def _count(packets: _Packets, packet, stream) -> None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is not None:
        end = (stamp + (packet.duration or 0)) * packet.time_base
        packets.ends[packet.stream_index] = max(end, packets.ends.get(packet.stream_index, end))
    if packet.stream_index != stream.index:
        return
    packets.count += 1
    packets.corrupt += packet.is_corrupt
    # An edit list cuts these away; the alternate reference pictures of VP8 are never shown.
    if packet.is_discard or (packets.codec == "vp8" and not bytes(packet)[0] & 0x10):
        packets.discarded += 1
        return
    packets.stamps.append(packet.pts)
    if packet.is_keyframe and packet.pts is not None:
        packets.key_stamps.append(packet.pts)


def _missing_tail(path: Path, container, stream, packets: _Packets) -> list[str]:
    """Sentences on frames that the header promises and the file does not hold; a cut file may else read as a clean short one."""
    if stream.frames > packets.count and container.format.name != "gif":
        return [f"its header promises {stream.frames} frames and only {packets.count} are there: its tail is missing"]
    name = container.format.name
    if _ends_early(path, name):
        return ["it ends in the middle: its tail is missing"]
    end = packets.ends.get(stream.index)
    if end is None or not ("matroska" in name or name == "flv"):
        return []
    promised = _track_duration(stream)
    if promised is None:
        promised, end = (container.duration or 0) / 1e6, max(packets.ends.values())
    missing = promised - float(end)
    shown = sorted(s for s in packets.stamps if s is not None)
    gaps = [b - a for a, b in itertools.pairwise(shown)] or [0]
    if missing > 1.5 * max(statistics.median(gaps) * float(packets.unit), 0.005):
        return [f"its header promises {promised:.3f} s and the frames end at {float(end):.3f} s: its tail is missing"]
    return []


def _ends_early(path: Path, name: str) -> bool:
    """Whether the last bytes are not how a file of this format ends: whole packets of a transport stream, the trailer of a GIF."""
    size = path.stat().st_size
    if name == "mpegts":
        return all(size % packet for packet in (188, 192, 204, 208))
    if name == "gif":
        with open(path, "rb") as file:
            file.seek(max(0, size - 16))
            return not file.read().rstrip(b"\0\r\n").endswith(b";")
    return False


def _track_duration(stream) -> float | None:
    """The length that a matroska muxer noted for this very track, in seconds from the file's zero."""
    try:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except (KeyError, ValueError):
        return None


@dataclass(frozen=True)
class _Picture:
    width: int
    height: int
    rotation: int
    stamp: int | None


def _first_picture(path: Path) -> _Picture:
    with open_video(path) as (container, stream):
        try:
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except BROKEN:
                    continue
                for frame in frames:
                    _bound(path, frame.width, frame.height)
                    return _Picture(frame.width, frame.height, round((frame.rotation or 0) / 90) * 90 % 360, frame.pts)
        except BROKEN:
            pass
    raise StavisError(f"{path} holds no frame that can be decoded: it is empty or damaged, take another copy of the video.")


def _picture_stream(path: Path, container):
    try:
        pictures = [s for s in container.streams.video if not s.disposition & type(s.disposition).attached_pic]
    except BROKEN as error:
        raise _not_a_video(path) from error
    if not pictures:
        what = "only sound" if container.streams.audio else "no pictures"
        raise StavisError(f"{path} holds {what}: give a file with a video track.")
    stream = pictures[0]
    if stream.codec_context is None:
        raise StavisError(f"{path} is coded in a way that is not known here: convert it to H.264 first.")
    _bound(path, stream.codec_context.width, stream.codec_context.height)
    return stream


def _bound(path: Path, width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise _too_large(path)


def _regular_file(path: str | Path) -> Path:
    path = Path(os.path.abspath(path))
    try:
        status = os.stat(path)
    except OSError as error:
        raise StavisError(f"{path} cannot be opened ({error.strerror}): give the path of a video that exists.") from error
    except ValueError as error:
        raise StavisError("the path of the video holds a null character: give the path of a video that exists.") from error
    if not stat.S_ISREG(status.st_mode):
        raise StavisError(f"{path} is a folder, a pipe or a device: give the path of a video file.")
    if status.st_size == 0:
        raise StavisError(f"{path} is empty: take another copy of the video.")
    if not os.access(path, os.R_OK):
        raise StavisError(f"{path} may not be read: change its permissions or take another copy.")
    return path


@contextmanager
def _source(path: Path) -> Iterator:
    """What libav is given: the absolute path under `file:`, or a stream where the name is not UTF-8."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        with open(path, "rb") as stream:
            yield stream
    else:
        yield f"file:{path}"


def _unwrapped(stamps: np.ndarray) -> np.ndarray:
    """Stamps in file order with the wraps of a 33-bit clock undone (libav undoes the first one only)."""
    wrap = 1 << 33
    jumps = np.diff(stamps, prepend=stamps[:1])
    turns = np.cumsum(np.where(jumps < -wrap // 2, 1, 0) - np.where(jumps > wrap // 2, 1, 0))
    return stamps + turns * wrap if turns.any() and stamps.max() < wrap else stamps


def _spread(times: np.ndarray) -> tuple[np.ndarray, int]:
    """Times that rise strictly: equal ones are spread up to the next; also how many were moved."""
    if len(times) < 2 or (np.diff(times) > 0).all():
        return times, 0
    unique, start, counts = np.unique(times, return_index=True, return_counts=True)
    step = np.median(np.diff(unique)) if len(unique) > 1 else 0.04
    room = np.diff(unique, append=unique[-1] + step)
    place = np.arange(len(times)) - np.repeat(start, counts)
    return times + place * np.repeat(room / counts, counts), int((counts - 1).sum())


def _without_stamps(rate: float) -> str:
    return f"it carries no time stamps, so its frames are placed at {rate:.6g} a second as its header says"


def _too_large(path: Path) -> StavisError:
    return StavisError(f"{path} has pictures of more than 8192x4352 pixels: scale it down first.")


def _not_a_video(path: Path) -> StavisError:
    return StavisError(f"{path} is not a video that can be read, or it is cut short: take another copy or convert it to mp4.")


def _short(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
