"""Synthetic recordings with known truth, written to a folder of one's own."""

from pathlib import Path

from stavis.errors import StavisError
from stavis.progress import bar
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import read_spec, write_dataset


def synth(root: str | Path, spec: SyntheticConfig = SyntheticConfig(), *, quiet: bool = False) -> Path:
    """Render synthetic faces with known truth into a folder of one's own.

    Parameters
    ----------
    root : str or Path
        The folder to write: new, empty, or one that was written with the same settings.
    spec : SyntheticConfig
        What is rendered; the same settings give the same pixels.
    quiet : bool
        No progress bar.

    Returns
    -------
    Path
        The folder, which `read_dataset`, `train` and `Predictor.evaluate` take: videos, labels, raters, truth, splits.

    Raises
    ------
    StavisError
        Where the folder holds something else already or cannot be written.

    Examples
    --------
    >>> spec = stavis.SyntheticConfig(recordings=1, seconds=1.0, fps=6.25, size=(64, 64))
    >>> sorted(path.name for path in stavis.synth(out / "faces", spec, quiet=True).iterdir())
    ['dataset.json', 'labels', 'raters', 'splits.csv', 'truth', 'videos']
    """
    _refuse_other(Path(root), spec)
    with bar("rendering recordings", quiet) as progress:
        return write_dataset(root, spec, progress=progress)


def _refuse_other(root: Path, spec: SyntheticConfig) -> None:
    """Hours of rendering are replaced by what is the same alone; a folder that is no synthetic data set the writer refuses."""
    try:
        there = read_spec(root).as_dict()
    except StavisError:
        return
    if changed := next((name for name, value in spec.as_dict().items() if there[name] != value), None):
        what = f"a synthetic data set of other settings ({changed} is {there[changed]}, not {spec.as_dict()[changed]})"
        raise StavisError(f"{root} holds {what}: give the path of a new or empty folder.")
