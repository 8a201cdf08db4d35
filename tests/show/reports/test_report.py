"""A report's text: escaped, inert, whole or not there."""

import base64
import hashlib
import json
import re

import nbformat
import numpy as np
import pandas as pd
import pytest

from stavis.errors import StavisError
from stavis.show.figures.over_time import share_over_time
from stavis.show.reports.notebook_page import export_notebook
from stavis.show.reports.report import HtmlReport, csp, plotly_text, table_block
from stavis.show.scrubber import Scrubber
from stavis.show.scrubber.page import json_block
from tests.show.samples import clip_of, maps_of


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    clip = clip_of(8, 48)
    return Scrubber.from_clip(clip, maps_of(clip, 12))


def test_the_policy_names_exactly_the_scripts_of_the_page(scrubber):
    page = HtmlReport("A", provenance={}).add_scrubber("s", scrubber).html()
    live = re.findall(r'<script type="module"[^>]*>(.*?)</script>', page, re.S)
    assert len(live) == 1
    named = "sha256-" + base64.b64encode(hashlib.sha256(live[0].encode()).digest()).decode()
    assert named in csp(figures=False) and csp(figures=False).count("sha256-") == 1
    assert csp(figures=False).replace("'", "&#39;") in page
    assert csp().count("sha256-") == 2 and "unsafe-eval" not in csp()


def test_plotly_comes_once_and_only_with_a_figure(scrubber):
    clip = clip_of(8, 32)
    figure = share_over_time(clip, maps_of(clip, 8)["attention"])
    assert 'data-stavis-block="plotly"' not in HtmlReport("A", provenance={}).add_scrubber("s", scrubber).html()
    page = HtmlReport("A", provenance={}).add_figure("f", figure).add_figure("g", figure).html()
    assert page.count('data-stavis-block="plotly"') == 1 and len(page) < 0.6 * len(plotly_text())


def test_frames_stand_in_a_page_once(scrubber):
    one = len(HtmlReport("A", provenance={}).add_scrubber("s", scrubber).html())
    two = len(HtmlReport("A", provenance={}).add_scrubber("s", scrubber).add_scrubber("s", scrubber).html())
    buffers = sum(len(content) for content in scrubber.buffers().values())
    assert two - one < 0.5 * buffers + 40_000


def test_a_page_without_scrubber_or_figure_has_no_script():
    page = HtmlReport("A <b>", provenance={"x": 1}).add_text("T", ["<i>"]).html()
    assert "<script" not in page and "A &lt;b&gt;" in page and "&lt;i&gt;" in page


@pytest.mark.parametrize("value", ["</script><script>", "<!--", "\u2028", "a & b", 'quote " and \\ slash'])
def test_json_in_a_page_is_inert_and_comes_back(value):
    text = json_block({value: [value, float("nan"), np.float32(1.5)]})
    assert not re.search(r"[<>&\u2028]", text)
    assert json.loads(text) == {value: [value, None, 1.5]}


def test_tables_say_missing_and_hide_a_counting_index():
    block = table_block(pd.DataFrame({"name": ["a<b"], "value": [np.nan], "small": [-0.00001], "zero": [-0.0]}), "t")
    assert "a&lt;b" in block and "–" in block and "−1.00e−05" in block and ">0.000<" in block
    assert '<th scope="col" style="text-align:left"></th>' in table_block(pd.DataFrame({"v": [1.0]}, index=["row"]), "t")


def test_a_report_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StavisError, match="cannot be written"):
        HtmlReport("A", provenance={}).save(tmp_path / "file" / "report.html")


def notebook_with(outputs, source="show()") -> nbformat.NotebookNode:
    cell = nbformat.v4.new_code_cell(source, outputs=[nbformat.v4.new_output("display_data", data) for data in outputs])
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Anna & co"), cell])


def scrubber_outputs(scrubber, monkeypatch) -> list[dict]:
    shown = []
    monkeypatch.setattr("stavis.show.scrubber.display", lambda data, raw: shown.append(data))
    scrubber._ipython_display_()
    return shown


def exported(tmp_path, notebook) -> str:
    nbformat.write(notebook, tmp_path / "a.ipynb")
    return export_notebook(tmp_path / "a.ipynb", tmp_path / "a.html").read_text(encoding="utf-8")


def test_an_executed_notebook_keeps_its_scrubbers_and_figures(tmp_path, scrubber, monkeypatch):
    clip = clip_of(8, 32)
    figure = json.loads(share_over_time(clip, maps_of(clip, 8)["attention"]).to_json())
    outputs = scrubber_outputs(scrubber, monkeypatch)
    outputs += [*outputs, {"application/vnd.plotly.v1+json": figure, "text/html": "<script src='https://cdn.plot.ly/plotly.js'></script>"}]
    page = exported(tmp_path, notebook_with(outputs))
    assert "<title>Anna &amp; co</title>" in page
    data = page.split('<script type="module"')[0]
    assert data.count('class="stv-host"') == 2 and data.count('class="figure"') == 1
    names = re.findall(r'data-stavis-block="([^"]+)"', data)
    assert len(names) == len(set(names)) == 5
    assert "https://" not in page and "widget-view" not in page


def test_scripts_of_a_notebooks_outputs_are_left_out(tmp_path):
    evil = {"text/html": "<b>kept</b><SCRIPT>window.hacked=1</SCRIPT>", "application/javascript": "window.hacked=1"}
    page = exported(
        tmp_path, notebook_with([evil, {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "HBox()"}])
    )
    assert "<b>kept</b>" in page and "hacked" not in page and "HBox()" in page


def test_what_is_no_notebook_is_refused(tmp_path):
    (tmp_path / "a.ipynb").write_text("{}")
    for path in (tmp_path / "a.ipynb", tmp_path / "none.ipynb"):
        with pytest.raises(StavisError, match="cannot be read as a notebook"):
            export_notebook(path, tmp_path / "a.html")


@pytest.mark.browser
def test_an_exported_notebook_lives_offline(tmp_path, scrubber, monkeypatch, open_page):
    clip = clip_of(8, 32)
    figure = json.loads(share_over_time(clip, maps_of(clip, 8)["attention"]).to_json())
    exported(tmp_path, notebook_with([*scrubber_outputs(scrubber, monkeypatch), {"application/vnd.plotly.v1+json": figure}]))
    page = open_page(tmp_path / "a.html")
    page.wait_for_selector("[data-stavis=scrubber][data-drawn]")
    page.wait_for_selector("[data-stavis-figure][data-drawn]")
    assert page.requests == [] and page.errors == []


def test_notes_stand_in_one_box_and_escape_what_they_hold():
    page = HtmlReport("clip", provenance={}).add_notes(["<b>damaged</b> at 3 s", "two faces"]).html()
    assert page.count('role="note"') == 1
    assert "<li>&lt;b&gt;damaged&lt;/b&gt; at 3\N{NO-BREAK SPACE}s</li><li>two faces</li>" in page
    assert 'role="note"' not in HtmlReport("clip", provenance={}).add_notes([]).html()
