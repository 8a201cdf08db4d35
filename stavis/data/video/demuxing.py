"""What a video file says of itself before its frames are decoded: its streams, and the stamps of every packet in file order."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import av.logging

from stavis.data.video.fields import Fields
from stavis.data.video.quiet import captured_logs
from stavis.errors import StavisError

MOST_PIXELS = 8192 * 4352
"""The largest frame that is decoded (8K and a margin); a small file may ask for far more memory than it is worth."""

MOST_FRAMES = 5_000_000
"""The longest video that is read: more than a day at 50 frames a second."""

_SECONDS_TO_ANSWER = 60
# Formats that hold their own frames: no playlists, no lists of other files, no single images, no text drawn as a screen.
_DEMUXERS = "mov,matroska,webm,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,gif,apng,h264,hevc,m4v,obu,av1,ivf,nut,mxf,dv,yuv4mpegpipe"
# Errors of PyAV: its own (which derive from these as well), no video stream, an unknown codec, the system's.
BROKEN = (av.FFmpegError, OSError, IndexError, AttributeError, ValueError, EOFError, RuntimeError, NotImplementedError)


@contextmanager
def open_video(path: str | Path, stream: int | None = None) -> Iterator[tuple]:
    """The container and the video stream of a regular file, by the `file:` protocol alone, one decoding thread.

    stream: its number in the file, None for the one that libav calls the best; an attached picture is never taken.
    One thread because libav's H.264 decoder marks no frame as corrupt when several threads share a frame.
    No read can hang: pipes, sockets and devices are refused before they are opened, and a stalled file system is given 60 s.

    Raises StavisError where the path is no regular file, cannot be read, is no video, has no such stream, no frames or too large ones.
    """
    path = regular_file(path)
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
            chosen = _chosen_stream(path, container, stream)
            chosen.thread_type = "NONE"
            chosen.codec_context.thread_count = 1
            chosen.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
            yield container, chosen


@dataclass
class Packets:
    """What demuxing found: of each packet of the stream, in file order, when its frame is shown and decoded, and what is wrong with it.

    never_shown: an edit list cuts its frame away, it is a reference that is not shown, or it is the second field of the frame before,
    as second_fields are. plain_keys: every packet that decoding can start at holds a frame after which nothing refers to an earlier
    one, by its own bytes.
    """

    unit: Fraction
    codec: str
    container: str
    rate: float
    own_stamps: bool = True
    shown: list = field(default_factory=list)
    decoded: list = field(default_factory=list)
    keys: list = field(default_factory=list)
    corrupt: list = field(default_factory=list)
    never_shown: list = field(default_factory=list)
    second_fields: int = 0
    ends: dict = field(default_factory=dict)
    stopped: str = ""
    messages: int = 0
    plain_keys: bool = True

    def __len__(self) -> int:
        return len(self.shown)


def demuxed(container, stream) -> Packets:
    """All packets of a stream; reading goes on to the file's end, or to where it breaks."""
    rate = float(stream.average_rate or stream.guessed_rate or 25)
    found = Packets(stream.time_base, stream.codec_context.codec.canonical_name, container.format.name, rate)
    # AVI notes the order of decoding alone: where frames are reordered, a stamp is not that of its own frame.
    found.own_stamps = found.container != "avi" or found.codec in ("mjpeg", "rawvideo", "ffv1", "huffyuv", "png")
    others = [s for s in container.streams if s is not stream and s.type == "audio"]
    prefix = _nal_prefix(stream)
    fields = Fields(stream.codec_context.extradata or b"", prefix) if found.codec == "h264" else None
    with av.logging.Capture(local=True) as messages:
        try:
            for packet in container.demux([stream, *others]):
                if packet.size:
                    _note(found, packet, stream, prefix, fields)
                if len(found) > MOST_FRAMES:
                    raise StavisError(f"{container.name} holds more than {MOST_FRAMES} frames: cut it into parts.")
        except BROKEN as error:
            found.stopped = (getattr(error, "strerror", None) or str(error) or type(error).__name__).rstrip(".")
        found.messages = len(messages)
    return found


