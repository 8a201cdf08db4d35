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


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_for_everyone_in_light_and_in_dark_and_on_a_narrow_screen(kind, page_of, open_page, axe):
    page = open_page(page_of(kind), color_scheme="light")
    for part in ("[data-stavis-figure]", "[data-stavis=scrubber]"):
        for k in range(page.locator(part).count()):
            page.locator(part).nth(k).scroll_into_view_if_needed()
            page.locator(part).nth(k).and_(page.locator("[data-drawn]")).wait_for()
    page.evaluate(axe)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(100)
        serious = [one for one in page.evaluate(AUDIT) if one[1] in ("serious", "critical")]
        assert serious == [], f"{scheme}: {json.dumps(serious, indent=1)}"
    for width in (900, 400):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.errors == [] and page.requests == []
