"""A folder of one's own recordings: videos, and beside them labels, raters, known truth and splits, all but the videos optional.

DIR/videos/NAME.mp4              or NAME.mp4 and NAME.csv side by side in DIR
DIR/labels/NAME.csv              time,valence[,arousal...], seconds and [-1,1]
DIR/raters/valence/NAME.csv      time;FM1;FM2;..., one column per rater
DIR/truth/NAME.npz               what is known of a synthetic recording
DIR/splits.csv                   recording,subject,split
DIR/exclude.csv                  recording,start,stop,reason: what is left out
"""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from stavis.data.datasets.clock import label_fields
from stavis.data.datasets.gold import Ratings, gold_where_known, gold_words, present_raters, rater_remarks
from stavis.data.datasets.labels import INVALID, LabelConfig, Labels, read_labels, read_raters, read_table, rows_of, text_of
from stavis.data.datasets.time_units import OF_THE_VIDEO, span_note
from stavis.data.video.io import probe
from stavis.errors import StavisError
from stavis.notes import show
from stavis.timeline import MAX_GAP
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
SUBJECT_COLUMNS = ("subject", "person", "speaker", "participant")
"""What the column of a splits.csv that names people may be called."""


NOT_LABELS = ("splits.csv", "exclude.csv")
"""Tables of the whole data set, which may lie beside the labels of its recordings."""


def read_folder(
    root: str | Path,
    dimensions: tuple[str, ...] | None = None,
    *,
    time_unit: str | float = "",
    scale: tuple[float, float] | None = None,
    max_gap: float | None = MAX_GAP,
) -> list[Recording]:
    """All recordings of a folder, sorted by name; labels come from `labels/`, else they are the gold standard of `raters/`.

    Recordings without labels stay, with labels None. What does not fit together (labels without a recording, recordings without
    labels, names only in splits.csv) is a note of the recordings, and shown as a StavisWarning.

    Parameters
    ----------
    root : str or Path
        The folder: videos and CSV files side by side, or in `videos/` and `labels/`.
    dimensions : tuple of str, optional
        The label columns wanted; None takes all known ones.
    time_unit : str or float
        The unit of the label times: s, ms, us, ns, cs, min, h, frames, percent, fraction, or seconds as a number. By default seconds,
        which are checked against the video when it is read.
    scale : tuple of (float, float), optional
        The ends of the scale that values were given on, mapped linearly to [-1,1]; by default values lie in [-1,1] already.
    max_gap : float, optional
        Between label rows further apart than this many median steps there is no label; None bridges any gap.

    Returns
    -------
    list of Recording

    Raises
    ------
    StavisError
        Where no video is there, nothing fits together, two videos have one name, one subject is in two splits, the wrong level of
        folders was chosen, or a file is bad.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from stavis.data.datasets.folder import read_folder
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "anna.mp4").touch()
    >>> _ = (folder / "anna.csv").write_text("time,valence\\n0,1\\n0.5,9\\n")
    >>> read_folder(folder, scale=(1, 9))[0].labels[:, 0].tolist()
    [-1.0, 1.0]
    """
    recordings = load_folder(Path(root), dimensions, LabelConfig(time_unit, scale, max_gap))
    show(note for recording in recordings for note in recording.notes)
    return recordings


def load_folder(root: Path, dimensions: tuple[str, ...] | None = None, config: LabelConfig = LabelConfig()) -> list[Recording]:
    """As read_folder, but the notes are only kept, not shown."""
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
    notes = _unmatched(root, set(videos), labelled, splits)
    found, remarks = {}, {}
    for name in sorted(videos):
        files = {dimension: each[name] for dimension, each in raters.items() if name in each}
        found[name] = _join(name, *_read(videos[name], labels.get(name), files, dimensions, config), dimensions, remarks, config.max_gap)
    notes += [f"{root}: {kind}: {some(who)}." for kind, who in remarks.items()]
    about = {"max_gap": config.max_gap, "time_unit": config.time_unit, "notes": tuple(notes)}
    return [
        Recording(name, videos[name], *splits.of.get(name, ("", "")), truth=truths.get(name), **(about | fields))
        for name, fields in found.items()
    ]


