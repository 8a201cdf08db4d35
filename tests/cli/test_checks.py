"""Names and paths are refused before anything heavy is imported, in one sentence that offers what was probably meant."""

import json
import subprocess
import sys

import pytest

import stavis
from stavis import attribution
from stavis.attribution.attention_maps import raw_attention
from stavis.attribution.methods import ALL_METHODS, TOKEN_METHODS
from stavis.bench.plan import LABELS, RECIPES
from stavis.cli import app, checks
from stavis.data.crops.crops import SOURCES
from stavis.evaluation.evaluate import FILLS
from stavis.inference.video.streaming import MODES
from stavis.models.systems import SYSTEMS
from stavis.training.losses import LOSSES
from stavis.training.stages import PRESETS as SHIPPED
from tests.show.pages import verdict_result

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands)

REFUSED = {
    "explain": [
        ("explain", "sta-synth", "film.mp4", "did you mean sta-synthetic?"),
        ("explain", "sta-synthetic", "flim.mp4", "did you mean film.mp4?"),
        ("explain", "sta-synthetic", "film.mp4", "--methods", "salency", "did you mean saliency?"),
        ("explain", "sta-synthetic", "film.mp4", "--regions", "boxes.txt", "expected grid:3x3"),
        ("explain", "sta-synthetic", "film.mp4", "--source", "fase", "did you mean face?"),
        ("explain", "sta-synthetic", "film.mp4", "--device", "cude", "did you mean cuda?"),
        ("explain", "sta-synthetic", "film.mp4", "--out", "film.mp4/out", "is a file"),
        ("explain", "no_such_package_of_mine:make", "film.mp4", "cannot be imported"),
        ("explain", "hf:one", "film.mp4", "give hf:owner/name"),
        ("explain", "--methds", "x", "did you mean --methods?"),
        ("explain", "sta-synthetic", "film.mp4", "--data", "unknown", "there is no option --data"),
        ("explain", "sta-synthetic", "film.mp4", "--mode", "steam", "did you mean stream?"),
    ],
    "profile": [("profile", "flim.mp4", "did you mean film.mp4?")],
    "compare": [
        ("compare", "sta-synthetic", "sta-sinthetic", "film.mp4", "did you mean sta-synthetic?"),
        ("compare", "sta-synthetic", "sta-synthetic", "film.mp4", "--view", "sideby side", "did you mean side by side?"),
        ("compare", "sta-synthetic", "flim.mp4", "film.mp4", "did you mean film.mp4?"),
        ("compare", "sta-synthetic", "film.mp4", "flim.mp4", "did you mean film.mp4?"),
        ("compare", "sta-synthetic", "sta-synthetic", "film.mp4", "--offset", "2", "leave it out"),
        ("compare", "sta-synthetic", "film.mp4", "film.mp4", "--offset", "nan", "--offset is nan, expected a finite number"),
    ],
    "evaluate": [
        ("evaluate", "sta_synthetic", "did you mean sta-synthetic?"),
        ("evaluate", "sta-synthetic", "--data", "recolaa", "did you mean recola?"),
        ("evaluate", "sta-synthetic", "--split", "tset", "did you mean test?"),
        ("evaluate", "sta-synthetic", "--data", "nothing", "choose one of recola"),
        ("evaluate", "sta-synthetic", "--data", "recola", "apply at"),
        ("evaluate", "sta-synthetic", "--mode", "straem", "did you mean stream?"),
    ],
    "verdict": [
        ("verdict", "sta-synthetik", "did you mean sta-synthetic?"),
        ("verdict", "sta-synthetic", "--data", "nothing here", "does not exist"),
        ("verdict", "--known-answers", "--out", "judged", "--out is not for --known-answers"),
        ("verdict", "sta-synthetic", "--known-answers", "--clips", "5", "leave RUN, --clips out"),
        ("verdict", "sta-synthetic", "--seeds", "5", "--seeds is of --known-answers"),
        ("verdict", "sta-synthetic", "--scale", "9", "expected LOW,HIGH"),
    ],
    "transfer": [
        ("transfer", "sta-synthetic", "flim.mp4", "did you mean film.mp4?"),
        ("transfer", "sta-synthetic", "none", "does not exist"),
    ],
    "train": [
        ("train", "--out", "run", "--system", "cn3d", "did you mean cnn3d?"),
        ("train", "--out", "run", "--preset", "smal", "did you mean small?"),
        ("train", "--out", "run", "--init-from", "sta-sinthetic", "did you mean sta-synthetic?"),
        ("train", "--out", "run", "--loss", "mae", "did you mean mse?"),
        ("train", "--out", "run", "--learning-rate", "nan", "--learning-rate is nan, expected a finite number"),
    ],
    "pretrain": [("pretrain", "here", "--preset", "sta-head", "did you mean sta-heads?")],
    "verify": [("verify", "sta-syn", "did you mean sta-synthetic?")],
    "demo": [("demo", "--out", "film.mp4", "is a file"), ("demo", "--device", "quantum", "choose one of auto, cpu")],
    "bench": [
        ("bench", "--out", "tables", "--systems", "sta,cnn-rnn", "did you mean"),
        ("bench", "--out", "tables", "--data", "nothing here", "does not exist"),
    ],
    "group": [
        ("group", "tabel.csv", "--out", "grouped", "is missing"),
        ("group", "film.mp4", "--out", "grouped", "--label", "smile", "--relative", "leave --label, --relative out"),
        ("group", "table.csv", "--out", "grouped", "--before", "inf", "--before is inf, expected a finite number"),
    ],
    "labels": [
        ("labels", "nothing here", "does not exist"),
        ("labels", "nothing here", "--max-gap", "nan", "--max-gap is nan, expected a number"),
        ("labels", "nothing here", "--max-gap", "inf", "does not exist"),
    ],
    "track": [
        ("track", "flim.mp4", "--out", "tracked", "did you mean film.mp4?"),
        ("track", "film.mp4", "--out", "t", "--backend", "open-cv", "did you mean opencv?"),
    ],
    "synth": [
        ("synth", "faces", "--scenario", "muoth", "did you mean mouth?"),
        ("synth", "faces", "--renderer", "head", "expected one of flat, heads, both"),
    ],
    "cache": [
        ("cache", "lst", "did you mean list?"),
        ("cache", "list", "--kind", "reading", "did you mean readings?"),
    ],
    "report": [
        ("report", "explor", "did you mean explore?"),
        ("report", "studdy.yaml", "did you mean study.yaml?"),
        ("report", "demo", "--timeout", "nan", "is nan"),
    ],
    "systems": [("systems", "--jsn", "did you mean --json?")],
    "datasets": [("datasets", "--jsn", "did you mean --json?")],
    "fetch-models": [("fetch-models", "--head", "did you mean --heads?")],
}
NOTHING_TO_CHECK = {"lab"}  # what it is given is jupyter's

