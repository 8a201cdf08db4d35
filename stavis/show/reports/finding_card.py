"""What was found, at the head of a page: the sentences, and the moments as images that move the scrubber when they are clicked."""

import base64
from collections.abc import Mapping

import cv2
import numpy as np

from stavis.inference.finding import Finding, Moment
from stavis.printable import html_text

SIDE = 112
"""Pixels of a moment's image."""


def finding_block(finding: Finding, images: Mapping[int, np.ndarray], shown: tuple[float, float]) -> str:
    """The finding as HTML; images (H,W,3) uint8 by frame; moments within `shown` (s, none where it ends before it begins) are links to
    `#t=SECONDS`."""
    sentences = " ".join(html_text(sentence) for sentence in finding.sentences)
    items = "".join(f"<li>{_moment(moment, images.get(moment.frame), shown)}</li>" for moment in finding.moments)
    moments = f'<nav class="moments" aria-label="Key moments"><ol>{items}</ol></nav>' if items else ""
    return f'<section class="finding" aria-label="What was found"><p>{sentences}</p>{moments}</section>'


def _moment(moment: Moment, image: np.ndarray | None, shown: tuple[float, float]) -> str:
    picture = f'<img alt="" width="{SIDE}" height="{SIDE}" src="{_jpeg(image)}">' if image is not None else ""
    inside = f"{picture}<b>{moment.time:.2f}&nbsp;s</b> <span>{html_text(moment.text)}</span>"
    if not shown[0] - 1e-3 <= moment.time <= shown[1] + 1e-3:
        return f"<div>{inside}</div>"
    return f'<a href="#t={moment.time:.3f}" data-stavis-moment>{inside}</a>'


def _jpeg(image: np.ndarray) -> str:
    small = cv2.resize(np.ascontiguousarray(image), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])[1]
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
