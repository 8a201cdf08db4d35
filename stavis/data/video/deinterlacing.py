"""Interlaced video made progressive, one frame for each coded frame, by libavfilter's bwdif."""

from collections.abc import Iterator
from fractions import Fraction

import av
import av.filter


class Deinterlacer:
    """A filter that takes decoded frames in order and gives them back deinterlaced, each with what was handed in beside it.

    Frames that are not interlaced pass unchanged. One frame comes out for each that goes in, one later: the filter looks ahead.
    """

    def __init__(self):
        self._graph = None
        self._shape: tuple | None = None
        self._beside: list = []

    def push(self, frame: av.VideoFrame, beside) -> Iterator[tuple]:
        """The frames (frame, beside) that are ready once this one is there."""
        shape = (frame.width, frame.height, frame.format.name)
        if shape != self._shape:
            yield from self.flush()
            self._start(frame, shape)
        # The filter doubles the stamps that it is given: frames are known by their number instead.
        frame.pts, frame.time_base = len(self._beside), Fraction(1, 25)
        self._beside.append(beside)
        self._graph.push(frame)
        yield from self._pulled()

    def flush(self) -> Iterator[tuple]:
        """The frames that are still inside; the next one starts anew."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pulled()
        self._graph, self._shape, self._beside = None, None, []

    def _start(self, frame: av.VideoFrame, shape: tuple) -> None:
        self._shape, self._beside, self._graph = shape, [], av.filter.Graph()
        self._graph.threads = 1
        source = self._graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 25))
        self._graph.link_nodes(source, self._graph.add("bwdif", "mode=send_frame:deint=interlaced"), self._graph.add("buffersink"))
        self._graph.configure()

    def _pulled(self) -> Iterator[tuple]:
        while True:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield frame, self._beside[round(frame.pts * frame.time_base * 25)]
