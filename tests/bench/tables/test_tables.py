"""The bench of the named contrasts, end to end on a few tiny faces: what it writes, that it goes on, and its page from its JSON alone."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

import stavis
from stavis.bench import bench as runner
from stavis.bench import runs as bench_runs
from stavis.bench.contrasts import CONTRASTS, Contrast
from stavis.bench.plan import RECIPES
from stavis.bench.scenarios import SCENARIOS, BenchScenario
from stavis.bench.tables.page import tables_page
from stavis.bench.tables.result import summary_of
from stavis.bench.tables.run import PILOT_SEEDS, TablesConfig, config_of, run_tables, tasks_of
from stavis.errors import StavisError
from stavis.models.published import TABLE_ROWS
from stavis.storage.files import write_json

TINY = {"train": 6, "dev": 2, "test": 6, "settings": {"seconds": 1.6, "size": (64, 64), "rater_noise": 0.02}}
FIRST = BenchScenario("first", ("switching",), ("bovw-svr", "bovw-lstm"), seed=9, **TINY)
SECOND = BenchScenario("second", ("mouth",), ("sta", "sta-shuffled", "cnn3d"), seed=8, caps={"sta": 100, "cnn3d": 100}, **TINY)
CONFIG = TablesConfig(
    seeds=2, scale=0.01, device="cpu", scenarios=(FIRST, SECOND),
    contrasts=(
        Contrast("first", "bovw-svr", "bovw-lstm", "a memory", "there is time"),
        Contrast("second", "cnn3d", "sta", "attention", "the mouth alone shows the value"),
        Contrast("second", "sta-shuffled", "sta", "attention in its order", "it moves", paired=True),
    ),
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def small_batches():
    """Clips are trained in batches of two short windows: these tests are of the bench and not of what networks learn."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("sta", "cnn3d"):
            recipe = RECIPES["contrasts"][name]
            clips = dataclasses.replace(recipe.clips, batch=2, seconds=0.96)
            patch.setitem(RECIPES["contrasts"], name, dataclasses.replace(recipe, clips=clips))
        yield


@pytest.fixture(scope="module")
def finished(small_batches, tmp_path_factory):
    """A bench of two scenarios with two seeds. Copy what is to be changed."""
    return runner.tables(tmp_path_factory.mktemp("tables") / "out", CONFIG, jobs=1, quiet=True)


def test_a_bench_of_the_contrasts_writes_what_others_rely_on(finished):
    told = json.loads((finished.folder / "bench.json").read_text())
    assert finished.failures == () and told["failures"] == []
    assert {"machine", "command", "contrasts", "rows", "plan", "provenance", "counts", "systems", "by_scenario"} <= set(told)
    keys = {"scenario", "better", "worse", "difference", "low", "high", "p_holm", "recordings", "seeds", "detectable"}
    assert [one["scenario"] for one in told["contrasts"]] == ["first", "second", "second"]
    assert all(keys <= set(one) and one["recordings"] == 6 and one["seeds"] == 2 for one in told["contrasts"])
    assert all(one["verdict"] == "undecided" and "2 seeds" in one["sentence"] for one in told["contrasts"])
    assert [(row["scenario"], row["system"]) for row in told["rows"]] == [
        ("first", "bovw-svr"), ("first", "bovw-lstm"), ("second", "cnn3d"), ("second", "sta"), ("second", "sta-shuffled"),
    ]  # fmt: skip
    for row in told["rows"]:
        assert len(row["ccc_of_seeds"]) == 2 and 0 <= row["steps"] <= max(row["cap"], 0)
        assert row["cpu_seconds"] > 0 if row["steps"] else row["cpu_seconds"] >= 0, row  # a quick clock reads 0 in a small regression
    assert told["references"]["first"]["oracle"] > 0.9 and told["counts"]["second"]["test"]["recordings"] == 6
    assert len(told["pilot"]) == 4 and "is shown in 80 % of benches" in told["pilot"][0]


