"""Every public name says in numpydoc what it takes, gives and raises, with an example that runs on generated data."""

import doctest
import inspect
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import stavis
from stavis.synthetic.config import SyntheticConfig
from stavis.synthetic.writer import write_dataset

NAMES = sorted(stavis.__all__)
PENDING: set[str] = set()
"""Names whose docstring is still to be written; it may only shrink."""
EXCEPTIONS = {"StavisError", "StavisWarning"}

LONG = {
    "bench": ("tests/bench/test_bench.py", "stavis.bench("),
    "demo": (".ci/run", "stavis demo"),
    "run_study": ("docs/lessons/study.md", "stavis.run_study("),
    "transfer": ("tests/jobs/test_transfer.py", "transfer("),
    "verify": ("tests/jobs/test_verify.py", "verify("),
}
"""Names whose example takes minutes or faces of real people, so that it is shown and not run, and where the function is called instead."""


@pytest.fixture(scope="module")
def namespace(tmp_path_factory) -> dict:
    """What examples may use: a generated video of two seconds in a data folder, and frames of no one."""
    spec = SyntheticConfig(recordings=3, seconds=2.0, fps=6.25, size=(64, 64), shares=(0.34, 0.33, 0.33), seed=3)
    data = write_dataset(tmp_path_factory.mktemp("docs") / "faces", spec)
    frames = np.random.default_rng(0).integers(0, 255, (12, 112, 112, 3), dtype=np.uint8)
    out = tmp_path_factory.mktemp("docs-out")
    return {"stavis": stavis, "np": np, "data": data, "video": next((data / "videos").glob("*.mp4")), "frames": frames, "out": out}


def objects(name: str) -> list:
    """A public name, and for a class the classes of the package that it is made of: their methods are its own."""
    found = getattr(stavis, name)
    return [one for one in inspect.getmro(found) if one.__module__.startswith("stavis")] if inspect.isclass(found) else [found]


def missing(name: str) -> list[str]:
    """The sections that a public name's docstring lacks."""
    found = getattr(stavis, name)
    text = inspect.getdoc(found) or ""
    sections = set(re.findall(r"^(\w+)\n-{3,}$", text, re.MULTILINE))
    wanted = {"Examples"}
    if inspect.isclass(found) or inspect.signature(found).parameters:
        wanted.add("Parameters")
    if not inspect.isclass(found):
        wanted.add("Yields" if "Yields" in sections else "Returns")
    if re.search(r"Raises StavisError|raise StavisError", text + (inspect.getsource(found) if inspect.isfunction(found) else "")):
        wanted.add("Raises")
    return sorted(wanted - sections)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in EXCEPTIONS])
def test_a_public_name_has_the_sections_of_numpydoc(name):
    lacking = missing(name)
    if name in PENDING:
        assert lacking, f"{name} is complete now: take it out of PENDING"
    else:
        assert lacking == []


def test_only_public_names_are_pending():
    assert set(NAMES) >= PENDING and len(NAMES) <= 40


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_public_name_run(name, namespace):
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    with warnings.catch_warnings():
        warnings.simplefilter("error", stavis.StavisWarning)
        for found in objects(name):
            for test in doctest.DocTestFinder().find(found, found.__qualname__, extraglobs=namespace):
                runner.run(test)
    summary = runner.summarize(verbose=False)
    assert summary.failed == 0
    assert bool(summary.attempted) == (name not in EXCEPTIONS and name not in LONG), "the section Examples holds none that runs"


@pytest.mark.parametrize("name", sorted(LONG))
def test_a_function_whose_example_is_not_run_is_called_elsewhere(name):
    assert "+SKIP" in getattr(stavis, name).__doc__
    path, call = LONG[name]
    assert call in (Path(__file__).resolve().parents[1] / path).read_text(encoding="utf-8")
