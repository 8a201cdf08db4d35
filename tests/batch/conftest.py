"""What the tests of batches share: tiny notebooks of the standard library, one cluster for all, a study in a folder."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import dask
import nbformat
import pytest
import yaml
from distributed import LocalCluster

from stavis.batch.cluster import _SETTINGS
from stavis.batch.plan import StudyPlan
from stavis.batch.record import Report
from stavis.batch.study import plan_study

WORK = """
import json, os, time
if mode == "raise": raise ValueError("no <b>luck</b> \\x1b[31mtoday\\x1b[0m")
if mode == "hang": time.sleep(1000)
if mode == "die": os._exit(3)
if mode == "flood": [print("x" * 999_999) for _ in range(100)]
if mode == "leave": __import__("subprocess").Popen(["sleep", "1000"])
if mode == "vanish": open(video)
time.sleep(pause)
json.dump({"letters": len(text), "size": os.path.getsize(video) if video else 0}, open("figures.json", "w"))
print(text)
"""
PARAMETERS = (
    'video = ""  # a file\ntext = "plain"  # what to say\nmode = "well"  # how to end\npause = 0.0  # seconds\ncount = 1  # a number\n'
)


def write_notebook(path: Path, work: str = WORK, parameters: str = PARAMETERS, kernel: str = "python3") -> Path:
    """A notebook with a cell of parameters and one that works."""
    node = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}})
    node.cells = [
        nbformat.v4.new_markdown_cell("# A tiny notebook"),
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(work.strip()),
    ]
    nbformat.write(node, path)
    return path


@dataclass
class Home:
    """A folder with a tiny notebook and three recordings (which it takes for any file)."""

    folder: Path
    spec: dict = field(default_factory=dict)

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def yaml(self) -> Path:
        return self.folder / "spec.yaml"

    def write(self, **changes) -> Path:
        """Write the spec with these changes (None takes a field away); returns its path."""
        spec = {key: value for key, value in (self.spec | changes).items() if value is not None}
        self.yaml.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
        return self.yaml

    def plan(self, **changes) -> StudyPlan:
        """The plan of the spec with these changes."""
        return plan_study(self.write(**changes), out=self.out, quiet=True)

    def report(self, **parameters) -> tuple[StudyPlan, Report]:
        """The plan of a study without recordings, and its one report."""
        plan = self.plan(recordings=None, parameters=parameters)
        return plan, plan.reports[0]

    def recordings(self, count: int) -> None:
        """So many files as recordings."""
        for number in range(count):
            (self.folder / "videos" / f"rec{number:02}.mp4").write_bytes(bytes([33 + number]) * 40)


@pytest.fixture
def home(tmp_path) -> Home:
    made = Home(tmp_path / "home", {"notebook": "tiny.ipynb", "recordings": "videos/*.mp4"})
    (made.folder / "videos").mkdir(parents=True)
    write_notebook(made.folder / "tiny.ipynb")
    made.recordings(3)
    return made


@pytest.fixture
def frozen(home) -> Callable[[StudyPlan], StudyPlan]:
    """Puts the plan's notebook where a worker reads it, as a runner does before it hands anything out."""

    def freeze(plan: StudyPlan) -> StudyPlan:
        plan.job.out.mkdir(parents=True, exist_ok=True)
        nbformat.write(plan.notebook.node, plan.job.notebook)
        return plan

    return freeze


@pytest.fixture(scope="session")
def cluster(_own_cache):
    """The address of a scheduler with two workers, as a user's cluster would be."""
    with dask.config.set(_SETTINGS), LocalCluster(2, threads_per_worker=1, dashboard_address=None, silence_logs=60, memory_limit=0) as made:
        yield made.scheduler_address
