"""Tables as LaTeX: rules of booktabs, nothing that LaTeX would read as a command, numbers with the digits that were asked for."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stavis.errors import StavisError
from stavis.show.tables import Latex, escape_latex, to_latex


@given(st.text(max_size=30))
def test_escaped_text_holds_no_bare_command(text):
    names = ("textbackslash", "textasciitilde", "textasciicircum", "ldots")
    escaped = escape_latex(text)
    for known in (*(rf"\{name}{{}}" for name in names), *(rf"$\{name}$" for name in ("times", "pm", "leq", "geq"))):
        escaped = escaped.replace(known, "")
    escaped = re.sub(r"\$[-<>]\$|\\[&%$#_{}]", "", escaped)
    assert not set(escaped) & set("\\&%$#_{}~^\n")


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


def test_what_cannot_be_a_table_is_refused():
    with pytest.raises(StavisError, match="no columns"):
        to_latex(pd.DataFrame())
    with pytest.raises(StavisError, match="row 3"):
        to_latex(pd.DataFrame({"a": [1]}), bold=[(3, "a")])
