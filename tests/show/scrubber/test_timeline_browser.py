"""Hands on the scrubber's timeline, image and address: windows, envelopes, moments, zoom, links, keys."""

import re
from importlib.resources import files

import numpy as np
import pytest

from stavis.show.scrubber import Scrubber
from tests.show.samples import clip_of, maps_of, prediction_of

pytestmark = pytest.mark.browser

ROOT = "[data-stavis=scrubber]"
FRAMES = 120


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    clip = clip_of(FRAMES, 96)
    return Scrubber.from_clip(clip, maps_of(clip, 14), prediction_of(clip), title="anna")


@pytest.fixture
def offline(open_page, scrubber, tmp_path):
    """offline(hash) -> the scrubber's own page, opened at an address."""
    path = scrubber.save(tmp_path / "page.html")

    def opened(address: str = ""):
        page = open_page()
        page.goto(path.as_uri() + address)
        page.wait_for_selector(f"{ROOT}[data-drawn]")
        return page

    return opened


def shown(page) -> int:
    """The frame that is drawn, once it is the one that the slider names."""
    slider = page.get_by_role("slider", name="Frame")
    until(page, lambda: page.locator(ROOT).get_attribute("data-drawn") == slider.input_value())
    return int(slider.input_value())


def until(page, holds) -> None:
    """Waits until something holds; the page's policy forbids to wait in the page for a text that is evaluated."""
    for _ in range(200):
        if holds():
            return
        page.wait_for_timeout(25)
    raise AssertionError("it never came")


def script_of(*names: str) -> str:
    """Modules of the timeline as one text without imports and exports."""
    folder = files("stavis.show.scrubber").joinpath("src", "timeline")
    texts = (folder.joinpath(name).read_text(encoding="utf-8") for name in names)
    return "\n".join(re.sub(r"^import .*$|^export ", "", text, flags=re.MULTILINE) for text in texts)


def curves_script() -> str:
    return script_of("pyramid.js", "curves.js")


ENVELOPE = """({{ times, values, t0, t1, columns }}) => {{
  {script}
  values = Float32Array.from(values, (v) => v === null ? NaN : v);
  const [from, to] = framesWithin(times, t0, t1);
  const starts = columnStarts(times, from, to, t0, t1, columns);
  const {{ low, high }} = envelope(pyramid(values), starts);
  const plain = (row) => [...row].map((v) => Number.isFinite(v) ? v : null);
  return [from, to, plain(low), plain(high)];
}}"""


