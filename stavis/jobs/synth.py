"""Synthetic recordings with known truth, written to a folder of one's own."""

from pathlib import Path

from stavis.progress import bar
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset


def synth(root: str | Path, spec: SyntheticConfig = SyntheticConfig(), *, quiet: bool = False) -> Path:
    """Render synthetic faces with known truth into a folder of one's own.

    Parameters
    ----------
    root : str or Path
        The folder to write: new, empty, or begun with the same settings.
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
    with bar("rendering recordings", quiet) as progress:
        return write_dataset(root, spec, progress=progress)
