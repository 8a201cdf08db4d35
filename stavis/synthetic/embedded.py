"""The embedded data set: generated faces that stand in where no data is given."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from stavis.data.datasets.registry import locate
from stavis.errors import StavisError, offer
from stavis.progress import bar
from stavis.storage.cache import get_or_create
from stavis.storage.eviction import kind_folder
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset

Progress = Callable[[int, int], None]

EMBEDDED = SyntheticConfig(
    scenarios=("switching",), recordings=480, seconds=3.2, fps=6.25, seed=1, shares=(0.8, 0.05, 0.15), rater_noise=0.05
)
"""The embedded default: synthetic faces whose valence moves between mouth and eyes; many people for a short time each, because new people
teach a network more than new frames of the same ones."""


def embedded_data(
    spec: SyntheticConfig | int | None = None, progress: Progress | None = None, *, renderer: str | None = None, quiet: bool = False
) -> Path:
    """The folder of a synthetic data set in the cache, rendered at the first call; it stays there while this process lives.

    Parameters
    ----------
    spec : SyntheticConfig or int, optional
        What is rendered; or so many recordings of the embedded default (0 or None: all of them).
    progress : callable, optional
        Called with recordings rendered and recordings in all; by default a progress bar is shown.
    renderer : {"flat", "heads", "both"}, optional
        Who renders the embedded default: flat faces (default), 3D heads (`stavis fetch-models --heads` gets their model), or both by
        turns; valence, cue and timing are the same. A config says it itself, and takes none.
    quiet : bool
        No progress bar.

    Returns
    -------
    Path
        A folder that `read_dataset`, `train` and `Predictor.evaluate` take.

    Raises
    ------
    StavisError
        Where the cache cannot be written, the model of the 3D heads asked for is not available, or a config and a renderer are given.

    Examples
    --------
    >>> folder = stavis.embedded_data(stavis.SyntheticConfig(recordings=1, seconds=1.0, fps=6.25, size=(64, 64)), quiet=True)
    >>> len(stavis.read_dataset(folder))
    1
    """
    if not isinstance(spec, SyntheticConfig):
        spec = replace(EMBEDDED, recordings=spec or EMBEDDED.recordings, renderer=renderer or "flat")
    elif renderer is not None:
        raise StavisError(f"renderer={renderer!r} is for the embedded default, and a config was given: set its own renderer.")
    about = {"what": f"{spec.recordings} recordings of {spec.seconds:g} s, {', '.join(spec.scenarios)}"}

    def render(folder: Path) -> None:
        with bar("rendering synthetic faces", quiet or progress is not None) as shown:
            write_dataset(folder, spec, progress=progress or shown)

    return get_or_create("synthetic", spec.hash()[:16], render, _is_complete, about, lease=True)


def folder_of(data: str | Path | None, quiet: bool = False) -> Path:
    """The folder that was given (or found by a data set's name), or that of the embedded data, rendered with a progress bar where it is
    not in the cache yet."""
    return embedded_data(quiet=quiet) if data is None else locate(data)[0]


def folder_of_first(data: str | Path | None, split: str, count: int, quiet: bool = False, renderer: str = "flat") -> Path:
    """As folder_of, for who reads only the first `count` recordings of a split: of the embedded data only these are rendered, each as
    it is in the whole, by `renderer`; the whole where the cache has it already.

    Raises StavisError where the embedded data has no such split, or the model of the 3D heads asked for is not available.
    """
    if data is not None:
        return locate(data)[0]
    spec = replace(EMBEDDED, renderer=renderer)
    whole = spec.hash()[:16]
    splits = [spec.split_of(index) for index in range(spec.recordings)]
    if split not in splits:
        raise StavisError(f"the embedded data has no split {split!r}: {offer(split, sorted(set(splits)))}")
    indices = [index for index, each in enumerate(splits) if each == split][: max(1, count)]
    if _is_complete(kind_folder("synthetic") / whole):
        return embedded_data(spec, quiet=quiet)

    def render(folder: Path) -> None:
        with bar("rendering synthetic faces", quiet) as shown:
            write_dataset(folder, spec, progress=shown, indices=indices)

    about = {"what": f"the first {len(indices)} recordings of the {split} split of {spec.recordings}, {', '.join(spec.scenarios)}"}
    return get_or_create("synthetic", f"{whole}-{split}-{len(indices)}", render, _is_complete, about, lease=True)


def _is_complete(folder: Path) -> bool:
    return (folder / "dataset.json").exists()
