"""What explain.json holds: written from this class and read back into it, so that writer and readers cannot drift apart."""

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from stavis.errors import StavisError
from stavis.models.card import SYNTHETIC_ONLY
from stavis.printable import ShortRepr
from stavis.storage.files import read_json, write_json

FILE = "explain.json"
_KEYS = {"synthetic_only": "only_drawn_faces_seen", "notes": "warnings"}
"""Fields whose key in the file is another than their name."""
_OF_FACES = {"frames_with_face": "frames_read", "faces": None, "only_drawn_faces_seen": None}
"""Keys of videos of faces, and what is written in their place for whole frames."""
_LATER = ("region_set", "subject", "regions_version", "finding", "moments", "caution")
"""Keys that files of earlier versions lack."""
_TUPLES = ("notes", "finding", "moments")
_LIMIT = 8 << 20
ByRegion = dict[str, float | None]


@dataclass(frozen=True, repr=False)
class ExplanationSummary(ShortRepr):
    """One video explained, in numbers; None is what is undefined.

    video: its file's name; frames, frames_with_face, faces (how many were followed, None where none was looked for); seconds: what
    it took; realtime_factor: the video's length over that; crop: what the crops were aligned by; mean_shares in [0,1] and
    mean_densities (1 = an even spread) of the attention by region; the same by method; relative_delta: completeness error by method;
    synthetic_only: whether the network was trained on synthetic faces only, caution: what a page says of that ('' in files without it);
    notes; provenance; region_set: which regions ("face",
    "grid:3x3", the name of a file); regions_version: of a face's regions, None for others (files without it have version 1); subject:
    "face", or "frame" for whole frames, of which `frames_with_face` counts those that were read;
    finding: what was found, in at most two sentences; moments: the times in s at which to look, each with its text.
    """

    video: str
    frames: int
    frames_with_face: int
    faces: int | None
    seconds: float
    realtime_factor: float | None
    crop: str
    mean_shares: ByRegion
    mean_densities: ByRegion
    shares_by_method: dict[str, ByRegion]
    densities_by_method: dict[str, ByRegion]
    relative_delta: ByRegion
    synthetic_only: bool
    notes: tuple[str, ...]
    provenance: dict[str, str]
    region_set: str = "face"
    subject: str = "face"
    finding: tuple[str, ...] = ()
    moments: tuple[dict, ...] = ()
    regions_version: int | None = None
    caution: str = ""
    _shown = ("video", "frames", "frames_with_face", "faces", "crop", "seconds")

    def to_json(self) -> dict:
        """The plain values that explain.json holds: of faces without `subject`, and `region_set` only where it is another."""
        plain = {_KEYS.get(name, name): list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        if self.subject == "frame":
            plain = {_OF_FACES.get(name, name): value for name, value in plain.items()}
            plain.pop(None)
            plain.pop("regions_version")
            return plain
        dropped = ("subject", "region_set" if self.region_set == "face" else "regions_version")
        return {name: value for name, value in plain.items() if name not in dropped}

    @classmethod
    def from_json(cls, values: object) -> "ExplanationSummary":
        """The summary from the values of an explain.json; keys that it does not know are passed over.

        Raises StavisError where a key is missing or holds another type.
        """
        if not isinstance(values, dict):
            raise StavisError(f"{FILE} holds a {type(values).__name__}, expected an object: take a file that stavis wrote.")
        if values.get("subject") == "frame":
            values = {"faces": None, "only_drawn_faces_seen": False, "frames_with_face": values.get("frames_read"), **values}
        found = {}
        for field in fields(cls):
            key = _KEYS.get(field.name, field.name)
            if key not in values and key in _LATER:
                continue
            if key not in values:
                raise StavisError(f"{FILE} lacks {key!r}: take a file that stavis wrote, or explain the video again.")
            found[field.name] = tuple(values[key]) if field.name in _TUPLES else values[key]
        tables = ("mean_shares", "mean_densities", "relative_delta", "provenance", "shares_by_method", "densities_by_method")
        wrong = [name for name in tables if not isinstance(found[name], dict)]
        wrong += [name for name in tables[-2:] if name not in wrong and not all(isinstance(one, dict) for one in found[name].values())]
        if wrong:
            raise StavisError(f"{FILE}: {wrong[0]} is no table by name: take a file that stavis wrote, or explain the video again.")
        summary = cls(**found)
        return replace(summary, regions_version=1) if summary.region_set == "face" and "regions_version" not in found else summary

    @property
    def notices(self) -> tuple[str, ...]:
        """What stands on top of a page about it, of what the network has seen."""
        return (self.caution or SYNTHETIC_ONLY,) if self.synthetic_only else ()

    def regions(self) -> list[dict]:
        """One row per method and region: method, region, share, density, regions_version."""
        version = {"regions_version": self.regions_version}
        return [
            version | {"method": method, "region": region, "share": share, "density": self.densities_by_method.get(method, {}).get(region)}
            for method, by_region in self.shares_by_method.items()
            for region, share in by_region.items()
        ]

    def write(self, folder: Path) -> None:
        """Write explain.json into a folder."""
        write_json(folder / FILE, self.to_json())


def read_summary(path: str | Path) -> ExplanationSummary:
    """What an explain.json says.

    Raises StavisError where the file cannot be read or is none.
    """
    return ExplanationSummary.from_json(read_json(Path(path), limit=_LIMIT))
