"""Annotations as an ELAN document (.eaf, version 3.0), and back.

Excluded ranges and events are the tiers "excluded" and "events". ELAN knows no points: a point is a span of one millisecond, which
is how one of at most that length is read. Times are whole milliseconds. A coder's tier "events" that holds spans is a tier of that name.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote
from xml.parsers import expat

import numpy as np

from stavis.data.annotations.annotations import Annotations
from stavis.data.annotations.tiers import SAME_TIME, Span, Tier
from stavis.errors import StavisError
from stavis.storage.files import write_text

EXCLUDED, EVENTS = "excluded", "events"
_LIMIT = 64 << 20
_SLACK = 0.5
"""Annotations may reach so far (s) beyond a video's last frame."""
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
_UNDETERMINED = "http://cdb.iso.org/lg/CDB-00130975-001"
_STAMP = "1970-01-01T00:00:00+00:00"  # the schema wants a date; a fixed one keeps the same annotations the same file
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_MIME = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mpg": "video/mpeg", ".mpeg": "video/mpeg", ".mov": "video/quicktime"}


def write_eaf(annotations: Annotations, path: str | Path, *, video: str | Path = "") -> Path:
    """Write annotations as an ELAN document; returns the path.

    video: the media file that ELAN opens beside it. Raises StavisError where a tier is called "excluded" or "events" although there
    are such, or the file cannot be written.
    """
    root = ET.Element("ANNOTATION_DOCUMENT", {"AUTHOR": "", "DATE": _STAMP, "FORMAT": "3.0", "VERSION": "3.0"})
    root.set("xmlns:xsi", _INSTANCE)
    root.set("xsi:noNamespaceSchemaLocation", _SCHEMA)
    tiers = _tiers_of(annotations)
    slots = sorted({ms for tier in tiers for span in tier.spans for ms in _milliseconds(span)})
    ids = {ms: f"ts{k}" for k, ms in enumerate(slots, start=1)}
    _header(root, video, sum(len(tier.spans) for tier in tiers))
    order = ET.SubElement(root, "TIME_ORDER")
    for ms in slots:
        ET.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=ids[ms], TIME_VALUE=str(ms))
    number = 0
    for k, tier in enumerate(tiers):
        element = ET.SubElement(root, "TIER", LINGUISTIC_TYPE_REF=f"type{k}" if tier.labels else "default-lt", TIER_ID=tier.name)
        for span in tier.spans:
            number += 1
            start, end = _milliseconds(span)
            holder = ET.SubElement(element, "ANNOTATION")
            aligned = ET.SubElement(
                holder, "ALIGNABLE_ANNOTATION", ANNOTATION_ID=f"a{number}", TIME_SLOT_REF1=ids[start], TIME_SLOT_REF2=ids[end]
            )
            ET.SubElement(aligned, "ANNOTATION_VALUE").text = _printable(span.label)
    _types(root, tiers)
    ET.indent(root, "    ")
    return write_text(path, '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n")


def _tiers_of(annotations: Annotations) -> list[Tier]:
    own = []
    if annotations.exclude:
        own.append(Tier(EXCLUDED, tuple(Span(a, b) for a, b in annotations.exclude)))
    if annotations.events:
        own.append(Tier(EVENTS, tuple(Span(t, t, label) for t, label in annotations.events)))
    for tier in annotations.tiers:
        if tier.name in [one.name for one in own]:
            raise StavisError(f"a tier is called {tier.name!r}, as the {tier.name} that stand beside it: give it another name.")
    return [*own, *annotations.tiers]


def _milliseconds(span: Span) -> tuple[int, int]:
    start = round(span.start * 1000)
    return start, max(round(span.end * 1000), start + 1)


def _printable(text: str) -> str:
    """Text that XML can hold: other control characters are left out."""
    return _UNPRINTABLE.sub("", text)


def _header(root: ET.Element, video: str | Path, last: int) -> None:
    header = ET.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    if video:
        name = Path(video).name
        mime = _MIME.get(Path(name).suffix.lower(), "video/*")
        ET.SubElement(header, "MEDIA_DESCRIPTOR", MEDIA_URL=f"./{name}", MIME_TYPE=mime, RELATIVE_MEDIA_URL=f"./{name}")
    ET.SubElement(header, "PROPERTY", NAME="lastUsedAnnotationId").text = str(last)


def _types(root: ET.Element, tiers: list[Tier]) -> None:
    """Linguistic types, one with a controlled vocabulary for each tier that offers labels; then what the schema wants after them."""
    plain = {"GRAPHIC_REFERENCES": "false", "TIME_ALIGNABLE": "true"}
    ET.SubElement(root, "LINGUISTIC_TYPE", LINGUISTIC_TYPE_ID="default-lt", **plain)
    offering = [(k, tier) for k, tier in enumerate(tiers) if tier.labels]
    for k, _ in offering:
        ET.SubElement(root, "LINGUISTIC_TYPE", LINGUISTIC_TYPE_ID=f"type{k}", CONTROLLED_VOCABULARY_REF=f"labels{k}", **plain)
    ET.SubElement(root, "LANGUAGE", LANG_DEF=_UNDETERMINED, LANG_ID="und", LANG_LABEL="undetermined (und)")
    constraints = {
        "Time_Subdivision": "Time subdivision of parent annotation's time interval, no time gaps allowed within this interval",
        "Symbolic_Subdivision": "Symbolic subdivision of a parent annotation. Annotations refering to the same parent are ordered",
        "Symbolic_Association": "1-1 association with a parent annotation",
        "Included_In": "Time alignable annotations within the parent annotation's time interval, gaps are allowed",
    }
    for name, text in constraints.items():
        ET.SubElement(root, "CONSTRAINT", DESCRIPTION=text, STEREOTYPE=name)
    for k, tier in offering:
        vocabulary = ET.SubElement(root, "CONTROLLED_VOCABULARY", CV_ID=f"labels{k}")
        ET.SubElement(vocabulary, "DESCRIPTION", LANG_REF="und")
        for number, label in enumerate(tier.labels):
            entry = ET.SubElement(vocabulary, "CV_ENTRY_ML", CVE_ID=f"cveid_{k}_{number}")
            ET.SubElement(entry, "CVE_VALUE", DESCRIPTION="", LANG_REF="und").text = _printable(label)


def read_eaf(path: str | Path, *, video: str | Path = "", duration: float | None = None) -> Annotations:
    """The annotations of an ELAN document: every tier with its labels; annotations that refer to others have the times of these.

    video: the media file whose annotations are wanted; duration: its length in seconds. An overlap between tiers is allowed.

    Raises StavisError where the file is no such document, has entities, other units than milliseconds, an overlap within one tier, or
    was made for another video.
    """
    root = _parsed(Path(path))
    offset = _media(path, root, video)
    slots = _slots(path, root)
    spans: dict[str, tuple[float, float]] = {}
    elements = root.findall("TIER")
    for element in elements:
        spans |= _aligned(element, slots, path)
    spans |= _referring(elements, spans, path)
    vocabularies = _vocabularies(root)
    exclude: tuple[Span, ...] = ()
    events: tuple[Span, ...] = ()
    tiers = []
    for element in elements:
        name = element.get("TIER_ID", "")
        found = tuple(_spans(element, spans, offset, path))
        if name == EXCLUDED:
            exclude = found
        elif name == EVENTS and found and all(span.is_point for span in found):
            events = found
        else:
            tiers.append(_tier(path, name, found, vocabularies.get(element.get("LINGUISTIC_TYPE_REF", ""), ())))
    last = max((span.end for tier in tiers for span in tier.spans), default=0.0)
    if duration is not None and last > duration + _SLACK:
        raise StavisError(
            f"{path} has annotations up to {last:.2f} s and the video ends at {duration:.2f} s: give the file that was made for this video."
        )
    return Annotations(
        tuple(sorted((one.start, one.end) for one in exclude)), tuple(sorted((one.start, one.label) for one in events)), tuple(tiers)
    )


def _tier(path: str | Path, name: str, spans: tuple[Span, ...], labels: tuple[str, ...]) -> Tier:
    try:
        return Tier(name, spans, labels)
    except StavisError as error:
        raise StavisError(f"{path}: {error}") from error


def _parsed(path: Path) -> ET.Element:
    try:
        with open(path, "rb") as stream:
            text = stream.read(_LIMIT + 1)
    except OSError as error:
        raise StavisError(f"{path} cannot be read ({error.strerror}): give an ELAN document (.eaf).") from error
    if len(text) > _LIMIT:
        raise StavisError(f"{path} is larger than {_LIMIT >> 20} MB, which no ELAN document is: give another file.")

    def refuse(*_):
        raise StavisError(f"{path} declares a document type or entities, which ELAN does not write and are not read: remove them.")

    checked = expat.ParserCreate()
    checked.StartDoctypeDeclHandler = checked.EntityDeclHandler = refuse
    try:
        checked.Parse(text, True)
        root = ET.fromstring(text)
    except (expat.ExpatError, ET.ParseError) as error:
        raise StavisError(f"{path} is no XML ({error}): give an ELAN document (.eaf).") from error
    if root.tag != "ANNOTATION_DOCUMENT":
        raise StavisError(f"{path} holds {root.tag!r}, not an ELAN document: give a file that ELAN saved.")
    return root


def _media(path: str | Path, root: ET.Element, video: str | Path) -> float:
    """The seconds to add to the document's times, after its units and its media were checked."""
    header = root.find("HEADER")
    units = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        raise StavisError(f"{path} has times in {units!r}, expected milliseconds: save it again with ELAN in milliseconds.")
    media = [] if header is None else header.findall("MEDIA_DESCRIPTOR")
    names = [_stem(one.get("RELATIVE_MEDIA_URL") or one.get("MEDIA_URL") or "") for one in media]
    if not video or not any(names):
        return _origin(media[0]) if media else 0.0
    wanted = _stem(str(video))
    if wanted not in names:
        told = ", ".join(name for name in names if name)
        raise StavisError(f"{path} was made for {told}, not for {wanted}: give the file of this video, or take it without video=.")
    return _origin(media[names.index(wanted)])


def _stem(url: str) -> str:
    return PurePosixPath(unquote(url).replace("\\", "/")).stem


def _origin(media: ET.Element) -> float:
    text = media.get("TIME_ORIGIN") or "0"
    return int(text) / 1000 if text.lstrip("-").isdigit() else 0.0


def _slots(path: str | Path, root: ET.Element) -> dict[str, float]:
    """The time of each slot in seconds, NaN for those that ELAN has not aligned."""
    found = {}
    for slot in root.iterfind("TIME_ORDER/TIME_SLOT"):
        text = slot.get("TIME_VALUE")
        if text is not None and not text.isdigit():
            raise StavisError(f"{path}: the time {text[:40]!r} is not a whole number of milliseconds: correct it.")
        found[slot.get("TIME_SLOT_ID", "")] = np.nan if text is None else int(text) / 1000
    return found


def _aligned(tier: ET.Element, slots: dict[str, float], path: str | Path) -> dict[str, tuple[float, float]]:
    """Start and end of the annotations of a tier that have times; slots without one lie evenly between those that have."""
    elements = {one.get("ANNOTATION_ID", ""): one for one in tier.iterfind("ANNOTATION/ALIGNABLE_ANNOTATION")}
    ending = {one.get("TIME_SLOT_REF2"): name for name, one in elements.items() if one.get("TIME_SLOT_REF1") != one.get("TIME_SLOT_REF2")}
    previous = {name: ending.get(one.get("TIME_SLOT_REF1")) for name, one in elements.items()}
    ids, chain = [], []
    for one in (elements[name] for name in _chained(previous, tier, path)):
        pair = (one.get("TIME_SLOT_REF1", ""), one.get("TIME_SLOT_REF2", ""))
        for slot in pair:
            if slot not in slots:
                raise StavisError(f"{path}: the tier {tier.get('TIER_ID')!r} refers to the time slot {slot!r}, which is not there.")
        ids.append((one.get("ANNOTATION_ID", ""), pair))
        chain += [slot for slot in pair if slot not in chain[-1:]]
    places = {slot: k for k, slot in enumerate(chain)}
    known = [(places[slot], slots[slot]) for slot in dict.fromkeys(chain) if np.isfinite(slots[slot])]
    if ids and not known:
        raise StavisError(f"{path}: no annotation of the tier {tier.get('TIER_ID')!r} has a time: align one in ELAN.")
    at, times = zip(*known, strict=True) if known else ((), ())
    time = {slot: slots[slot] if np.isfinite(slots[slot]) else float(np.interp(places[slot], at, times)) for slot in places}
    return {name: (time[a], time[b]) for name, (a, b) in ids}


def _referring(tiers: list[ET.Element], aligned: dict[str, tuple[float, float]], path: str | Path) -> dict[str, tuple[float, float]]:
    """Start and end of annotations that refer to others: the parent's, divided evenly where several of a tier have one parent."""
    parents: dict[str, str] = {}
    shares: dict[str, tuple[int, int]] = {}
    for tier in tiers:
        previous: dict[str, dict[str, str | None]] = {}
        for one in tier.iterfind("ANNOTATION/REF_ANNOTATION"):
            name, parent = one.get("ANNOTATION_ID", ""), one.get("ANNOTATION_REF", "")
            parents[name] = parent
            previous.setdefault(parent, {})[name] = one.get("PREVIOUS_ANNOTATION")
        for names in previous.values():
            shares |= {name: (k, len(names)) for k, name in enumerate(_chained(names, tier, path))}
    found: dict[str, tuple[float, float]] = {}
    for name in parents:
        steps = [name]
        while steps[-1] not in aligned:
            parent = parents.get(steps[-1])
            if parent is None or parent in steps:
                raise StavisError(f"{path}: the annotation {name!r} refers to {steps[-1]!r}, which has no time: correct it in ELAN.")
            steps.append(parent)
        start, end = aligned[steps[-1]]
        for one in reversed(steps[:-1]):
            k, count = shares[one]
            start, end = start + k * (end - start) / count, start + (k + 1) * (end - start) / count
        found[name] = (start, end)
    return found


def _chained(previous: dict[str, str | None], tier: ET.Element, path: str | Path) -> list[str]:
    """Annotations, each after the one that is its previous one; in the document's order where there is none."""
    following: dict[str | None, list[str]] = {}
    for name, before in previous.items():
        following.setdefault(before if before in previous else None, []).append(name)
    ordered, waiting = [], following.get(None, [])[::-1]
    while waiting:
        ordered.append(waiting.pop())
        waiting += reversed(following.get(ordered[-1], []))
    if len(ordered) < len(previous):
        raise StavisError(f"{path}: annotations of the tier {tier.get('TIER_ID')!r} follow each other in a circle: correct it in ELAN.")
    return ordered


def _spans(tier: ET.Element, times: dict[str, tuple[float, float]], offset: float, path: str | Path) -> Iterator[Span]:
    for one in tier.iterfind("ANNOTATION/*"):
        name = one.get("ANNOTATION_ID", "")
        if name not in times:
            raise StavisError(f"{path}: the tier {tier.get('TIER_ID')!r} holds an annotation without a time: correct it in ELAN.")
        start, end = (round(time + offset, 6) for time in times[name])
        point = 0 <= end - start <= SAME_TIME
        yield Span(start, start if point else end, one.findtext("ANNOTATION_VALUE") or "")


def _vocabularies(root: ET.Element) -> dict[str, tuple[str, ...]]:
    """The labels that each linguistic type offers."""
    labels = {}
    for vocabulary in root.findall("CONTROLLED_VOCABULARY"):
        entries = [entry.findtext("CVE_VALUE") or "" for entry in vocabulary.findall("CV_ENTRY_ML")]
        entries += [entry.text or "" for entry in vocabulary.findall("CV_ENTRY")]
        labels[vocabulary.get("CV_ID", "")] = tuple(dict.fromkeys(entry for entry in entries if entry))
    return {
        one.get("LINGUISTIC_TYPE_ID", ""): labels[reference]
        for one in root.findall("LINGUISTIC_TYPE")
        if (reference := one.get("CONTROLLED_VOCABULARY_REF", "")) in labels
    }
