"""What the docs and CONTRIBUTING say of the house is so: its rooms, the places to add things, the output files and their columns."""

import ast
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stavis import jobs
from tests.groups.explained import explained_folder

ROOT = Path(__file__).resolve().parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
OUTPUTS = (ROOT / "docs" / "reference" / "outputs.md").read_text(encoding="utf-8")
LARGEST_FOLDER = 16


def folders() -> list[Path]:
    """The folders of the package that hold source."""
    found = {path.parent for kind in ("*.py", "*.js", "*.css", "*.jinja") for path in (ROOT / "stavis").rglob(kind)}
    return sorted(found)


@pytest.mark.parametrize("folder", folders(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_folder_can_be_seen_at_a_glance(folder):
    files = [path.name for path in folder.iterdir() if path.is_file() and path.suffix in (".py", ".pyi", ".js", ".css", ".jinja")]
    assert len([name for name in files if not name.startswith("__")]) <= LARGEST_FOLDER, sorted(files)


def test_every_room_has_its_line_on_the_map():
    named = set(re.findall(r"^\| `([a-z/]+)/` ", CONTRIBUTING, re.MULTILINE))
    rooms = {path.name for path in (ROOT / "stavis").iterdir() if (path / "__init__.py").is_file()}
    assert {name.split("/")[0] for name in named} == rooms
    assert all((ROOT / "stavis" / name).is_dir() for name in named)


def test_the_answers_to_where_do_i_add_name_files_that_are_there():
    table = CONTRIBUTING[CONTRIBUTING.index("Where do I add") : CONTRIBUTING.index("The tests in `tests/test_house.py`")]
    rows = [line for line in table.splitlines() if line.startswith("| a")]
    assert len(rows) == 7
    for row in rows:
        _, _, place, test, _ = row.split("|")
        paths = [name for name in re.findall(r"`([\w/.]+)`", place) if "NAME" not in name and "/" in name]
        assert all((ROOT / "stavis" / name).exists() for name in paths), row
        assert re.findall(r"`(tests/[\w/.]+\.py)`", test) and all(
            (ROOT / name).is_file() for name in re.findall(r"`(tests/[\w/.]+)`", test)
        )
        folder = re.findall(r"`([\w/]+)/NAME", place)
        assert all((ROOT / "stavis" / name).is_dir() for name in folder), row


def columns_named(names) -> list[str]:
    """Those of the names that the docs' page of output files does not know."""
    return [name for name in names if not re.search(rf"\b{re.escape(str(name))}\b", OUTPUTS)]


def test_every_column_of_the_tables_stands_in_the_docs(drawn, tiny_run, tmp_path):
    video = next((drawn / "videos").glob("*.mp4"))
    jobs.explain(tiny_run, video, tmp_path / "explained", methods=("saliency",), overlay=False, device="cpu", quiet=True)
    jobs.evaluate(tiny_run, drawn, out=tmp_path / "evaluated", device="cpu", quiet=True)
    for seed, condition in ((0, "rest"), (1, "stress")):
        explained_folder(tmp_path / condition, seed=seed)
    grouped = "recording,person,condition\nrest,anna,rest\nstress,ben,stress\n"
    (tmp_path / "table.csv").write_text(grouped, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that two people are few
        jobs.group(tmp_path / "table.csv").save(tmp_path / "grouped", events="peaks:smile")
    tables = sorted(tmp_path.rglob("*.csv"))
    assert {path.name for path in tables} >= {
        "shares.csv",
        "predictions.csv",
        "recordings.csv",
        "regions.csv",
        "differences.csv",
        "around.csv",
    }
    for path in tables:
        assert columns_named(pd.read_csv(path).columns) == [], path.name
    for path in tmp_path.rglob("*.npz"):
        with np.load(path, allow_pickle=False) as arrays:
            assert columns_named(arrays.files) == [], path.name
    summary = json.loads((tmp_path / "explained" / "explain.json").read_text(encoding="utf-8"))
    assert columns_named(set(summary) - {"video", "crop", "realtime_factor", "shares_by_method", "densities_by_method"}) == []
    metrics = json.loads((tmp_path / "evaluated" / "metrics.json").read_text(encoding="utf-8"))
    assert columns_named(set(metrics) - {"concatenated", "per_recording"}) == []


def test_the_public_names_are_few_and_grouped():
    stub = (ROOT / "stavis" / "__init__.pyi").read_text(encoding="utf-8")
    offered = [alias.name for node in ast.parse(stub).body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert 30 <= len(offered) <= 40 and stub.count("\n# ") >= 5
