"""The recordings of a study: files that match patterns, rows of a CSV, a split of a folder, or synthetic faces."""

import glob
import os
from pathlib import Path

from stavis.batch.spec import Recordings
from stavis.data.datasets.labels import read_table
from stavis.data.datasets.selection import recordings_of
from stavis.errors import StavisError
from stavis.synthetic.embedded import embedded_data
from stavis.types import Recording


def listed(source: Recordings, base_dir: Path, quiet: bool = False) -> list[Recording]:
    """The recordings that a spec names, sorted by path (those of a CSV in its order), each once.

    Raises StavisError where none is found, a named file is missing, or a CSV names one twice.
    """
    if source.glob is not None:
        found = [path for pattern in source.glob for path in _matching(pattern, base_dir)]
        if not found:
            raise StavisError(f"nothing matches {', '.join(source.glob)} in {base_dir}: fix the pattern, or give --over 'videos/*.mp4'.")
        return [Recording(Path(path).stem, Path(path)) for path in sorted(set(found))]
    if source.csv is not None:
        return _of_table(_place(source.csv, base_dir), base_dir)
    if source.drawn is not None:
        folder, split = embedded_data(source.drawn, quiet=quiet), source.split or "test"
    else:
        folder, split = _place(source.folder, base_dir), source.split
    chosen = recordings_of(folder, split)
    return [Recording(one.name, Path(os.path.abspath(one.video))) for one in chosen]


def _matching(pattern: str, base_dir: Path) -> list[str]:
    found = glob.glob(os.path.expanduser(pattern), root_dir=base_dir, recursive=True)
    return [os.path.abspath(base_dir / path) for path in found if (base_dir / path).is_file()]


def _of_table(path: Path, base_dir: Path) -> list[Recording]:
    found: dict[str, Recording] = {}
    if not path.is_file():
        raise StavisError(f"{path} does not exist: give a CSV with the column `recording`.")
    for line, row in read_table(path):
        if not row.get("recording"):
            raise StavisError(f"{path}, line {line}: the column 'recording' is missing or empty: write the path of a video there.")
        video = _place(row["recording"], path.parent)
        if not os.path.lexists(video):
            raise StavisError(f"{path}, line {line}: {video} does not exist: fix the path (it is relative to the CSV's folder).")
        if str(video) in found:
            raise StavisError(f"{path}, line {line}: {video.name} is there already: keep one of the two rows.")
        found[str(video)] = Recording(video.stem, video)
    return list(found.values())


def _place(text: str, base_dir: Path) -> Path:
    return Path(os.path.abspath(base_dir / Path(text).expanduser()))
