"""The documentation as it is built: no warning, ten answers within two clicks, lessons to download, every page for everyone.

It is built where the extra `docs` is installed, which takes minutes; STAVIS_SITE names a folder in which it was built before.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest

from tests.test_docs import ANSWERS, DOCS, LESSONS, PAGES, ROOT, questions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
EXTRA = ("sphinx", "furo", "myst_nb", "numpydoc", "transformers")
MISSING = [name for name in EXTRA if importlib.util.find_spec(name) is None]
AUDIT = """axe.run({ exclude: [["iframe"], ["figure.live"]] }).then(
  (r) => r.violations.map((v) => [v.id, v.impact, v.nodes.map((n) => n.html.slice(0, 160)).slice(0, 5)]))"""
SHOWN = [path.relative_to(DOCS).with_suffix(".html").as_posix() for path in PAGES]


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The folder of the built documentation."""
    if "STAVIS_SITE" in os.environ:
        return Path(os.environ["STAVIS_SITE"]).resolve()
    if MISSING:
        pytest.skip(f"the extra docs is not installed ({', '.join(MISSING)} missing), and STAVIS_SITE names no built site")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "-d", str(folder / "trees"), str(DOCS), str(folder / "html")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


class Links(HTMLParser):
    """The addresses of a page's links."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        """Keep what a reader can click."""
        url = dict(attrs).get("href")
        if tag == "a" and url and not re.match(r"[a-z]+:", url):
            self.found.append(url.partition("#")[0])


@cache
def linked(page: Path) -> frozenset[Path]:
    """The pages that a built page links to."""
    return frozenset((page.parent / url).resolve() for url in Links(page.read_text(encoding="utf-8")).found if url.endswith(".html"))


def test_the_site_is_built_without_a_warning_and_has_its_live_pages(site):
    made = {path.stem for path in (site / "live").glob("*.html")}
    named = {name for path in PAGES for name in re.findall(r"\{live\} (\S+)", path.read_text(encoding="utf-8"))}
    assert named <= made and all((site / name).is_file() for name in SHOWN)


def test_a_lesson_shows_a_scrubber_once(site):
    pages = [path.read_text(encoding="utf-8") for path in (site / "lessons").glob("*.html")]
    assert sum('<figure class="live">' in page for page in pages) >= 3
    assert [line for page in pages for line in re.findall(r"<pre><span></span>Scrubber\(.*", page)] == []


def test_every_answer_is_within_two_clicks_of_the_first_page(site):
    first = site / "index.html"
    near = {first} | linked(first) | {page for middle in linked(first) for page in linked(middle)}
    for question, _, path in questions():
        (url,) = re.findall(r"\]\(([^)#]+)\.md", path)
        page = (site / f"{url}.html").resolve()
        assert page in near, question
        text = re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))
        plain = " ".join(text.replace("&#39;", "'").replace("’", "'").split()).lower()
        assert ANSWERS[question].strip("`").lower() in plain, question


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_can_be_downloaded_from_its_page(site, path):
    page = (site / "lessons" / f"{path.stem}.html").read_text(encoding="utf-8")
    assert f'href="{path.stem}.ipynb" download' in page
    found = nbformat.read(site / "lessons" / f"{path.stem}.ipynb", as_version=4)
    nbformat.validate(found)
    assert sum(cell.cell_type == "code" for cell in found.cells) == path.read_text(encoding="utf-8").count("```{code-cell}")


@pytest.mark.parametrize("name", SHOWN)  # not marked `browser`, of which CI allows no skip: the site is not built there
def test_a_page_of_the_site_is_for_everyone(site, name, open_page, axe):
    page = open_page(site / name, color_scheme="light")
    page.evaluate(axe)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(400)  # colours fade
        serious = [one for one in page.evaluate(AUDIT) if one[1] in ("serious", "critical")]
        assert serious == [], f"{scheme}: {json.dumps(serious, indent=1)}"
    for width in (1440, 420):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
    serious = [one for one in page.evaluate(AUDIT) if one[1] in ("serious", "critical")]
    assert serious == [], f"on a narrow screen: {json.dumps(serious, indent=1)}"
    assert page.requests == []
