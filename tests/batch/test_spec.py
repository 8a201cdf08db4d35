"""Specs: what is read, and one sentence with file, line and field for everything else."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from stavis.batch.shipped import shipped_notebooks, shipped_specs
from stavis.batch.spec import StudyConfig, read_config
from stavis.batch.study import plan_study
from stavis.errors import StavisError
from tests.batch.conftest import write_notebook

LAUGHS = "a: &a [ha, ha]\nb: &b [*a, *a]\nnotebook: explore\n"
BAD = {
    # what is wrong: (text, what is said)
    "a tab": ("notebook: tiny.ipynb\nparameters:\n\ttext: a\n", "line 3: a tab: indent with spaces"),
    "a key twice": ("notebook: a\ntitle: b\nnotebook: c\n", "line 3: the key 'notebook' stands there twice"),
    "a deep key twice": ("notebook: a\nparameters:\n  x: 1\n  x: 2\n", "line 4: the key 'x' stands there twice"),
    "an alias": (LAUGHS, "line 2: the alias *a"),
    "a merge": ("a: {b: 1}\n<<: {notebook: c}\n", "line 2"),
    "an object": ("notebook: !!python/object/apply:os.system ['true']\n", "line 1"),
    "too deep": ("notebook: " + "[" * 5000, "spec.yaml"),
    "empty": ("", "holds no fields"),
    "a list": ("- notebook\n", "holds no fields"),
    "no notebook": ("title: a\n", "notebook: is missing"),
    "unknown field": ("notebook: explore\ncolour: red\n", "line 2: colour: is no field"),
    "wrong kind": ("notebook: explore\ntimeout: soon\n", "line 2: timeout"),
    "no time": ("notebook: explore\ntimeout: 0\n", "line 2: timeout"),
    "a list for a value": ("notebook: explore\nparameters:\n  run: [a]\n", "line 3: parameters.run: is a list: give text (in quotes)"),
    "not finite": ("notebook: explore\ntimeout: .nan\n", "line 2: timeout"),
    "a value twice": ("notebook: explore\nvary:\n  run: [a, a]\n", "vary.run names a value twice"),
    "set and varied": ("notebook: explore\nparameters: {run: a}\nvary: {run: [b]}\n", "parameters and in vary"),
    "nothing to vary": ("notebook: explore\nvary: {run: []}\n", "line 2: vary.run"),
    "two sources": ("notebook: explore\nrecordings: {glob: a, csv: b}\n", "exactly one of"),
    "no source": ("notebook: explore\nrecordings: {parameter: video}\n", "exactly one of"),
    "split of a glob": ("notebook: explore\nrecordings: {glob: a, split: test}\n", "split goes with"),
    "not YAML": ("notebook: 'explore\n", "line"),
    "control characters": ("notebook: a\x00b\n", "not YAML"),
}  # fmt: skip


def refused(call, said: str) -> str:
    """The law of bad input: one sentence that tells what was wrong."""
    with pytest.raises(StavisError) as error:
        call()
    told = " ".join(str(error.value).split())
    assert said in told and told.endswith((".", ")")) and len(told) < 900
    return told


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_spec_is_one_sentence_with_its_line(tmp_path, kind):
    text, said = BAD[kind]
    (tmp_path / "spec.yaml").write_text(text)
    assert str(tmp_path / "spec.yaml") in refused(lambda: read_config(tmp_path / "spec.yaml"), said)


def test_a_spec_that_is_no_readable_file_is_one_sentence(tmp_path):
    refused(lambda: read_config(tmp_path / "none.yaml"), "is no file")
    refused(lambda: read_config(tmp_path), "is no file")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00a")
    refused(lambda: read_config(tmp_path / "binary.yaml"), "not UTF-8")
    (tmp_path / "big.yaml").write_text("#" * (2 << 20))
    refused(lambda: read_config(tmp_path / "big.yaml"), "larger than 1 MB")


def test_a_billion_laughs_are_refused_in_no_time(tmp_path):
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (tmp_path / "spec.yaml").write_text("\n".join(lines))
    refused(lambda: read_config(tmp_path / "spec.yaml"), "aliases are not read")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("notebkvary:[]{}-\"'&*!|>%@ \t\n#,.<0")) | st.binary(max_size=60))
def test_whatever_stands_in_a_spec_it_is_read_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(text if isinstance(text, bytes) else ("notebook: a\n" + text).encode())
    try:
        assert isinstance(read_config(path), StudyConfig)
    except StavisError as error:
        assert str(path) in str(error)


def test_the_ready_specs_can_be_read():
    from tests.conftest import ROOT

    specs = {path.stem: read_config(path) for path in sorted((ROOT / "reports").glob("*.yaml"))}
    assert {"demo", "study", "bench"} <= set(specs)
    for name in ("study", "bench"):
        assert plan_study(ROOT / "reports" / f"{name}.yaml", quiet=True).reports


def test_a_shipped_spec_is_run_by_its_name_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert {"demo", "study", "bench"} <= set(shipped_specs()) and not set(shipped_specs()) & set(shipped_notebooks())
    plan = plan_study("study", quiet=True)
    assert plan.spec.title == read_config(shipped_specs()["study"]).title and len(plan.reports) == 3
    assert plan.job.out == tmp_path / "reports" / "out" / "study"
    with pytest.raises(StavisError, match=r"reports/study\.yaml is no file: .* or a name: bench, demo, study\."):
        plan_study("reports/study.yaml", quiet=True)


WRONG = {
    # what is wrong with a spec that is YAML: (its changes, what is said)
    "unknown parameter": ({"parameters": {"colour": 1}}, "has no parameter 'colour' (it has video, text, mode, pause, count)"),
    "unknown varied one": ({"vary": {"colour": [1]}}, "has no parameter 'colour'"),
    "text for a number": ({"parameters": {"count": "many"}}, "parameter 'count' of tiny.ipynb is 'many', expected a whole number"),
    "a fraction for a whole": ({"vary": {"count": [1, 1.5]}}, "is 1.5, expected a whole number"),
    "not a finite number": ({"parameters": {"pause": float("nan")}}, "is '.nan', expected a number"),
    "text in quotes for a number": ({"parameters": {"count": "3"}}, "is '3', expected a whole number"),
    "a value varied twice": ({"vary": {"pause": [1, 1.0]}}, "vary.pause names a value of tiny.ipynb twice"),
    "nothing matches": ({"recordings": "films/*.mp4"}, "nothing matches films/*.mp4"),
    "no place for it": ({"recordings": {"glob": "videos/*", "parameter": "film"}}, "has no parameter 'film'"),
    "the recordings' own": ({"parameters": {"video": "a"}}, "takes the recordings"),
    "a missing file": ({"parameters": {"text": "./nowhere.csv"}}, "does not exist"),
    "a missing input": ({"recordings": None, "parameters": {"video": "nowhere.mp4"}}, "does not exist"),
    "no notebook": ({"notebook": "huge.ipynb"}, "is not there"),
    "no kernel": ({"notebook": "foreign.ipynb"}, "wants the kernel 'klingon'"),
    "no parameters": ({"notebook": "plain.ipynb"}, "tag a cell `parameters`"),
    "no notebook's content": ({"notebook": "noise.ipynb"}, "cannot be read as a notebook"),
    "no table": ({"recordings": {"csv": "none.csv"}}, "none.csv does not exist"),
    "a row twice": ({"recordings": {"csv": "twice.csv"}}, "line 3: rec00.mp4 is there already"),
    "a row's file missing": ({"recordings": {"csv": "missing.csv"}}, "line 2"),
    "no column": ({"recordings": {"csv": "column.csv"}}, "the column 'recording' is missing"),
    "no folder": ({"recordings": {"folder": "nowhere"}}, "does not exist"),
    "no place to publish": ({"publish": "ftp://a/b"}, "papermill cannot write to"),
    "too many": ({"vary": {"count": list(range(1000)), "pause": [float(n) for n in range(1000)]}}, "more than 200000"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG)
def test_what_does_not_fit_is_said_before_anything_runs(home, kind):
    write_notebook(home.folder / "foreign.ipynb", kernel="klingon")
    write_notebook(home.folder / "plain.ipynb", parameters="")
    (home.folder / "noise.ipynb").write_bytes(b"\x89PNG")
    (home.folder / "twice.csv").write_text("recording\nvideos/rec00.mp4\nvideos/rec00.mp4\n")
    (home.folder / "missing.csv").write_text("recording\nvideos/gone.mp4\nvideos/rec00.mp4\n")
    (home.folder / "column.csv").write_text("film\nvideos/rec00.mp4\n")
    changes, said = WRONG[kind]
    refused(lambda: home.plan(**changes), said)
    assert not home.out.exists()


def test_recordings_come_from_patterns_tables_and_folders(home, drawn):
    assert [one.recording for one in home.plan().reports] == ["rec00", "rec01", "rec02"]
    twice = home.plan(recordings=["videos/*.mp4", "videos/rec01*"])
    assert [one.recording for one in twice.reports] == ["rec00", "rec01", "rec02"]
    (home.folder / "list.csv").write_text("recording,note\nvideos/rec02.mp4,a\nvideos/rec00.mp4,b\n")
    assert [one.recording for one in home.plan(recordings={"csv": "list.csv"}).reports] == ["rec02", "rec00"]
    test = home.plan(recordings={"folder": str(drawn), "split": "test"}).reports
    assert len(test) == 1 and test[0].labels.endswith(".csv") and len(home.plan(recordings={"folder": str(drawn)}).reports) == 3


def test_a_grid_is_every_setting_of_every_recording(home):
    plan = home.plan(vary={"count": [1, 2], "text": ["a", "b", "c"]}, parameters={"pause": 0})
    assert len(plan.reports) == 3 * 2 * 3 == len({one.id for one in plan.reports}) == len({one.key for one in plan.reports})
    assert {one.parameters["pause"] for one in plan.reports} == {0.0}
    assert list(plan.table().columns) == ["id", "recording", "count", "text"]


def test_a_notebook_over_a_pattern_needs_no_spec(home, monkeypatch):
    monkeypatch.chdir(home.folder)
    plan = plan_study("tiny.ipynb", over=["videos/rec0[01].mp4"], parameters={"count": "3", "text": "a: b"}, quiet=True)
    assert [one.parameters["count"] for one in plan.reports] == [3, 3] and plan.reports[0].parameters["text"] == "a: b"
    assert plan.job.out == home.folder / "reports" / "out" / "tiny"
    assert yaml.safe_load("a: b") != "a: b"  # which is why text is not always what YAML makes of it
