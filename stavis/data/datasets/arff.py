"""Tables in WEKA's ARFF, as the challenge packages hold gold standards and descriptors in.

References
----------
Hall et al.: The WEKA data mining software, an update. 2009.
"""

import csv
import io
import re
from pathlib import Path

import pandas as pd

from stavis.data.datasets.labels import text_of
from stavis.errors import StavisError

_ATTRIBUTE = re.compile(r"""@attribute\s+('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^\s{]+)\s*(.+)""", re.IGNORECASE)
_NUMERIC = ("numeric", "real", "integer")


def read_arff(path: str | Path) -> pd.DataFrame:
    """The table in an ARFF file, one column an attribute: numbers as float64 (NaN for '?'), all else as text.

    Names and texts may be quoted, keywords in any case, comments (%) and empty lines anywhere.

    Raises StavisError where the file is missing, has no @data, no row, is sparse, or a row does not fit its attributes.
    """
    path = Path(path)
    lines = text_of(path).splitlines()
    names, numeric = [], []
    for number, line in enumerate(lines):
        word = line.strip()
        if word.lower() == "@data":
            break
        if word.lower().startswith("@attribute"):
            found = _ATTRIBUTE.match(word)
            if not found:
                raise StavisError(f"{path}, line {number + 1}: {word[:60]!r} names no attribute with its type: take another copy.")
            name = found[1]
            names.append(re.sub(r"\\(.)", r"\1", name[1:-1]) if name[0] in "'\"" else name)
            numeric.append(found[2].strip().lower() in _NUMERIC)
    else:
        raise StavisError(f"{path} has no line '@data': it is no ARFF file, or cut short.")
    rows = [line for line in lines[number + 1 :] if line.strip() and not line.lstrip().startswith("%")]
    if not rows:
        raise StavisError(f"{path} holds no row below '@data': take another copy.")
    if rows[0].lstrip().startswith("{"):
        raise StavisError(f"{path} is a sparse ARFF file, which is not read: write it as a dense one.")
    return _table(path, rows, names, numeric)


def _table(path: Path, rows: list[str], names: list[str], numeric: list[bool]) -> pd.DataFrame:
    quote = '"' if rows[0].lstrip().startswith('"') else "'"
    first = next(csv.reader(rows[:1], quotechar=quote, escapechar="\\", skipinitialspace=True))
    if len(first) != len(names):
        raise StavisError(f"{path}: the first row has {len(first)} values for {len(names)} attributes: take another copy.")
    try:
        text = pd.read_csv(io.BytesIO("\n".join(rows).encode()), header=None, quotechar=quote, escapechar="\\", skipinitialspace=True,
                           na_values={k: ["?"] for k, number in enumerate(numeric) if number}, keep_default_na=False,
                           dtype={k: "float64" if number else "str" for k, number in enumerate(numeric)})  # fmt: skip
    except (ValueError, OverflowError) as error:
        raise StavisError(f"{path}: a row does not fit its attributes ({' '.join(str(error).split())[:99]}): take another copy.") from error
    text.columns = names
    return text
