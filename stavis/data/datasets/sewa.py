"""SEWA as in the AVEC challenges of 2017, 2018 and 2019: people at home who talk over video chat about an advert.

| | |
|---|---|
| what | German pairs (2017, 2018: 34 train, 14 development, 16 test), Hungarian ones besides from 2018 on; up to 3 minutes each |
| labels | arousal, valence and liking in [-1,1], a gold standard every .1 s; those of test were not given out |
| licence | end-user licence agreement, research of academic institutions only; nothing may be passed on |
| apply | https://db.sewaproject.eu |

    SEWA/labels/Train_01.csv          2017: no header, name;time;arousal;valence;liking, the name may be in quotes
    SEWA/labels/Train_DE_01.csv       2018: the same; 2019: with the header name;timestamp;arousal;valence;liking
    SEWA/videos/Train_01.avi          videos lie anywhere in the folder, called like their labels

The split is the first word of the name: Train, Devel, Test. Each recording shows one person.

References
----------
Kossaifi et al.: SEWA DB, a rich database for audio-visual emotion and sentiment research in the wild. 2019.
Ringeval et al.: AVEC 2017, real-life depression and affect recognition workshop and challenge. 2017.
"""

import itertools
import re
from pathlib import Path

from stavis.data.datasets.assembly import GroupedNotes, build_recordings, files_by_name, listed, note_rate, videos_below
from stavis.data.datasets.labels import Labels, columns_of, is_number, rows_of, text_of
from stavis.errors import StavisError
from stavis.timeline import MAX_GAP
from stavis.types import Recording

TITLE = "SEWA"
RATE = 10.0
DIMENSIONS = ("valence", "arousal", "liking")
COLUMNS = ("name", "time", "arousal", "valence", "liking")
"""The columns where a file has no header."""

_NAME = re.compile(r"(train|devel|test)_(?:[a-z]{2}_)?\d+$", re.IGNORECASE)
_SPLIT = {"train": "train", "devel": "dev", "test": "test"}


def fits(root: Path) -> bool:
    """Whether a folder is SEWA's: labels/ holds files called like Train_01.csv."""
    return any(_NAME.match(Path(entry.name).stem) and entry.name.lower().endswith(".csv") for entry in listed(root / "labels"))


def read(root: Path, *, max_gap: float | None = MAX_GAP) -> list[Recording]:
    """The recordings of SEWA with their gold standard.

    What does not fit together is one of their notes. Raises StavisError where videos or labels are missing altogether, or a
    label file is bad.
    """
    videos = {name: path for name, path in videos_below(root).items() if _NAME.match(name)}
    files = {name: path for name, path in files_by_name(root / "labels", (".csv",)).items() if _NAME.match(name)}
    notes = GroupedNotes()

    def make(name: str) -> Recording:
        split = _SPLIT[_NAME.match(name)[1].lower()]
        if name not in files:
            return Recording(name, videos[name], name, split)
        labels = read_sewa_labels(files[name])
        note_rate(notes, name, labels.times, RATE)
        given = {"dimensions": labels.dimensions, "label_times": labels.times, "labels": labels.values}
        return Recording(name, videos[name], name, split, label_source="gold standard of the challenge", **given)

    return build_recordings(root, TITLE, videos, files, notes, make, max_gap)


def read_sewa_labels(path: Path) -> Labels:
    """The labels in one file, whatever the year: with or without a header, names in quotes or not.

    Raises StavisError naming the file and the line where a column is missing, a value is no number or outside [-1,1], or times do not
    rise.
    """
    text = text_of(path)
    rows = rows_of(path, text)
    first, cells = next(rows)
    names = [cell.strip().strip("\"'").strip().lower() for cell in cells]
    if len(names) > 1 and is_number(names[1]):
        if len(names) != len(COLUMNS):
            raise StavisError(f"{path}, line {first}: there are {len(names)} columns without a header, expected {';'.join(COLUMNS)}.")
        rows, first, names = itertools.chain([(first, cells)], rows), first - 1, list(COLUMNS)
    names = ["time" if name == "timestamp" else name for name in names]
    for name in ("time", *DIMENSIONS[:2]):
        if name not in names:
            raise StavisError(f"{path}, line 1: the column {name!r} is missing (columns: {', '.join(names)}): take another copy.")
    wanted = tuple(name for name in DIMENSIONS if name in names)
    return Labels(*columns_of(path, text, rows, first, names, wanted), wanted)
