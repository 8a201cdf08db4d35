"""libav's log level is ours while a video is open and as before afterwards; nothing is printed past Python."""

import logging

import av.logging
import numpy as np
import pytest

from stavis.data.video.demuxing import open_video
from stavis.data.video.io import probe, read_frames, write_video
from stavis.data.video.quiet import captured_logs
from stavis.notes import Notes


def state() -> tuple:
    logger = logging.getLogger("libav")
    return av.logging.get_level(), av.logging.get_skip_repeated(), logger.propagate, tuple(logger.handlers)


@pytest.fixture
def damaged(tmp_path):
    """A video with flipped bytes, of which libav logs errors."""
    generator = np.random.default_rng(0)
    path = write_video(tmp_path / "a.mp4", (generator.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(20)), fps=25)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = generator.bytes(2000)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("level", [None, av.logging.VERBOSE])
def test_reading_changes_nothing_that_stays_and_prints_nothing(damaged, capfd, level):
    before = av.logging.get_level()
    av.logging.set_level(level)
    try:
        outside = state()
        probe(damaged)
        frames = read_frames(damaged, notes=Notes())
        next(frames)
        assert av.logging.get_level() == av.logging.ERROR
        assert any(frame.damaged for frame in frames)
        frames.close()
        assert state() == outside
    finally:
        av.logging.set_level(before)
    assert capfd.readouterr() == ("", "")


def test_the_last_of_several_open_videos_restores_the_level(damaged):
    outside = state()
    with captured_logs():
        with open_video(damaged):
            assert av.logging.get_level() == av.logging.ERROR
        assert av.logging.get_level() == av.logging.ERROR
    assert state() == outside
