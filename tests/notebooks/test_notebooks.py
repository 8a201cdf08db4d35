"""The notebooks, run top to bottom as papermill and JupyterLab run them; and the reference notebook, whose outputs must stay."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import pytest

from stavis.models.checkpoint import load_checkpoint
from stavis.show.figures.figure import CONFIG

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
PLOT, WIDGET = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"
FEW = {"recordings": 8}


@pytest.fixture
def papermilled(tmp_path, monkeypatch):
    """`papermilled("train", steps=4)` runs a notebook with these parameters in an empty folder; returns its outputs by MIME type."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    work = tmp_path / "work"
    work.mkdir()

    def run(name: str, **parameters) -> dict[str, list]:
        done = papermill.execute_notebook(
            ROOT / "notebooks" / f"{name}.ipynb",
            tmp_path / f"{name}.ipynb",
            parameters=parameters,
            kernel_name="python3",
            cwd=work,
            progress_bar=False,
            start_timeout=120,
            execution_timeout=600,
        )
        shown: dict[str, list] = {}
        for cell in done.cells:
            for output in cell.get("outputs", []):
                if PLOT in output.get("data", {}):
                    assert output["data"][PLOT]["config"] == CONFIG and output["data"]["image/jpeg"], "a figure without settings or image"
                assert output.output_type != "error"
                for mime, content in output.get("data", {}).items():
                    shown.setdefault(mime, []).append(content)
        return shown

    return run


@pytest.mark.parametrize("name", ["train", "evaluate", "explore", "group"])
def test_papermill_knows_every_parameter_with_its_help(name):
    """`papermill --help-notebook` reads the cell line by line; an = in a comment makes it lose the parameter."""
    path = ROOT / "notebooks" / f"{name}.ipynb"
    cell = next(cell for cell in nbformat.read(path, 4).cells if "parameters" in cell.metadata.get("tags", []))
    known = papermill.inspect_notebook(str(path))
    assert list(known) == [line.split("=")[0].strip() for line in cell.source.splitlines()]
    assert all(parameter["help"] for parameter in known.values())


@pytest.mark.slow
def test_train_leaves_a_run_and_shows_how_it_learned(papermilled, tmp_path):
    shown = papermilled("train", out="run", steps=4, batch=2, device="cpu", **FEW)
    run = tmp_path / "work" / "run"
    assert load_checkpoint(run).info["data"]["synthetic"] is True
    assert pd.read_csv(run / "log.csv").step.tolist() == [4]
    curve = shown[PLOT][0]
    assert [trace["name"] for trace in curve["data"]] == ["training loss", "development CCC"]
    assert any("CCC" in table and "concatenated" in table for table in shown["text/html"])
    assert not list((tmp_path / "work").glob("lightning*"))


@pytest.mark.slow
def test_evaluate_shows_scores_and_the_truth_and_writes_them(papermilled, tmp_path, tiny_run):
    shown = papermilled("evaluate", run=str(tiny_run), out="scores", device="cpu", **FEW)
    written = {path.name for path in (tmp_path / "work" / "scores").iterdir()}
    assert written == {"metrics.json", "predictions.csv", "attention.json", "report.html"}
    tables = [table for table in shown["text/html"] if "<table" in table]
    assert len(tables) == 2 and "RMSE" in tables[0] and "density on the informative region" in tables[1]
    assert len(shown[PLOT]) == 2 and len(shown[PLOT][0]["data"]) >= 2  # predicted and gold; error by range of the gold


@pytest.mark.slow
def test_explore_shows_a_scrubber_and_writes_the_page(papermilled, tmp_path, tiny_run):
    shown = papermilled("explore", run=str(tiny_run), out="page", methods="saliency", device="cpu", **FEW)
    assert len(shown[WIDGET]) >= 1 and len(shown[PLOT]) == 3
    assert any("mean share" in table for table in shown["text/html"])
    assert {path.name for path in (tmp_path / "work" / "page").iterdir()} == {
        "report.html",
        "attention.npz",
        "face_maps.npz",
        "shares.csv",
        "predictions.csv",
        "explain.json",
    }


@pytest.mark.slow
def test_explore_takes_a_video_of_ones_own(papermilled, drawn, tiny_run):
    video = next((drawn / "videos").glob("*.mp4"))
    shown = papermilled("explore", run=str(tiny_run), data=str(drawn), video="", methods="", device="cpu")
    assert shown[WIDGET]
    with pytest.raises(papermill.PapermillExecutionError, match=r"does not exist|cannot be opened"):
        papermilled("explore", run=str(tiny_run), video=f"{video}.gone", methods="", device="cpu")


@pytest.mark.slow
def test_group_shows_maps_and_curves_and_writes_the_page(papermilled, tmp_path, tiny_run):
    shown = papermilled("group", run=str(tiny_run), out="page", recordings=16, device="cpu", before=0.4, after=0.4)
    assert len(shown[PLOT]) == 3  # mean maps, their difference, curves
    assert {"report.html", "group_maps.npz", "around.csv", "recordings.csv"} <= {
        path.name for path in (tmp_path / "work" / "page").iterdir()
    }


# The reference notebook: its cells marked NBVAL_CHECK_OUTPUT must give what stands in it


def nbval(notebook: Path) -> subprocess.CompletedProcess:
    options = ("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout", "120", "--nbval-sanitize-with", str(HERE / "sanitize.cfg"))
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(notebook.parent),
            "-c",
            os.devnull,
            *options,
            notebook,
        ],
        cwd=notebook.parent,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.slow
def test_the_reference_notebook_still_says_what_it_said(tmp_path):
    reference = HERE / "reference.ipynb"
    checked = sum("NBVAL_CHECK_OUTPUT" in cell.source for cell in nbformat.read(reference, 4).cells)
    done = nbval(reference)
    assert checked >= 4 and done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    wrong = nbformat.read(reference, 4)
    cell = next(cell for cell in wrong.cells if "NBVAL_CHECK_OUTPUT" in cell.source)
    cell.outputs[0].text = cell.outputs[0].text.replace("0", "1")
    nbformat.write(wrong, tmp_path / "wrong.ipynb")
    assert nbval(tmp_path / "wrong.ipynb").returncode != 0
