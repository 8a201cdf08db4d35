"""The scrubber without a kernel: a poster with the data beside it in inert blocks, and the page that brings it to life."""

import base64
import gzip
import html
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np

from stavis.errors import StavisError
from stavis.printable import html_text, printable_json
from stavis.show.figures.overlay import paint_map
from stavis.show.notebook_host import widget_hint
from stavis.show.scrubber.module import MODULE, STYLE, policy
from stavis.show.scrubber.pieces import beside_name, cut_pieces, piece_list, piece_sizes, remove_pieces, sample_codes, write_pieces
from stavis.storage.files import content_hash, write_text

POSTER_SIDE = 384
PIECES = ("auto", "inside", "beside")
INSIDE = 48 << 20
"""Up to so many bytes of pieces stand inside a page where nobody chose: about a quarter of an hour of video."""


def json_block(value) -> str:
    """A value as JSON that cannot end the script element it stands in, whatever names it holds; NaN becomes null."""
    text = printable_json(json.dumps(_plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _plain(value):
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def data_block(name: str, content: bytes) -> str:
    """An inert script element that holds bytes as base64, squeezed where that helps."""
    squeezed = gzip.compress(content, 6, mtime=0)  # 9 takes three times as long for 1 %
    smaller = len(squeezed) < 0.97 * len(content)
    text = base64.b64encode(squeezed if smaller else content).decode()
    return f'<script type="text/plain" data-stavis-block="{name}" data-coding="{"gzip" if smaller else "none"}">{text}</script>'


def buffer_blocks(scrubber, pieces: bool = True) -> dict[str, bytes]:
    """The scrubber's buffers under names made of their contents, so that a page holds each once.

    pieces: with those of a long clip, which may stand beside the page instead.
    """
    now, later = _split(scrubber)
    return {"b" + content_hash(content)[:24]: content for content in now.values()} | (later if pieces else {})


def _split(scrubber) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The buffers that a page needs at once by their keys, and those that it loads when they are looked at or heard by their names."""
    buffers = {name: content for name, content in scrubber.buffers().items() if content or name != "media"}
    if not piece_list(scrubber.clip):
        return buffers, {}
    later = {beside_name(content): content for content in cut_pieces(scrubber.clip, buffers)}
    samples = sample_codes(scrubber.clip, buffers["maps"])
    return {"numbers": buffers["numbers"], "media": buffers.get("media", b""), "samples": samples}, later


def check_pieces(pieces: str) -> None:
    """Raises StavisError where `pieces` is none of "auto", "inside", "beside"."""
    if pieces not in PIECES:
        raise StavisError(f"the pieces of a page cannot stand {pieces!r}: choose one of {', '.join(PIECES)}.")


def write_page(path: str | Path, scrubbers: list, pieces: str, text_of: Callable[[str], str]) -> Path:
    """Write a page, and the pieces of its long clips where they stand beside it, in the folder PAGE_files; returns the page's path.

    pieces: "inside", "beside", or "auto": beside where they are more than a page should hold. text_of(folder): the text of the page
    for pieces in a folder of this name, '' for inside. Pieces of an older page are removed when the new one is there.

    Raises StavisError where `pieces` is another word, or something cannot be written.
    """
    check_pieces(pieces)
    path = Path(path)
    folder = path.with_name(f"{path.stem}_files")
    blocks = {name: content for one in scrubbers for name, content in _split(one)[1].items()}
    if pieces == "inside" or (pieces == "auto" and sum(map(len, blocks.values())) <= INSIDE):
        blocks = {}
    if blocks:
        write_pieces(folder, blocks)
    write_text(path, text_of(folder.name if blocks else ""))
    remove_pieces(folder, blocks)
    return path


def mount(scrubber, folder: str = "", *, saved: str | None = None) -> str:
    """The place of a scrubber in a page: its state, its static fallback in text and image. The buffers stand elsewhere in the page.

    folder: where the pieces of a long clip stand, beside the page; '' for inside of it.
    """
    state = scrubber.state()
    now, later = _split(scrubber)
    state["blocks"] = {name: "b" + content_hash(content)[:24] for name, content in now.items()}
    if later:
        sizes = piece_sizes(scrubber.clip, scrubber.buffers())
        state["pieces"] = {"names": list(later), "sizes": sizes, "folder": folder}
    state["clip"] = {**state["clip"], "poster": ""}
    return (
        f'<div class="stv-host" data-stavis-host><script type="application/json">{json_block(state)}</script>'
        f'<div class="stv-mount">{poster(scrubber, saved)}</div></div>'
    )


def poster(scrubber, saved: str | None = None) -> str:
    """One frame and one line of text. In a notebook (saved is not None) with the way to a page that scrubs: a link where it was saved."""
    text = html_text(scrubber.text())
    image = base64.b64encode(scrubber.poster()).decode()
    title = html.escape(scrubber.clip.get("title") or "clip")
    notices = "".join(f"<p><strong>{html_text(notice)}</strong></p>" for notice in scrubber.clip.get("notices", ()))
    link = (
        f'<a href="{html.escape(quote(saved))}">{html.escape(saved)}</a> scrubs'
        if saved
        else 'the page that .save("page.html") writes scrubs'
    )
    way = "" if saved is None else f" Without a kernel, {link}. {html.escape(widget_hint())}".rstrip()
    return (
        f'{notices}<img alt="{text}" src="data:image/jpeg;base64,{image}" width="{POSTER_SIDE}">'
        f"<p>{title}: {text}. One frame is shown because scripts are off or no kernel runs.{way}</p>"
    )


def fragment(scrubber, *, data: bool) -> str:
    """What a notebook saves: the static fallback, with the data (inert) when asked, so that an export can bring it to life."""
    saved = scrubber.saved_page()
    inside = (
        mount(scrubber, saved=saved) + "".join(data_block(name, content) for name, content in buffer_blocks(scrubber).items())
        if data
        else poster(scrubber, saved)
    )
    return f'<div data-stavis-poster="{scrubber.clip["poster"]}">{inside}</div>'


def page(scrubber, folder: str = "") -> str:
    """The scrubber as a page of its own, under the strict policy; `folder` holds its pieces where they stand beside it."""
    title = html.escape(scrubber.clip.get("title") or "clip")
    blocks = "\n".join(data_block(name, content) for name, content in buffer_blocks(scrubber, not folder).items())
    allowed = policy(MODULE, beside=bool(folder))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(allowed)}"><title>{title}</title>\n'
        "<style>:root{color-scheme:light dark}body{margin:1rem auto;max-width:88rem;padding:0 1rem;background:#fff}"
        "@media screen and (prefers-color-scheme:dark){html,body{background:#16181b;color:#e6e8eb}}</style>\n"
        f"<style data-stavis-style>{STYLE}</style></head><body><main>\n{mount(scrubber, folder)}\n</main>\n{blocks}\n"
        f'<script type="module" data-stavis-module>{MODULE}</script></body></html>\n'
    )


def poster_image(image: np.ndarray, values: np.ndarray | None, top: float | None) -> bytes:
    """One frame (H,W,3) uint8, enlarged, with its map (h,w) or None, as JPEG; top is the value drawn with full colour."""
    factor = POSTER_SIDE / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    large = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA)
    if values is not None:
        large = paint_map(large, values, top=top)
    return cv2.imencode(".jpg", large[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])[1].tobytes()
