"""The plan of a study: every report with its parameters and the key of what it is made from, before anything runs."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from stavis.batch.kernels import preload_of
from stavis.batch.notebook import Notebook, open_notebook
from stavis.batch.parameters import Scalar
from stavis.batch.record import Job, Report
from stavis.batch.recordings import listed
from stavis.batch.spec import StudyConfig
from stavis.data.datasets.folder import files_beside
from stavis.errors import StavisError
from stavis.models.hub import is_hub_name
from stavis.models.shipped import PRETRAINED, pretrained_names
from stavis.printable import ShortRepr
from stavis.progress import bar
from stavis.provenance import package_version
from stavis.storage.cache import file_hash
from stavis.storage.files import content_hash
from stavis.types import Recording

MOST = 200_000  # reports of one study
INPUTS = ("run", "data", "video")
"""Parameters of the package's notebooks that name something to read."""
RESULTS = "results"
"""Where a notebook with the parameter `out` writes unless told otherwise: a folder in its report's folder."""


@dataclass(frozen=True, repr=False)
class StudyPlan(ShortRepr):
    """A study that has been checked and can run."""

    spec: StudyConfig
    notebook: Notebook
    job: Job
    reports: tuple[Report, ...]

    def _facts(self) -> Iterator[str]:
        yield f"{self.job.name}: {len(self.reports)} reports"
        yield f"in {self.job.out}"

    def table(self) -> pd.DataFrame:
        """One row per report: id, recording, then what varies."""
        return pd.DataFrame([{"id": one.id, "recording": one.recording, **one.varied} for one in self.reports])


def make_plan(spec: StudyConfig, base_dir: Path, out: Path, quiet: bool = False) -> StudyPlan:
    """Check a spec against its notebook and the disk, and list its reports.

    Raises StavisError for an unknown or ill-fitting parameter, a missing file, no recording, or more than MOST reports.
    """
    base_dir = base_dir.resolve()
    notebook = open_notebook(spec.notebook, base_dir)
    for name, values in (*((name, [value]) for name, value in spec.parameters.items()), *spec.vary.items()):
        for value in values:
            notebook.checked(name, value)
    if spec.recordings is not None:
        notebook.checked(spec.recordings.parameter, "")
        if spec.recordings.parameter in {*spec.parameters, *spec.vary}:
            raise StavisError(f"parameter {spec.recordings.parameter!r} takes the recordings: take it out of parameters and vary.")
    for name, values in spec.vary.items():
        kinds = [(type(value), value) for value in (notebook.checked(name, one) for one in values)]
        if len(set(kinds)) < len(kinds):
            raise StavisError(f"vary.{name} names a value of {notebook.path.name} twice: take one of them out.")
    found = [None] if spec.recordings is None else listed(spec.recordings, base_dir, quiet)
    count = len(found)
    for values in spec.vary.values():
        count *= len(values)
    if count > MOST:
        raise StavisError(f"the study has {count} reports, more than {MOST}: vary less, or split it into several specs.")
    job = Job(
        out=out.resolve(),
        notebook=out.resolve() / "notebook.ipynb",
        name=notebook.path.name,
        base_dir=str(notebook.path.parent),
        preload=preload_of(notebook.node),
        timeout=spec.timeout,
        output_mb=spec.output_mb,
        version=package_version(),
        publish=spec.publish.rstrip("/"),
    )
    with bar("looking at the inputs", quiet) as progress:
        reports = []
        for report in _reports(spec, notebook, base_dir, found):
            reports.append(report)
            if progress and len(reports) % 100 == 0:
                progress(len(reports), count)
    return StudyPlan(spec, notebook, job, tuple(reports))


def _reports(spec: StudyConfig, notebook: Notebook, base_dir: Path, found: list[Recording | None]) -> Iterator[Report]:
    inputs = _Inputs(base_dir)
    base = {name: notebook.checked(name, value) for name, value in spec.parameters.items()}
    if "out" in notebook.parameters and notebook.parameters["out"].default == "" and "out" not in {*base, *spec.vary}:
        base["out"] = RESULTS
    settings = []
    for values in itertools.product(*spec.vary.values()):
        varied = {name: notebook.checked(name, value) for name, value in zip(spec.vary, values, strict=True)}
        parameters = {name: inputs.placed(name, value) for name, value in {**base, **varied}.items()}
        settings.append((varied, parameters, [inputs.hash(value) for value in parameters.values()]))
    same = content_hash(notebook.hash, package_version())
    for one in found:
        video = str(one.video) if one else ""
        files = {"video": one.video, **files_beside(one.video)} if one else {}
        seen = content_hash(*(_hash_of_recording(str(path)) for path in files.values()))
        for varied, parameters, hashes in settings:
            given = parameters if one is None else {**parameters, spec.recordings.parameter: video}
            made_from = json.dumps([same, given, hashes, seen], sort_keys=True, ensure_ascii=False)
            name = one.name if one else "-".join(f"{key}_{value}" for key, value in varied.items()) or notebook.path.stem
            where = json.dumps([video, varied], sort_keys=True, ensure_ascii=False)
            yield Report(
                id=f"{_plain(name)}-{hashlib.sha256(where.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}",
                recording=one.name if one else "",
                video=video,
                labels=str(files.get("labels", "")),
                parameters=given,
                varied=varied,
                key=hashlib.sha256(made_from.encode("utf-8", "surrogatepass")).hexdigest(),
            )


class _Inputs:
    """Parameters that are paths: made absolute, and hashed by what is there."""

    def __init__(self, base_dir: Path):
        self.base_dir = base_dir
        self.known: dict[str, str] = {}

    def placed(self, name: str, value: Scalar) -> Scalar:
        """The value, absolute where it is a path: one that begins with ./ ../ / or ~/, or names something beside the spec.

        Raises StavisError where a path does not exist.
        """
        if not isinstance(value, str) or not value or "\n" in value or "\0" in value or value in pretrained_names():
            return value
        if name == "run" and is_hub_name(value):
            return value
        path = (self.base_dir / Path(value).expanduser()) if value.startswith("~/") else self.base_dir / value
        plain = not value.startswith(("./", "../", "/", "~/"))
        if len(value) < 4096 and _exists(path) and (not plain or "/" in value or name in INPUTS):
            return str(path.resolve())
        if plain and name not in INPUTS:
            return value
        if name == "out":
            raise StavisError(f"parameter 'out' is {value!r}: give a plain name such as results; it becomes a folder of each report.")
        raise StavisError(f"parameter {name!r}: {path} does not exist: fix the path (it is relative to the spec's folder).")

    def hash(self, value: Scalar) -> str:
        """A hash of the file or folder that a value names, '' where it names none."""
        if not isinstance(value, str) or not (value.startswith("/") or value in pretrained_names()):
            return ""
        if value not in self.known:
            path = PRETRAINED / value if value in pretrained_names() else Path(value)
            self.known[value] = _hash_of_folder(path) if path.is_dir() else _hash_of_recording(str(path))
        return self.known[value]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _hash_of_folder(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return content_hash(*(part for path in files for part in (str(path.relative_to(folder)), _hash_of_recording(str(path)))))


def _hash_of_recording(path: str) -> str:
    """The hash of a file; of one that cannot be read, why: its report will say so, and be made again when that changes."""
    try:
        return file_hash(Path(path))
    except StavisError as error:
        return str(error)


def _plain(name: str) -> str:
    """A name as a folder can have it anywhere."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:40].strip("._-") or "report"
