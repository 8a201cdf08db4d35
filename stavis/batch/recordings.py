"""The recordings of a study: files that match patterns, rows of a CSV, a split of a folder, or drawn faces."""

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from stavis.batch.spec import Recordings
from stavis.data.datasets.labels import read_table
from stavis.data.datasets.selection import recordings_of
from stavis.errors import StavisError
from stavis.synthetic.embedded import embedded_data


@dataclass(frozen=True)
class Listed:
    """One recording of a study: its name and its file."""

    name: str
    video: str


def listed(source: Recordings, beside: Path, quiet: bool = False) -> list[Listed]:
    """The recordings that a spec names, sorted by path (those of a CSV in its order), each once.

    Raises StavisError where none is found, a named file is missing, or a CSV names one twice.
    """
    if source.glob is not None:
        found = [path for pattern in source.glob for path in _matching(pattern, beside)]
        if not found:
            raise StavisError(f"nothing matches {', '.join(source.glob)} in {beside}: mend the pattern, or give --over 'videos/*.mp4'.")
        return [Listed(Path(path).stem, path) for path in sorted(set(found))]
    if source.csv is not None:
        return _of_table(_place(source.csv, beside), beside)
    if source.drawn is not None:
        folder, split = embedded_data(source.drawn, quiet=quiet), source.split or "test"
    else:
        folder, split = _place(source.folder, beside), source.split
    chosen = recordings_of(folder, split)
    return [Listed(one.name, os.path.abspath(one.video)) for one in chosen]


def _matching(pattern: str, beside: Path) -> list[str]:
    found = glob.glob(os.path.expanduser(pattern), root_dir=beside, recursive=True)
    return [os.path.abspath(beside / path) for path in found if (beside / path).is_file()]


def _of_table(path: Path, beside: Path) -> list[Listed]:
    found: dict[str, Listed] = {}
    if not path.is_file():
        raise StavisError(f"{path} does not exist: give a CSV with the column `recording`.")
    for line, row in read_table(path):
        if not row.get("recording"):
            raise StavisError(f"{path}, line {line}: the column 'recording' is missing or empty: write the path of a video there.")
        video = _place(row["recording"], path.parent)
        if not os.path.lexists(video):
            raise StavisError(f"{path}, line {line}: {video} does not exist: mend the path (it is relative to the CSV's folder).")
        if str(video) in found:
            raise StavisError(f"{path}, line {line}: {video.name} is there already: keep one of the two rows.")
        found[str(video)] = Listed(video.stem, str(video))
    return list(found.values())


def _place(text: str, beside: Path) -> Path:
    return Path(os.path.abspath(beside / Path(text).expanduser()))
