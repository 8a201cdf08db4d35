"""The index page in a browser with no network: sorted, searched and filtered at 2,000 rows, and nothing in it runs but its script."""

import dataclasses
import re

import pytest
from playwright.sync_api import sync_playwright

from stavis.batch.index import pages_csp, write_index
from stavis.show.figures.colours import GROUPS

pytestmark = pytest.mark.browser
EVIL = '</script><script>window.bad=1</script><img src=x onerror="window.bad=1">\n{{7*7}} "q\' & <b>'
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
)
COUNT = 2000


@pytest.fixture(scope="module")
def browser(chromium):
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=chromium, args=ARGUMENTS.split())
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(offline=True, viewport={"width": 1200, "height": 800})
    shown = context.new_page()
    shown.wrong = []
    shown.on("console", lambda message: shown.wrong.append(message.text) if message.type in ("error", "warning") else None)
    shown.on("pageerror", lambda error: shown.wrong.append(str(error)))
    shown.on("request", lambda request: shown.wrong.append(request.url) if not request.url.startswith(("file:", "data:")) else None)
    yield shown
    assert shown.wrong == [] and shown.evaluate("window.bad") is None
    context.close()


@pytest.fixture
def large(home):
    """The index of 2,000 reports with markup for names: a third failed, a third missing."""
    plan = home.plan()
    example = plan.reports[0]
    reports = []
    for number in range(COUNT):
        one = dataclasses.replace(
            example,
            id=f"rec{number:04}-x",
            recording=f"person {number} {EVIL if number % 7 == 0 else ''}",
            varied={"text": EVIL, "count": number % 10},
        )
        reports.append(one)
        if number % 3 < 2:
            folder = plan.job.out / one.id
            folder.mkdir(parents=True)
            state = "done" if number % 3 == 0 else "failed"
            shares = {"mouth": [number % 100, 50, 3], "eyes": [1, 2, 3], EVIL: [1]}
            verdict = {"needed": "yes", "unique": EVIL}
            made = one.ended(state, number / 10, EVIL if state == "failed" else "")
            figures = {"CCC": (number * 37 % COUNT) / COUNT, EVIL: 1.0}
            dataclasses.replace(made, page=f"{one.id}/report.html", figures=figures, shares=shares, verdict=verdict).write(folder)
            for name in ("executed.ipynb", "report.html"):
                (folder / name).touch()
    spec = plan.spec.model_copy(update={"title": EVIL, "vary": {"text": [EVIL], "count": list(range(10))}})
    plan = dataclasses.replace(plan, reports=tuple(reports), spec=spec)
    write_index(plan, {}, plan.job.out, finished=True)
    return plan.job.out / "index.html"


def column(page, name: str, rows: int = COUNT) -> list[str]:
    cells = "[...document.querySelectorAll('thead th')].findIndex(th => th.textContent.trim() === name)"
    return page.evaluate(
        f"name => {{ const c = {cells}; return [...document.querySelectorAll('tbody tr')].filter(r => !r.hidden)"
        ".map(r => r.cells[c].dataset.value ?? r.cells[c].innerText.trim()) }",
        name,
    )[:rows]


def test_two_thousand_rows_are_sorted_searched_and_filtered(page, large):
    page.goto(large.as_uri())
    assert page.locator("#found").inner_text() == "2000 reports" and page.locator("tbody tr").count() == COUNT
    head = page.get_by_role("button", name="CCC")
    head.click()
    rising = [float(value) for value in column(page, "CCC") if value]
    assert rising == sorted(rising) and column(page, "CCC")[-1] == ""  # those without a value come last
    head.click()
    falling = [float(value) for value in column(page, "CCC") if value]
    assert falling == rising[::-1] and column(page, "CCC")[-1] == ""
    page.get_by_role("button", name="report").click()
    assert [text.split()[1] for text in column(page, "report", 12)] == [str(number) for number in range(12)]  # 2 before 10
    page.locator("#words").fill("person 1234")
    assert page.locator("#found").inner_text() == "1 of 2000 reports"
    page.locator("#words").fill("")
    page.locator("#state").select_option("failed")
    assert page.locator("#found").inner_text() == f"{len(range(1, COUNT, 3))} of 2000 reports"
    page.locator("#words").fill("nobody at all")
    assert page.locator(".none").is_visible()


