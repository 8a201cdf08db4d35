"""What a scrubber holds beside its frames: thumbnails of a long clip, the waveform of its sound, the sound itself, and the whole images
that crops were cut from."""

import cv2
import numpy as np

from stavis.data.video.sound import PEAKS_PER_SECOND, Sound
from stavis.show.scrubber.context import Context

THUMBNAILS = 120
"""So many thumbnails at most, evenly over the clip."""
THUMBNAIL_HEIGHT = 56
MIME = "audio/webm"


def pack_media(frames: np.ndarray, sound: Sound | None, context: Context | None = None, *, thumbnails: bool) -> tuple[bytes, dict]:
    """One buffer and its description: `thumbnails` {frames, offsets, mime}, `waveform` {offset, bytes, perSecond, top}, `sound`
    {offset, bytes, mime, seconds}, `context` {offset, bytes, frames, width, height, corners}; each is there only where there is something
    to show or hear.

    frames (T,H,W,3) uint8 RGB; the sound begins with the first of them.
    """
    parts, described, at = [], {}, 0
    if thumbnails:
        indices = np.unique(np.linspace(0, len(frames) - 1, min(THUMBNAILS, len(frames))).astype(int))
        images = [_thumbnail(frames[i]) for i in indices]
        offsets = np.concatenate([[0], np.cumsum([len(image) for image in images])])
        described["thumbnails"] = {"frames": indices.tolist(), "offsets": offsets.tolist(), "mime": "image/jpeg"}
        parts += images
        at = int(offsets[-1])
    if sound is not None:
        peaks = sound.peaks()
        top = float(peaks.max(initial=0)) or 1.0
        codes = np.rint(255 * peaks / top).astype(np.uint8).tobytes()
        described["waveform"] = {"offset": at, "bytes": len(codes), "perSecond": PEAKS_PER_SECOND, "top": round(top, 4)}
        content = sound.webm()
        described["sound"] = {"offset": at + len(codes), "bytes": len(content), "mime": MIME, "seconds": round(sound.seconds, 4)}
        parts += [codes, content]
        at += len(codes) + len(content)
    images, corners, about = context.packed() if context is not None else (b"", b"", {})
    if images:
        described["context"] = {**about, "offset": at, "bytes": len(images), "corners": at + len(images)}
        parts += [images, corners]
    return b"".join(parts), described


def _thumbnail(image: np.ndarray) -> bytes:
    factor = THUMBNAIL_HEIGHT / image.shape[0]
    size = (max(1, round(image.shape[1] * factor)), THUMBNAIL_HEIGHT)
    small = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    return cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 75])[1].tobytes()