def test_the_dearer_row_is_trained_again_at_the_compute_of_the_cheaper_one(finished):
    told = finished.summary["contrasts"]
    rows = {one["system"]: one for one in finished.summary["rows"]}
    dearer, cheaper = ("sta", "cnn3d") if rows["sta"]["cpu_seconds"] > rows["cnn3d"]["cpu_seconds"] else ("cnn3d", "sta")
    equal = told[1]["equal_compute"]
    assert f"{dearer}@{cheaper}" in (equal["better"], equal["worse"]) and cheaper in (equal["better"], equal["worse"])
    again = bench_runs.Run(finished.folder / "second", f"{dearer}@{cheaper}", 0).result()
    assert again["cap"] <= rows[dearer]["cap"]
    assert told[2]["equal_compute"]["better"] == "sta" and told[2]["equal_compute"]["difference"] == told[2]["difference"]


def test_shuffled_attention_is_read_from_the_networks_of_its_row(finished):
    folder = finished.folder / "second"
    own, shuffled = (bench_runs.Run(folder, name, 1) for name in ("sta", "sta-shuffled"))
    assert not (shuffled.home / "run").exists() and shuffled.result()["steps"] == own.result()["steps"]
    one, other = own.predictions(), shuffled.predictions()
    assert one.gold.equals(other.gold) and not np.allclose(one.predicted, other.predicted, equal_nan=True)
    assert np.array_equal(one.predicted, one.raw, equal_nan=True), "nothing is post-processed: a shift in time would be a memory"


def test_what_is_done_is_not_done_again_and_a_killed_bench_goes_on(finished, tmp_path, monkeypatch):
    out = shutil.copytree(finished.folder, tmp_path / "out")
    shutil.rmtree(out / "second" / "units" / "sta" / "seed-1" / "result")
    shutil.rmtree(out / "second" / "units" / "sta-shuffled" / "seed-1")
    (out / "bench.json").unlink()
    trained = []
    monkeypatch.setattr(bench_runs, "train_system", lambda *a, real=bench_runs.train_system: trained.append(a[1:3]) or real(*a))
    again = runner.tables(out, CONFIG, jobs=1, quiet=True)
    assert trained == [("sta", 1)]
    ccc = {(one["scenario"], one["system"]): one["ccc_of_seeds"] for one in again.summary["rows"]}
    assert ccc == {(one["scenario"], one["system"]): one["ccc_of_seeds"] for one in finished.summary["rows"]}


def test_another_plan_is_refused_and_more_seeds_are_not(finished, tmp_path):
    out = shutil.copytree(finished.folder, tmp_path / "out")
    with pytest.raises(StavisError, match=r"begun with another plan \(scale, training of .* differ\)"):
        runner.tables(out, dataclasses.replace(CONFIG, scale=0.5), jobs=1, quiet=True)
    other = dataclasses.replace(FIRST, seed=10)
    with pytest.raises(StavisError, match="data of first"):
        runner.tables(out, dataclasses.replace(CONFIG, scenarios=(other, SECOND)), jobs=1, quiet=True)
    more = dataclasses.replace(CONFIG, seeds=3, scenarios=(FIRST,), contrasts=CONFIG.contrasts)
    with_more = tasks_of(out, more, "all")
    assert [task.seed for wave in with_more for task in wave if not task.done and hasattr(task, "seed")] == [2, 2]


def test_the_rows_of_the_contrasts_come_first_and_their_page_before_the_others(finished, tmp_path):
    out = shutil.copytree(finished.folder, tmp_path / "out")
    first_alone = dataclasses.replace(CONFIG, contrasts=CONFIG.contrasts[:1])
    write_json(out / "tables.json", first_alone.as_json())
    for name in ("first", "second"):
        shutil.rmtree(out / name / "units")
    order: list[str] = []
    run_tables(
        out, first_alone, lambda tasks: [order.append(task.folder.name) for task in tasks], contrasts_known=lambda: order.append("known")
    )
    known = order.index("known")
    assert set(order[:known]) == {"first"} and "second" in order[known:]


