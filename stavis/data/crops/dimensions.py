"""The labels that a network is trained on and scored against: those of its own dimensions, by name."""

import dataclasses
from collections.abc import Sequence
from typing import TypeVar

from stavis.data.crops.crops import Crops
from stavis.errors import StavisError
from stavis.types import Recording

Labelled = TypeVar("Labelled", Recording, Crops)


def of_dimensions(labelled: Sequence[Labelled], wanted: Sequence[str]) -> list[Labelled]:
    """Recordings or crops with the labels of the wanted dimensions alone, in this order; those without any label stay as they are.

    Raises StavisError where one that has labels lacks a wanted dimension.
    """
    return [_chosen(one, tuple(wanted)) for one in labelled]


def known_dimensions(recordings: Sequence[Recording], wanted: Sequence[str]) -> list[Recording]:
    """Recordings with the labels of those of the wanted dimensions that each has; one that has none of them stays as it is."""
    return [_chosen(one, tuple(name for name in wanted if name in one.dimensions)) for one in recordings]


def _chosen(one: Labelled, wanted: tuple[str, ...]) -> Labelled:
    field = "labels" if isinstance(one, Recording) else "label_values"
    values, names = getattr(one, field), tuple(one.dimensions)
    if values is None or wanted in ((), names):
        return one
    if missing := [name for name in wanted if name not in names]:
        name = one.name if isinstance(one, Recording) else one.recording
        raise StavisError(
            f"recording {name} has no labels of {' and '.join(missing)} (it has {', '.join(names) or 'none'}): "
            "add them, take it out of the split, or train a network of other dimensions."
        )
    return dataclasses.replace(one, dimensions=wanted, **{field: values[:, [names.index(name) for name in wanted]]})
