"""The scrubber under fingers: slider, curves, strip and wipe follow one, two zoom, and a page still scrolls."""

import pytest

from stavis.show.scrubber import Scrubber
from tests.show.samples import clip_of, maps_of, prediction_of

pytestmark = pytest.mark.browser

ROOT = "[data-stavis=scrubber]"
FRAMES = 100


@pytest.fixture
def touched(open_page, tmp_path):
    clip = clip_of(FRAMES, 96)
    path = Scrubber.from_clip(clip, maps_of(clip, 14), prediction_of(clip), title="anna").save(tmp_path / "page.html")
    page = open_page(path, has_touch=True)
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    page.touch = page.context.new_cdp_session(page)
    return page


def send(page, kind: str, *points: tuple[float, float]) -> None:
    """One event of fingers at these points of the screen, and the time that a frame takes to be drawn."""
    fingers = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
    page.touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def slide(page, selector: str, *fractions: float, height: float = 0.5) -> list[int]:
    """A finger goes over an element, in fractions of its width: the frames that are drawn on the way."""
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    points = [(box["x"] + box["width"] * part, box["y"] + box["height"] * height) for part in fractions]
    frames = []
    for k, point in enumerate(points):
        send(page, "touchMove" if k else "touchStart", point)
        page.wait_for_timeout(60)
        frames.append(int(page.locator(ROOT).get_attribute("data-drawn")))
    send(page, "touchEnd")
    return frames


def test_a_finger_drags_the_slider_and_the_curves(touched):
    frames = slide(touched, ".stv-slider", 0.1, 0.3, 0.6, 0.9)
    assert frames == sorted(set(frames)) and frames[-1] - frames[0] > 60
    frames = slide(touched, ".stv-chart", 0.2, 0.4, 0.6, 0.8)
    assert frames == sorted(set(frames)) and frames[-1] - frames[0] > 40


def test_a_finger_draws_a_window_on_the_strip_and_moves_the_wipe(touched):
    slide(touched, ".stv-overview", 0.3, 0.4, 0.6)
    assert touched.locator(".stv-window").inner_text() != "whole clip"
    touched.locator("select[name=mode]").select_option("wipe")
    slide(touched, ".stv-canvas", 0.5, 0.4, 0.25)
    assert float(touched.locator("input[name=wipe]").input_value()) == pytest.approx(25, abs=3)


def test_two_fingers_zoom_the_timeline(touched):
    touched.locator(".stv-chart").scroll_into_view_if_needed()
    box = touched.locator(".stv-chart").bounding_box()
    y = box["y"] + box["height"] / 2
    at = lambda part: (box["x"] + part * box["width"], y)  # noqa: E731
    send(touched, "touchStart", at(0.45), at(0.55))
    for apart in (0.1, 0.2, 0.3):
        send(touched, "touchMove", at(0.5 - apart), at(0.5 + apart))
    send(touched, "touchEnd")
    assert " to " in touched.locator(".stv-window").inner_text()


def test_two_fingers_zoom_the_image_and_one_moves_it(touched):
    box = touched.locator(".stv-canvas").bounding_box()
    at = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    send(touched, "touchStart", at(0.45, 0.5), at(0.55, 0.5))
    for apart in (0.1, 0.15, 0.2):
        send(touched, "touchMove", at(0.5 - apart, 0.5), at(0.5 + apart, 0.5))
    send(touched, "touchEnd")
    touched.wait_for_selector(".stv-canvas.stv-zoomed")
    touched.locator("summary", has_text="Display").click()
    zoom = float(touched.locator("input[name=lens]").input_value())
    assert zoom == pytest.approx(4, abs=1)
    before = touched.evaluate("document.querySelector('.stv-canvas').toDataURL()")
    slide(touched, ".stv-canvas", 0.6, 0.5, 0.3)
    assert touched.evaluate("document.querySelector('.stv-canvas').toDataURL()") != before
    assert float(touched.locator("input[name=lens]").input_value()) == zoom


def test_a_page_scrolls_under_a_finger_that_goes_down_over_the_image(touched):
    touched.set_viewport_size({"width": 390, "height": 600})
    box = touched.locator(".stv-canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] - 40
    send(touched, "touchStart", (x, y))
    for k in range(1, 9):
        send(touched, "touchMove", (x, y - 25 * k))
    send(touched, "touchEnd")
    touched.wait_for_function("scrollY > 50")
