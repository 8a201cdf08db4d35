"""Pages of long clips and of clips with sound, in a browser, from the file system and without a network."""

import shutil

import numpy as np
import pytest

from stavis.data.video.sound import Sound
from stavis.show.scrubber import Scrubber
from tests.data.video.made_sounds import click_at
from tests.show.samples import clip_of
from tests.show.scrubber.test_pieces import long_scrubber

pytestmark = pytest.mark.browser

ROOT = "[data-stavis=scrubber]"
LOOK_AT = """async (frames) => {
  const slider = document.querySelector(".stv-slider"), root = document.querySelector("[data-stavis=scrubber]");
  const canvas = document.querySelector(".stv-canvas"), found = [];
  for (const frame of frames) {
    const drawn = new Promise((done) => {
      const hear = (event) => { if (event.detail.frame === frame) { document.removeEventListener("stavis:drawn", hear); done(); } };
      document.addEventListener("stavis:drawn", hear);
    });
    slider.value = frame;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await drawn;
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0;
    for (let k = 0; k < pixels.length; k++) sum = (sum * 31 + pixels[k]) >>> 0;
    found.push([root.dataset.drawn, sum, document.querySelector(".stv-legend").innerText]);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def long() -> Scrubber:
    return long_scrubber(800, 32)


@pytest.mark.parametrize("view", [{"map": "attention"}, {"map": "saliency", "mode": "difference", "second": "attention"}])
def test_a_page_in_pieces_shows_the_same_as_the_whole(live, open_page, long, tmp_path, view):
    frames = [1, 799, 0, 310, 311, 419, 420, 266, 267, 265, 533, 534, 700]
    long.map, long.view = view["map"], {key: value for key, value in view.items() if key != "map"}
    shown = {}
    for kind in ("inside", "beside"):
        page = open_page(long.save(tmp_path / f"{kind}.html", pieces=kind))
        page.wait_for_selector(f"{ROOT}[data-drawn]")
        shown[kind] = page.evaluate(LOOK_AT, frames)
        assert page.errors == page.requests == []
    page = live(long)
    page.evaluate("document.body.style.cssText = 'background:#fff;margin:1rem auto;max-width:88rem;padding:0 1rem'")
    page.wait_for_timeout(200)
    shown["live"] = page.evaluate(LOOK_AT, frames)
    assert [int(one[0]) for one in shown["inside"]] == frames
    assert shown["inside"] == shown["beside"]
    assert [one[2] for one in shown["live"]] == [one[2] for one in shown["inside"]]
    assert [one[1] for one in shown["live"]] == [one[1] for one in shown["inside"]]
    assert len({one[1] for one in shown["inside"]}) > 5


def test_a_page_moved_without_its_folder_says_so(open_page, long, tmp_path):
    page_path = long.save(tmp_path / "a.html", pieces="beside")
    (tmp_path / "moved").mkdir()
    shutil.move(page_path, tmp_path / "moved" / "a.html")
    page = open_page(tmp_path / "moved" / "a.html")
    page.get_by_role("alert").filter(has_text="a_files").wait_for()
    assert "needs the folder a_files beside it" in page.get_by_role("alert").filter(has_text="a_files").inner_text()
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    assert page.requests == []


def test_few_pieces_are_kept_and_a_saved_page_holds_them_all(open_page, long, tmp_path):
    page = open_page(long.save(tmp_path / "a.html", pieces="beside"))
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    page.evaluate(LOOK_AT, [9, 300, 600, 799, 5])
    assert page.locator("video").count() <= 3
    page.get_by_text("Save", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Page (HTML)").click()
    waiting.value.save_as(tmp_path / "alone" / "b.html")
    again = open_page(tmp_path / "alone" / "b.html")
    again.wait_for_selector(f"{ROOT}[data-drawn]")
    assert [one[0] for one in again.evaluate(LOOK_AT, [700, 3])] == ["700", "3"]
    assert page.errors == again.errors == page.requests == again.requests == []


CLAP = """async () => {
  const root = document.querySelector("[data-stavis=scrubber]"), canvas = document.querySelector(".stv-canvas");
  const element = await window.soundElement;
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 2048 });
  context.createMediaStreamSource(element.captureStream()).connect(analyser);
  const samples = new Float32Array(2048), seen = { clicks: [], flashes: [] };
  document.addEventListener("stavis:drawn", () => {
    const level = canvas.getContext("2d").getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[0];
    if (level > 180) seen.flashes.push([performance.now(), element.currentTime]);
  });
  const until = performance.now() + 3500;
  while (performance.now() < until) {
    analyser.getFloatTimeDomainData(samples);
    const first = samples.findIndex((x) => Math.abs(x) > 0.2);
    if (first > 0) seen.clicks.push(performance.now() - ((2048 - first) / context.sampleRate) * 1000);
    await new Promise((done) => setTimeout(done, 4));
  }
  return seen;
}"""


def clapper_scrubber() -> Scrubber:
    """Two seconds: in frame 30 (1.2 s) the image is white and a click is heard."""
    clip = clip_of(50, 48)
    frames = np.full_like(clip.frames, 20)
    frames[30:33] = 255
    samples = (32000 * click_at([1.2], 2.0, 24_000)).astype(np.int16)
    bare = type(clip)(frames, clip.times)
    return Scrubber.from_clip(bare, {}, sound=Sound(samples, 24_000, 0.0))


def test_the_click_is_heard_when_the_flash_is_seen(open_page, tmp_path):
    page = open_page()
    page.add_init_script("""
      window.soundElement = new Promise((found) => {
        const make = document.createElement.bind(document);
        document.createElement = (tag, ...more) => {
          const node = make(tag, ...more);
          if (tag === "audio") found(node);
          return node;
        };
      });
    """)
    page.goto(clapper_scrubber().save(tmp_path / "a.html").as_uri())
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    button = page.get_by_role("button", name="Sound")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    page.evaluate(f"() => {{ window.clap = ({CLAP})(); }}")
    page.wait_for_timeout(100)
    page.get_by_role("button", name="Play", exact=True).click()
    seen = page.evaluate("window.clap")
    assert seen["clicks"] and seen["flashes"]
    apart = seen["flashes"][0][0] - min(seen["clicks"])
    media = [1000 * (t - 1.2) for _, t in seen["flashes"][:1]]
    print(f"flash {apart:.0f} ms after the click; drawn {media[0]:.0f} ms after its time on the sound's clock")
    assert abs(apart) <= 40 and -1 <= media[0] <= 40
    assert page.errors == page.requests == []


def test_a_clip_without_sound_has_no_button_and_speed_keeps_the_clock(live, open_page, tmp_path):
    page = open_page(Scrubber.from_clip(clip_of(20, 32), {}).save(tmp_path / "mute.html"))
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    assert not page.locator("button[name=sound]").is_visible()
    page = open_page(clapper_scrubber().save(tmp_path / "a.html"))
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    page.locator("select[name=speed]").select_option("2")
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("m")
    page.keyboard.press(" ")
    page.wait_for_selector(f"{ROOT}[data-drawn='49']")
    assert page.errors == []
