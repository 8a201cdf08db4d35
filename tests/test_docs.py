"""The documentation is consistent without being built; where the extra is installed, it is built, and a warning is an error."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not {"_build", "generated"} & set(path.relative_to(DOCS).parts))
EXTRA = ("sphinx", "furo", "myst_nb", "numpydoc", "transformers")
MISSING = [name for name in EXTRA if importlib.util.find_spec(name) is None]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """A page without what stands in code: fences that are no directives, and literals."""
    text = re.sub(
        r"^(```+)(?!\{)[^\n]*\n.*?^\1\s*$|^(```+)\{code[^\n]*\n.*?^\2\s*$", "", path.read_text(encoding="utf-8"), flags=re.M | re.S
    )
    return re.sub(r"`[^`\n]*`", lambda found: re.sub(r"[\[\]()#]", "", found[0]), text)


def links(path: Path) -> set[str]:
    """The addresses inside the project that a page links to."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(path))
    return {url for url in found if not re.match(r"[a-z]+:", url)}


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#{1,4} (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def children(path: Path) -> set[Path]:
    """The pages in a page's tables of contents."""
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names = [line.strip() for tree in trees for line in tree.splitlines() if line.strip() and not line.startswith(":")]
    return {(path.parent / f"{name}.md").resolve() for name in names}


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=named)
def test_every_link_leads_to_a_file_and_a_heading_of_it(path):
    for url in links(path):
        name, _, fragment = url.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_file(), f"{named(path)} links to {url}"
        assert not fragment or target.suffix != ".md" or fragment in anchors(target), f"{named(path)} links to {url}"


def test_every_page_is_reached_from_the_first_by_the_tables_of_contents():
    reached, todo = set(), [DOCS / "index.md"]
    while todo:
        page = todo.pop()
        assert page.is_file(), page
        if page not in reached:
            reached.add(page)
            todo += children(page)
    assert set(PAGES) - reached == set()


def test_every_public_name_has_its_line_in_the_reference():
    stub = ast.parse((ROOT / "stavis" / "__init__.pyi").read_text(encoding="utf-8"))
    offered = {alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    page = (DOCS / "reference" / "api.md").read_text(encoding="utf-8")
    public = page[: page.index("currentmodule:: stavis.jobs")]
    listed = re.findall(r"^   (\w+)$", public, re.MULTILINE)
    assert sorted(listed) == sorted(offered)


def test_every_live_page_that_is_shown_is_made_and_every_one_made_is_shown():
    tree = ast.parse((DOCS / "building" / "pages.py").read_text(encoding="utf-8"))
    table = next(node.value for node in tree.body if isinstance(node, ast.AnnAssign) and node.target.id == "PAGES")
    made = {key.value for key in table.keys}
    shown = {name for path in PAGES for name in re.findall(r"\{live\} (\S+)", path.read_text(encoding="utf-8"))}
    assert made == shown


def test_every_lesson_says_how_long_it_takes_what_to_see_and_where_to_go():
    for path in (DOCS / "lessons").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        if path.stem != "index":
            wanted = (
                "**Time:**",
                "**You need:**",
                "**What you should see",
                "## Exercise",
                "## Where to go next",
                "```{code-cell} ipython3",
            )
            assert [part for part in wanted if part not in text] == [], named(path)


def test_each_question_of_a_newcomer_is_answered_within_two_clicks_of_the_first_page():
    """One click leads from the first page to the questions, the next to the page that answers."""
    assert "faq.md" in links(DOCS / "index.md")
    page = (DOCS / "faq.md").read_text(encoding="utf-8")
    table = page[page.index("## Ten that newcomers ask") : page.index("## More")]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 10
    for question, answer, where in rows:
        assert question.strip().endswith("?") and answer.strip()
        (url,) = re.findall(r"\]\(([^)#]+)[^)]*\)", where)
        assert (DOCS / url).is_file(), question


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(
    bool(MISSING),
    reason=f"the extra docs is not installed ({', '.join(MISSING)} missing)",
)
def test_the_documentation_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-b", "html", "-d", str(tmp_path / "trees"), str(DOCS), str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "index.html").is_file() and any((tmp_path / "site" / "live").glob("*.html"))
