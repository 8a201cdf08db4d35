"""Reports in a browser with the network off: whole, quick, inert, readable."""

import json

import pandas as pd
import pytest

from stavis.show.figures.over_time import share_over_time, valence_arousal, valence_traces
from stavis.show.reports.report import HtmlReport
from stavis.show.scrubber import Scrubber
from tests.show.samples import clip_of, maps_of, prediction_of, raters_of

pytestmark = pytest.mark.browser

ROOT = "[data-stavis=scrubber]"
EVIL = "anna\"'><script>window.hacked=1</script><img src=x onerror=window.hacked=1></style></title>${1}<!--"


@pytest.fixture(scope="module")
def ten_seconds() -> Scrubber:
    clip = clip_of(250, 128, gap=slice(150, 170))
    return Scrubber.from_clip(clip, maps_of(clip), prediction_of(clip), raters=raters_of(clip))


def test_a_ten_second_report_is_small_quick_and_alive_twice(open_page, tmp_path, ten_seconds):
    scrubber = ten_seconds
    report = HtmlReport("Anna", provenance={"command": "test"}).add_scrubber("One", scrubber).add_scrubber("Two", scrubber)
    path = report.save(tmp_path / "report.html")
    page = open_page()
    page.add_init_script("addEventListener('stavis:drawn', () => (window.shownAt = window.shownAt || performance.now()), true)")
    page.goto(path.as_uri())
    page.locator(f"{ROOT}[data-drawn]").nth(1).wait_for()
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    shown = page.evaluate("window.shownAt")
    print(
        f"report: {path.stat().st_size / 1e6:.2f} MB, loaded in {loaded:.0f} ms, first picture at {shown:.0f} ms, "
        f"{len(page.requests)} requests, errors {page.errors}"
    )
    assert path.stat().st_size <= 3e6
    sliders = page.get_by_role("slider", name="Frame")
    sliders.nth(1).focus()
    page.keyboard.press("End")
    page.wait_for_selector(f"{ROOT}[data-drawn='249']")
    assert page.locator(ROOT).evaluate_all("nodes => nodes.map(n => n.dataset.drawn)") == ["0", "249"]
    assert page.requests == [] and page.errors == []


def test_figures_live_under_the_policy(open_page, tmp_path):
    clip = clip_of(60, 64)
    report = HtmlReport("Figures", provenance={})
    report.add_figure("Shares", share_over_time(clip, maps_of(clip)["attention"]), "By region.")
    report.add_figure("Valence", valence_traces(clip, prediction_of(clip)))
    path = report.save(tmp_path / "report.html")
    page = open_page(path)
    page.locator("[data-stavis-figure][data-drawn]").nth(1).wait_for()
    print(f"two figures with plotly.js: {path.stat().st_size / 1e6:.2f} MB")
    assert page.locator(".main-svg").count() >= 2
    assert page.requests == [] and page.errors == []


def test_no_control_of_a_page_leaves_the_machine(open_page, tmp_path):
    clip = clip_of(60, 64)
    report = HtmlReport("Figures", provenance={}).add_scrubber("Clip", Scrubber.from_clip(clip, maps_of(clip, 12), prediction_of(clip)))
    report.add_figure("Shares", share_over_time(clip, maps_of(clip)["attention"])).add_figure("Plane", valence_arousal(prediction_of(clip)))
    page = open_page(report.save(tmp_path / "report.html"))
    page.locator("[data-stavis-figure][data-drawn]").nth(1).wait_for()
    page.locator(".stavis-plot").first.hover()
    buttons = page.locator(".modebar-btn").evaluate_all("nodes => nodes.map(n => n.dataset.title)")
    assert set(buttons) == {"Download plot as a PNG", "Zoom", "Pan", "Reset axes"} and len(buttons) == 8
    for link in page.locator("a[href], form[action], area[href], iframe[src]").evaluate_all("nodes => nodes.map(n => n.outerHTML)"):
        assert "http" not in link and 'href="//' not in link, link
    assert page.evaluate("[...document.querySelectorAll('.stavis-plot')].every((one) => one._context.plotlyServerURL === '')")
    assert page.requests == [] and page.errors == []


def test_figures_follow_the_colours_of_the_page(open_page, tmp_path):
    clip = clip_of(40, 64)
    path = HtmlReport("Figures", provenance={}).add_figure("Values", valence_traces(clip, prediction_of(clip))).save(tmp_path / "a.html")
    page = open_page(path, color_scheme="light")
    page.wait_for_selector("[data-stavis-figure][data-drawn]")
    back = "getComputedStyle(document.querySelector('.main-svg')).backgroundColor"
    line = "getComputedStyle(document.querySelector('.scatterlayer .js-line')).stroke"
    light = page.evaluate(f"[{back}, {line}]")
    assert light[0] == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    dark = page.evaluate(f"[{back}, {line}]")
    assert dark[0] == "rgb(22, 24, 27)" and dark[1] != light[1]


def test_a_figure_is_an_image_on_paper(open_page, tmp_path):
    clip = clip_of(40, 64)
    report = HtmlReport("Paper", provenance={}).add_figure("Values", valence_traces(clip, prediction_of(clip)))
    report.add_still("Shares", share_over_time(clip, maps_of(clip)["attention"]))
    page = open_page(report.save(tmp_path / "a.html"))
    page.wait_for_selector("[data-stavis-figure][data-drawn]")
    assert page.locator(".main-svg").first.is_visible() and not page.locator("img.still").first.is_visible()
    assert not page.get_by_role("heading", name="Shares").is_visible()
    page.emulate_media(media="print")
    assert page.locator("img.still").first.is_visible() and page.locator("img.still").nth(1).is_visible()
    assert not page.locator(".main-svg").first.is_visible()


