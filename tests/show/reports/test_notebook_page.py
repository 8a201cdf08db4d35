"""The page of an executed notebook is for a reader: what was found first, nothing that speaks to a live kernel, the code folded once."""

import re

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from stavis.show.reports.notebook_page import export_notebook


def shown(text: str) -> list:
    return [new_output("execute_result", {"text/plain": text})]


@pytest.fixture
def page(tmp_path):
    """`page(*cells, problem=...)` is the page of an executed notebook with these cells."""

    def export(*cells, **options) -> str:
        nbformat.write(new_notebook(cells=list(cells)), tmp_path / "a.ipynb")
        return export_notebook(tmp_path / "a.ipynb", tmp_path / "a.html", **options).read_text(encoding="utf-8")

    return export


CELLS = (
    new_markdown_cell("# Explore\n\nWhere it looks."),
    new_markdown_cell("Drag the slider.", metadata={"tags": ["live"]}),
    new_code_cell("video = 1", metadata={"tags": ["parameters"]}),
    new_code_cell("answer = video + 1\nanswer", outputs=shown("'the answer is 2'")),
    new_code_cell("x.finding", outputs=shown("'It leads.'"), metadata={"tags": ["finding"]}),
    new_markdown_cell("## To mail"),
    new_code_cell("x.save()", outputs=shown("PosixPath('a')"), metadata={"tags": ["live"]}),
)


def body(text: str) -> str:
    return re.search(r"<main>(.*)</main>", text, re.S)[1]


def test_it_begins_with_the_way_back_the_notices_and_what_was_found(page):
    text = body(page(*CELLS, finding=["The mouth <leads>.", "Valence rises."], notices=["Synthetic faces only."], index="../index.html"))
    order = ["../index.html", "Synthetic faces only.", "The mouth &lt;leads&gt;. Valence rises.", "Where it looks.", "the answer is 2"]
    assert [text.index(one) for one in order] == sorted(text.index(one) for one in order)
    assert "It leads." not in text, "what was found stands on the page once"


def test_without_a_finding_the_cell_that_shows_it_stays(page):
    assert "It leads." in body(page(*CELLS))


def test_nothing_speaks_to_who_runs_the_notebook(page):
    text = body(page(*CELLS))
    assert "Drag" not in text and "PosixPath" not in text and "To mail" not in text, "nor a heading with nothing under it"


def test_the_code_is_folded_once_at_the_end(page):
    text = body(page(*CELLS))
    assert text.count("<details") == text.count("<summary>") == 1 and "<summary>Code of this page</summary>" in text
    plain = re.sub("<[^>]+>", "", text[text.index("<details") :])
    assert all(cell.source in plain for cell in CELLS if cell.cell_type == "code")
    assert "the answer is 2" not in plain


def test_headings_with_something_under_them_stay(page):
    cells = [new_markdown_cell(text) for text in ("## A", "### B", "words", "## C\n\nmore words", "## D", "### E", "## F")]
    text = body(page(*cells, new_code_cell("1", outputs=shown("'one'"))))
    assert re.findall(r"<h\d[^>]*>(\w)<", text) == ["a", "A", "B", "C", "F"], "after the page's title"


def test_what_was_said_while_it_ran_is_folded_at_the_end(page):
    streams = [new_output("stream", name="stderr", text="\x1b[31mcropping: <3>\x1b[0m"), new_output("stream", name="stdout", text="kept")]
    text = body(page(new_code_cell("run()", outputs=streams)))
    before, after = text.split("<details", 1)
    assert "kept" in before and "cropping" not in before and "<pre>cropping: &lt;3&gt;</pre>" in after


def test_a_page_that_failed_begins_with_one_sentence_and_ends_where_it_stopped(page):
    error = new_output("error", ename="StavisError", evalue="no face", traceback=["Traceback: deep"])
    told = "An Exception was encountered at In [2]."
    cells = [
        new_markdown_cell(told, metadata={"tags": ["papermill-error-cell-tag"]}),
        new_code_cell("explain()", outputs=[error]),
        new_markdown_cell("## Values"),
        new_code_cell("values()"),
    ]
    text = body(page(*cells, title="anna", problem="anna.mp4 shows no face: choose another."))
    first = re.sub("<[^>]+>", " ", text[text.index("</header>") :]).split()
    assert " ".join(first).startswith("Failed: anna.mp4 shows no face: choose another.")
    assert "encountered" not in text and "Values" not in text
    assert "<summary>Traceback</summary>" in text and "Traceback: deep" in text and "values()" in re.sub("<[^>]+>", "", text)


def test_code_of_another_language_is_shown_plainly(page, tmp_path):
    node = new_notebook(cells=[new_code_cell("<b> %% x")], metadata={"language_info": {"name": "no such language"}})
    nbformat.write(node, tmp_path / "b.ipynb")
    text = export_notebook(tmp_path / "b.ipynb", tmp_path / "b.html").read_text()
    assert "&lt;b&gt; %% x" in text
