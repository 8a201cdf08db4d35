"""The embedded data set: generated faces that stand in where no data is given."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from stavis.data.datasets.registry import locate
from stavis.progress import bar
from stavis.storage.cache import get_or_create
from stavis.synthetic.spec import SyntheticConfig
from stavis.synthetic.writer import write_dataset

Progress = Callable[[int, int], None]

EMBEDDED = SyntheticConfig(
    scenarios=("switching",), recordings=480, seconds=3.2, fps=6.25, seed=1, shares=(0.8, 0.05, 0.15), rater_noise=0.05
)
"""The embedded default: drawn faces whose valence moves between mouth and eyes; many people for a short time each, because new people
teach a network more than new frames of the same ones."""


def embedded_data(spec: SyntheticConfig = EMBEDDED, progress: Progress | None = None) -> Path:
    """The folder of a synthetic data set in the cache, rendered at the first call; it stays there while this process lives."""
    about = {"what": f"{spec.recordings} recordings of {spec.seconds:g} s, {', '.join(spec.scenarios)}"}
    return get_or_create(
        "synthetic",
        spec.hash()[:16],
        lambda folder: write_dataset(folder, spec, progress=progress),
        lambda folder: (folder / "dataset.json").exists(),
        about,
        lease=True,
    )


def drawn_data(recordings: int | None = None, *, quiet: bool = False) -> Path:
    """The folder of the embedded drawn faces, or of another number of them; drawn with a progress bar where not in the cache yet."""
    with bar("drawing the embedded data", quiet) as progress:
        return embedded_data(replace(EMBEDDED, recordings=recordings) if recordings else EMBEDDED, progress)


def folder_of(data: str | Path | None, quiet: bool = False) -> Path:
    """The folder that was given (or found by a data set's name), or that of the embedded data, drawn with a progress bar where it is
    not in the cache yet."""
    return drawn_data(quiet=quiet) if data is None else locate(data)[0]
