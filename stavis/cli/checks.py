"""What a command is given, checked before anything heavy is imported: a typo is refused at once. Nothing here imports torch.

Each check returns what it was given. What can only be known of the loaded network or the decoded video is checked there.
"""

import mimetypes
import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import typer

import stavis
from stavis import attribution
from stavis.batch.shipped import shipped_notebooks, shipped_specs
from stavis.data.dataset_names import NAMES, looked_for, missing
from stavis.errors import nearest_file, offer
from stavis.models.hub import is_hub_name, parsed
from stavis.models.published import ROWS
from stavis.models.shipped import checkpoint_folder

SPLITS = ("train", "dev", "test")
PRESETS = ("small", "paper", "contrasts")
FILLS = ("read", "interpolate", "zero", "drop")
BENCH_FILLS = FILLS[1:]  # a bench has one rule for networks and descriptors, and those know nothing where no landmarks are
SOURCES = ("auto", "truth", "face", "centre", "resize", "letterbox")
LOSSES = ("mse", "ccc", "mse+ccc", "epsilon")
LABELS = ("auto", "given", "raters")
MODES = ("window", "stream")
SHIPPED = ("sta-synthetic", "sta-heads")
_CHOICES = {
    "system": tuple(ROWS),
    "preset": PRESETS,
    "fill": FILLS,
    "source": SOURCES,
    "loss": LOSSES,
    "labels": LABELS,
    "precision": ("auto", "32-true", "bf16-mixed"),
    "backend": ("auto", "litert", "opencv"),
    "renderer": ("flat", "heads", "both"),
    "view": ("choose", "side by side", "wipe", "difference"),
    "mode": MODES,
    "pieces": ("auto", "inside", "beside"),
}
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


def given(**values) -> None:
    """Check each value by the check of its name: `given(network=run, out=out)`."""
    for name, value in values.items():
        if name == "source" and value.startswith("centre:"):
            continue
        if name in _CHOICES:
            choice(f"--{name.replace('_', '-')}", value, _CHOICES[name])
        else:
            _CHECKS[name](value)


def begin(sentence: str, quiet: bool = False) -> None:
    """Say on stderr what begins now: loading libraries and networks takes seconds without any other sign.

    Errors and warnings begin with "stavis: ", this line does not.
    """
    if not quiet:
        typer.echo(sentence, err=True)


def network(run: str) -> str:
    """A network's name: shipped, a folder, of the hub, or package.module:function.

    Raises StavisError where there is none.
    """
    if is_hub_name(run):
        parsed(run)
    elif re.fullmatch(r"[\w.]+:\w+", run) and not Path(run).exists():
        top = run.partition(":")[0].split(".")[0]
        if not any(Path(name).exists() for name in (top, f"{top}.py")) and find_spec(top) is None:
            raise stavis.StavisError(f"{run}: {top} cannot be imported: run in the folder that holds it, or install it.")
    else:
        checkpoint_folder(run)
    return run


def video(path: Path) -> Path:
    """The path of a video, or of a folder of its images. Raises StavisError where there is nothing."""
    return _there(path, "give the path of a video that exists.")


def is_video(name: str) -> bool:
    """Whether a name that may be a network's is that of a video: a file, or with the suffix of one."""
    return Path(name).is_file() or (mimetypes.guess_type(Path(name).name)[0] or "").startswith("video/")


def clips(path: Path) -> Path:
    """The path of a folder of clips, or of one. Raises StavisError where there is nothing."""
    return _there(path, "give the path of a folder of clips, or of one.")


def file(path: Path | None) -> Path | None:
    """The path of a file that is read, or None. Raises StavisError where there is nothing."""
    return None if path is None else _there(path, "give the path of a file.", "is missing")


def data(name: str | Path | None, split: str | None = None) -> str | Path | None:
    """A data set's folder or name, None for the embedded data; a split of it where that is no usual one.

    Raises StavisError where there is none, or it has no such split.
    """
    if name is None:
        if split is not None:
            choice("--split", split, SPLITS)
        return None
    if not Path(name).exists():
        known = str(name).lower()
        if known not in NAMES or not NAMES[known].folders:
            near = nearest_file(Path(name))
            remedy = f"did you mean {near}?" if near else offer(name, NAMES, also="the folder of the recordings")
            raise stavis.StavisError(f"{name} does not exist: {remedy}")
        if not any(path.is_dir() for path in looked_for(known)):
            raise missing(known)
    if split is not None and split not in SPLITS:
        there = sorted({one.split or "(none)" for one in stavis.read_dataset(name)})
        choice("--split", split, there)
    return name


