"""Attributions kept on disk, found again by their content: clip, weights, target, method and options.

Nothing in them is ever unpickled; two processes may write the same one, a reader finds it whole or not at all.
"""

import json
from collections.abc import Callable
from dataclasses import fields

import numpy as np
import torch
from torch import nn

from stavis.attention.calls import unwrapped
from stavis.attribution.deeplift import PathAttribution
from stavis.attribution.regions import RegionAttribution
from stavis.regions import FACE
from stavis.regions import VERSION as REGIONS_VERSION
from stavis.storage.cache import get_arrays
from stavis.storage.files import content_hash
from stavis.storage.fingerprint import model_hash
from stavis.types import Attribution, Clip, Target

VERSION = "3"
"""Part of every key: to be raised when a method's numbers change."""

KINDS = {kind.__name__: kind for kind in (Attribution, PathAttribution, RegionAttribution)}


def cached(
    method: Callable[..., Attribution], model: nn.Module, clip: Clip, target: Target | None = None, *, digest: str | None = "", **options
) -> Attribution:
    """What `method(model, clip, target, **options)` gives, from the cache where the very same was computed before.

    digest: the model's `model_hash` where it was asked already; where that is None, nothing is kept. A damaged entry is computed again.
    """
    target = target or Target()
    digest = model_hash(unwrapped(model)) if digest == "" else digest
    if digest is None:
        return method(model, clip, target, **options)
    key = key_of(method, model, clip, target, digest=digest, **options)
    name = getattr(method, "label", getattr(method, "__name__", "attribution"))
    about = {"what": ", ".join(part for part in (clip.recording, str(name), target.dimension) if part)}
    make = lambda: _to_arrays(method(model, clip, target, **options))  # noqa: E731
    return _from_arrays(get_arrays("attributions", key, make, about, lambda arrays: _from_arrays(arrays, target)), target)


def key_of(method: Callable, model: nn.Module, clip: Clip, target: Target, *, digest: str, **options) -> str:
    """The name of a result: a sha256 over all that it depends on. digest: the model's `model_hash`."""
    model = unwrapped(model)
    names = {id(module): name for name, module in model.named_modules()}

    def plain(value):
        if isinstance(value, nn.Module):
            return ["module", names.get(id(unwrapped(value)), "?")]
        if isinstance(value, (np.ndarray, torch.Tensor)):
            array = np.asarray(value.detach().cpu() if isinstance(value, torch.Tensor) else value)
            return ["array", str(array.dtype), list(array.shape), content_hash(np.ascontiguousarray(array).tobytes())]
        return repr(value)

    requested = [target.dimension, target.frame, sorted((name, plain(value)) for name, value in options.items())]
    name = f"{method.__module__}.{method.__qualname__}"
    return content_hash(VERSION, name, json.dumps(requested), clip_hash(clip), digest)


def clip_hash(clip: Clip) -> str:
    """The clip's content as far as a prediction or an attribution depends on it."""
    parts = [clip.frames, np.asarray(clip.times, np.float64), np.asarray(clip.valid, bool)]
    if clip.regions is not None:
        parts.append(np.packbits(clip.regions))
    named = ()
    if clip.regions is not None:
        named = (f"regions of a face {REGIONS_VERSION}" if clip.region_set == FACE else repr(clip.region_set.parts),)
    return content_hash(*named, *(part for array in parts for part in (str(array.shape), np.ascontiguousarray(array).tobytes())))


def _to_arrays(result: Attribution) -> dict[str, np.ndarray]:
    arrays, rest = {}, {"kind": type(result).__name__}
    for field in fields(result):
        value = getattr(result, field.name)
        if isinstance(value, np.ndarray):
            arrays[field.name] = value
        elif field.name != "target":
            rest[field.name] = value
    return {"about": np.frombuffer(json.dumps(rest).encode(), np.uint8), **arrays}


def _from_arrays(arrays: dict[str, np.ndarray], target: Target) -> Attribution:
    """The result that was kept; raises KeyError, TypeError or ValueError where the arrays are not those of one."""
    arrays = dict(arrays)
    rest = json.loads(arrays.pop("about").tobytes())
    kind = KINDS[rest.pop("kind")]
    rest = {name: tuple(value) if isinstance(value, list) else value for name, value in rest.items()}
    return kind(target=target, **rest, **arrays)
