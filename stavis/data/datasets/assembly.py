"""What the loaders share: videos found by name, labels joined to them, and one list of all that does not fit together."""

import os
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stavis.data.datasets.folder import VIDEO_SUFFIXES, normal, some
from stavis.data.datasets.gold import Ratings, constant_raters, gold_standard, gold_words
from stavis.errors import StavisError, StavisWarning
from stavis.timeline import resample
from stavis.types import Recording

RATE_TOLERANCE = 0.02
"""By which part the rate of labels may differ from what the data set declares."""


@dataclass
class Notes:
    """What is to be said of a data set, by kind: a sentence for each kind with the names it is true of."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, names: str | Iterable[str]) -> None:
        """Note that something is true of one or several recordings."""
        names = [names] if isinstance(names, str) else list(names)
        if names:
            self.found.setdefault(kind, []).extend(names)

    def say(self, root: Path) -> None:
        """One StavisWarning with all of it; nothing where nothing was noted."""
        if self.found:
            said = "; ".join(f"{kind} ({len(names)}): {some(names)}" for kind, names in self.found.items())
            warnings.warn(f"{root}: {said}.", StavisWarning, stacklevel=4)


def build_recordings(
    root: Path, title: str, videos: Mapping[str, Path], labelled: Collection[str], notes: Notes, make: Callable[[str], Recording]
) -> list[Recording]:
    """A Recording a video, in order of the names, made by `make(name)`; loners are listed in one StavisWarning.

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
    notes.say(root)
    return recordings


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
    """The files of a folder with one of the suffixes, by their names without it."""
    return {normal(Path(e.name).stem): Path(e.path) for e in listed(folder) if not e.is_dir() and e.name.lower().endswith(suffixes)}


def note_rate(notes: Notes, name: str, times: np.ndarray, declared: float) -> None:
    """Note labels that come at another rate (labels/s) than the data set declares; their own times are used all the same."""
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / declared
    if abs(step * declared - 1) > RATE_TOLERANCE:
        notes.add(f"labels not at the declared {declared:g} a second, their own times are used", f"{name} ({1 / step:.3g} a second)")


def of_raters(name: str, ratings: Mapping[str, Ratings], notes: Notes) -> dict:
    """The label fields of a Recording whose labels are the gold standard of several raters, a dimension each.

    All dimensions get the times of the first; raters who never moved are noted.
    """
    times = next(iter(ratings.values())).times
    for dimension, found in ratings.items():
        notes.add("raters who never moved", [f"{rater} ({dimension} of {name})" for rater in constant_raters(found)])
    gold = [resample(found.times, np.clip(gold_standard(found.values), -1, 1)[:, None], times) for found in ratings.values()]
    return {
        "dimensions": tuple(ratings),
        "label_times": times,
        "labels": np.concatenate(gold, 1),
        "raters": {dimension: resample(found.times, found.values, times) for dimension, found in ratings.items()},
        "rater_names": {dimension: found.raters for dimension, found in ratings.items()},
        "label_source": gold_words(max(len(found.raters) for found in ratings.values())),
    }
