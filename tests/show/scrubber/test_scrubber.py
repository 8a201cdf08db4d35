"""The scrubber on Python's side: what it holds, what it says, what it refuses."""

import json
import re

import cv2
import nbformat
import numpy as np
import pytest

from stavis.data.annotations.annotations import Annotations
from stavis.errors import StavisError
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.module import MODULE, STYLE, policy
from stavis.show.scrubber.page import fragment
from stavis.types import AttentionMaps, Attribution, Clip, Target
from tests.show.samples import clip_of, maps_of, prediction_of, wandering

NAMESPACES = re.compile(r"http://www\.(?:w3\.org/(?:2000/svg|2001/XMLSchema-instance)|mpi\.nl/tools/elan/EAFv3\.0\.xsd)")
"""Names of XML vocabularies, which look like addresses and are never fetched."""


def numbers(scrubber: Scrubber) -> np.ndarray:
    return np.frombuffer(scrubber.numbers, np.float32).reshape(-1, scrubber.clip["count"])


def test_few_traits_and_no_picture_in_json():
    clip = clip_of(30, 64)
    scrubber = Scrubber.from_clip(clip, maps_of(clip, 14), prediction_of(clip))
    own = [name for name, trait in Scrubber.class_traits(sync=True).items() if trait.this_class is Scrubber and not name.startswith("_")]
    assert len(own) <= 10
    assert len(json.dumps(scrubber.state(), allow_nan=False)) < 12_000
    assert all(isinstance(content, bytes) for content in scrubber.buffers().values())


def test_the_shares_are_those_of_the_clip():
    clip = clip_of(30, 64)
    maps = maps_of(clip, 14)
    scrubber = Scrubber.from_clip(clip, maps)
    row = scrubber.clip["maps"][0]["shares"]
    assert pytest.approx(clip.share(maps["attention"]), abs=1e-4) == numbers(scrubber)[row : row + len(clip.region_set.names)].T


def test_frame_and_time_stay_within_the_clip():
    clip = clip_of(30, 32)
    scrubber = Scrubber.from_clip(clip, {})
    scrubber.frame = 99
    assert scrubber.frame == 29
    scrubber.frame = -4
    assert scrubber.frame == 0
    scrubber.time = 0.43
    assert scrubber.frame == 11 and scrubber.time == pytest.approx(0.44)


def test_marks_go_both_ways():
    scrubber = Scrubber.from_clip(clip_of(5, 32), {})
    scrubber.annotations = Annotations(((0.0, 0.1),), ((0.04, "smile"),))
    assert scrubber.selection["exclude"] == [[0.0, 0.1]]
    scrubber.selection = {"range": [1, 2], "exclude": [], "events": [[0.08, "x"]]}
    assert scrubber.annotations == Annotations((), ((0.08, "x"),))


def test_a_map_is_added_without_sending_the_pictures_again():
    clip = clip_of(20, 48)
    maps = maps_of(clip, 12)
    scrubber = Scrubber.from_clip(clip, {"attention": maps["attention"]})
    frames, sent = scrubber.frames, []
    scrubber.observe(lambda change: sent.append(change.name))
    scrubber.frame = 7
    scrubber.add_map("saliency", maps["saliency"])
    assert scrubber.frame == 7 and scrubber.map == "saliency" and scrubber.frames is frames and "frames" not in sent
    assert [m["name"] for m in scrubber.clip["maps"]] == ["attention", "saliency"]
    with pytest.raises(StavisError, match="20"):
        scrubber.add_map("short", AttentionMaps(wandering(3, 4), np.arange(3)))


def test_larger_images_take_the_place_of_the_clips_own():
    clip = clip_of(20, 32)
    scrubber = Scrubber.from_clip(clip, maps_of(clip, 8), prediction_of(clip))
    scrubber.frame, scrubber.map = 7, "saliency"
    before = scrubber.clip
    images = clip.frames.repeat(2, 1).repeat(2, 2)
    scrubber.set_media(images)
    assert (scrubber.frame, scrubber.map) == (7, "saliency") and scrubber.clip["width"] == scrubber.clip["height"] == 64
    assert {key: scrubber.clip[key] for key in ("maps", "traces", "poster")} == {key: before[key] for key in ("maps", "traces", "poster")}
    scrubber.add_map("again", maps_of(clip, 8)["attention"])
    assert scrubber.clip["width"] == 64 and len(scrubber.clip["picture"]["offsets"]) == 21
    with pytest.raises(StavisError, match="19 images for a clip of 20"):
        scrubber.set_media(images[:19])
    assert scrubber.images is images


