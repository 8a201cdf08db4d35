"""A long clip in pieces: together they are the whole, and each frame is in exactly one."""

import base64
import gzip
import re
from itertools import pairwise

import numpy as np
import pytest

from stavis.errors import StavisError
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.pack import PIECE_FRAMES, piece_spans
from stavis.show.scrubber.pieces import LINE, cut_pieces, piece_sizes, sample_codes, style_sheet
from stavis.types import AttentionMaps, Attribution, Clip, Target
from tests.show.samples import clip_of, maps_of


def long_scrubber(count: int = 800, size: int = 32, **options) -> Scrubber:
    """A clip of several pieces with a map of all its frames and one of some of them."""
    clip = clip_of(count, size)
    maps = maps_of(clip, 8)
    part = slice(300, 420)
    partial = Attribution("m", Target(), maps["saliency"].values[part], clip.times[part])
    return Scrubber.from_clip(clip, {"attention": maps["attention"], "saliency": partial}, **options)


@pytest.mark.parametrize("count", [1, 320, 384, 385, 500, 1024, 7501])
def test_every_frame_belongs_to_exactly_one_piece(count):
    spans = piece_spans(count)
    assert [i for a, b in spans for i in range(a, b)] == list(range(count))
    assert all(b - a <= 1.5 * PIECE_FRAMES for a, b in spans)


def test_pieces_put_together_are_the_whole():
    scrubber = long_scrubber()
    clip, buffers = scrubber.clip, scrubber.buffers()
    pieces, sizes = cut_pieces(clip, buffers), piece_sizes(clip, buffers)
    assert len(pieces) == len(clip["picture"]["pieces"]) > 2
    assert [len(piece) for piece in pieces] == [sum(size) for size in sizes]
    assert b"".join(piece[: size[0]] for piece, size in zip(pieces, sizes, strict=True)) == buffers["frames"]
    codes = {one["name"]: b"" for one in clip["maps"]}
    rings = []
    for piece, size, span in zip(pieces, sizes, clip["picture"]["pieces"], strict=True):
        at = size[0]
        for one in clip["maps"]:
            length = max(0, min(span["stop"], one["stop"]) - max(span["first"], one["first"])) * one["w"] * one["h"]
            codes[one["name"]] += piece[at : at + length]
            at += length
        assert at == size[0] + size[1]
        rings += rings_of(piece[at:], span["stop"] - span["first"])
    assert b"".join(codes.values()) == buffers["maps"]
    assert rings == rings_of(buffers["outlines"], clip["count"]) and all(rings)


def rings_of(outlines: bytes, count: int) -> list[bytes]:
    """The outlines of each frame."""
    index = np.frombuffer(outlines, np.uint32, count + 1)
    return [outlines[2 * a : 2 * b] for a, b in pairwise(index)]


def test_samples_are_the_codes_of_every_so_many_frames():
    scrubber = long_scrubber()
    step = 800 // 60
    codes = np.frombuffer(scrubber.maps, np.uint8)
    parts = []
    for one in scrubber.clip["maps"]:
        cells = one["w"] * one["h"]
        whole = codes[one["offset"] : one["offset"] + (one["stop"] - one["first"]) * cells].reshape(-1, cells)
        parts += [whole[i - one["first"]] for i in range(0, 800, step) if one["first"] <= i < one["stop"]]
    assert sample_codes(scrubber.clip, scrubber.maps) == np.concatenate(parts).tobytes()


def test_a_map_of_some_frames_has_gaps_elsewhere():
    scrubber = long_scrubber()
    numbers = np.frombuffer(scrubber.numbers, np.float32).reshape(-1, 800)
    partial = scrubber.clip["maps"][1]
    inside = (np.arange(800) >= 300) & (np.arange(800) < 420)
    assert ((numbers[partial["scale"]] > 0) == inside).all()
    assert (np.isfinite(numbers[partial["shares"]]) == inside).all()
    assert any("saliency was computed for 12.0 to 16.8 s" in text for text in scrubber.clip["messages"])
    scrubber.map, scrubber.frame = "saliency", 10
    assert scrubber.text() == "frame 11" and len(scrubber.poster()) > 1000
    clip = clip_of(20, 32)
    other = AttentionMaps(np.ones((4, 2, 2), np.float32) / 4, clip.times[3:7] + 0.01)
    with pytest.raises(StavisError, match="4 frames for a clip of 20"):
        Scrubber.from_clip(clip, {"attention": other})


def test_a_style_sheet_holds_a_piece_as_it_is():
    for content in (np.random.default_rng(0).bytes(LINE), bytes(LINE * 3)):
        text = style_sheet("pabc", content)
        values = re.findall(r'--d\d+:"([^"]*)"', text)
        coding = re.search(r'--coding:"(\w+)"', text)[1]
        raw = base64.b64decode("".join(values))
        assert (gzip.decompress(raw) if coding == "gzip" else raw) == content
        assert int(re.search(r"--count:(\d+)", text)[1]) == len(values) and max(map(len, values)) <= LINE
        assert text.count("{") == text.count("}") == 1 and "url(" not in text and "@" not in text


def test_pieces_stand_where_they_are_asked_for(tmp_path):
    scrubber = long_scrubber()
    inside = scrubber.save(tmp_path / "inside.html")
    beside = scrubber.save(tmp_path / "beside.html", pieces="beside")
    assert not (tmp_path / "inside_files").exists()
    files = sorted((tmp_path / "beside_files").glob("*.css"))
    assert len(files) == len(scrubber.clip["picture"]["pieces"])
    assert beside.stat().st_size < inside.stat().st_size
    assert "style-src 'unsafe-inline' 'self';" in beside.read_text().replace("&#x27;", "'")
    assert "'self'" not in inside.read_text().replace("&#x27;", "'").partition("<style")[0]
    scrubber.save(tmp_path / "beside.html", pieces="beside")
    assert sorted((tmp_path / "beside_files").glob("*.css")) == files
    scrubber.save(tmp_path / "beside.html", pieces="auto")
    assert not (tmp_path / "beside_files").exists() and "'self'" not in beside.read_text().replace("&#x27;", "'").partition("<style")[0]
    with pytest.raises(StavisError, match="auto, inside, beside"):
        scrubber.save(tmp_path / "x.html", pieces="elsewhere")


def test_a_short_clip_has_no_pieces(tmp_path):
    clip = clip_of(30, 32)
    scrubber = Scrubber.from_clip(Clip(clip.frames, clip.times), {})
    scrubber.save(tmp_path / "a.html", pieces="beside")
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]
