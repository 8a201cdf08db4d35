"""Drawn recordings with known truth, written to a folder of one's own."""

from pathlib import Path

from stavis.progress import bar
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset


def synth(root: str | Path, spec: SyntheticConfig = SyntheticConfig(), *, quiet: bool = False) -> Path:
    """Render a drawn data set in the `folder` format under `root`, with a progress bar; returns the folder.

    Raises StavisError where the folder holds something else already or cannot be written.
    """
    with bar("drawing recordings", quiet) as progress:
        return write_dataset(root, spec, progress=progress)
