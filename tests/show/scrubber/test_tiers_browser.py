"""Tiers in a browser: coded by keys, labelled by digits, undone and redone, saved and opened as CSV and ELAN documents."""

from itertools import combinations

import pandas as pd
import pytest

from stavis.data.annotations.annotations import Annotations, read_annotations
from stavis.data.annotations.eaf import read_eaf, write_eaf
from stavis.data.annotations.tiers import Span, Tier
from stavis.show.scrubber import Scrubber
from tests.show.samples import clip_of, maps_of

pytestmark = pytest.mark.browser

ROOT = "[data-stavis=scrubber]"
SELECTION = "one.values.selection"


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    clip = clip_of(60, 64)
    return Scrubber.from_clip(clip, maps_of(clip), title="anna")


def go(page, frame: int) -> None:
    page.evaluate(f"one.fromPython('frame', {frame})")
    page.wait_for_function(f"document.querySelector('{ROOT}').dataset.drawn == '{frame}'")


def code(page, *steps: int | str) -> None:
    """Goes to frames (numbers) and presses keys."""
    for step in steps:
        if isinstance(step, int):
            go(page, step)
        else:
            page.locator(".stv-slider").focus()
            page.keyboard.press(step)


def annotations(page) -> Annotations:
    return Annotations.from_selection(page.evaluate(SELECTION))


def with_labels(page) -> None:
    tier = {"name": "smile", "labels": ["low", "high"], "spans": []}
    page.evaluate("(tier) => one.fromPython('selection', {range: null, exclude: [], events: [], tiers: [tier]})", tier)


def test_spans_and_points_are_coded_by_keys_and_reach_python(live, scrubber):
    page = live(scrubber)
    with_labels(page)
    code(page, 10, "s", 20, "s", "2", 30, "1", "s", 25, "s", 40, "d")
    times = scrubber._clip.times
    spans = (Span(times[10], times[20], "high"), Span(times[25], times[30], "low"), Span(times[40], times[40], "low"))
    found = annotations(page).tier("smile")
    assert [(one.label, pytest.approx(one.start), pytest.approx(one.end)) for one in found.spans] == [
        (one.label, one.start, one.end) for one in spans
    ]
    assert found.labels == ("low", "high")
    assert page.locator(".stv-span").count() == 3 and page.locator("[data-point='1']").count() == 1
    assert page.errors == []


def test_undo_is_the_inverse_of_every_step_and_redo_of_undo(live, scrubber):
    page = live(scrubber)
    with_labels(page)
    states = [annotations(page)]
    for steps in ([5, "s", 9, "s"], ["1"], [12, "d"], [20, "x"], [30, "e"], [7, "Delete"]):
        code(page, *steps)
        states.append(annotations(page))
    assert all(one != other for one, other in combinations(states, 2))
    for before in states[-2::-1]:
        code(page, "Control+z")
        assert annotations(page) == before
    for after in states[1:]:
        code(page, "Control+y")
        assert annotations(page) == after
    assert page.locator("button[name=redo]").is_disabled()


def test_spans_of_one_tier_do_not_overlap_and_those_of_two_may(live, scrubber):
    page = live(scrubber)
    code(page, 10, "s", 20, "s", 15, "s", 25, "s")
    assert [len(tier.spans) for tier in annotations(page).tiers] == [1]
    assert "use another tier" in page.locator(".stv-status").inner_text()
    page.locator("summary", has_text="Mark").click()
    page.locator("button[name=tier]").click()
    code(page, 15, "s", 25, "s", "t", 30, "s", 32, "s")
    assert [(tier.name, len(tier.spans)) for tier in annotations(page).tiers] == [("tier 1", 2), ("tier 1 2", 1)]


def test_what_is_saved_is_what_python_reads_and_is_opened_again(live, scrubber, tmp_path):
    page = live(scrubber)
    with_labels(page)
    code(page, 10, "s", 20, "s", "2", 25, "d", "1", 40, "x", 50, "e")
    made = annotations(page)
    page.locator("summary", has_text="Save").click()
    with page.expect_download() as csv:
        page.locator("button[name=annotations]").click()
    with page.expect_download() as eaf:
        page.locator("button[name=eaf]").click()
    assert csv.value.suggested_filename == "anna-annotations.csv" and eaf.value.suggested_filename == "anna.eaf"
    paths = [one.value.path() for one in (csv, eaf)]
    assert rounded(read_annotations(paths[0])) == rounded(read_eaf(paths[1])) == rounded(made)
    for path, name in zip(paths, ("a.csv", "a.eaf"), strict=True):
        path.rename(tmp_path / name)
        page.evaluate("one.fromPython('selection', {range: null, exclude: [], events: []})")
        page.locator("input[type=file]").set_input_files(tmp_path / name)
        page.wait_for_function(f"{SELECTION}.events.length === 1")
        assert rounded(annotations(page)) == rounded(made)
    assert page.errors == []


