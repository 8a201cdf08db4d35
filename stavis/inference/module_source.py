"""A module handed in, as the fields of a VideoReader: recognised or described by the user, tried once on noise, its assumptions noted."""

from dataclasses import replace
from numbers import Real

import numpy as np
from torch import nn

from stavis.attribution.target import device_of
from stavis.errors import StavisError, offer
from stavis.inference.adapters.clip_module import ClipModule, Core
from stavis.inference.adapters.families import Family
from stavis.inference.adapters.frames import RATE, SECONDS, SIZE
from stavis.inference.adapters.recognised import family_of
from stavis.inference.adapters.video_network import VideoNetwork
from stavis.inference.devices import choose_device
from stavis.inference.module_checks import check_devices, check_normalisation, opened, own_normalisation
from stavis.inference.module_options import ModuleOptions, is_whole
from stavis.inference.module_trial import tried
from stavis.inference.output_range import declared_range
from stavis.notes import Notes
from stavis.storage.files import content_hash
from stavis.storage.fingerprint import model_hash, weights_hash


def of_module(module: nn.Module, device: str, options: ModuleOptions) -> dict:
    """The fields of a VideoReader. Raises StavisError where the module cannot be read as it is described."""
    notes = Notes()
    module = opened(module, notes)
    check_devices(module, device)
    name = type(module).__name__
    family = (options.adapter or family_of)(module) or Family()
    settings, normalise = _settings(module, family, options, notes)
    tokens = options.tokens(module, family, notes)
    framing = _framing(module, family, options, notes)
    where = device_of(module) if device == "auto" else choose_device(device)
    forward = options.forward or family.forward
    core = Core(module.to(where), forward, normalise)
    heads = options.outputs if isinstance(options.outputs, tuple) else ()
    network = VideoNetwork(
        ClipModule(core, settings["frames"], heads),
        size=settings["size"],
        rate=settings["rate"],
        seconds=settings["seconds"],
        frames=settings["frames"],
        tokens=tokens,
        region=options.region,
        framing=framing,
    )
    network, values = _tried(network, forward is None, _named_count(family, options, module), options, notes)
    tokens = network.tokens
    network, dimensions = _named(network, values, family, options, notes)
    if tokens is not None and tokens.text:
        notes.add(tokens.text)
    described = (tokens, sorted(settings.items()), normalise, dimensions, network.classes, options.region)
    described += (framing,) if framing != "center_crop" else ()
    return {
        "network": network,
        "name": name,
        "system": name,
        "hash": content_hash(model_hash(network.clip) or weights_hash(network.clip), repr(described)),
        "loaded_weights": weights_hash(network.model),
        "device": where,
        "notes": tuple(notes),
    }


def _tried(network: VideoNetwork, may_guess: bool, names: int, options: ModuleOptions, notes: Notes) -> tuple[VideoNetwork, np.ndarray]:
    """`tried`, and where only the attention that its family is known for does not fit: without attention maps, which is noted."""
    try:
        return tried(network, may_guess, names, notes)
    except StavisError as error:
        asked = options.attention is not None or options.layout is not None or options.maps != "raw" or options.head is not None
        if network.tokens is None or asked:
            raise
        found = tried(replace(network, tokens=None), may_guess, names, notes)
        reason = str(error).partition(":")[0]
        notes.add(
            f"{type(network.model).__name__} is read without attention maps, for it attends in another way than its family ({reason}); "
            "give attention= and layout= for them."
        )
        return found


def _settings(module: nn.Module, family: Family, options: ModuleOptions, notes: Notes) -> tuple[dict, tuple | None]:
    """Size, rate, seconds and frames, and the normalisation: as given, as the network says, as its family is published, or assumed."""
    config, name = getattr(module, "config", None), type(module).__name__
    processor = options.from_processor()
    notes.add(*processor.get("notes", ()))
    frames = options.frames if options.frames is not None else family.frames
    if frames is not None and not (is_whole(frames) and frames >= 1):
        raise StavisError(f"frames is {frames!r}: give the whole number of frames of a clip.")
    found = {}
    for key, field, default, unit in (
        ("size", "crop_size", SIZE, "px"),
        ("rate", "rate", RATE, "frames/s"),
        ("seconds", "seconds", SECONDS, "s"),
    ):
        value = getattr(options, key)
        if value is None and key == "size":
            value = processor.get("size")
        value = value if value is not None else getattr(config, field, None) if family == Family() else getattr(family, key, None)
        if value is None and key == "seconds" and frames is not None:
            value = frames / found["rate"]
        if value is None:
            notes.add(f"{name} does not say its {key}: {default:g} {unit} is taken; give {key}= for another.")
            value = default
        if not ((is_whole(value) if key == "size" else isinstance(value, Real)) and 0 < value < float("inf")):
            raise StavisError(f"{key} is {value!r}: give a {'whole ' if key == 'size' else ''}number of {unit} above 0.")
        found[key] = value.item() if isinstance(value, np.generic) else value
    given = options.normalise if options.normalise is not None else processor.get("normalise")
    notes.add(*_assumed(name, family, {"frames": options.frames, "rate": options.rate, "normalise": given}))
    normalise = given if given is not None else family.normalise
    known = None if "normalise" in family.assumed else family.normalise
    if given is not None and known is not None and not np.allclose(given, known, atol=1e-3):
        notes.add(f"The normalisation that is given is taken in place of the one that is known of {name}: frames are normalised once.")
    check_normalisation(module, normalise, given is not None, notes)
    if normalise is None and own_normalisation(module) is None:
        notes.add(
            f"{name} does not say how its frames are normalised: they are RGB from 0 to 1; give normalise= or processor= for another."
        )
    return {**found, "frames": frames}, normalise


