"""The scrubber in a browser: the right picture, no message while dragging, keys, marks, exports, no leak."""

import csv
import io
import json
import re
import statistics
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.module import MODULE
from tests.show.samples import CODE_BITS, clip_of, maps_of, prediction_of, raters_of

pytestmark = pytest.mark.browser

ROOT = "[data-stavis=scrubber]"

READ_NUMBER = """() => {
  const canvas = document.querySelector(".stv-canvas"), pen = canvas.getContext("2d");
  const square = canvas.width * %s;
  let number = 0;
  for (let bit = 0; bit < %d; bit++) {
    if (pen.getImageData(Math.floor((bit + 0.5) * square), Math.floor(square / 2), 1, 1).data[0] > 127) number |= 1 << bit;
  }
  return number;
}"""

JUMPS = """async ({ jumps, read }) => {
  const root = document.querySelector("[data-stavis=scrubber]");
  const number = eval(read), wrong = [], seconds = [];
  document.addEventListener("stavis:drawn", (event) => {
    if (number() !== event.detail.frame) wrong.push(["drawn", event.detail.frame, number()]);
  });
  for (const jump of jumps) {
    const began = performance.now();
    await goToFrame(jump);
    seconds.push(performance.now() - began);
    if (Number(root.dataset.drawn) !== jump || number() !== jump) wrong.push([jump, root.dataset.drawn, number()]);
  }
  return { wrong, seconds };
}"""


@pytest.fixture(scope="module")
def short() -> Scrubber:
    clip = clip_of(120, 96, gap=slice(70, 80))
    return Scrubber.from_clip(clip, maps_of(clip), prediction_of(clip), raters=raters_of(clip), title="anna")


@pytest.mark.parametrize("kind", ["strip", "video"])
def test_after_any_jump_the_picture_is_the_one_asked_for(live, kind):
    clip = clip_of(300, 96, numbered=True)
    scrubber = Scrubber.from_clip(clip, {}, frames=kind)
    scrubber.view = {"outlines": False}
    page = live(scrubber)
    jumps = [int(k) for k in np.random.default_rng(7).integers(0, 300, 200)]
    jumps = [a for a, b in zip(jumps, [None, *jumps], strict=False) if a != b]
    size = clip.frames.shape[2]
    read = f"({READ_NUMBER % (f'{size // CODE_BITS} / {size}', CODE_BITS)})"
    found = page.evaluate(JUMPS, {"jumps": jumps, "read": read})
    print(f"{kind}: {len(jumps)} jumps, {len(found['wrong'])} wrong, median {statistics.median(found['seconds']):.1f} ms")
    assert found["wrong"] == []
    assert page.errors == []


def test_a_video_of_uneven_times_shows_the_right_frames(live):
    clip = clip_of(60, 96, numbered=True)
    times = np.cumsum(np.random.default_rng(1).choice([0.02, 0.04, 0.2, 1.0], 60)) + 4000
    clip = type(clip)(clip.frames, times, regions=clip.regions)
    scrubber = Scrubber.from_clip(clip, {}, frames="video")
    scrubber.view = {"outlines": False}
    page = live(scrubber)
    read = f"({READ_NUMBER % (f'{96 // CODE_BITS} / 96', CODE_BITS)})"
    found = page.evaluate(JUMPS, {"jumps": [59, 0, 31, 30, 29, 58, 1, 45, 44, 46, 12], "read": read})
    assert found["wrong"] == []
    assert page.get_by_role("slider", name="Frame").get_attribute("aria-valuetext") == f"frame 13 of 60, {times[12]:.2f} s"


def test_a_drag_draws_every_event_and_says_nothing_to_python(live, short):
    page = live(short)
    box = page.get_by_role("slider", name="Frame").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 8, y)
    page.mouse.down()
    page.wait_for_timeout(200)
    page.evaluate("""() => {
      window.inputs = []; window.late = [];
      const slider = document.querySelector(".stv-slider");
      slider.addEventListener("input", () => inputs.push([performance.now(), Number(slider.value)]), true);
      document.addEventListener("stavis:drawn", (e) => late.push([performance.now(), e.detail.frame]));
      one.sent = []; one.saves = 0;
    }""")
    for k in range(1, 61):
        page.mouse.move(box["x"] + 8 + (box["width"] - 16) * k / 60, y)
        page.wait_for_timeout(20)
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")  # busy machines take longer
    inputs, late, told = page.evaluate("[inputs, late, one.sent.length + one.saves]")
    waits = [min(t for t, f in late if f == frame and t >= began) - began for began, frame in inputs]
    print(f"drag: {len(late)} of {len(inputs)} drawn, {told} messages, median {statistics.median(waits):.1f} ms")
    assert len(inputs) == 60
    assert [frame for _, frame in late] == [frame for _, frame in inputs]
    assert told == 0
    assert statistics.median(waits) < 50
    page.mouse.up()
    assert page.evaluate("one.sent") == [["frame", inputs[-1][1]]]


