"""Whether a file ends before its header says: a cut file may else read as a clean short one."""

import itertools
import statistics
from pathlib import Path

from stavis.data.video.demuxing import Packets


def missing_tail(path: Path, container, stream, packets: Packets) -> list[str]:
    """Sentences on frames that the header promises and the file does not hold; a cut file may else read as a clean short one."""
    if stream.frames > len(packets) and container.format.name != "gif":
        return [f"its header promises {stream.frames} frames and only {len(packets)} are there: its tail is missing"]
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
    shown = sorted(s for s, never in zip(packets.shown, packets.never_shown, strict=True) if s is not None and not never)
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
