"""Where the scrubber's parts stand: seen together on a wide screen, in one column on a narrow one; every control says what it does."""

import pandas as pd
import pytest

from stavis.show.explorer.panel import StatusLine
from stavis.show.figures.colours import GOLD, LINES, LINES_MORE, PREDICTED, PREDICTED_DARK, RATER, curve_colour
from stavis.show.reports.report import HtmlReport
from stavis.show.scrubber import Scrubber
from tests.show.samples import clip_of, maps_of, prediction_of

pytestmark = pytest.mark.browser

ROOT = "[data-stavis=scrubber]"
NOTICE = "This network has seen synthetic faces only."
UNNAMED = """() => [...document.querySelectorAll("[data-stavis=scrubber] :is(button, select, input)")].filter((node) => {
  const name = node.getAttribute("aria-label") || node.closest("label")?.textContent || node.textContent;
  return !node.title || !name.trim();
}).map((node) => node.outerHTML.slice(0, 120))"""


def signals_of(clip) -> pd.DataFrame:
    """Two signals that move and two that do not."""
    return pd.DataFrame({"time": clip.times, "smile": clip.times % 1, "frown": 0.01, "blink": clip.times % 0.5, "brow_up": 0.02})


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    clip = clip_of(60, 96)
    lines = {"curves": signals_of(clip), "title": "anna", "notices": [NOTICE]}
    return Scrubber.from_clip(clip, maps_of(clip, 14), prediction_of(clip), **lines)


@pytest.fixture
def sized(open_page, scrubber, tmp_path):
    """sized(width, height) -> the scrubber's own page in a window of that size."""

    def opened(width: int, height: int = 900):
        page = open_page()
        page.set_viewport_size({"width": width, "height": height})
        page.goto(scrubber.save(tmp_path / "page.html").as_uri())
        page.wait_for_selector(f"{ROOT}[data-drawn]")
        return page

    return opened


def box_of(page, selector: str) -> dict:
    return page.locator(selector).first.bounding_box()


def panels_bottom(page, count: int) -> float:
    """Where the first panels of the chart end on the screen: each has 16 to 130 px with its title."""
    return box_of(page, ".stv-chart")["y"] + 14 + count * 150


@pytest.mark.parametrize("width", [1440, 1100])
def test_image_transport_shares_and_values_are_seen_together(sized, width):
    page = sized(width)
    image, transport, chart = (box_of(page, one) for one in (".stv-canvas", ".stv-transport", ".stv-chart"))
    assert chart["x"] >= image["x"] + image["width"] and chart["y"] < image["y"] + image["height"]
    assert transport["y"] + transport["height"] <= image["y"] + 1
    assert 380 <= image["width"] <= 480
    assert max(image["y"] + image["height"], panels_bottom(page, 2)) <= 900
    assert page.evaluate("[scrollY, document.documentElement.scrollWidth <= innerWidth]") == [0, True]


@pytest.mark.parametrize("width, height", [(900, 900), (700, 900), (390, 844)])
def test_a_narrow_screen_has_one_column_in_which_image_and_transport_fit(sized, width, height):
    page = sized(width, height)
    image, transport, chart = (box_of(page, one) for one in (".stv-canvas", ".stv-transport", ".stv-chart"))
    assert image["y"] + image["height"] <= transport["y"] and transport["y"] + transport["height"] <= chart["y"]
    assert transport["y"] + transport["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_report_gives_it_more_room_than_its_text_has(open_page, scrubber, tmp_path):
    report = HtmlReport("Report", provenance={}).add_text("Text", "words " * 40).add_scrubber("Clip", scrubber)
    page = open_page(report.save(tmp_path / "report.html"))
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    page.wait_for_function("document.querySelector('.stv').clientWidth > 1200")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    assert box_of(page, ".stv-chart")["x"] > box_of(page, ".stv-canvas")["x"] + 380


def test_the_explorer_gives_it_the_same_room(live, scrubber):
    page = live(scrubber)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.add_style_tag(content=str(StatusLine._css))
    page.evaluate("document.querySelector('[data-stavis=scrubber]').parentElement.className = 'stvx'")
    page.wait_for_function("document.querySelector('.stv').clientWidth > 1200")
    image, transport = box_of(page, ".stv-canvas"), box_of(page, ".stv-transport")
    assert max(panels_bottom(page, 2), image["y"] + image["height"]) - transport["y"] < 700


def test_the_notice_stands_on_top_once(sized):
    page = sized(1440)
    assert page.locator(".stv-notices").inner_text() == NOTICE
    assert page.get_by_text(NOTICE).count() == 1
    assert box_of(page, ".stv-notices")["y"] < box_of(page, ".stv-transport")["y"]


def test_flat_signals_are_folded_and_come_back(sized):
    page = sized(1440)
    fold = page.locator("button[name=flat]")
    before = box_of(page, ".stv-chart")["height"]
    assert fold.inner_text() == "2 flat signals" and fold.get_attribute("aria-expanded") == "false"
    assert page.locator(".stv-legend").get_by_text("frown").count() == 0
    fold.click()
    assert fold.get_attribute("aria-expanded") == "true" and page.locator(".stv-legend").get_by_text("frown").count() == 1
    assert 30 <= box_of(page, ".stv-chart")["height"] - before <= 70


def test_every_control_says_what_it_does(sized):
    page = sized(1440)
    for drawer in ("Display", "Moments", "Mark", "Save"):
        page.locator("summary", has_text=drawer).click()
        assert page.evaluate(UNNAMED) == []


def test_no_colour_stands_for_two_things(scrubber):
    values = {PREDICTED, PREDICTED_DARK, GOLD, RATER}
    regions = {colour for pair in (*LINES, *LINES_MORE) for colour in pair}
    curves = [colour for number in range(40) for colour in curve_colour(number)]
    assert len(set(curves)) == len(curves) and not set(curves) & (regions | values)
    shown = [trace["colour"] for trace in scrubber.clip["traces"] if trace["kind"] == "curve"]
    assert len(set(shown)) == 4 and not set(shown) & {group["colour"] for group in scrubber.clip["groups"]}
