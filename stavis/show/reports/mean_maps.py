"""The mean map of each clip over its middle frame, as static images that need no script."""

import base64
import html
from collections.abc import Sequence

import cv2
import numpy as np

from stavis.show.figures.overlay import overlay_frames
from stavis.types import AttentionMaps, Clip

_SIDE = 148  # pixels of an image
_MOST = 24  # clips that are shown


def mean_maps(clips: Sequence[Clip], maps: Sequence[np.ndarray]) -> str:
    """One image per clip: its middle frame with the mean over time of its attention; its recording under it. maps: (h,w) each."""
    figures = "".join(_figure(clip, mean) for clip, mean in list(zip(clips, maps, strict=True))[:_MOST])
    more = f" The first {_MOST} of {len(clips)} clips." if len(clips) > _MOST else ""
    caption = f'<p class="caption">The attention of each clip, the mean over its frames, on its middle frame.{more}</p>'
    return f'<div style="display:flex;flex-wrap:wrap;gap:12px">{figures}</div>{caption}'


def _figure(clip: Clip, mean: np.ndarray) -> str:
    middle = len(clip) // 2
    one = AttentionMaps(np.asarray(mean, np.float32)[None], clip.times[middle : middle + 1])
    image = next(iter(overlay_frames(clip.frames[middle : middle + 1], one)))
    small = cv2.resize(image, (_SIDE, round(_SIDE * image.shape[0] / image.shape[1])), interpolation=cv2.INTER_CUBIC)
    data = base64.b64encode(cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()).decode()
    name = html.escape(clip.recording or "clip")
    look = f'width="{small.shape[1]}" height="{small.shape[0]}" style="display:block;border-radius:6px"'
    return (
        f'<figure style="margin:0;width:{_SIDE}px"><img src="data:image/jpeg;base64,{data}" alt="{name}: mean attention" {look}>'
        f'<figcaption class="caption" style="margin:4px 0 0;overflow-wrap:anywhere">{name}</figcaption></figure>'
    )