def test_what_a_file_rounded_is_on_the_frames_that_were_marked(live, tmp_path):
    clip = clip_of(60, 64, fps=30000 / 1001)
    page = live(Scrubber.from_clip(clip, maps_of(clip), title="anna"))
    code(page, 10, "s", 20, "s", 31, "x", 47, "x", 52, "e")
    made = annotations(page)
    path = write_eaf(made, tmp_path / "a.eaf")
    page.locator("input[type=file]").set_input_files(path)
    page.wait_for_function("document.querySelector('.stv-status').textContent.includes('a.eaf is read')")
    assert annotations(page) == made  # nothing is there twice
    page.evaluate("(read) => one.fromPython('selection', { range: null, ...read })", read_eaf(path).to_selection())
    code(page, 20, "s", 22, "s")
    assert [len(tier.spans) for tier in annotations(page).tiers] == [2]
    page.locator("summary", has_text="Save").click()
    with page.expect_download() as shares:
        page.locator("button[name=csv]").click()
    excluded = pd.read_csv(shares.value.path()).excluded
    assert excluded.index[excluded == 1].tolist() == [31, 47]
    code(page, 31, "Delete", 47, "Delete", 52, "Delete", 10, "Delete")
    left = annotations(page)
    assert left.exclude == left.events == () and len(left.tier("tier 1").spans) == 1


def test_spans_that_are_called_events_stay_spans_also_beside_events(live, scrubber, tmp_path):
    page = live(scrubber)
    coded = Tier("events", (Span(0.2, 0.6, "smile"), Span(1.0, 1.0, "blink")))
    page.locator("input[type=file]").set_input_files(write_eaf(Annotations(tiers=(coded,)), tmp_path / "a.eaf"))
    page.wait_for_selector(".stv-tier")
    assert annotations(page) == Annotations(tiers=(coded,))
    code(page, 50, "e")
    page.locator("summary", has_text="Save").click()
    with page.expect_download() as eaf:
        page.locator("button[name=eaf]").click()
    found = read_eaf(eaf.value.path())
    assert found.events == ((2.0, "event 1"),) and found.tiers == (Tier("events 2", coded.spans),)


def rounded(annotations: Annotations) -> Annotations:
    def spans(tier: Tier) -> tuple[Span, ...]:
        return tuple(Span(round(one.start, 3), round(one.end, 3), one.label) for one in tier.spans)

    tiers = tuple(Tier(tier.name, spans(tier), tier.labels) for tier in annotations.tiers)
    pairs = tuple((round(a, 3), round(b, 3)) for a, b in annotations.exclude)
    return Annotations(pairs, tuple((round(t, 3), label) for t, label in annotations.events), tiers)


def test_files_that_cannot_be_taken_are_one_sentence(live, scrubber, tmp_path):
    page = live(scrubber)
    late = write_eaf(Annotations(tiers=(Tier("t", (Span(80, 90, "x"),)),)), tmp_path / "late.eaf")
    (tmp_path / "units.eaf").write_text(late.read_text().replace("milliseconds", "PAL-frames"))
    (tmp_path / "bad.csv").write_text("kind,start,end,label,tier\nspan,0,1,a,t\nspan,0.5,2,b,t\n")
    for name, reason in (("late.eaf", "of another video"), ("units.eaf", "PAL-frames"), ("bad.csv", "overlap")):
        page.locator("input[type=file]").set_input_files(tmp_path / name)
        page.wait_for_function(f"document.querySelector('.stv-status').textContent.includes('{name}')")
        assert reason in page.locator(".stv-status").inner_text()
    assert page.evaluate("(one.values.selection.tiers || []).length") == 0


def test_the_page_without_a_kernel_has_the_tiers(open_page, scrubber, tmp_path):
    scrubber.annotations = Annotations(tiers=(Tier("smile", (Span(0.2, 0.6, "low"),), ("low",)),))
    page = open_page(scrubber.save(tmp_path / "page.html"))
    page.wait_for_selector(".stv-span")
    assert page.locator(".stv-tiername").inner_text() == "smile" and page.locator(".stv-span").inner_text() == "low"
    box, chart = page.locator(".stv-span").bounding_box(), page.locator(".stv-chart").bounding_box()
    assert chart["x"] < box["x"] < chart["x"] + chart["width"]
    page.locator(".stv-span").click()
    assert page.locator(ROOT).get_attribute("data-drawn") == "5"
    scrubber.annotations = Annotations()
    assert page.requests == [] and page.errors == []
