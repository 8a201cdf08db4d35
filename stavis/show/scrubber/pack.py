"""A clip, its maps and curves as the buffers that the browser reads: images, uint8 maps with a scale a frame, outlines, numbers."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise

import av
import cv2
import numpy as np
from PIL import Image

from stavis.data.video.writing import QUICK, TICKS, mp4_ticks, ticks_for
from stavis.errors import StavisError
from stavis.regions import FACE, RegionSet
from stavis.types import AttentionMaps, Attribution

STRIP_FRAMES = 320
"""Up to so many frames (about ten seconds) go as single images; more go as one video."""
PIECE_FRAMES = 256
"""A video of more than half as many frames again goes as several, of about so many frames each: a page loads them one by one."""
CRF, LONG_CRF = 20, 26
"""Quality of H.264 (0 lossless, 51 worst) for one video, and for a long one in pieces, at which five minutes of faces are half as large."""
MAP_BYTES = 24 << 20
"""All maps of a clip together stay below this; longer clips get coarser grids."""


@dataclass(frozen=True)
class PackedFrames:
    """Images of `width` x `height` pixels in one buffer: kind 'strip' (with offsets) or 'video' (an mp4, or one for each of `pieces`).

    pieces: first frame, the one after the last, where its mp4 begins in the buffer and how long that is.
    """

    buffer: bytes
    width: int
    height: int
    kind: str
    mime: str
    offsets: tuple[int, ...] = ()
    pieces: tuple[dict[str, int], ...] = ()

    @property
    def described(self) -> dict:
        """What the browser must know of the buffer."""
        return {"kind": self.kind, "mime": self.mime, "offsets": list(self.offsets), "pieces": [dict(piece) for piece in self.pieces]}


def pack_frames(frames: np.ndarray, times: np.ndarray, *, longest_side: int, kind: str = "auto", quality: int = 80) -> PackedFrames:
    """Frames (T,H,W,3) uint8 RGB as WebP images or, when there are many, as an mp4 with the clip's own times.

    times (T,) s from the first frame, rising. Raises StavisError where `kind` is not auto, strip or video.
    """
    if kind not in ("auto", "strip", "video"):
        raise StavisError(f"frames can be packed as auto, strip or video, not {kind!r}: choose one of these.")
    if kind == "auto":
        kind = "strip" if len(frames) <= STRIP_FRAMES else "video"
    first = next(_shrunk(frames[:1], longest_side))
    height, width = first.shape[:2]
    if kind == "video":
        return _in_pieces(frames, times, longest_side, width, height)
    images = _shrunk(frames, longest_side)
    parts = [_webp(image, quality) for image in images]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    return PackedFrames(b"".join(parts), width, height, "strip", "image/webp", tuple(int(k) for k in offsets))


def _webp(image: np.ndarray, quality: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "webp", quality=quality, method=2)  # half the time of OpenCV's way (4), 4 % more bytes
    return buffer.getvalue()


def _in_pieces(frames: np.ndarray, times: np.ndarray, longest_side: int, width: int, height: int) -> PackedFrames:
    spans = piece_spans(len(frames))
    crf = CRF if len(spans) == 1 else LONG_CRF
    # Frames may be read from a video while they are iterated over: that happens once, from the first to the last.
    images = _shrunk(frames, longest_side)
    parts = [_video(islice(images, b - a), times[a:b], width, height, crf) for a, b in spans]
    at = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).tolist()
    pieces = [{"first": a, "stop": b, "offset": at[k], "bytes": len(parts[k])} for k, (a, b) in enumerate(spans)]
    return PackedFrames(b"".join(parts), width, height, "video", "video/mp4", (), tuple(pieces) if len(pieces) > 1 else ())


def piece_spans(count: int) -> list[tuple[int, int]]:
    """The frames of each piece of a video: first and the one after the last; together every frame once."""
    pieces = 1 if count <= 1.5 * PIECE_FRAMES else round(count / PIECE_FRAMES)
    edges = np.linspace(0, count, pieces + 1).astype(int).tolist()
    return list(pairwise(edges))


def _shrunk(frames: np.ndarray, longest_side: int) -> Iterator[np.ndarray]:
    height, width = frames.shape[1:3]
    factor = min(1.0, longest_side / max(height, width))
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    for frame in frames:
        yield np.ascontiguousarray(frame) if factor == 1 else cv2.resize(frame, size, interpolation=cv2.INTER_AREA)


def _video(images: Iterator[np.ndarray], times: np.ndarray, width: int, height: int, crf: int = CRF) -> bytes:
    writer = VideoWriter(width, height, crf, ticks=ticks_for(times))
    for seconds, image in zip(times - times[0], images, strict=True):
        writer.add(float(seconds), image)
    return writer.content()


class VideoWriter:
    """H.264 in memory, frame by frame, without B-frames and a key frame every twelve (or `group`), so that a jump decodes little; even
    sizes by repeating the last line. ticks: parts of a second in which the times are given."""

    def __init__(self, width: int, height: int, crf: int = CRF, group: int = 12, ticks: int = TICKS):
        self._pad = ((0, height % 2), (0, width % 2), (0, 0))
        self._file, self._count, self._last, self._ticks = io.BytesIO(), 0, -1, ticks
        self._box = av.open(self._file, "w", format="mp4", options=mp4_ticks(ticks))
        stream = self._stream = self._box.add_stream("libx264", rate=Fraction(90000, 3600))
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, ticks)
        more = f"colormatrix=smpte170m:scenecut=0:{QUICK}"
        stream.options = {"crf": str(crf), "preset": "veryfast", "g": str(group), "bf": "0", "x264-params": more}

    def add(self, seconds: float, image: np.ndarray) -> None:
        """The next frame (H,W,3) uint8 RGB, so many seconds after the first."""
        self._last = max(self._last + 1, round(self._ticks * seconds), self._ticks * self._count // 1000)
        self._count += 1
        padded = np.pad(image, self._pad, mode="edge") if any(map(any, self._pad)) else image
        frame = av.VideoFrame.from_ndarray(padded, format="rgb24")
        frame.pts, frame.time_base = self._last, Fraction(1, self._ticks)
        self._box.mux(self._stream.encode(frame))

    def content(self) -> bytes:
        """The mp4; nothing can be added any more."""
        self._box.mux(self._stream.encode())
        self._box.close()
        return self._file.getvalue()


@dataclass(frozen=True)
class PackedMap:
    """One map: buffer (T*h*w) uint8; scale (T,) what the largest code stands for, 0 where there is no map; top (T,) what is drawn full."""

    buffer: bytes
    grid: tuple[int, int]
    signed: bool
    scale: np.ndarray
    top: np.ndarray
    clip_top: float
    unit: str
    messages: tuple[str, ...]


def pack_map(name: str, maps: AttentionMaps | Attribution, *, longest_grid: int) -> PackedMap:
    """A map as codes of eight bits. Attention becomes weight x cells (density: 1 = an even spread); an attribution keeps its sign and unit.

    Grids larger than `longest_grid` are area-averaged. Frames that are not numbers are left out and reported.
    """
    attention = isinstance(maps, AttentionMaps)
    values = np.asarray(maps.weights if attention else maps.values, np.float32)
    if attention:
        values = values * values[0].size
    finite = np.isfinite(values).all((1, 2))
    values = _pooled(np.where(finite[:, None, None], values, 0), longest_grid)
    signed = bool(not attention and (values < 0).any())
    size = np.abs(values).reshape(len(values), -1)
    scale = size.max(1).astype(np.float32)
    top = np.percentile(size, 99.7, axis=1).astype(np.float32)
    top = np.where(top > 0, top, scale)
    divisor = np.where(scale > 0, scale, 1)[:, None, None]
    codes = 128 + np.rint(values / divisor * 127) if signed else np.rint(np.clip(values / divisor, 0, 1) * 255)
    drawn = top[scale > 0]
    messages = []
    if not finite.all():
        messages.append(
            f"{name}: {int((~finite).sum())} of {len(finite)} frames hold values that are not numbers; they are shown without this map."
        )
    if finite.any() and not (scale > 0).any():
        messages.append(f"{name} is zero everywhere: there is nothing to draw.")
    return PackedMap(
        buffer=codes.astype(np.uint8).tobytes(),
        grid=values.shape[1:],
        signed=signed,
        scale=scale,
        top=top,
        clip_top=float(np.percentile(drawn, 95)) if len(drawn) else 1.0,
        unit="density" if attention else "",
        messages=tuple(messages),
    )


def _pooled(values: np.ndarray, longest: int) -> np.ndarray:
    height, width = values.shape[1:]
    factor = min(1.0, longest / max(height, width))
    if factor == 1:
        return values
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in values])


def grid_limit(frames: int, count: int) -> int:
    """The longest side of a map's grid, so that `count` maps of `frames` frames stay within MAP_BYTES: 16 to 56."""
    return int(np.clip(np.sqrt(MAP_BYTES / max(1, frames * count)), 16, 56))


