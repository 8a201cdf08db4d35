"""Videos with a clapper that tests make: at one moment the image flashes white and a click is heard."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 48_000


def click_at(moments: list[float], seconds: float, rate: int = RATE) -> np.ndarray:
    """Samples (N,) float32: silence with a click of 5 ms at each moment."""
    samples = np.zeros(round(seconds * rate), np.float32)
    for moment in moments:
        first = round(moment * rate)
        samples[first : first + rate // 200] = 0.9 * np.sign(np.sin(np.arange(len(samples[first : first + rate // 200])) * 0.8))
    return samples


def clapper(
    path: Path,
    *,
    frames: int = 60,
    moments: tuple[float, ...] = (1.2,),
    size: int = 64,
    sound_start: float = 0.0,
    sound_seconds: float | None = None,
    video_start: float = 0.0,
    codec: str = "aac",
    layout: str = "mono",
    stamps: np.ndarray | None = None,
    video_codec: str = "libx264",
) -> Path:
    """A video at 25 frames/s (or with the stamps in s that are given) that flashes and clicks at the moments, in s of its own clock.

    sound_start: where on that clock its sound begins, sound_seconds how long it is (as long as the images); video_start likewise.
    """
    times = np.arange(frames) / 25 if stamps is None else np.asarray(stamps)
    length = times[-1] + 0.04 - sound_start if sound_seconds is None else sound_seconds
    samples = click_at([moment - sound_start for moment in moments if 0 <= moment - sound_start < length], length)
    with av.open(str(path), "w") as box:
        video = box.add_stream(video_codec, rate=25)
        video.width = video.height = size
        video.pix_fmt = "yuv420p"
        video.codec_context.time_base = video.time_base = Fraction(1, 90_000)
        audio = box.add_stream(codec, rate=RATE, layout=layout)
        for time in times:
            white = any(0 <= time - moment < 0.06 for moment in moments)
            frame = av.VideoFrame.from_ndarray(np.full((size, size, 3), 255 if white else 20, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round((time + video_start) * 90_000), Fraction(1, 90_000)
            box.mux(video.encode(frame))
        box.mux(video.encode())
        channels = len(audio.codec_context.layout.channels)
        kind = audio.codec_context.format.name
        for first in range(0, len(samples), 1024):
            part = np.repeat(samples[None, first : first + 1024], channels, 0)
            block = part if kind.endswith("p") else part.T.reshape(1, -1)
            values = np.ascontiguousarray((block * 32000).astype(np.int16) if kind.startswith("s16") else block)
            frame = av.AudioFrame.from_ndarray(values, kind, layout)
            frame.sample_rate, frame.time_base = RATE, Fraction(1, RATE)
            frame.pts = first + round((sound_start + video_start) * RATE)
            box.mux(audio.encode(frame))
        box.mux(audio.encode())
    return path


def onset(samples: np.ndarray, rate: int) -> float:
    """When the first click is heard, in s from the first sample."""
    loud = np.flatnonzero(np.abs(samples.astype(float)) > 0.3 * np.abs(samples).max())
    return float(loud[0]) / rate
