"""Pages of long clips and of clips with sound, in a browser, from the file system and without a network."""

import re
import shutil
from importlib.resources import files

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
  const root = document.querySelector("[data-stavis=scrubber]");
  const canvas = document.querySelector(".stv-canvas"), found = [];
  for (const frame of frames) {
    await goToFrame(frame);
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const means = new Array(192).fill(0), cells = (canvas.width * canvas.height) / 64;
    for (let k = 0; k < pixels.length; k++) {
      const [row, column] = [Math.floor((k >> 2) / canvas.width), (k >> 2) % canvas.width];
      const [x, y] = [Math.floor((column * 8) / canvas.width), Math.floor((row * 8) / canvas.height)];
      if (k % 4 < 3) means[3 * (8 * y + x) + (k % 4)] += pixels[k] / cells;
    }
    found.push([root.dataset.drawn, means, document.querySelector(".stv-legend").innerText]);
  }
  return found;
}"""


# One width, wherever the scrubber stands.
SAME = "body { background: #fff; margin: 0; } .stv { width: 900px !important; max-width: none !important; margin: 0 !important; }"


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
        page.add_style_tag(content=SAME)
        page.wait_for_timeout(200)
        shown[kind] = page.evaluate(LOOK_AT, frames)
        assert page.errors == page.requests == []
    page = live(long)
    page.add_style_tag(content=SAME)
    page.wait_for_timeout(200)
    shown["live"] = page.evaluate(LOOK_AT, frames)
    assert [int(one[0]) for one in shown["inside"]] == frames
    assert shown["inside"] == shown["beside"]
    assert [one[2] for one in shown["live"]] == [one[2] for one in shown["inside"]]
    images = {kind: np.array([one[1] for one in shown[kind]]) for kind in ("inside", "live")}
    apart = np.abs(images["inside"][:, None] - images["live"]).mean(2)
    # A page opened from a file decodes the images itself, one without an address lets a player do it: their colours differ by rounding.
    assert np.diag(apart).max() < 2 and (apart.argmin(1) == np.arange(len(frames))).all() and apart.max() > 3


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


# How many images have been made of decoded frames and how many frames were sent to a decoder since it was asked last; idle() answers when
# no decoder is at work.
COUNTED = """
  let made = 0, sent = 0, working = 0;
  const make = window.createImageBitmap;
  window.createImageBitmap = (source, ...more) => {
    if (source instanceof ImageData || source instanceof VideoFrame) made++;
    return make(source, ...more);
  };
  const { configure, decode, close } = VideoDecoder.prototype;
  Object.assign(VideoDecoder.prototype, {
    configure(config) { working++; return configure.call(this, config); },
    decode(chunk) { sent++; return decode.call(this, chunk); },
    close() { working--; return close.call(this); },
  });
  window.idle = async () => {
    for (let quiet = 0; quiet < 4; quiet = working ? 0 : quiet + 1) await new Promise((later) => setTimeout(later, 10));
    const found = [made, sent];
    made = sent = 0;
    return found;
  };
  // Goes to a frame and says whether its image was there at once.
  window.atOnce = async (frame) => {
    const slider = document.querySelector(".stv-slider");
    slider.value = frame;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    for (let turn = 0; turn < 8; turn++) await null;
    return Number(document.querySelector("[data-stavis=scrubber]").dataset.drawn) === frame;
  };
