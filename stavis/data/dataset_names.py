"""The data sets that have a name: licence, how to apply, where each is looked for. Quick to load: neither numpy nor pandas.

Their names (`recola`) stand for a folder that is looked for in the folders of STAVIS_DATASETS (several are separated as in PATH), in the
working folder, in ~/data and in ~/datasets. Nothing is downloaded.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stavis.errors import StavisError

VARIABLE = "STAVIS_DATASETS"
"""The environment's variable with the folders in which data sets are looked for."""


@dataclass(frozen=True)
class DataSetName:
    """A format: its name in the shell and in full; licence; how to apply; what its folder holds; the names that folder usually has."""

    name: str
    title: str
    licence: str
    apply: str
    holds: str
    folders: tuple[str, ...]


_ACADEMIC = "end-user licence agreement, academic research only"
NAMES: dict[str, DataSetName] = {
    each.name: each
    for each in (
        DataSetName("recola", "RECOLA", _ACADEMIC, "https://diuf.unifr.ch/main/diva/recola/",
                    "RECOLA-Video-recordings/ and RECOLA-Annotation/", ("RECOLA", "recola")),
        DataSetName("avec", "AV+EC 2015 and 2016 packages (RECOLA)", _ACADEMIC, "the organisers; https://diuf.unifr.ch/main/diva/recola/",
                    "ratings_gold_standard/ and videos such as train_1.mp4", ("AVEC2016", "AVEC2015", "avec")),
        DataSetName("sewa", "SEWA (AVEC 2017 to 2019)", _ACADEMIC, "https://db.sewaproject.eu",
                    "labels/Train_01.csv and videos of these names", ("SEWA", "sewa", "AVEC2017", "AVEC2018", "AVEC2019")),
        DataSetName("affwild2", "Aff-Wild2", "non-commercial academic research",
                    "https://sites.google.com/view/dimitrioskollias/databases/aff-wild2",
                    "VA_Estimation_Challenge/ and cropped_aligned/", ("Aff-Wild2", "AffWild2", "affwild2")),
        DataSetName("afewva", "AFEW-VA", "end-user licence agreement, non-commercial research",
                    "https://ibug.doc.ic.ac.uk/resources/afew-va-database/", "001/001.json beside 001/00000.png, or 01/001/001.json",
                    ("AFEW-VA", "AFEWVA", "afewva")),
        DataSetName("folder", "recordings of one's own", "your own", "none", "videos/NAME.mp4 and labels/NAME.csv, or both side by side",
                    ()),
    )
}  # fmt: skip
"""All formats by name; `folder`, which is taken where no other fits, comes last."""


def looked_for(name: str) -> list[Path]:
    """The folders in which a data set is looked for by its name, in this order."""
    given = [Path(part).expanduser() for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    homes = [*given, Path.cwd(), Path.home() / "data", Path.home() / "datasets"]
    return [home / folder for home in homes for folder in NAMES[name].folders]


def described(found_at: Callable[[str], Path | None] = lambda name: None) -> list[dict[str, str | None]]:
    """One row per data set: name, title, licence, apply, holds, found (its folder, or None, as found_at(name) says), looked_for."""
    rows = []
    for one in NAMES.values():
        found = found_at(one.name) if one.folders else None
        row = {"name": one.name, "title": one.title, "licence": one.licence, "apply": one.apply, "holds": one.holds}
        rows.append(row | {"found": None if found is None else str(found), "looked_for": "; ".join(map(str, looked_for(one.name)))})
    return rows


def any_there() -> bool:
    """Whether any folder that data sets are looked for in is there, of the right kind or not."""
    return any(path.is_dir() for name in NAMES for path in looked_for(name))


def missing(name: str) -> StavisError:
    """The error that says where a data set was looked for by its name, under which licence it is, and how to apply for it."""
    found = NAMES[name]
    homes = dict.fromkeys(str(path.parent) for path in looked_for(name))
    return StavisError(
        f"{found.title} is not here: it was looked for as {' or '.join(found.folders)} in {', '.join(homes)}; its folder holds "
        f"{found.holds}; licence: {found.licence}; apply at {found.apply}; then give its folder, or set {VARIABLE}."
    )
