"""The shell: help with examples, exit codes, JSON on stdout alone, and the files that others rely on."""

import importlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import stavis
from stavis import batch, jobs
from stavis.cli import app
from stavis.data.datasets.selection import recordings_of
from stavis.jobs.pretrain import describe
from stavis.jobs.verify import machine, measure
from stavis.models.checkpoint import load_checkpoint
from stavis.provenance import package_version
from stavis.regions import FACE, REGIONS
from stavis.storage.cache import get_arrays
from stavis.synthetic.config import SyntheticConfig
from stavis.training.config import TrainingConfig
from tests.data.video.made_videos import several

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands)
TINY_SPEC = SyntheticConfig(recordings=8, seconds=2.0, fps=6.25, size=(64, 64), shares=(0.5, 0.25, 0.25), seed=5)
INTERVAL = {"value", "low", "high"}


# Help and exit codes


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example_that_begins_with_its_name(shell, command):
    done = shell(command, "--help")
    assert done.code == 0 and done.err == ""
    assert f"Example: stavis {command}" in " ".join(done.out.split())


def test_the_shell_has_the_commands_it_promises(shell):
    assert {"demo", "synth", "train", "evaluate", "explain", "verify", "lab"} <= set(COMMANDS)
    told = shell("--help")
    assert told.code == 0 and all(command in told.out for command in COMMANDS)
    assert shell("--version").out.strip() == package_version()
    alone = shell()
    assert alone.code == 2 and "Usage" in alone.err and alone.out == ""


