"""A folder of one's own recordings: videos, and beside them labels, raters, known truth and splits, all but the videos optional.

DIR/videos/NAME.mp4              or NAME.mp4 and NAME.csv side by side in DIR
DIR/labels/NAME.csv              time,valence[,arousal...], seconds and [-1,1]
DIR/raters/valence/NAME.csv      time;FM1;FM2;..., one column a rater
DIR/truth/NAME.npz               what is known of a drawn recording
DIR/splits.csv                   recording,subject,split
"""

import unicodedata
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stavis.data.datasets.gold import Ratings, constant_raters, gold_standard, gold_words
from stavis.data.datasets.labels import Labels, read_labels, read_raters, read_table
from stavis.errors import StavisError, StavisWarning
from stavis.timeline import resample
from stavis.types import Recording

VIDEO_SUFFIXES = frozenset(
    (
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".mpg",
        ".mpeg",
        ".mts",
        ".m2ts",
        ".ts",
        ".wmv",
        ".flv",
        ".3gp",
        ".ogv",
        ".mxf",
    )
)
"""What the name of a video ends with."""


def read_folder(root: str | Path, dimensions: tuple[str, ...] | None = None) -> list[Recording]:
    """All recordings of a folder, sorted by name; labels come from `labels/`, else they are the gold standard of `raters/`.

    dimensions: the label columns wanted; None takes all known ones. Recordings without labels stay, with labels None. What does
    not fit together (labels without a recording, recordings without labels, names only in splits.csv) is said in one StavisWarning.

    Raises StavisError where no video is there, nothing fits together, two videos have one name, one subject is in two splits,
    the wrong level of folders was chosen, or a file is bad (see `read_labels`).
    """
    root = Path(root)
    _check_folder(root)
    inside = root / "videos" if (root / "videos").is_dir() else root
    videos = _by_name(root, inside, lambda path: path.suffix.lower() in VIDEO_SUFFIXES, "videos")
    if not videos:
        raise _no_video(root)
    if inside == root and root.name.lower() == "videos" and looks_like_dataset(root.parent):
        raise StavisError(f"{root} is only the videos of a data set: choose {root.parent}.")
    labels = _label_files(root)
    raters = _rater_files(root)
    splits = read_splits(root / "splits.csv", set(videos)) if (root / "splits.csv").exists() else Splits()
    truths = _by_name(root, root / "truth", lambda path: path.suffix.lower() == ".npz", "truth files")
    labelled = set(labels).union(*(files.keys() for files in raters.values()))
    if labelled and not labelled & set(videos):
        raise StavisError(
            f"{root}: no label file is called like a video ({some(labelled)} against {some(videos)}): give both the same name."
        )
    _warn_of_loners(root, set(videos), labelled, splits)
    recordings, still = [], []
    for name in sorted(videos):
        found = _join(
            name,
            read_labels(labels[name], dimensions) if name in labels else None,
            {dimension: read_raters(files[name]) for dimension, files in raters.items() if name in files},
            dimensions,
            still,
        )
        subject, split = splits.of.get(name, ("", ""))
        recordings.append(Recording(name, videos[name], subject, split, truth=truths.get(name), **found))
    if still:
        warnings.warn(f"{root}: raters who never moved: {some(still)}.", StavisWarning, stacklevel=2)
    return recordings


def recording_at(path: str | Path) -> Recording:
    """A video as a recording, with the labels, raters and truth that lie beside it where it is DIR/videos/NAME of a folder.

    Labels that cannot be read are left out, with a StavisWarning that says why.
    """
    path = Path(path)
    beside = files_beside(path)
    found: dict = {}
    try:
        labels = read_labels(beside["labels"]) if "labels" in beside else None
        ratings = {kind.removeprefix("raters/"): read_raters(file) for kind, file in beside.items() if kind.startswith("raters/")}
        found = _join(path.stem, labels, ratings, None, [])
    except StavisError as error:
        warnings.warn(f"{path.name} is shown without its labels: {error}", StavisWarning, stacklevel=2)
    return Recording(path.stem, path, truth=beside.get("truth"), **found)