def test_python_sets_frame_map_and_view(live, short):
    page = live(short)
    page.evaluate("one.fromPython('frame', 33)")
    page.wait_for_selector(f"{ROOT}[data-drawn='33']")
    page.evaluate("one.fromPython('map', 'saliency')")
    assert page.evaluate("drawn.at(-1)") == {"frame": 33, "map": "saliency"}
    page.evaluate("one.fromPython('view', { mode: 'wipe', second: 'attention', opacity: 0.3 })")
    assert page.locator("select[name=mode]").input_value() == "wipe"
    assert page.evaluate("one.sent") == []


def test_keys_move_and_stay_within(live, short):
    page = live(short)
    page.evaluate("document.addEventListener('keydown', (e) => (window.leaked = (window.leaked || []).concat(e.key)))")
    page.get_by_role("slider", name="Frame").focus()
    drawn = lambda: int(page.locator(ROOT).get_attribute("data-drawn"))  # noqa: E731
    for key, frame in [("ArrowRight", 1), ("Shift+ArrowRight", 11), ("ArrowLeft", 10), ("End", 119), ("Home", 0), ("PageUp", 10)]:
        page.keyboard.press(key)
        page.wait_for_selector(f"{ROOT}[data-drawn='{frame}']")
        assert page.evaluate("one.sent.at(-1)") == ["frame", frame]
    page.keyboard.press("a")
    assert page.evaluate("one.sent.at(-1)") == ["map", "integrated gradients"]
    page.keyboard.press("[")
    assert page.locator("input[name=opacity]").input_value() == "70"
    page.keyboard.press(" ")
    page.wait_for_function("Number(document.querySelector('[data-stavis=scrubber]').dataset.drawn) > 13")
    page.keyboard.press(" ")
    assert page.get_by_role("button", name="Play").count() == 1
    assert page.evaluate("one.sent.at(-1)") == ["frame", drawn()]
    assert page.evaluate("window.leaked || []") == ["Shift"]
    assert page.get_by_role("slider", name="Frame").get_attribute("aria-valuetext") == f"frame {drawn() + 1} of 120, {drawn() / 25:.2f} s"


def test_marks_by_drag_and_key_reach_python(live, short):
    page = live(short)
    chart = page.locator(".stv-chart")
    box = chart.bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 200, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 60, steps=5)
    page.mouse.up()
    page.keyboard.up("Shift")
    chosen = page.evaluate("one.values.selection.range")
    assert 0 < chosen[0] < chosen[1] < 119
    page.keyboard.press("x")
    page.keyboard.press("Home")
    page.keyboard.press("e")
    selection = page.evaluate("one.values.selection")
    assert selection["exclude"] == [[pytest.approx(chosen[0] / 25, abs=1e-4), pytest.approx(chosen[1] / 25, abs=1e-4)]]
    assert selection["events"] == [[0, "event 1"]] and selection["range"] is None
    page.get_by_label("Name of the event at 0.00 s").fill("smile")
    page.keyboard.press("Tab")
    assert page.evaluate("one.values.selection.events") == [[0, "smile"]]
    page.keyboard.press("Home")
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("Delete")
    assert page.evaluate("one.values.selection.events") == []


def test_a_click_on_the_chart_goes_there_and_gaps_say_why(live, short):
    page = live(short)
    box = page.locator(".stv-chart").bounding_box()
    inner = box["width"] - 50
    page.mouse.click(box["x"] + 40 + inner * 75 / 119, box["y"] + 60)
    page.wait_for_selector(f"{ROOT}[data-drawn='75']")
    page.mouse.move(box["x"] + 40 + inner * 74 / 119, box["y"] + 60)
    assert page.locator(".stv-tip").inner_text() == "hand over the face"
    assert page.evaluate("one.sent.at(-1)") == ["frame", 75]
    assert page.locator(".stv-legend tbody tr").first.locator(".stv-value").inner_text() != ""


@pytest.mark.parametrize("mode", ["overlay", "side", "wipe", "difference"])
def test_every_view_draws_and_tells_the_value_under_the_pointer(live, short, mode):
    page = live(short)
    page.locator("select[name=mode]").select_option(mode)
    page.get_by_text("Display").click()
    page.get_by_label("Contours").check()
    page.evaluate("one.fromPython('frame', 20)")
    page.wait_for_selector(f"{ROOT}[data-drawn='20']")
    page.locator(".stv-canvas").hover(position={"x": 100, "y": 100})
    words = page.locator(".stv-under").inner_text()
    assert ("difference" if mode == "difference" else "attention") in words and (
        "densities" if mode == "difference" else "density"
    ) in words
    assert page.errors == []


def test_what_is_saved_is_what_was_seen(live, short, tmp_path, open_page):
    page = live(short)
    page.evaluate("one.fromPython('frame', 42)")
    page.get_by_text("Save", exact=True).click()

    def saved(name):
        with page.expect_download() as waiting:
            page.locator(f"button[name={name}]").click()
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    assert saved("png").read_bytes()[:4] == b"\x89PNG"
    table = list(csv.DictReader(io.StringIO(saved("csv").read_text())))
    assert len(table) == 120 and float(table[42]["time"]) == pytest.approx(1.68)
    assert sum(float(v) for k, v in table[42].items() if k.startswith("attention ")) == pytest.approx(1, abs=1e-4)
    assert table[75]["face"] == "0"


