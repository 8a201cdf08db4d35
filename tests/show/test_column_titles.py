"""What a reader sees over columns: words, each column its own; keys of files stay as they are."""

import re

import pandas as pd
import pytest

from stavis.bench.scores import COLUMNS
from stavis.show.column_titles import column_title
from stavis.show.reports.report import HtmlReport
from stavis.show.tables import readable


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("p_holm", "p (Holm)"),
        ("share_low", "share from"),
        ("image_left_high", "image left to"),
        ("less_sta", "minus STA"),
        ("less_low", "minus STA from"),
        ("low", "low"),
        ("mean share", "mean share"),
        (0, 0),
    ],
)
def test_titles(key, title):
    assert column_title(key) == title and type(column_title(key)) is type(key)


def test_no_title_has_an_underscore_and_none_falls_on_another():
    keys = [*COLUMNS, "share", "share_low", "share_high", "density_low", "image_left", "image_left_low", "spearman", "jsd", "top_iou"]
    titles = [column_title(key) for key in dict.fromkeys(keys)]
    assert len(set(titles)) == len(titles) and not any("_" in title for title in titles)
    assert [column_title(title) for title in titles] == titles, "a title is its own title"


def test_numbers_of_a_table_are_told_from_what_they_are_held_against():
    table = pd.DataFrame({"p_holm": [0.04996, 0.5, float("nan")], "other": [0.04996, 0.5, 1.0]})
    page = HtmlReport("a", provenance={}).add_table("t", table, limits={"p_holm": 0.05}).html()
    cells = re.findall(r'<td class="number">([^<]*)</td>', page)
    assert cells == ["0.04996", "0.050", "0.50000", "0.500", "–", "1.000"]


def test_a_table_is_readable_and_the_one_it_is_made_from_stays():
    table = pd.DataFrame({"part": ["left_eye"], "p_holm": [0.5]})
    shown = readable(table)
    assert shown.columns.tolist() == ["part", "p (Holm)"] and shown.part.tolist() == ["left eye"]
    assert table.columns.tolist() == ["part", "p_holm"] and table.part.tolist() == ["left_eye"]
    assert "p_holm" not in HtmlReport("a", provenance={}).add_table("t", table).html()
