"""A trained network as a folder: model.safetensors, config.json, README.md. Nothing in it is ever unpickled.

safetensors accepts wrong shapes and types, missing and extra names and NaN; refusing those is done here.
"""

import dataclasses
import json
import typing
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from stavis.errors import StavisError
from stavis.models.card import only_synthetic
from stavis.models.hub import HubCopy, download, is_hub_name
from stavis.models.shipped import checkpoint_folder
from stavis.models.systems import SYSTEMS, system
from stavis.printable import ShortRepr
from stavis.storage.files import atomic_folder, content_hash, read_json, write_json, write_text

FORMAT = 1
_LARGEST_WIDTH, _MOST_LAYERS, _LARGEST_SIDE = 4096, 12, 1024


@dataclass(frozen=True, repr=False)
class Checkpoint(ShortRepr):
    """A network as it was trained: ready to run (eval mode), with its system's name and what its config.json says.

    hub: where on the Hugging Face Hub it was read from, None for one of this machine.
    """

    model: nn.Module
    system: str
    folder: Path
    info: dict
    hub: HubCopy | None = None
    _shown = ("system", "folder")

    @property
    def hash(self) -> str:
        """The sha256 of the weights file: the network's identity."""
        return self.info["weights_sha256"]

    @property
    def name(self) -> str:
        """What it is called: a shipped name, the run's folder, its own, or its repository on the hub with the commit."""
        if self.hub is not None:
            return self.hub.name
        folder = self.folder.resolve()
        return folder.parent.name if folder.name in ("best", "last") else folder.name

    @property
    def only_synthetic(self) -> bool:
        """Whether the network has never seen a real face."""
        return only_synthetic(self.info)


def save_checkpoint(folder: str | Path, model: nn.Module, *, system: str, info: dict | None = None, card: str = "") -> Path:
    """Write a network as a checkpoint folder, whole or not at all.

    Parameters
    ----------
    folder : str or Path
        The folder to write; a checkpoint that is there is replaced in one rename, any other folder has to be empty.
    model : nn.Module
        A network with `config` and `dimensions`, of one of the package's systems.
    system : str
        The name of its system (`systems`).
    info : dict, optional
        Plain JSON values that go into config.json beside the architecture.
    card : str
        The text of README.md.

    Returns
    -------
    Path
        The folder, which `load` takes.

    Raises
    ------
    StavisError
        Where it cannot be written, the folder holds something else, or the network is none of that system.

    Examples
    --------
    >>> net = stavis.load("sta-synthetic", device="cpu")
    >>> copy = stavis.save_checkpoint(out / "copy", net.model, system=net.system)
    >>> stavis.load(copy, device="cpu").hash == net.hash
    True
    """
    refuse_foreign(folder)
    config = _config_of(model, system)
    try:
        json.dumps(info)
    except (TypeError, ValueError) as error:
        raise StavisError(f"info cannot be written as JSON ({error}): give plain numbers, texts, lists and dictionaries.") from error
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with atomic_folder(folder) as temporary:
        weights = temporary / "model.safetensors"
        try:
            save_file(tensors, weights, metadata={"format": "pt"})
        except SafetensorError as error:  # how safetensors tells of a full disk
            raise OSError(str(error)) from error
        described = {
            "format": FORMAT,
            "system": system,
            "config": config,
            "dimensions": named(model.dimensions),
            "weights_sha256": content_hash(weights),
        }
        beside = {key: value for key, value in (info or {}).items() if key not in described}  # what is of these weights stays so
        write_json(temporary / "config.json", {**described, **beside})
        write_text(temporary / "README.md", card or f"# {system}\n")
    return Path(folder)


def refuse_foreign(folder: str | Path) -> Path:
    """The path of a folder to write. Raises StavisError where it holds what is no checkpoint (recordings, a whole run, a clone)."""
    folder = Path(folder)
    try:
        names = sorted(path.name for path in folder.iterdir() if path.name != ".DS_Store") if folder.is_dir() else []
        inside = next((name for name in names if (folder / name).is_dir()), None)
    except OSError as error:
        raise StavisError(f"{folder} cannot be read ({error.strerror}): give another folder.") from error
    if names and (inside or not {"config.json", "model.safetensors"} <= set(names)):
        raise StavisError(f"{folder} holds {inside or names[0]}, which is of no checkpoint: give a new or empty folder.")
    return folder


