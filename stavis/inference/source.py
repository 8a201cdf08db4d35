"""Where a network comes from: a checkpoint, a run, a shipped name, or a module that is there already; with what is taken for granted."""

from pathlib import Path

import numpy as np
from torch import nn

from stavis.data.crops.crops import Crops
from stavis.data.datasets.folder import recording_at
from stavis.errors import StavisError
from stavis.inference.adapters.frames import FramesNetwork
from stavis.inference.devices import choose_device
from stavis.inference.module_options import ModuleOptions
from stavis.inference.module_source import of_module
from stavis.models.checkpoint import Checkpoint, load_checkpoint
from stavis.storage.files import content_hash
from stavis.storage.fingerprint import weights_hash
from stavis.types import Recording

Source = str | Path | Checkpoint | nn.Module


def weights_now(module: nn.Module, loaded: str, digest: str) -> str:
    """The sha256 that names a network's weights: that which it was loaded with (`digest`), or another where their `weights_hash` is no
    longer `loaded`."""
    now = weights_hash(module)
    return digest if now == loaded else content_hash(digest, now)


def source_of(source: Source, device: str = "auto", **options) -> dict:
    """The fields of a VideoReader: network, name, system, hash, device, info, notes, folder, origin."""
    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(source, nn.Module):
        return of_module(source, device, ModuleOptions(**given))
    if given:
        raise StavisError(f"{source} is a checkpoint with settings of its own: leave out {', '.join(given)}.")
    checkpoint = source if isinstance(source, Checkpoint) else load_checkpoint(_known(source))
    chosen = choose_device(device)
    network = FramesNetwork.of(checkpoint.model.to(chosen))
    return {
        "network": network,
        "name": checkpoint.name,
        "system": checkpoint.system,
        "hash": checkpoint.hash,
        "loaded_weights": weights_hash(checkpoint.model),
        "device": chosen,
        "info": checkpoint.info,
        "notes": checkpoint.hub.notes if checkpoint.hub else (),
        "folder": checkpoint.folder,
        "origin": checkpoint.hub.pinned if checkpoint.hub else "",
    }


def _known(source: str | Path) -> str | Path:
    """The name or path of a checkpoint as it was given.

    Raises StavisError where it is nothing of the sort.
    """
    if not isinstance(source, str | Path):
        raise StavisError(f"a {type(source).__name__} is no network: give a shipped name, a run's folder, or a torch module.")
    return source


def as_recording(video: object) -> Recording:
    """One video (a path or a Recording) as a recording, with the labels and the truth that lie beside it.

    Raises StavisError where it is no single video.
    """
    if isinstance(video, Recording):
        return video
    if isinstance(video, list | tuple):
        raise StavisError(f"{len(video)} videos are given where one is read: read each, or call read_many.")
    if not isinstance(video, str | Path):
        raise StavisError(f"a {type(video).__name__} is no video: give the path of a file, a Recording, or frames (T,H,W,3) uint8.")
    return recording_at(video)


def refuse_unused(video: object, times: np.ndarray | None, source: str, face: object) -> None:
    """Raises StavisError where something is chosen that says nothing of this kind of video: it would be passed over in silence."""
    if isinstance(video, Crops | np.ndarray):
        cut = isinstance(video, Crops)
        option = f"source={source!r}" if source not in (("auto",) if cut else ("auto", "centre")) else ""
        if option := option or (f"face={face!r}" if face != "largest" else ""):
            what = "crops are cut already" if cut else "an array of frames is cut in one way, without a tracker"
            raise StavisError(f"{what}: leave {option} out, or give the path of the video.")
    if times is not None and not isinstance(video, np.ndarray):
        raise StavisError("times are given for a video file, which has its own: leave them out, or give frames (T,H,W,3) uint8.")


def refuse_options(name: str, options: dict) -> None:
    """Raises StavisError where a network that is loaded already is given options of a module."""
    if given := ", ".join(option for option, value in options.items() if value is not None):
        raise StavisError(f"{name} is loaded already: leave out {given}, or load its module with that.")