@pytest.mark.parametrize("seed", range(6))
def test_an_envelope_from_the_pyramid_is_the_one_from_every_frame(open_page, seed):
    rng = np.random.default_rng(seed)
    count, columns = int(rng.integers(1, 6000)), int(rng.integers(1, 400))
    times = np.cumsum(rng.choice([0.02, 0.04, 0.3], count))
    values = np.where(rng.random(count) < rng.choice([0, 0.1, 0.9]), np.nan, rng.normal(size=count)).astype(np.float32)
    values[count // 3 : count // 3 + count // 10] = np.nan
    t0, t1 = sorted(rng.choice(times, 2)) if seed % 2 else (times[0], times[-1])
    given = {"times": times.tolist(), "values": [None if np.isnan(v) else float(v) for v in values], "t0": t0, "t1": t1, "columns": columns}
    start, stop, low, high = open_page().evaluate(ENVELOPE.format(script=curves_script()), given)
    inside = np.flatnonzero((times >= t0) & (times <= t1))
    assert start <= inside[0] and stop > inside[-1]
    column = np.clip(np.floor((times - t0) * (columns / (t1 - t0) if t1 > t0 else 0)), 0, columns - 1).astype(int)[start:stop]
    part = values[start:stop]
    for found, extreme in ((low, np.fmin), (high, np.fmax)):
        direct = np.full(columns, np.nan, np.float32)
        extreme.at(direct, column, part)
        np.testing.assert_array_equal(np.array(found, np.float32), direct)


def test_a_gap_wider_than_a_column_stays_free_at_every_zoom(open_page):
    values = [0.5] * 5000
    values[2000:2500] = [None] * 500
    for columns in (10, 64, 500):
        given = {"times": list(range(5000)), "values": values, "t0": 0, "t1": 4999, "columns": columns}
        low = open_page().evaluate(ENVELOPE.format(script=curves_script()), given)[2]
        free = [k for k, one in enumerate(low) if one is None]
        assert free == list(range(free[0], free[-1] + 1)) and len(free) == pytest.approx(columns / 10, abs=1)


def test_smoothing_keeps_gaps_and_constants_and_stays_within_the_extremes(open_page):
    values = np.random.default_rng(0).normal(size=200)
    values[40:50] = np.nan
    script = f"(values) => {{ {curves_script()} return [3, 0].map((half) => [...smooth(values.map((v) => v === null ? NaN : v), half)]"
    script += ".map((v) => Number.isFinite(v) ? v : null)); }"
    smoothed, same = open_page().evaluate(script, [None if np.isnan(v) else v for v in values])
    smoothed, same = np.array(smoothed, float), np.array(same, float)
    assert (np.isnan(smoothed) == np.isnan(values)).all() and np.allclose(same, values, equal_nan=True)
    assert np.nanmin(values) <= np.nanmin(smoothed) and np.nanmax(smoothed) <= np.nanmax(values)
    assert smoothed[100] == pytest.approx(values[97:104].mean(), abs=1e-6)


def test_the_window_zooms_around_the_cursor_moves_and_comes_back(offline):
    page = offline("#t=2.4")
    text = page.locator(".stv-window")
    assert text.inner_text() == "whole clip"
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("+")
    first, last = map(float, re.findall(r"[\d.]+", text.inner_text()))
    assert first < 2.4 < last and last - first == pytest.approx((FRAMES - 1) / 50, abs=0.11) and shown(page) == 60
    box = page.locator(".stv-overview").bounding_box()
    middle = box["x"] + box["width"] * 2.4 / ((FRAMES - 1) / 25)
    page.mouse.move(middle, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(middle + 100, box["y"] + 10, steps=4)
    page.mouse.up()
    moved = [float(one) for one in re.findall(r"[\d.]+", text.inner_text())]
    assert moved[0] > first and moved[1] - moved[0] == pytest.approx(last - first, abs=0.11) and shown(page) == 60
    page.keyboard.press("0")
    assert text.inner_text() == "whole clip"


def test_wheel_and_edges_set_the_window_and_the_cursor_takes_it_along(offline):
    page = offline("#t=1")
    text = page.locator(".stv-window")
    box = page.locator(".stv-overview").bounding_box()
    page.mouse.move(box["x"] + 2, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10, steps=4)
    page.mouse.up()
    assert float(re.findall(r"[\d.]+", text.inner_text())[0]) == pytest.approx((FRAMES - 1) / 50, abs=0.1)
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("Home")
    page.wait_for_selector(f"{ROOT}[data-drawn='0']")
    assert text.inner_text().startswith("0.0 to ")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10)
    before, at = text.inner_text(), page.evaluate("scrollY")
    page.mouse.wheel(0, -300)
    until(page, lambda: text.inner_text() != before)
    assert page.evaluate("scrollY") == at and page.errors == []


def test_the_chart_goes_to_the_frame_under_the_pointer_in_a_window(offline):
    page = offline("#t=2.4")
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("+")
    first, last = map(float, re.findall(r"[\d.]+", page.locator(".stv-window").inner_text()))
    box = page.locator(".stv-chart").bounding_box()
    page.mouse.click(box["x"] + 48 + (box["width"] - 58) * 0.75, box["y"] + 60)
    assert shown(page) / 25 == pytest.approx(first + 0.75 * (last - first), abs=0.1)


@pytest.mark.parametrize(
    "address, frame, sentence",
    [
        ("#t=3.2&map=saliency", 80, ""),
        ("#t=99", FRAMES - 1, "99.0 s is outside the clip"),
        ("#t=-4", 0, "−4.0 s is outside the clip"),
        ("#t=1&map=nothing", 25, "there is no map nothing"),
        ("#t=soon", 0, "soon is no time in seconds"),
        ("#elsewhere", 0, ""),
    ],
)
def test_an_address_names_a_moment_and_a_map(offline, address, frame, sentence):
    page = offline(address)
    page.wait_for_selector(f"{ROOT}[data-drawn='{frame}']")
    said = page.locator(".stv-status").inner_text().replace("\N{NO-BREAK SPACE}", " ")
    assert sentence in said and bool(said) == bool(sentence)
    assert page.locator("select[name=map]").input_value() == ("saliency" if "saliency" in address else "attention")
    assert page.errors == []


def test_the_address_follows_the_cursor_and_is_followed(offline):
    page = offline()
    assert page.evaluate("location.hash") == ""
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("End")
    until(page, lambda: page.evaluate("location.hash") == "#t=4.76&map=attention")
    assert page.evaluate("history.length") <= 2
    page.evaluate("location.hash = '#t=0.4&map=saliency'")
    page.wait_for_selector(f"{ROOT}[data-drawn='10']")


def test_a_notebook_keeps_its_address_and_its_keys(live, scrubber):
    page = live(scrubber)
    page.evaluate("one.fromPython('frame', 40)")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press(" ")
    page.wait_for_timeout(600)
    assert page.evaluate("location.hash") == "" and shown(page) == 40


def test_space_plays_wherever_the_page_has_the_focus_and_never_scrolls(offline):
    page = offline()
    page.set_viewport_size({"width": 390, "height": 400})
    page.evaluate("document.activeElement.blur()")
    for target in ("body", "input[name=opacity]"):
        if target != "body":
            page.locator("summary", has_text="Display").click()
            page.locator(target).focus()
        at = page.evaluate("scrollY")
        page.keyboard.press(" ")
        page.get_by_role("button", name="Pause").wait_for()
        page.keyboard.press(" ")
        page.get_by_role("button", name="Play").wait_for()
        assert page.evaluate("scrollY") == at


def test_a_question_mark_lists_the_keys(offline):
    page = offline()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    assert keys.is_visible() and keys.get_by_text("play or pause").is_visible()
    page.keyboard.press("Escape")
    assert not keys.is_visible()
    page.get_by_role("button", name="Keys").click()
    assert keys.is_visible()


def test_moments_are_stepped_through_in_their_order(offline):
    page = offline()
    page.get_by_role("slider", name="Frame").focus()
    seen = []
    for _ in range(40):
        page.keyboard.press("n")
        said = page.locator(".stv-status").inner_text()
        if said.startswith("No moment"):
            break
        seen.append((shown(page), said))
    frames = [frame for frame, _ in seen]
    assert len(frames) >= 3 and frames == sorted(set(frames))
    assert {"error", "differ by", "most spread"} <= {part for part in ("error", "differ by", "most spread") for _, s in seen if part in s}
    page.keyboard.press("p")
    assert shown(page) == frames[-2]
    page.locator("summary", has_text="Moments").click()
    page.locator(".stv-moments button").first.click()
    assert shown(page) <= frames[0]


def test_moments_are_stepped_through_by_kind(live, scrubber):
    page = live(scrubber)
    kinds = page.locator("select[name=momentKind]")
    assert kinds.locator("option").all_inner_texts() == [
        "all moments",
        "largest error",
        "attention against saliency",
        "attention most spread",
    ]
    kinds.select_option("error")
    values = np.frombuffer(scrubber.numbers, np.float32).reshape(-1, FRAMES)
    rows = {(t["kind"], t["panel"]): values[t["row"]] for t in scrubber.clip["traces"]}
    errors = {panel: np.abs(rows["predicted", panel] - rows["gold", panel]) for panel in ("valence", "arousal")}
    page.locator("summary", has_text="Moments").click()
    page.locator(".stv-moments li").first.wait_for()  # the list is filled when the drawer says that it opened
    listed = page.locator(".stv-moments li").all_inner_texts()
    assert len(listed) == 8 and all("error" in text for text in listed)
    for panel, error in errors.items():
        assert any(f"{panel}: error {error.max():.2f}" in text for text in listed)
    tiers = [{"name": "gaze", "labels": ["away"], "spans": [[1.0, 2.0, "away"], [3.0, 3.0, ""]]}]
    page.evaluate("(tiers) => one.fromPython('selection', { range: null, exclude: [[0.4, 0.8]], events: [[4, 'laugh']], tiers })", tiers)
    assert kinds.input_value() == "error"
    kinds.select_option("annotations")
    texts = ["excluded from here", "excluded up to here", "gaze: away begins", "gaze: away ends", "gaze", "laugh"]
    assert [text.partition("\N{NO-BREAK SPACE}s ")[2] for text in page.locator(".stv-moments li").all_inner_texts()] == texts
    page.locator("button[name=later]").click()
    assert shown(page) == 10
    page.evaluate("one.fromPython('selection', { range: null, exclude: [], events: [] })")
    assert kinds.input_value() == "all"


def test_zoom_keeps_the_frame_and_what_lies_under_the_pointer(offline):
    page = offline("#t=2")
    canvas = page.locator(".stv-canvas")
    mouth = {"x": canvas.bounding_box()["width"] * 0.5, "y": canvas.bounding_box()["height"] * 0.76}
    canvas.hover(position=mouth)
    assert page.locator(".stv-under").inner_text().startswith("mouth")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_selector(".stv-canvas.stv-zoomed")
    canvas.hover(position={"x": mouth["x"] + 1, "y": mouth["y"]})
    assert page.locator(".stv-under").inner_text().startswith("mouth") and shown(page) == 50
    edge = {"x": 4, "y": mouth["y"]}
    before = page.evaluate("document.querySelector('.stv-canvas').toDataURL()")
    canvas.dblclick(position=edge)
    page.wait_for_selector(".stv-canvas:not(.stv-zoomed)")
    assert page.evaluate("document.querySelector('.stv-canvas').toDataURL()") != before and shown(page) == 50


def test_eyes_and_mouth_are_enlarged_where_their_outlines_are(offline):
    page = offline("#t=2")
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("i")
    assert page.locator(".stv-inset[data-there='1']").count() == 3
    colour = """() => { const all = document.querySelectorAll(".stv-inset"), c = all[2];
      return [...c.getContext("2d").getImageData(c.width / 2, c.height / 2, 1, 1).data]; }"""
    red, green, blue, alpha = page.evaluate(colour)
    assert alpha == 255 and red > green and red > blue