def _note(found: Packets, packet, stream, prefix: int, fields: Fields | None) -> None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    if stamp is not None:
        end = (stamp + (packet.duration or 0)) * packet.time_base
        found.ends[packet.stream_index] = max(end, found.ends.get(packet.stream_index, end))
    if packet.stream_index != stream.index:
        return
    found.shown.append(packet.pts)
    found.decoded.append(packet.dts)
    found.keys.append(packet.is_keyframe)
    found.corrupt.append(packet.is_corrupt)
    # The alternate reference frames of VP8 are never shown.
    second = fields is not None and fields.second(packet)
    found.second_fields += second
    found.never_shown.append(packet.is_discard or second or (found.codec == "vp8" and not bytes(packet)[0] & 0x10))
    if packet.is_keyframe and found.plain_keys:
        found.plain_keys = _is_plain_key(found.codec, bytes(packet), prefix)


def _nal_prefix(stream) -> int:
    """How many bytes tell the length of a unit of H.264 or HEVC in an mp4 or a matroska; 0 where units are not told so."""
    extra = stream.codec_context.extradata or b""
    place = {"h264": 4, "hevc": 21}.get(stream.codec_context.codec.canonical_name)
    return (extra[place] & 3) + 1 if place is not None and len(extra) > place and extra[0] == 1 else 0


def _is_plain_key(codec: str, data: bytes, prefix: int) -> bool:
    """Whether a key packet holds an IDR frame: intra refresh and open groups are marked as key frames too."""
    if codec not in ("h264", "hevc"):
        return True
    at = 0
    while prefix and at + prefix < len(data):
        unit = data[at + prefix]
        if (unit & 31) == 5 if codec == "h264" else (unit >> 1 & 63) in (19, 20):
            return True
        at += prefix + int.from_bytes(data[at : at + prefix], "big")
    return False


def _chosen_stream(path: Path, container, wanted: int | None):
    try:
        every = list(container.streams.video)
        films = _films(every) or [s for s in every if not s.disposition & type(s.disposition).attached_pic]
        choice = [s for s in every if not _is_cover(s)] or films
        known = [s for s in (films if wanted is None else choice) if s.codec_context is not None]
        best = container.streams.best("video")
    except BROKEN as error:
        raise _not_a_video(path) from error
    if wanted is not None:
        known = [s for s in known if s.index == wanted]
        if not known:
            there = " and ".join(map(_described, choice)) or "no video stream"
            raise StavisError(f"{path} has no video stream {wanted}: it holds {there}, choose one of these.")
    if not films:
        what = "only sound" if container.streams.audio else "no frames but a cover picture" if every else "no frames"
        raise StavisError(f"{path} holds {what}: give a file with a video track.")
    if not known:
        raise StavisError(f"{path} is coded in a way that is not known here: convert it to H.264 first.")
    numbers = [s.index for s in known]
    stream = known[numbers.index(best.index)] if best is not None and best.index in numbers else max(known, key=_merit)
    bound(path, stream.codec_context.width, stream.codec_context.height)
    return stream


def other_streams(container, stream) -> str:
    """What is to be said where a file holds more than one video: '' where there is but one, cover pictures not counted."""
    films = [s for s in container.streams.video if not _is_cover(s)]
    if len(films) < 2:
        return ""
    listed = " and ".join(map(_described, films))
    how = "choose another with stream=, or --stream of explain, compare and track"
    return f"it holds {len(films)} video streams, {listed}, and {stream.index} is read: {how}"


def _films(streams: list) -> list:
    """The streams that move: no covers, and none of a single frame beside others."""
    films = [s for s in streams if not _is_cover(s)]
    return [s for s in films if s.frames != 1] or films


def _is_cover(stream) -> bool:
    flags = type(stream.disposition)
    return bool(stream.disposition & (flags.attached_pic | flags.timed_thumbnails | flags.still_image))


def _merit(stream) -> tuple:
    return bool(stream.disposition & type(stream.disposition).default), stream.frames > 1, _area(stream), -stream.index


def _area(stream) -> int:
    return stream.codec_context.width * stream.codec_context.height


def _described(stream) -> str:
    context = stream.codec_context
    return f"{stream.index} ({context.name}, {context.width}x{context.height})" if context is not None else f"{stream.index} (unknown)"


def bound(path: Path, width: int, height: int) -> None:
    """Raises StavisError where a frame is too large to be decoded."""
    if width * height > MOST_PIXELS:
        raise _too_large(path)


def regular_file(path: str | Path) -> Path:
    """The absolute path of a regular file that is not empty and may be read.

    Raises StavisError where it is none.
    """
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


def _too_large(path: Path) -> StavisError:
    return StavisError(f"{path} has frames of more than 8192x4352 pixels: scale it down first.")


def _not_a_video(path: Path) -> StavisError:
    return StavisError(f"{path} is not a video that can be read, or it is cut short: take another copy or convert it to mp4.")
