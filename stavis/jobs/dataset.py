"""From a folder on disk to crops in the cache, split by split; and the embedded data that stands in where no folder is given."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from joblib import Parallel, cpu_count, delayed

from stavis.data.crops import Crops, CropSpec, crops_of
from stavis.data.folder import read_folder
from stavis.errors import StavisError
from stavis.jobs.progress import bar
from stavis.storage import cache_folder, read_json
from stavis.synthetic.spec import SyntheticSpec
from stavis.synthetic.writer import write_dataset
from stavis.types import Recording

Progress = Callable[[int, int], None]

EMBEDDED = SyntheticSpec(
    scenarios=("switching",), recordings=320, seconds=4.8, fps=6.25, seed=1, shares=(0.8, 0.05, 0.15), rater_noise=0.05
)
"""The embedded default: drawn faces whose valence moves between mouth and eyes; many people for a short time each, because new people
teach a network more than new frames of the same ones."""


def embedded_data(spec: SyntheticSpec = EMBEDDED, progress: Progress | None = None) -> Path:
    """The folder of a drawn data set in the cache, rendered at the first call."""
    root = cache_folder() / "synthetic" / spec.hash()[:16]
    if not (root / "dataset.json").exists():
        write_dataset(root, spec, progress=progress)
    return root


def folder_of(data: str | Path | None, quiet: bool = False) -> Path:
    """The folder that was given, or that of the embedded data, drawn with a progress bar where it is not in the cache yet."""
    if data is not None:
        return Path(data)
    with bar("drawing the embedded data", quiet) as progress:
        return embedded_data(progress=progress)


def recordings_of(data: str | Path, split: str | None = None, *, labelled: bool = False) -> list[Recording]:
    """The recordings of a folder, of one split or (None) all of them.

    Raises StavisError where the split is empty, or (labelled=True) none of it has labels.
    """
    everything = read_folder(data)
    chosen = [recording for recording in everything if split is None or recording.split == split]
    if not chosen:
        splits = ", ".join(sorted({recording.split or "(none)" for recording in everything}))
        raise StavisError(f"{data} has no recording in split {split!r} (there are: {splits}): choose one of these or add a splits.csv.")
    if labelled and not any(recording.labels is not None for recording in chosen):
        raise StavisError(f"{data}: none of the {len(chosen)} recordings of split {split!r} has labels: put NAME.csv files under labels/.")
    return [recording for recording in chosen if recording.labels is not None] if labelled else chosen


def data_facts(data: str | Path) -> dict:
    """What a result says of its data: the folder's name, and for drawn data the spec and its hash."""
    facts: dict = {"name": Path(data).resolve().name}
    described = Path(data) / "dataset.json"
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
