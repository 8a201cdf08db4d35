"""The one record of a report: what is to be made, how that ended, what it left behind; kept as report.json in the report's folder."""

from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from stavis.batch.parameters import Scalar
from stavis.errors import StavisError
from stavis.printable import ShortRepr
from stavis.storage.files import read_json, write_json

FILE, NOTEBOOK, PAGE, THUMBNAIL = "report.json", "executed.ipynb", "report.html", "thumbnail.jpg"
_LATER = {"curve", "finding", "notices"}
"""Fields that reports of earlier versions lack."""
State = Literal["done", "failed", "missing"]


@dataclass(frozen=True, repr=False)
class Job(ShortRepr):
    """What all reports of a study have in common; it travels to the workers with each of them."""

    out: Path
    notebook: Path
    name: str
    base_dir: str
    preload: tuple[str, ...]
    timeout: float
    output_mb: float
    version: str
    publish: str = ""
    _shown = ("name", "out")


@dataclass(frozen=True, repr=False)
class Report(ShortRepr):
    """A report: as planned, or as it was made.

    id: the name of its folder; recording and video: what it is about, '' where it is about none; labels: the label file beside the
    video; parameters: those of the notebook; varied: those of them that the study varies; key: the hash of all that it is made from.
    state; seconds that it took, None where it was never made; reason: why it failed, in one sentence; page: relative to the index.
    figures: numbers by name; shares: the attention's share in percent by region, thinned, in time order; curve: the first predicted
    dimension times 100, by name, thinned in the same way; verdict: answer by question;
    regions: rows of summary.csv; published: where copies are; finding: what was found, a sentence each; notices: what must be read
    before anything else, of what the network has seen.
    """

    id: str
    recording: str
    video: str
    labels: str
    parameters: dict[str, Scalar]
    varied: dict[str, Scalar]
    key: str
    state: State = "missing"
    seconds: float | None = None
    reason: str = ""
    page: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    shares: dict[str, list[int]] = field(default_factory=dict)
    verdict: dict[str, str] = field(default_factory=dict)
    regions: list[dict] = field(default_factory=list)
    published: str = ""
    curve: dict[str, list[int]] = field(default_factory=dict)
    finding: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    _shown = ("id", "state", "seconds", "reason")

    @property
    def title(self) -> str:
        """What a reader knows it by: the recording, or its id."""
        return self.recording or self.id

    def ended(self, state: State, seconds: float, reason: str = "") -> "Report":
        """The report with how it ended, without what it left behind: so small it travels from a worker."""
        return replace(self, state=state, seconds=seconds, reason=reason)

    def to_json(self) -> dict:
        """All of it as plain values, by the names of the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> "Report":
        """The report that `to_json` gave.

        Raises StavisError that names the keys that are missing or unknown: nothing is left empty in silence.
        """
        names = {one.name for one in fields(cls)}
        if not isinstance(value, dict) or set(value) | _LATER != names:
            differ = sorted((set(value) | _LATER) ^ names) if isinstance(value, dict) else ["all"]
            raise StavisError(f"{FILE} is not one of this version ({', '.join(differ[:9])} missing or unknown): make the report again.")
        return cls(**value)

    def write(self, folder: Path) -> None:
        """Write it into the report's folder."""
        write_json(folder / FILE, self.to_json())


def read_report(folder: Path) -> Report | None:
    """The report that was made in a folder; None where there is none, or it is not whole."""
    try:
        report = Report.from_json(read_json(folder / FILE))
    except StavisError:
        return None
    whole = all((folder / name).is_file() for name in (NOTEBOOK, PAGE))
    return report if whole and report.state in ("done", "failed") else None
