"""Tables for readers and as LaTeX: the digits that decide, intervals beside their value, rules of booktabs, no text that is a command."""

import re
import unicodedata
from html import unescape

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stavis.errors import StavisError
from stavis.show.reports.report import HtmlReport
from stavis.show.tables import Latex, escape_latex, html_table, readable, to_latex, with_intervals


def beyond_latex(text: str) -> set[str]:
    """The signs of a text that pdfLaTeX does not take by itself: all but ASCII and Latin letters with accents."""
    return {sign for sign in text if not sign.isascii() and not unicodedata.name(sign, "").startswith("LATIN ")}


@given(st.text(max_size=30))
def test_escaped_text_holds_no_bare_command(text):
    escaped = escape_latex(text)
    for name in ("textbackslash", "textasciitilde", "textasciicircum", "ldots", "textbullet", "texteuro"):
        escaped = escaped.replace(rf"\{name}{{}}", "")
    escaped = re.sub(r"\\[&%$#_{},]", "", escaped).replace("~", "" if "\u00a0" in text else "~")
    escaped = re.sub(r"\$([-<>|']|[\^_][-0-9]|\^?\\[A-Za-z]+)\$", "", escaped)
    assert not set(escaped) & set("\\&%$#_{}~^\n")


def test_signs_that_pdflatex_does_not_know_are_commands():
    assert escape_latex("ε → α ≤ 3 σ², 10⁻³ ✓") == (r"$\varepsilon$ $\rightarrow$ $\alpha$ $\leq$ 3 $\sigma$$^2$, 10$^-$$^3$ $\surd$")
    assert escape_latex("Ärger in Αθήνα · Jose\u0301 – “a|b”") == r"Ärger in A$\theta$ή$\nu$$\alpha$ $\cdot$ José -- ``a$|$b''"
    letters = "".join(map(chr, (*range(0x391, 0x3A2), *range(0x3A3, 0x3AA), *range(0x3B1, 0x3CA))))
    assert not beyond_latex(escape_latex(letters + "←↑→↓↔⇒×±−–…≤≥≈≠∞ΔΣ°µ€"))
    assert all(escape_latex(one) != escape_latex(two) for one, two in ("εο", "ΔΑ", "φϕ"))


def test_a_table_has_the_rules_of_booktabs_and_a_line_for_each_row():
    table = pd.DataFrame({"region": ["left_eye", "mouth & co"], "share": [-0.12345, np.nan], "frames": [3, -4], "kept": [True, False]})
    lines = to_latex(table, digits=2).splitlines()
    assert lines == [
        r"\begin{tabular}{lrrl}",
        r"\toprule",
        r"region & share & frames & kept \\",
        r"\midrule",
        r"left\_eye & $-$0.12 & 3 & yes \\",
        r"mouth \& co & -- & $-$4 & no \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_a_float_has_caption_label_bold_cells_and_notes(tmp_path):
    table = pd.DataFrame({"system": ["a", "b"], Latex("$p$"): [0.04, -0.0001]})
    text = to_latex(table, tmp_path / "t.tex", caption="All of 100 %", label="tab:x", bold=[(0, "$p$")], notes=["n = 3"], wide=True)
    assert text == (tmp_path / "t.tex").read_text()
    assert text.startswith("\\begin{table*}[t]\n\\centering\n\\caption{All of 100 \\%}\n\\label{tab:x}\n")
    assert r"a & \textbf{0.040} \\" in text and "b & $-$" not in text and "system & $p$" in text
    assert text.endswith("footnotesize n = 3\n\\end{table*}\n")


@given(st.floats(0.0, 0.02, allow_nan=False))
def test_no_p_is_shown_as_zero(p):
    table = pd.DataFrame({"p (Holm)": [p], Latex("$p$"): [p], "low": [p]})
    html, latex = html_table(table, {"p (Holm)": 0.05}), to_latex(table)
    assert html.count("&lt;0.001") == latex.count("$<0.001$") == (2 if p < 1e-3 else 0)
    assert "<" not in to_latex(table, digits=9), "who asks for digits gets them"


def test_what_cannot_be_a_table_is_refused():
    with pytest.raises(StavisError, match="no columns"):
        to_latex(pd.DataFrame())
    with pytest.raises(StavisError, match="row 3"):
        to_latex(pd.DataFrame({"a": [1]}), bold=[(3, "a")])


UNIT = st.floats(0.0, 1.0, allow_nan=False)


@settings(max_examples=25)
@given(st.lists(UNIT, min_size=1, max_size=4), UNIT)
def test_no_number_in_a_notebook_looks_like_what_it_is_held_against_unless_it_is(values, limit):
    shown = readable(pd.DataFrame({"part": ["left_eye"] * len(values), "p_holm": values}), {"p_holm": limit})
    for text in (shown._repr_html_(), repr(shown)):
        assert "left eye" in text and "p (Holm)" in text
    cells = re.findall(r'<td class="number">([^<]*)</td>', shown._repr_html_())
    beside = readable(pd.DataFrame({"p_holm": [limit, *values]}), {"p_holm": limit})._repr_html_()
    alone = re.findall(r'<td class="number">([^<]*)</td>', beside)[0]
    assert [cell == alone for cell in cells] == [value == limit for value in values]
    assert repr(shown).split()[-1] == unescape(cells[-1]), "as text with the same digits"


def test_a_table_carries_its_limits_and_what_is_computed_from_it_is_a_plain_table():
    table = pd.DataFrame({"change": [0.39996, 0.7]})
    table.attrs["limits"] = {"change": 0.4}
    assert "0.39996" in readable(table)._repr_html_() and "0.400" not in readable(table)._repr_html_()
    assert "0.39996" in HtmlReport("a", provenance={}).add_table("t", table).html(), "on a page as in a notebook"
    assert type(readable(table).head(1)) is pd.DataFrame and readable(table)["change"].tolist() == [0.39996, 0.7]


def test_a_value_and_its_interval_are_one_column_of_text():
    table = pd.DataFrame(
        {"part": ["a", "b", "c"], "share": [0.5, 0.3, np.nan], "share_low": [0.3996, np.nan, np.nan], "share_high": [0.6, np.nan, np.nan],
         "growth": [-0.2, 0.1, 0.0], "low": [-0.3, 0.0, -0.1], "high": [-0.1, 0.2, 0.1], "p": [0.1, 0.2, 0.3]}
    )  # fmt: skip
    shown = with_intervals(table, {"share": 0.4})
    assert shown.columns.tolist() == ["part", "share [95 %]", "growth [95 %]", "p"]
    assert shown["share [95 %]"].tolist() == ["0.5000 [0.3996, 0.6000]", "0.30", "–"]
    assert shown["growth [95 %]"].tolist() == ["−0.20 [−0.30, −0.10]", "0.10 [0.00, 0.20]", "0.00 [−0.10, 0.10]"]
    assert table.columns.size == 8 and shown.p.tolist() == [0.1, 0.2, 0.3]