def test_the_page_saved_from_the_page_lives_on(open_page, short, tmp_path):
    page = open_page(short.save_html(tmp_path / "first.html"))
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("End")
    page.get_by_text("Save", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Page (HTML)").click()
    waiting.value.save_as(tmp_path / "second.html")
    again = open_page(tmp_path / "second.html")
    again.wait_for_selector(f"{ROOT}[data-drawn='119']")
    assert page.errors == again.errors == page.requests == again.requests == []


def test_a_clip_can_be_recorded(live):
    clip = clip_of(12, 48)
    page = live(Scrubber.from_clip(clip, maps_of(clip, 12)))
    page.get_by_text("Save", exact=True).click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Clip (WebM)").click()
    assert waiting.value.suggested_filename.endswith(".webm")
    assert Path(waiting.value.path()).read_bytes()[:4] == b"\x1aE\xdf\xa3"


def test_a_new_map_arrives_without_moving_the_frame(live):
    clip = clip_of(40, 64)
    maps = maps_of(clip, 16)
    scrubber = Scrubber.from_clip(clip, {"attention": maps["attention"]})
    page = live(scrubber)
    page.evaluate("one.fromPython('frame', 17)")
    scrubber.add_map("saliency", maps["saliency"])
    update = {name: list(getattr(scrubber, name)) for name in ("maps", "numbers")}
    page.evaluate(
        "async ({ update, clip }) => { for (const k in update) one.values[k] = Uint8Array.from(update[k]);"
        " one.fromPython('clip', clip); await null; one.fromPython('map', 'saliency'); }",
        {"update": update, "clip": scrubber.clip},
    )
    assert page.evaluate("drawn.at(-1)") == {"frame": 17, "map": "saliency"}


def test_dark_and_light_follow_what_lies_behind(live, short):
    page = live(short, color_scheme="dark")
    assert page.locator(ROOT).get_attribute("data-theme") == "light"
    page.evaluate("document.body.style.background = '#111'")
    page.wait_for_selector(f"{ROOT}[data-theme=dark]")


def test_touch_scrubs(live, short):
    page = live(short, has_touch=True)
    box = page.locator(".stv-chart").bounding_box()
    left, right = (int(re.search(rf"const {side} = (\d+);", MODULE)[1]) for side in ("LEFT", "RIGHT"))
    page.touchscreen.tap(box["x"] + left + (box["width"] - left - right) * 60 / 119, box["y"] + 50)
    page.wait_for_selector(f"{ROOT}[data-drawn='60']")


def test_every_number_has_room_beside_its_axis(live, short):
    page = live(short)
    numbers = "const numbers = [0, 1, 0.5, 0.0829, 0.00104, 1.04e-5, 9.99e-3, 12.34, 999.4, 1234, 98765, 1.2e8].flatMap((x) => [x, -x]);"
    script = re.sub(
        r"^export |^import .*\n",
        "",
        files("stavis.show.scrubber").joinpath("src", "data.js").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    labels = page.evaluate(f"() => {{ {script} {numbers} return numbers.map(tick); }}")
    assert max(len(label) for label in labels) <= 7 and {"−0.0829", "1.0e−3", "999", "1234"} <= set(labels)


def test_fifty_clips_leave_nothing_behind(live):
    clip = clip_of(40, 96)
    page = live(Scrubber.from_clip(clip, maps_of(clip), prediction_of(clip)))
    client = page.context.new_cdp_session(page)

    def heap() -> float:
        client.send("HeapProfiler.collectGarbage")
        return client.send("Runtime.getHeapUsage")["usedSize"]

    show = """async (count) => {
      for (let k = 0; k < count; k++) {
        const host = window.host(window.buffers);
        const root = host.element.querySelector("[data-stavis=scrubber]");
        for (const frame of [5, 15, 25, 39]) {
          host.fromPython("frame", frame);
          while (root.dataset.drawn !== String(frame)) await new Promise((r) => setTimeout(r, 4));
        }
        host.close();
        if (host.listeners()) throw new Error("listeners are left on the model");
        window.drawn.length = 0;
      }
    }"""
    page.evaluate(show, 8)
    before = heap()
    page.evaluate(show, 50)
    after = heap()
    print(f"heap after 8 clips {before / 1e6:.2f} MB, after 50 more {after / 1e6:.2f} MB")
    assert after < 1.2 * before
    assert page.evaluate("document.querySelectorAll('[data-stavis=scrubber]').length") == 1


def test_state_is_json(short):
    assert json.loads(json.dumps(short.state(), allow_nan=False))["clip"]["count"] == 120


def test_it_waits_for_a_place_on_the_page(live, short):
    page = live(short)
    page.evaluate("""() => {
      const host = document.createElement("div");
      host.style.display = "none";
      document.body.replaceChildren(host);
      one.close();
      window.later = window.host(window.buffers);
      host.append(later.element);
      later.fromPython("frame", 9);
    }""")
    page.evaluate("later.element.parentElement.style.display = 'block'")
    page.wait_for_selector(f"{ROOT}[data-drawn='9']")
    assert page.errors == []