def _read(
    video: Path, labels: Path | None, raters: dict[str, Path], dimensions: tuple[str, ...] | None, config: LabelConfig
) -> tuple[Labels | None, dict[str, Ratings]]:
    """The labels and the raters' ratings of a video, from their files."""
    needs_video = config.time_unit in OF_THE_VIDEO and (labels or raters)
    options = {"time_unit": config.time_unit, "scale": config.scale, "video_times": probe(video).times if needs_video else None}
    found = read_labels(labels, dimensions, **options) if labels else None
    return found, {dimension: read_raters(path, **options) for dimension, path in raters.items()}


def recording_at(path: str | Path) -> Recording:
    """A video as a recording, with the labels, raters and truth that lie beside it where it is DIR/videos/NAME of a folder.

    Labels that cannot be read, or are there twice, are left out; a note of the recording, shown as a StavisWarning, says why.
    """
    path = Path(path)
    beside: dict[str, Path] = {}
    found: dict = {}
    notes: tuple[str, ...] = ()
    try:
        beside = files_beside(path)
        raters = {kind.removeprefix("raters/"): file for kind, file in beside.items() if kind.startswith("raters/")}
        found = _join(path.stem, *_read(path, beside.get("labels"), raters, None, LabelConfig()), None, {})
        _check_times(path, found)
    except StavisError as error:
        found = {}
        remedy = "" if "give " not in str(error) else " (where no such option is, explain a recording of read_dataset, which has them)"
        notes = (f"{path.name} is shown without its labels: {str(error).rstrip('.')}{remedy}.",)
    show(notes)
    return Recording(path.stem, path, truth=beside.get("truth"), **found, notes=notes)


def _check_times(path: Path, found: dict) -> None:
    """Raises StavisError where labels that a video brings along are likely in another unit than seconds, or of another video."""
    if found.get("label_times") is None:
        return
    try:
        times = probe(path).times
    except StavisError:
        return  # whoever reads the video says what is wrong with it
    span_note(path.stem, found["label_times"], times, found["labels"], max_gap=found.get("max_gap", MAX_GAP), frames=len(times))


def files_beside(path: Path) -> dict[str, Path]:
    """What belongs to DIR/videos/NAME in a folder: its files by kind (labels, raters/valence, truth), as far as they are there.

    Raises StavisError where two files of one kind have the name.
    """
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
        there = {(one.stat().st_dev, one.stat().st_ino): one for one in names if one.is_file()}  # one file may answer to two spellings
        if len(there) > 1:
            raise StavisError(f"{folder}: {stems[1]!r} is there twice ({', '.join(one.name for one in there.values())}): keep one of them.")
        found |= dict.fromkeys([kind] if there else [], next(iter(there.values()), None))
    return found


