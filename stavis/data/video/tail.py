"""Whether a file ends before its header says: a cut file may else read as a clean short one."""

import itertools
import math
import statistics
from pathlib import Path

from stavis.data.video.demuxing import Packets


def promised_packets(path: Path, container, stream) -> int:
    """How many packets the header promises, before any is demuxed; 0 where it says nothing or cannot be relied on."""
    name = container.format.name
    if not stream.frames or name == "gif" or (name == "avi" and _is_whole_riff(path)):
        return 0
    # What an edit list cuts away is counted in the header and left out of libav's index.
    return len(stream.index_entries) if name.startswith("mov") else stream.frames


def promised_frames(packets: Packets, promised: int) -> int:
    """How many frames are promised with so many packets: without those that are never shown, second fields, empty chunks of an AVI; 0
    where it is not known."""
    if not promised:
        return 0
    missing = max(0, promised - len(packets) - _empty_chunks(packets))
    fields = math.ceil(missing * packets.second_fields / max(1, len(packets)))
    return len(packets) - sum(packets.never_shown) + missing - fields


def missing_tail(path: Path, container, stream, packets: Packets, promised: int) -> list[str]:
    """Sentences on frames that the header promises and the file does not hold; a cut file may else read as a clean short one.

    promised: what `promised_packets` said.
    """
    name = container.format.name
    if promised > len(packets) + _empty_chunks(packets):
        frames, there = promised_frames(packets, promised), len(packets) - sum(packets.never_shown)
        return [f"its header promises {frames} frames and only {there} are there: its tail is missing"]
    if _ends_early(path, name):
        return ["it ends in the middle: its tail is missing"]
    end = packets.ends.get(stream.index)
    if end is None or not ("matroska" in name or name == "flv"):
        return []
    promised = _track_duration(stream)
    if promised is None:
        promised, end = (container.duration or 0) / 1e6, max(packets.ends.values())
    missing = promised - float(end)
    shown = sorted(s for s, never in zip(packets.shown, packets.never_shown, strict=True) if s is not None and not never)
    gaps = [b - a for a, b in itertools.pairwise(shown)] or [0]
    if missing > 1.5 * max(statistics.median(gaps) * float(packets.unit), 0.005):
        return [f"its header promises {promised:.3f} s and the frames end at {float(end):.3f} s: its tail is missing"]
    return []


def _empty_chunks(packets: Packets) -> int:
    """The empty chunks of an AVI between its frames, each of which shows the frame before once more; libav leaves them out."""
    given = [stamp for stamp in packets.decoded if stamp is not None] if packets.container == "avi" else []
    return max(0, max(given, default=-1) + 1 - len(packets))


def _is_whole_riff(path: Path) -> bool:
    """Whether the lists that an AVI consists of end within the file."""
    size, at = path.stat().st_size, 0
    with open(path, "rb") as file:
        while (head := file.read(8))[:4] == b"RIFF":
            length = int.from_bytes(head[4:], "little")
            if not length:  # a recording that was never ended
                return False
            at += 8 + length
            file.seek(at)
    return 0 < at <= size


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