def test_a_page_of_markup_stays_text_and_asks_for_nothing(page, large):
    page.goto(large.as_uri())
    assert page.locator("h1").inner_text().split() == EVIL.split()
    assert page.locator("tbody img[src='x']").count() == 0 and page.locator("script").count() == 1
    row = page.locator("tbody tr").nth(1)
    assert "{{7*7}}" in row.inner_text() and row.locator("svg").get_attribute("role") == "img"
    link = row.get_by_role("link").get_attribute("href")
    assert link == "rec0001-x/report.html" and (large.parent / link).is_file()


def test_the_printed_policy_is_the_one_the_pages_carry(large, home):
    told = re.search(r'Content-Security-Policy" content="([^"]+)"', large.read_text())[1].replace("&#39;", "'")
    printed = pages_csp()
    assert printed.startswith("default-src 'none'; ") and "unsafe-eval" not in printed and "http" not in printed
    own = set(re.findall(r"'sha256-[^']+'", told))
    assert (
        len(own) == 1
        and own < set(re.findall(r"'sha256-[^']+'", printed))
        and re.sub(r"'sha256-[^']+' ?", "", told).split()[:2] == ["default-src", "'none';"]
    )


def test_everything_to_use_has_a_name(page, large):
    page.goto(large.as_uri())
    assert page.evaluate("document.documentElement.lang") == "en" and page.locator("th[scope]").count() > COUNT
    named = "e.textContent.trim() || e.labels?.length || e.getAttribute('aria-label')"
    nameless = f"[...document.querySelectorAll('button,input,select')].filter(e => !({named})).length"
    assert page.evaluate(nameless) == 0


def test_without_scripts_the_table_is_there(browser, large):
    context = browser.new_context(offline=True, java_script_enabled=False)
    shown = context.new_page()
    shown.goto(large.as_uri())
    assert shown.locator("tbody tr").count() == COUNT and shown.locator("form").is_hidden()
    context.close()


@pytest.fixture
def study(home):
    """The index of 200 reports of two conditions and three people, with shares, a predicted curve and a CCC."""
    plan = home.plan()
    reports = []
    for number in range(200):
        folder = f"/recordings/person {number % 3}"
        varied = {"condition": ("rest", "stress")[number % 2]}
        one = dataclasses.replace(
            plan.reports[0], id=f"rec{number:03}-x", recording=f"rec{number:03}", video=f"{folder}/a.mp4", varied=varied
        )
        reports.append(one)
        home_of_one = plan.job.out / one.id
        home_of_one.mkdir(parents=True)
        shares = {"mouth": [number % 100] * 40, "left_eye": [40, 20] * 20, "right_eye": [7] * 40, "brows": [5] * 40, "nose": [3] * 40}
        curve = {"valence": [round(100 * ((number % 7) / 3.5 - 1) * (k / 20 - 1)) for k in range(40)]}
        made = one.ended("failed" if number % 20 == 19 else "done", 1.0, "it broke" if number % 20 == 19 else "")
        made = dataclasses.replace(made, page=f"{one.id}/report.html", figures={"CCC": number / 200}, shares=shares, curve=curve)
        made = dataclasses.replace(made, finding=[f"Region {number % 9} leads."], notices=["Seen: synthetic faces only."])
        made.write(home_of_one)
        for name in ("executed.ipynb", "report.html"):
            (home_of_one / name).touch()
    spec = plan.spec.model_copy(update={"title": "Rest and stress", "vary": {"condition": ["rest", "stress"]}})
    plan = dataclasses.replace(plan, reports=tuple(reports), spec=spec)
    write_index(plan, {}, plan.job.out, finished=True)
    return plan.job.out / "index.html"


def shown(page) -> list[str]:
    return page.evaluate(
        "[...document.querySelectorAll('tbody tr:not(.group)')].filter(r => !r.hidden).map(r => r.querySelector('th').innerText)"
    )


def test_rows_and_cards_begin_with_what_was_found_and_are_sorted_by_name(page, study):
    page.goto(study.as_uri())
    assert page.locator(".notice").all_inner_texts() == ["Seen: synthetic faces only."]
    assert shown(page)[:1] == ["rec000\nRegion 0 leads."]
    page.locator("#words").fill("Region 8")
    page.locator("thead button").filter(has_text="report").click()
    page.select_option("#view", "cards")
    first = page.locator(".card").first.inner_text().splitlines()
    assert first[:2] == ["rec008", "Region 8 leads."]


