"""What the loaders share: videos found by name, labels joined to them, and one note on all that does not fit together."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from stavis.data.datasets.clock import label_fields
from stavis.data.datasets.folder import VIDEO_SUFFIXES, normal, some
from stavis.data.datasets.gold import Ratings, gold_where_known, gold_words, present_raters, rater_remarks
from stavis.errors import StavisError
from stavis.timeline import MAX_GAP
from stavis.types import Recording

RATE_TOLERANCE = 0.02
"""By which fraction the rate of labels may differ from what the data set declares."""


@dataclass
class GroupedNotes:
    """Notes on a data set by kind: a sentence for each kind with the names it is true of."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, names: str | Iterable[str]) -> None:
        """Note that something is true of one or several recordings."""
        names = [names] if isinstance(names, str) else list(names)
        if names:
            self.found.setdefault(kind, []).extend(names)

    def of(self, root: Path) -> tuple[str, ...]:
        """All of it as one sentence about the data set; none where nothing was noted."""
        text = "; ".join(f"{kind} ({len(names)}): {some(names)}" for kind, names in self.found.items())
        return (f"{root}: {text}.",) if text else ()


def build_recordings(
    root: Path,
    title: str,
    videos: Mapping[str, Path],
    labelled: Collection[str],
    notes: GroupedNotes,
    make: Callable[[str], Recording],
    max_gap: float | None = MAX_GAP,
) -> list[Recording]:
    """One Recording per video, in order of the names, made by `make(name)`; each carries one note that also lists the unmatched.

    Raises StavisError where there are no videos, no labels, or no video has labels.
    """
    if not videos:
        raise StavisError(f"{root} is {title} without its videos: {len(labelled)} label files were found and no video of their names.")
    if not labelled:
        raise StavisError(f"{root} is {title} without its labels: {len(videos)} videos were found and no label file.")
    if not set(videos) & set(labelled):
        raise StavisError(
            f"{root}: no label file of {title} is called like a video ({some(labelled)} against {some(videos)}): give both the same name."
        )
    notes.add("recordings without labels", sorted(set(videos) - set(labelled)))
    notes.add("labels without a recording", sorted(set(labelled) - set(videos)))
    recordings = [make(name) for name in sorted(videos)]
    # labels on several clocks say themselves where they have gaps
    return [replace(one, notes=(*one.notes, *notes.of(root)), max_gap=None if one.own_rows else max_gap) for one in recordings]


def videos_below(folder: Path, depth: int = 3) -> dict[str, Path]:
    """The video files in a folder and up to `depth` folders down, by their names without suffix.

    Raises StavisError where two have one name, or a folder cannot be listed.
    """
    found: dict[str, Path] = {}
    for path in _files(folder, depth):
        if path.suffix.lower() in VIDEO_SUFFIXES:
            name = normal(path.stem)
            if name in found:
                raise StavisError(f"two videos are called {name!r} ({found[name]}, {path}): keep one of them.")
            found[name] = path
    return found


def _files(folder: Path, depth: int) -> Iterable[Path]:
    for entry in listed(folder):
        if entry.is_dir():
            if depth > 0:
                yield from _files(Path(entry.path), depth - 1)
        else:
            yield Path(entry.path)


def listed(folder: Path) -> list[os.DirEntry]:
    """What lies in a folder, by name, hidden things left out; an empty list where there is no such folder.

    Raises StavisError where it cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StavisError(f"{folder} cannot be listed ({error.strerror}): check that it may be read.") from error


def files_by_name(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """The files of a folder with one of the suffixes, by their names without it.

    Raises StavisError where two have one name, or the folder cannot be listed.
    """
    found: dict[str, Path] = {}
    for entry in listed(folder):
        if not entry.is_dir() and entry.name.lower().endswith(suffixes):
            add_once(found, normal(Path(entry.name).stem), Path(entry.path), folder)
    return found


def add_once(found: dict[str, Path], name: str, path: Path, where: Path) -> None:
    """Add a path under a name that nothing has yet. Raises StavisError naming both where one has: no search takes the later of two."""
    if name in found:
        raise StavisError(f"{where}: {name!r} is there twice ({found[name]}, {path}): keep one of them.")
    found[name] = path


def note_rate(notes: GroupedNotes, name: str, times: np.ndarray, declared: float) -> None:
    """Note labels that come at another rate (labels/s) than the data set declares; their own times are used all the same."""
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / declared
    if abs(step * declared - 1) > RATE_TOLERANCE:
        notes.add(f"labels not at the declared {declared:g} a second, their own times are used", f"{name} ({1 / step:.3g} a second)")


def of_raters(name: str, ratings: Mapping[str, Ratings], notes: GroupedNotes, max_gap: float | None = MAX_GAP) -> dict:
    """The label fields of a Recording whose labels are the gold standard of several raters, one set of ratings per dimension.

    Each dimension is as it would be alone, also where its times are its own; what rater_remarks finds is noted.
    """
    for dimension, found in ratings.items():
        for kind, who in rater_remarks(found, f"{dimension} of {name}").items():
            notes.add(kind, who)
    gold = {dimension: (found.times, gold_where_known(found.values)[:, None]) for dimension, found in ratings.items()}
    return {
        **label_fields(gold, ratings, max_gap),
        "label_source": gold_words(max(present_raters(found.values) for found in ratings.values())),
    }