def out(path: Path | None) -> Path | None:
    """A folder that is to be written. Raises StavisError where a file stands there, or above it."""
    above = next((one for one in (path, *path.parents) if one.exists()), None) if path is not None else None
    if above is not None and not above.is_dir():
        raise stavis.StavisError(f"{path} cannot be written ({above} is a file): choose another folder.")
    return path


def methods(text: str) -> tuple[str, ...]:
    """The attributions in a list separated by commas. Raises StavisError for an unknown one."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if name.replace("_", "-") not in attribution.NAMES:
            raise stavis.StavisError(f"there is no attribution method {name!r}: {offer(name, attribution.NAMES)}")
    return names


def systems(text: str) -> str:
    """The systems in a list separated by commas, or all. Raises StavisError for an unknown one."""
    for name in (one.strip() for one in text.split(",")):
        if name and name != "all" and name not in ROWS:
            raise stavis.StavisError(f"there is no system {name!r}: {offer(name, ('all', *ROWS))}")
    return text


def regions(text: str) -> str:
    """Regions as `explain` takes them. Raises StavisError where they cannot be read."""
    if re.fullmatch(r"\s*grid(:.*)?", text.lower()):
        return text  # its numbers are checked where it is read
    if text and Path(text).suffix.lower() not in (".csv", ".npz"):
        raise stavis.StavisError(f"regions are {text!r}, expected grid:3x3, a .csv of boxes or a .npz of boxes or masks: name one.")
    if text:
        _there(Path(text), "give the path of a file.", "is missing")
    return text


def device(name: str) -> str:
    """A device's name. Raises StavisError for what can be none."""
    if _DEVICE.fullmatch(name) is None:
        raise stavis.StavisError(f"there is no device {name!r}: {offer(name, ('auto', 'cpu', 'cuda', 'cuda:1', 'mps'))}")
    return name


def choice(option: str, value: str, known: Iterable[str]) -> str:
    """A value out of a few. Raises StavisError for another."""
    known = tuple(known)
    if value not in known:
        raise stavis.StavisError(f"{option} is {value!r}: {offer(value, known)}")
    return value


def unused(options: Sequence[str], why: str, remedy: str) -> None:
    """Refuse what would be passed over in silence. Raises StavisError where there is any."""
    if options:
        raise stavis.StavisError(f"{options[0]} {why}: {remedy}, or leave {', '.join(options)} out.")


def notebook(name: str) -> str:
    """A spec (.yaml), a notebook (.ipynb), or the name of a shipped one. Raises StavisError where there is none."""
    path, shipped = Path(name), [*shipped_specs(), *shipped_notebooks()]
    if path.suffix.lower() in (".yaml", ".yml", ".ipynb"):
        known = path.stem in shipped and path.name in (f"{path.stem}.yaml", f"{path.stem}.ipynb")
        _there(
            path, f"did you mean {path.stem}, which comes with stavis?" if known else "give the path of a spec (.yaml) or of a notebook."
        )
    elif "/" not in name and not path.exists() and name not in shipped:
        raise stavis.StavisError(
            f"there is no spec or notebook {name!r}: {offer(name, shipped, also='the path of a .yaml or .ipynb file')}"
        )
    return name


_CHECKS = {
    "network": network,
    "video": video,
    "clips": clips,
    "file": file,
    "exclude": file,
    "data": data,
    "out": out,
    "regions": regions,
    "systems": systems,
    "device": device,
}


def _there(path: Path, remedy: str, wrong: str = "does not exist") -> Path:
    try:
        exists = path.exists()
    except (OSError, ValueError):
        exists = False
    if not exists:
        near = nearest_file(path)
        raise stavis.StavisError(f"{path} {wrong}: {f'did you mean {path.with_name(near)}?' if near else remedy}")
    return path