def pack_outlines(regions: np.ndarray, region_set: RegionSet = FACE) -> bytes:
    """The outlines of the regions (T,R,H,W) as polygons: T+1 uint32 offsets, then region, length, x y ... in 1/8192 of the image.

    Of a face everything but `outside` comes first, then its large parts, then its small ones, so that the last ring around a point tells
    its region. Other sets have outlines of all but their background.
    """
    count, _, height, width = regions.shape
    names, back = region_set.names, region_set.background
    order = [name for name in reversed(region_set.order if region_set == FACE else names[::-1]) if name not in back]
    scale = np.array([8192 / width, 8192 / height])
    frames, offsets, at = [], [], 2 * (count + 1)
    still = getattr(regions, "strides", (1,))[0] == 0  # the same masks in every frame
    text: list[np.ndarray] = []
    for masks in regions:
        offsets.append(at)
        if not still or not text:
            text = []
            if region_set == FACE:
                text += [_ring(names.index("rest"), ring, scale) for ring in _contours(~masks[names.index("outside")])]
            for name in order:
                text += [_ring(names.index(name), ring, scale) for ring in _contours(masks[names.index(name)])]
        frames += text
        at += sum(len(word) for word in text)
    offsets.append(at)
    return np.array(offsets, np.uint32).tobytes() + (np.concatenate(frames).astype(np.uint16).tobytes() if frames else b"")


def _contours(mask: np.ndarray) -> list[np.ndarray]:
    """Closed outlines along the pixels' outer edges: the mask is drawn twice as large, so that a pixel has edges to follow."""
    if not mask.any():
        return []
    double = mask.astype(np.uint8).repeat(2, 0).repeat(2, 1)
    rings = cv2.findContours(double, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    smooth = [cv2.approxPolyDP(ring, 1.6, True)[:, 0].astype(float) for ring in rings if len(ring) >= 8]
    return [(ring + 0.5) / 2 for ring in smooth if len(ring) >= 3]


def _ring(region: int, points: np.ndarray, scale: np.ndarray) -> np.ndarray:
    whole = np.clip(np.rint(points * scale), 0, 8192).astype(np.uint16)
    return np.concatenate([[region, len(whole)], whole.ravel()]).astype(np.uint16)
