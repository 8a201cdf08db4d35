"""The index page in a browser with no network: sorted, searched and filtered at 2,000 rows, and nothing in it runs but its script."""

import dataclasses
import re

import pytest
from playwright.sync_api import sync_playwright

from stavis.batch.index import pages_csp, write_index

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
    nameless = "[...document.querySelectorAll('button,input,select')].filter(e => !(e.textContent.trim() || e.labels?.length)).length"
    assert page.evaluate(nameless) == 0


def test_without_scripts_the_table_is_there(browser, large):
    context = browser.new_context(offline=True, java_script_enabled=False)
    shown = context.new_page()
    shown.goto(large.as_uri())
    assert shown.locator("tbody tr").count() == COUNT and shown.locator("form").is_hidden()
    context.close()
