"""Keys: what a report is made from decides whether it is made again."""

import json

import nbformat
import pytest

from stavis.batch import plan as module


@pytest.fixture
def keys(home):
    def read(**changes) -> dict[str, str]:
        return {one.id: one.key for one in home.plan(**changes).reports}

    return read


def test_the_same_study_has_the_same_keys(keys):
    assert keys() == keys(timeout=5, title="other words", output_mb=3)


def test_a_changed_video_changes_its_own_reports(keys, home):
    before = keys(vary={"count": [1, 2]})
    (home.folder / "videos" / "rec01.mp4").write_bytes(b"another film")
    after = keys(vary={"count": [1, 2]})
    changed = [name for name in before if before[name] != after[name]]
    assert before.keys() == after.keys() and len(changed) == 2 and all(name.startswith("rec01") for name in changed)


def test_changed_labels_change_the_reports_of_their_video(keys, home):
    before = keys()
    (home.folder / "labels").mkdir(exist_ok=True)
    (home.folder / "labels" / "rec01.csv").write_text("time,valence\n0,0\n1,1\n")
    after = keys()
    assert [name.split("-")[0] for name in before if before[name] != after[name]] == ["rec01"]
    assert [bool(one.labels) for one in home.plan().reports] == [False, True, False]


def test_a_video_that_is_a_link_keeps_its_labels(home):
    film = home.folder / "videos" / "rec01.mp4"
    film.rename(home.folder / "elsewhere.mp4")
    film.symlink_to(home.folder / "elsewhere.mp4")
    (home.folder / "labels").mkdir()
    (home.folder / "labels" / "rec01.csv").write_text("time,valence\n0,0\n1,1\n")
    assert [bool(one.labels) for one in home.plan().reports] == [False, True, False]


def test_a_video_that_is_only_touched_changes_nothing(keys, home):
    before = keys()
    (home.folder / "videos" / "rec01.mp4").touch()
    assert keys() == before


def test_a_changed_parameter_changes_its_own_reports(keys):
    before, after = keys(vary={"count": [1, 2]}), keys(vary={"count": [2, 3]})
    assert len(before.keys() & after.keys()) == 3 and all(before[name] == after[name] for name in before.keys() & after.keys())
    assert not set(keys(parameters={"text": "other"}).values()) & set(keys().values())


def test_a_changed_notebook_changes_all_and_its_outputs_none(keys, home):
    before = keys()
    path = home.folder / "tiny.ipynb"
    node = nbformat.read(path, 4)
    node.cells[2].outputs = [nbformat.v4.new_output("stream", text="shown")]
    node.cells[2].execution_count = 3
    nbformat.write(node, path)
    assert keys() == before
    node.cells[2].source += "\n1 + 1"
    nbformat.write(node, path)
    assert not set(keys().values()) & set(before.values())


def test_a_changed_checkpoint_or_version_changes_all(keys, home, monkeypatch):
    run = home.folder / "runs" / "first"
    run.mkdir(parents=True)
    (run / "config.json").write_text("{}")
    before = keys(parameters={"text": "./runs/first"})
    assert before == keys(parameters={"text": "runs/first"})  # a path that is there is one without ./ too
    (run / "config.json").write_text(json.dumps({"hidden": 3}))
    changed = keys(parameters={"text": "./runs/first"})
    assert not set(changed.values()) & set(before.values())
    monkeypatch.setattr(module, "package_version", lambda: "99")
    assert not set(keys(parameters={"text": "./runs/first"}).values()) & set(changed.values())


def test_names_of_folders_are_plain_and_short_whatever_the_recording_is_called(home):
    for name in ('it\'s "a" <b>.mp4', "two\nlines.mp4", "表情.mp4", "-rf.mp4", "x" * 200 + ".mp4", "{{video}}.mp4"):
        (home.folder / "videos" / name).write_bytes(b"x")
    reports = home.plan().reports
    assert len(reports) == 9 == len({one.id for one in reports})
    assert all(len(one.id) <= 60 and one.id.replace("-", "").replace("_", "").replace(".", "").isalnum() for one in reports)
    assert all(not one.id.startswith(("-", ".")) for one in reports)


def test_an_unreadable_recording_stops_no_plan(home):
    (home.folder / "videos" / "rec01.mp4").write_bytes(b"")
    before = home.plan().reports
    assert len(before) == 3
    (home.folder / "videos" / "rec01.mp4").write_bytes(b"mended")
    assert home.plan().reports[1].key != before[1].key
