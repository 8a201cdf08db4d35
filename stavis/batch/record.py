"""What is known of a report that was made: report.json in its folder, written with it in one rename."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from stavis.errors import StavisError
from stavis.storage.files import read_json, write_json

FILE, NOTEBOOK, PAGE, THUMBNAIL = "report.json", "executed.ipynb", "report.html", "thumbnail.jpg"
State = Literal["done", "failed", "missing"]


@dataclass(frozen=True)
class Record:
    """A report that was made, or failed: key of what it was made from, seconds it took, and what its notebook left behind.

    figures: numbers by name; shares: the attention's share in percent by region, thinned, in time order; verdict: answer by question;
    regions: rows of summary.csv; published: where copies are.
    """

    id: str
    key: str
    state: State
    seconds: float
    reason: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    shares: dict[str, list[int]] = field(default_factory=dict)
    verdict: dict[str, str] = field(default_factory=dict)
    regions: list[dict] = field(default_factory=list)
    published: str = ""

    def write(self, folder: Path) -> None:
        """Write it into a report's folder."""
        write_json(folder / FILE, asdict(self))


def read_record(folder: Path) -> Record | None:
    """The record of a report; None where the report is not there, or not whole."""
    try:
        told = read_json(folder / FILE)
        record = Record(**told)
    except (StavisError, TypeError):
        return None
    whole = all((folder / name).is_file() for name in (NOTEBOOK, PAGE))
    return record if whole and record.state in ("done", "failed") else None
