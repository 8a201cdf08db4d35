"""Small videos that tests make, and how they read them back."""

import warnings
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from stavis.data.video.io import read_frames
from stavis.errors import StavisWarning
from stavis.notes import Notes

FRAMES = 40


def picture(number: int, width: int = 160, height: int = 96) -> np.ndarray:
    """A picture whose brightest column tells its number, on a texture that makes the coder work."""
    y, x = np.mgrid[:height, :width]
    image = 90 + 40 * np.sin(x / 7 + number / 3) + 30 * np.sin(y / 5 - number / 2)
    image[:, 4 * (number % (width // 4)) : 4 * (number % (width // 4)) + 4] = 250
    return np.repeat(image[..., None], 3, 2).astype(np.uint8)


def encode(
    path: Path,
    codec="libx264",
    stamps=None,
    unit=Fraction(1, 25),
    images=None,
    pix_fmt="yuv420p",
    sound=0.0,
    prepare=None,
    **options,
) -> Path:
    """A small video made by PyAV with the stamps that are asked for; options that start with `c_` go to the container.

    prepare: called with the stream before anything is encoded.
    """
    container_options = {k[2:]: v for k, v in options.items() if k.startswith("c_")}
    images = [picture(i) for i in range(FRAMES)] if images is None else images
    stamps = range(len(images)) if stamps is None else stamps
    with av.open(str(path), "w", options=container_options) as container:
        codec_options = {k: v for k, v in options.items() if not k.startswith("c_")}
        stream = container.add_stream(codec, rate=round(1 / unit) or 1, options=codec_options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.time_base, stream.codec_context.time_base = pix_fmt, unit, unit
        if prepare is not None:
            prepare(stream)
        track = container.add_stream("aac", rate=16000) if sound else None
        for image, stamp in zip(images, stamps, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = stamp, unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if track:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, int(16000 * sound)), np.float32), format="fltp", layout="mono")
            silence.rate, silence.pts = 16000, 0
            container.mux(track.encode(silence))
            container.mux(track.encode())
    return path


def several(path, sources, cover=None, default=None):
    """The videos of several files as the streams of one; cover: which of them is an attached picture; default: the one so marked."""
    boxes = [av.open(str(source)) for source in sources]
    with av.open(str(path), "w") as out:
        streams = []
        for k, box in enumerate(boxes):
            stream = out.add_stream_from_template(box.streams.video[0])
            flags = type(stream.disposition)
            stream.disposition = flags.attached_pic if k == cover else flags.default if k == default else flags(0)
            streams.append(stream)
        for box, stream in zip(boxes, streams, strict=True):
            for packet in box.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    out.mux(packet)
    for box in boxes:
        box.close()
    return path


def read(path, **options):
    """The frames of a video, and what is noted of them; nothing warns."""
    notes = Notes()
    with warnings.catch_warnings():
        warnings.simplefilter("error", StavisWarning)
        frames = list(read_frames(path, notes=notes, **options))
    return frames, list(notes)


def number_of(image: np.ndarray) -> int:
    return int(image.mean((0, 2))[: 4 * (image.shape[1] // 4)].reshape(-1, 4).mean(1).argmax())


def flipped(path: Path, out: Path, bits: int, seed: int = 0) -> Path:
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    for place in rng.integers(len(data) // 3, len(data) - 200, bits):
        data[place] ^= 1 << int(rng.integers(8))
    out.write_bytes(data)
    return out
