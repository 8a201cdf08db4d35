"""The documentation is consistent without being built. What needs the built site is in tests/show/test_site_browser.py."""

import ast
import re
import shlex
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import typer

from stavis.cli import app

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if not {"_build", "generated"} & set(path.relative_to(DOCS).parts))
LESSONS = [path for path in PAGES if path.parent.name == "lessons" and path.stem != "index"]

sys.path.insert(0, str(DOCS))  # the pages are built by modules of their own
from building import lesson_cells  # noqa: E402


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


def test_captions_of_live_pages_have_no_markup_but_code():
    found = [re.findall(r"^:::\{live\}.*?\n(.*?)^:::$", path.read_text(encoding="utf-8"), re.M | re.S) for path in PAGES]
    captions = [text for texts in found for text in texts]
    assert len(captions) >= 13 and [text for text in captions if re.search(r"[*_]\w|\]\(", re.sub("`[^`]+`", "", text))] == []


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


def titled_links(path: Path) -> dict[str, Path]:
    """The pages that a page's prose links to, by the text of the link in small letters."""
    found = re.findall(r"\[([^\]\n]+)\]\(([^)\s#]+\.md)[^)\s]*\)", prose(path))
    return {title.strip("*").lower(): (path.parent / url).resolve() for title, url in found}


def clicks(first: Path) -> dict[Path, int]:
    """How many links in prose lead from a page to each other one, at least."""
    reached, todo = {first: 0}, [first]
    for page in todo:
        for target in titled_links(page).values():
            if target.is_file() and target not in reached and DOCS in target.parents:
                reached[target] = reached[page] + 1
                todo.append(target)
    return reached


ANSWERS = {
    "What is valence?": "how pleasant or unpleasant an expression looks",
    "Which column is valence?": "`predicted`",
    "What is density?": "The share over the region's area",
    "Can I mail it?": "can be mailed",
    "Does it send anything?": "Nothing is sent anywhere",
    "Does it work on real faces?": "real faces",
    "Can it read my network?": "network of your own",
    "Does the attention explain the prediction?": "four questions about the attention",
    "What is an empty cell?": "An empty cell is undefined",
    "May I use it on employees or pupils?": "workplace and education",
}
"""What a newcomer asks, and what must stand on the page that answers."""


def questions() -> list[tuple[str, str, str]]:
    """The rows of the table: question, answer, clicks."""
    page = (DOCS / "faq.md").read_text(encoding="utf-8")
    table = page[page.index("## Ten that newcomers ask") : page.index("## More")]
    return [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in table.splitlines() if line.startswith("|")][2:]


def test_ten_questions_are_asked():
    assert {question for question, _, _ in questions()} == set(ANSWERS) and len(ANSWERS) == 10


@pytest.mark.parametrize(("question", "answer", "path"), questions(), ids=lambda text: text if text.endswith("?") else "")
def test_the_clicks_that_are_named_lead_from_the_first_page_to_the_answer(question, answer, path):
    *before, last = path.split(" → ")
    page, steps = DOCS / "index.md", []
    for title in before:
        page = titled_links(page)[title.lower()]
        steps.append(page)
    title, url, fragment = re.fullmatch(r"\[([^\]]+)\]\(([^)#]+)#?([^)]*)\)", last).groups()
    target = (DOCS / url).resolve()
    assert titled_links(page)[title.lower()] == target and len(steps) < 2
    assert clicks(DOCS / "index.md")[target] <= 2
    text = target.read_text(encoding="utf-8")
    for included in re.findall(r"\{include\} (\S+)", text):
        text += (target.parent / included).read_text(encoding="utf-8")
    assert ANSWERS[question].lower() in " ".join(text.split()).lower() and answer
    assert not fragment or fragment in anchors(target)