def test_nothing_that_was_given_as_text_runs(open_page, tmp_path):
    clip = clip_of(20, 48, name=EVIL)
    maps = {EVIL: maps_of(clip, 12)["attention"]}
    clip = type(clip)(clip.frames, clip.times, regions=clip.regions, valid=clip.times < 0.5, notes=(EVIL,) * 20, recording=EVIL)
    curves = pd.DataFrame({"time": clip.times, EVIL: clip.times})
    scrubber = Scrubber.from_clip(clip, maps, curves=curves)
    report = HtmlReport(EVIL, provenance={EVIL: {EVIL: EVIL}}, subtitle=EVIL).add_scrubber(EVIL, scrubber, EVIL)
    report.add_text(EVIL, [EVIL]).add_notice(EVIL).add_warning(EVIL).add_table(EVIL, pd.DataFrame({EVIL: [EVIL]}), EVIL)
    report.add_figure(EVIL, share_over_time(clip, maps[EVIL], name=EVIL), EVIL)
    for path in (report.save(tmp_path / "report.html"), scrubber.save_html(tmp_path / "one.html")):
        page = open_page(path)
        page.wait_for_selector(f"{ROOT}[data-drawn]")
        if path.name == "report.html":
            page.wait_for_selector("[data-stavis-figure][data-drawn]")
        page.locator(".stv-chart").hover()
        page.get_by_role("slider", name="Frame").focus()
        page.keyboard.press("e")
        assert page.evaluate("window.hacked") is None
        assert page.locator("img[src=x]").count() == 0
        assert page.requests == [] and page.errors == []
        assert EVIL in page.locator(".stv-title").inner_text()


def test_add_html_runs_no_script(open_page, tmp_path):
    report = HtmlReport("Own", provenance={}).add_html("Mine", "<p id=mine>seen</p><script>window.hacked=1</script>")
    page = open_page(report.save(tmp_path / "report.html"))
    assert page.locator("#mine").inner_text() == "seen"
    assert page.evaluate("window.hacked") is None


def test_without_scripts_a_poster_is_shown(open_page, tmp_path):
    clip = clip_of(20, 64)
    report = HtmlReport("Still", provenance={"a": 1})
    scrubber = Scrubber.from_clip(clip, maps_of(clip, 12), prediction_of(clip))
    scrubber.frame = 11
    report.add_scrubber("Clip", scrubber).add_figure("Shares", share_over_time(clip, maps_of(clip, 12)["attention"]))
    page = open_page(report.save(tmp_path / "report.html"), java_script_enabled=False)
    poster = page.locator(".stv-mount img")
    assert poster.bounding_box()["width"] > 200
    words = poster.get_attribute("alt")
    assert words.startswith("frame 12, valence") and "% of attention on the mouth" in words
    assert "One frame is shown" in page.locator(".stv-mount p").inner_text()
    still = page.get_by_role("img", name="Shares")
    assert still.is_visible() and still.bounding_box()["width"] > 400


def test_a_report_fits_a_narrow_screen(open_page, tmp_path, ten_seconds):
    path = HtmlReport("Narrow", provenance={}).add_scrubber("Clip", ten_seconds).save(tmp_path / "report.html")
    page = open_page(path)
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_selector(f"{ROOT}[data-drawn]")
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page, tmp_path, axe, scheme):
    clip = clip_of(40, 64)
    scrubber = Scrubber.from_clip(clip, maps_of(clip, 12), prediction_of(clip), raters=raters_of(clip))
    scrubber.view = {"mode": "wipe", "second": "saliency"}
    report = HtmlReport("Axe", provenance={"command": "test"}, subtitle="for everyone").add_scrubber("Clip", scrubber, "Drag.")
    report.add_table("Table", pd.DataFrame({"a": [1.0], "b": ["x"]})).add_notice("Mind this.").add_warning("And this.")
    report.add_figure("Shares", share_over_time(clip, maps_of(clip)["attention"]))
    page = open_page(report.save(tmp_path / "report.html"), color_scheme=scheme)
    page.wait_for_selector("[data-stavis-figure][data-drawn]")
    page.get_by_role("slider", name="Frame").focus()
    page.keyboard.press("e")
    page.evaluate(axe)
    for drawer in ("Display", "Moments", "Mark", "Save"):
        page.locator("summary", has_text=drawer).click()
        found = page.evaluate(
            "axe.run(document).then((r) => r.violations.map((v) => [v.id, v.impact, v.nodes.map((n) => n.html.slice(0, 120))]))"
        )
        serious = [one for one in found if one[1] in ("serious", "critical")]
        assert serious == [], json.dumps(serious, indent=1)
    print(f"axe, {scheme}: {len(found)} violations of any kind: {[one[0] for one in found]}")


def test_a_report_shown_inline_lives_in_its_frame(open_page, tmp_path):
    clip = clip_of(20, 64)
    report = HtmlReport("Inline", provenance={}).add_scrubber("Clip", Scrubber.from_clip(clip, maps_of(clip, 12)))
    (tmp_path / "outer.html").write_text(f"<!doctype html><meta charset=utf-8><title>o</title>{report._repr_html_()}", encoding="utf-8")
    page = open_page(tmp_path / "outer.html")
    page.frame_locator("iframe").locator(f"{ROOT}[data-drawn]").wait_for()
    assert page.errors == [] and page.requests == []
