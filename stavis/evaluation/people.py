"""Whether the people on whom a network is scored are among those it was trained on, as far as its config.json says."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from stavis.models.card import only_synthetic
from stavis.types import Recording

NOT_TRAINED_ON = " of people who were not trained on"
UNKNOWN = " (the network does not say on which people it was trained)"


@dataclass(frozen=True)
class TrainedOn:
    """Who of the people in some recordings was trained on: words that follow 'N of M recordings', and a warning where someone was."""

    text: str
    warning: str = ""


def people_of(recordings: Sequence[Recording]) -> list[str]:
    """What stands in a checkpoint for the people of recordings (for a recording whose subject is not known: for itself), sorted.

    It is a digest each: checkpoints are passed on, and a name may be a person's.
    """
    return sorted({_person(one) for one in recordings})


def all_people(recordings: Sequence[Recording], data: dict, source: dict | None) -> dict:
    """What goes into the config.json of a network trained on recordings of real people: all that it has seen, with those of the network
    that it was initialised from (`source`: the values of its config.json). Nothing where no person is real, or not all are known.

    data: what data_facts says of the recordings.
    """
    before = [] if source is None or only_synthetic(source) else source.get("people")
    if before is None:
        return {}
    known = sorted({*before, *([] if data.get("synthetic") else people_of(recordings))})
    return {"people": known} if known else {}


def trained_on(info: dict, recordings: Sequence[Recording], data: dict, split: str | None) -> TrainedOn:
    """Whether a network of these config.json values was trained on the people in recordings of a split of `data` (see data_facts)."""
    people, learned = info.get("people"), info.get("data", {})
    synthetic = data.get("synthetic")
    own = _same_data(learned, data)
    if people is not None and not synthetic:
        return _met(sum(_person(one) in people for one in recordings), len(recordings), " (by the names of subjects)")
    if own and split == learned.get("split"):
        return _met(len(recordings), len(recordings))
    apart = own or _generated_apart(info, data) if synthetic else only_synthetic(info)
    return TrainedOn(NOT_TRAINED_ON if apart else UNKNOWN)


def _same_data(learned: dict, data: dict) -> bool:
    """Whether two data sets are one: by their hashes where either has one, so that one that was moved is the same, else by name."""
    key = "hash" if learned.get("hash") or data.get("hash") else "name"
    return bool(learned.get(key)) and learned.get(key) == data.get(key)


def _generated_apart(info: dict, data: dict) -> bool:
    """Whether the people of a synthetic data set were generated apart from those that a network has seen."""
    learned = info.get("data", {})
    if learned.get("synthetic"):
        return learned.get("spec", {}).get("seed") != data.get("spec", {}).get("seed")
    return info.get("people") is not None and not info.get("start")  # all that it has seen are real


def _met(count: int, of: int, how: str = "") -> TrainedOn:
    if not count:
        return TrainedOn(NOT_TRAINED_ON)
    which = f"{count} of {of} recordings are of people who were trained on{how}"
    return TrainedOn(
        f", {count} of them of people who were trained on",
        f"{which}: the scores say little of other people; evaluate a split without them.",
    )


def _person(recording: Recording) -> str:
    name = unicodedata.normalize("NFC", recording.subject or recording.name).casefold()
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
