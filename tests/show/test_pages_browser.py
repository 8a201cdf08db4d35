"""What holds for every kind of page: nothing serious for axe in light and in dark, no request, no error, nothing wider than the screen."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.show import pages

pytestmark = [pytest.mark.browser, pytest.mark.filterwarnings("ignore::stavis.errors.StavisWarning")]
KINDS = ("explain", "scrubber", "verdict", "bench", "group", "index", "batch")
AUDIT = "axe.run(document).then(r => r.violations.map(v => [v.id, v.impact, v.nodes.map(n => n.html.slice(0, 160)).slice(0, 5)]))"


@pytest.fixture(scope="session")
def page_of(tmp_path_factory, tiny_run, drawn) -> Callable[[str], Path]:
    """page_of(kind) → the path of a page of that kind, made once a session."""
    folder, made = tmp_path_factory.mktemp("pages"), {}
    makers = {
        "explain": lambda: pages.explain_page(folder, tiny_run, drawn),
        "scrubber": lambda: pages.scrubber_page(folder),
        "full": lambda: pages.full_scrubber_page(folder),
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
    assert page.errors == [] and page.requests == []
