"""What is shown now is what all else goes by: after another clip came, while it plays, under a pointer that rests, where no image can be
decoded, on paper."""

import base64

import pytest

from stavis.show.scrubber import Scrubber
from tests.show.samples import clip_of, maps_of

pytestmark = pytest.mark.browser

ROOT = "[data-stavis=scrubber]"
GIVE = """async ({ buffers, state }) => {
  for (const name in buffers) one.values[name] = Uint8Array.from(atob(buffers[name]), (c) => c.charCodeAt(0));
  for (const name of ["map", "selection", "frame"]) if (name in state) one.fromPython(name, state[name]);
  one.fromPython("clip", state.clip);
  await null;
}"""
UNABLE = """window.createImageBitmap = () => Promise.reject(new Error("no image"));
delete window.VideoDecoder;
const src = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "src");
Object.defineProperty(HTMLMediaElement.prototype, "src", { set() { src.set.call(this, URL.createObjectURL(new Blob(["no video"]))); } });"""


def scrubber_of(count: int, title: str = "anna", **options) -> Scrubber:
    clip = clip_of(count, 48, **options)
    return Scrubber.from_clip(clip, maps_of(clip, 12), title=title)


def give(page, scrubber: Scrubber, **state) -> None:
    """Another clip from Python: the frame is sent where it changed, as traits are."""
    buffers = {name: base64.b64encode(content).decode() for name, content in scrubber.buffers().items()}
    page.evaluate(GIVE, {"buffers": buffers, "state": {"clip": scrubber.clip, "map": scrubber.map, **state}})


def play(page, beyond: int) -> None:
    page.locator("select[name=speed]").select_option("0.25")
    page.locator("button[name=play]").click()
    page.wait_for_function(f"Number(document.querySelector('{ROOT}').dataset.drawn) > {beyond}")


def test_another_clip_ends_playing_and_begins_where_python_is(live):
    page = live(scrubber_of(120))
    play(page, 5)
    give(page, scrubber_of(80, "ben"))
    page.wait_for_function("document.querySelector('.stv-title').textContent === 'ben'")
    page.wait_for_timeout(300)
    assert page.locator("button[name=play]").get_attribute("aria-label") == "Play"
    assert page.locator(ROOT).get_attribute("data-drawn") == "0"
    assert page.evaluate("[one.values.frame, one.sent]") == [0, []]


def test_more_of_the_same_clip_goes_on_playing(live):
    scrubber = scrubber_of(120)
    page = live(scrubber)
    play(page, 5)
    scrubber.set_media(scrubber._clip.frames.repeat(2, 1).repeat(2, 2))
    give(page, scrubber)
    assert page.locator("button[name=play]").get_attribute("aria-label") == "Pause"
    now = int(page.locator(ROOT).get_attribute("data-drawn"))
    page.wait_for_function(f"Number(document.querySelector('{ROOT}').dataset.drawn) > {now}")


@pytest.mark.parametrize("press", ["mouse", "key"])
def test_what_is_pressed_beside_it_while_it_plays_acts_on_what_is_shown(live, press):
    page = live(scrubber_of(120))
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<button id=other>other</button>')")
    page.evaluate("other.onclick = () => (window.told = [one.values.frame, Number(document.querySelector('.stv').dataset.drawn)])")
    page.locator("#other").focus()
    play(page, 5)
    if press == "mouse":
        page.locator("#other").click()
    else:
        page.locator("#other").press("Enter")
    told, shown = page.evaluate("told")
    assert 5 < told <= shown <= told + 8
    assert page.locator("button[name=play]").get_attribute("aria-label") == "Pause"


def test_the_value_under_a_pointer_that_rests_is_that_of_the_shown_frame(live):
    page = live(scrubber_of(60))
    box = page.locator(".stv-canvas").bounding_box()
    at = (box["x"] + 0.5 * box["width"], box["y"] + 0.76 * box["height"])
    page.mouse.move(*at)
    under = page.locator(".stv-under")
    first = under.inner_text()
    page.evaluate("goToFrame(40)")
    resting = under.inner_text()
    page.mouse.move(at[0] + 0.2, at[1])
    assert resting == under.inner_text() != first
    page.mouse.move(1, 1)
    page.evaluate("goToFrame(20)")
    assert under.inner_text() == ""


@pytest.mark.parametrize(("kind", "words"), [("strip", "WebP images"), ("video", "H.264 video")])
def test_an_image_that_cannot_be_decoded_is_told(open_page, tmp_path, kind, words):
    clip = clip_of(20, 48)
    path = Scrubber.from_clip(clip, maps_of(clip, 12), frames=kind).save(tmp_path / "page.html")
    page = open_page(path)
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    assert page.locator(".stv-missing").all_inner_texts() in ([], [""])
    page = open_page()
    page.add_init_script(UNABLE)
    page.goto(path.as_uri())
    page.get_by_role("alert").filter(has_text="cannot be decoded").wait_for()
    assert words in page.get_by_role("alert").inner_text()


def test_a_page_is_printed_light(open_page, tmp_path):
    page = open_page(scrubber_of(12).save(tmp_path / "page.html"), color_scheme="dark")
    page.wait_for_selector(f"{ROOT}[data-theme=dark]")
    page.emulate_media(media="print")
    page.wait_for_selector(f"{ROOT}[data-theme=light]", state="attached")
    page.emulate_media(media="screen")
    page.wait_for_selector(f"{ROOT}[data-theme=dark]")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")  # browsers that print a copy of the page
    assert page.locator(ROOT).get_attribute("data-theme") == "light"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator(ROOT).get_attribute("data-theme") == "dark"


def test_a_single_frame_does_not_play(live):
    page = live(scrubber_of(1))
    page.locator("button[name=play]").click()
    assert page.locator("button[name=play]").get_attribute("aria-label") == "Play"


def test_larger_images_leave_what_can_be_undone(live):
    scrubber = scrubber_of(30)
    page = live(scrubber)
    page.locator(".stv-slider").focus()
    page.keyboard.press("x")
    page.get_by_text("Mark", exact=True).click()
    undo = page.get_by_role("button", name="Undo")
    assert undo.is_enabled()
    scrubber.set_media(scrubber._clip.frames.repeat(2, 1).repeat(2, 2))
    give(page, scrubber)
    assert undo.is_enabled()
    give(page, scrubber_of(30, "ben"))
    assert undo.is_disabled()