def test_the_command_is_there_where_no_path_leads_to_it():
    done = subprocess.run([sys.executable, "-m", "stavis", "--version"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, package_version(), "")


def test_the_help_lists_the_commands_in_groups(shell):
    lines = shell("--help").out.splitlines()
    groups = [line.removesuffix(":") for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert groups == ["Options", "Look", "Train", "Judge", "Data", "Batch"]
    listed = [line.split()[0] for line in lines[lines.index("Look:") :] if line.startswith("  ") and line[2] != " "]
    assert sorted(listed) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_uses_the_words_of_the_field(shell, command):
    text = f" {' '.join(shell(command, '--help').out.lower().split())} "
    wrong = ("draw", "drawn", "figures", "afresh", "to be had", "hangs on", "a row a frame", "carrier", "carrying", "stretch", "mend")
    assert [word for word in wrong if f" {word} " in text] == []
    assert not any(option in text for option in ("--wide", "--start ", "--afresh"))


def test_earlier_names_of_options_still_work(shell, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(stavis.jobs, "synth", lambda root, spec, quiet: given.append(spec.diversity), raising=False)
    for option in ("--diversity", "--wide"):
        assert shell("synth", tmp_path / "faces", option, "0.25").code == 0
    assert given == [0.25, 0.25]
    monkeypatch.setattr(stavis.jobs, "train", lambda *args, init_from, **options: given.append(init_from) or exit(), raising=False)
    for option in ("--init-from", "--start"):
        shell("train", "--out", tmp_path / "run", option, "sta-synthetic")
    assert given[2:] == ["sta-synthetic"] * 2


def test_a_nearly_right_command_or_option_is_offered(shell):
    assert "Did you mean 'evaluate'?" in shell("evalute").err
    assert "did you mean --split?" in shell("evaluate", "run", "--splt", "dev").err


def test_the_cache_is_listed_and_cleared_by_kind(shell, tmp_path, monkeypatch):
    monkeypatch.setenv("STAVIS_CACHE", str(tmp_path / "cache"))
    assert shell("cache").out == "the cache is empty\n"
    for kind, what in (("crops", "a film with a name of more than forty-eight characters.mp4, 112 px"), ("readings", "two.mp4")):
        get_arrays(kind, "k", lambda: {"values": np.zeros(9)}, {"what": what})
    lines = shell("cache", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["readings", "crops", "2"] and max(map(len, lines)) <= 100
    assert [one["what"] for one in json.loads(shell("cache", "list", "--kind", "readings", "--json").out)] == ["two.mp4"]
    assert shell("cache", "clear", "--kind", "readings").out.splitlines()[-1].startswith("removed: 1 entries")
    assert len(shell("cache", "list").out.splitlines()) == 2
    for words, sentence in ((("cache", "list", "--kind", "films"), "holds no 'films'"), (("cache", "empty"), "choose one of list, clear")):
        done = shell(*words)
        assert done.code == 2 and sentence in done.err and len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (stavis.StavisError("a.mp4 is\nempty: take another."), 2, "stavis: a.mp4 is empty: take another."),
        (RuntimeError("some\nthing"), 2, "something failed that should not (RuntimeError: some thing): run again with --debug"),
        (MemoryError(), 2, "memory of this machine is not enough"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_whatever_fails_inside_is_one_line_and_an_exit_code(shell, monkeypatch, error, code, said):
    def failing(*args, **options):
        raise error

    monkeypatch.setattr(jobs, "evaluate", failing, raising=False)
    done = shell("evaluate", "sta-synthetic", "--quiet")
    assert done.code == code and said in done.err and done.out == ""
    assert len(done.err.strip().splitlines()) <= 1


# Files and words others rely on


def test_explain_writes_what_it_promises(shell, tmp_path, drawn, tiny_run):
    video = next((drawn / "videos").glob("*.mp4"))
    done = shell("explain", tiny_run, video, "--out", tmp_path / "out", "--quiet", "--json", "--source", "centre")
    assert done.code == 0 and done.err == ""
    told = json.loads(done.out)
    assert told == json.loads((tmp_path / "out" / "explain.json").read_text())
    assert (told["video"], told["frames"], told["only_drawn_faces_seen"]) == (video.name, 25, True)
    shares = pd.read_csv(tmp_path / "out" / "shares.csv")
    assert list(shares.columns)[:14] == ["frame", "time", "valid", *REGIONS] and shares.frame.tolist() == list(range(25))
    predictions = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert list(predictions.columns) == ["time", "dimension", "predicted"] and predictions.predicted.between(-1, 1).all()
    with np.load(tmp_path / "out" / "attention.npz", allow_pickle=False) as file:
        assert set(file.files) == {"weights", "times"}
        assert file["weights"].sum((1, 2)) == pytest.approx(np.ones(25), abs=1e-4)
        assert file["times"] == pytest.approx(shares.time.to_numpy(), abs=1e-4)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "trained on synthetic faces only" in page and "Saliency" in page and "Exact DeepLIFT" in page


def test_explain_takes_the_video_alone_for_the_shipped_network(shell, tmp_path, drawn, tiny_run, monkeypatch):
    asked = {}

    def remember(run, video, out, **options):
        asked.update(run=run, video=video, out=out)
        raise stavis.StavisError("enough: that was all.")

    monkeypatch.setattr(jobs, "explain", remember, raising=False)
    video = tmp_path / "my film.mp4"
    video.touch()
    assert shell("explain", video).code == 2
    assert (asked["run"], asked["video"], str(asked["out"])) == ("sta-heads", video, "my film-explained")


def test_compare_writes_one_page_and_says_how_far_the_maps_agree(shell, tmp_path, drawn, tiny_run):
    video = next((drawn / "videos").glob("*.mp4"))
    words = ("compare", tiny_run, "sta-synthetic", video, "--out", tmp_path / "both.html", "--device", "cpu")
    done = shell(*words)
    assert done.code == 0 and "rank correlation" in done.out and done.out.splitlines()[-1] == f"page: {tmp_path / 'both.html'}"
    found = json.loads(shell(*words, "--json", "--view", "side by side").out)
    assert found["networks"] == ["tiny", "sta-synthetic"] and -1 <= found["agreement"]["rank correlation"] <= 1
    assert [one["region"] for one in found["regions"]] == [name.replace("_", " ") for name in FACE.order]
    page = (tmp_path / "both.html").read_text(encoding="utf-8")
    assert '"mode":"side"' in page and '"second":"attention, sta-synthetic"' in page


def test_compare_puts_two_recordings_on_one_clock(shell, tmp_path, drawn, tiny_run):
    first, second = sorted((drawn / "videos").glob("*.mp4"))[:2]
    words = ("compare", tiny_run, first, second, "--device", "cpu", "--source", "centre", "--out", tmp_path / "both")
    done = shell(*words)
    assert done.code == 0 and f"mean valence, {first.stem}: " in done.out
    assert done.out.splitlines()[-1] == f"page: {tmp_path / 'both.html'}"
    found = json.loads(shell(*words, "--json", "--offset", "0.5").out)
    assert found["recordings"] == [first.stem, second.stem] and found["offset"] == 0.5
    assert found["frames_per_second"] == [12.5, 12.5] and found["seconds"] == [1.36, 1.92]
    assert f"attention, {second.stem}" in (tmp_path / "both.html").read_text(encoding="utf-8")


def test_compare_reads_the_stream_that_is_chosen(shell, tmp_path, drawn, tiny_run):
    two = several(tmp_path / "two.mkv", sorted((drawn / "videos").glob("*.mp4"))[:2])
    options = ("--device", "cpu", "--source", "centre", "--out", tmp_path / "both", "--json")
    for stream in (0, 1):
        notes = json.loads(shell("compare", tiny_run, two, two, "--stream", stream, *options).out)["notes"]
        assert any(f"and {stream} is read" in note for note in notes)
    assert shell("compare", tiny_run, "sta-synthetic", two, "--stream", 1, *options).code == 0
    done = shell("compare", tiny_run, "sta-synthetic", two, "--stream", 2, *options)
    assert done.code == 2 and "has no video stream 2" in done.err


@pytest.mark.parametrize(
    "more, sentence",
    [
        (("--offset", "9"), "share no moment"),
        (("--view", "wipe"), "do not have the same frames"),
    ],
)
def test_recordings_that_cannot_be_compared_are_one_sentence(shell, drawn, tiny_run, more, sentence):
    first, second = sorted((drawn / "videos").glob("*.mp4"))[:2]
    done = shell("compare", tiny_run, first, second, "--device", "cpu", "--source", "centre", *more)
    assert done.code == 2 and sentence in done.err.splitlines()[-1]


def test_shares_of_a_tracked_face_add_up_to_one(tmp_path, drawn, tiny_run):
    recording = recordings_of(drawn, "test")[0]
    jobs.explain(tiny_run, recording, tmp_path / "out", methods=(), quiet=True)
    shares = pd.read_csv(tmp_path / "out" / "shares.csv")
    seen = shares[shares.valid == 1]
    assert len(seen) and seen[list(REGIONS)].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(seen)), abs=1e-4)
    assert shares[shares.valid == 0][list(REGIONS)].isna().all().all()


def test_evaluate_writes_what_it_promises(shell, tmp_path, drawn, tiny_run):
    done = shell("evaluate", tiny_run, "--data", drawn, "--out", tmp_path / "out", "--json", "--quiet")
    assert done.code == 0 and done.err == ""
    told, kept = json.loads(done.out), json.loads((tmp_path / "out" / "metrics.json").read_text())
    for protocol in ("concatenated", "per_recording"):
        assert set(told[protocol]) == {"rmse", "cc", "ccc"} and told[protocol] == kept[protocol]
        assert all(set(told[protocol][metric]["valence"]) == INTERVAL for metric in told[protocol])
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert list(table.columns) == ["recording", "time", "dimension", "predicted", "gold"] and len(table) == 25
    known = table.dropna()
    assert np.sqrt(((known.predicted - known.gold) ** 2).mean()) == pytest.approx(
        kept["concatenated"]["rmse"]["valence"]["value"], abs=1e-4
    )
    words = shell("evaluate", tiny_run, "--data", drawn, "--quiet")
    first, second = words.out.splitlines()[:2]
    assert first.startswith("Predicted valence agrees with the labels at a CCC of ") and second.endswith(".")
    assert words.code == 0 and "concatenated" in words.out and "1 recordings, 25 frames" in words.out
    assert "crops aligned by the known landmarks" in words.out


def test_the_mirrored_mean_and_the_crops_source_can_be_asked_for(shell, tmp_path, drawn, tiny_run):
    plain, mean = (
        shell("evaluate", tiny_run, "--data", drawn, "--source", "centre", "--json", "--quiet", *more) for more in ((), ("--mirror",))
    )
    assert plain.code == mean.code == 0 and json.loads(plain.out)["concatenated"]["rmse"] != json.loads(mean.out)["concatenated"]["rmse"]
    words = shell("evaluate", tiny_run, "--data", drawn, "--source", "centre", "--quiet")
    assert "the centred square" in words.out and "known landmarks" not in words.out
    video = recordings_of(drawn, "test")[0].video
    done = shell("explain", tiny_run, video, "--out", tmp_path / "out", "--methods", "", "--no-overlay", "--mirror", "--json", "--quiet")
    summary = json.loads(done.out)
    assert done.code == 0 and any("mirror image" in note for note in summary["warnings"]) and "mirror" in summary["provenance"]
    assert "crops aligned by the known landmarks" in (tmp_path / "out" / "report.html").read_text()


def test_progress_goes_to_stderr(shell, drawn, tiny_run):
    done = shell("evaluate", tiny_run, "--data", drawn, "--json")
    assert json.loads(done.out) and "reading the recordings" in done.err and "drawing" not in done.err


def test_synth_writes_a_folder_that_evaluate_reads(shell, tmp_path, tiny_run):
    words = (
        "synth",
        tmp_path / "faces",
        "--recordings",
        "3",
        "--seconds",
        "1.6",
        "--size",
        "64x64",
        "--fps",
        "12.5",
        "--scenario",
        "mouth",
    )
    done = shell(*words, "--scenario", "eyes", "--seed", "2", "--quiet")
    assert (done.code, done.out.strip(), done.err) == (0, str(tmp_path / "faces"), "")
    for part, suffix in (("videos", "mp4"), ("labels", "csv"), ("raters/valence", "csv"), ("truth", "npz")):
        assert len(list((tmp_path / "faces" / part).glob(f"*.{suffix}"))) == 3
    assert json.loads((tmp_path / "faces" / "dataset.json").read_text())["spec"]["scenarios"] == ["mouth", "eyes"]
    assert shell("evaluate", tiny_run, "--data", tmp_path / "faces", "--quiet").code == 0


@pytest.fixture
def tiny_demo(monkeypatch):
    """The demo, small enough for a test: the same ways, fewer and shorter recordings."""
    module = importlib.import_module("stavis.jobs.demo")  # the name in the package is the function
    monkeypatch.setattr(module, "EMBEDDED", TINY_SPEC)
    monkeypatch.setattr(module, "PLAN", TrainingConfig(steps=9, batch=2, seconds=0.96, epoch=9))


@pytest.mark.slow
def test_the_demo_goes_from_nothing_to_a_page(shell, tmp_path, tiny_demo):
    done = shell("demo", "--out", tmp_path / "demo", "--steps", "2", "--recordings", "8", "--json", "--device", "cpu")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told == json.loads((tmp_path / "demo" / "demo.json").read_text())
    assert {"seconds", "ccc", "ccc_low", "ccc_high", "mouth_cue_correlation", "cue_density", "device"} <= set(told)
    assert told["device"] == "cpu" and told["seconds"] > 0 and all(isinstance(told[name], float) for name in ("ccc", "cue_density"))
    page = (tmp_path / "demo" / "report.html").read_text()
    assert "How good the network is" in page and "Against the truth" in page and "http://" not in page.split("<body", 1)[0]
    assert {"data", "run", "evaluation", "shown", "explanation", "report.html", "demo.json"} == {
        path.name for path in (tmp_path / "demo").iterdir()
    }
    assert "training" in done.err  # the progress bars
    again = shell("demo", "--out", tmp_path / "demo")
    assert again.code == 2 and "not empty" in again.err


@pytest.mark.slow
def test_train_writes_a_run_that_can_be_named_and_resumed(shell, tmp_path, drawn):
    words = ("train", "--data", drawn, "--out", tmp_path / "run", "--steps", "2", "--batch", "1", "--device", "cpu", "--quiet")
    done = shell(*words)
    assert done.code == 0 and "after 2 steps" in done.out, done.err
    written = {path.name for path in (tmp_path / "run").iterdir() if not path.name.startswith(".")}  # the lock of its writer stays
    assert written == {"best", "last", "log.csv", "plan.json", "resume.ckpt"}
    weights = (tmp_path / "run" / "last" / "model.safetensors").read_bytes()
    taken = shell(*words)
    assert taken.code == 2 and "--resume" in taken.err
    assert shell(*words, "--resume").code == 0
    assert (tmp_path / "run" / "last" / "model.safetensors").read_bytes() == weights
    card = (tmp_path / "run" / "best" / "README.md").read_text()
    assert "only ever seen synthetic faces" in card and "Intended use" in card
    assert shell("evaluate", tmp_path / "run", "--data", drawn, "--quiet").code == 0


@pytest.mark.slow
def test_train_begins_with_the_weights_of_another_network(shell, tmp_path, drawn, tiny_run):
    words = ("train", "--data", drawn, "--steps", "1", "--batch", "1", "--device", "cpu", "--quiet")
    done = shell(*words, "--init-from", tiny_run, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    begun = load_checkpoint(tiny_run)
    info = json.loads((tmp_path / "run" / "best" / "config.json").read_text())
    assert info["start"]["weights_sha256"] == begun.hash and info["config"]["hidden"] == begun.model.config.hidden
    for option, value in (("--system", "cnn3d"), ("--preset", "paper")):
        refused = shell(*words, "--init-from", tiny_run, option, value, "--out", tmp_path / "other")
        assert refused.code == 2 and f"leave out {option[2:]} {value}, or init_from" in refused.err
    missing = shell(*words, "--init-from", tmp_path / "none", "--out", tmp_path / "other")
    assert missing.code == 2 and "is no checkpoint" in missing.err
    assert not (tmp_path / "other").exists()


def test_verify_holds_within_the_tolerance_and_fails_where_a_metric_differs_by_more(shell, tmp_path, tiny_run):
    spec = {"faces": SyntheticConfig(recordings=2, seconds=2.0, fps=6.25, size=(64, 64), shares=(0.0, 0.0, 1.0), seed=7).as_dict()}
    figures = measure(tiny_run, spec, device="cpu", quiet=True)
    run = describe(tiny_run, tmp_path / "described", figures=figures, evaluated_on=spec, measured_on=machine("cpu"))
    done = shell("verify", run, "--json", "--quiet")
    rows = json.loads(done.out)
    assert done.code == 0 and len(rows) == len(figures["faces"]) > 3 and all(row["same"] for row in rows)
    shutil.copytree(run, tmp_path / "other")
    info = json.loads((run / "config.json").read_text())
    info["figures"]["faces"]["ccc"] += 0.003
    (tmp_path / "other" / "config.json").write_text(json.dumps(info))
    done = shell("verify", tmp_path / "other", "--json", "--quiet")
    assert done.code == 1 and [row["metric"] for row in json.loads(done.out) if not row["same"]] == ["ccc"]


def test_lab_opens_copies_on_this_machine_only_and_keeps_older_ones(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(os, "execv", lambda program, words: started.append(words))
    monkeypatch.chdir(tmp_path)
    batch.copy_notebooks("stavis-notebooks")
    (tmp_path / "stavis-notebooks" / "train.ipynb").write_text("mine")
    monkeypatch.setattr("sys.argv", ["stavis", "lab"])
    with pytest.raises(SystemExit) as end:
        stavis.cli.main()
    assert not end.value.code and "--ServerApp.ip=127.0.0.1" in started[0] and started[0][-1] == "stavis-notebooks"
    assert {"train.ipynb", "evaluate.ipynb", "explore.ipynb"} <= {path.name for path in (tmp_path / "stavis-notebooks").iterdir()}
    assert (tmp_path / "stavis-notebooks" / "train.ipynb").read_text() == "mine"
