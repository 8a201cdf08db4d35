"""Where a network comes from: a checkpoint, a run, a shipped name, or a module that is there already; with what is taken for granted."""

import difflib
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from stavis.attention.calls import unwrapped
from stavis.attention.hooks import attention_module
from stavis.attribution.cache import model_hash
from stavis.attribution.target import device_of
from stavis.errors import StavisError
from stavis.inference.adapters.frames import RATE, SECONDS, SIZE, FramesNetwork, has_attention, path_of
from stavis.inference.devices import choose_device
from stavis.models.checkpoint import Checkpoint, load_checkpoint, pretrained_names
from stavis.notes import Notes
from stavis.storage.files import content_hash

Source = str | Path | Checkpoint | nn.Module


def source_of(source: Source, device: str = "auto", **options) -> dict:
    """The fields of a VideoReader: network, name, system, hash, device, info, notes."""
    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(source, nn.Module):
        return _of_module(source, device, **given)
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
        "device": chosen,
        "info": checkpoint.info,
    }


def _known(source: str | Path) -> str | Path:
    """The name or path of a checkpoint as it was given.

    Raises StavisError where it is nothing of the sort, with the shipped name that is nearest.
    """
    if not isinstance(source, str | Path):
        raise StavisError(f"a {type(source).__name__} is no network: give a shipped name, a run's folder, or a torch module.")
    near = difflib.get_close_matches(str(source).lower(), pretrained_names(), n=1, cutoff=0.6)
    if near and str(source) not in pretrained_names() and not Path(source).exists():
        raise StavisError(f"{source} is no checkpoint and no shipped name: did you mean {near[0]}?")
    return source


def _of_module(
    module: nn.Module,
    device: str,
    *,
    attention: nn.Module | str | None = None,
    layout: str | None = None,
    size: int | None = None,
    rate: float | None = None,
    seconds: float | None = None,
    outputs: tuple[str, ...] | None = None,
) -> dict:
    notes = Notes()
    name = type(unwrapped(module)).__name__
    path = _attention_path(module, attention, notes)
    config = getattr(module, "config", None)
    chosen = {}
    for key, value, field, default, unit in (
        ("size", size, "crop_size", SIZE, "px"),
        ("rate", rate, "rate", RATE, "frames/s"),
        ("seconds", seconds, "seconds", SECONDS, "s"),
    ):
        chosen[key] = value if value is not None else getattr(config, field, None)
        if chosen[key] is None:
            notes.add(f"{name} does not say its {key}: {default:g} {unit} is taken; give {key}= for another.")
            chosen[key] = default
        if not (isinstance(chosen[key], int | float) and 0 < chosen[key] < float("inf")):
            raise StavisError(f"{key} is {chosen[key]!r}: give a number of {unit} above 0.")
    where = device_of(module) if device == "auto" else choose_device(device)
    network = FramesNetwork(module.to(where), **chosen, attention=path, layout=layout)
    dimensions = _outputs(network, outputs, name, notes)
    settings = content_hash(model_hash(module), repr((path, layout, sorted(chosen.items()), dimensions)))
    return {
        "network": replace(network, dimensions=dimensions),
        "name": name,
        "system": name,
        "hash": settings,
        "device": where,
        "notes": tuple(notes),
    }


def _attention_path(module: nn.Module, attention: nn.Module | str | None, notes: Notes) -> str | None:
    if attention is None and not has_attention(module):
        name = type(unwrapped(module)).__name__
        notes.add(f"{name} holds no SpatialSoftmax and no attention= was given: it is read without attention maps.")
        return None
    if isinstance(attention, str):
        names = [name for name, _ in unwrapped(module).named_modules() if name]
        if attention not in names and attention:
            last = attention.rpartition(".")[2]
            near = [name for name in names if name.rpartition(".")[2] == last]
            near = list(dict.fromkeys([*near, *difflib.get_close_matches(attention, names, n=3, cutoff=0.4)]))[:3]
            offer = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(names[:6])}."
            raise StavisError(f"{type(unwrapped(module)).__name__} has no module {attention!r} to take the attention from: {offer}")
    return path_of(module, attention_module(module, attention))


def _outputs(network: FramesNetwork, outputs: tuple[str, ...] | None, name: str, notes: Notes) -> tuple[str, ...]:
    """The names of a module's outputs, after one run on noise that shows that it takes frames and keeps time.

    Raises StavisError where it does not, or gives another number of outputs than there are names.
    """
    shape = (1, max(1, round(network.seconds * network.rate)), 3, network.size, network.size)
    modes = [(each, each.training) for each in network.model.modules()]
    try:
        network.model.eval()
        noise = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        values, _ = network.forward(noise.to(device_of(network.model)))
    except (RuntimeError, ValueError, IndexError, TypeError, AttributeError) as error:
        if isinstance(error, StavisError):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise StavisError(f"{name} cannot run on frames {shape} ({reason}): give the size, rate and seconds that it expects.") from error
    finally:
        for each, training in modes:
            each.training = training
    if values.ndim != 3 or values.shape[:2] != shape[:2]:
        raise StavisError(f"{name} gives {values.shape} for frames {shape}: it must keep time and give (B,T,D).")
    count = values.shape[2]
    known = tuple(outputs or getattr(network.model, "dimensions", None) or ())
    if not known:
        known = ("valence",) if count == 1 else tuple(f"output {i}" for i in range(count))
        notes.add(f"{name} does not name its outputs: {', '.join(known)} is taken; give outputs= for other names.")
    if len(known) != count:
        raise StavisError(f"{name} gives {count} outputs, named are {len(known)} ({', '.join(known)}): give one name for each.")
    return known
