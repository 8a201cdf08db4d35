"""Every format of recordings that can be read: how it is recognised and read.

Data sets are read from the folder that is given, or found by its name (stavis.data.dataset_names), and never downloaded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stavis.data.dataset_names import NAMES, DataSetName, looked_for, missing
from stavis.data.datasets import afewva, affwild2, avec, recola, sewa
from stavis.data.datasets.assembly import GroupedNotes, listed
from stavis.data.datasets.exclusion import read_exclusions, with_exclusions
from stavis.data.datasets.folder import has_video, load_folder, looks_like_dataset, read_splits, some
from stavis.data.datasets.labels import LabelConfig
from stavis.errors import StavisError, offer
from stavis.notes import show
from stavis.timeline import MAX_GAP
from stavis.types import Recording


@dataclass(frozen=True)
class DataSet(DataSetName):
    """A format that can be read: fits(root) says whether a folder is of it, read(root) gives its recordings."""

    fits: Callable[[Path], bool]
    read: Callable[..., list[Recording]]


_READERS = {
    "recola": (recola.fits, recola.read),
    "avec": (avec.fits, avec.read),
    "sewa": (sewa.fits, sewa.read),
    "affwild2": (affwild2.fits, affwild2.read),
    "afewva": (afewva.fits, afewva.read),
    "folder": (looks_like_dataset, load_folder),
}
DATASETS: dict[str, DataSet] = {name: DataSet(**vars(NAMES[name]), fits=fits, read=read) for name, (fits, read) in _READERS.items()}
"""All formats by name; `folder`, which is taken where no other fits, comes last."""


def read_dataset(
    root: str | Path,
    kind: str | None = None,
    *,
    fold: int | None = None,
    exclude: str | Path | None = None,
    time_unit: str | float = "",
    scale: tuple[float, float] | None = None,
    max_gap: float | None = MAX_GAP,
) -> list[Recording]:
    """The recordings of a data set with their labels, subjects and splits, sorted by name.

    What does not fit together is a note of the recordings, and shown as a StavisWarning. A splits.csv (recording,subject,split) in the
    folder takes the place of the data set's own subjects and splits.

    Parameters
    ----------
    root : str or Path
        The folder of the data set, or its name (see `datasets`).
    kind : str, optional
        The name of its format, where it shall not be recognised.
    fold : int, optional
        Which of AFEW-VA's five folds is the test split.
    exclude : str or Path, optional
        A CSV of ranges (recording,start,stop,reason; seconds) that are left out, besides the folder's own exclude.csv.
    time_unit : str or float
        The unit of label times, for recordings of your own: s, ms, us, ns, cs, min, h, frames, percent, fraction, or seconds as a number.
        By default seconds, which are checked against the video when it is read.
    scale : tuple of (float, float), optional
        The ends of the scale that values were given on, for recordings of your own: mapped linearly to [-1,1].
    max_gap : float, optional
        Between label rows further apart than this many median steps there is no label; None bridges any gap.

    Returns
    -------
    list of Recording

    Raises
    ------
    StavisError
        Where the data set is missing (with how to get it), the wrong level of folders was chosen (with the right one), nothing fits
        together, a subject is in two splits, a file is bad, or a licensed data set is given another scale or time unit than its own.

    Examples
    --------
    >>> import tempfile, pathlib, stavis
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> (folder / "anna.mp4").touch()
    >>> _ = (folder / "anna.csv").write_text("time,valence\\n0,0.2\\n40,0.4\\n")
    >>> one = stavis.read_dataset(folder, time_unit="ms")[0]
    >>> one.name, one.label_times.tolist(), one.labels[:, 0].tolist()
    ('anna', [0.0, 0.04], [0.2, 0.4])
    """
    recordings = load_dataset(root, kind, fold=fold, exclude=exclude, labels=LabelConfig(time_unit, scale, max_gap))
    show(note for recording in recordings for note in recording.notes)
    return recordings


def load_dataset(
    root: str | Path,
    kind: str | None = None,
    *,
    fold: int | None = None,
    exclude: str | Path | None = None,
    labels: LabelConfig = LabelConfig(),
) -> list[Recording]:
    """As read_dataset, but the notes are only kept, not shown."""
    root, kind = locate(root, kind)
    if fold is not None and kind != "afewva":
        raise StavisError(f"{root} is {DATASETS[kind].title}, which has no folds: leave the fold out, or write a splits.csv.")
    if kind == "folder":
        recordings = load_folder(root, config=labels)
    else:
        if labels.time_unit or labels.scale:
            given = "time unit" if labels.time_unit else "scale"
            raise StavisError(f"{root} is {DATASETS[kind].title}, which has a {given} of its own: leave the {given} out.")
        recordings = DATASETS[kind].read(root, *(() if fold is None else (fold,)), max_gap=labels.max_gap)
    if kind != "folder" and (root / "splits.csv").exists():
        recordings = _own_splits(root, recordings)
    check_subjects(root, recordings)
    for path in (root / "exclude.csv", exclude):
        if path is not None and (path == exclude or path.exists()):
            recordings = with_exclusions(recordings, read_exclusions(path), path)
    return recordings


def locate(root: str | Path, kind: str | None = None) -> tuple[Path, str]:
    """The folder of a data set and the name of its format; root is the folder or a name in DATASETS.

    Raises StavisError where there is no such format, a data set of that name is not found (with its licence and how to apply), or
    the wrong level of folders was chosen (with the right one).
    """
    if kind is not None and kind not in DATASETS:
        raise StavisError(f"there is no format {kind!r}: {offer(kind, DATASETS)}")
    named = DATASETS.get(str(root).lower())
    if named and named.folders and not Path(root).exists():
        return _found(named), named.name
    root = Path(root)
    fitting = [each.name for each in _licensed() if root.is_dir() and each.fits(root)]
    if kind in fitting or (kind == "folder" and root.is_dir()):
        return root, kind
    if kind is None and fitting:
        return root, fitting[0]
    _refuse_wrong_level(root)
    if kind not in (None, "folder"):
        looks = f"it looks like {DATASETS[fitting[0]].title}" if fitting else f"there should be {DATASETS[kind].holds}"
        raise StavisError(f"{root} is not {DATASETS[kind].title}: {looks}.")
    return root, "folder"


def found_at(name: str) -> Path | None:
    """The first of the folders looked for that is there and holds the data set; None where there is none."""
    return next((place for place in looked_for(name) if place.is_dir() and DATASETS[name].fits(place)), None)


def check_subjects(root: Path, recordings: Sequence[Recording]) -> None:
    """Raises StavisError where one person is in two splits: scores of people who were trained on say little of others."""
    home: dict[str, Recording] = {}
    for recording in recordings:
        other = home.setdefault(recording.subject, recording) if recording.subject and recording.split else recording
        if other.split != recording.split:
            raise StavisError(
                f"{root}: subject {recording.subject!r} is in split {other.split!r} ({other.name}) and in {recording.split!r} "
                f"({recording.name}): keep each person in one split, with a splits.csv."
            )


def _licensed() -> list[DataSet]:
    return [each for each in DATASETS.values() if each.name != "folder"]


def _found(data_set: DataSet) -> Path:
    place = found_at(data_set.name)
    if place is None:
        raise missing(data_set.name)
    return place


def _refuse_wrong_level(root: Path) -> None:
    """Raises StavisError where a folder above or below is a licensed data set, and this one is not one of the user's own."""
    if not root.is_dir() or _own(root):
        return
    for above in list(root.resolve().parents)[:3]:
        for each in _licensed():
            if _may_fit(each, above):
                raise StavisError(f"{root} is only a part of {each.title}: choose {above}.")
    if has_video(root):
        return
    below = [Path(entry.path) for entry in listed(root) if entry.is_dir()]
    below += [Path(entry.path) for folder in below[:50] for entry in listed(folder) if entry.is_dir()]
    fitting = [(path, each) for path in below[:500] for each in _licensed() if _may_fit(each, path)]
    if fitting:
        titles = " and ".join(dict.fromkeys(each.title for _, each in fitting))
        raise StavisError(f"{root} holds {titles} in a folder of its own: choose {some({str(path) for path, _ in fitting})}.")


def _may_fit(data_set: DataSet, folder: Path) -> bool:
    """Whether a folder that nobody asked for is of a format; one that may not be read is not."""
    try:
        return data_set.fits(folder)
    except (StavisError, OSError):
        return False


def _own(root: Path) -> bool:
    """Whether a folder is a data set of the user's own, wherever it lies."""
    if looks_like_dataset(root) and ((root / "labels").is_dir() or (root / "raters").is_dir()):
        return True
    return has_video(root) and any(path.suffix.lower() in (".csv", ".tsv") for path in root.iterdir())


def _own_splits(root: Path, recordings: list[Recording]) -> list[Recording]:
    """The recordings with the subjects and splits of the folder's splits.csv."""
    splits = read_splits(root / "splits.csv", {recording.name for recording in recordings})
    notes = GroupedNotes()
    notes.add("in splits.csv without a recording", splits.unknown)
    notes.add("recordings that splits.csv does not name, in no split", [one.name for one in recordings if one.name not in splits.of])
    recordings = [replace(one, notes=(*one.notes, *notes.of(root))) for one in recordings]
    return [
        replace(one, subject=splits.of[one.name][0], split=splits.of[one.name][1]) if one.name in splits.of else replace(one, split="")
        for one in recordings
    ]
