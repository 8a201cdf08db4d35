"""The packages of the AV+EC challenges of 2015 and 2016: RECOLA cut into train_1 ... dev_9, with gold standards and descriptors in ARFF.

| | |
|---|---|
| what | 27 recordings of RECOLA, 9 each in train, dev and test; 5 minutes, 25 frames/s |
| labels | gold standards of valence and arousal, every .04 s, 7501 rows; those of test are not given out; the six raters besides |
| licence | that of RECOLA and of the challenge; research only; nothing may be passed on |
| apply | with the organisers of the challenge, https://diuf.unifr.ch/main/diva/recola/ |

    AVEC/ratings_gold_standard/valence/train_1.arff      attributes Instance_name, frameTime, GoldStandard
    AVEC/ratings_individual/valence/train_1.csv          optional: time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3
    AVEC/recordings_video/train_1.mp4                    videos lie anywhere in the folder, called like their labels

The labels are the organisers' gold standard, not one made here. Which person of RECOLA a recording shows is not told: each one counts as
a person of its own.

References
----------
Ringeval et al.: AV+EC 2015, the first affect recognition challenge bridging across audio, video, and physiological data. 2015.
Valstar et al.: AVEC 2016, depression, mood, and emotion recognition workshop and challenge. 2016.
"""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stavis.data.datasets.assembly import GroupedNotes, build_recordings, files_by_name, note_rate, videos_below
from stavis.data.datasets.clock import label_fields
from stavis.data.datasets.gold import absent_raters, constant_raters
from stavis.data.datasets.labels import Labels, read_raters, text_of
from stavis.errors import StavisError
from stavis.timeline import MAX_GAP
from stavis.types import Recording

TITLE = "an AV+EC package"
GOLD, RATERS = "ratings_gold_standard", "ratings_individual"
RATE = 25.0
DIMENSIONS = ("valence", "arousal")

_NAME = re.compile(r"(train|dev|test)_\d+$", re.IGNORECASE)


@dataclass(frozen=True)
class Features:
    """Descriptors over time: times (N,) s, rising; values (N,F), NaN where one is missing; the F names."""

    times: np.ndarray
    values: np.ndarray
    names: tuple[str, ...]


def fits(root: Path) -> bool:
    """Whether a folder is such a package: it holds ratings_gold_standard."""
    return (root / GOLD).is_dir()


def read(root: Path, *, max_gap: float | None = MAX_GAP) -> list[Recording]:
    """The recordings of a package with the organisers' gold standard, and the raters where they are there.

    What does not fit together is one of their notes. Raises StavisError where videos or labels are missing altogether, or a
    label file is bad.
    """
    videos = {name: path for name, path in videos_below(root).items() if _NAME.match(name)}
    gold = {dimension: files_by_name(root / GOLD / dimension, (".arff",)) for dimension in DIMENSIONS}
    raters = {dimension: files_by_name(root / RATERS / dimension, (".csv",)) for dimension in DIMENSIONS}
    notes = GroupedNotes()

    def make(name: str) -> Recording:
        split = _NAME.match(name)[1].lower()
        found = {dimension: read_gold(files[name]) for dimension, files in gold.items() if name in files}
        if not found:
            return Recording(name, videos[name], name, split)
        for dimension, one in found.items():
            note_rate(notes, f"{dimension} of {name}", one.times, RATE)
        ratings = {dimension: read_raters(files[name]) for dimension, files in raters.items() if name in files}
        for dimension, one in ratings.items():
            for kind, who in (("raters with constant ratings", constant_raters(one)), ("raters without any rating", absent_raters(one))):
                notes.add(kind, [f"{rater} ({dimension} of {name})" for rater in who])
        return Recording(
            name,
            videos[name],
            name,
            split,
            **label_fields({dimension: (one.times, one.values) for dimension, one in found.items()}, ratings, max_gap),
            label_source="gold standard of the challenge",
        )

    return build_recordings(root, TITLE, videos, set().union(*gold.values()), notes, make, max_gap)


def read_gold(path: str | Path) -> Labels:
    """The gold standard of one recording and dimension; '?' is an invalid label (NaN).

    Raises StavisError where the file is no ARFF with frameTime and GoldStandard, times do not rise, or a value is outside [-1,1].
    """
    path = Path(path)
    table, times = _timed(path, read_arff(path))
    column = next((name for name in table.columns if name.lower() == "goldstandard"), None)
    if column is None:
        raise StavisError(f"{path} has no attribute GoldStandard (it has {', '.join(table.columns)}): take a file of gold standards.")
    values = table[column].to_numpy()
    if values.dtype != np.float64 or (np.abs(values) > 1 + 1e-6).any():
        raise StavisError(f"{path}: GoldStandard holds values that are no numbers from -1 to 1: take another copy.")
    return Labels(times, np.clip(values, -1, 1)[:, None], (path.parent.name.lower(),))


def read_features(path: str | Path) -> Features:
    """The descriptors of one recording: every numeric attribute of an ARFF file but frameTime.

    Raises StavisError where the file is no ARFF with frameTime and numbers, or times do not rise.
    """
    path = Path(path)
    table, times = _timed(path, read_arff(path))
    numbers = table.select_dtypes("number")
    numbers = numbers[[name for name in numbers.columns if name.lower() != "frametime"]]
    if not len(numbers.columns):
        raise StavisError(f"{path} has no descriptor: no attribute besides the time is numeric.")
    return Features(times, numbers.to_numpy(np.float64), tuple(numbers.columns))


def _timed(path: Path, table: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    column = next((name for name in table.columns if name.lower() in ("frametime", "time", "timestamp")), None)
    if column is None:
        raise StavisError(f"{path} has no attribute frameTime (it has {', '.join(list(table.columns)[:8])}): times are needed.")
    times = table[column].to_numpy()
    if times.dtype != np.float64 or not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        raise StavisError(f"{path}: its times are not seconds that rise: take another copy.")
    return table, times


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
