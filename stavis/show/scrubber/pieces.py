"""A long clip in pieces: images, maps and outlines of a few seconds each, which a page loads when they are looked at.

Pieces stand in the page in inert blocks, or beside it in style sheets whose custom properties hold them: a page opened from the file
system may not fetch files, but it may link style sheets, and these are data that nothing runs. The policy allows no further script.
"""

import base64
import gzip
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from stavis.storage.files import content_hash, write_text

LINE = 480_000
"""Characters of one custom property; browsers limit them to about two million."""

_NAME = re.compile("p[0-9a-f]{24}")


def piece_list(clip: dict) -> list[dict]:
    """The pieces of a scrubber's clip: {first, stop, offset, bytes} of its images; empty for a short clip."""
    return clip.get("picture", {}).get("pieces", [])


def cut_pieces(clip: dict, buffers: dict[str, bytes]) -> list[bytes]:
    """Each piece as one text of bytes: its images, then its frames of each map, then its outlines (offsets and words)."""
    return [b"".join(parts) for parts in _parts(clip, buffers)]


def piece_sizes(clip: dict, buffers: dict[str, bytes]) -> list[list[int]]:
    """How many bytes of each piece are images, maps and outlines."""
    return [[len(images), len(maps), len(outlines)] for images, maps, outlines in _parts(clip, buffers)]


def _parts(clip: dict, buffers: dict[str, bytes]) -> list[tuple[bytes, bytes, bytes]]:
    return [
        (
            buffers["frames"][piece["offset"] : piece["offset"] + piece["bytes"]],
            b"".join(_of_map(one, piece, buffers["maps"]) for one in clip["maps"]),
            _outlines(clip["count"], piece, buffers["outlines"]),
        )
        for piece in piece_list(clip)
    ]


def _of_map(one: dict, piece: dict, codes: bytes) -> bytes:
    """A map's codes in the frames of a piece that it covers."""
    cells = one["w"] * one["h"]
    first, stop = max(piece["first"], one["first"]), min(piece["stop"], one["stop"])
    at = one["offset"] + (first - one["first"]) * cells
    return codes[at : at + (stop - first) * cells] if stop > first else b""


def _outlines(count: int, piece: dict, outlines: bytes) -> bytes:
    """The outlines of a piece in the form of the whole: offsets in words from its own start, then the rings."""
    if not outlines:
        return b""
    index = np.frombuffer(outlines, np.uint32, count + 1)[piece["first"] : piece["stop"] + 1].astype(np.int64)
    own = index - index[0] + 2 * len(index)
    return own.astype(np.uint32).tobytes() + outlines[2 * int(index[0]) : 2 * int(index[-1])]


def sample_codes(clip: dict, codes: bytes) -> bytes:
    """The codes of every map in every so many frames (see `samples` in data.js): what a scale over the whole clip is taken from."""
    step = max(1, clip["count"] // 60)
    frames = [{"first": i, "stop": i + 1} for i in range(0, clip["count"], step)]
    return b"".join(_of_map(one, frame, codes) for one in clip["maps"] for frame in frames)


def beside_name(content: bytes) -> str:
    """What a piece is called: by its content, so that a piece of an older page is never taken for one of this."""
    return "p" + content_hash(content)[:24]


def style_sheet(name: str, content: bytes) -> str:
    """A piece as a style sheet of one rule that nothing in a page matches but who asks for it."""
    squeezed = gzip.compress(content, 6, mtime=0)
    smaller = len(squeezed) < 0.97 * len(content)
    text = base64.b64encode(squeezed if smaller else content).decode()
    lines = [text[at : at + LINE] for at in range(0, len(text), LINE)]
    properties = "".join(f'--d{k}:"{line}";' for k, line in enumerate(lines))
    return f'.stv-piece-{name}{{--count:{len(lines)};--coding:"{"gzip" if smaller else "none"}";{properties}}}\n'


def write_pieces(folder: Path, blocks: dict[str, bytes]) -> None:
    """Write pieces as files of a folder; those of the same content are left as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in blocks.items():
        if not (folder / f"{name}.css").is_file():
            write_text(folder / f"{name}.css", style_sheet(name, content))


def remove_pieces(folder: Path, but: Iterable[str]) -> None:
    """Remove the pieces of an older page from a folder, all but some; a folder in which nothing is left goes, too."""
    if not folder.is_dir():
        return
    for old in set(folder.glob("*.css")) - {folder / f"{name}.css" for name in but}:
        if _NAME.fullmatch(old.stem):
            old.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
