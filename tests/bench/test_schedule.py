"""The order of a bench's tasks, and rows that are read or trained again."""

from pathlib import Path

import pytest
import torch
from distributed import LocalCluster

from stavis.bench import schedule
from stavis.bench.plan import BenchConfig
from stavis.bench.rows import row_named
from stavis.bench.runs import Run
from stavis.bench.schedule import in_processes, merged, on_cluster, run_all, waves
from stavis.bench.search import Search
from stavis.bench.shuffled import shuffled_in_time
from stavis.errors import StavisError
from stavis.models.sta import PRESETS, STA
from stavis.storage.files import read_json, write_json

PLAN = BenchConfig("faces", "hash", ("cnn-rnn-1s", "sta", "bovw-svr"), seeds=2)


def place(waves_found: list, name: str, kind: type) -> int:
    return next(k for k, wave in enumerate(waves_found) for task in wave if isinstance(task, kind) and task.system == name)


def test_what_others_are_built_on_comes_before_them():
    found = waves(Path("bench"), PLAN, ("cnn-rnn-1s", "sta", "sta-shuffled", "bovw-svr"))
    assert place(found, "cnn", Search) < place(found, "cnn", Run) < place(found, "cnn-rnn-1s", Search) < place(found, "cnn-rnn-1s", Run)
    assert place(found, "sta", Run) < place(found, "sta-shuffled", Run)
    tasks = [task for wave in found for task in wave]
    assert len(tasks) == len(set(tasks)) and not any(
        isinstance(task, Search) and task.system in ("bovw-svr", "sta-shuffled") for task in tasks
    )
    assert sum(isinstance(task, Run) for task in tasks) == 2 * 5
    both = merged([found, waves(Path("other"), PLAN, ("sta",))])
    assert len(both) == len(found) and sum(map(len, both)) == len(tasks) + 3


def test_the_rows_say_what_they_need():
    assert row_named("sta-shuffled").needs == ("sta",) and row_named("cnn-rnn-4s").needs == ("cnn",) and row_named("sta").needs == ()
    again = row_named("sta@cnn3d")
    assert again.needs == ("sta", "cnn3d") and again.system == "sta" and "at the compute of cnn3d" in again.text
    with pytest.raises(StavisError, match="no row 'sta@resnet'"):
        row_named("sta@resnet")


class Counted:
    """A task that is done by doing it."""

    def __init__(self, home: Path):
        self.home, self.failure = home, None

    @property
    def done(self) -> bool:
        return (self.home / "done").exists()

    def work(self) -> None:
        (self.home / "done").write_text("")


def test_only_what_is_not_done_is_done_and_counted(tmp_path):
    tasks = [[Counted(tmp_path / name) for name in ("a", "b")], [Counted(tmp_path / "c")]]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "done").write_text("")
    seen = []
    run_all(tasks, in_processes(1), lambda done, total: seen.append((done, total)))
    assert all(task.done for wave in tasks for task in wave) and seen[-1] == (3, 3) and seen[0] == (1, 3)


def test_a_dask_scheduler_does_the_tasks(tmp_path):
    tasks = [[Counted(tmp_path / name) for name in ("a", "b")], [Counted(tmp_path / "c")]]
    local = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None)
    with local as cluster, on_cluster(cluster.scheduler_address) as doing:
        run_all(tasks, doing)
    assert all(task.done for wave in tasks for task in wave)


def test_no_scheduler_is_one_sentence(monkeypatch):
    monkeypatch.setattr(schedule, "CONNECT_SECONDS", 0.2)
    with pytest.raises(StavisError, match="no scheduler answers at tcp"), on_cluster("tcp://127.0.0.1:9"):
        pass


def test_attention_shuffled_in_time_is_the_same_maps_at_other_frames():
    torch.manual_seed(0)
    model = STA(PRESETS["small"]).eval()
    frames = torch.rand(1, 12, 3, 64, 64)
    seen = []
    handle = model.attend.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[1].detach().clone()))
    with torch.inference_mode():
        before = model(frames)
        with shuffled_in_time(model, 3):
            model(frames)
        after = model(frames)
    handle.remove()
    own, shuffled, again = seen
    assert torch.equal(before, after) and torch.equal(own, again), "nothing is left behind"
    order = [int((own[0] == one).flatten(1).all(1).nonzero()[0, 0]) for one in shuffled[0]]
    assert sorted(order) == list(range(12)) and order != list(range(12))


@pytest.mark.parametrize(
    ("reached", "rate", "augment"),
    [((0.02, 0.04, 0.01, 0.06), 1.0, 0.0), ((0.02, 0.5, None, 0.4), 1 / 3, 0.0), ((None, None, 0.3, 0.4), 3.0, 0.3)],
)
def test_the_recipe_stands_where_no_trial_gains_enough(tmp_path, reached, rate, augment):
    search = Search(tmp_path, "sta")
    found = 3.0 if rate == 3.0 else 1 / 3
    tried = [(1.0, 0.0), (1 / 3, 0.0), (3.0, 0.0), (found, 0.3)]
    for number, (of, ccc) in enumerate(zip(tried, reached, strict=True)):
        write_json(search.home / f"trial-{number}.json", {"rate": of[0], "augment": of[1], "dev_ccc": ccc})
    search.work()
    chosen = read_json(search.home / "choice.json")
    assert (chosen["rate"], chosen["augment"]) == (rate, augment)
