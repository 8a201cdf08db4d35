"""From a data set on disk to crops in the cache, split by split; and the embedded data that stands in where none is given."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from stavis.data.annotations.annotations import COLUMNS, read_annotations
from stavis.data.datasets.labels import LabelConfig
from stavis.data.datasets.registry import DATASETS, load_dataset, locate
from stavis.errors import StavisError
from stavis.notes import show
from stavis.storage.files import file_stem, read_json
from stavis.types import Recording

Progress = Callable[[int, int], None]


def recordings_of(
    data: str | Path,
    split: str | None = None,
    *,
    labelled: bool = False,
    kind: str | None = None,
    fold: int | None = None,
    exclude: str | Path | None = None,
    labels: LabelConfig = LabelConfig(),
) -> list[Recording]:
    """The recordings of a data set in any format, of one split or (None) all of them, with the ranges that are to be left out.

    kind, fold, exclude: as in `read_dataset`; labels: how label files are read. What was annotated for exclusion in the explorer is
    left out as well: annotations kept as DATA/marks/NAME.csv, or beside the video as NAME.csv. Notes are shown as StavisWarnings.

    Raises StavisError where the split is empty, or (labelled=True) none of it has labels.
    """
    found = load_dataset(data, kind, fold=fold, exclude=exclude, labels=labels)
    root = locate(data, kind)[0]
    show(note for recording in found for note in recording.notes)
    return of_split([with_annotations(recording, root) for recording in found], data, split, labelled=labelled)


def of_split(everything: Sequence[Recording], data: str | Path, split: str | None, *, labelled: bool = False) -> list[Recording]:
    """Those of the recordings of `data` that are in a split (None: all), and have labels where `labelled`.

    Raises StavisError where none is.
    """
    chosen = [recording for recording in everything if split is None or recording.split == split]
    if not chosen:
        splits = ", ".join(sorted({recording.split or "(none)" for recording in everything}))
        raise StavisError(f"{data} has no recording in split {split!r} (there are: {splits}): choose one of these or add a splits.csv.")
    if labelled and not any(recording.labels is not None for recording in chosen):
        there = sorted({one.split for one in everything if one.labels is not None and one.split})
        advice = f"choose a split that has labels ({', '.join(there)})" if there else "put NAME.csv files under labels/"
        raise StavisError(f"{data}: none of the {len(chosen)} recordings of split {split!r} has labels: {advice}.")
    return [recording for recording in chosen if recording.labels is not None] if labelled else chosen


def label_sources(recordings: Sequence[Recording]) -> str:
    """Where the labels of recordings are from, in words, each source once."""
    return "; ".join(dict.fromkeys(recording.label_source for recording in recordings if recording.label_source)) or "label files"


def with_annotations(recording: Recording, data: str | Path) -> Recording:
    """A recording without the ranges that were marked for exclusion while looking at it.

    Raises StavisError where a file of marks is damaged.
    """
    name = f"{file_stem(recording.name)}.csv"
    found: set[tuple[float, float, str]] = set()
    for path in (Path(data) / "marks" / name, recording.video.parent / name):
        if path.is_file() and (path.parent.name == "marks" or _holds_marks(path)):
            found |= {(start, end, "marked") for start, end in read_annotations(path).exclude}
    return replace(recording, exclude=tuple(sorted({*recording.exclude, *found}))) if found else recording


def _holds_marks(path: Path) -> bool:
    """Whether a CSV beside a video is one of marks: labels may be called so too."""
    with open(path, "rb") as stream:
        return stream.read(64).decode("utf-8-sig", "replace").lower().startswith(",".join(COLUMNS[:3]))


def data_facts(data: str | Path) -> dict:
    """What a result says of its data: the folder's name, its format, and for drawn data the spec and its hash."""
    root, kind = locate(data)
    facts: dict = {"name": root.resolve().name} | ({} if kind == "folder" else {"format": DATASETS[kind].title})
    described = root / "dataset.json"
    if described.is_file():
        told = read_json(described)
        if isinstance(told, dict) and "spec" in told:
            facts |= {"synthetic": True, "spec": told["spec"], "hash": told.get("hash")}
    return facts