@dataclass
class Splits:
    """What a splits.csv says: of maps a recording to (subject, split); unknown are the names that no recording has."""

    of: dict[str, tuple[str, str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def read_splits(path: Path, names: set[str]) -> Splits:
    """Which subject and which split each recording belongs to, from a CSV of recording,subject,split.

    A subject is one person in whatever case and bytes the name is written, and is called as in the first row.

    Raises StavisError where a subject is in two splits, a recording or a column is there twice, or a column or name is missing.
    """
    splits, lines, home, people = Splits(), {}, {}, {}
    column_of_subjects = _subject_column(path)
    for line, row in read_table(path):
        for column in ("recording", "split"):
            if column not in row:
                raise StavisError(f"{path}, line {line}: the column {column!r} is missing: write recording,subject,split.")
        name, split = recording_called(row["recording"], names), row["split"].lower()
        subject = normal(row.get(column_of_subjects, ""))
        subject = "" if subject in INVALID else subject  # NA is nobody's name: each such recording counts as a person
        subject = (subject and people.setdefault(normal(subject.casefold()), subject)) or name
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


def recording_called(given: str, names: Collection[str]) -> str:
    """The recording that a table names, which may be by its video's file name."""
    given = normal(given)
    return given if given in names or Path(given).suffix.lower() not in VIDEO_SUFFIXES else normal(Path(given).stem)


def _subject_column(path: Path) -> str:
    """The column of a splits.csv that names people. Raises StavisError where there are several, or any column is there twice."""
    names = [name.strip().lower() for name in next(rows_of(path, text_of(path)))[1]]
    for name in names:
        if name and names.count(name) > 1:
            raise StavisError(f"{path}, line 1: the column {name!r} is there twice: keep one of them.")
    found = [name for name in names if name in SUBJECT_COLUMNS]
    if len(found) > 1:
        raise StavisError(f"{path}, line 1: the columns {' and '.join(map(repr, found))} both name people: keep one of them, as 'subject'.")
    return found[0] if found else SUBJECT_COLUMNS[0]


def _join(
    name: str,
    labels: Labels | None,
    ratings: dict[str, Ratings],
    dimensions: tuple[str, ...] | None,
    remarks: dict[str, list[str]],
    max_gap: float | None = MAX_GAP,
) -> dict:
    """The label fields of a Recording: labels as given, the gold standard for dimensions that only raters have.

    What rater_remarks finds of the raters is added to `remarks`.
    """
    if labels is None and not ratings:
        return {}
    columns = {} if labels is None else {name: (labels.times, labels.values[:, [k]]) for k, name in enumerate(labels.dimensions)}
    sources = [] if labels is None else ["label files"]
    for dimension, found in ratings.items():
        for kind, who in rater_remarks(found, f"{dimension} of {name}").items():
            remarks.setdefault(kind, []).extend(who)
        if dimension not in columns:
            words = gold_words(present_raters(found.values))
            sources.append(f"{dimension}: {words}" if labels is not None else words)
            columns[dimension] = (found.times, gold_where_known(found.values)[:, None])
    wanted = tuple(columns) if dimensions is None else tuple(dimension.strip().lower() for dimension in dimensions)
    for dimension in wanted:
        if dimension not in columns:
            raise StavisError(f"recording {name} has no labels of {dimension!r} (it has {some(columns)}): add them or ask for others.")
    chosen = {dimension: columns[dimension] for dimension in wanted}
    return {**label_fields(chosen, ratings, max_gap), "label_source": ", ".join(dict.fromkeys(sources))}


def _label_files(root: Path) -> dict[str, Path]:
    inside = root / "labels" if (root / "labels").is_dir() else root
    files = _by_name(root, inside, lambda path: path.suffix.lower() in (".csv", ".tsv"), "label files")
    return {name: path for name, path in files.items() if not (inside == root and path.name.lower() in NOT_LABELS)}


def _rater_files(root: Path) -> dict[str, dict[str, Path]]:
    folder = root / "raters"
    if not folder.is_dir():
        return {}
    found = {}
    for dimension in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        files = _by_name(root, dimension, lambda path: path.suffix.lower() in (".csv", ".tsv"), "rater files")
        if files and dimension.name.lower() in found:
            raise StavisError(f"{folder}: two folders are called {dimension.name.lower()!r} but for upper case: keep one of them.")
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


def _unmatched(root: Path, videos: set[str], labelled: set[str], splits: Splits) -> list[str]:
    """One sentence with all names that do not fit together; none where all do."""
    found = []
    if labelled and videos - labelled:
        found.append(f"recordings without labels: {some(videos - labelled)}")
    if labelled - videos:
        found.append(f"labels without a recording: {some(labelled - videos)}")
    if splits.unknown:
        found.append(f"in splits.csv without a recording: {some(splits.unknown)}")
    if splits.of and videos - set(splits.of):
        found.append(f"recordings that splits.csv does not name: {some(videos - set(splits.of))}")
    return [f"{root}: {'; '.join(found)}."] if found else []


def some(names) -> str:
    """The first six of some names, sorted, as text."""
    names = sorted(names)
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def normal(name: str) -> str:
    """One spelling for names that macOS and other systems write with other bytes."""
    return unicodedata.normalize("NFC", name)
