"""Tables for readers: with titles in plain words; for a paper as LaTeX with the rules of booktabs, every text escaped.

stavis.show.tables.to_latex(x.table("regions"), "regions.tex", caption="Where the attention lies", label="tab:regions")
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.errors import StavisError
from stavis.show.column_titles import column_title
from stavis.storage.files import write_text

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "×": r"$\times$", "±": r"$\pm$", "–": "--", "…": r"\ldots{}",
    "≤": r"$\leq$", "≥": r"$\geq$", "<": "$<$", ">": "$>$", "\n": " ", "\r": " ", "\t": " ",
}  # fmt: skip


NAMED = ("region", "part")
"""Columns whose cells are names of regions."""


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """A table as a reader sees it: titles in plain words over its columns ("p (Holm)" for p_holm), names of regions without underscores.

    What files hold keeps its keys.
    """
    names = {name: table[name].map(lambda one: str(one).replace("_", " ")) for name in NAMED if name in table}
    return table.assign(**names).rename(columns=column_title)


class Latex(str):
    """A cell or heading that is LaTeX already and is not escaped."""


def escape_latex(text: object) -> str:
    """Text in which LaTeX reads no command."""
    return text if isinstance(text, Latex) else "".join(_SPECIAL.get(sign, sign) for sign in str(text))


def to_latex(
    table: pd.DataFrame,
    path: str | Path | None = None,
    *,
    caption: str = "",
    label: str = "",
    digits: int | Mapping[str, int] = 3,
    bold: Sequence[tuple[int, str]] = (),
    notes: Sequence[str] = (),
    wide: bool = False,
) -> str:
    """A table as LaTeX text, which needs \\usepackage{booktabs}; with `path` it is written there, too.

    digits: of numbers, or by column (others are written as they are); values that are missing become a dash. bold: (row from 0,
    column) of cells to stand out. caption, label: of the float; without either only the tabular is given. notes: lines under the
    table. wide: over both columns of the page.

    Raises StavisError where the table has no columns or a bold cell is not in it.
    """
    if not len(table.columns):
        raise StavisError("the table has no columns: there is nothing to write as LaTeX.")
    for row, column in bold:
        if column not in table.columns or not 0 <= row < len(table):
            raise StavisError(f"there is no cell in row {row} and column {column!r} to be bold: the columns are {_names(table)}.")
    numeric = [pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in table.dtypes]
    lines = [rf"\begin{{tabular}}{{{''.join('r' if one else 'l' for one in numeric)}}}", r"\toprule"]
    lines += [" & ".join(escape_latex(name) for name in table.columns) + r" \\", r"\midrule"]
    for k, row in enumerate(table.itertuples(index=False, name=None)):
        cells = [_cell(value, _digits(digits, name)) for value, name in zip(row, table.columns, strict=True)]
        cells = [rf"\textbf{{{cell}}}" if (k, name) in bold else cell for cell, name in zip(cells, table.columns, strict=True)]
        lines.append(" & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    if caption or label:
        lines = _float(lines, caption, label, notes, "table*" if wide else "table")
    else:
        lines += [rf"\par\smallskip\footnotesize {escape_latex(note)}" for note in notes]
    text = "\n".join(lines) + "\n"
    if path is not None:
        write_text(path, text)
    return text


def _names(table: pd.DataFrame) -> str:
    return ", ".join(map(str, table.columns[:8]))


def _float(lines: list[str], caption: str, label: str, notes: Sequence[str], kind: str) -> list[str]:
    begin = [rf"\begin{{{kind}}}[t]", r"\centering"]
    begin += [rf"\caption{{{escape_latex(caption)}}}"] if caption else []
    begin += [rf"\label{{{label}}}"] if label else []
    return [*begin, *lines, *(rf"\par\smallskip\footnotesize {escape_latex(note)}" for note in notes), rf"\end{{{kind}}}"]


def _digits(digits: int | Mapping[str, int], name: str) -> int | None:
    return digits if isinstance(digits, int) else digits.get(name)


def _cell(value: object, digits: int | None) -> str:
    if value is None or value is pd.NA or (isinstance(value, float | np.floating) and not np.isfinite(value)):
        return "--"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float | np.floating):
        text = f"{value:g}" if digits is None else f"{value:.{digits}f}"
        if float(text) == 0:
            text = text.lstrip("-")
        return f"$-${text[1:]}" if text.startswith("-") else text
    if isinstance(value, int | np.integer):
        return f"$-${-value}" if value < 0 else str(value)
    return escape_latex(value)
