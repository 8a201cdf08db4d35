"""From a data set on disk to crops in the cache, split by split; and the embedded data that stands in where none is given."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from joblib import Parallel, cpu_count, delayed

from stavis.data.crops import Crops, CropSpec, crops_of
from stavis.data.formats.datasets import DATASETS, locate, read_dataset
from stavis.errors import StavisError
from stavis.jobs.progress import bar
from stavis.show.explorer_marks import file_stem
from stavis.show.scrubber.marks import COLUMNS, read_marks
from stavis.storage import cache_folder, read_json
from stavis.synthetic.spec import SyntheticSpec
from stavis.synthetic.writer import write_dataset
from stavis.types import Recording

Progress = Callable[[int, int], None]

EMBEDDED = SyntheticSpec(
    scenarios=("switching",), recordings=480, seconds=3.2, fps=6.25, seed=1, shares=(0.8, 0.05, 0.15), rater_noise=0.05
)
"""The embedded default: drawn faces whose valence moves between mouth and eyes; many people for a short time each, because new people
teach a network more than new frames of the same ones."""


def embedded_data(spec: SyntheticSpec = EMBEDDED, progress: Progress | None = None) -> Path:
    """The folder of a drawn data set in the cache, rendered at the first call."""
    root = cache_folder() / "synthetic" / spec.hash()[:16]
    if not (root / "dataset.json").exists():
        write_dataset(root, spec, progress=progress)
    return root


def drawn_data(recordings: int | None = None, *, quiet: bool = False) -> Path:
    """The folder of the embedded drawn faces, or of another number of them; drawn with a progress bar where not in the cache yet."""
    with bar("drawing the embedded data", quiet) as progress:
        return embedded_data(replace(EMBEDDED, recordings=recordings) if recordings else EMBEDDED, progress)


def folder_of(data: str | Path | None, quiet: bool = False) -> Path:
    """The folder that was given (or found by a data set's name), or that of the embedded data, drawn with a progress bar where it is
    not in the cache yet."""
    return drawn_data(quiet=quiet) if data is None else locate(data)[0]


def recordings_of(
    data: str | Path,
    split: str | None = None,
    *,
    labelled: bool = False,
    kind: str | None = None,
    fold: int | None = None,
    exclude: str | Path | None = None,
) -> list[Recording]:
    """The recordings of a data set in any format, of one split or (None) all of them, with the ranges that are to be left out.

    kind, fold, exclude: as in `read_dataset`. What was marked for exclusion in the explorer is left out as well: marks kept as
    DATA/marks/NAME.csv, or beside the video as NAME.csv.

    Raises StavisError where the split is empty, or (labelled=True) none of it has labels.
    """
    everything = [with_marks(recording, locate(data, kind)[0]) for recording in read_dataset(data, kind, fold=fold, exclude=exclude)]
    return of_split(everything, data, split, labelled=labelled)


def of_split(everything: Sequence[Recording], data: str | Path, split: str | None, *, labelled: bool = False) -> list[Recording]:
    """Those of the recordings of `data` that are in a split (None: all), and have labels where `labelled`.

    Raises StavisError where none is.
    """
    chosen = [recording for recording in everything if split is None or recording.split == split]
    if not chosen:
        splits = ", ".join(sorted({recording.split or "(none)" for recording in everything}))
        raise StavisError(f"{data} has no recording in split {split!r} (there are: {splits}): choose one of these or add a splits.csv.")
    if labelled and not any(recording.labels is not None for recording in chosen):
        raise StavisError(f"{data}: none of the {len(chosen)} recordings of split {split!r} has labels: put NAME.csv files under labels/.")
    return [recording for recording in chosen if recording.labels is not None] if labelled else chosen


def label_sources(recordings: Sequence[Recording]) -> str:
    """Where the labels of recordings are from, in words, each source once."""
    return "; ".join(dict.fromkeys(recording.label_source for recording in recordings if recording.label_source)) or "label files"


def with_marks(recording: Recording, data: str | Path) -> Recording:
    """A recording without the ranges that were marked for exclusion while looking at it.

    Raises StavisError where a file of marks is damaged.
    """
    name = f"{file_stem(recording.name)}.csv"
    found: set[tuple[float, float, str]] = set()
    for path in (Path(data) / "marks" / name, recording.video.parent / name):
        if path.is_file() and (path.parent.name == "marks" or _holds_marks(path)):
            found |= {(start, end, "marked") for start, end in read_marks(path).exclude}
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


def crops_for(recordings: Sequence[Recording], spec: CropSpec, progress: Progress | None = None) -> list[Crops]:
    """The crops of several recordings, made on all cores where they are not in the cache yet."""
    if len(recordings) > 3 and cpu_count() > 1:
        # joblib's processes, because they need no guard around a user's script
        work = Parallel(n_jobs=min(len(recordings), cpu_count()), return_as="generator")
        for done, _ in enumerate(work(delayed(_fill_cache)(recording, spec) for recording in recordings), 1):
            if progress:
                progress(done, len(recordings))
    return [crops_of(recording, spec) for recording in recordings]


def _fill_cache(recording: Recording, spec: CropSpec) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are kept with the crops and said by the process that asked
        crops_of(recording, spec)