def _config_of(model: nn.Module, name: str) -> dict:
    """The config of a network of one of the package's systems. Raises StavisError where it is none of that system."""
    if not isinstance(model, system(name).network):
        raise StavisError(f"a {type(model).__name__} is no network of the system {name!r}: save one that stavis made, by its own system.")
    return dataclasses.asdict(model.config)


def named(dimensions: tuple[str, ...]) -> list[dict]:
    """What config.json says of each output, in order: its name, range and unit."""
    return [{"name": name, "range": [-1, 1], "unit": "rating"} for name in dimensions]


def load_checkpoint(run: str | Path) -> Checkpoint:
    """The network in a checkpoint folder, a run folder, a shipped name or a repository of the hub ("hf:owner/name@revision"), after
    every check of its files.

    Raises StavisError where a file is missing, cut short, of another version, or does not fit the architecture it names.
    """
    hub = download(run) if is_hub_name(run) else None
    folder = checkpoint_folder(run) if hub is None else hub.folder
    info = _read_config(folder / "config.json")
    chosen = system(info["system"])
    try:
        config = _config(chosen.config, info["config"], folder)
        with torch.device("meta"):
            expected = chosen.network(config).state_dict()
        tensors = _read_tensors(folder, info, expected)
        model = chosen.network(config)
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError, IndexError) as error:
        raise StavisError(f"{folder / 'config.json'} describes no network that can be built ({error}): take another copy.") from error
    model.load_state_dict(tensors)
    return Checkpoint(model.eval(), info["system"], folder, info, hub)


def _read_config(path: Path) -> dict:
    info = read_json(path, limit=4 << 20)
    if not isinstance(info, dict) or "format" not in info:
        raise StavisError(f"{path} is not of a stavis checkpoint (no format number): give a folder that stavis wrote.")
    if info["format"] != FORMAT:
        raise StavisError(f"{path} has format {info['format']!r}, this stavis reads format {FORMAT}: install the version that wrote it.")
    missing = [key for key in ("system", "config", "weights_sha256") if key not in info]
    if missing or not isinstance(info["config"], dict) or info["system"] not in SYSTEMS:
        wrong = f"it lacks {', '.join(missing)}" if missing else "its system or config is none of this version's"
        raise StavisError(f"{path} is not a whole checkpoint ({wrong}): take another copy or a newer stavis.")
    return info


def _config(cls: type, values: dict, folder: Path):
    """A config from JSON: unknown fields and unreasonable sizes are refused before anything is allocated."""
    hints = typing.get_type_hints(cls)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise StavisError(f"{folder / 'config.json'} has fields this version does not know ({', '.join(unknown)}): install a newer stavis.")
    for name, value in values.items():
        _check_field(folder, name, value)
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


def _check_field(folder: Path, name: str, value) -> None:
    listed = value if isinstance(value, list) else [value]
    whole = [v for v in listed if isinstance(v, int) and not isinstance(v, bool)]
    side = name in ("crop_size", "vision")
    if len(listed) > _MOST_LAYERS or any(not 1 <= v <= (_LARGEST_SIDE if side else _LARGEST_WIDTH) for v in whole):
        raise StavisError(f"{folder / 'config.json'}: {name} is out of range ({str(value)[:40]}): take another copy.")


def _read_tensors(folder: Path, info: dict, expected: dict) -> dict[str, torch.Tensor]:
    """The weights, compared with what the architecture expects before they are allocated."""
    path = folder / "model.safetensors"
    if not path.is_file():
        raise StavisError(f"{path} is missing: copy the whole checkpoint folder.")
    try:
        with safe_open(path, framework="pt") as file:
            found = set(file.keys())
            odd = sorted(found ^ set(expected))
            if odd:
                raise StavisError(f"{path} and config.json do not belong together ({odd[0]} is in only one of them): take another copy.")
            for name, tensor in expected.items():
                if tuple(file.get_slice(name).get_shape()) != tuple(tensor.shape):
                    raise StavisError(f"{path}: {name} has another shape than config.json says: take another copy.")
            if content_hash(path) != info["weights_sha256"]:
                raise StavisError(f"{path} is not the file that config.json was written with (its hash differs): take another copy.")
            tensors = {name: file.get_tensor(name) for name in found}
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise StavisError(f"{path} is cut short or no safetensors file ({error}): take another copy.") from error
    for name, tensor in tensors.items():
        if tensor.dtype != expected[name].dtype:
            raise StavisError(f"{path}: {name} is {tensor.dtype}, expected {expected[name].dtype}: take another copy.")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise StavisError(f"{path}: {name} holds values that are not finite: train again or take another copy.")
    return tensors