SCRIPT = """
import json, sys
import stavis.cli
for words in json.loads(sys.argv[1]):
    sys.argv = ["stavis", *words]
    try:
        stavis.cli.main()
    except SystemExit as end:
        print(end.code, flush=True)
heavy = ("torch", "pandas", "cv2", "av", "captum", "plotly", "pytorch_lightning", "papermill", "distributed")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


def test_every_command_is_here():
    assert {*REFUSED, *NOTHING_TO_CHECK} == set(COMMANDS)


def test_bad_names_and_paths_are_refused_by_every_command_without_torch(tmp_path):
    for name in ("film.mp4", "study.yaml"):
        (tmp_path / name).touch()
    rows = [row for rows in REFUSED.values() for row in rows]
    call = [sys.executable, "-c", SCRIPT, json.dumps([row[:-1] for row in rows])]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    *codes, heavy = done.stdout.splitlines()
    assert codes == ["2"] * len(rows), done.stderr
    sentences = done.stderr.splitlines()
    assert len(sentences) == len(rows), done.stderr
    for row, sentence in zip(rows, sentences, strict=True):
        assert sentence.startswith("stavis: ") and row[-1] in sentence, (row, sentence)
    assert json.loads(heavy) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "study.yaml"]


def test_the_names_that_are_checked_are_those_that_are_known():
    offered = [one for one in (*ALL_METHODS, *TOKEN_METHODS) if one is not raw_attention]
    assert list(attribution.NAMES) == [one.__name__.replace("_", "-") for one in offered]
    assert tuple(FILLS) == checks.FILLS and tuple(SOURCES) == checks.SOURCES and tuple(LOSSES) == checks.LOSSES
    assert set(checks.PRESETS) == set(SYSTEMS["sta"].presets) == set(RECIPES) and tuple(LABELS) == checks.LABELS
    assert tuple(SHIPPED) == checks.SHIPPED and tuple(MODES) == checks.MODES


def test_a_long_command_says_at_once_what_it_does(shell, monkeypatch):
    def loading(*args, **options):
        raise stavis.StavisError("the network was loaded.")

    monkeypatch.setattr(stavis.jobs, "verdict", loading, raising=False)
    lines = shell("verdict", "sta-synthetic", "--clips", "3").err.splitlines()
    assert lines == [
        "judging the attention of sta-synthetic on 3 recordings of the embedded data",
        "stavis: the network was loaded.",
    ]
    assert shell("verdict", "sta-synthetic", "--quiet").err.splitlines() == ["stavis: the network was loaded."]


def test_a_verdict_on_the_terminal_begins_with_what_was_found(shell, monkeypatch):
    found = verdict_result()
    monkeypatch.setattr(stavis.jobs, "verdict", lambda *args, **options: found, raising=False)
    lines = shell("verdict", "sta-synthetic").out.splitlines()
    assert lines[:2] == list(found.finding.sentences) and lines[0].startswith("Judged on 6 clips, the attention is needed")
    assert [line.split()[:2] for line in lines[2:6]] == [[one.question, one.answer] for one in found.verdict.answers]


def test_what_follows_two_dashes_goes_to_jupyter_lab(shell, monkeypatch):
    calls = []
    monkeypatch.setattr("os.execv", lambda path, words: calls.append(words))
    monkeypatch.setattr(stavis.batch, "copy_notebooks", lambda folder: folder, raising=False)
    assert shell("lab", "--", "--port", "9999", "--no-browser").code == 0
    assert calls[0][-4:] == ["--port", "9999", "--no-browser", "stavis-notebooks"]


@pytest.mark.parametrize("name", ["cuda:1", "mps", "auto"])
def test_a_device_is_known_without_torch(name):
    assert checks.device(name) == name


@pytest.mark.parametrize("command", ["explain", "evaluate"])
def test_the_mode_of_reading_reaches_the_network(shell, monkeypatch, tmp_path, command):
    (tmp_path / "film.mp4").touch()
    given = []

    def loading(*args, mode, **options):
        given.append(mode)
        raise stavis.StavisError("enough.")

    monkeypatch.setattr(stavis.jobs, command, loading, raising=False)
    what = [tmp_path / "film.mp4", "--out", tmp_path / "out"] if command == "explain" else []
    for options in ([], ["--mode", "stream"]):
        assert shell(command, "sta-synthetic", *what, *options).code == 2
    assert given == ["window", "stream"]