def test_reports_are_filtered_by_value_of_any_number_and_share(page, study):
    page.goto(study.as_uri())
    page.get_by_text("Filter by value").click()
    page.get_by_label("CCC, at least").fill("0.5")
    assert page.locator("#found").inner_text() == "100 of 200 reports"
    page.get_by_label("CCC, at most").fill("0.545")
    assert len(shown(page)) == 10
    page.get_by_label("share of mouth (%), at most").fill("5")
    assert [name[:6] for name in shown(page)] == [f"rec{number}" for number in range(100, 106)]
    page.locator("#state").select_option("failed")
    assert shown(page) == [] and page.locator(".none").is_visible()
    page.get_by_role("button", name="Clear filters").click()
    assert len(shown(page)) == 200 and page.get_by_label("CCC, at least").input_value() == ""
    assert page.evaluate("document.activeElement.id") == "words"


def test_groups_have_a_heading_with_their_count_and_means(page, study):
    page.goto(study.as_uri())
    page.locator("#group").select_option("condition")
    heads = page.locator("tr.group")
    titles = [text.split() for text in heads.locator("th").all_text_contents()]
    assert titles == [["rest100", "shown"], ["stress100", "shown"]]
    means = [text.split("mean")[0].strip() for text in heads.locator("td.number").all_inner_texts() if "mean" in text]
    assert [float(text) for text in means[::2]] == [0.495, 0.5], "the mean CCC of even and of odd numbers"
    page.get_by_role("button", name="CCC").click()
    page.get_by_role("button", name="CCC").click()
    assert shown(page)[0].startswith("rec198") and shown(page)[100].startswith("rec199"), "sorted inside each group"
    page.locator("#group").select_option("folder of the video")
    assert heads.count() == 3
    page.locator("#words").fill("rec000")
    assert heads.count() == 1, "a group of which nothing is shown has no heading"
    page.locator("#words").fill("")
    page.locator("#group").select_option("")
    assert heads.count() == 0 and len(shown(page)) == 200


def test_small_multiples_show_what_the_table_shows(page, study):
    page.goto(study.as_uri())
    page.locator("#view").select_option("cards")
    cards = page.locator(".card")
    assert cards.count() == 200 and not page.locator("table").is_visible()
    first = cards.first
    assert first.locator("polyline").count() == 6 and "CCC" in first.inner_text()
    assert first.get_by_role("link").get_attribute("href") == "rec000-x/report.html"
    page.locator("#words").fill("rec01")
    assert cards.count() == 10
    page.locator("#group").select_option("condition")
    assert page.locator(".cards h2").all_text_contents() == ["rest5 shown", "stress5 shown"]
    page.locator("#order").select_option("CCC")
    assert cards.first.text_content().strip().startswith("rec018"), "numbers begin with the highest"
    page.locator("#group").select_option("")
    page.locator("#order").select_option("")
    assert cards.first.text_content().strip().startswith("rec010"), "the study's own order"


def test_regions_have_the_colours_of_every_other_chart(page, study):
    page.goto(study.as_uri())
    for scheme, name in (("light", "colour"), ("dark", "dark")):
        page.emulate_media(color_scheme=scheme)
        for group in GROUPS[:4]:
            line = page.locator(f"tbody polyline.region-{group.key}").first
            colour = line.evaluate("e => getComputedStyle(e).stroke")
            wanted = getattr(group, name)
            assert colour == f"rgb({int(wanted[1:3], 16)}, {int(wanted[3:5], 16)}, {int(wanted[5:], 16)})"


def test_everything_is_reached_by_keyboard(page, study):
    page.goto(study.as_uri())
    page.locator("#words").focus()
    seen = []
    for _ in range(5):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert seen[:3] == ["state", "group", "view"] and "SUMMARY" in seen
    page.keyboard.press("Shift+Tab")
    page.locator("#ranges summary").focus()
    page.keyboard.press("Enter")
    assert page.get_by_label("CCC, at least").is_visible()
