"""What holds for every kind of page: nothing serious for axe in light and in dark, no request, no error, nothing wider than the screen, no
key of a program among its words, one way to write per cent."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.show import pages

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::stavis.errors.StavisWarning")]
KINDS = ("explain", "scrubber", "verdict", "evaluate", "bench", "group", "index", "batch")
AUDIT = "axe.run(document).then(r => r.violations.map(v => [v.id, v.impact, v.nodes.map(n => n.html.slice(0, 160)).slice(0, 5)]))"


READ = """(() => {
  const copy = document.body.cloneNode(true), keys = ["aria-label", "alt", "title"];
  copy.querySelectorAll("script, style, noscript, pre, code, .provenance").forEach((one) => one.remove());
  const told = keys.flatMap((key) => [...copy.querySelectorAll(`[${key}]`)].map((one) => one.getAttribute(key)));
  return [copy.textContent, ...told].join(" | ");
})()"""
"""All that a reader can see or hear of a page: also what is folded, and the texts of images."""
KEYS = re.compile("less_sta|delta_vs_sta|p_holm|left_eye|right_eye|image_left|per_recording|(?:share|density|change|growth)_(?:low|high)")
PER_CENT = re.compile(r"\d%")
BROKEN = """(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  while (walker.nextNode()) {
    if (walker.currentNode.parentElement.closest("script, style, pre, code, svg, option")) continue;
    const unit = walker.currentNode.data.match(/.{0,30}[0-9] (?:%|s|px|MB|frames\\/s)(?![0-9a-z])/);
    if (unit) found.push(unit[0]);
  }
  return found;
})()"""
"""Where a line may end between a number and its unit."""


@pytest.fixture(scope="session")
def page_of(tmp_path_factory, tiny_run, drawn) -> Callable[[str], Path]:
    """page_of(kind) → the path of a page of that kind, made once a session."""
    folder, made = tmp_path_factory.mktemp("pages"), {}
    makers = {
        "explain": lambda: pages.explain_page(folder, tiny_run, drawn),
        "scrubber": lambda: pages.scrubber_page(folder),
        "full": lambda: pages.full_scrubber_page(folder),
        "evaluate": lambda: pages.evaluate_page(folder, tiny_run, drawn),
        "verdict": lambda: pages.verdict_page(folder),
        "bench": lambda: pages.bench_page_of(folder),
        "group": lambda: pages.group_page(folder),
        "index": lambda: pages.index_page(folder),
        "batch": lambda: pages.batch_page(folder),
    }

    def path(kind: str) -> Path:
        if kind not in made:
            made[kind] = makers[kind]()
        return made[kind]

    return path


def serious(page) -> list:
    """What axe finds serious or critical in the page as it is, in light and in dark."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(100)
        found += [(scheme, *one) for one in page.evaluate(AUDIT) if one[1] in ("serious", "critical")]
    return found


def opened_drawer(name: str) -> Callable:
    return lambda page: page.locator("summary", has_text=name).click()


def chosen_mode(mode: str) -> Callable:
    def choose(page):
        page.locator("select[name=mode]").select_option(mode)
        page.locator("select[name=second]").wait_for()

    return choose


def zoomed_timeline(page) -> None:
    for _ in range(3):
        page.locator("button[name=zoomIn]").click()
    page.locator("button[name=later]").click()


def heard(page) -> None:
    page.get_by_role("button", name="Sound").click()
    page.locator("input[name=volume]").wait_for()


STATES = {
    "pieces": lambda page: page.evaluate("goToFrame(390)"),
    "sound": heard,
    "side": chosen_mode("side"),
    "wipe": chosen_mode("wipe"),
    "difference": chosen_mode("difference"),
    "timeline": zoomed_timeline,
    "keys": lambda page: page.get_by_role("button", name="Keys").click(),
    **{name: opened_drawer(name) for name in ("Display", "Moments", "Mark", "Save")},
}


def test_every_control_of_a_scrubber_is_for_everyone(page_of, open_page, axe):
    page = open_page(page_of("full"), color_scheme="light")
    page.wait_for_selector("[data-stavis=scrubber][data-drawn]")
    page.evaluate(axe)
    for state, reach in STATES.items():
        reach(page)
        assert (found := serious(page)) == [], f"{state}: {json.dumps(found, indent=1)}"
        page.keyboard.press("Escape")
    for width in (900, 400):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.errors == [] and page.requests == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_for_everyone_in_light_and_in_dark_and_on_a_narrow_screen(kind, page_of, open_page, axe):
    page = open_page(page_of(kind), color_scheme="light")
    for part in ("[data-stavis-figure]", "[data-stavis=scrubber]"):
        for k in range(page.locator(part).count()):
            page.locator(part).nth(k).scroll_into_view_if_needed()
            page.locator(part).nth(k).and_(page.locator("[data-drawn]")).wait_for()
    page.evaluate(axe)
    assert (found := serious(page)) == [], json.dumps(found, indent=1)
    for width in (900, 400):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    text = page.evaluate(READ)
    assert KEYS.findall(text) == [] and PER_CENT.findall(text) == []
    assert page.evaluate(BROKEN) == []
    assert page.errors == [] and page.requests == []
