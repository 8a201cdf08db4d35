"""The page that explain writes, on a screen of 1440 x 900: what was found, the image, its controls, shares and values without scrolling."""

from itertools import pairwise

import pytest

from stavis import jobs
from stavis.inference.explained import ExplainedVideo
from stavis.inference.finding import MOST_MOMENTS, Finding, Moment
from stavis.jobs.explore import recordings_of

pytestmark = pytest.mark.browser

ROOT = "[data-stavis=scrubber]"
SCREEN = {"width": 1440, "height": 900}
TEXT = "The right eye leads by density in 9.0 of 19.7 s (35 % of the attention, 15 times what an even spread would give), " * 2
LONG = Finding(
    (TEXT.strip(), "Valence falls from 0.56 to 0.13 at 2.5 s, then rises from 0.13 to 0.63 at 10.0 s."),
    tuple(Moment(k * 0.16, 2 * k, "mouth and right eye lead: 74 %, density 8.1") for k in range(MOST_MOMENTS)),
)


@pytest.fixture
def explained(open_page, tmp_path, drawn, tiny_run, monkeypatch):
    """explained(finding=None) -> the page of explain on that screen; a finding takes the place of what was found."""

    def opened(finding: Finding | None = None):
        if finding is not None:
            monkeypatch.setattr(ExplainedVideo, "finding", property(lambda self: finding))
        recording = recordings_of(drawn, "test")[0]
        jobs.explain(tiny_run, recording, tmp_path / "out", methods=("saliency",), overlay=False, device="cpu", quiet=True)
        page = open_page()
        page.set_viewport_size(SCREEN)
        page.goto((tmp_path / "out" / "report.html").as_uri())
        page.wait_for_selector(f"{ROOT}[data-drawn]")
        return page

    return opened


@pytest.mark.parametrize("finding", [None, LONG], ids=["as found", "long"])
def test_the_finding_and_all_one_scrubs_with_are_seen_together(explained, finding):
    page = explained(finding)
    names = ["h1", ".finding > p", ".stv-notices", ".stv-transport", ".stv-canvas", ".stv-overview", ".stv-chart"]
    box = {name: page.locator(name).first.bounding_box() for name in names}
    bottom = {name: one["y"] + one["height"] for name, one in box.items()}
    order = ["h1", ".finding > p", ".stv-notices", ".stv-transport", ".stv-canvas"]
    for above, below in pairwise(order):
        assert bottom[above] <= box[below]["y"] + 1, (above, below)
    assert box[".stv-canvas"]["width"] >= 380 and bottom[".stv-canvas"] <= SCREEN["height"]
    # Shares and one value: two panels with their titles, under the cursor's head.
    assert box[".stv-chart"]["y"] + 14 + 2 * 150 <= SCREEN["height"]
    assert box[".finding > p"]["height"] <= 3 * 24
    assert page.evaluate("[scrollY, document.documentElement.scrollWidth <= innerWidth]") == [0, True]


def test_moments_stand_in_one_row_and_move_the_scrubber_in_sight(explained):
    page = explained(LONG)
    boxes = [one.bounding_box() for one in page.locator(".moments li").all()]
    assert len(boxes) == MOST_MOMENTS and len({box["y"] for box in boxes}) == 1
    assert all(box["height"] <= 80 and box["x"] + box["width"] <= SCREEN["width"] for box in boxes)
    page.locator(".moments a").last.click()
    page.wait_for_selector(f"{ROOT}[data-drawn='{LONG.moments[-1].frame}']")
    assert page.evaluate("scrollY") == 0