"""
GROUP = 12  # frames from one key frame to the next


def test_a_jump_decodes_its_frame_and_a_step_what_comes_next(open_page, long, tmp_path):
    page = open_page()
    page.add_init_script(COUNTED)
    page.goto(long.save(tmp_path / "a.html", pieces="inside").as_uri())
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    page.wait_for_timeout(300)
    page.evaluate("idle()")
    for frame in (700, 123, 479, 305, 520):
        page.evaluate("goToFrame", frame)
        made, sent = page.evaluate("idle()")
        assert 1 <= made <= 2 and sent <= GROUP, (frame, made, sent)
    # From here on each next frame is there when it is asked for, that of the next piece (from 534) too, and no image is made twice.
    page.evaluate("goToFrame", 521)
    made, sent = page.evaluate("idle()")
    for frame in range(522, 545):
        assert page.evaluate("atOnce", frame), frame
        now = page.evaluate("idle()")
        made, sent = made + now[0], sent + now[1]
    assert made < sent <= 545 - 520 + 3 * GROUP
    assert all(page.evaluate("atOnce", frame) for frame in range(544, 521, -1))
    assert page.errors == page.requests == []


# The sound element that the page makes, and what it is given to play.
HEARD = """
  window.soundElement = new Promise((found) => {
    const make = document.createElement.bind(document);
    document.createElement = (tag, ...more) => {
      const node = make(tag, ...more);
      if (tag === "audio") found(node);
      return node;
    };
  });
  const urlOf = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (blob) => {
    if (blob.type.startsWith("audio")) window.soundBytes = blob.arrayBuffer();
    return urlOf(blob);
  };
"""
# Each frame that is drawn with the position of the sound at that moment, until it has played through.
DRAWN = """async () => {
  const element = await window.soundElement, drawn = [];
  document.addEventListener("stavis:drawn", (event) => element.paused || drawn.push([event.detail.frame, element.currentTime]));
  await new Promise((done) => element.addEventListener("pause", done, { once: true }));
  return drawn;
}"""
CLICK = """async () => {
  const buffer = await new OfflineAudioContext(1, 1, 24000).decodeAudioData(await window.soundBytes);
  const samples = buffer.getChannelData(0);
  return [samples.findIndex((x) => Math.abs(x) > 0.2) / 24000, buffer.duration];
}"""


def clapper_scrubber() -> Scrubber:
    """Two seconds: in frame 30 (1.2 s) the image is white and a click is heard."""
    clip = clip_of(50, 48)
    frames = np.full_like(clip.frames, 20)
    frames[30:33] = 255
    samples = (32000 * click_at([1.2], 2.0, 24_000)).astype(np.int16)
    bare = type(clip)(frames, clip.times)
    return Scrubber.from_clip(bare, {}, sound=Sound(samples, 24_000, 0.0))


def test_each_frame_is_drawn_within_40_ms_of_its_sound(open_page, tmp_path):
    page = open_page()
    page.add_init_script(HEARD)
    scrubber = clapper_scrubber()
    page.goto(scrubber.save(tmp_path / "a.html").as_uri())
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    button = page.get_by_role("button", name="Sound")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    page.evaluate(f"() => {{ window.drawn = ({DRAWN})(); }}")
    page.get_by_role("button", name="Play", exact=True).click()
    drawn = page.evaluate("window.drawn")
    late = [1000 * (position - 0.04 * frame) for frame, position in drawn]
    click, seconds = page.evaluate(CLICK)
    print(f"{len(drawn)} frames drawn {min(late):.0f} to {max(late):.0f} ms after their time in the sound, the click {1000 * click:.1f} ms")
    assert click == pytest.approx(1.2, abs=0.005) and seconds == pytest.approx(2.0, abs=0.03)
    assert len({frame for frame, _ in drawn}) > 10 and max(map(abs, late)) <= 40
    assert page.errors == page.requests == []


# A clock that moves in steps of 60 ms, looked at every 10 ms: how far the sound's time is from the true one.
STEPS = """() => {
  let now = 0;
  performance.now = () => now;
  const element = { paused: false, seeking: false, playbackRate: 1, get currentTime() { return Math.floor(now / 60) * 0.06; } };
  const track = Object.assign(new SoundTrack(), { on: true, element });
  const apart = [];
  for (; now < 1000; now += 10) apart.push(track.time() - now / 1000);
  element.paused = true;
  return [apart, track.time()];
}"""


def test_a_clock_that_moves_in_steps_is_followed_between_them(live):
    text = files("stavis.show.scrubber").joinpath("src", "media", "sound.js").read_text(encoding="utf-8")
    page = live(Scrubber.from_clip(clip_of(5, 32), {}))
    apart, paused = page.evaluate(f"() => {{ {re.sub('^export ', '', text, flags=re.MULTILINE)} return ({STEPS})(); }}")
    assert max(map(abs, apart[6:])) < 1e-6 and max(map(abs, apart)) < 0.06 and paused is None


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
