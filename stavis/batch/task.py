"""What travels to a worker: what all reports of a study have in common, and the one to make."""

from dataclasses import dataclass
from pathlib import Path

from stavis.batch.parameters import Scalar


@dataclass(frozen=True)
class Job:
    """What all reports of a study have in common; it travels to the workers with each of them."""

    out: Path
    notebook: Path
    name: str
    beside: str
    preload: tuple[str, ...]
    timeout: float
    output_mb: float
    version: str
    publish: str = ""


@dataclass(frozen=True)
class Report:
    """One report to make: id (the name of its folder), recording, the parameters for the notebook, what varies, the content key."""

    id: str
    recording: str
    video: str
    labels: str
    parameters: dict[str, Scalar]
    varied: dict[str, Scalar]
    key: str
