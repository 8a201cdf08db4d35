"""Which checkpoints there are, told without loading one: the shipped names, the folder that a name or path stands for."""

from pathlib import Path

from stavis.errors import StavisError, nearest

PRETRAINED = Path(__file__).parents[1] / "pretrained"
DEFAULT = "sta-heads"
"""The shipped network that reads a video where none is named: none of its choices was made on real clips."""
EMBEDDED = "sta-synthetic"
"""The one that reads the embedded synthetic faces: it has learned from such."""
SHORT = "sta"
"""The short name of DEFAULT, where no folder is called so."""


def pretrained_names() -> list[str]:
    """The names of the checkpoints that ship with the package.

    Returns
    -------
    list of str
        Each of them is what `load` takes.

    Examples
    --------
    >>> "sta-synthetic" in stavis.pretrained_names()
    True
    """
    return sorted(path.parent.name for path in PRETRAINED.glob("*/config.json"))


def checkpoint_folder(run: str | Path) -> Path:
    """The folder of a checkpoint: a shipped name ("sta" is the default one), a run's best, or the folder itself.

    Raises StavisError where there is none, with the shipped name that is nearest.
    """
    names = pretrained_names()
    if str(run) in names:
        return PRETRAINED / str(run)
    for folder in (Path(run), Path(run) / "best"):
        if (folder / "config.json").is_file():
            return folder
    if str(run) == SHORT:
        return PRETRAINED / DEFAULT
    near = nearest(run, names)
    if near and not Path(run).exists():
        raise StavisError(f"{run} is no checkpoint and no shipped name: did you mean {near}?")
    raise StavisError(
        f"{run} is no checkpoint (no config.json there or in its best/): give a run's folder, a shipped name ({', '.join(names)}) or "
        "hf:owner/name."
    )