def files_beside(path: Path) -> dict[str, Path]:
    """What belongs to DIR/videos/NAME in a folder: its files by kind (labels, raters/valence, truth), as far as they are there."""
    path = path.absolute()
    if path.parent.name.lower() != "videos":
        return {}
    root = path.parent.parent
    raters = sorted((root / "raters").iterdir()) if (root / "raters").is_dir() else []
    folders = {"labels": root / "labels", **{f"raters/{folder.name.lower()}": folder for folder in raters}, "truth": root / "truth"}
    # looked up by name: to list the folders for each video of a large study would take its square
    stems = (path.stem, *(unicodedata.normalize(form, path.stem) for form in ("NFC", "NFD")))
    found = {}
    for kind, folder in folders.items():
        suffixes = (".npz", ".NPZ") if kind == "truth" else (".csv", ".tsv", ".CSV", ".TSV")
        names = (folder / (stem + suffix) for stem in stems for suffix in suffixes)
        if there := next((name for name in names if name.is_file()), None):
            found[kind] = there
    return found


@dataclass
class Splits:
    """What a splits.csv says: of maps a recording to (subject, split); unknown are the names that no recording has."""

    of: dict[str, tuple[str, str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def read_splits(path: Path, names: set[str]) -> Splits:
    """Which subject and which split each recording belongs to, from a CSV of recording,subject,split.

    Raises StavisError where a subject is in two splits, a recording is there twice, or a column or name is missing.
    """
    splits, lines, home = Splits(), {}, {}
    for line, row in read_table(path):
        for column in ("recording", "split"):
            if column not in row:
                raise StavisError(f"{path}, line {line}: the column {column!r} is missing: write recording,subject,split.")
        given, split = normal(row["recording"]), row["split"].lower()
        name = given if given in names or Path(given).suffix.lower() not in VIDEO_SUFFIXES else normal(Path(given).stem)
        subject = row.get("subject", "") or name
        if not name:
            raise StavisError(f"{path}, line {line}: the recording's name is empty: fill it in or take the row out.")
        if name in lines:
            raise StavisError(f"{path}, line {line}: recording {name!r} is there already in line {lines[name]}: keep one of them.")
        other, where = home.setdefault(subject, (split, line))
        if other != split:
            raise StavisError(
                f"{path}, line {line}: subject {subject!r} is in split {split!r} here and in {other!r} in line {where}: "
                "keep each person in one split."
            )
        lines[name] = line
        if name in names:
            splits.of[name] = (subject, split)
        else:
            splits.unknown.append(name)
    return splits


def _join(name: str, labels: Labels | None, ratings: dict[str, Ratings], dimensions: tuple[str, ...] | None, still: list[str]) -> dict:
    """The label fields of a Recording: labels as given, the gold standard for dimensions that only raters have.

    Raters who never moved are added to `still`.
    """
    if labels is None and not ratings:
        return {}
    columns = {} if labels is None else dict(zip(labels.dimensions, labels.values.T, strict=True))
    times = labels.times if labels is not None else next(iter(ratings.values())).times
    sources = [] if labels is None else ["label files"]
    for dimension, found in ratings.items():
        still += [f"{rater} ({dimension} of {name})" for rater in constant_raters(found)]
        if dimension not in columns:
            sources.append(f"{dimension}: {gold_words(len(found.raters))}" if labels is not None else gold_words(len(found.raters)))
            gold = np.clip(gold_standard(found.values), -1, 1)
            columns[dimension] = resample(found.times, gold[:, None], times)[:, 0]
    wanted = tuple(columns) if dimensions is None else tuple(dimension.strip().lower() for dimension in dimensions)
    for dimension in wanted:
        if dimension not in columns:
            raise StavisError(f"recording {name} has no labels of {dimension!r} (it has {some(columns)}): add them or ask for others.")
    return {
        "dimensions": wanted,
        "label_times": times,
        "labels": np.stack([columns[dimension] for dimension in wanted], 1),
        "raters": {dimension: resample(found.times, found.values, times) for dimension, found in ratings.items()},
        "rater_names": {dimension: found.raters for dimension, found in ratings.items()},
        "label_source": ", ".join(dict.fromkeys(sources)),
    }


def _label_files(root: Path) -> dict[str, Path]:
    inside = root / "labels" if (root / "labels").is_dir() else root
    files = _by_name(root, inside, lambda path: path.suffix.lower() in (".csv", ".tsv"), "label files")
    return {name: path for name, path in files.items() if not (inside == root and path.name.lower() == "splits.csv")}


def _rater_files(root: Path) -> dict[str, dict[str, Path]]:
    folder = root / "raters"
    if not folder.is_dir():
        return {}
    found = {}
    for dimension in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        files = _by_name(root, dimension, lambda path: path.suffix.lower() in (".csv", ".tsv"), "rater files")
        if files:
            found[dimension.name.lower()] = files
    return found


def _by_name(root: Path, folder: Path, wanted, what: str) -> dict[str, Path]:
    """The files of one kind in a folder by their stem; hidden ones (a Mac leaves `._NAME`) are passed over."""
    found: dict[str, Path] = {}
    if not folder.is_dir():
        return found
    try:
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or not wanted(path) or path.is_dir():
                continue
            name = normal(path.stem)
            if name in found:
                raise StavisError(f"{folder}: two {what} are called {name!r} ({found[name].name}, {path.name}): rename or remove one.")
            found[name] = path
    except OSError as error:
        raise StavisError(f"{folder} cannot be listed ({error.strerror}): check that it may be read.") from error
    return found


def _check_folder(root: Path) -> None:
    if not root.exists():
        raise StavisError(f"{root} does not exist: give the folder of the recordings.")
    if not root.is_dir():
        raise StavisError(f"{root} is a file: give the folder of the recordings, {root.parent}.")


def _no_video(root: Path) -> StavisError:
    """Which level of folders is right, as far as can be seen."""
    if looks_like_dataset(root.parent) and root.name.lower() in ("labels", "raters", "truth", "videos"):
        return StavisError(f"{root} is only a part of a data set and holds no video: choose {root.parent}.")
    if root.parent.name.lower() == "raters" and looks_like_dataset(root.parent.parent):
        return StavisError(f"{root} is only a part of a data set and holds no video: choose {root.parent.parent}.")
    below = [
        path
        for path in sorted(root.iterdir())
        if path.is_dir() and not path.name.startswith(".") and (looks_like_dataset(path) or has_video(path))
    ]
    if below and (root / "videos") not in below:
        return StavisError(f"{root} holds no video itself: choose {some([str(path) for path in below])}.")
    return StavisError(f"{root} holds no video: put {', '.join(('NAME.mp4', 'NAME.csv'))} there, or videos/ and labels/.")


def looks_like_dataset(folder: Path) -> bool:
    """Whether a folder is one of this format: it has `videos/` with videos in it."""
    return (folder / "videos").is_dir() and has_video(folder / "videos")


def has_video(folder: Path) -> bool:
    """Whether videos lie in a folder itself."""
    return any(path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".") for path in folder.iterdir())


def _warn_of_loners(root: Path, videos: set[str], labelled: set[str], splits: Splits) -> None:
    found = []
    if labelled and videos - labelled:
        found.append(f"recordings without labels: {some(videos - labelled)}")
    if labelled - videos:
        found.append(f"labels without a recording: {some(labelled - videos)}")
    if splits.unknown:
        found.append(f"in splits.csv without a recording: {some(splits.unknown)}")
    if splits.of and videos - set(splits.of):
        found.append(f"recordings that splits.csv does not name: {some(videos - set(splits.of))}")
    if found:
        warnings.warn(f"{root}: {'; '.join(found)}.", StavisWarning, stacklevel=3)


def some(names) -> str:
    """The first six of some names, sorted, as text."""
    names = sorted(names)
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def normal(name: str) -> str:
    """One spelling for names that a Mac and the rest write with other bytes."""
    return unicodedata.normalize("NFC", name)
