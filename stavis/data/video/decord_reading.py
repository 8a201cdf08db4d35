"""Frames by decord, which is faster than PyAV, for the kinds of files alone for which it was proved right frame by frame.

The proof is a table of tests over container, codec, key frames and start, with numbers in the pixels. Left to PyAV: transport and
program streams, AVI, frames that are not shown as they are coded, open groups, intra refresh, several video streams, damage.
"""

import queue
import threading
from collections.abc import Iterator

import decord

from stavis.data.video.decoding import Frame
from stavis.data.video.probing import VideoInfo

DECORD_MOST_BYTES = 256 << 20
"""The most that decord may hold: it is asked for segments whose frames fit in this."""

PROVED = frozenset(
    (container, codec)
    for container, codecs in {
        "mov,mp4,m4a,3gp,3g2,mj2": ("h264", "av1", "vp9"),
        "matroska,webm": ("h264", "av1", "vp9"),
    }.items()
    for codec in codecs
)
"""Containers and codecs, as libav names them, for which decord gave the frames that PyAV gives; HEVC it gives up half-way."""

_DECORD_SECONDS = 20


def frames_by_decord(info: VideoInfo, start: int, stop: int, size: tuple[int, int]) -> Iterator[Frame]:
    """The frames from `start` up to `stop` as decord gives them; it ends early where decord fails, hangs or gives another shape.

    The reader is made for this segment and dropped after it. A thread asks it, so that a hang costs 20 s and no more.
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
    """Whether decord is known to give the right frames here: a regular video of a kind that was proved, nothing to note, few bytes."""
    # Its reader starts at the key frame before and works ahead of its caller, to the video's end at worst.
    held = (len(info) - start) * info.width * info.height * 3
    return info.regular and not info.notes and (info.container, info.codec) in PROVED and held <= DECORD_MOST_BYTES and stop > start


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
