"""Tables for readers: with titles in plain words, numbers with the digits that decide, intervals in one column with their value; for a
paper as LaTeX with the rules of booktabs, every text escaped.

stavis.show.tables.to_latex(x.table("regions"), "regions.tex", caption="Where the attention lies", label="tab:regions")
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.bootstrap import LEVEL
from stavis.errors import StavisError
from stavis.printable import html_text, telling_apart
from stavis.show.column_titles import column_title
from stavis.storage.files import write_text

_SIGNS = "αβγδεζηθικλμνξπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩϵϕϑµ∆×±÷·⋅⊙≤≥≠≈∼∝≪≫«»∞∈√∑∏∂∇→←↔⇒⇐⇔↑↓▸✓✗"
_COMMANDS = (
    "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho varsigma sigma tau upsilon varphi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega epsilon phi vartheta mu Delta "
    "times pm div cdot cdot odot leq geq neq approx sim propto ll gg ll gg infty in surd sum prod partial nabla "
    "rightarrow leftarrow leftrightarrow Rightarrow Leftarrow Leftrightarrow uparrow downarrow triangleright surd times"
)
_SPECIAL = {
    **{sign: rf"$\{name}$" for sign, name in zip(_SIGNS, _COMMANDS.split(), strict=True)},
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True)),  # LaTeX has no commands for Greek letters that look Latin
    **{sign: rf"$^{digit}$" for sign, digit in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True)},
    **{sign: rf"$_{digit}$" for sign, digit in zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True)},
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "–": "--", "—": "---", "…": r"\ldots{}", "<": "$<$", ">": "$>$",
    "|": "$|$", "°": r"$^\circ$", "′": "$'$", "•": r"\textbullet{}", "€": r"\texteuro{}", "“": "``", "”": "''", "„": ",,", "‘": "`",
    "’": "'", "‐": "-", "‑": "-", "─": "--", "\u00a0": "~", "\u202f": r"\,", "\u2009": r"\,", "\u200b": "", "\ufeff": "",
    "\n": " ", "\r": " ", "\t": " ",
}  # fmt: skip


NAMED = ("region", "part")
"""Columns whose cells are names of regions."""


Limits = Mapping[str, float | Sequence[float]]
"""By column, what its numbers are held against: one limit, or several."""

HELD = "limits"
"""Under this name a table carries its limits (`DataFrame.attrs`) from the result that made it to where it is shown."""


class ReadableTable(pd.DataFrame):
    """A table that a notebook shows with the digits that decide: numbers that are held against a limit never look like it.

    `attrs["limits"]`: by column (its title), what its numbers are held against. What is computed from it is a plain DataFrame.
    """

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def _repr_html_(self) -> str:
        return html_table(self, self.attrs.get(HELD))

    def __repr__(self) -> str:
        texts = zip(*_texts(self, self.attrs.get(HELD)), strict=True)
        return pd.DataFrame(list(texts), self.index, self.columns).to_string(index=not _counted(self))


def readable(table: pd.DataFrame, limits: Limits | None = None) -> ReadableTable:
    """A table as a reader sees it: titles in plain words over its columns ("p (Holm)" for p_holm), names of regions without underscores,
    numbers with as many digits as tell them from what they are held against.

    limits: by column; by default those that the table carries. What files hold keeps its keys.
    """
    limits = {column_title(name): limit for name, limit in (limits or table.attrs.get(HELD) or {}).items()}
    names = {name: table[name].map(lambda one: str(one).replace("_", " ")) for name in NAMED if name in table}
    shown = ReadableTable(table.assign(**names).rename(columns=column_title))
    shown.attrs[HELD] = limits
    return shown


def with_intervals(table: pd.DataFrame, limits: Limits | None = None) -> pd.DataFrame:
    """A table in which a value and its interval are one column of text: `share`, `share_low` and `share_high` become
    "share [95 %]" with cells such as "0.40 [0.35, 0.45]", with the digits that tell all three from what they are held against.

    `low` and `high` are the ends of the column before them. limits: by column; by default those that the table carries.
    """
    limits = limits or table.attrs.get(HELD) or {}
    shown = table.copy()
    for name in table.columns:
        low, high = (f"{name}_low", f"{name}_high") if f"{name}_low" in table else ("low", "high")
        at = table.columns.get_loc(name)
        if low not in table or high not in table or (low == "low" and at + 1 != table.columns.get_loc("low")):
            continue
        held = np.atleast_1d(limits[name]).tolist() if name in limits else []
        cells = [_with_ends(values, held) for values in table[[name, low, high]].itertuples(index=False, name=None)]
        shown[name] = pd.Series(cells, table.index, dtype=object)
        shown = shown.drop(columns=[low, high]).rename(columns={name: f"{column_title(name)} [{100 * LEVEL:g} %]"})
    return shown


def _with_ends(values: Sequence[float], held: Sequence[float]) -> str:
    """A value with its interval, each told from the limit and from the other two."""
    value, low, high = (float(one) for one in values)
    if not np.isfinite(value):
        return "–"
    show = telling_apart(values, held)
    text = f"{show(value)} [{show(low)}, {show(high)}]" if np.isfinite(low) and np.isfinite(high) else show(value)
    return text.replace("-", "−")


def html_table(table: pd.DataFrame, limits: Limits | None = None) -> str:
    """A DataFrame as an HTML table, every cell escaped, its index left out where it only counts, numbers to the right.

    limits: by column, what its numbers are told apart from.
    """
    counted = _counted(table)
    frame = table if counted else table.reset_index()
    kinds = ["number" if _numeric(kind) else "" for kind in frame.dtypes]
    # A notebook sets every cell to the right.
    mark = [f' class="{kind}"' if kind else ' style="text-align:left"' for kind in kinds]
    names = ["" if k == 0 and not counted and table.index.name is None else str(name) for k, name in enumerate(frame.columns)]
    head = "".join(f'<th scope="col"{m}>{html_text(name)}</th>' for name, m in zip(names, mark, strict=True))
    cells = zip(*_texts(frame, limits), strict=True)
    rows = ("".join(f"<td{m}>{html_text(text)}</td>" for text, m in zip(row, mark, strict=True)) for row in cells)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _counted(table: pd.DataFrame) -> bool:
    return isinstance(table.index, pd.RangeIndex) and table.index.name is None


def _numeric(kind) -> bool:
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def _texts(table: pd.DataFrame, limits: Limits | None) -> list[list[str]]:
    """The cells of each column as a reader sees them."""
    limits = limits or {}
    shows = [telling_apart(table[name], np.atleast_1d(limits[name]).tolist(), 3) if name in limits else None for name in table.columns]
    columns = zip(table.columns, shows, strict=True)
    small = {name for name in table.columns if np.min(limits.get(name, 1)) >= _LEAST_P}  # a smaller limit decides itself
    return [
        [(_too_small(name, value) if name in small else "") or _shown(value, show) for value in table.iloc[:, k]]
        for k, (name, show) in enumerate(columns)
    ]


_LEAST_P = 1e-3


def _too_small(name: object, value: object) -> str:
    """`<0.001` for a p value (in a column "p" or "p (...)") that three digits would show as 0, which no p is; '' for all else."""
    is_p = str(name).strip("$") == "p" or str(name).startswith("p (")
    return f"<{_LEAST_P:.3f}" if is_p and isinstance(value, float | np.floating) and 0 <= value < _LEAST_P else ""


def _shown(value: object, show: Callable[[float], str] | None = None) -> str:
    if value is None or (isinstance(value, float | np.floating) and not np.isfinite(value)) or value is pd.NaT:
        return "–"
    if show is not None:
        return show(value).replace("-", "−")
    if isinstance(value, float | np.floating):
        value = value + 0.0  # no minus before zero
        return f"{value:.3f}".replace("-", "−") if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.2e}".replace("-", "−")
    return str(value)


class Latex(str):
    """A cell or heading that is LaTeX already and is not escaped."""


def escape_latex(text: object) -> str:
    """Text in which LaTeX reads no command, and whose Greek letters and signs pdfLaTeX can set, too; other scripts stay as they are."""
    if isinstance(text, Latex):
        return text
    return "".join(_SPECIAL.get(sign, sign) for sign in unicodedata.normalize("NFC", str(text)))  # pdfLaTeX takes no accent alone


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
    """A table as LaTeX text, which needs \\usepackage{booktabs}; with `path` it is written there, too. Names in scripts other than Latin
    and Greek need XeLaTeX or LuaLaTeX.

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
        cells = [_latex_cell(name, value, _digits(digits, name)) for value, name in zip(row, table.columns, strict=True)]
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


def _latex_cell(name: object, value: object, digits: int | None) -> str:
    """A cell; a p value that its digits would show as 0 is `<0.001`, one whose digits were asked for is written with them."""
    hides = digits is not None and digits <= 3
    return f"${text}$" if hides and (text := _too_small(name, value)) else _cell(value, digits)


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