def test_what_is_not_trained_yet_is_one_sentence_and_no_failure(finished, tmp_path):
    out = shutil.copytree(finished.folder, tmp_path / "out")
    shutil.rmtree(out / "second" / "units" / "cnn3d" / "seed-1")
    shutil.rmtree(out / "second" / "units" / "sta-shuffled")
    told, _ = summary_of(out, CONFIG)
    assert told["failures"] == []
    assert told["waiting"] == [
        {"scenario": "second", "system": "cnn3d", "seeds": 1}, {"scenario": "second", "system": "sta-shuffled", "seeds": 2},
    ]  # fmt: skip
    page = tables_page(told).html()
    assert page.count("Not measured yet, or not with every seed: second: cnn3d, sta-shuffled.") == 1
    assert finished.missing == "" and finished.summary["waiting"] == []


def test_the_page_is_made_again_from_the_json_alone(finished, tmp_path, shell):
    done = shell("bench", "--page-from", finished.folder / "bench.json", "--out", tmp_path / "again", "--quiet")
    assert done.code == 0 and "undecided" in done.out
    page = (tmp_path / "again" / "bench.html").read_text()
    assert "What does each part of the architecture buy, and when?" in page and "where attention gains most" in page
    assert {path.name for path in (tmp_path / "again").iterdir()} == {"bench.html", "bench.tex", "contrasts.csv", "scores.csv"}
    assert "/tmp" not in page and tables_page(finished.summary).title in page
    assert runner.bench_report(finished.folder).title == tables_page(finished.summary).title
    assert list(finished.contrasts().verdict) == ["undecided"] * 3 and len(finished.scores()) == 5
    with pytest.raises(StavisError, match=r"is no bench.json of the named contrasts"):
        (tmp_path / "other.json").write_text("{}")
        stavis.bench(tmp_path / "x", page_from=tmp_path / "other.json")
    with pytest.raises(StavisError, match="leave data, quick and scheduler out"):
        stavis.bench(tmp_path / "x", "some data", page_from=finished.folder / "bench.json")
    with pytest.raises(StavisError, match=r"cut.json is damaged or of another version"):
        (tmp_path / "cut.json").write_text(json.dumps({"kind": "contrasts", "failures": []}))
        stavis.bench(tmp_path / "x", page_from=tmp_path / "cut.json")


def test_the_bench_without_a_data_set_is_the_four_contrasts_and_their_mixture():
    assert [one.name for one in SCENARIOS] == [*dict.fromkeys(one.scenario for one in CONTRASTS), "mixed"]
    for one in SCENARIOS:
        named = {name for contrast in CONTRASTS if contrast.scenario == one.name for name in (contrast.worse, contrast.better)}
        assert named <= set(one.systems) and one.test >= 200 and dict(one.settings).get("seconds", 10.0) == 10.0
    config = config_of(TABLE_ROWS, None, 1.0, False, "valence", "auto")
    assert config.seeds >= 5 and config.rows(SCENARIOS[-1]) == SCENARIOS[-1].systems
    assert len({one.seed for one in SCENARIOS}) == len(SCENARIOS), "no two data sets show the same people"
    assert PILOT_SEEDS == 2 and config_of(("sta",), 5, 1.0, False, "valence", "auto").rows(SCENARIOS[1]) == ()


def test_quick_says_that_it_proves_nothing_and_is_small():
    quick = config_of(TABLE_ROWS, None, 1.0, True, "valence", "auto")
    assert quick.seeds == 2 and quick.scale < 0.5 and all(one.test < 50 for one in quick.scenarios[:0] or [])
    rows = {one.name: quick.rows(one) for one in SCENARIOS}
    assert rows["mixed"] == () and set(rows["places"]) == {"cnn3d", "sta"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 0}, "0 seeds cannot be trained"),
        ({"scale": 0.0}, "a scale of 0.0"),
        ({"dimension": "arousal"}, "has no arousal"),
        ({"fill": "zero", "delay": 1.0}, "delay, fill cannot be chosen without a data set"),
        ({"systems": "resnet"}, "no system 'resnet'"),
    ],
)
def test_a_bench_that_cannot_be_is_refused_in_one_sentence(tmp_path, options, message):
    with pytest.raises(StavisError, match=message):
        stavis.bench(tmp_path / "out", quiet=True, **options)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StavisError, match="is no bench of the contrasts"):
        runner.tables(tmp_path, CONFIG, jobs=1, quiet=True)
    with pytest.raises(StavisError, match="quick is for"):
        stavis.bench(tmp_path / "out", tmp_path, quick=True, quiet=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