def _framing(module: nn.Module, family: Family, options: ModuleOptions, notes: Notes) -> str:
    """How whole frames become its images: as given, as its processor does it, or as the published weights of its family expect."""
    given = options.framing or options.from_processor().get("framing")
    if given is None and options.region == "frame":
        notes.add(f"{type(module).__name__} is shown whole frames by {family.framing}; give framing= for another way.")
    return given or family.framing


def _assumed(name: str, family: Family, given: dict) -> list[str]:
    """One sentence on what is taken from the published weights of a family, because neither the network nor the user says it."""
    texts = {"frames": f"{family.frames} frames a clip", "rate": f"{family.rate or 0:g} frames/s", "normalise": "their normalisation"}
    taken = [key for key in family.assumed if given[key] is None]
    if not taken:
        return []
    what, options = (" and ".join(each) for each in ([texts[key] for key in taken], [f"{key}=" for key in taken]))
    return [f"{name} leaves open what is taken from the published weights of its family: {what}; give {options} where yours differ."]


def _named_count(family: Family, options: ModuleOptions, module: nn.Module) -> int:
    """How many outputs have names before the network has run; 0 where none has."""
    given = options.outputs if isinstance(options.outputs, tuple) else ()
    return len(given or family.labels or tuple(getattr(module, "dimensions", None) or ()))


def _named(network: VideoNetwork, values: np.ndarray, family: Family, options: ModuleOptions, notes: Notes):
    """The network with names for its outputs, classes as probabilities."""
    name, count = type(network.model).__name__, values.shape[2]
    given = options.outputs
    classes = options.classes if options.classes is not None else family.classes
    if given == "labels":
        known = family.labels or options.labels_in(network.model)
        if not known:
            raise StavisError(
                f"{name} names no classes in its config.id2label: give outputs= with one name for each of its {count} outputs."
            )
        classes = classes or "softmax"
    else:
        known = (
            _of_heads(name, network.clip.named, given, count) or tuple(getattr(network.model, "dimensions", None) or ()) or family.labels
        )
    if not known:
        known = ("valence",) if count == 1 else tuple(f"output {i}" for i in range(count))
        notes.add(f"{name} does not name its outputs: {', '.join(known[:6])} is taken; give outputs= for other names.")
    if len(known) != count:
        raise StavisError(f"{name} gives {count} outputs, named are {len(known)} ({', '.join(known[:6])}): give one name for each.")
    if len(set(known)) != count:
        known = tuple(f"{label} ({i})" if known.count(label) > 1 else label for i, label in enumerate(known))
    if classes:
        notes.add("Classes are shown as probabilities; attributions explain the logit of a class.")
    network.clip.dimensions = tuple(known)
    return replace(
        network,
        dimensions=tuple(known),
        classes=classes,
        bounds=(0.0, 1.0) if classes and network.clip.all_classes else declared_range(network.model),
    ), tuple(known)


def _of_heads(name: str, named: tuple[str, ...], given: tuple[str, ...] | None, count: int) -> tuple[str, ...]:
    """The outputs' names: those of the heads of a dictionary where heads were chosen by name or none are given, else those given.

    Raises StavisError where the given ones are neither heads nor one for each output.
    """
    if not named or not given:
        return tuple(given or named)
    heads = tuple(dict.fromkeys(one.rpartition(" ")[0] or one for one in named))
    if set(given) <= {*heads, *named}:
        return named
    if len(given) == count:
        return tuple(given)
    odd = next(one for one in given if one not in heads)
    raise StavisError(f"{name} has no head {odd!r}, and {len(given)} names are given for {count} outputs: {offer(odd, heads)}")