@pytest.mark.parametrize("path", LESSONS, ids=named)
def test_a_lesson_is_a_notebook_with_its_code_in_order(path):
    text = path.read_text(encoding="utf-8")
    found = lesson_cells.notebook(text, path.stem)
    nbformat.validate(found)
    code = [cell.source for cell in found.cells if cell.cell_type == "code"]
    assert code == [block.strip("\n") for block in re.findall(r"^```\{code-cell\} ipython3\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]
    assert len({cell.id for cell in found.cells}) == len(found.cells) and not any(cell.get("outputs") for cell in found.cells)
    for cell in found.cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"\]\([^):]*\.md", cell.source) and "{code-cell}" not in cell.source
            notebooks = re.findall(r"\]\(([\w-]+)\.ipynb\)", cell.source)
            assert all((path.parent / f"{name}.md").is_file() for name in notebooks)


def test_the_lessons_of_the_docs_are_all_there():
    order = [path.stem for path in (DOCS / "lessons").glob("*.md") if path.stem != "index"]
    wanted = "read-a-page your-video your-labels train judge your-own-network which-method study where-it-fails"
    assert set(order) == set(wanted.split()) == {url.removesuffix(".md") for url in links(DOCS / "lessons" / "index.md") if "/" not in url}


BADGES = {"license": lambda project: project["license"], "python": lambda project: " | ".join(minors(project))}


def minors(project: dict) -> list[str]:
    """The versions of Python that the classifiers name."""
    return [name.rpartition(" ")[2] for name in project["classifiers"] if re.search(r":: 3\.\d+$", name)]


@pytest.mark.parametrize("name", sorted(BADGES))
def test_a_badge_says_what_the_project_says(name):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    badge = (DOCS / "images" / "badges" / f"{name}.svg").read_text(encoding="utf-8")
    assert f">{BADGES[name](project)}<" in badge
    assert f"docs/images/badges/{name}.svg" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_paper_cites_what_its_bibliography_holds():
    paper, bibliography = ((ROOT / name).read_text(encoding="utf-8") for name in ("paper.md", "paper.bib"))
    cited = set(re.findall(r"@(\w+\d{4}\w*)", paper))
    entries = dict(re.findall(r"^@\w+\{(\w+),\n(.*?)^\}", bibliography, re.MULTILINE | re.DOTALL))
    assert cited == set(entries) and len(entries) >= 15
    assert [key for key, body in entries.items() if not re.search(r"^  (?:doi|url) +=", body, re.MULTILINE)] == []
    wanted = "Summary|Statement of need|State of the field|Software design|Research impact statement|AI usage disclosure"
    assert re.findall(r"^# (.+)$", paper, re.MULTILINE) == [*wanted.split("|"), "Acknowledgements", "References"]
    assert 750 <= len(paper.partition("# Summary")[2].split()) <= 1750
    for image in re.findall(r"!\[.*?\]\(([^)]+)\)", paper):
        assert (ROOT / image).is_file()


def test_each_check_that_is_not_followed_has_its_reason():
    ignored = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["repo-review"]["ignore"]
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    page = page[page.index("## sp-repo-review") : page.index("## What a change brings along")]
    named = set(re.findall(r"^\| ([A-Z]{2}\d{3}) (?!to )", page, re.MULTILINE))
    for first, last in re.findall(r"^\| ([A-Z]{2}\d{3}) to ([A-Z]{2}\d{3})", page, re.MULTILINE):
        named |= {name for name in ignored if first <= name <= last}
    assert set(ignored) == named


def blocks(path: Path) -> list[ast.Module]:
    """The blocks of Python of a page, those of lessons included. What does not parse is an error."""
    found = re.findall(r"^```(?:python|\{code-cell\} ipython3)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [ast.parse(text) for text in found]


def offered() -> set[str]:
    stub = ast.parse((ROOT / "stavis" / "__init__.pyi").read_text(encoding="utf-8"))
    return {alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names} | {"jobs"}


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=named)
def test_python_in_a_page_names_what_is_there(path):
    for tree in blocks(path):
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "stavis":
                assert node.attr in offered(), f"stavis.{node.attr}"
            if isinstance(node, ast.ImportFrom) and node.module == "stavis":
                assert {alias.name for alias in node.names} <= offered()
            elif isinstance(node, ast.ImportFrom) and node.module.startswith("stavis."):
                place = ROOT / node.module.replace(".", "/")
                source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
                text = source.read_text(encoding="utf-8")
                assert [alias.name for alias in node.names if not re.search(rf"\b{alias.name}\b", text)] == []


def commands(path: Path) -> list[list[str]]:
    """The commands of stavis that a page shows in blocks, each as its words; what stands after a wide gap is a comment."""
    lines = re.findall(r"^    (stavis [^#\n]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    parts = [part.strip() for line in lines for part in line.split("&&")]
    return [shlex.split(re.split(r" {3,}", part)[0]) for part in parts if part.startswith("stavis ")]


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=named)
def test_commands_in_a_page_are_commands_and_options_of_the_shell(path):
    shell = typer.main.get_command(app)
    for _, name, *rest in commands(path):
        if name.startswith("-"):
            continue
        known = {option for one in shell.commands[name].params for option in [*one.opts, *one.secondary_opts]}
        used = {word.partition("=")[0] for word in rest if re.match(r"--?[a-zA-Z]", word)}
        assert used <= known, f"stavis {name} takes no {', '.join(sorted(used - known))}"