def test_the_poster_says_what_it_shows():
    clip = clip_of(30, 64)
    scrubber = Scrubber.from_clip(clip, maps_of(clip, 14), prediction_of(clip))
    scrubber.frame = 22
    assert scrubber.text().startswith("frame 23, valence 0.")
    assert "% of attention on the mouth" in scrubber.text()
    image = cv2.imdecode(np.frombuffer(scrubber.poster(), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (384, 384, 3) and image.std() > 10


def test_a_clip_without_labels_regions_or_maps_says_so():
    clip = clip_of(8, 32)
    bare = Clip(clip.frames, clip.times)
    messages = " ".join(Scrubber.from_clip(bare, {}).clip["messages"])
    for words in ("no labels", "no face regions", "No map"):
        assert words in messages
    attention = Scrubber.from_clip(bare, {"attention": maps_of(clip, 8)["attention"]})
    assert attention.clip["maps"][0]["shares"] == -1
    assert attention.text() == "frame 1"


def test_one_frame_is_enough():
    clip = clip_of(1, 32)
    scrubber = Scrubber.from_clip(clip, maps_of(clip, 8), prediction_of(clip))
    assert scrubber.clip["count"] == 1 and np.isfinite(numbers(scrubber)[0]).all()
    with pytest.raises(StavisError, match="no frames"):
        Scrubber.from_clip(Clip(clip.frames[:0], clip.times[:0]), {})


def test_three_thousand_frames_go_as_a_video_in_small_parts():
    short = clip_of(60, 48)
    clip = Clip(np.tile(short.frames, (50, 1, 1, 1)), np.arange(3000) / 25, valid=np.ones(3000, bool))
    maps = {f"map {k}": Attribution("m", Target(), np.ones((3000, 48, 48), np.float32), clip.times) for k in range(6)}
    scrubber = Scrubber.from_clip(clip, maps)
    assert scrubber.clip["picture"]["kind"] == "video"
    assert max(len(content) for content in scrubber.buffers().values()) <= 24 << 20


def test_a_map_of_another_length_is_refused():
    clip = clip_of(10, 32)
    with pytest.raises(StavisError, match="'attention' has 4 frames"):
        Scrubber.from_clip(clip, {"attention": AttentionMaps(wandering(4, 4), np.arange(4))})


def test_doubtful_completeness_is_said():
    clip = clip_of(4, 32)
    doubtful = Attribution("ig", Target(), np.ones((4, 32, 32), np.float32), clip.times, relative_delta=0.12)
    assert any("12.0 %" in text for text in Scrubber.from_clip(clip, {"ig": doubtful}).clip["messages"])


def test_a_notebook_keeps_a_poster_beside_the_widget(monkeypatch):
    shown = []
    monkeypatch.setattr("stavis.show.scrubber.display", lambda data, raw: shown.append(data))
    clip = clip_of(6, 48)
    scrubber = Scrubber.from_clip(clip, maps_of(clip, 8))
    scrubber._ipython_display_()
    poster, widget = shown
    assert "<img alt=" in poster["text/html"] and "data-stavis-block" in poster["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in widget and "object at 0x" not in widget["text/plain"]
    shown.clear()
    Scrubber.from_clip(clip, maps_of(clip, 8), embed=False)._ipython_display_()
    assert "<img alt=" in shown[0]["text/html"] and "data-stavis-block" not in shown[0]["text/html"]
    nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("display_data", poster)])]))


def test_the_module_is_one_text_that_a_policy_can_name():
    assert "</script" not in MODULE.lower() and "<!--" not in MODULE and "</style" not in STYLE.lower()
    for word in ("eval(", "new Function", "innerHTML", "document.write", "http://www.", "https://", "fetch("):
        assert word not in NAMESPACES.sub("", MODULE), word
    assert policy(MODULE).startswith("default-src 'none'; script-src 'sha256-") and "unsafe-eval" not in policy(MODULE)


def test_what_a_notebook_keeps_leads_to_a_page_that_scrubs(tmp_path, monkeypatch):
    """GitHub, nbviewer and an editor without widgets show one frame, one line of text and a link to the saved page."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my pages").mkdir()
    scrubber = Scrubber.from_clip(clip_of(5, 32), {})
    for data in (True, False):
        kept = fragment(scrubber, data=data)
        assert "<img alt=" in kept and "<a href" not in kept
        assert 'Without a kernel, the page that .save("page.html") writes scrubs.' in kept
    scrubber.save("my pages/a.html")
    assert '<a href="my%20pages/a.html">my pages/a.html</a> scrubs.' in fragment(scrubber, data=False)
    assert "Without a kernel" not in (tmp_path / "my pages" / "a.html").read_text(encoding="utf-8")
    scrubber.save(tmp_path.parent / "elsewhere.html")
    assert "<a href" not in fragment(scrubber, data=False)  # a folder of this machine is of no use to a reader
