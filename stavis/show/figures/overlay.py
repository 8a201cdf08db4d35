"""Maps painted over images as the scrubber paints them: alpha = opacity x value^gamma, so the rest keeps its own colours."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from stavis.data.video.io import write_video
from stavis.errors import StavisError
from stavis.show.figures.colours import lookup
from stavis.storage.files import atomic_file
from stavis.types import AttentionMaps, Attribution, Clip


def paint_map(
    image: np.ndarray,
    values: np.ndarray,
    *,
    top: float | None = None,
    colours: str = "magma",
    opacity: float = 0.8,
    gamma: float = 0.7,
    signed: bool | None = None,
) -> np.ndarray:
    """An image with a map over it: (H,W,3) uint8.

    image (H,W,3) uint8 RGB; values (h,w), any unit; signed values (by default where one is below 0) get the diverging colours; top is
    the value drawn with full colour (default: the frame's 99.7th percentile). Where values are not numbers or all zero the image comes
    back as it is.
    """
    values = np.asarray(values, np.float32)
    if not np.isfinite(values).all() or not (values != 0).any():
        return image.copy()
    top = top or float(np.percentile(np.abs(values), 99.7)) or float(np.abs(values).max())
    signed = bool((values < 0).any()) if signed is None else signed
    full = cv2.resize(values, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    rows, columns = (np.flatnonzero(full.any(axis)) for axis in (1, 0))
    if not len(rows):
        return image.copy()
    inside = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]  # a face is a small part of a source image
    part = np.clip(full[inside] / top, -1 if signed else 0, 1)
    codes = np.rint(127.5 + 127.5 * part if signed else 255 * part).astype(np.uint8)
    colour = cv2.applyColorMap(codes, lookup("diverging" if signed else colours)[:, None])
    alphas = opacity * np.linspace(0, 1, 1024, dtype=np.float32) ** gamma  # looked up: a power for each pixel is what took longest
    alpha = alphas[np.rint(1023 * np.abs(part)).astype(np.uint16)]
    painted = image.copy()
    painted[inside] = cv2.blendLinear(np.ascontiguousarray(image[inside]), colour, 1 - alpha, alpha)
    return painted


def overlay_frames(frames: Iterable[np.ndarray], maps: AttentionMaps | Attribution, *, scale: str = "clip", **look) -> Iterator[np.ndarray]:
    """The images with their maps, one after another; scale 'clip' keeps one scale for all frames, 'frame' each its own.

    Raises StavisError where there are not as many images as map frames.
    """
    values = maps.weights if isinstance(maps, AttentionMaps) else maps.values
    top = None
    if scale == "clip":
        tops = [np.percentile(np.abs(frame), 99.7) for frame in values if np.isfinite(frame).all()]
        top = float(np.percentile(tops, 95)) if tops else None
    count = 0
    for count, frame in enumerate(frames, start=1):
        if count > len(values):
            raise StavisError(f"there are more images than the map's {len(values)} frames: compute the map on the same clip.")
        yield paint_map(frame, values[count - 1], top=top, **look)
    if count < len(values):
        raise StavisError(f"there are {count} images for a map of {len(values)} frames: compute the map on the same clip.")


def write_overlay(
    frames: Clip | Iterable[np.ndarray],
    maps: AttentionMaps | Attribution,
    path: str | Path,
    *,
    fps: float | None = None,
    longest_side: int = 384,
    **look,
) -> Path:
    """Writes the overlay as a video (.mp4, H.264) or an animation (.gif); returns the path.

    frames a clip, or images (H,W,3) uint8 RGB in the order of the map's frames; fps by default what the times say, in a video frame by
    frame.

    Raises StavisError where the name ends otherwise, or there are not as many images as map frames.
    """
    path = Path(path)
    if path.suffix.lower() not in (".mp4", ".gif"):
        raise StavisError(f"{path} is neither .mp4 nor .gif: choose one of these endings.")
    images = frames.frames if isinstance(frames, Clip) else frames
    steps = np.diff(np.asarray(maps.times, float))
    times = None if fps or not (steps > 0).all() else maps.times
    fps = fps or (float(1 / np.median(steps[steps > 0])) if (steps > 0).any() else 25.0)
    images = overlay_frames((_enlarged(one, longest_side) for one in images), maps, **look)
    if path.suffix.lower() == ".mp4":
        return write_video(path, images, fps=fps, times=times)
    with atomic_file(path) as temporary:
        _write_gif(temporary, images, fps)
    return path


def _enlarged(image: np.ndarray, longest_side: int) -> np.ndarray:
    factor = longest_side / max(image.shape[:2])
    size = tuple(max(2, 2 * round(side * factor / 2)) for side in image.shape[1::-1])
    return cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA)


def _write_gif(path: Path, images: Iterator[np.ndarray], fps: float) -> None:
    """One palette of 256 colours for the whole image, found by ffmpeg's own filters."""
    first = next(images)
    height, width = first.shape[:2]
    rate = Fraction(min(fps, 50.0)).limit_denominator(100)
    graph = av.filter.Graph()
    source = graph.add_buffer(width=width, height=height, format="rgb24", time_base=1 / rate)
    split, palette, use, sink = (
        graph.add("split"),
        graph.add("palettegen"),
        graph.add("paletteuse", "dither=bayer"),
        graph.add("buffersink"),
    )
    source.link_to(split)
    split.link_to(palette, 0, 0)
    split.link_to(use, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    with av.open(str(path), "w", format="gif") as box:
        stream = box.add_stream("gif", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"

        def chain():
            yield first
            yield from images

        for k, image in enumerate(chain()):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = k, 1 / rate
            source.push(frame)
        source.push(None)
        while True:
            try:
                frame = sink.pull()
            except (EOFError, av.error.EOFError, BlockingIOError):
                break
            frame.pict_type = 0
            box.mux(stream.encode(frame))
        box.mux(stream.encode())
